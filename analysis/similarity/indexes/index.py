"""Searching an index: what is nearest to a vector, as the collection is now.

An index is a picture of the collection at one moment. What came later is read from the database
when the index is opened and compared with one by one; what has gone since is never returned. So
answers are right however old the index is, and only take longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Ids, Vectors, embedding_model, vectors_of
from analysis.errors import ArtifactDamaged, NoIndex
from analysis.registry.models import Model
from analysis.similarity.indexes.building import add_vectors
from analysis.similarity.indexes.files import map_index, read_rows
from analysis.similarity.indexes.freshness import (
    NOBODY,
    Rows,
    compare,
    fingerprint,
    shown_of,
    stored_rows,
)
from analysis.similarity.indexes.kinds import Effort, Metric
from analysis.similarity.indexes.parts import (
    GROWTH,
    Answer,
    Distances,
    Part,
    empty_part,
    merged,
    table,
)
from analysis.similarity.indexes.versions import current_index
from storage.database import Database
from storage.objects import ObjectStore
from storage.settings import load_settings

PAGE: Final = 4096
"""Vectors that are read at once."""
SLACK: Final = 5
"""Images that are looked for besides those wanted, since some may be gone."""


def cache_folder() -> Path:
    """Return where this machine keeps copies of indexes: `<home>/cache/indexes`."""
    return load_settings().home.expanduser().resolve() / "cache" / "indexes"


class SimilarityIndex:
    """An open index of one model of kind `embedding`. Use `SimilarityIndex.open` with `with`.

    It may be searched by one thread at a time.
    """

    def __init__(
        self, database: Database, store: ObjectStore, embedding: Model, cache: Path
    ) -> None:
        self.database = database
        self.store = store
        self.embedding = embedding
        """The model whose vectors it holds."""
        self.cache = cache
        self.dimensions = int(embedding.params["dimensions"])
        self.model: Model
        """The index's own row in `models`."""
        self._rows: Rows
        self._main: Part
        self._fresh: Part
        self._fingerprint: str | None = None
        self.refresh()

    @classmethod
    def open(
        cls,
        database: Database,
        store: ObjectStore,
        model: Model | str | None = None,
        *,
        cache: Path | None = None,
    ) -> Self:
        """Open the newest index of a model of kind `embedding`; None: of the default one.

        The index is mapped into memory: where the object store is a folder of this machine, where
        it lies, else from a copy in `cache` (by default, `<home>/cache/indexes`).

        Raises NoSuchModel, NoEmbeddings, NoIndex, ArtifactDamaged, ObjectStoreUnavailable and
        DatabaseUnavailable.
        """
        if not isinstance(model, Model):
            with database.begin() as connection:
                model = embedding_model(connection, model)
        return cls(database, store, model, cache_folder() if cache is None else cache)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the index's file."""
        del self._main, self._fresh

    def __len__(self) -> int:
        """Return how many images can be found, those that are gone since included."""
        return int(np.sum(self._main.ids != NOBODY) + np.sum(self._fresh.ids != NOBODY))

    @property
    def fresh(self) -> int:
        """Images that came after the index was built, and are compared with one by one."""
        return len(self._fresh.ids)

    def refresh(self) -> bool:
        """Take up what has changed in the database since; return whether anything had.

        Opening does so. What stays open for long calls it now and then: it looks at each row of
        `image_embeddings` once, without its vector.
        """
        with self.database.begin() as connection:
            now = fingerprint(connection, self.embedding)
        is_open = self._fingerprint is not None and self._newest().id == self.model.id
        if is_open and now == self._fingerprint:
            return False
        if not is_open:
            self._open_newest()
        self._fresh = empty_part(self.dimensions)
        ids = self._rows.ids.copy()
        if now != self.model.data_fingerprint:
            with self.database.begin() as connection:
                stored = stored_rows(connection, self.embedding, shown=False)
            difference = compare(self._rows, stored)
            ids[difference.stale] = NOBODY
            self._read_fresh(difference.missing)
        self._main.ids = ids
        self._fingerprint = now
        return True

    def _open_version(self, newest: Model) -> None:
        rows, index = read_rows(self.store, newest), map_index(self.store, newest, self.cache)
        self.model, self._rows = newest, rows
        self._main = Part(index, rows.ids, Effort(**newest.params["effort"]))

    def _open_newest(self) -> None:
        """Open the newest version; once more where it was retired while it was opened."""
        tried: list[int] = []
        while True:
            newest = self._newest()
            try:
                self._open_version(newest)
            except ArtifactDamaged:
                tried.append(newest.id)
                if self._newest().id in tried:
                    raise
            else:
                return

    def _newest(self) -> Model:
        with self.database.begin() as connection:
            newest = current_index(connection, self.embedding)
        if newest is None:
            raise NoIndex(
                f"the embeddings of {self.embedding.label} have no index: run "
                "`artworks analyze index`."
            )
        return newest

    def _read_fresh(self, missing: Ids) -> None:
        ids: list[Ids] = []
        for start in range(0, len(missing), PAGE):
            with self.database.begin() as connection:
                shown = shown_of(connection, missing[start : start + PAGE])
                found = vectors_of(connection, self.embedding, shown)
            add_vectors(self._fresh.index, found.vectors)
            ids.append(found.ids)
        if ids:
            self._fresh.ids = np.concatenate(ids)

    def search(
        self,
        vectors: npt.ArrayLike,
        k: int,
        *,
        among: Sequence[int] | npt.NDArray[np.integer] | None = None,
        metric: Metric = "cosine",
    ) -> tuple[Distances, Ids]:
        """Return the k nearest images of each vector.

        Args:
            vectors: (q, d) or (d,) numbers of any length but 0.
            k: how many images, at least 1.
            among: ids of the images that may be found; None: all.
            metric: how distances are told; the order is the same.

        Returns distances, (q, k) float32, smaller is closer, and ids, (q, k) int64, nearest first,
        of equally near ones the lower id first. Where there are fewer than k images, the last
        distances are infinite and the ids -1. Distances are those of the stored vectors, exactly.

        Raises ValueError for vectors that do not fit, and DatabaseUnavailable.
        """
        queries = self._checked(vectors, k)
        allowed = None if among is None else np.unique(np.asarray(among, dtype=np.int64))
        known = len(self._main.ids) + len(self._fresh.ids)
        known = known if allowed is None else min(known, len(allowed))
        wanted = k + SLACK
        while True:
            parts = (self._main, self._fresh)
            found = [part.candidates(queries, wanted, allowed, metric) for part in parts]
            answers = [merged(of_one) for of_one in zip(*found, strict=True)]
            answers = self._shown(answers)
            if wanted >= known or all(len(answer.ids) >= k for answer in answers):
                return table(answers, k)
            wanted *= GROWTH

    def _shown(self, answers: Sequence[Answer]) -> list[Answer]:
        """Leave out what has gone since, with one question to the database."""
        asked = np.unique(np.concatenate([answer.ids for answer in answers]))
        with self.database.begin() as connection:
            shown = shown_of(connection, asked)
        return [answer.only(np.isin(answer.ids, shown)) for answer in answers]

    def _checked(self, vectors: npt.ArrayLike, k: int) -> Vectors:
        queries = np.atleast_2d(np.asarray(vectors, dtype=np.float32))
        if queries.ndim != 2 or queries.shape[1] != self.dimensions:
            raise ValueError(
                f"vectors of shape {queries.shape} are no vectors of {self.embedding.label}, "
                f"which have {self.dimensions} dimensions"
            )
        if not np.isfinite(queries).all() or not queries.any(axis=1).all():
            raise ValueError("a vector to search for is zero, or not all of it are numbers")
        if k < 1:
            raise ValueError(f"{k} images cannot be searched for: ask for 1 at least")
        return queries
