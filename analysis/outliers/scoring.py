"""Scores of all works by all methods, from their embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.outliers.isolation import fit_isolation
from analysis.outliers.labels import Labelled
from analysis.outliers.mahalanobis import LEAST_WORKS, group_scores
from analysis.outliers.methods import METHODS, SEED
from analysis.outliers.neighbors import fit_neighbors
from analysis.outliers.reduction import SAMPLE, Reduction, fit_reduction
from analysis.outliers.threshold import threshold

_BLOCK: Final = 20_000
_PROBES: Final = 512
"""Works whose nearest ones tell what is usual."""

Ids = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]
Tell = Callable[[int], None]


@dataclass(frozen=True)
class Scored:
    """What one method says of all works."""

    method: str
    scores: npt.NDArray[np.float64]
    """(n,), more is odder."""
    threshold: float
    """Works above are outliers; infinite where scores have no spread."""
    labels: tuple[str, ...]
    label: npt.NDArray[np.int64]
    """(n,): place in `labels` of what a work was compared with; -1: with all."""

    @property
    def is_outlier(self) -> npt.NDArray[np.bool_]:
        """Which works are beyond the threshold, (n,)."""
        return self.scores > self.threshold


def sample_of(ids: Ids) -> Ids:
    """Draw the works that components are found from, ascending; the same ones every time."""
    if len(ids) <= SAMPLE:
        return ids
    return np.sort(np.random.default_rng(SEED).choice(ids, SAMPLE, replace=False))


def points_of(
    reduction: Reduction, pages: Iterable[tuple[Ids, Vectors]], count: int
) -> tuple[Ids, Vectors]:
    """Reduce pages of works, `count` in all: their ids (n,) and points (n, k) float32."""
    ids = np.empty(count, np.int64)
    points = np.empty((count, len(reduction.axes)), np.float32)
    filled = 0
    for page, vectors in pages:
        ids[filled : filled + len(page)] = page
        points[filled : filled + len(page)] = reduction.of(vectors)
        filled += len(page)
    return ids[:filled], points[:filled]


def score_all(ids: Ids, points: Vectors, groups: Sequence[Labelled]) -> list[Scored]:
    """Score works (n,) with points (n, k) by all methods, in the order of METHODS.

    The result depends on nothing else: everything that is drawn by lot has a fixed seed. Raises
    ValueError for fewer than LEAST_WORKS.
    """
    return [
        _scored("mahalanobis", *mahalanobis_scores(points, groups)),
        _scored("neighbors", fit_neighbors(ids, points, seed=SEED).scores(ids, points)),
        _scored("isolation", _isolation(points)),
    ]


def mahalanobis_scores(
    points: Vectors, groups: Sequence[Labelled]
) -> tuple[npt.NDArray[np.float64], tuple[str, ...], npt.NDArray[np.int64]]:
    """Score each work within the label where it fits best; those without a label among all."""
    scores = np.full(len(points), np.inf)
    label = np.full(len(points), -1)
    for at, group in enumerate(groups):
        found = group_scores(points[group.places], seed=SEED)
        better = found < scores[group.places]
        scores[group.places[better]] = found[better]
        label[group.places[better]] = at
    alone = np.flatnonzero(label < 0)
    if len(alone):
        scores[alone] = group_scores(points, seed=SEED)[alone]
    return scores, tuple(group.label for group in groups), label


def usual_distance(vectors: Vectors) -> float:
    """Return the median cosine distance of works (n, d) to the nearest other one, n ≥ 2."""
    probes = np.random.default_rng(SEED).permutation(len(vectors))[:_PROBES]
    likeness = vectors[probes] @ vectors.T
    likeness[np.arange(len(probes)), probes] = -np.inf
    return float(np.median(1 - likeness.max(axis=1)))


def reduced(vectors: Vectors) -> Reduction:
    """Find the components of a sample of works."""
    return fit_reduction(vectors, seed=SEED)


def _isolation(points: Vectors) -> npt.NDArray[np.float64]:
    drawn = np.random.default_rng(SEED).permutation(len(points))[:SAMPLE]
    forest = fit_isolation(points[np.sort(drawn)], seed=SEED)
    blocks = range(0, len(points), _BLOCK)
    return np.concatenate([forest.scores(points[at : at + _BLOCK]) for at in blocks])


def _scored(
    method: str,
    scores: npt.NDArray[np.float64],
    labels: tuple[str, ...] = (),
    label: npt.NDArray[np.int64] | None = None,
) -> Scored:
    if len(scores) < LEAST_WORKS:
        raise ValueError(f"{len(scores)} works: at least {LEAST_WORKS} are needed.")
    return Scored(
        method,
        scores,
        threshold(scores, ratios=METHODS[method].ratios),
        labels,
        np.full(len(scores), -1) if label is None else label,
    )
