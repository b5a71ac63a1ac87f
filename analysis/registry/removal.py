"""Removing a model: its row, its results and its objects."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Table, func, select

from analysis.embeddings.stored import KIND
from analysis.embeddings.vector_index import drop_vector_index
from analysis.errors import NoSuchModel
from analysis.registry.models import Model, delete_model, find_model, jobs_of
from analysis.results import job_lock
from storage.database import Database
from storage.models import Base
from storage.objects import ObjectStore


@dataclass(frozen=True)
class Removal:
    """What went with a model."""

    model: str
    """Its name and version."""
    rows: Mapping[str, int]
    """Rows by table, those tables that had any."""
    objects: tuple[str, ...]
    """Keys in the object store."""

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return {**asdict(self), "rows": dict(self.rows), "objects": list(self.objects)}


def remove_model(
    database: Database, store: ObjectStore, label: str, *, force: bool = False
) -> Removal:
    """Remove the model `NAME/VERSION`, while none of its jobs runs.

    The row goes first, with all that refers to it; its index of vectors and the objects follow.
    Where that is cut short, the index goes when the next one is made, and the objects lie there
    unused until the version is trained again.

    Raises NoSuchModel, ModelInUse for a default unless `force` is set, JobRunning,
    ObjectStoreUnavailable and DatabaseUnavailable.
    """
    if "/" not in label:
        raise NoSuchModel(
            f'"{label}" does not say which version is to be removed: write it as {label}/VERSION, '
            "see `artworks models list`."
        )
    with ExitStack() as locks:
        with database.begin() as connection:
            model = find_model(connection, label)
            jobs = jobs_of(connection, model)
        for job in jobs:
            locks.enter_context(job_lock(database, job))
        with database.begin() as connection:
            model = find_model(connection, label)
            rows = _count_results(connection, model)
            delete_model(connection, model, force=force)
        if model.kind == KIND:
            drop_vector_index(database, model.id)
    prefix = f"models/{model.name}/{model.version}/"
    keys = tuple(found.key for found in store.list(prefix))
    for key in keys:
        store.delete(key)
    return Removal(model.label, rows, keys)


def _count_results(connection: Connection, model: Model) -> dict[str, int]:
    counts = {table.name: _rows_of(connection, table, model) for table in _result_tables()}
    return {name: count for name, count in counts.items() if count}


def _result_tables() -> list[Table]:
    """Return the tables whose rows name a model."""
    return [table for table in Base.metadata.sorted_tables if "model_id" in table.columns]


def _rows_of(connection: Connection, table: Table, model: Model) -> int:
    query = select(func.count()).select_from(table).where(table.c.model_id == model.id)
    return int(connection.scalar(query) or 0)
