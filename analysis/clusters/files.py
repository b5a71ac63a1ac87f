"""Which groups a picture mixes that is not in the collection."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection

from analysis.clusters.fitting import Fitted
from analysis.clusters.overview import Mixed, mixed
from analysis.clusters.stored import memberships_to_keep
from analysis.colors.conversion import Bytes
from analysis.registry.artifacts import load_artifact
from analysis.registry.models import Model, find_model
from analysis.similarity.embedding import embed_as
from storage.objects import ObjectStore


def mixture_of_picture(
    connection: Connection, store: ObjectStore, model: Model, picture: Bytes
) -> list[Mixed]:
    """Return the groups that a picture, (h, w, 3) uint8 sRGB, belongs to, the likeliest first.

    It is embedded as the pictures in the groups were. Raises NetworkUnavailable, ArtifactDamaged
    and ArtifactOutdated.
    """
    fitted = load_artifact(store, model)
    assert isinstance(fitted, Fitted)
    embed = embed_as(connection, store, find_model(connection, model.params["embedding"]))
    vectors = np.asarray(embed(picture), np.float32)[np.newaxis]
    kept = memberships_to_keep(np.zeros(1, np.int64), fitted.memberships(vectors), fitted.numbers)
    parts = zip(kept.clusters.tolist(), kept.probabilities.tolist(), strict=True)
    return mixed(connection, model, sorted(parts, key=lambda part: -part[1]))
