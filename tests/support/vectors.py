"""Embeddings of a test's own, as a network would have left them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from sqlalchemy import text

from analysis.embeddings.copying import copy_embeddings
from analysis.jobs import ModelSpec
from analysis.registry.models import Model, find_model
from analysis.results import register_model
from storage.database import Database


def add_embeddings(
    database: Database,
    vectors: Mapping[int, npt.ArrayLike],
    *,
    name: str = "test-network",
    is_default: bool = True,
) -> Model:
    """Store vectors by image id, scaled to length 1, under a model of kind `embedding`."""
    rows = {image_id: np.asarray(vector, np.float64) for image_id, vector in vectors.items()}
    dimensions = len(next(iter(rows.values())))
    spec = ModelSpec(
        name, "1", "embedding", params={"dimensions": dimensions}, is_default=is_default
    )
    with database.begin() as connection:
        model_id = register_model(connection, spec)
        scaled = [vector / np.linalg.norm(vector) for vector in rows.values()]
        copy_embeddings(connection, model_id, list(rows), scaled)
        connection.execute(
            text(
                "INSERT INTO image_results (image_id, model_id, state) "
                "SELECT image_id, model_id, 'done' FROM image_embeddings "
                "WHERE model_id = :model_id ON CONFLICT DO NOTHING"
            ),
            {"model_id": model_id},
        )
        return find_model(connection, f"{name}/1")
