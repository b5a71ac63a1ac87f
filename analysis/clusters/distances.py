"""How near works of a group are to each other, and how far groups are apart.

All distances are cosine distances of embeddings, 0 (the same direction) to 2. They do not depend on
how the groups were found, so those of different methods can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.clusters import SEED
from analysis.embeddings.stored import Ids, Vectors

TYPICAL: Final = 12
"""Works that are kept as the most typical of a group."""
ATYPICAL: Final = 6
NEIGHBORS: Final = 3
MEASURED: Final = 400
"""Images of a group whose distances from each other are measured, drawn by lot."""
WIDE: Final = 0.95
"""Quantile of the distances within a group that counts as its diameter: the largest of all is that
of its two oddest works."""
DIGITS: Final = 6

Place = tuple[float, int]
"""Distance from the centre of its group, and id of an image."""


def group_centers(vectors: Vectors, labels: npt.NDArray[np.intp], count: int) -> Vectors:
    """Return the mean direction of each group of embeddings: (count, d), length 1."""
    sums = np.zeros((count, vectors.shape[1]), np.float64)
    for one in range(count):
        sums[one] = vectors[labels == one].sum(axis=0, dtype=np.float64)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    unit = np.divide(sums, length, out=np.zeros_like(sums), where=length > 0)
    return np.asarray(unit, np.float32)


def from_centers(
    vectors: Vectors, labels: npt.NDArray[np.intp], centers: Vectors
) -> npt.NDArray[np.float32]:
    """Return how far embeddings, (n, d), are from the centres of their groups: (n,)."""
    far = 1.0 - np.einsum("ij,ij->i", vectors, centers[labels], dtype=np.float32)
    return np.asarray(np.maximum(far, 0.0), np.float32)


def diameters(
    vectors: Vectors, labels: npt.NDArray[np.intp], count: int
) -> npt.NDArray[np.float64]:
    """Return the distance that WIDE of the pairs of each group do not exceed; 0 for one work."""
    rng = np.random.default_rng(SEED)
    found = np.zeros(count)
    for one in range(count):
        members = np.flatnonzero(labels == one)
        if len(members) > MEASURED:
            members = rng.choice(members, MEASURED, replace=False)
        if len(members) > 1:
            near = vectors[members] @ vectors[members].T
            pairs = np.triu_indices(len(members), 1)
            found[one] = max(0.0, float(np.quantile(1.0 - near[pairs], WIDE)))
    return found


def neighbors_of(centers: Vectors, numbers: npt.NDArray[np.int32]) -> list[list[dict[str, Any]]]:
    """Return the nearest other groups of each, the nearest first."""
    apart = np.clip(1.0 - centers @ centers.T, 0.0, 2.0).astype(np.float64)
    np.fill_diagonal(apart, np.inf)
    return [
        [
            {"cluster": int(numbers[at]), "distance": round(float(row[at]), DIGITS)}
            for at in np.argsort(row, kind="stable")[: min(NEIGHBORS, len(centers) - 1)]
        ]
        for row in apart
    ]


@dataclass
class Members:
    """What is known of the works of a group, gathered page by page."""

    count: int = 0
    total: float = 0.0
    """Sum of their distances from the centre."""
    typical: list[Place] = field(default_factory=list)
    """The nearest to the centre, the nearest first."""
    atypical: list[Place] = field(default_factory=list)
    """The farthest from it, the farthest first."""

    @property
    def mean(self) -> float:
        """Mean distance from the centre; 0 where there are none."""
        return self.total / self.count if self.count else 0.0

    def add(self, ids: Ids, distances: npt.NDArray[np.float32]) -> None:
        """Add images with their distances from the centre."""
        self.count += len(ids)
        self.total += float(distances.sum(dtype=np.float64))
        # Rounded before, so that the order does not depend on when an image was added.
        rounded = np.asarray(np.round(distances.astype(np.float64), DIGITS), np.float64)
        near = np.lexsort((ids, rounded))[:TYPICAL]
        far = np.lexsort((ids, -rounded))[:ATYPICAL]
        self.typical = nsmallest(TYPICAL, [*self.typical, *_places(ids, rounded, near)])
        found = [*self.atypical, *_places(ids, rounded, far)]
        self.atypical = nsmallest(ATYPICAL, found, key=lambda place: (-place[0], place[1]))

    def as_dict(self) -> dict[str, Any]:
        """Return it for `clusters.metrics`."""
        return {
            "counted": self.count,
            "mean_distance": self.mean,
            "cohesion": 1.0 - self.mean,
            "typical": [[image, far] for far, image in self.typical],
            "atypical": [[image, far] for far, image in self.atypical],
        }

    @classmethod
    def read(cls, metrics: Mapping[str, Any]) -> Members:
        """Return what `as_dict` wrote."""
        count = int(metrics["counted"])
        return cls(
            count,
            count * float(metrics["mean_distance"]),
            [(float(far), int(image)) for image, far in metrics["typical"]],
            [(float(far), int(image)) for image, far in metrics["atypical"]],
        )


def _places(
    ids: Ids, rounded: npt.NDArray[np.float64], chosen: npt.NDArray[np.intp]
) -> list[Place]:
    return [(float(rounded[at]), int(ids[at])) for at in chosen]
