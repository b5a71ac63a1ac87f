"""Embedding pictures that are not in the collection, as those that are there were embedded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from analysis.colors.conversion import Bytes
from analysis.config import load_analysis_settings
from analysis.embeddings.embedder import MAKERS, Embedder, embedder_of
from analysis.errors import NetworkUnavailable, NothingToCompare
from analysis.registry.models import Model, find_model
from analysis.similarity.learned.job import base_label, load_projection
from analysis.similarity.subjects import Embed
from storage.objects import ObjectStore


def embed_as(connection: Connection, store: ObjectStore, model: Model) -> Embed:
    """Return what embeds a picture as `model` embedded those of the collection.

    A trained projection is applied to what the network below it gives.

    Raises NetworkUnavailable where the network, or its weights, cannot be had, NoSuchModel and
    ArtifactDamaged.
    """
    below = base_label(model)
    if below is None:
        return _with(embedder_like(model))
    projection = load_projection(store, model)
    embed = _with(embedder_like(find_model(connection, below)))
    return lambda rgb: projection.project(embed(rgb)[np.newaxis])[0]


def embed_by_setting() -> tuple[str, Embed]:
    """Return the name of the network that ARTWORKS_EMBEDDING says, and what it embeds with.

    Raises NetworkUnavailable where it, or its weights, cannot be had.
    """
    settings = load_analysis_settings()
    embedder = embedder_of(settings.embedding, settings.inference)
    return embedder.name, _with(embedder)


def embed_words(model: Model, words: str) -> npt.NDArray[np.float32]:
    """Return the vector of words, (d,) float32, in the space of a model's images.

    Raises NetworkUnavailable where the network cannot be had or knows no words.
    """
    cure = (
        "install artworks[clip], run `ARTWORKS_EMBEDDING=clip artworks analyze embeddings`, and "
        "search with --model clip; or ask by --id or --image."
    )
    if base_label(model) is not None:
        raise NetworkUnavailable(f"{model.label} is trained on pictures and knows no words: {cure}")
    embedder = embedder_like(model)
    if embedder.open_words is None:
        raise NetworkUnavailable(f"{model.label} knows no words: {cure}")
    vector: npt.NDArray[np.float32] = embedder.open_words()([words])[0]
    return vector


def embedder_like(model: Model) -> Embedder:
    """Return the embedder that made the vectors of a model; nothing is loaded.

    Raises NetworkUnavailable where it, or its weights, cannot be had.
    """
    settings = load_analysis_settings()
    layer = model.params.get("layer")
    by_name = model.name if model.name in MAKERS or layer is None else f"{model.name}:{layer}"
    reason = ""
    # A saved model is known by its path only, which the setting says.
    for label in dict.fromkeys((settings.embedding, by_name)):
        try:
            found = embedder_of(label, settings.inference)
        except NetworkUnavailable as error:
            reason = str(error)
            continue
        if found.label == model.label:
            return found
        reason = f"{label} is {found.label} on this machine."
    raise NetworkUnavailable(
        f"the network that made {model.label} cannot be had: {reason} Set ARTWORKS_EMBEDDING to "
        "it, or choose embeddings of another one with --model."
    )


def _with(embedder: Embedder) -> Embed:
    opened = embedder.open()

    def embed(rgb: Bytes) -> npt.NDArray[np.float32]:
        vector: npt.NDArray[np.float32] = opened([rgb])[0]
        if not np.isfinite(vector).all():
            raise NothingToCompare(
                f"{embedder.label} sees nothing in the picture: choose another one, or give "
                "meaning no weight."
            )
        return vector

    return embed
