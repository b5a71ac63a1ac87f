"""Filling an index from the database: a new one, or the one that there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from analysis.embeddings.stored import Ids, Vectors, pages_of, vectors_of
from analysis.errors import ArtifactDamaged
from analysis.registry.models import Model
from analysis.runs import CollectionRun
from analysis.similarity.indexes.building import SEED, Index, add_vectors, new_index, sample_size
from analysis.similarity.indexes.files import Contents, load_index
from analysis.similarity.indexes.freshness import NOBODY, Difference, Rows
from analysis.similarity.indexes.kinds import Kind

PAGE: Final = 4096
"""Vectors that are read and added at once."""


@dataclass(frozen=True)
class Filling:
    """Where vectors come from: those of one model, within one run.

    In memory are the index, the sample that it is trained on, and one page of vectors.
    """

    run: CollectionRun
    embedding: Model
    cache: Path

    def built(self, kind: Kind, stored: Rows) -> Contents:
        """Return a new index of the images `stored`."""
        rng = np.random.default_rng(SEED)
        size = sample_size(kind, len(stored))
        sampled = self._vectors_of(rng.choice(stored.ids, size, replace=False))
        with self.run.timed("compute"):
            dimensions = int(self.embedding.params["dimensions"])
            index = new_index(kind, dimensions, len(stored), (vectors for _, vectors in sampled))
        with self.run.database.begin() as connection:
            return self._filled(index, [], [], stored, pages_of(connection, self.embedding))

    def extended(
        self, current: Model, held: Rows, stored: Rows, difference: Difference
    ) -> Contents | None:
        """Return the index `current` with what is missing; None where its file is damaged.

        What is stale stays in the index and is nobody's.
        """
        try:
            with self.run.timed("read"):
                index = load_index(self.run.store, current, self.cache)
        except ArtifactDamaged:
            return None
        ids = held.ids.copy()
        ids[difference.stale] = NOBODY
        missing = self._vectors_of(difference.missing)
        return self._filled(index, [ids], [held.written], stored, missing)

    def _vectors_of(self, ids: Ids) -> Iterator[tuple[Ids, Vectors]]:
        """Yield the vectors of images, each page in a transaction of its own."""
        for start in range(0, len(ids), PAGE):
            with self.run.database.begin() as connection:
                page = vectors_of(connection, self.embedding, ids[start : start + PAGE])
            yield page.ids, page.vectors

    def _filled(
        self,
        index: Index,
        ids: list[Ids],
        written: list[Ids],
        stored: Rows,
        pages: Iterator[tuple[Ids, Vectors]],
    ) -> Contents:
        """Add pages of vectors behind the images `ids`, whose vectors are in the index already.

        What was embedded or shown only after `stored` was read is left to the next run.
        """
        total = len(stored)
        for found, vectors in self._timed(pages):
            known = np.isin(found, stored.ids)
            found = found[known]
            with self.run.timed("compute"):
                add_vectors(index, vectors[known])
            ids.append(found)
            written.append(stored.written[np.searchsorted(stored.ids, found)])
            self.run.tell(min(index.ntotal, total), total)
        return Contents(index, Rows(np.concatenate(ids), np.concatenate(written)))

    def _timed(self, pages: Iterator[tuple[Ids, Vectors]]) -> Iterator[tuple[Ids, Vectors]]:
        while True:
            with self.run.timed("read"):
                page = next(pages, None)
            if page is None:
                return
            yield page
