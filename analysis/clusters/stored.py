"""Groups in SQL: which models there are, and their rows in `clusters` and `image_clusters`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from analysis.clusters import KIND
from analysis.clusters.fitting import Memberships, Settings
from analysis.embeddings.stored import Ids
from analysis.registry.models import Model, list_models
from storage.collection import as_json

LEAST_PROBABILITY: Final = 0.05
"""Groups that an image belongs to less are not kept, the first excepted."""
PAGE: Final = 4096
DIGITS: Final = 6

# What no work shows, at no address, is not embedded for people; see analysis.embeddings.stored.
_SHOWN = """
    SELECT e.image_id FROM image_embeddings e JOIN images i ON i.id = e.image_id
    WHERE e.model_id = :embedding_id AND NOT i.placeholder AND EXISTS (
        SELECT FROM image_sources s WHERE s.image_id = e.image_id AND s.gone_at IS NULL)
"""
_COUNT = text(f"SELECT count(*) FROM ({_SHOWN}) shown")  # noqa: S608 - the constant above
_NEW = text(f"""
    SELECT shown.image_id FROM ({_SHOWN}) shown
    LEFT JOIN (SELECT DISTINCT image_id FROM image_clusters WHERE model_id = :model_id) placed
           ON placed.image_id = shown.image_id
    WHERE placed.image_id IS NULL ORDER BY shown.image_id
""")  # noqa: S608 - the constant above
_PRIMARY = text("""
    SELECT DISTINCT ON (image_id) image_id, cluster FROM image_clusters
    WHERE model_id = :model_id ORDER BY image_id, probability DESC, cluster
""")
# An image may be taken down meanwhile: its rows have nowhere to go then.
_STILL_THERE = text("SELECT id FROM images WHERE id = ANY(:ids) ORDER BY id FOR KEY SHARE")
_PLACE = text("""
    INSERT INTO image_clusters (image_id, model_id, cluster, probability)
    SELECT image_id, :model_id, cluster, probability
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        image_id bigint, cluster integer, probability float8)
    ORDER BY image_id, cluster
    ON CONFLICT (image_id, model_id, cluster) DO UPDATE SET probability = excluded.probability
""")
_SIZES = text("""
    SELECT cluster, count(*) AS size FROM (
        SELECT DISTINCT ON (image_id) image_id, cluster FROM image_clusters
        WHERE model_id = :model_id ORDER BY image_id, probability DESC, cluster
    ) placed GROUP BY cluster
""")
_DESCRIBE = text("""
    INSERT INTO clusters (model_id, cluster, size, theme, metrics)
    SELECT :model_id, cluster, size, theme, metrics
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        cluster integer, size integer, theme text, metrics jsonb)
    ORDER BY cluster
    ON CONFLICT (model_id, cluster) DO UPDATE
    SET size = excluded.size, theme = excluded.theme, metrics = excluded.metrics
""")
_METRICS = text("SELECT cluster, metrics FROM clusters WHERE model_id = :model_id ORDER BY cluster")
_SET_METRICS = text(
    "UPDATE models SET metrics = metrics || CAST(:metrics AS jsonb) WHERE id = :model_id"
)


@dataclass(frozen=True)
class Placed:
    """Images in groups: three arrays of one length, an image as often as it is in groups."""

    ids: Ids
    clusters: npt.NDArray[np.int32]
    """Numbers of groups."""
    probabilities: npt.NDArray[np.float32]


def model_name(settings: Settings) -> str:
    """Return the name of the models of a method, and of a number of groups that was asked for."""
    return f"clusters-{settings.method}{'' if settings.k is None else f'-{settings.k}'}"


def versions_of(connection: Connection, settings: Settings, embedding: Model) -> list[Model]:
    """Return the fitted models of these settings and this embedding, the newest first."""
    asked = {**settings.as_dict(), "embedding": embedding.label}
    found = [
        model
        for model in list_models(connection)
        if model.kind == KIND
        and model.name == model_name(settings)
        and all(model.params.get(name) == value for name, value in asked.items())
    ]
    return sorted(found, key=lambda model: model.id, reverse=True)


def count_shown(connection: Connection, embedding: Model) -> int:
    """Count the images of an embedding that a work shows."""
    return int(connection.execute(_COUNT, {"embedding_id": embedding.id}).scalar_one())


def new_images(connection: Connection, embedding: Model, model: Model) -> list[int]:
    """Return the images of an embedding that are in no group of a model, ascending."""
    values = {"embedding_id": embedding.id, "model_id": model.id}
    return list(connection.scalars(_NEW, values))


def former_numbers(connection: Connection, model: Model, ids: Ids) -> npt.NDArray[np.int32]:
    """Return the group that each image belongs to most of all in a model, (n,); 0: none."""
    rows = [tuple(row) for row in connection.execute(_PRIMARY, {"model_id": model.id})]
    known = np.array(rows, np.int64).reshape(-1, 2)
    found = np.zeros(len(ids), np.int32)
    place = np.searchsorted(known[:, 0], ids)
    there = place < len(known)
    there[there] = known[place[there], 0] == ids[there]
    found[there] = known[place[there], 1]
    return found


def memberships_to_keep(
    ids: Ids, memberships: Memberships, numbers: npt.NDArray[np.int32]
) -> Placed:
    """Return what is kept of memberships, (n, groups): the likeliest, and those that count."""
    kept = memberships >= LEAST_PROBABILITY
    kept[np.arange(len(ids)), memberships.argmax(axis=1)] = True
    image, group = np.nonzero(kept)
    return Placed(ids[image], numbers[group], memberships[image, group])


def write_placed(connection: Connection, model_id: int, placed: Placed) -> int:
    """Write images into groups; return how many images there were to write of."""
    written = 0
    ids, first = np.unique(placed.ids, return_index=True)
    ends = np.append(first[1:], len(placed.ids))
    for start in range(0, len(ids), PAGE):
        page = ids[start : start + PAGE]
        there = set(connection.scalars(_STILL_THERE, {"ids": page.tolist()}))
        last = min(start + PAGE, len(ids)) - 1
        rows = [
            {"image_id": image, "cluster": cluster, "probability": round(probability, DIGITS)}
            for image, cluster, probability in zip(
                placed.ids[first[start] : ends[last]].tolist(),
                placed.clusters[first[start] : ends[last]].tolist(),
                placed.probabilities[first[start] : ends[last]].tolist(),
                strict=True,
            )
            if image in there
        ]
        connection.execute(_PLACE, {"model_id": model_id, "rows": as_json(rows)})
        written += len(there)
    return written


def cluster_sizes(connection: Connection, model_id: int) -> dict[int, int]:
    """Return how many images belong to each group most of all."""
    rows = connection.execute(_SIZES, {"model_id": model_id})
    return {row.cluster: row.size for row in rows}


def write_clusters(
    connection: Connection, model_id: int, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Write the rows of groups: cluster, size, theme, metrics."""
    connection.execute(_DESCRIBE, {"model_id": model_id, "rows": json.dumps(list(rows))})


def read_metrics(connection: Connection, model_id: int) -> dict[int, dict[str, Any]]:
    """Return the metrics of each group by its number."""
    rows = connection.execute(_METRICS, {"model_id": model_id})
    return {row.cluster: row.metrics for row in rows}


def add_metrics(connection: Connection, model_id: int, metrics: Mapping[str, Any]) -> None:
    """Add measures to those of a model."""
    values = {"model_id": model_id, "metrics": json.dumps(dict(metrics))}
    connection.execute(_SET_METRICS, values)
