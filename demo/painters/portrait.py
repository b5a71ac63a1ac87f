"""Portraits: long necks, almond eyes, a face of two planes."""

from __future__ import annotations

import numpy as np

from demo.painters.canvas import (
    Color,
    Colors,
    Field,
    Points,
    Random,
    axes,
    blend,
    brushwork,
    curve,
    field,
    fill,
    lay,
    line,
    mottle,
    polygon,
    soften,
    step,
    waver,
)


def _oval(cx: float, cy: float, rx: float, ry: float, tilt: float, jaw: float = 0.0) -> Points:
    t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    x = rx * np.cos(t) * (1 - jaw * np.clip(np.sin(t), 0, 1) ** 1.5)
    y = ry * np.sin(t)
    return np.stack(
        [cx + x * np.cos(tilt) - y * np.sin(tilt), cy + x * np.sin(tilt) + y * np.cos(tilt)], axis=1
    )


def _room(picture: Field, rng: Random, colors: Colors) -> None:
    height, width = picture.shape[:2]
    ratio = width / height
    x, y = axes(height, width)
    picture[:] = colors["ground"]
    mottle(picture, rng, 0.05, 3)
    kind = int(rng.integers(4))
    back = blend(colors["second"], colors["ground"], 0.3)
    if kind == 0:
        edge = ratio * rng.uniform(0.55, 0.75)
        lay(picture, back, step(field(x - edge + 0 * y), 0, 0.006))
    elif kind == 1:
        chair = curve(
            [
                (ratio * 0.06, 1.1),
                (ratio * 0.1, 0.56),
                (ratio * 0.5, 0.44),
                (ratio * 0.9, 0.56),
                (ratio * 0.94, 1.1),
            ],
            False,
        )
        lay(picture, back, polygon(height, width, chair))
        lay(picture, colors["ink"], field(0.5 * line(height, width, chair, 0.006)))
    elif kind == 2:
        dado = rng.uniform(0.55, 0.66)
        lay(picture, back, step(field(y - dado + 0 * x), 0, 0.005))
        lay(picture, colors["third"], field((np.abs(y - dado + 0.03) < 0.008) * np.ones_like(x)))
    else:
        dots = ((x * 9) % 1 - 0.5) ** 2 + ((y * 9 + 0.5 * (np.floor(x * 9) % 2)) % 1 - 0.5) ** 2
        lay(picture, back, field(0.55 * (1 - step(field(dots), 0.03, 0.045))))
    lay(
        picture,
        colors["light"],
        field(0.16 * np.exp(-(((x - ratio * 0.25) / 0.35) ** 2) - ((y - 0.3) / 0.4) ** 2)),
    )


def _face(
    picture: Field,
    rng: Random,
    colors: Colors,
    centre: tuple[float, float],
    tilt: float,
    skin: Color,
) -> None:
    height, width = picture.shape[:2]
    cx, cy = centre
    rx, ry = rng.uniform(0.094, 0.108), rng.uniform(0.142, 0.16)
    ink = colors["ink"]
    head = _oval(cx, cy, rx, ry, tilt, 0.3)
    cover = polygon(height, width, head)
    lay(picture, skin, cover)
    side = 1 if rng.random() < 0.7 else -1

    def at(u: float, v: float) -> tuple[float, float]:
        x, y = u * rx, v * ry
        return (cx + x * np.cos(tilt) - y * np.sin(tilt), cy + x * np.sin(tilt) + y * np.cos(tilt))

    # The shaded plane runs along brow, nose and chin.
    plane = [at(0.06, -1.1), at(0.02, -0.3), at(0.16, 0.22), at(0.02, 0.32), at(0.03, 1.1)]
    plane += [at(1.4, 1.1), at(1.4, -1.1)] if side > 0 else [at(-1.4, 1.1), at(-1.4, -1.1)]
    shade = soften(polygon(height, width, plane), 0.004)
    lay(picture, blend(skin, blend(ink, colors["second"], 0.45), 0.36), field(cover * shade * 0.85))
    cheek = polygon(height, width, _oval(*at(-0.5 * side, 0.32), 0.035, 0.03, tilt))
    lay(picture, colors["accent"], field(0.28 * soften(cheek, 0.012) * cover))
    thin = 0.0042
    blank = rng.random() < 0.45
    for eye in (-1, 1):
        x = 0.44 * eye + 0.03
        almond = curve([at(x - 0.25, -0.06), at(x, -0.16), at(x + 0.25, -0.05), at(x, 0.02)])
        white = (
            blend(colors["third"], colors["light"], 0.25)
            if blank
            else blend(colors["light"], skin, 0.2)
        )
        lay(picture, white, polygon(height, width, almond))
        if not blank:
            lay(
                picture, ink, polygon(height, width, _oval(*at(x + 0.03, -0.07), 0.0105, 0.0125, 0))
            )
        lay(picture, ink, field(0.9 * line(height, width, almond, thin * 0.75, True)))
        brow = curve(
            [at(x - 0.3, -0.26 - 0.03 * eye), at(x, -0.38), at(x + 0.3, -0.27 + 0.03 * eye)], False
        )
        lay(picture, ink, field(0.85 * line(height, width, brow, thin * 1.4)))
    nose = curve(
        [at(-0.1, -0.28), at(0.0, -0.05), at(0.17, 0.26), at(0.1, 0.33), at(-0.09, 0.32)], False
    )
    lay(picture, blend(ink, skin, 0.15), field(0.85 * line(height, width, nose, thin)))
    smile = rng.uniform(-0.03, 0.04)
    lips = curve(
        [
            at(-0.24, 0.57),
            at(-0.08, 0.53),
            at(0.02, 0.55),
            at(0.12, 0.53),
            at(0.28, 0.57 - smile),
            at(0.03, 0.66),
        ]
    )
    lay(picture, blend(colors["accent"], ink, 0.12), polygon(height, width, lips))
    mouth = curve([at(-0.24, 0.57), at(0.02, 0.58), at(0.28, 0.57 - smile)], False)
    lay(picture, ink, field(0.7 * line(height, width, mouth, thin * 0.7)))
    lay(picture, ink, field(0.75 * line(height, width, head, thin, True)))


def _dress(
    picture: Field, rng: Random, colors: Colors, centre: tuple[float, float], skin: Color
) -> None:
    height, width = picture.shape[:2]
    ratio = width / height
    cx, cy = centre
    ink, main = colors["ink"], colors["main"]
    drop = rng.uniform(0.0, 0.05)
    reach = min(0.3, ratio * 0.42)
    neck = [
        (cx - 0.05, cy + 0.06),
        (cx + 0.052, cy + 0.06),
        (cx + 0.06, cy + 0.31),
        (cx - 0.062, cy + 0.31),
    ]
    body = curve(
        [
            (cx - reach * 1.08, 1.12),
            (cx - reach * 0.98, cy + 0.44 + drop),
            (cx - reach * 0.55, cy + 0.29 + drop * 0.4),
            (cx - 0.07, cy + 0.235),
            (cx + 0.07, cy + 0.235),
            (cx + reach * 0.55, cy + 0.29),
            (cx + reach * 0.98, cy + 0.44),
            (cx + reach * 1.08, 1.12),
        ],
        False,
    )
    cover = polygon(height, width, body)
    lay(picture, main, cover)
    x, y = axes(height, width)
    folds = np.sin((x - cx) * 26 + 3 * np.sin(y * 6)) * np.clip((y - cy - 0.3) * 2.5, 0, 1)
    lay(picture, blend(main, ink, 0.6), field(cover * np.clip(folds, 0, 1) * 0.22))
    lay(
        picture,
        blend(main, ink, 0.7),
        field(cover * step(field(x - cx - 0.04 + 0 * y), 0, 0.3) * 0.45),
    )
    lay(picture, ink, field(0.6 * line(height, width, body, 0.005)))
    lay(picture, blend(skin, ink, 0.12), polygon(height, width, neck))
    shadow = [
        (cx - 0.05, cy + 0.1),
        (cx + 0.055, cy + 0.1),
        (cx + 0.058, cy + 0.24),
        (cx - 0.02, cy + 0.16),
    ]
    lay(picture, blend(skin, ink, 0.5), field(0.7 * soften(polygon(height, width, shadow), 0.006)))
    kind = int(rng.integers(3))
    if kind == 0:
        for side in (-1, 1):
            collar = [
                (cx, cy + 0.36),
                (cx + 0.075 * side, cy + 0.22),
                (cx + 0.135 * side, cy + 0.28),
                (cx + 0.06 * side, cy + 0.41),
            ]
            lay(picture, colors["light"], polygon(height, width, collar))
            lay(picture, ink, field(0.45 * line(height, width, np.array(collar), 0.003, True)))
        tie = [
            (cx - 0.02, cy + 0.345),
            (cx + 0.02, cy + 0.345),
            (cx + 0.035, cy + 0.62),
            (cx - 0.035, cy + 0.62),
        ]
        lay(picture, colors["accent"], polygon(height, width, tie))
    elif kind == 1:
        plunge = curve(
            [(cx - 0.09, cy + 0.23), (cx, cy + 0.33), (cx + 0.09, cy + 0.23), (cx, cy + 0.2)]
        )
        lay(picture, blend(skin, ink, 0.06), polygon(height, width, plunge))
        beads = np.linspace(0.08, 0.92, 13)
        for t in beads:
            bead = _oval(cx - 0.1 + 0.2 * t, cy + 0.235 + 0.42 * t * (1 - t), 0.0085, 0.0085, 0)
            lay(picture, colors["accent"], polygon(height, width, bead))
    else:
        shawl = curve(
            [
                (cx - reach * 1.2, cy + 0.5),
                (cx - 0.08, cy + 0.21),
                (cx + 0.1, cy + 0.23),
                (cx + 0.02, cy + 0.5),
                (cx - reach * 0.6, 1.1),
                (cx - reach * 1.3, 1.1),
            ]
        )
        cover = polygon(height, width, shawl)
        lay(picture, colors["third"], cover)
        bands = step(field(np.abs(((x + y) * 16) % 1 - 0.5)), 0.36, 0.4)
        lay(picture, colors["light"], field(cover * bands * 0.6))


def paint(rng: Random, height: int, width: int, colors: Colors, motif: str) -> Field:
    """A sitter to the waist, with or without a hat."""
    ratio = width / height
    picture = fill(height, width, colors["ground"])
    _room(picture, rng, colors)
    cx, cy = ratio * rng.uniform(0.46, 0.54), rng.uniform(0.34, 0.38)
    tilt = rng.uniform(-0.16, 0.16)
    # Skin leans on the scheme, so that a green portrait stays a green portrait.
    flesh = np.array(
        [(0.87, 0.66, 0.51), (0.78, 0.53, 0.38), (0.55, 0.35, 0.25), (0.93, 0.77, 0.64)][
            int(rng.integers(4))
        ],
        dtype=np.float32,
    )
    skin = blend(flesh, blend(colors["light"], colors["second"], 0.35), 0.42)
    hair = blend(colors["ink"], colors["second"], rng.choice((0.05, 0.3, 0.55)))
    long_hair = rng.random() < 0.5
    if long_hair:
        mane = curve(
            [
                (cx - 0.115, cy - 0.08),
                (cx, cy - 0.185),
                (cx + 0.115, cy - 0.08),
                (cx + 0.15, cy + 0.2),
                (cx + 0.1, cy + 0.3),
                (cx - 0.1, cy + 0.3),
                (cx - 0.15, cy + 0.2),
            ]
        )
    else:
        mane = _oval(cx + 0.002, cy - 0.035, 0.118, 0.15, tilt)
    lay(picture, hair, polygon(height, width, mane))
    _dress(picture, rng, colors, (cx, cy), skin)
    _face(picture, rng, colors, (cx, cy), tilt, skin)
    part = cx + rng.uniform(-0.05, 0.05)
    fringe = curve(
        [
            (cx - 0.112, cy - 0.01),
            (cx - 0.09, cy - 0.14),
            (cx, cy - 0.178),
            (cx + 0.095, cy - 0.135),
            (cx + 0.112, cy - 0.0),
            (cx + 0.085, cy - 0.085),
            (part, cy - 0.118),
            (cx - 0.085, cy - 0.085),
        ]
    )
    lay(picture, hair, polygon(height, width, fringe))
    if motif == "hat":
        tone = colors["accent"] if rng.random() < 0.45 else colors["third"]
        slant = tilt + rng.uniform(-0.1, 0.1)
        crown = curve(
            [
                (cx - 0.105, cy - 0.105),
                (cx - 0.085, cy - 0.235),
                (cx + 0.02, cy - 0.26),
                (cx + 0.09, cy - 0.22),
                (cx + 0.108, cy - 0.1),
            ]
        )
        lay(picture, tone, polygon(height, width, crown))
        lay(
            picture,
            blend(tone, colors["ink"], 0.55),
            polygon(
                height,
                width,
                [
                    (cx - 0.106, cy - 0.15),
                    (cx + 0.106, cy - 0.145),
                    (cx + 0.11, cy - 0.105),
                    (cx - 0.108, cy - 0.11),
                ],
            ),
        )
        brim = _oval(cx, cy - 0.105, rng.uniform(0.17, 0.21), 0.028, slant)
        lay(picture, blend(tone, colors["ink"], 0.15), polygon(height, width, brim))
        lay(picture, colors["ink"], field(0.6 * line(height, width, brim, 0.004, True)))
    picture = waver(picture, rng, 0.0016, 16)
    brushwork(picture, rng, 0.032, 55)
    return picture
