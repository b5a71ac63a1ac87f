"""Versions of indexes: their rows in `models`, and what is left of former ones.

The objects of a version are stored first and its row is written last. Whatever is killed in
between, searches use the version before, and the next run removes what has no row.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, text

from analysis.embeddings.stored import KIND as EMBEDDING
from analysis.registry.artifacts import model_key
from analysis.registry.models import (
    Model,
    activate,
    delete_model,
    list_models,
    next_version,
    register_trained,
)
from analysis.similarity.indexes.files import FILES, INDEX, prune_cache
from storage.database import Database
from storage.objects import ObjectStore

KIND: Final = "index"
KEPT: Final = 2
"""Versions that stay: the one in use, and the one before for searches that have just begun."""
PREFIX: Final = "index-"

_SET_METRICS = text("UPDATE models SET metrics = metrics || CAST(:metrics AS jsonb) WHERE id = :id")
_SET_FINGERPRINT = text("UPDATE models SET data_fingerprint = :fingerprint WHERE id = :id")


def index_name(embedding: Model) -> str:
    """Return the name of the indexes of a model of kind `embedding`."""
    return f"{PREFIX}{embedding.name}"


def indexes_of(connection: Connection, embedding: Model) -> list[Model]:
    """Return the indexes of a model of kind `embedding`, the newest first."""
    return [model for model in _all(connection) if model.params["embedding"] == embedding.label]


def current_index(connection: Connection, embedding: Model) -> Model | None:
    """Return the index that searches use for a model of kind `embedding`, if there is one.

    That is the newest, unless a person made another one the default.
    """
    found = indexes_of(connection, embedding)
    return next((model for model in found if model.is_default), next(iter(found), None))


def register_index(
    connection: Connection,
    embedding: Model,
    version: str,
    *,
    params: Mapping[str, Any],
    metrics: Mapping[str, Any],
    fingerprint: str,
) -> Model:
    """Add the row of an index whose objects are stored; from then on, searches use it."""
    name = index_name(embedding)
    model = register_trained(
        connection,
        name=name,
        version=version,
        kind=KIND,
        head=None,
        params={**params, "embedding": embedding.label},
        metrics=metrics,
        artifact_key=model_key(name, version, INDEX),
        data_fingerprint=fingerprint,
    )
    return activate(connection, model) if embedding.is_default else model


def new_version(connection: Connection, embedding: Model) -> str:
    """Return the version that the next index of a model gets."""
    return next_version(connection, index_name(embedding))


def set_fingerprint(connection: Connection, model: Model, fingerprint: str) -> None:
    """Note that an index holds what the database holds now."""
    connection.execute(_SET_FINGERPRINT, {"id": model.id, "fingerprint": fingerprint})


def add_metrics(connection: Connection, model: Model, metrics: str) -> None:
    """Add measures, a JSON object, to those of an index."""
    connection.execute(_SET_METRICS, {"id": model.id, "metrics": metrics})


def retire(database: Database, store: ObjectStore, cache: Path) -> None:
    """Remove former versions but the last, indexes of embeddings that are gone, and leftovers.

    A search that has one of them open goes on with it. To be called under the job's lock.
    """
    with database.begin() as connection:
        embeddings = {m.label for m in list_models(connection) if m.kind == EMBEDDING}
        seen: dict[str, int] = {}
        kept: list[Model] = []
        for model in _all(connection):
            label = model.params["embedding"]
            seen[label] = seen.get(label, 0) + 1
            if label in embeddings and (seen[label] <= KEPT or model.is_default):
                kept.append(model)
            else:
                delete_model(connection, model, force=True)
    folders = tuple(model_key(model.name, model.version, "") for model in kept)
    for found in list(store.list(f"models/{PREFIX}")):
        is_ours = found.key.rpartition("/")[2] in FILES
        if is_ours and not found.key.startswith(folders):
            store.delete(found.key)
    prune_cache(cache, {model.params["files"][INDEX]["sha256"] for model in kept})


def _all(connection: Connection) -> list[Model]:
    """Return all indexes, the newest first."""
    models = [
        model
        for model in list_models(connection)
        if model.kind == KIND and model.artifact_key is not None
    ]
    return sorted(models, key=lambda model: (model.created_at, model.id), reverse=True)
