"""Measures of rankings, pure: gains in the order of the answers in, one number per query out.

`ranked` is always (q, n) int: what each answer is worth to its query, the first answer in the
first column; 0 is worth nothing. What may not be answered with (the query itself, say) stands at
the end with 0, and `candidates`, (q,) int, says how many answers there are without it.

Precision, recall and average precision as in Manning, Raghavan, Schütze, Introduction to
Information Retrieval, 8.4; NDCG as in Järvelin and Kekäläinen (2002) with linear gains and the
discount 1 / log2(1 + rank), which is scikit-learn's `ndcg_score`.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Gains: TypeAlias = npt.NDArray[np.integer]
Counts: TypeAlias = npt.NDArray[np.integer]
Scores: TypeAlias = npt.NDArray[np.float64]
"""(q,) float64, 0 to 1."""


def precision_at(ranked: Gains, candidates: Counts, k: int) -> Scores:
    """Return the share of the first k answers that are worth something; of all, if fewer."""
    found = (ranked[:, :k] > 0).sum(axis=1)
    return _ratio(found, np.minimum(k, candidates))


def recall_at(ranked: Gains, k: int) -> Scores:
    """Return the share of all that is worth something which is among the first k answers."""
    worth = ranked > 0
    return _ratio(worth[:, :k].sum(axis=1), worth.sum(axis=1))


def average_precision(ranked: Gains) -> Scores:
    """Return the mean precision at the ranks of what is worth something, over the whole ranking.

    Its mean over queries is MAP.
    """
    worth = ranked > 0
    found = np.cumsum(worth, axis=1)
    ranks = np.arange(1, ranked.shape[1] + 1)
    return _ratio((worth * found / ranks).sum(axis=1), worth.sum(axis=1))


def ndcg_at(ranked: Gains, k: int) -> Scores:
    """Return the discounted gain of the first k answers, as a share of that of the best k."""
    best = -np.sort(-ranked, axis=1)
    return _ratio(_discounted(ranked, k), _discounted(best, k))


def chance_precision(relevant: Counts, candidates: Counts) -> Scores:
    """Return what precision at any k is expected to be in a random order: the share."""
    return _ratio(relevant, candidates)


def chance_recall(candidates: Counts, k: int) -> Scores:
    """Return what recall at k is expected to be in a random order."""
    return _ratio(np.minimum(k, candidates), candidates)


def chance_average_precision(relevant: Counts, candidates: Counts) -> Scores:
    """Return what average precision is expected to be in a random order.

    Of R among N, each rank i holds one of them with probability R/N, and then (i-1)(R-1)/(N-1)
    others are expected before it: (H + (N-H)(R-1)/(N-1)) / N, where H is 1 + 1/2 + … + 1/N.
    """
    most = int(candidates.max(initial=0))
    harmonic = np.concatenate(([0.0], np.cumsum(1 / np.arange(1, most + 1))))[candidates]
    others = _ratio(relevant - 1, candidates - 1)
    expected = _ratio(harmonic + (candidates - harmonic) * others, candidates)
    return np.where(relevant > 0, expected, 0.0)


def chance_ndcg(ranked: Gains, candidates: Counts, k: int) -> Scores:
    """Return what NDCG at k is expected to be where the same answers come in a random order."""
    mean = _ratio(ranked.sum(axis=1), candidates)
    places = np.arange(min(k, ranked.shape[1]))
    reached = places[None, :] < candidates[:, None]
    expected = mean * (reached * _discounts(len(places))).sum(axis=1)
    return _ratio(expected, _discounted(-np.sort(-ranked, axis=1), k))


def _discounts(count: int) -> npt.NDArray[np.float64]:
    return 1 / np.log2(np.arange(2, count + 2))


def _discounted(ranked: Gains, k: int) -> Scores:
    first = ranked[:, :k].astype(np.float64)
    found: Scores = first @ _discounts(first.shape[1])
    return found


def _ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> Scores:
    """Return part / whole, and 0 where there is nothing."""
    above, below = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(above, below, out=np.zeros(np.shape(above)), where=below != 0)
