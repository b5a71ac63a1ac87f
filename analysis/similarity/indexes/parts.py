"""Parts of an index that are searched one by one, and their answers put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Ids, Vectors
from analysis.similarity.indexes.building import (
    Index,
    Positions,
    compare_all,
    look_for,
    new_index,
    vectors_at,
)
from analysis.similarity.indexes.freshness import NOBODY
from analysis.similarity.indexes.kinds import EFFORTS, FLAT_UP_TO, Effort, Metric

Distances: TypeAlias = npt.NDArray[np.float32]
"""(q, k) float32 in the order of the answers, infinite where there is no answer."""

GROWTH: Final = 4
"""Times as many images are looked for where too many of those that were found are gone."""


@dataclass(frozen=True)
class Answer:
    """What was found for one query: images and their distances, nearest first."""

    ids: Ids
    distances: npt.NDArray[np.float64]

    def only(self, chosen: npt.NDArray[np.bool_]) -> Answer:
        """Return some of it."""
        return Answer(self.ids[chosen], self.distances[chosen])


@dataclass
class Part:
    """Vectors that are searched together, and the images that they are of."""

    index: Index
    ids: Ids
    """By position; NOBODY where the image is gone or its vector is another one now."""
    effort: Effort

    def candidates(
        self, queries: Vectors, k: int, among: Ids | None, metric: Metric
    ) -> list[Answer]:
        """Return about k images for each query, (q, d) float32; all of them where k is all."""
        lengths = np.linalg.norm(queries, axis=1, keepdims=True)
        directions = np.ascontiguousarray(queries / lengths, dtype=np.float32)
        found = self._positions(directions, k, among)
        return [
            self._answer(query, places[places >= 0], metric)
            for query, places in zip(queries, found, strict=True)
        ]

    def _positions(self, directions: Vectors, k: int, among: Ids | None) -> Positions:
        """Return positions, (q, k'), -1 for none."""
        allowed = None if among is None else np.flatnonzero(np.isin(self.ids, among))
        there = self.index.ntotal if allowed is None else len(allowed)
        k = min(k, there)
        if not k:
            return np.empty((len(directions), 0), np.int64)
        # Where few are allowed, comparing with each of them is quicker than looking for them.
        is_filtered_to_few = allowed is not None and there <= FLAT_UP_TO
        if is_filtered_to_few or k * GROWTH > there:
            return compare_all(self.index, directions, k, allowed)
        return look_for(self.index, directions, k, self.effort, allowed)

    def _answer(self, query: Vectors, positions: Positions, metric: Metric) -> Answer:
        positions = positions[self.ids[positions] != NOBODY]
        ids = self.ids[positions]
        return _sorted(ids, distances_to(query, vectors_at(self.index, positions), metric))


def empty_part(dimensions: int) -> Part:
    """Return a part without vectors, to which some can be added."""
    return Part(new_index("flat", dimensions, 0, ()), np.empty(0, np.int64), EFFORTS["flat"][0])


def distances_to(query: Vectors, vectors: Vectors, metric: Metric) -> npt.NDArray[np.float64]:
    """Return distances (n,) from a vector, (d,), to vectors, (n, d); see `Metric`."""
    one, others = query.astype(np.float64), vectors.astype(np.float64)
    # Row by row, so that equal vectors are equally far, wherever they stand.
    distances: npt.NDArray[np.float64]
    if metric == "l2":
        apart = others - one
        distances = np.sqrt(np.einsum("ij,ij->i", apart, apart))
        return distances
    products = np.einsum("ij,j->i", others, one)
    if metric == "inner_product":
        distances = -products
        return distances
    lengths = np.linalg.norm(one) * np.sqrt(np.einsum("ij,ij->i", others, others))
    distances = np.clip(1.0 - products / lengths, 0.0, 2.0)
    return distances


def merged(answers: Sequence[Answer]) -> Answer:
    """Return the answers of several parts to one query as one."""
    ids = np.concatenate([answer.ids for answer in answers])
    return _sorted(ids, np.concatenate([answer.distances for answer in answers]))


def table(answers: Sequence[Answer], k: int) -> tuple[Distances, Ids]:
    """Return the first k of each answer as (q, k) arrays, filled up with infinity and -1."""
    distances = np.full((len(answers), k), np.inf, dtype=np.float32)
    ids = np.full((len(answers), k), NOBODY, dtype=np.int64)
    for row, answer in enumerate(answers):
        count = min(k, len(answer.ids))
        ids[row, :count] = answer.ids[:count]
        distances[row, :count] = answer.distances[:count]
    return distances, ids


def _sorted(ids: Ids, distances: npt.NDArray[np.float64]) -> Answer:
    order = np.lexsort((ids, distances))
    return Answer(ids[order], distances[order])
