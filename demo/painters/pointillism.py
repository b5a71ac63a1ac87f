"""Pointillism: another painter's sketch, taken apart into dots of purer colour."""

from __future__ import annotations

import cv2
import numpy as np

from demo.painters.canvas import (
    Colors,
    Field,
    Random,
    axes,
    blend,
    field,
    fill,
    lay,
    lightness,
    polygon,
    step,
)
from demo.painters.landscape import mirrored, orb, ridges, sky, swell, trees
from demo.painters.stilllife import BOTTLE, JUG, VASE, bouquet, turn


def _sketch(rng: Random, height: int, width: int, colors: Colors, motif: str) -> Field:
    ratio = width / height
    ground, main, second, third = (colors[role] for role in ("ground", "main", "second", "third"))
    light, accent = colors["light"], colors["accent"]
    deep = blend(main, np.zeros(3, dtype=np.float32), 0.35)
    if motif == "bouquet":
        picture = fill(height, width, ground)
        x, y = axes(height, width)
        lay(picture, light, field(0.35 * np.exp(-((x - 0.2) ** 2 + (y - 0.2) ** 2) * 5)))
        edge = rng.uniform(0.68, 0.74)
        lay(picture, third, step(field(y - edge), 0, 0.01))
        mouth = (ratio * 0.5, edge - 0.16)
        vessel = VASE if rng.random() < 0.5 else JUG
        turn(picture, rng, (mouth[0], edge + 0.15), 0.34, vessel, main, deep)
        bouquet(picture, rng, mouth, 0.27, {**colors, "ink": deep})
        if rng.random() < 0.4:
            turn(picture, rng, (ratio * 0.84, edge + 0.04), 0.3, BOTTLE, second, deep)
        return picture
    horizon = rng.uniform(0.46, 0.58)
    low = blend(ground, light, 0.35)
    picture = sky(rng, height, width, blend(ground, third, 0.55), low, horizon)
    glow = blend(light, accent, 0.12)
    orb(picture, ratio * rng.uniform(0.2, 0.8), horizon - rng.uniform(0.1, 0.24), 0.045, glow, 0.6)
    if motif == "harbour":
        ridges(picture, rng, blend(main, low, 0.4), low, horizon - 0.07, horizon - 0.03, 2)
        swell(picture, rng, horizon, main, blend(third, light, 0.3), light)
        for _ in range(int(rng.integers(3, 7))):
            foot = horizon + rng.uniform(0.02, 0.33)
            size = 0.11 + 0.5 * (foot - horizon)
            cx = ratio * rng.uniform(0.08, 0.92)
            sail = [
                (cx, foot - size),
                (cx + 0.42 * size, foot - 0.08 * size),
                (cx, foot - 0.08 * size),
            ]
            jib = [
                (cx - 0.03 * size, foot - 0.9 * size),
                (cx - 0.3 * size, foot - 0.1 * size),
                (cx - 0.03 * size, foot - 0.1 * size),
            ]
            hull = [
                (cx - 0.4 * size, foot - 0.06 * size),
                (cx + 0.48 * size, foot - 0.06 * size),
                (cx + 0.34 * size, foot + 0.06 * size),
                (cx - 0.28 * size, foot + 0.06 * size),
            ]
            tone = light if rng.random() < 0.6 else accent
            lay(picture, tone, polygon(height, width, sail))
            lay(picture, blend(tone, second, 0.4), polygon(height, width, jib))
            lay(picture, deep, polygon(height, width, hull))
            glint = [
                (cx - 0.2 * size, foot + 0.08 * size),
                (cx + 0.35 * size, foot + 0.08 * size),
                (cx + 0.05 * size, foot + 0.6 * size),
            ]
            lay(picture, tone, field(0.4 * polygon(height, width, glint)))
        return picture
    ridges(picture, rng, blend(main, second, 0.3), low, horizon - 0.1, horizon + 0.08, 4)
    shore = horizon + rng.uniform(0.1, 0.16)
    _, y = axes(height, width)
    lay(picture, blend(second, ground, 0.3), step(field(y - shore + 0.04), 0, 0.01))
    for tall, base, count in ((0.26, shore - 0.02, 4), (0.4, shore, 4)):
        trees(picture, rng, blend(main, deep, 0.5 * (tall > 0.3)), base, count, tall)
    mirrored(picture, rng, shore, blend(main, third, 0.5), 0.12)
    bank = field(shore + 0.26 - 0.12 * (axes(height, width)[0] / ratio))
    lay(picture, blend(second, main, 0.35), step(field(y - bank), 0, 0.02))
    return picture


def _dots(
    picture: Field, sketch: Field, rng: Random, colors: Colors, spacing: float, size: float
) -> None:
    height, width = picture.shape[:2]
    rows, columns = int(height / spacing) + 2, int(width / spacing) + 2
    x = (np.arange(columns)[None, :] + 0.5 * (np.arange(rows)[:, None] % 2)) * spacing
    y = np.broadcast_to(np.arange(rows)[:, None] * spacing, x.shape)
    x = (x + rng.uniform(-0.42, 0.42, x.shape) * spacing).ravel()
    y = (y + rng.uniform(-0.42, 0.42, y.shape) * spacing).ravel()
    scale_x, scale_y = sketch.shape[1] / width, sketch.shape[0] / height
    local = sketch[
        np.clip((y * scale_y).astype(int), 0, sketch.shape[0] - 1),
        np.clip((x * scale_x).astype(int), 0, sketch.shape[1] - 1),
    ]
    # The eye mixes: every dot leans towards one of the pure colours, and away from gray.
    pure = np.stack(
        [colors[role] for role in ("main", "second", "third", "light", "accent", "ground")]
    )
    lean = pure[rng.choice(len(pure), len(local), p=(0.25, 0.18, 0.2, 0.13, 0.06, 0.18))]
    mixed = local + (lean - local) * rng.uniform(0, 0.27, (len(local), 1)) ** 1.15
    gray = mixed.mean(axis=1, keepdims=True)
    mixed = gray + (mixed - gray) * 1.15 + rng.normal(0, 0.02, (len(local), 1))
    tones = np.clip(mixed, 0, 1) * 255
    radii = size * rng.uniform(0.75, 1.2, len(local)) * 16
    order = rng.permutation(len(local))
    canvas = np.ascontiguousarray(np.clip(picture * 255, 0, 255).astype(np.uint8))
    centres = np.round(np.stack([x, y], axis=1)[order] * 16).astype(int).tolist()
    for centre, radius, tone in zip(
        centres, radii[order].astype(int).tolist(), tones[order].tolist(), strict=True
    ):
        cv2.circle(canvas, centre, radius, tone, -1, cv2.LINE_AA, 4)
    picture[:] = field(canvas) / np.float32(255)


def paint(rng: Random, height: int, width: int, colors: Colors, motif: str) -> Field:
    """Two layers of dots over a toned ground."""
    scale = 460 / max(height, width)
    sketch = _sketch(rng, round(height * scale), round(width * scale), colors, motif)
    under = (
        colors["ground"]
        if lightness(colors["ground"]) < 0.6
        else blend(colors["ground"], colors["main"], 0.2)
    )
    picture = fill(height, width, under)
    spacing = max(height, width) / rng.uniform(105, 125)
    _dots(picture, sketch, rng, colors, spacing, spacing * 0.66)
    _dots(picture, sketch, rng, colors, spacing * 0.98, spacing * 0.4)
    return picture
