"""Placing images on a map that is there, beside those that they are most alike to."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.clusters.sample import lots
from analysis.embeddings.stored import Ids
from analysis.map.layout import MARGIN, Positions, Vectors

NEIGHBORS: Final = 8
"""Images on the map that a new one is compared with."""
REACH: Final = 0.05
"""How far from each other, of a side of 1, neighbours lie that are in one place of the map."""
CHUNK: Final = 1024
"""Images that are placed at once: of 5,000 on the map, their distances take 20 MB."""
SPREAD: Final = 0.25
"""How far an image is moved aside at most, in the distance that images have on average."""


def place(points: Vectors, anchors: Vectors, places: Positions, ids: Ids) -> Positions:
    """Return where images belong on a map: (n, 2), within the unit square.

    An image comes to the place where most of its nearest neighbours lie, by their likeness, and
    there to their weighted mean; neighbours elsewhere do not pull it into the void between. What
    would lie on one spot is moved aside a little, by its id, so that no two images hide each other.

    Args:
        points: (n, c) float32, the images.
        anchors: (m, c) float32, those on the map; at least one.
        places: (m, 2), where they lie.
        ids: (n,), the images' ids, which decide where they are moved.
    """
    found = [np.empty((0, 2))]
    lengths = np.einsum("mc,mc->m", anchors, anchors)
    for start in range(0, len(points), CHUNK):
        chunk = points[start : start + CHUNK]
        squares = lengths - 2 * chunk @ anchors.T + np.einsum("nc,nc->n", chunk, chunk)[:, None]
        found.append(_among_neighbors(squares, places))
    room = 1 / np.sqrt(len(anchors) + len(points))
    moved: Positions = np.concatenate(found) + SPREAD * room * _aside(ids)
    return np.clip(moved, MARGIN / 2, 1 - MARGIN / 2)


def _among_neighbors(squares: npt.NDArray[np.float32], places: Positions) -> Positions:
    """Return the place of each image by its squared distances, (n, m), to those on the map."""
    count = min(NEIGHBORS, squares.shape[1])
    near = np.argpartition(squares, count - 1, axis=1)[:, :count]
    distance = np.maximum(np.take_along_axis(squares, near, axis=1), 0).astype(np.float64)
    # As t-SNE weighs neighbours; a twin, at no distance, outweighs all others.
    scale = np.maximum(distance.mean(axis=1, keepdims=True), 1e-12)
    weight = 1 / (distance / scale + 1e-6)
    at = places[near]
    together = np.linalg.norm(at[:, :, None] - at[:, None], axis=3) <= REACH
    support = np.einsum("nij,nj->ni", together, weight)
    best = support.argmax(axis=1)
    weight = weight * together[np.arange(len(at)), best]
    placed: Positions = np.einsum("ni,nic->nc", weight, at) / weight.sum(axis=1, keepdims=True)
    return placed


def _aside(ids: Ids) -> Positions:
    """Return a step for each id, (n, 2), of a length of 1 at most."""
    drawn = lots(ids)
    angle = (drawn >> np.uint64(32)).astype(np.float64) * (2 * np.pi / 2**32)
    length = np.sqrt((drawn & np.uint64(0xFFFFFFFF)).astype(np.float64) / 2**32)
    return np.column_stack([np.cos(angle), np.sin(angle)]) * length[:, None]
