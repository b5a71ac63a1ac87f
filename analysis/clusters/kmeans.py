"""k-means: every image belongs to one group, that of the nearest centre.

Where k-means ends depends on where it starts, and the start with the least inertia is not the one
whose groups mean most to people. So it starts where many runs agree: RUNS runs with different
numbers of groups say how often two images are together (evidence accumulation; Fred and Jain
2005), a tree by Ward's method over that is cut into as many groups as are wanted, and their centres
are the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.clusters import SEED
from analysis.clusters.reduction import Points

RUNS: Final = 100
WITNESSES: Final = 2_000
"""Images that the runs are about, drawn by lot: they take their square in memory."""
ROUNDS: Final = 100
DIGITS: Final = 5
"""Decimal places in which points must differ: below, it is how they were computed."""


@dataclass(frozen=True)
class Kmeans:
    """Groups by their centres."""

    centers: Points
    """(k, dimensions)."""

    def only(self, groups: npt.NDArray[np.intp]) -> Kmeans:
        """Return some of the groups alone."""
        return Kmeans(self.centers[groups])

    def memberships(self, points: Points) -> npt.NDArray[np.float32]:
        """Return how much each point belongs to each group: (n, k), 1 or 0."""
        # |x - c|² without |x|², which does not change which is least.
        far = (self.centers**2).sum(axis=1) - 2.0 * points @ self.centers.T
        found = np.zeros(far.shape, np.float32)
        found[np.arange(len(found)), far.argmin(axis=1)] = 1.0
        return found


@dataclass(frozen=True)
class Grouped:
    """What a fit came to."""

    model: Kmeans
    labels: npt.NDArray[np.int32]
    """(n,): the group of each point, from 0."""
    inertia: float


@dataclass(frozen=True)
class Agreement:
    """What many runs agree on, from which any number of groups can start."""

    points: Points
    """The witnesses, (n, dimensions)."""
    tree: npt.NDArray[np.float64]
    """(n - 1, 4): what joins what, as SciPy's `linkage` gives it."""

    def start(self, k: int) -> Points:
        """Return `k` centres, (k, dimensions), or fewer where there are fewer witnesses."""
        from scipy.cluster.hierarchy import cut_tree

        labels = cut_tree(self.tree, min(k, len(self.points)))[:, 0]
        return np.stack([self.points[labels == one].mean(axis=0) for one in np.unique(labels)])


def find_agreement(points: Points, most: int, *, runs: int = RUNS) -> Agreement:
    """Run k-means on points, (n, dimensions), with a quarter of `most` to `most` groups."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform
    from sklearn.cluster import KMeans

    if len(points) > WITNESSES:
        drawn = np.random.default_rng(SEED).choice(len(points), WITNESSES, replace=False)
        points = points[np.sort(drawn)]
    most = min(most, count_distinct(points))
    together = np.zeros((len(points), len(points)), np.float32)
    least = min(most, max(2, most // 4))
    for run, k in enumerate(np.linspace(least, most, runs).round().astype(int)):
        labels = KMeans(int(k), n_init=1, random_state=SEED + run).fit_predict(points)
        together += labels[:, None] == labels[None, :]
    apart = 1.0 - together / runs
    np.fill_diagonal(apart, 0.0)
    return Agreement(points, linkage(squareform(apart, checks=False), "ward"))


def count_distinct(points: Points) -> int:
    """Count the points that differ: more groups than that there are not."""
    return len(np.unique(points.round(DIGITS), axis=0))


def fit_kmeans(points: Points, k: int, agreement: Agreement) -> Grouped:
    """Find `k` centres of points, (n, dimensions)."""
    from sklearn.cluster import KMeans

    start = agreement.start(k)
    fitted: Any = KMeans(len(start), init=start, n_init=1, max_iter=ROUNDS).fit(points)
    return Grouped(
        Kmeans(np.asarray(fitted.cluster_centers_, np.float32)),
        np.asarray(fitted.labels_, np.int32),
        float(fitted.inertia_),
    )
