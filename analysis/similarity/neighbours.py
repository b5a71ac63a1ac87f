"""Ways to the nearest embeddings: an index of FAISS, pgvector, or all of them one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from analysis.colors.conversion import Floats
from analysis.embeddings.stored import Ids, pages_of
from analysis.registry.models import Model
from analysis.similarity.measures import cosine_distances
from analysis.similarity.scope import Scope
from storage.database import Database
from storage.errors import UsageError
from storage.objects import ObjectStore

if TYPE_CHECKING:
    from analysis.similarity.indexes.index import SimilarityIndex

FAISS: Final = "faiss"
PGVECTOR: Final = "pgvector"
EXACT: Final = "exact"
ENGINES: Final = (FAISS, PGVECTOR)
"""Those that people can choose from."""


class Neighbours(Protocol):
    """Something that finds the nearest embeddings of one model."""

    name: str
    """What people call it."""

    def nearest(
        self, vector: npt.NDArray[np.float32], count: int, scope: Scope
    ) -> tuple[Ids, Floats]:
        """Return at most `count` images and their cosine distances, the nearest first.

        `vector` is (d,) float32. Only images that a work in the scope shows are found.
        """
        ...


class ExactNeighbours:
    """Every vector is looked at, a page at a time."""

    name = EXACT

    def __init__(self, connection: Connection, model: Model) -> None:
        self.connection = connection
        self.model = model

    def nearest(
        self, vector: npt.NDArray[np.float32], count: int, scope: Scope
    ) -> tuple[Ids, Floats]:
        """Return the nearest images, of equal ones those with the lower ids."""
        best_ids, best = np.empty(0, np.int64), np.empty(0)
        for ids, vectors in pages_of(self.connection, self.model):
            if scope.ids is not None:
                wanted = np.isin(ids, scope.ids)
                ids, vectors = ids[wanted], vectors[wanted]
            best_ids = np.concatenate((best_ids, ids))
            best = np.concatenate((best, cosine_distances(vector, vectors)))
            order = np.lexsort((best_ids, best))[:count]
            best_ids, best = best_ids[order], best[order]
        return best_ids, best


class FaissNeighbours:
    """An index of FAISS, mapped from the object store."""

    name = FAISS

    def __init__(self, index: SimilarityIndex) -> None:
        self.index = index

    def nearest(
        self, vector: npt.NDArray[np.float32], count: int, scope: Scope
    ) -> tuple[Ids, Floats]:
        """Return the nearest images as the index finds them."""
        distances, ids = self.index.search(vector[np.newaxis], count, among=scope.ids)
        found = ids[0] >= 0
        return ids[0][found], distances[0][found].astype(np.float64)


class PgvectorNeighbours:
    """The table itself, by its HNSW index where it has one."""

    name = PGVECTOR

    def __init__(self, connection: Connection, model: Model) -> None:
        self.connection = connection
        self.model = model

    def nearest(
        self, vector: npt.NDArray[np.float32], count: int, scope: Scope
    ) -> tuple[Ids, Floats]:
        """Return the nearest images as the database finds them."""
        from analysis.embeddings.near import nearest

        found = nearest(
            self.connection, self.model, vector, limit=count, site=scope.site, terms=scope.terms
        )
        ids = np.array([image_id for image_id, _ in found], dtype=np.int64)
        return ids, np.array([distance for _, distance in found], dtype=np.float64)


@contextmanager
def open_neighbours(
    database: Database,
    store: ObjectStore,
    connection: Connection,
    model: Model | None,
    engine: str | None = None,
) -> Iterator[Neighbours]:
    """Open what finds the nearest embeddings of a model.

    Without `engine`, that is the index of FAISS where there is one, and pgvector elsewhere. Where
    there is no model, nothing is embedded, and nothing is found.

    Raises UsageError for an unknown engine, NoIndex, ArtifactDamaged and what a store raises.
    """
    if engine not in (None, *ENGINES):
        raise UsageError(f'there is no engine "{engine}": choose from {", ".join(ENGINES)}.')
    if model is None:
        yield NoNeighbours()
    elif engine == FAISS or (engine is None and _is_indexed(connection, model)):
        from analysis.similarity.indexes.index import SimilarityIndex

        with SimilarityIndex.open(database, store, model) as index:
            yield FaissNeighbours(index)
    else:
        yield PgvectorNeighbours(connection, model)


def _is_indexed(connection: Connection, model: Model) -> bool:
    from analysis.similarity.indexes.versions import current_index

    return current_index(connection, model) is not None


class NoNeighbours:
    """There are no embeddings: colour and composition must do."""

    name = "none"

    def nearest(
        self, vector: npt.NDArray[np.float32], count: int, scope: Scope
    ) -> tuple[Ids, Floats]:
        """Return nothing."""
        return np.empty(0, np.int64), np.empty(0)
