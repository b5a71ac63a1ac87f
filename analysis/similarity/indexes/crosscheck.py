"""FAISS and pgvector against each other and against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from analysis.embeddings.near import nearest
from analysis.embeddings.stored import Ids, Vectors
from analysis.registry.models import Model
from analysis.similarity.indexes.building import compare_all, look_for, vectors_at
from analysis.similarity.indexes.files import Contents
from analysis.similarity.indexes.freshness import NOBODY, shown_of
from analysis.similarity.indexes.kinds import Effort
from analysis.similarity.indexes.parts import distances_to

NEAREST: Final = 10
LEAST: Final = 0.95
"""Recall below which people are told."""
SAME: Final = 2e-6
"""Difference of cosine distances that is rounding."""


@dataclass(frozen=True)
class Agreement:
    """How much of the true answers each way of searching finds, 0 to 1."""

    queries: int
    faiss: float
    """recall@10 of the index of FAISS."""
    pgvector: float
    """recall@10 of the database."""

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return asdict(self)

    @property
    def complaint(self) -> str | None:
        """What people have to know; None: both find enough."""
        low = [
            f"{name} finds {recall:.0%}"
            for name, recall in (("FAISS", self.faiss), ("pgvector", self.pgvector))
            if recall < LEAST
        ]
        return f"{' and '.join(low)} of the ten nearest, less than {LEAST:.0%}" if low else None


def cross_check(
    connection: Connection,
    embedding: Model,
    contents: Contents,
    effort: Effort,
    positions: Sequence[int],
) -> Agreement | None:
    """Ask both for the nearest of stored images; None where there is nothing to compare.

    What is true is what comparing with all vectors gives. Distances are compared rather than ids:
    of images that are equally far, each may name another.
    """
    asked = np.asarray(positions, dtype=np.int64)
    queries = vectors_at(contents.index, asked)
    k = min(NEAREST + 1, contents.index.ntotal)
    if k < 2 or not len(asked):
        return None
    truth = compare_all(contents.index, queries, k)
    quick = look_for(contents.index, queries, k, effort)
    hits = {"faiss": 0, "pgvector": 0}
    wanted = 0
    for query, one, true_places, quick_places in zip(
        queries, contents.rows.ids[asked], truth, quick, strict=True
    ):
        ids, distances = _others(connection, contents, query, int(one), true_places)
        if not len(ids):
            continue
        wanted += len(ids)
        last = distances.max() + SAME
        _, found = _others(connection, contents, query, int(one), quick_places)
        hits["faiss"] += min(len(ids), int(np.sum(found <= last)))
        answers = nearest(connection, embedding, query, limit=len(ids), exclude=[int(one)])
        near = np.array([distance for _, distance in answers])
        hits["pgvector"] += min(len(ids), int(np.sum(near <= last)))
    if not wanted:
        return None
    return Agreement(len(asked), *(round(hits[name] / wanted, 4) for name in ("faiss", "pgvector")))


def _others(
    connection: Connection, contents: Contents, query: Vectors, one: int, places: Ids
) -> tuple[Ids, Any]:
    """Return images at positions that are shown, the asked one left out, and their distances."""
    places = places[places >= 0]
    ids = contents.rows.ids[places]
    there = (ids != NOBODY) & (ids != one)
    there &= np.isin(ids, shown_of(connection, ids[there]))
    return ids[there], distances_to(query, vectors_at(contents.index, places[there]), "cosine")
