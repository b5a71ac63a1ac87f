"""Mahalanobis: how far a work is from what the works of its own style, genre or category are.

A group of works is a centre and a covariance, shrunk so that few works are enough (O. Ledoit and
M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", 2004), found
again without the works that lie far out, so that these do not hide each other, and scaled by the
median distance as robust estimators are (P. J. Rousseeuw and K. Van Driessen, "A Fast Algorithm
for the Minimum Covariance Determinant Estimator", 1999). A work of the group is held against the
others of it: by itself it would draw a small group's centre and covariance to its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2
from sklearn.covariance import LedoitWolf

LEAST_WORKS: Final = 20
"""Works that a term needs for a distribution of its own."""
MOST_WORKS: Final = 20_000
"""Works that a distribution is fitted to, drawn by lot where there are more."""
ROUNDS: Final = 3
CENTRAL: Final = 0.975
"""Quantile of chi-square beyond which works do not count in the next round."""
_LEAST_VARIANCE: Final = 1e-9
"""Of a direction, as a share of that of the widest one."""
_SAME: Final = 1e-6
"""Works that differ by less, relative to how far they are from the origin, are the same."""
_LEAST_LEFT: Final = 1e-3
"""Of a direction's variance, when one work is taken away: below, rounding decides."""

Points = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Shape:
    """The distribution of works: centre and shrunk covariance, of so many works."""

    center: npt.NDArray[np.float64]
    """(k,)"""
    whitening: npt.NDArray[np.float64]
    """(k, k): times it, distances from the centre are those of Mahalanobis."""
    shrinkage: float
    works: int

    def squares(self, points: Points, inside: Mask) -> Scores:
        """Return the squared distances of points (n, k), (n,).

        For those that the distribution was fitted to (`inside`) as if it had been fitted without
        them: taking a work away lowers the covariance by a matrix of rank one, whose inverse is
        known (Sherman and Morrison); the shrinkage is kept.
        """
        scaled = (points.astype(np.float64) - self.center) @ self.whitening
        squares: Scores = np.einsum("ij,ij->i", scaled, scaled)
        others = self.works - 1
        part = (1 - self.shrinkage) / others
        without = (self.works / others) ** 2 * squares / np.maximum(1 - part * squares, _LEAST_LEFT)
        return np.where(inside, without, squares)


def group_scores(points: Points, *, seed: int = 0) -> Scores:
    """Return how far each of a group's works (n, k) is from the others, (n,).

    In usual distances: the median work has 1. Where all works are the same, all have 1. Raises
    ValueError for fewer than LEAST_WORKS.
    """
    count, dimensions = points.shape
    if count < LEAST_WORKS:
        raise ValueError(f"{count} works are no distribution: at least {LEAST_WORKS} are needed.")
    if _are_same(points):
        return np.ones(count)
    inside = np.ones(count, dtype=np.bool_)
    if count > MOST_WORKS:
        inside[:] = False
        inside[np.random.default_rng(seed).choice(count, MOST_WORKS, replace=False)] = True
    drawn = inside
    limit, middle = chi2.ppf((CENTRAL, 0.5), dimensions)
    for _ in range(ROUNDS):
        squares = _fitted(points[inside]).squares(points, inside)
        median = float(np.median(squares))
        # More than half of the works are one and the same.
        median = max(median, float(np.mean(squares)) * _SAME)
        central = drawn & (squares * middle / median <= limit)
        # Never fewer than half: the median would be that of what was left out.
        enough = central.sum() >= max(LEAST_WORKS / 2, drawn.sum() / 2)
        if not enough or (central == inside).all() or _are_same(points[central]):
            break
        inside = central
    return np.sqrt(squares / median)


def tail(score: float, dimensions: int) -> float:
    """Return the probability of a work of the group to lie so far out, were these normal.

    `score` is a distance in usual ones, and the usual one is the median of chi with `dimensions`.
    """
    return float(chi2.sf(score**2 * chi2.ppf(0.5, dimensions), dimensions))


def _are_same(points: Points) -> bool:
    return bool(np.ptp(points, axis=0).max() <= _SAME * np.abs(points).max())


def _fitted(points: Points) -> Shape:
    fitted = LedoitWolf().fit(points.astype(np.float64))
    values, axes = np.linalg.eigh(fitted.covariance_)
    # Where works do not differ at all, rounding leaves values about zero, on either side of it.
    floor = max(float(values[-1]) * _LEAST_VARIANCE, np.finfo(np.float64).tiny)
    whitening = axes / np.sqrt(np.maximum(values, floor))
    return Shape(fitted.location_, whitening, float(fitted.shrinkage_), len(points))
