"""From vectors to groups: reduced, their number chosen, fitted, and kept for images to come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.clusters.distances import diameters, group_centers
from analysis.clusters.gaussian import Gaussian, fit_gaussian
from analysis.clusters.kmeans import Kmeans, count_distinct, find_agreement, fit_kmeans
from analysis.clusters.reduction import DEFAULT_SHARE, Reduction, fit_reduction
from analysis.clusters.selection import Choice, choose_number, numbers_to_try, separation
from analysis.embeddings.stored import Vectors

Memberships: TypeAlias = npt.NDArray[np.float32]
"""(n, groups): how much each image belongs to each group, each row adding up to 1."""


@dataclass(frozen=True)
class Settings:
    """What groups depend on besides the images."""

    method: str
    k: int | None = None
    """Number of groups; None: chosen by the images."""
    share: float = DEFAULT_SHARE
    """Share of the variance that is kept."""

    def as_dict(self) -> dict[str, Any]:
        """Return it for `models.params`."""
        return {"method": self.method, "k": self.k or "auto", "share": self.share}


@dataclass(frozen=True)
class Fitted:
    """Groups that any image can be compared with; this is what the registry keeps."""

    reduction: Reduction
    groups: Kmeans | Gaussian
    centers: Vectors
    """(groups, d): the mean direction of each group's embeddings, length 1."""
    numbers: npt.NDArray[np.int32]
    """(groups,): what each is called."""

    def memberships(self, vectors: Vectors) -> Memberships:
        """Return how much embeddings, (n, d), belong to each group."""
        return self.groups.memberships(self.reduction.apply(vectors))


@dataclass(frozen=True)
class Fit:
    """What a fit came to, over the images that it was made of."""

    fitted: Fitted
    memberships: Memberships
    choice: Choice | None
    """None: the number was given."""
    silhouette: float
    davies_bouldin: float
    diameters: npt.NDArray[np.float64]
    """(groups,): see `distances.diameters`."""

    @property
    def primary(self) -> npt.NDArray[np.intp]:
        """(n,): the group that each image belongs to most of all, from 0."""
        return np.asarray(self.memberships.argmax(axis=1), np.intp)


def fit_groups(vectors: Vectors, settings: Settings) -> Fit:
    """Find groups of embeddings, (n, d), each row of length 1; the largest is number 1.

    Groups that no image belongs to most of all are dropped. One thread does it: sums of several
    depend on how many there are, and on these sizes they wait for each other more than they work.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        return _fit(vectors, settings)


def _fit(vectors: Vectors, settings: Settings) -> Fit:
    reduction = fit_reduction(vectors, settings.share)
    points = reduction.apply(vectors)
    distinct = count_distinct(points)
    tried = [k for k in numbers_to_try(len(points)) if k <= distinct] or [distinct]
    agreement = find_agreement(points, settings.k or tried[-1])
    choice = choose_number(points, agreement, tried) if settings.k is None else None
    wanted = min(settings.k or distinct, distinct) if choice is None else choice.k
    start = fit_kmeans(points, wanted, agreement).model
    groups = _without_empty(
        fit_gaussian(points, start) if settings.method == "gaussian" else start, points
    )
    memberships = groups.memberships(points)
    primary = memberships.argmax(axis=1)
    count = memberships.shape[1]
    sizes = np.bincount(primary, minlength=count)
    numbers = np.empty(count, np.int32)
    numbers[np.argsort(-sizes, kind="stable")] = np.arange(1, count + 1)
    return Fit(
        Fitted(reduction, groups, group_centers(vectors, primary, count), numbers),
        memberships,
        choice,
        *separation(points, primary),
        diameters(vectors, primary, count),
    )


def _without_empty(groups: Kmeans | Gaussian, points: Vectors) -> Kmeans | Gaussian:
    """Return groups of which each has images that belong to it most of all."""
    memberships = groups.memberships(points)
    there = np.unique(memberships.argmax(axis=1))
    while len(there) < memberships.shape[1]:
        groups = groups.only(there)
        memberships = groups.memberships(points)
        there = np.unique(memberships.argmax(axis=1))
    return groups
