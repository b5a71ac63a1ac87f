"""How many groups there are: three measures over a range of numbers, and the rule that chooses.

Inertia always falls with more groups; its elbow says where more of them begin to bring little. The
silhouette says how far apart groups are; by itself it prefers the one great division of a
collection, or its smallest knots. Both curves are scaled to 0..1, and the number with the largest
sum is chosen. Davies-Bouldin is measured for people to compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.clusters import SEED
from analysis.clusters.kmeans import Agreement, Grouped, fit_kmeans
from analysis.clusters.reduction import Points

MOST: Final = 32
"""Groups that are tried at most: more than people can look through."""
EACH: Final = 5
"""Images for each group, on average, for a number of groups to be tried."""
JUDGED: Final = 4_000
"""Images whose silhouette is measured, drawn by lot: it takes their square in time."""

Curve = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Candidate:
    """A number of groups, and how good they are."""

    k: int
    inertia: float
    """Sum of the squared distances of images from the centres of their groups."""
    silhouette: float
    """-1 to 1, more is better: how much nearer images are to their own group than to the next
    (Rousseeuw 1987)."""
    davies_bouldin: float
    """0 and more, less is better: how wide groups are, compared with how far apart (Davies and
    Bouldin 1979)."""

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Choice:
    """The number of groups that was chosen, and what from."""

    k: int
    elbow: int
    candidates: tuple[Candidate, ...]


def numbers_to_try(images: int) -> list[int]:
    """Return the numbers of groups that are tried for so many images.

    Each one up to 16, every second up to 24, every fourth up to MOST.
    """
    most = max(2, min(MOST, images // EACH))
    return [k for k in (*range(2, 17), *range(18, 25, 2), *range(28, MOST + 1, 4)) if k <= most]


def choose_number(points: Points, agreement: Agreement, numbers: Sequence[int]) -> Choice:
    """Try numbers of groups on points, (n, dimensions) float32, and choose one."""
    return choose([judge(points, k, fit_kmeans(points, k, agreement)) for k in numbers])


def judge(points: Points, k: int, grouped: Grouped) -> Candidate:
    """Measure how good the groups of points are."""
    return Candidate(k, grouped.inertia, *separation(points, grouped.labels))


def separation(points: Points, labels: npt.NDArray[Any]) -> tuple[float, float]:
    """Return silhouette and Davies-Bouldin of groups; 0 and 0 where they cannot be told."""
    from sklearn.metrics import davies_bouldin_score, silhouette_score

    drawn = np.arange(len(points))
    if len(points) > JUDGED:
        drawn = np.random.default_rng(SEED).choice(len(points), JUDGED, replace=False)
    points, labels = points[drawn], labels[drawn]
    if not 1 < len(np.unique(labels)) < len(points):
        return 0.0, 0.0
    return float(silhouette_score(points, labels)), float(davies_bouldin_score(points, labels))


def choose(candidates: Sequence[Candidate]) -> Choice:
    """Choose the number at which elbow and silhouette, each scaled to 0..1, have the largest sum.

    Of equals, the least.
    """
    numbers = [one.k for one in candidates]
    bend = depth(numbers, [one.inertia for one in candidates])
    good = scaled(np.array([one.silhouette for one in candidates]))
    best = int(np.argmax(scaled(bend) + good))
    return Choice(numbers[best], numbers[int(np.argmax(bend))], tuple(candidates))


def depth(numbers: Sequence[int], inertias: Sequence[float]) -> Curve:
    """Return how far the curve of inertia lies below the line from its first to its last number.

    The elbow is where it is deepest (Satopää and others 2011, "Kneedle", without smoothing). The
    logarithm is taken, so that it is the share that each further group takes away which counts.
    """
    tiny = max(inertias) * 1e-12 + np.finfo(np.float64).tiny
    fall = scaled(np.log(np.asarray(inertias) + tiny))
    found: Curve = 1.0 - scaled(np.asarray(numbers, np.float64)) - fall
    return found


def scaled(curve: Curve) -> Curve:
    """Return a curve from 0, its least, to 1, its most; a level one is 0."""
    span = float(np.ptp(curve))
    return (curve - curve.min()) / span if span > 0 else np.zeros(len(curve))
