"""Art deco: fans, sunbursts and towers, ruled in gold."""

from __future__ import annotations

import numpy as np

from demo.painters.canvas import (
    Color,
    Colors,
    Field,
    Random,
    axes,
    blend,
    field,
    fill,
    lay,
    lightness,
    noise,
    step,
)


def _ruled(distance: Field, spacing: float, thick: float, soft: float) -> Field:
    """Lines at every multiple of `spacing`."""
    off = np.abs((distance / spacing + 0.5) % 1.0 - 0.5) * spacing
    return field(1 - step(field(off), thick, thick + soft))


def _scallops(picture: Field, rng: Random, colors: Colors, gold: Color) -> None:
    height, width = picture.shape[:2]
    x, y = axes(height, width)
    ratio = width / height
    size = ratio / round(ratio * rng.choice((4, 5, 6)))
    soft = 1.5 / height
    tones = [colors["ground"], colors["main"], colors["second"]]
    style = int(rng.integers(3))
    rings = int(rng.integers(3, 6))
    rows = int(1 / (size * 0.5)) + 4
    for at in range(rows):
        cy = at * size * 0.5 - size * 0.2
        top, bottom = (
            max(0, int((cy - size * 0.52) * height)),
            min(height, int((cy + size * 0.52) * height)),
        )
        if bottom <= top:
            continue
        shift = 0.5 * size * (at % 2)
        u = (x + shift) % size - size / 2
        column = np.floor((x + shift) / size).astype(np.int32)
        distance = np.sqrt(u * u + (y[top:bottom] - cy) ** 2)
        part = picture[top:bottom]
        cover = 1 - step(field(distance), size * 0.5, size * 0.5 + soft)
        which = (
            (column + (at // 2)) % 3
            if style == 0
            else np.full_like(column, at % 3 if style == 1 else at % 2)
        )
        base = np.stack(tones)[np.broadcast_to(which, distance.shape)]
        lift = np.clip(distance / (size * 0.5), 0, 1)[..., None]
        body = base * (0.92 + 0.12 * lift)
        lay(part, field(body), cover)
        lay(part, gold, field(cover * _ruled(field(distance), size * 0.5 / rings, 0.0016, soft)))
        heart = 1 - step(field(distance), size * 0.07, size * 0.07 + soft)
        lay(part, colors["accent"], heart)
        lay(part, gold, field(cover * step(field(distance), size * 0.478, size * 0.478 + soft)))


def _rays(
    picture: Field, centre: tuple[float, float], count: int, tone: Color, soft: float
) -> None:
    x, y = axes(*picture.shape[:2])
    dx, dy = x - centre[0], y - centre[1]
    angle = np.arctan2(dy, dx) / (2 * np.pi) * count
    off = np.abs(angle % 1.0 - 0.5)
    blur = np.clip(
        soft / np.maximum(np.sqrt(dx * dx + dy * dy) * 2 * np.pi / count, 1e-3), 0.002, 0.2
    )
    lay(picture, tone, field(np.clip((0.25 - off) / blur + 0.5, 0, 1)))


def _sunburst(picture: Field, rng: Random, colors: Colors, gold: Color) -> None:
    height, width = picture.shape[:2]
    x, y = axes(height, width)
    ratio = width / height
    soft = 1.6 / height
    centre = (ratio * rng.choice((0.5, 0.5, 0.32, 0.68)), rng.uniform(0.5, 0.62))
    _rays(
        picture,
        centre,
        int(rng.choice((28, 36, 44))),
        blend(colors["main"], colors["ground"], 0.2),
        soft,
    )
    distance = field(np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2))
    picture *= (1.08 - 0.22 * np.clip(distance, 0, 1))[..., None]
    radius = rng.uniform(0.13, 0.17)
    steps = (
        (1.9, colors["second"]),
        (1.55, colors["ground"]),
        (1.3, colors["accent"]),
        (1.0, colors["light"]),
    )
    for scale, tone in steps:
        lay(picture, tone, 1 - step(distance, radius * scale, radius * scale + soft))
        lay(picture, gold, 1 - step(field(np.abs(distance - radius * scale)), 0.002, 0.002 + soft))
    bands = int(rng.integers(4, 7))
    tones = [
        colors["second"],
        colors["main"],
        blend(colors["main"], colors["ink"], 0.4),
        blend(colors["ground"], colors["main"], 0.5),
    ]
    for at in range(bands):
        level = centre[1] + 0.03 + (1.0 - centre[1]) * (at / bands)
        wave = level + 0.035 * np.sin(
            x / ratio * np.pi * rng.uniform(1.4, 3) + rng.uniform(0, 6.28)
        )
        below = field(y - wave)
        lay(picture, tones[at % len(tones)], step(below, 0, soft))
        lay(
            picture, gold, field((below > 0) * (below < 0.045) * _ruled(below, 0.014, 0.0015, soft))
        )


def _skyline(picture: Field, rng: Random, colors: Colors, gold: Color) -> None:
    height, width = picture.shape[:2]
    x, y = axes(height, width)
    ratio = width / height
    soft = 1.6 / height
    ink = colors["ink"]
    _rays(picture, (ratio / 2, 1.02), 30, blend(colors["main"], colors["ground"], 0.35), soft)
    picture *= (0.82 + 0.3 * y)[..., None]
    moon = field(np.sqrt((x - ratio * rng.uniform(0.25, 0.75)) ** 2 + (y - 0.2) ** 2))
    lay(picture, colors["light"], 1 - step(moon, 0.075, 0.075 + soft))
    lay(picture, gold, field(_ruled(moon, 0.028, 0.0012, soft) * (moon > 0.075) * (moon < 0.15)))
    count = int(rng.integers(5, 8))
    order = sorted(range(count), key=lambda at: abs(at - (count - 1) / 2), reverse=True)
    for rank, at in enumerate(order):
        depth = (rank + 1) / count
        cx = ratio * (at + 0.5) / count + rng.uniform(-0.01, 0.01)
        base_half = ratio / count * rng.uniform(0.48, 0.62)
        tall = 0.3 + 0.42 * depth + rng.uniform(-0.05, 0.05)
        tone = blend(
            blend(colors["main"], colors["second"], 0.6 * (rank % 2)), ink, 0.2 + 0.35 * depth
        )
        tiers = int(rng.integers(3, 5))
        for tier in range(tiers):
            half = base_half * (1 - 0.24 * tier)
            top = 1 - tall * (0.58 + 0.42 * (tier + 1) / tiers)
            inside = field(np.minimum(half - np.abs(x - cx), y - top))
            cover = step(inside, -soft / 2, soft / 2)
            lay(picture, blend(tone, colors["light"], 0.06 * tier), cover)
            lay(picture, gold, field(cover * (1 - step(inside, 0.0025, 0.0025 + soft))))
            lay(
                picture,
                gold,
                field(
                    cover
                    * 0.75
                    * _ruled(field(x - cx + 0 * y), half / 2.5, 0.0009, soft)
                    * (inside > 0.008)
                ),
            )
        spire = field(np.minimum(0.004 - np.abs(x - cx), y - (1 - tall - 0.07)))
        lay(picture, gold, field(step(spire, 0, soft) * (y < 1 - tall + 0.01)))
        windows = (np.abs(((x - cx) * 38) % 1 - 0.5) < 0.26) & (np.abs((y * 26) % 1 - 0.5) < 0.2)
        lit = noise(rng, height // 8 + 2, width // 8 + 2, 18, 1)
        rows = np.minimum((np.arange(height) // 8)[:, None], lit.shape[0] - 1)
        columns = np.minimum((np.arange(width) // 8)[None, :], lit.shape[1] - 1)
        body = (np.abs(x - cx) < base_half * 0.86) & (y > 1 - tall * 0.68)
        lay(
            picture,
            colors["accent"],
            field(windows & body & (lit[rows, columns] > 0.35)) * np.float32(0.8),
        )


def paint(rng: Random, height: int, width: int, colors: Colors, motif: str) -> Field:
    """A pattern of fans, a sunrise or a city."""
    picture = fill(height, width, colors["ground"])
    bright = lightness(colors["ground"]) > 0.8 and lightness(colors["main"]) > 0.7
    gold = field((0.87, 0.82, 0.7)) if bright else field((0.86, 0.71, 0.42))
    gold = blend(gold, colors["accent"], 0.18)
    {"scallops": _scallops, "sunburst": _sunburst, "skyline": _skyline}[motif](
        picture, rng, colors, gold
    )
    x, y = axes(height, width)
    ratio = width / height
    edge = field(np.minimum(np.minimum(x, ratio - x), np.minimum(y, 1 - y)))
    lay(picture, colors["ink"], 1 - step(edge, 0.016, 0.018))
    lay(picture, gold, field((edge > 0.018) * (edge < 0.0215)))
    picture *= 1 + 0.014 * noise(rng, height, width, 110, 2)[..., None]
    return picture
