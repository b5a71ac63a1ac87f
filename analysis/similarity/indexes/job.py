"""The job `index`: an index of FAISS and one of PostgreSQL for each model of kind `embedding`.

A run compares what the index holds with what the database has. Where nothing changed, it ends at
once; where little did, images are added and others masked; where more than a fifth did, or another
kind of index suits the collection now, it is built anew. Each change is a new version, which takes
the place of the former one when all of it is stored.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np

from analysis.embeddings.stored import KIND as EMBEDDING
from analysis.embeddings.vector_index import ensure_vector_index
from analysis.errors import ArtifactDamaged
from analysis.jobs import CollectionJob, ModelSpec
from analysis.registry.models import Model, list_models
from analysis.runs import CollectionRun
from analysis.similarity.indexes.building import (
    SEED,
    Positions,
    vectors_at,
)
from analysis.similarity.indexes.crosscheck import cross_check
from analysis.similarity.indexes.files import INDEX, Contents, read_rows, save_index
from analysis.similarity.indexes.filling import Filling
from analysis.similarity.indexes.freshness import (
    NOBODY,
    Difference,
    Rows,
    compare,
    fingerprint,
    stored_rows,
)
from analysis.similarity.indexes.index import cache_folder
from analysis.similarity.indexes.kinds import FLAT_UP_TO, HNSW_UP_TO, REDUCED, Kind, kind_for
from analysis.similarity.indexes.tuning import QUERIES, Tuned, tune
from analysis.similarity.indexes.versions import (
    add_metrics,
    current_index,
    index_name,
    new_version,
    register_index,
    retire,
    set_fingerprint,
)

JOB: Final = "index"
MOST_CHANGED: Final = 0.2
"""Share of an index that may be masked or added before it is built anew: what it was trained on
tells less and less of it, and masked vectors are looked at in vain."""
CHECKED: Final = 50
"""Images whose neighbours are asked of FAISS and of PostgreSQL."""

SPEC: Final = ModelSpec(
    name="faiss",
    version="1",
    kind="indexing",
    params={"flat_up_to": FLAT_UP_TO, "hnsw_up_to": HNSW_UP_TO, "reduced": REDUCED},
)


def index_job(
    kind: Kind | None = None, cache: Path | None = None, *, in_database: bool = True
) -> CollectionJob:
    """Return the job that indexes all embeddings.

    Args:
        kind: of index; by default, the one that suits the number of images.
        cache: a folder on a disk with room for an index; by default, `<home>/cache/indexes`.
        in_database: have PostgreSQL index them too, and compare what the two answer.
    """

    def walk(run: CollectionRun) -> None:
        folder = cache_folder() if cache is None else cache
        retire(run.database, run.store, folder)
        with run.database.begin() as connection:
            models = [model for model in list_models(connection) if model.kind == EMBEDDING]
        found = [
            _Indexing(run, model, kind, folder, in_database=in_database).walk()
            for model in sorted(models, key=lambda model: not model.is_default)
            if model.active
        ]
        if not any(found):
            run.details["next"] = "artworks analyze embeddings"
        retire(run.database, run.store, folder)

    return CollectionJob(JOB, SPEC, walk, by_image=False)


class _Indexing:
    """One run over the vectors of one model."""

    def __init__(
        self,
        run: CollectionRun,
        embedding: Model,
        kind: Kind | None,
        cache: Path,
        *,
        in_database: bool,
    ) -> None:
        self.run = run
        self.embedding = embedding
        self.asked_kind = kind
        self.cache = cache
        self.in_database = in_database

    def walk(self) -> bool:
        """Bring the index up to date; return whether there is anything to index."""
        run = self.run
        with run.timed("read"), run.database.begin() as connection:
            now = fingerprint(connection, self.embedding)
            current = None if run.redo else current_index(connection, self.embedding)
        if current is not None and current.data_fingerprint == now and self._suits(current):
            self._in_database()
            return True
        with run.timed("read"), run.database.begin() as connection:
            stored = stored_rows(connection, self.embedding, shown=True)
        if not len(stored):
            return False
        kind = self.asked_kind or kind_for(len(stored))
        filling = Filling(run, self.embedding, self.cache)
        held = None if current is None else self._held(current)
        if current is None or held is None:
            difference = Difference(stored.ids, np.empty(0, np.int64))
            self._store(filling.built(kind, stored), kind, len(stored), now, difference)
            return True
        difference = compare(held, stored)
        if not difference and self._suits(current):
            with run.database.begin() as connection:
                set_fingerprint(connection, current, now)
            self._in_database()
            return True
        built = int(current.params["built"])
        changed = len(held) - built + len(difference.missing)
        changed += int(np.sum(held.ids == NOBODY)) + len(difference.stale)
        contents = None
        if current.params["kind"] == kind and changed <= MOST_CHANGED * built:
            contents = filling.extended(current, held, stored, difference)
        if contents is None:
            contents, built = filling.built(kind, stored), len(stored)
        self._store(contents, kind, built, now, difference)
        return True

    def _suits(self, current: Model) -> bool:
        return self.asked_kind in (None, current.params["kind"])

    def _held(self, current: Model) -> Rows | None:
        """Return what an index holds; None where its files are damaged, so that it is made anew."""
        try:
            return read_rows(self.run.store, current)
        except ArtifactDamaged:
            return None

    def _store(
        self, contents: Contents, kind: Kind, built: int, now: str, difference: Difference
    ) -> None:
        """Measure an index, store its objects, and last its row."""
        run = self.run
        with run.timed("compute"):
            tuned = self._tuned(contents, kind)
        images = int(np.sum(contents.rows.ids != NOBODY))
        with run.database.begin() as connection:
            version = new_version(connection, self.embedding)
        params: dict[str, Any] = {
            "kind": kind,
            "dimensions": int(self.embedding.params["dimensions"]),
            "metrics": ["cosine", "l2", "inner_product"],
            "built": built,
            "effort": tuned.effort.as_dict(),
            "reduced": REDUCED,
            "faiss": faiss.__version__,
        }
        measured = {"recall_at_10": tuned.recall, "recall_between": tuned.recall_between}
        name = index_name(self.embedding)
        about = {
            **params,
            "name": name,
            "version": version,
            "metric": "l2 of vectors of length 1, which orders them as cosine does",
            "embedding": self.embedding.label,
            "images": images,
            **measured,
        }
        with run.timed("write"):
            files = save_index(run.store, name, version, contents, about, self.cache)
            with run.database.begin() as connection:
                added = len(difference.missing)
                run.count(connection, done=added)
                model = register_index(
                    connection,
                    self.embedding,
                    version,
                    params={**params, "files": files},
                    metrics={"images": images, **measured},
                    fingerprint=now,
                )
        self._tell(
            kind=kind,
            images=images,
            added=added,
            removed=len(difference.stale),
            recall_at_10=tuned.recall,
            megabytes=round(files[INDEX]["size"] / 1e6, 1),
        )
        self._check(model, contents, tuned)

    def _tuned(self, contents: Contents, kind: Kind) -> Tuned:
        return tune(contents.index, kind, vectors_at(contents.index, _sample(contents)))

    def _tell(self, **details: int | float | str) -> None:
        """Put details into the summary, those of other models than the default with their name."""
        of = "" if self.embedding.is_default else f"{self.embedding.label} "
        self.run.details.update({f"{of}{name}": value for name, value in details.items()})

    def _in_database(self) -> None:
        """Have PostgreSQL index the vectors, too."""
        if not self.in_database:
            return
        with self.run.timed("write"):
            found = ensure_vector_index(self.run.database, self.embedding)
        if found.reason is not None:
            self._tell(pgvector=found.reason)
        elif found.made:
            self._tell(
                pgvector_megabytes=round(found.bytes / 1e6, 1),
                pgvector_seconds=round(found.seconds, 1),
            )

    def _check(self, model: Model, contents: Contents, tuned: Tuned) -> None:
        """Compare what FAISS and PostgreSQL answer, and keep it with the index."""
        self._in_database()
        if not self.in_database:
            return
        positions = _sample(contents)[:CHECKED]
        with self.run.timed("compute"), self.run.database.begin() as connection:
            agreement = cross_check(
                connection, self.embedding, contents, tuned.effort, positions.tolist()
            )
            if agreement is None:
                return
            add_metrics(connection, model, json.dumps({"agreement": agreement.as_dict()}))
        self._tell(pgvector_recall_at_10=agreement.pgvector)
        if agreement.complaint is not None:
            self._tell(complaint=agreement.complaint)


def _sample(contents: Contents) -> Positions:
    """Return positions of images to ask for, the same ones for the same index."""
    in_use = np.flatnonzero(contents.rows.ids != NOBODY)
    rng = np.random.default_rng(SEED)
    return rng.choice(in_use, min(QUERIES, len(in_use)), replace=False)
