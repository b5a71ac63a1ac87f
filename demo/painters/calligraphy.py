"""Calligraphic works: a loaded brush, its bristles running dry, paper, a seal."""

from __future__ import annotations

import cv2
import numpy as np

from demo.painters.canvas import (
    Colors,
    Field,
    Points,
    Random,
    axes,
    curve,
    field,
    fill,
    lay,
    mottle,
    noise,
    soften,
)


def stroke(
    cover: Field, rng: Random, points: Points, breadth: float, dryness: float, taper: float = 0.5
) -> None:
    """One pull of the brush along the points, as some hundred bristles with breath in them."""
    height = cover.shape[0]
    path = curve(points, closed=False)
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    even = np.linspace(0, length[-1], max(24, int(length[-1] * 150)))
    x, y = np.interp(even, length, path[:, 0]), np.interp(even, length, path[:, 1])
    t = even / length[-1]
    across = np.stack([-np.gradient(y), np.gradient(x)], axis=1)
    across /= np.maximum(np.hypot(*across.T), 1e-9)[:, None]
    swell = rng.standard_normal(7) * 0.16
    pressure = 0.75 + np.interp(t, np.linspace(0, 1, 7), swell)
    pressure *= np.clip(t / 0.05, 0.35, 1) * (1 - taper * np.clip((t - 0.6) / 0.4, 0, 1) ** 1.5)
    bristles = max(24, int(breadth * height * 0.55))
    canvas = np.zeros(cover.shape, dtype=np.uint8)
    pixels = max(2, round(breadth * height / bristles * 1.9))
    for at in range(bristles):
        offset = (at + rng.uniform(0, 1)) / bristles - 0.5
        ink = rng.uniform(0.55, 1.25) - 0.5 * abs(offset)
        shift = offset * breadth * pressure + 0.0012 * rng.standard_normal()
        spots = np.stack([x, y], axis=1) + across * shift[:, None]
        gaps = np.interp(t, np.linspace(0, 1, 40), rng.uniform(0, 1, 40))
        wet = gaps < (ink + 0.75 - dryness * (0.25 + 1.1 * t))
        scaled = np.round(spots * height * 16).astype(np.int32)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], wet.astype(np.int8), [0]])))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            if stop - start > 1:
                tone = int(np.clip(190 + 90 * (ink - 0.6), 90, 255))
                cv2.polylines(canvas, [scaled[start:stop]], False, (tone,), pixels, cv2.LINE_AA, 4)
    np.maximum(cover, soften(field(canvas) / np.float32(255), 0.0008), out=cover)


def _splatter(cover: Field, rng: Random, centre: tuple[float, float], count: int) -> None:
    height = cover.shape[0]
    canvas = np.zeros(cover.shape, dtype=np.uint8)
    for _ in range(count):
        reach, angle = abs(rng.normal(0, 0.16)), rng.uniform(0, 2 * np.pi)
        spot = (
            round((centre[0] + reach * np.cos(angle)) * height),
            round((centre[1] + reach * np.sin(angle)) * height),
        )
        cv2.circle(
            canvas, spot, max(1, round(abs(rng.normal(0, 0.004)) * height)), (235,), -1, cv2.LINE_AA
        )
    np.maximum(cover, field(canvas) / np.float32(255), out=cover)


def _seal(picture: Field, rng: Random, colors: Colors, ratio: float) -> None:
    height, width = picture.shape[:2]
    side = 0.055
    left, top = ratio - 0.06 - side, 0.94 - side
    if rng.random() < 0.4:
        left = 0.06
    mask = np.zeros((height, width), dtype=np.uint8)
    box = [round(value * height) for value in (left, top, left + side, top + side)]
    cv2.rectangle(mask, (box[0], box[1]), (box[2], box[3]), (255,), -1)
    for _ in range(7):
        a, b = rng.uniform(0.18, 0.82, 2), rng.uniform(0.18, 0.82, 2)
        if rng.random() < 0.75:
            b[int(rng.integers(2))] = a[int(rng.integers(2))]
        ends = [
            (round(box[0] + p[0] * side * height), round(box[1] + p[1] * side * height))
            for p in (a, b)
        ]
        cv2.line(mask, ends[0], ends[1], (0,), max(1, round(0.0045 * height)), cv2.LINE_AA)
    worn = np.clip(0.9 + 0.25 * noise(rng, height, width, 70, 2), 0, 1)
    lay(picture, colors["accent"], field(field(mask) / np.float32(255) * worn))


def paint(rng: Random, height: int, width: int, colors: Colors, motif: str) -> Field:
    """A gesture, a circle or reeds on paper."""
    ratio = width / height
    picture = fill(height, width, colors["ground"])
    mottle(picture, rng, 0.018, 3)
    picture *= 1 + 0.012 * noise(rng, height, width, 160, 1, stretch=6)[..., None]
    wash = np.zeros((height, width), dtype=np.float32)
    cover = np.zeros((height, width), dtype=np.float32)
    if motif == "enso":
        radius = min(ratio, 1) * rng.uniform(0.3, 0.35)
        start = rng.uniform(0, 2 * np.pi)
        turns = start + np.linspace(0, 2 * np.pi * rng.uniform(0.9, 0.98), 14)
        round_points = np.stack(
            [
                ratio / 2 + radius * np.cos(turns) * rng.uniform(0.96, 1.04),
                0.49 + radius * np.sin(turns) * rng.uniform(0.96, 1.04),
            ],
            axis=1,
        )
        round_points += rng.normal(0, 0.006, round_points.shape)
        stroke(cover, rng, round_points, rng.uniform(0.07, 0.12), rng.uniform(0.9, 1.3), 0.35)
        _splatter(cover, rng, (float(round_points[0, 0]), float(round_points[0, 1])), 14)
    elif motif == "reeds":
        for layer, (shade, count) in enumerate(((wash, 5), (cover, 6))):
            for _ in range(count):
                foot = ratio * rng.uniform(0.12, 0.88)
                lean = rng.uniform(-0.12, 0.16)
                tall = rng.uniform(0.5, 0.92)
                stem = np.array(
                    [(foot, 1.02), (foot + lean * 0.25, 1 - tall * 0.5), (foot + lean, 1 - tall)]
                )
                stroke(shade, rng, stem, rng.uniform(0.007, 0.014), 0.6, 0.6)
                for _ in range(int(rng.integers(2, 5))):
                    up = rng.uniform(0.25, 0.95)
                    root = stem[0] + (stem[2] - stem[0]) * up
                    side = 1 if rng.random() < 0.6 else -1
                    reach = rng.uniform(0.09, 0.2)
                    bend = np.array([(0, 0), (side * 0.5, -0.25), (side, rng.uniform(-0.1, 0.5))])
                    blade = root + reach * bend
                    stroke(shade, rng, blade, rng.uniform(0.012, 0.028), 0.5 + 0.2 * layer, 0.97)
        wash = soften(wash, 0.003)
    else:
        count = int(rng.integers(2, 5))
        for at in range(count):
            first = np.array(
                [ratio * rng.uniform(0.15, 0.4), rng.uniform(0.12, 0.35) + 0.5 * at / count]
            )
            steps = rng.uniform(-0.13, 0.13, (4, 2)) + np.array([ratio * 0.17, 0.05])
            if rng.random() < 0.4:
                steps = rng.uniform(-0.13, 0.13, (4, 2)) + np.array([0.02, 0.15])
            points = np.vstack([first, first + np.cumsum(steps, axis=0)])
            points[:, 0] = np.clip(points[:, 0], 0.08, ratio - 0.08)
            points[:, 1] = np.clip(points[:, 1], 0.08, 0.9)
            broad = rng.uniform(0.06, 0.14) if at == 0 else rng.uniform(0.02, 0.07)
            stroke(cover, rng, points, broad, rng.uniform(0.7, 1.2))
            _splatter(cover, rng, (float(points[-1, 0]), float(points[-1, 1])), 9)
    lay(picture, colors["ink"], field(0.33 * wash))
    lay(picture, colors["ink"], field(0.12 * soften(cover, 0.006)))
    lay(picture, colors["ink"], field(0.96 * cover))
    _seal(picture, rng, colors, ratio)
    x, y = axes(height, width)
    edge = np.minimum(np.minimum(x, ratio - x), np.minimum(y, 1 - y))
    picture *= (0.965 + 0.035 * np.clip(edge / 0.03, 0, 1))[..., None].astype(np.float32)
    return picture
