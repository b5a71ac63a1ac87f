"""Models in SQL: found by name, registered, made the default, removed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from analysis.errors import ModelInUse, NoSuchModel

_COLUMNS = """id, name, version, kind, head, params, metrics, artifact_key, data_fingerprint,
    active, is_default, created_at"""
# Versions of trained models are numbers; those of methods may be any text.
_NEWEST_FIRST = "created_at DESC, id DESC"

_ALL = text(f"SELECT {_COLUMNS} FROM models ORDER BY kind, head NULLS FIRST, name, id")  # noqa: S608
_NAMED = text(f"""
    SELECT {_COLUMNS} FROM models WHERE name = :name
      AND (CAST(:version AS text) IS NULL OR version = :version)
    ORDER BY is_default DESC, {_NEWEST_FIRST} LIMIT 1
""")  # noqa: S608 - the constants above
_DEFAULT = text(f"""
    SELECT {_COLUMNS} FROM models
    WHERE is_default AND active AND kind = :kind AND head IS NOT DISTINCT FROM :head
""")  # noqa: S608 - the constant above
_LATEST = text(f"""
    SELECT {_COLUMNS} FROM models WHERE name = :name AND artifact_key IS NOT NULL
    ORDER BY {_NEWEST_FIRST} LIMIT 1
""")  # noqa: S608 - the constants above
_NEXT = text(r"""
    SELECT 1 + coalesce(max(version::int), 0) FROM models
    WHERE name = :name AND version ~ '^[0-9]{1,9}$'
""")
_INSERT = text(f"""
    INSERT INTO models (name, version, kind, head, params, metrics, artifact_key, data_fingerprint)
    VALUES (:name, :version, :kind, :head, CAST(:params AS jsonb), CAST(:metrics AS jsonb),
            :artifact_key, :data_fingerprint)
    RETURNING {_COLUMNS}
""")  # noqa: S608 - the constant above
_STEP_DOWN = text("""
    UPDATE models SET is_default = false
    WHERE is_default AND kind = :kind AND head IS NOT DISTINCT FROM :head AND id <> :id
""")
_STEP_UP = text(f"""
    UPDATE models SET is_default = true, active = true WHERE id = :id RETURNING {_COLUMNS}
""")  # noqa: S608 - the constant above
_DELETE = text("DELETE FROM models WHERE id = :id")
_JOBS = text("SELECT DISTINCT job FROM analysis_runs WHERE model_id = :id ORDER BY job")


@dataclass(frozen=True)
class Model:
    """A row of `models`."""

    id: int
    name: str
    version: str
    kind: str
    head: str | None
    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    artifact_key: str | None
    """Where the object store keeps what was trained; None: a method, which is all in the code."""
    data_fingerprint: str | None
    active: bool
    is_default: bool
    """Whether it is what views and searches use, for its kind and head."""
    created_at: datetime

    @property
    def label(self) -> str:
        """What people call it: name/version."""
        return f"{self.name}/{self.version}"

    def as_dict(self) -> dict[str, Any]:
        """Return the model for JSON."""
        return {**asdict(self), "created_at": self.created_at.isoformat()}


def list_models(connection: Connection) -> list[Model]:
    """Return all models, those of one kind and head together."""
    return [_model(row) for row in connection.execute(_ALL).mappings()]


def find_model(connection: Connection, label: str) -> Model:
    """Return the model `NAME/VERSION`; for `NAME`, the default of that name, else the newest.

    Raises NoSuchModel, naming those that there are.
    """
    name, slash, version = label.partition("/")
    values = {"name": name, "version": version if slash else None}
    row = connection.execute(_NAMED, values).mappings().one_or_none()
    if row is None:
        known = ", ".join(model.label for model in list_models(connection))
        cure = f"choose from {known}" if known else "run `artworks analyze`, which registers some"
        raise NoSuchModel(f'there is no model "{label}": {cure}.')
    return _model(row)


def default_model(connection: Connection, kind: str, head: str | None = None) -> Model | None:
    """Return the model that is in use for a kind and head, if there is one."""
    row = connection.execute(_DEFAULT, {"kind": kind, "head": head}).mappings().one_or_none()
    return None if row is None else _model(row)


def latest_trained(connection: Connection, name: str) -> Model | None:
    """Return the newest trained version of a model, if there is one."""
    row = connection.execute(_LATEST, {"name": name}).mappings().one_or_none()
    return None if row is None else _model(row)


def next_version(connection: Connection, name: str) -> str:
    """Return the version after the highest number that a model of this name has: 1, 2, 3, …"""
    return str(connection.execute(_NEXT, {"name": name}).scalar_one())


def register_trained(
    connection: Connection,
    *,
    name: str,
    version: str,
    kind: str,
    head: str | None,
    params: Mapping[str, Any],
    metrics: Mapping[str, Any],
    artifact_key: str,
    data_fingerprint: str,
) -> Model:
    """Add the row of a model whose artifact is stored; it is not the default yet."""
    values = {
        "name": name,
        "version": version,
        "kind": kind,
        "head": head,
        "params": json.dumps(dict(params)),
        "metrics": json.dumps(dict(metrics)),
        "artifact_key": artifact_key,
        "data_fingerprint": data_fingerprint,
    }
    return _model(connection.execute(_INSERT, values).mappings().one())


def activate(connection: Connection, model: Model) -> Model:
    """Make a model the default of its kind and head, in place of the one that was."""
    connection.execute(_STEP_DOWN, {"id": model.id, "kind": model.kind, "head": model.head})
    return _model(connection.execute(_STEP_UP, {"id": model.id}).mappings().one())


def jobs_of(connection: Connection, model: Model) -> Sequence[str]:
    """Return the names of the jobs that have run a model, sorted."""
    return list(connection.scalars(_JOBS, {"id": model.id}))


def delete_model(connection: Connection, model: Model, *, force: bool = False) -> None:
    """Delete a model's row with all its results.

    Raises ModelInUse for the default of its kind and head, unless `force` is set.
    """
    if model.is_default and not force:
        what = model.kind if model.head is None else f"{model.kind} of {model.head}"
        raise ModelInUse(
            f"{model.label} is the default {what}, which views and searches use: make another one "
            "the default with `artworks models activate`, or add --force."
        )
    connection.execute(_DELETE, {"id": model.id})


def _model(row: RowMapping) -> Model:
    return Model(**dict(row))
