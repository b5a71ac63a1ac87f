"""Leave-one-out: each image asks for its like among the others, and what comes is judged.

The query itself and what looks the same or shows the same work is no answer; on request, neither
is what the same artist made. Answers are ranked block by block, so that no (n, n) matrix is needed;
where two images are equally like, the one that comes first is ranked first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.evaluation.ranking import (
    Scores,
    average_precision,
    chance_average_precision,
    chance_ndcg,
    chance_precision,
    chance_recall,
    ndcg_at,
    precision_at,
    recall_at,
)
from analysis.evaluation.relevance import Labels, Numbers, Relevance

Likeness: TypeAlias = Callable[[Numbers], npt.NDArray[np.float32]]
"""Places of queries in, (q, n) float32 out: how like each image is; more is more."""

CELLS = 4_000_000
"""Most (query, image) pairs that are ranked at once: about 150 MB."""


@dataclass(frozen=True)
class Judged:
    """How well queries were answered; all arrays are (q,)."""

    queries: Numbers
    """Places of the queries that have anything to find."""
    measures: Mapping[str, Scores]
    """`precision`, `recall`, `map`, `ndcg`, and `precision <kind>` for each kind, which is NaN
    for queries that have nothing to find by that kind alone."""
    chance: Mapping[str, Scores]
    """The same, as a random order would have them."""
    asked: int
    """Queries in all, those without anything to find included."""


def judge(
    likeness: Likeness,
    labels: Labels,
    *,
    k: int = 10,
    queries: Numbers | None = None,
    without_artist: bool = False,
) -> Judged:
    """Rank all images for each query and measure the rankings by the terms that they share.

    Args:
        likeness: how like images are to the queries.
        labels: what is known of the images, in the order of the likeness.
        k: how many answers people look at.
        queries: places of the images that ask; all of them by default.
        without_artist: whether works of the query's artist are no answer either.
    """
    relevance = Relevance.of(labels)
    apart = labels.artists if without_artist else labels.groups
    asked = np.arange(len(labels)) if queries is None else queries
    rows = max(1, CELLS // max(1, len(labels)))
    parts = [
        _judge_block(likeness, relevance, apart, asked[start : start + rows], k)
        for start in range(0, len(asked), rows)
    ]
    if not parts:
        parts = [_judge_block(likeness, relevance, apart, asked, k)]
    return Judged(
        np.concatenate([part.queries for part in parts]),
        _joined([part.measures for part in parts]),
        _joined([part.chance for part in parts]),
        len(asked),
    )


def _joined(parts: Sequence[Mapping[str, Scores]]) -> dict[str, Scores]:
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    # A kind that no query can be asked by is not measured.
    return {
        name: found for name, found in whole.items() if not np.isnan(found).all() or not len(found)
    }


def _judge_block(
    likeness: Likeness, relevance: Relevance, apart: Numbers, queries: Numbers, k: int
) -> Judged:
    asked = len(queries)
    gains = relevance.gains(queries)
    barred = apart[queries][:, None] == apart[None, :]
    gains[barred] = 0
    some = (gains > 0).any(axis=1)
    queries, gains, barred = queries[some], gains[some], barred[some]
    candidates = (~barred).sum(axis=1)
    relevant = (gains > 0).sum(axis=1)
    scores = np.where(barred, -np.inf, likeness(queries))
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(gains, order, axis=1)
    measures = {
        "precision": precision_at(ranked, candidates, k),
        "recall": recall_at(ranked, k),
        "map": average_precision(ranked),
        "ndcg": ndcg_at(ranked, k),
    }
    chance = {
        "precision": chance_precision(relevant, candidates),
        "recall": chance_recall(candidates, k),
        "map": chance_average_precision(relevant, candidates),
        "ndcg": chance_ndcg(ranked, candidates, k),
    }
    for kind in relevance.kinds:
        shared = relevance.shared(queries, kind) & ~barred
        first = np.take_along_axis(shared, order[:, :k], axis=1).astype(np.int16)
        some = shared.any(axis=1)
        of_kind = chance_precision(shared.sum(axis=1), candidates)
        name = f"precision {kind}"
        measures[name] = np.where(some, precision_at(first, candidates, k), np.nan)
        chance[name] = np.where(some, of_kind, np.nan)
    return Judged(queries, measures, chance, asked)


def by_cosine(vectors: npt.NDArray[np.float32]) -> Likeness:
    """Compare by the cosine of vectors of length 1, (n, d)."""

    def likeness(queries: Numbers) -> npt.NDArray[np.float32]:
        return vectors[queries] @ vectors.T

    return likeness


def by_distance(values: npt.NDArray[np.float32]) -> Likeness:
    """Compare by Euclidean distance of values, (n, d), each column scaled to variance 1."""
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    scaled = scaled.astype(np.float32)
    squares = (scaled**2).sum(axis=1)

    def likeness(queries: Numbers) -> npt.NDArray[np.float32]:
        # |q - x|² without |q|², which is the same for all answers.
        found: npt.NDArray[np.float32] = 2 * scaled[queries] @ scaled.T - squares[None, :]
        return found

    return likeness


def by_hash(hashes: npt.NDArray[np.int64]) -> Likeness:
    """Compare by the bits in which perceptual hashes of 64 bits differ, (n,)."""
    bits = hashes.astype(np.int64).view(np.uint64)

    def likeness(queries: Numbers) -> npt.NDArray[np.float32]:
        differing = np.bitwise_count(bits[queries][:, None] ^ bits[None, :])
        found: npt.NDArray[np.float32] = -differing.astype(np.float32)
        return found

    return likeness
