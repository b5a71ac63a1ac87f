"""Still lifes: vessels and fruit turned on the lathe, lit from the left."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from demo.painters.canvas import (
    Color,
    Colors,
    Field,
    Random,
    axes,
    blend,
    brushwork,
    curve,
    field,
    fill,
    lay,
    lightness,
    line,
    mottle,
    polygon,
    soften,
    step,
    waver,
)

Profile = Sequence[tuple[float, float]]
"""Points (height from the foot, radius), both in units of the object's height."""

BOTTLE: Profile = (
    (0, 0.16),
    (0.03, 0.19),
    (0.5, 0.19),
    (0.6, 0.17),
    (0.68, 0.08),
    (0.74, 0.06),
    (0.95, 0.055),
    (1, 0.07),
)
JUG: Profile = (
    (0, 0.2),
    (0.06, 0.24),
    (0.35, 0.36),
    (0.6, 0.3),
    (0.78, 0.17),
    (0.92, 0.17),
    (1, 0.22),
)
BOWL: Profile = ((0, 0.32), (0.1, 0.36), (0.4, 0.72), (0.75, 0.98), (1, 1.08))
VASE: Profile = (
    (0, 0.15),
    (0.04, 0.19),
    (0.3, 0.3),
    (0.55, 0.27),
    (0.8, 0.13),
    (0.92, 0.12),
    (1, 0.17),
)
POT: Profile = ((0, 0.28), (0.05, 0.33), (0.5, 0.42), (0.85, 0.4), (0.92, 0.44), (1, 0.44))
ROUND: Profile = tuple(
    (float(t), float(0.52 * np.sqrt(max(0.0, 1 - (2 * t - 1) ** 2)))) for t in np.linspace(0, 1, 25)
)
PEAR: Profile = (
    (0, 0.1),
    (0.05, 0.24),
    (0.2, 0.37),
    (0.38, 0.38),
    (0.55, 0.29),
    (0.7, 0.19),
    (0.85, 0.15),
    (0.96, 0.09),
    (1, 0.01),
)


def turn(
    picture: Field,
    rng: Random,
    place: tuple[float, float],
    tall: float,
    profile: Profile,
    tone: Color,
    shade: Color,
    gloss: float = 0.5,
) -> None:
    """Set one turned object on the table at `place` (centre of its foot) with its cast shadow."""
    height, width = picture.shape[:2]
    cx, foot = place
    x, y = axes(height, width)
    widest = max(radius for _, radius in profile) * tall
    shadow = np.zeros((height, width), dtype=np.uint8)
    centre = (round((cx + widest * 0.75) * height), round((foot - tall * 0.01) * height))
    size = (max(1, round(widest * 1.35 * height)), max(1, round(widest * 0.26 * height)))
    cv2.ellipse(shadow, centre, size, -4, 0, 360, (255,), -1, cv2.LINE_AA)
    lay(picture, shade, field(0.55 * soften(field(shadow) / np.float32(255), 0.012)))

    rows = slice(
        max(0, int((foot - tall) * height) - 2), min(height, int((foot + 0.03) * height) + 2)
    )
    columns = slice(
        max(0, int((cx - widest) * height) - 3), min(width, int((cx + widest) * height) + 4)
    )
    part = picture[rows, columns]
    if not part.size:
        return
    up = (foot - y[rows]) / tall
    heights, radii = zip(*profile, strict=True)
    radius = np.interp(up, heights, radii) * tall
    kernel = max(1, int(0.17 * tall * height) | 1)
    if profile is not ROUND and kernel > 1:
        radius = cv2.GaussianBlur(field(radius), (1, kernel), 0).reshape(radius.shape)
    # The foot is an ellipse seen from a little above.
    across = (x[:, columns] - cx) / np.maximum(radius, 1e-4)
    sag = 0.13 * radius * np.sqrt(np.clip(1 - across**2, 0, 1)) if profile is not ROUND else 0
    inside = (np.abs(across) < 1) & (up < 1) & (y[rows] < foot + sag)
    cover = soften(field(inside), 0.0009)
    normal = np.sqrt(np.clip(1 - across**2, 0, 1))
    if profile in (ROUND, PEAR):
        tilt = np.gradient(radius[:, 0], axis=0)[:, None] * height if len(radius) > 1 else radius
        facing = np.clip(
            0.72 * normal - 0.52 * across + 0.25 * np.clip(-tilt, -1.4, 1.4) * -1, 0, 1.3
        )
    else:
        facing = np.clip(0.8 * normal - 0.5 * across, 0, 1.3)
    light = step(field(np.broadcast_to(facing, inside.shape)), 0.0, 1.15)
    body = blend(tone, shade, 0.62) + (tone * 1.08 - blend(tone, shade, 0.62)) * light[..., None]
    glint = np.exp(-(((across + 0.42) / 0.13) ** 2) - (((up - 0.68) / 0.12) ** 2))
    body = body + gloss * glint[..., None] * (1 - body)
    lay(part, field(np.clip(body, 0, 1)), cover)


def leaf(
    picture: Field, root: tuple[float, float], angle: float, length: float, tone: Color
) -> None:
    """One pointed leaf."""
    height, width = picture.shape[:2]
    t = np.linspace(0, 1, 12)
    swell = 0.2 * length * np.sin(np.pi * t) ** 0.8
    along = np.concatenate([t, t[::-1]]) * length
    side = np.concatenate([swell, -swell[::-1]])
    points = np.stack(
        [
            root[0] + along * np.cos(angle) - side * np.sin(angle),
            root[1] + along * np.sin(angle) + side * np.cos(angle),
        ],
        axis=1,
    )
    lay(picture, tone, polygon(height, width, points))


def blossom(
    picture: Field, rng: Random, centre: tuple[float, float], size: float, tone: Color, heart: Color
) -> None:
    """A flower of two rings of petals."""
    height = picture.shape[0]
    canvas = np.ascontiguousarray(np.clip(picture, 0, 1))
    middle = (round(centre[0] * height), round(centre[1] * height))
    for ring, petals in ((1.0, 9), (0.62, 7)):
        start = rng.uniform(0, 360)
        for at in range(petals):
            angle = start + at * 360 / petals + rng.uniform(-8, 8)
            reach = size * ring * rng.uniform(0.85, 1.1)
            spot = (
                round(middle[0] + 0.5 * reach * height * np.cos(np.radians(angle))),
                round(middle[1] + 0.5 * reach * height * np.sin(np.radians(angle))),
            )
            shade = np.clip(tone * rng.uniform(0.78, 1.12) + 0.06 * (1 - ring), 0, 1)
            axis = (max(1, round(0.52 * reach * height)), max(1, round(0.25 * reach * height)))
            cv2.ellipse(canvas, spot, axis, angle, 0, 360, shade.tolist(), -1, cv2.LINE_AA)
    cv2.circle(canvas, middle, max(1, round(size * 0.2 * height)), heart.tolist(), -1, cv2.LINE_AA)
    picture[:] = canvas


def bouquet(
    picture: Field, rng: Random, mouth: tuple[float, float], spread: float, colors: Colors
) -> None:
    """Leaves first, then blossoms, those in front last."""
    dark = colors.get("ink", colors["main"])
    green = blend(colors["third"], dark, 0.35)
    for _ in range(16):
        angle = rng.uniform(-np.pi * 0.98, -0.02 * np.pi)
        root = (mouth[0] + rng.uniform(-0.04, 0.04), mouth[1] - rng.uniform(0, 0.1))
        leaf(
            picture,
            root,
            angle,
            spread * rng.uniform(0.7, 1.25),
            blend(green, dark, rng.uniform(0, 0.35)),
        )
    tones = [colors["accent"], colors["light"], colors["second"], colors["accent"]]
    for at in range(int(rng.integers(8, 13))):
        angle, reach = rng.uniform(-np.pi, 0), spread * np.sqrt(rng.uniform(0.05, 1))
        spot = (
            mouth[0] + reach * np.cos(angle) * 0.95,
            mouth[1] - 0.05 + reach * np.sin(angle) * 1.05,
        )
        size = rng.uniform(0.05, 0.085) * (0.8 if at < 4 else 1.05)
        blossom(picture, rng, spot, size, tones[at % 4], blend(colors["ground"], dark, 0.5))


def room(picture: Field, rng: Random, colors: Colors, edge: float) -> None:
    """A wall, a table and a cloth that hangs over its front."""
    height, width = picture.shape[:2]
    ratio = width / height
    x, y = axes(height, width)
    picture[:] = colors["ground"]
    mottle(picture, rng, 0.05, 3)
    ray = field(0.5 + 0.5 * np.tanh((ratio * 0.55 - x + (y - 0.2) * 0.6) * 2.5))
    lay(picture, blend(colors["ground"], colors["light"], 0.55), field(0.4 * ray * (y < edge)))
    table = blend(colors["main"], colors["ground"], 0.12)
    slope = edge + 0.012 * (x - ratio / 2)
    on_table = step(field(y - slope), 0, 0.004)
    lay(picture, table, on_table)
    lay(
        picture,
        blend(table, colors["ink"], 0.35),
        field(on_table * np.clip((y - 0.72) * 1.4, 0, 0.6)),
    )
    if rng.random() < 0.75:
        left = ratio * rng.uniform(0.04, 0.4)
        cloth = curve(
            [
                (left, edge + 0.05),
                (left + ratio * 0.42, edge + 0.035),
                (left + ratio * 0.52, 0.88),
                (left + ratio * 0.46, 1.06),
                (left + ratio * 0.14, 1.06),
                (left - ratio * 0.02, 0.9),
            ]
        )
        cover = polygon(height, width, cloth)
        white = blend(colors["light"], colors["ground"], 0.15)
        lay(picture, white, cover)
        folds = np.sin((x * 3 + y * 0.7) * 14 + 2 * np.sin(y * 5))
        lay(
            picture,
            blend(colors["main"], colors["ink"], 0.2),
            field(cover * np.clip(folds, 0, 1) * 0.16),
        )
        stripes = step(field(np.abs(((x * 0.96 + y * 0.28) * 9) % 1 - 0.5)), 0.4, 0.43)
        lay(picture, colors["third"], field(cover * stripes * 0.85))


def arrange(picture: Field, rng: Random, colors: Colors, motif: str) -> None:
    """Put the objects on the table, those behind first."""
    ratio = picture.shape[1] / picture.shape[0]
    edge = rng.uniform(0.53, 0.6)
    room(picture, rng, colors, edge)
    shade = blend(colors["ink"], colors["main"], 0.3)
    second, third, accent = colors["second"], colors["third"], colors["accent"]
    light = colors["light"]
    warm = blend(accent, second, 0.4)
    if motif == "vase":
        mouth = (ratio * rng.uniform(0.45, 0.55), edge - 0.13)
        turn(picture, rng, (mouth[0], edge + 0.22), 0.36, VASE, blend(light, third, 0.55), shade)
        bouquet(picture, rng, mouth, 0.25, colors)
        fruits = [
            (ratio * 0.24, edge + 0.24),
            (ratio * 0.36, edge + 0.28),
            (ratio * 0.76, edge + 0.25),
        ]
    elif motif == "jugs":
        kinds = [(BOTTLE, 0.56), (JUG, 0.4), (POT, 0.28), (VASE, 0.44), (JUG, 0.3), (BOTTLE, 0.46)]
        tones = [third, light, second, accent, blend(light, second, 0.4), blend(third, shade, 0.3)]
        order = rng.permutation(len(kinds))[:4]
        for slot, at in enumerate(order):
            spot = (ratio * (0.19 + 0.205 * slot), edge + 0.1 + 0.1 * float(rng.random()))
            turn(picture, rng, spot, kinds[at][1], kinds[at][0], tones[at], shade)
        fruits = [(ratio * rng.uniform(0.3, 0.7), edge + 0.27)]
    else:
        turn(
            picture, rng, (ratio * rng.uniform(0.17, 0.26), edge + 0.1), 0.52, BOTTLE, third, shade
        )
        if rng.random() < 0.7:
            turn(
                picture, rng, (ratio * 0.82, edge + 0.1), 0.36, JUG, blend(light, third, 0.3), shade
            )
        bowl = (ratio * rng.uniform(0.5, 0.58), edge + 0.19)
        for dx, lift in ((-0.1, 0.09), (0.09, 0.09), (0.0, 0.14), (-0.04, 0.08), (0.05, 0.075)):
            tone = (accent, warm, second, accent)[int(rng.integers(4))]
            turn(picture, rng, (bowl[0] + dx, bowl[1] - lift + 0.04), 0.115, ROUND, tone, shade)
        turn(picture, rng, bowl, 0.13, BOWL, blend(light, third, 0.2), shade, 0.25)
        fruits = [
            (ratio * 0.3, edge + 0.27),
            (ratio * 0.41, edge + 0.31),
            (ratio * 0.72, edge + 0.29),
        ]
    for spot in fruits:
        tone = (accent, warm, second)[int(rng.integers(3))]
        pear = rng.random() < 0.4
        turn(picture, rng, spot, 0.17 if pear else 0.12, PEAR if pear else ROUND, tone, shade)
        top = spot[1] - (0.165 if pear else 0.113)
        stem = curve(
            [(spot[0], top), (spot[0] + 0.008, top - 0.02), (spot[0] + 0.02, top - 0.03)], False
        )
        lay(picture, shade, line(picture.shape[0], picture.shape[1], stem, 0.005))


def paint(rng: Random, height: int, width: int, colors: Colors, motif: str) -> Field:
    """A table with things on it."""
    picture = fill(height, width, colors["ground"])
    arrange(picture, rng, colors, motif)
    picture = waver(picture, rng, 0.0018, 24)
    brushwork(picture, rng, 0.04 if lightness(colors["ground"]) > 0.2 else 0.06, 60)
    return picture
