"""Layouts of the flat styles: which of the palette's colours lies at each point.

A layout is a function of the unit square, so it has no resolution: the catalogue samples it
coarsely to state the share of every colour, the painter evaluates it for every pixel.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Coordinates = NDArray[np.float32]
Indices = NDArray[np.uint8]
Layout = Callable[[Coordinates, Coordinates], Indices]
"""Takes x in [0, ratio) of shape (1, w) and y in [0, 1) of shape (h, 1), gives (h, w) indices."""

SAMPLES = 384


def _picked(rng: random.Random, colors: int, weights: tuple[float, ...]) -> int:
    return rng.choices(range(colors), weights[:colors])[0]


# The first colours get the larger areas: a picture is dominated by its ground and main.
_WEIGHTS = (5.0, 5.0, 3.5, 3.5, 1.3, 1.0, 1.2)


def _table(rng: random.Random, rows: int, columns: int, pick: Callable[[], int]) -> Indices:
    return np.array([[pick() for _ in range(columns)] for _ in range(rows)], dtype=np.uint8)


def quarters(rng: random.Random, ratio: float, colors: int) -> Layout:
    """Square tiles with discs, quarter and half circles, leaves and triangles."""
    rows = rng.choice((4, 5, 6))
    columns = max(2, round(rows * ratio))
    kinds = _table(rng, rows, columns, lambda: rng.choice((0, 0, 1, 1, 2, 3, 4, 5, 6)))
    turns = _table(rng, rows, columns, lambda: rng.randrange(4))
    backs = _table(rng, rows, columns, lambda: _picked(rng, colors, _WEIGHTS))
    fronts = _table(rng, rows, columns, lambda: _picked(rng, colors, (4, 4, 4, 4, 2.5, 1.5, 2)))
    cores = _table(rng, rows, columns, lambda: _picked(rng, colors, (2, 2, 2, 2, 2, 2, 2)))
    fronts = np.where(fronts == backs, (backs + 1) % colors, fronts).astype(np.uint8)

    def layout(x: Coordinates, y: Coordinates) -> Indices:
        gx, gy = x / np.float32(ratio) * columns, y * rows
        column = np.clip(gx.astype(np.int32), 0, columns - 1)
        row = np.clip(gy.astype(np.int32), 0, rows - 1)
        u, v = gx - column, gy - row
        u, v = np.broadcast_arrays(u, v)
        turn = turns[row, column]
        u = np.where(turn % 2 == 1, 1 - u, u)
        v = np.where(turn >= 2, 1 - v, v)
        kind = kinds[row, column]
        corner = u * u + v * v
        opposite = (1 - u) ** 2 + (1 - v) ** 2
        centre = (u - 0.5) ** 2 + (v - 0.5) ** 2
        inside = np.select(
            [kind == n for n in range(7)],
            [
                corner < 1,
                corner < 1,
                centre < 0.25,
                (u - 0.5) ** 2 + v * v < 0.25,
                (corner < 1) & (opposite < 1),
                u + v < 1,
                centre < 0.16,
            ],
        )
        core = np.select(
            [kind == 0, kind == 2, kind == 6],
            [corner < 0.25, centre < 0.06, centre < 0.03],
            default=False,
        )
        found = np.where(inside, fronts[row, column], backs[row, column])
        return np.where(core, cores[row, column], found).astype(np.uint8)

    return layout


def lattice(rng: random.Random, ratio: float, colors: int) -> Layout:
    """Rectangles of many sizes between ruled lines."""
    cells: list[tuple[float, float, float, float]] = []

    def split(x: float, y: float, w: float, h: float, depth: int) -> None:
        if depth == 0 or (depth < 3 and rng.random() < 0.25) or min(w, h) < 0.09:
            cells.append((x, y, w, h))
            return
        part = rng.uniform(0.28, 0.72)
        if w * rng.uniform(0.7, 1.4) > h:
            split(x, y, w * part, h, depth - 1)
            split(x + w * part, y, w * (1 - part), h, depth - 1)
        else:
            split(x, y, w, h * part, depth - 1)
            split(x, y + h * part, w, h * (1 - part), depth - 1)

    split(0, 0, ratio, 1, 5)
    light, ink = colors - 1, colors - 2
    fills = []
    for _, _, w, h in cells:
        large = w * h > 0.05 * ratio
        weights = (6.0, 3.0, 1.5, 1.5, 0.6) if large else (2.0, 2.5, 2.5, 2.5, 2.0)
        fills.append(rng.choices((0, 1, 2, 3, 4), weights)[0] if rng.random() < 0.93 else light)
    half = rng.choice((0.004, 0.006, 0.008))

    def layout(x: Coordinates, y: Coordinates) -> Indices:
        found = np.full((y.shape[0], x.shape[1]), ink, dtype=np.uint8)
        for (left, top, w, h), fill in zip(cells, fills, strict=True):
            columns = np.flatnonzero((x[0] >= left + half) & (x[0] < left + w - half))
            rows = np.flatnonzero((y[:, 0] >= top + half) & (y[:, 0] < top + h - half))
            if len(columns) and len(rows):
                found[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = fill
        return found

    return layout


def rings(rng: random.Random, ratio: float, colors: int) -> Layout:
    """Concentric circles in tiles, each quarter coloured on its own."""
    rows = rng.choice((2, 3, 3, 4))
    columns = max(2, round(rows * ratio))
    depth = rng.choice((3, 4, 5))
    table = np.array(
        [_picked(rng, colors, _WEIGHTS) for _ in range(rows * columns * 4 * (depth + 1))],
        dtype=np.uint8,
    ).reshape(rows, columns, 4, depth + 1)
    if rng.random() < 0.5:
        table[:] = table[:, :, :1, :]

    def layout(x: Coordinates, y: Coordinates) -> Indices:
        gx, gy = x / np.float32(ratio) * columns, y * rows
        column = np.clip(gx.astype(np.int32), 0, columns - 1)
        row = np.clip(gy.astype(np.int32), 0, rows - 1)
        u, v = gx - column - 0.5, gy - row - 0.5
        quarter = (u > 0).astype(np.int32) + 2 * (v > 0).astype(np.int32)
        ring = np.minimum((np.sqrt(u * u + v * v) * (2.08 * depth)).astype(np.int32), depth)
        flat: Indices = table[row, column, quarter, ring]
        return flat

    return layout


def nested(rng: random.Random, ratio: float, colors: int) -> Layout:
    """Squares within squares that sink towards the lower edge."""
    order = [*rng.sample(range(min(4, colors)), 3), rng.randrange(colors)]
    cuts = (0.0, rng.uniform(0.15, 0.2), rng.uniform(0.3, 0.36), rng.uniform(0.45, 0.6))
    sink = rng.choice((0.5, 0.62, 0.75))
    panels = rng.choice((1, 1, 1, 2, 3))
    orders = [order, order[1:] + order[:1], order[2:] + order[:2]]

    def layout(x: Coordinates, y: Coordinates) -> Indices:
        gx, gy = x / np.float32(ratio) * panels, y * panels
        column = np.clip(gx.astype(np.int32), 0, panels - 1)
        row = np.clip(gy.astype(np.int32), 0, panels - 1)
        u, v = gx - column, gy - row
        which = (column + row) % 3 if panels > 1 else np.zeros_like(column + row)
        level = np.zeros(np.broadcast_shapes(u.shape, v.shape), dtype=np.int32)
        for step, cut in enumerate(cuts[1:], 1):
            left, top = cut, cut * 2 * sink
            inside = (u > left) & (u < 1 - left) & (v > top) & (v < 1 - (2 * cut - top))
            level[np.broadcast_to(inside, level.shape)] = step
        flat: Indices = np.array(orders, dtype=np.uint8)[which, level]
        return flat

    return layout


def protractor(rng: random.Random, ratio: float, colors: int) -> Layout:
    """Interlaced bands of half circles."""
    centres = [
        (ratio * at, rng.choice((0.0, 1.0)) if rng.random() < 0.75 else 0.5)
        for at in (rng.uniform(-0.05, 0.2), rng.uniform(0.4, 0.6), rng.uniform(0.8, 1.05))
    ]
    rng.shuffle(centres)
    width = rng.uniform(0.055, 0.09)
    bands = rng.choice((5, 6, 7))
    runs = [[_picked(rng, colors, (4, 4, 4, 4, 2, 1.2)) for _ in range(bands)] for _ in centres]
    for run in runs:
        for at in range(1, bands):
            if run[at] == run[at - 1]:
                run[at] = (run[at] + 1) % colors
    line = rng.choice((0.0, 0.1, 0.14))

    def layout(x: Coordinates, y: Coordinates) -> Indices:
        shape = np.broadcast_shapes(x.shape, y.shape)
        found = np.zeros(shape, dtype=np.uint8)
        for (cx, cy), run in zip(centres, runs, strict=True):
            steps = np.sqrt((x - np.float32(cx)) ** 2 + (y - np.float32(cy)) ** 2) / width
            band = steps.astype(np.int32)
            hit = band < bands
            colored = np.array([*run, 0], dtype=np.uint8)[np.minimum(band, bands)]
            if line:
                colored[(steps - band) < line] = colors - 1
            found[hit] = colored[hit]
        return found

    return layout


def diagonal(rng: random.Random, ratio: float, colors: int) -> Layout:
    """Slanted stripes that fold into chevrons."""
    folds = rng.choice((1, 2, 2, 3, 4))
    slope = rng.uniform(0.5, 1.3) * rng.choice((-1, 1))
    edges = [0.0]
    while edges[-1] < 6:
        edges.append(edges[-1] + rng.choice((0.05, 0.09, 0.14, 0.2)))
    fills = [_picked(rng, colors, (5, 4, 3, 3, 1.5, 1.0)) for _ in edges]
    for at in range(1, len(fills)):
        if fills[at] == fills[at - 1]:
            fills[at] = (fills[at] + 1) % min(4, colors)
    period = ratio / folds

    def layout(x: Coordinates, y: Coordinates) -> Indices:
        folded = np.abs((x / period) % 1.0 - 0.5) * period if folds > 1 else x
        along = y + slope * folded + 2.0
        at = np.searchsorted(np.array(edges, dtype=np.float32), along, side="right")
        flat: Indices = np.array([*fills, 0], dtype=np.uint8)[np.minimum(at, len(fills)) - 1]
        return flat

    return layout


# In op art the ink must stay smaller than the ground, or black would name every picture.
def bulge(rng: random.Random, ratio: float, colors: int) -> Layout:
    """A chequered or dotted sheet that swells towards the eye."""
    cells = rng.choice((13, 15, 17, 21))
    cx, cy = ratio * rng.uniform(0.35, 0.65), rng.uniform(0.35, 0.65)
    radius = rng.uniform(0.34, 0.46)
    dots = rng.random() < 0.5
    tinted = colors > 2 and rng.random() < 0.7

    def layout(x: Coordinates, y: Coordinates) -> Indices:
        dx, dy = x - np.float32(cx), y - np.float32(cy)
        distance = np.sqrt(dx * dx + dy * dy) / radius
        inside = distance < 1
        pull = np.where(inside, 0.42 + 0.58 * np.minimum(distance, 1) ** 2, 1.0)
        u, v = (cx + dx * pull) * cells, (cy + dy * pull) * cells
        column, row = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
        if dots:
            marked = (u - column - 0.5) ** 2 + (v - row - 0.5) ** 2 < 0.135
        else:
            marked = ((column + row) % 2 == 0) & (
                np.maximum(np.abs(u - column - 0.5), np.abs(v - row - 0.5)) < 0.44
            )
        mark = np.where(inside, 2, 1) if tinted else np.ones_like(column)
        return np.where(marked, mark, 0).astype(np.uint8)

    return layout


def ripple(rng: random.Random, ratio: float, colors: int) -> Layout:
    """Stripes in step, bent by waves until they seem to move."""
    stripes = rng.choice((22, 26, 32))
    waves = [
        (rng.uniform(0.03, 0.075), rng.uniform(3, 7), rng.uniform(0, 6.28)),
        (rng.uniform(0.01, 0.03), rng.uniform(8, 13), rng.uniform(0, 6.28)),
    ]
    lean = rng.uniform(-0.4, 0.4)
    accents = {rng.randrange(stripes) for _ in range(3)} if rng.random() < 0.75 else set()

    def layout(x: Coordinates, y: Coordinates) -> Indices:
        shift = sum(size * np.sin(often * y + start) for size, often, start in waves)
        phase = (x / ratio + shift * (1 + 0.6 * np.sin(3 * x)) + lean * y) * stripes
        stripe = np.floor(phase).astype(np.int32)
        thick = 0.36 + 0.1 * np.sin(2.5 * y + 4 * x)
        marked = (phase - stripe) < thick
        tint = np.isin(stripe % stripes, list(accents)) if accents and colors > 2 else False
        return np.where(marked, np.where(tint, 2, 1), 0).astype(np.uint8)

    return layout


def tunnel(rng: random.Random, ratio: float, colors: int) -> Layout:
    """Rings cut by spokes, drawn into the depth."""
    spokes = rng.choice((16, 20, 24, 28))
    depth = rng.uniform(4.0, 5.5)
    twist = rng.uniform(-2.2, 2.2)
    cx, cy = ratio * rng.uniform(0.45, 0.55), rng.uniform(0.45, 0.55)
    eye = rng.uniform(0.05, 0.1)

    def layout(x: Coordinates, y: Coordinates) -> Indices:
        dx, dy = x - np.float32(cx), y - np.float32(cy)
        distance = np.sqrt(dx * dx + dy * dy) + 1e-6
        logs = np.log(distance)
        turn = np.arctan2(dy, dx) / (2 * np.pi) * spokes + twist * logs
        ring = np.floor(logs * depth * 1.1).astype(np.int32)
        turn = turn + 0.5 * (ring % 2)
        marked = (turn - np.floor(turn)) < 0.43
        found = np.where(marked, 1, 0)
        return np.where(distance < eye, 2 if colors > 2 else 1, found).astype(np.uint8)

    return layout


_LAYOUTS: dict[str, Callable[[random.Random, float, int], Layout]] = {
    "quarters": quarters,
    "lattice": lattice,
    "rings": rings,
    "nested": nested,
    "protractor": protractor,
    "diagonal": diagonal,
    "bulge": bulge,
    "ripple": ripple,
    "tunnel": tunnel,
}


def layout(motif: str, seed: int, ratio: float, colors: int) -> Layout:
    """The layout of one work; `ratio` is width over height, `colors` the size of its palette."""
    return _LAYOUTS[motif](random.Random(f"{seed}:{motif}"), ratio, colors)


def _axes(ratio: float, width: int, height: int) -> tuple[Coordinates, Coordinates]:
    x = ((np.arange(width, dtype=np.float32) + 0.5) * np.float32(ratio / width))[None, :]
    y = ((np.arange(height, dtype=np.float32) + 0.5) / np.float32(height))[:, None]
    return x, y


def indices(motif: str, seed: int, width: int, height: int, colors: int) -> Indices:
    """Palette index of every pixel, `(height, width)` uint8."""
    ratio = width / height
    return layout(motif, seed, ratio, colors)(*_axes(ratio, width, height))


@lru_cache(maxsize=16_384)
def fractions(style: str, motif: str, seed: int, ratio: float, colors: int) -> tuple[float, ...]:
    """The share of the area of each colour, within half a percent."""
    found = layout(motif, seed, ratio, colors)(*_axes(ratio, SAMPLES, SAMPLES))
    counts = np.bincount(found.ravel(), minlength=colors)
    return tuple(float(count) / found.size for count in counts)
