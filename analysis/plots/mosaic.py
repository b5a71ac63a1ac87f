"""Pictures on a grid, each as near to where it belongs as the others let it be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.map.layout import Positions

FILL: Final = 0.52
"""Share of a grid that is filled: what stays free shows where one thing ends and another begins."""
FLATTEST: Final = 0.56
"""Height : width of a grid at least."""
ROUNDS: Final = 400
"""How often pictures that overlap are pushed apart."""
PUSH: Final = 0.45
"""How far each of two is pushed, of what they overlap by."""
CROWD: Final = 60
"""Pictures that overlap with each, on average, in a crowd."""
CHOICES: Final = (16, 48)
"""Cells around it that a picture may come into: first so many, then so many."""
EVENNESS: Final = (0.0, 0.4, 0.8)
"""How far pictures are moved to where they would lie evenly, before: not at all if it can be."""


@dataclass(frozen=True)
class Mosaic:
    """Which cell of a grid each picture is in."""

    columns: int
    rows: int
    cells: npt.NDArray[np.int64]
    """(n, 2): column and row, from the upper left; no two are the same."""


def arrange(places: Positions) -> Mosaic:
    """Put each of `places`, (n, 2) of any scale, into a cell of its own, near by.

    First those that overlap are pushed apart, so that crowds get room, and then the cells are
    divided so that the squares of the distances to them are least in sum. Where a crowd is too
    dense for that, what lies thinly moves together to make room for it.
    """
    low, high = places.min(axis=0), places.max(axis=0)
    width, height = np.maximum(high - low, 1e-9)
    shape = min(max(height / width, FLATTEST), 1 / FLATTEST) if len(places) > 1 else 1.0
    columns = max(1, math.ceil(math.sqrt(len(places) / FILL / shape)))
    rows = max(1, math.ceil(columns * shape), math.ceil(len(places) / columns))
    size = np.array([columns, rows], dtype=np.float64)
    scale = float(((size - 1) / (width, height)).min())
    points = (places - (low + high) / 2) * scale + size / 2
    for evenness in EVENNESS:
        evened = points + evenness * (_evenly(places, size) - points)
        if not _crowded(evened):
            cells = _assigned(_apart(evened, size), columns, rows)
            if cells is not None:
                return Mosaic(columns, rows, cells)
    return Mosaic(columns, rows, _in_rows(places, columns, rows))


def _in_rows(places: Positions, columns: int, rows: int) -> npt.NDArray[np.int64]:
    """Fill rows from above, each from the left, alike: what is left when all lie on one spot."""
    order = np.argsort(places[:, 1], kind="stable")
    cells = np.empty((len(places), 2), dtype=np.int64)
    for row, members in enumerate(np.array_split(order, rows)):
        first = (columns - len(members)) // 2
        inside = members[np.argsort(places[members, 0], kind="stable")]
        cells[inside] = np.column_stack([np.arange(len(members)) + first, [row] * len(members)])
    return cells


def _evenly(places: Positions, size: Positions) -> Positions:
    """Return places by their rank in each direction, from 0 to `size`."""
    ranks = np.argsort(np.argsort(places, axis=0, kind="stable"), axis=0)
    spread: Positions = (ranks + 0.5) / len(places) * size
    return spread


def _crowded(points: Positions) -> bool:
    """Tell whether so many overlap that it would take long to push them apart."""
    from scipy.spatial import KDTree

    tree = KDTree(points)
    return bool(tree.count_neighbors(tree, 1.0) > CROWD * len(points))


def _apart(points: Positions, size: Positions) -> Positions:
    """Push points apart that are less than 1 from each other, within (0, 0) and `size`."""
    from scipy.spatial import KDTree

    # Points on one spot have no direction to part in: a spiral gives each one.
    turn = np.arange(len(points)) * (math.pi * (3 - math.sqrt(5)))
    points = points + 1e-3 * np.column_stack([np.cos(turn), np.sin(turn)])
    for _ in range(ROUNDS):
        pairs = KDTree(points).query_pairs(1.0, output_type="ndarray")
        if not len(pairs):
            break
        between = points[pairs[:, 1]] - points[pairs[:, 0]]
        distance = np.maximum(np.linalg.norm(between, axis=1, keepdims=True), 1e-9)
        push = between / distance * (1 - distance) * PUSH
        for axis in (0, 1):
            np.add.at(points[:, axis], pairs[:, 0], -push[:, axis])
            np.add.at(points[:, axis], pairs[:, 1], push[:, axis])
        points = np.clip(points, 0.5, np.maximum(size - 0.5, 0.5))
    return points


def _assigned(points: Positions, columns: int, rows: int) -> npt.NDArray[np.int64] | None:
    """Divide cells among points, each of its nearest so many; None where these do not do."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import (
        maximum_bipartite_matching,
        min_weight_full_bipartite_matching,
    )
    from scipy.spatial import KDTree

    across, down = np.meshgrid(np.arange(columns), np.arange(rows))
    cells = np.column_stack([across.ravel(), down.ravel()])
    tree = KDTree(cells + 0.5)
    for choice in sorted({min(choice, len(cells)) for choice in CHOICES}):
        distance, near = tree.query(points, k=np.arange(1, choice + 1))
        starts = np.arange(0, near.size + 1, choice)
        # No weight may be 0, which would be no edge.
        weights = csr_array(
            (1 + distance.ravel() ** 2, near.ravel(), starts), shape=(len(points), len(cells))
        )
        if (maximum_bipartite_matching(weights, perm_type="column") >= 0).all():
            _, chosen = min_weight_full_bipartite_matching(weights)
            found: npt.NDArray[np.int64] = cells[chosen]
            return found
    return None
