"""Stained glass: pieces of coloured light held together by lead."""

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
    lay,
    noise,
    soften,
)


def _rose(rng: Random, ratio: float) -> tuple[list[tuple[float, float]], list[int]]:
    """Seeds in rings around a centre, and the ring of each."""
    seeds, rings = [(ratio / 2, 0.5)], [0]
    petals = int(rng.choice((6, 8, 10, 12)))
    radius, ring = 0.0, 0
    while radius < 0.75 * max(1, ratio):
        ring += 1
        radius += rng.uniform(0.075, 0.115)
        count = petals * (1 if ring < 2 else 2 if ring < 5 else 4)
        offset = 0.5 * (ring % 2) if ring < 7 else rng.uniform(0, 1)
        for at in range(count):
            angle = (at + offset) / count * 2 * np.pi - np.pi / 2
            seeds.append((ratio / 2 + radius * np.cos(angle), 0.5 + radius * np.sin(angle)))
            rings.append(ring)
    return seeds, rings


def _scattered(rng: Random, ratio: float, count: int) -> list[tuple[float, float]]:
    columns = max(3, round((count * ratio) ** 0.5))
    rows = max(3, round(count / columns))
    return [
        ((c + rng.uniform(0.05, 0.95)) * ratio / columns, (r + rng.uniform(0.05, 0.95)) / rows)
        for r in range(rows)
        for c in range(columns)
    ]


def paint(rng: Random, height: int, width: int, colors: Colors, motif: str) -> Field:
    """A rose, shards, or a river between hills."""
    ratio = width / height
    roles = ["ground", "main", "second", "third", "accent", "light"]
    tones = np.stack([colors[role] for role in roles])
    if motif == "rose":
        seeds, rings = _rose(rng, ratio)
        plan = [int(rng.choice(6, p=(0.24, 0.26, 0.18, 0.16, 0.09, 0.07))) for _ in range(40)]
        plan[0] = 4
        picked = [(plan[ring * 2 + (at % 2)] if ring < 19 else 0) for at, ring in enumerate(rings)]
    else:
        seeds = _scattered(rng, ratio, int(rng.integers(90, 150)))
        picked = []
        bend, phase = rng.uniform(0.12, 0.2) * ratio, rng.uniform(0, 6.28)
        for x, y in seeds:
            if motif == "river":
                middle = ratio / 2 + bend * np.sin(y * 6 + phase) * (0.3 + y)
                if y < 0.3:
                    far = np.hypot(x - ratio * 0.68, y - 0.14)
                    picked.append(4 if far < 0.1 else 5 if far < 0.2 else 0)
                elif abs(x - middle) < 0.06 + 0.12 * y:
                    picked.append(3 if rng.random() < 0.7 else 5)
                else:
                    picked.append(1 if rng.random() < 0.55 else 2)
            else:
                sweep = (x / ratio + y) * 2.1 + 0.35 * rng.standard_normal()
                picked.append(
                    4 if rng.random() < 0.08 else [0, 1, 2, 3, 1, 0, 5][int(abs(sweep) * 2) % 7]
                )
    markers = np.full((height, width), 255, dtype=np.uint8)
    spots = [
        (int(x * height), int(y * height))
        for x, y in seeds
        if 0 <= int(x * height) < width and 0 <= int(y * height) < height
    ]
    kept = [
        pick
        for (x, y), pick in zip(seeds, picked, strict=True)
        if 0 <= int(x * height) < width and 0 <= int(y * height) < height
    ]
    for spot in spots:
        markers[spot[1], spot[0]] = 0
    distance, labels = cv2.distanceTransformWithLabels(
        markers, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    lookup = np.zeros(len(spots) + 1, dtype=np.int32)
    for at, (x, y) in enumerate(spots):
        lookup[labels[y, x]] = at
    cell = lookup[labels]
    cell_tones = tones[np.array(kept)] * rng.uniform(0.88, 1.1, (len(kept), 1))
    picture = field(cell_tones[cell])
    # Light comes through the middle of each piece; hand-blown glass is streaky.
    glow = np.clip(distance / (0.075 * height), 0, 1)
    picture *= (1.14 - 0.22 * glow)[..., None].astype(np.float32)
    streak = noise(rng, height, width, 6, 3, stretch=0.25)
    picture *= 1 + 0.06 * streak[..., None]
    picture *= 1 + 0.03 * noise(rng, height, width, 60, 2)[..., None]
    seams = np.zeros((height, width), dtype=np.uint8)
    seams[:, 1:] |= (cell[:, 1:] != cell[:, :-1]).astype(np.uint8)
    seams[1:] |= (cell[1:] != cell[:-1]).astype(np.uint8)
    thick = max(3, round(0.0085 * height) | 1)
    shape = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thick, thick))
    lead = soften(field(cv2.dilate(seams, shape)), 0.0012)
    lay(picture, colors["ink"], field(0.35 * soften(lead, 0.006)))
    lay(picture, colors["ink"], np.clip(lead * 1.3, 0, 1).astype(np.float32))
    ridge = soften(field(seams), 0.0012)
    lay(picture, blend(colors["ink"], colors["light"], 0.4), field(np.clip(ridge * 0.55, 0, 0.5)))
    across, down = axes(height, width)
    edge = np.minimum(np.minimum(across, ratio - across), np.minimum(down, 1 - down))
    lay(picture, colors["ink"], field(edge < 0.012))
    return picture
