"""How hard an index has to look, by measurement: the least effort that finds what there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.embeddings.stored import Vectors
from analysis.similarity.indexes.building import Index, Positions, compare_all, look_for, vectors_at
from analysis.similarity.indexes.kinds import EFFORTS, Effort, Kind

TARGET: Final = 0.99
"""Recall that is aimed at for what is like the stored images. What is asked later is new to the
index, and finds a little less."""
TARGET_BETWEEN: Final = 0.9
"""Recall that is aimed at for what is far from all of them."""
NEAREST: Final = 10
QUERIES: Final = 60
"""Images whose neighbours are looked for, each also by comparing with all."""
SAME: Final = 1e-6
"""Squared distance below which two vectors are one."""


@dataclass(frozen=True)
class Tuned:
    """An effort, and what it achieved."""

    effort: Effort
    recall: float
    """Share of the ten nearest that were found, 0 to 1."""
    recall_between: float
    """The same for vectors that lie between two images."""


def tune(index: Index, kind: Kind, stored: Vectors) -> Tuned:
    """Return the least effort whose recall@10 reaches the targets; else the greatest.

    Args:
        index: with at least one vector.
        kind: of the index.
        stored: some of its vectors, (q, d) float32. Since each would be sure to be found, it does
            not count itself.
    """
    tuned = Tuned(EFFORTS[kind][0], 1.0, 1.0)
    if kind == "flat":
        return tuned
    asked = (stored, between(stored))
    exact = [compare_all(index, queries, min(NEAREST + 1, index.ntotal)) for queries in asked]
    for effort in EFFORTS[kind]:
        recalls = [
            recall_of(index, queries, look_for(index, queries, truth.shape[1], effort), truth)
            for queries, truth in zip(asked, exact, strict=True)
        ]
        tuned = Tuned(effort, *(round(recall, 4) for recall in recalls))
        if tuned.recall >= TARGET and tuned.recall_between >= TARGET_BETWEEN:
            break
    return tuned


def between(stored: Vectors) -> Vectors:
    """Return vectors of length 1 that lie half-way between each of `stored` and the one before.

    What is asked for is not always like what is stored: the words of a text, the mean of several
    images. Such vectors are far from all that is stored, and what is nearest is harder to find.
    """
    sums = stored + np.roll(stored, 1, axis=0)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    # Half-way between opposites there is nothing.
    halves = np.where(lengths > SAME, sums / np.maximum(lengths, SAME), stored)
    return np.ascontiguousarray(halves, dtype=np.float32)


def recall_of(index: Index, queries: Vectors, found: Positions, exact: Positions) -> float:
    """Return the share of the exact answers that were found, the queries themselves left out.

    What is as near as the last of them counts as one of them: of images that are the same, any
    will do.

    Args:
        index: that holds the vectors.
        queries: (q, d) float32.
        found: (q, k) positions, -1 for none.
        exact: (q, k) positions of the nearest, nearest first.
    """
    there, wanted = _distances(index, queries, found), _distances(index, queries, exact)
    first = (wanted[:, :1] < SAME).astype(np.int64)
    last = wanted[:, -1:] + SAME
    hits = np.minimum(np.sum(there <= last, axis=1), exact.shape[1]) - first[:, 0]
    return float(np.mean(np.maximum(hits, 0) / np.maximum(exact.shape[1] - first[:, 0], 1)))


def _distances(index: Index, queries: Vectors, positions: Positions) -> Vectors:
    """Return squared distances, (q, k) float32; infinity where there is no position."""
    distances = np.full(positions.shape, np.inf, dtype=np.float32)
    for row, (query, places) in enumerate(zip(queries, positions, strict=True)):
        there = places >= 0
        apart = vectors_at(index, places[there]) - query
        distances[row, there] = np.einsum("ij,ij->i", apart, apart)
    return distances
