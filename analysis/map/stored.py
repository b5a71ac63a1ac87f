"""The map in SQL: which images are on it, and where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, text

from analysis.embeddings.stored import Ids
from analysis.errors import NothingToShow
from analysis.map.layout import Positions
from analysis.registry.models import Model, find_model

KIND: Final = "map"
"""Kind of the models whose rows are in `image_positions`."""
BATCH: Final = 10_000
"""Positions that are sent to the database at once."""

NOWHERE: Final[tuple[Ids, Positions]] = (np.empty(0, np.int64), np.empty((0, 2)))
"""No images on no map."""

_MAP = text("""
    SELECT m.name || '/' || m.version FROM models m
    LEFT JOIN models e ON e.kind = 'embedding' AND e.head IS NULL AND e.is_default
    WHERE m.kind = 'map' AND m.active
    ORDER BY m.params->>'embedding' IS NOT DISTINCT FROM e.name || '/' || e.version DESC,
             m.is_default DESC, m.created_at DESC, m.id DESC
    LIMIT 1
""")
# As `analysis.embeddings.stored` reads vectors.
_SHOWN = """NOT i.placeholder AND EXISTS (
    SELECT FROM image_sources s WHERE s.image_id = i.id AND s.gone_at IS NULL)"""
_UNPLACED = text(f"""
    SELECT e.image_id FROM image_embeddings e JOIN images i ON i.id = e.image_id
    WHERE e.model_id = :embedding_id AND {_SHOWN} AND NOT EXISTS (
        SELECT FROM image_positions p WHERE p.image_id = e.image_id AND p.model_id = :model_id)
    ORDER BY e.image_id
""")  # noqa: S608 - the fragment is the constant above
_PLACES = text("""
    SELECT image_id, x, y FROM image_positions WHERE model_id = :model_id ORDER BY image_id
""")
_CLEAR = text("DELETE FROM image_positions WHERE model_id = :model_id")
# An image may be taken down meanwhile: its place has nowhere to go then.
_PLACE = text("""
    INSERT INTO image_positions (image_id, model_id, x, y)
    SELECT i.id, :model_id, p.x, p.y
    FROM unnest(CAST(:ids AS bigint[]), CAST(:xs AS float8[]), CAST(:ys AS float8[])) p(id, x, y)
    JOIN images i ON i.id = p.id
    ORDER BY i.id FOR KEY SHARE OF i
""")
_METRICS = text("SELECT metrics FROM models WHERE id = :model_id")
_TELL = text("UPDATE models SET metrics = CAST(:metrics AS jsonb) WHERE id = :model_id")


def map_model(connection: Connection) -> Model:
    """Return the map of the embedding that is in use, or else the default map.

    Raises NothingToShow, with the cure, where there is none.
    """
    label = connection.scalar(_MAP)
    if label is None:
        raise NothingToShow("there is no map of the collection yet: run `artworks analyze map`.")
    return find_model(connection, label)


def unplaced(connection: Connection, model_id: int, embedding_id: int) -> Ids:
    """Return the images that have a vector, that a work shows, and that are not on the map."""
    values = {"model_id": model_id, "embedding_id": embedding_id}
    return np.fromiter(connection.scalars(_UNPLACED, values), dtype=np.int64)


def read_places(connection: Connection, model_id: int) -> tuple[Ids, Positions]:
    """Return the images on a map by ascending id, and where they lie."""
    found = connection.execution_options(yield_per=BATCH).execute(_PLACES, {"model_id": model_id})
    parts = [np.empty((0, 3))]
    # Rows of a million images would be a gigabyte of Python objects.
    parts += [np.array([tuple(row) for row in page]) for page in found.partitions()]
    table = np.concatenate(parts)
    return table[:, 0].astype(np.int64), np.ascontiguousarray(table[:, 1:])


def clear_places(connection: Connection, model_id: int) -> None:
    """Take all images off a map."""
    connection.execute(_CLEAR, {"model_id": model_id})


def write_places(connection: Connection, model_id: int, ids: Ids, places: Positions) -> int:
    """Put images on a map, places (n, 2) by ids (n,); return how many are still stored."""
    written = 0
    for start in range(0, len(ids), BATCH):
        chunk = slice(start, start + BATCH)
        values = {
            "model_id": model_id,
            "ids": ids[chunk].tolist(),
            "xs": places[chunk, 0].tolist(),
            "ys": places[chunk, 1].tolist(),
        }
        written += connection.execute(_PLACE, values).rowcount
    return written


def read_metrics(connection: Connection, model_id: int) -> Mapping[str, Any]:
    """Return what is known of a map."""
    found: Mapping[str, Any] = connection.execute(_METRICS, {"model_id": model_id}).scalar_one()
    return found


def write_metrics(connection: Connection, model_id: int, metrics: Mapping[str, Any]) -> None:
    """Keep what is known of a map."""
    connection.execute(_TELL, {"model_id": model_id, "metrics": json.dumps(dict(metrics))})
