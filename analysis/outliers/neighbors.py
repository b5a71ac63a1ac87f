"""Neighbours: how far the nearest works of a sample are.

The distance to the k nearest, where k is a share of a sample and not a number: what has a dozen of
its like in the collection is still far from most of it. Comparing with a sample instead of with all
keeps the outliers from vouching for each other, and takes as many steps as there are works
(M. Sugiyama and K. Borgwardt, "Rapid Distance-Based Outlier Detection via Sampling", NIPS 2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

SAMPLE: Final = 4096
"""Works that all are compared with, drawn by lot."""
SHARE: Final = 0.05
"""Share of the sample that counts as near: more than the outliers of one kind that are expected."""
FEWEST: Final = 5
"""Neighbours at least."""
_BLOCK: Final = 1024


@dataclass(frozen=True)
class Neighbors:
    """A sample, and how many of it count as near."""

    ids: npt.NDArray[np.int64]
    """(s,) ascending."""
    points: npt.NDArray[np.float32]
    """(s, k)"""
    near: int

    def scores(
        self, ids: npt.NDArray[np.int64], points: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float64]:
        """Return the mean distance of points (n, k) to the `near` nearest ones of the sample.

        (n,), Euclidean, in the space of the points; a work is no neighbour of its own.
        """
        scores = np.empty(len(points))
        squares = np.einsum("ij,ij->i", self.points, self.points)
        for start in range(0, len(points), _BLOCK):
            block = points[start : start + _BLOCK]
            apart = np.einsum("ij,ij->i", block, block)[:, None] + squares
            apart -= 2 * (block @ self.points.T)
            place = np.searchsorted(self.ids, ids[start : start + _BLOCK])
            place = np.minimum(place, len(self.ids) - 1)
            own = np.flatnonzero(self.ids[place] == ids[start : start + _BLOCK])
            apart[own, place[own]] = np.inf
            nearest = np.partition(apart, self.near - 1, axis=1)[:, : self.near]
            scores[start : start + _BLOCK] = np.sqrt(np.maximum(nearest, 0)).mean(axis=1)
        return scores


def fit_neighbors(
    ids: npt.NDArray[np.int64], points: npt.NDArray[np.float32], *, seed: int = 0
) -> Neighbors:
    """Draw the sample from works (n,) with points (n, k). Raises ValueError for fewer than 2."""
    if len(ids) < 2:
        raise ValueError("one work has no neighbours: at least 2 are needed.")
    chosen = np.arange(len(ids))
    if len(ids) > SAMPLE:
        chosen = np.random.default_rng(seed).choice(len(ids), SAMPLE, replace=False)
    chosen = chosen[np.argsort(ids[chosen])]
    near = min(max(FEWEST, round(SHARE * len(chosen))), len(chosen) - 1)
    return Neighbors(ids[chosen], points[chosen], near)
