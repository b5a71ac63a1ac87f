"""The embeddings that classifiers learn from and read."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from sqlalchemy import Connection

from analysis.embeddings.stored import KIND, Vectors, vectors_of
from analysis.errors import ModelChanged, NoEmbeddings, NoSuchModel
from analysis.labels.dataset import Dataset
from analysis.labels.datasets.balancing import NO_LABEL_LEFT, SMALL_CLASSES, support
from analysis.registry.models import Model, find_model

WITHOUT_VECTOR: Final = "without_vector"
"""Why an image is left out: it has no vector of the model that is read."""


def with_vectors(connection: Connection, dataset: Dataset, model: Model) -> tuple[Dataset, Vectors]:
    """Return the images of a dataset that have a vector, and these, (n, d) in their order.

    Classes that have too few images then (the query's `min_support`) are left out with them.
    Raises NoEmbeddings where nothing is left to learn from.
    """
    found = vectors_of(connection, model, dataset.ids.tolist())
    there = np.isin(dataset.ids, found.ids)
    kept = dataset if there.all() else _reduced(dataset, there, model)
    vectors: Vectors = found.vectors[np.searchsorted(found.ids, kept.ids)]
    return kept, vectors


def embedding_of(connection: Connection, model: Model) -> Model | None:
    """Return the embedding model that a classifier reads; None where it reads pictures.

    Raises NoEmbeddings where that model is registered no more, and ModelChanged where its vectors
    are of another length than those that the classifier has learned from.
    """
    label = model.params.get("embedding")
    if label is None or model.params.get("reads") == "pixels":
        return None
    cure = f"train it anew with `artworks train {model.head}`."
    try:
        embedding = find_model(connection, label)
    except NoSuchModel as error:
        raise NoEmbeddings(
            f"{model.label} reads the embeddings of {label}, which is registered no more: make "
            f"them again with `artworks analyze embeddings`, or {cure}"
        ) from error
    if embedding.kind != KIND:
        raise NoEmbeddings(
            f"{model.label} reads embeddings, and {label} is a {embedding.kind}: {cure}"
        )
    learned, stored = model.params.get("dimensions"), embedding.params["dimensions"]
    if learned is not None and learned != stored:
        raise ModelChanged(
            f"{model.label} has learned from vectors of {learned} numbers, and those of {label} "
            f"have {stored}: {cure}"
        )
    return embedding


def _reduced(dataset: Dataset, there: npt.NDArray[np.bool_], model: Model) -> Dataset:
    """Return the images that are there, of classes that still have enough of them."""
    kept = dataset.subset(there)
    classes = support(csr_array(kept.targets), kept.groups) >= dataset.query.min_support
    if classes.sum() < (1 if dataset.multi else 2):
        raise NoEmbeddings(
            f"{int(there.sum()):,} of {len(dataset):,} images with a {dataset.query.head} have a "
            f"vector of {model.label}, too few to learn from: run `artworks analyze embeddings`, "
            "or choose other embeddings with --model."
        )
    labelled = np.asarray(kept.targets[:, classes].any(axis=1))
    kept = kept.subset(labelled)
    left_out = Counter(dataset.left_out)
    left_out[WITHOUT_VECTOR] += int((~there).sum())
    left_out[NO_LABEL_LEFT if dataset.multi else SMALL_CLASSES] += int((~labelled).sum())
    return replace(
        kept,
        classes=tuple(name for name, stays in zip(kept.classes, classes, strict=True) if stays),
        targets=kept.targets[:, classes],
        left_out={reason: count for reason, count in left_out.items() if count},
    )
