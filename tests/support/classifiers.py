"""Classifiers of a test's own, as a training would have left them; their probe is made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import embedding_model, vectors_of
from analysis.labels.classifier import ARTIFACT, Classifier
from analysis.labels.dataset import Dataset, DatasetQuery, Split
from analysis.labels.familiarity import learn_familiarity
from analysis.labels.heads import Mode
from analysis.labels.learning.probe import ProbeScorer
from analysis.labels.measuring.judging import judge
from analysis.labels.measuring.predictions import PREDICTIONS
from analysis.registry.artifacts import model_key, save_bytes
from analysis.registry.models import Model, activate, register_trained
from storage.database import Database
from storage.objects import ObjectStore
from support.databases import sql

PARTS = ("train", "validation", "test")


def add_classifier(
    database: Database,
    store: ObjectStore,
    labels: Mapping[int, Sequence[str]],
    *,
    head: str = "style",
    mode: Mode = "single",
    version: str = "1",
    is_default: bool = True,
    blur: float = 0.0,
    parts: Mapping[int, str] | None = None,
    classes: Sequence[str] | None = None,
) -> Model:
    """Store a classifier that knows images by their stored vectors, and what it said of them.

    Each label's direction is the mean of its training vectors, with noise of the strength `blur`.
    Of four images, by id, two teach, one chooses and one measures, unless `parts` says otherwise.
    """
    ids = np.array(sorted(labels), np.int64)
    sha256 = dict(map(tuple, sql(database, "SELECT id, sha256 FROM images")))
    with database.begin() as connection:
        embedding = embedding_model(connection)
        vectors = vectors_of(connection, embedding, ids.tolist()).vectors
    names = tuple(classes or sorted({label for said in labels.values() for label in said}))
    targets = np.array([[name in labels[one] for name in names] for one in ids.tolist()], np.uint8)
    split = _split(ids, parts)
    scorer = _probe(vectors[split.train], targets[split.train], blur)
    own = np.arange(len(ids), dtype=np.int64)
    dataset = Dataset(
        query=DatasetQuery(head, mode),
        classes=names,
        ids=ids,
        sha256=tuple(sha256[one] for one in ids.tolist()),
        targets=targets,
        weak=np.zeros(len(ids), np.bool_),
        groups=own,
        artists=own,
        sites=("museum",) * len(ids),
        artists_known=True,
    )
    judged = judge(dataset, split, scorer.logits(vectors), seed=0)
    classifier = Classifier(
        head, mode, names, scorer, judged.temperature, judged.thresholds,
        learn_familiarity(judged.probabilities[split.validation], mode),
    )  # fmt: skip
    name = f"probe-{head}"
    artifact = save_bytes(store, name, version, ARTIFACT, classifier.to_bytes())
    said = judged.predictions(dataset, split).to_bytes()
    told = save_bytes(store, name, version, PREDICTIONS, said)
    params = {
        **label_params(head, mode, names, embedding=embedding.label),
        "dimensions": embedding.params["dimensions"],
        "artifact_sha256": artifact.sha256,
        "artifact_bytes": artifact.size,
        "predictions_sha256": told.sha256,
    }
    metrics = {**judged.metrics, **training_metrics(dataset, split)}
    with database.begin() as connection:
        model = register_trained(
            connection, name=name, version=version, kind="classifier", head=head, params=params,
            metrics=metrics, artifact_key=model_key(name, version, ARTIFACT),
            data_fingerprint=dataset.fingerprint,
        )  # fmt: skip
        return activate(connection, model) if is_default else model


def label_params(
    head: str, mode: Mode, classes: Sequence[str], *, embedding: str | None = "test-network/1"
) -> dict[str, Any]:
    """Parameters of a classifier, as its training records them."""
    return {
        "method": "probe",
        "labels": mode,
        "classes": list(classes),
        "reads": "pixels" if embedding is None else "embeddings",
        "embedding": embedding,
        "balance": "none",
        "recipe": {"grid": [0.01, 0.1, 1.0]},
        "dataset": DatasetQuery(head, mode).as_dict(),
        "split": {"id": 1, "policy": "random", "seed": 0, "fingerprint": "f" * 64},
        "seed": 0,
        "packages": {"numpy": "2.4.6", "scikit-learn": "1.9.1"},
        "artifact_sha256": "a" * 64,
        "artifact_bytes": 1234,
        "predictions_sha256": "b" * 64,
    }


def training_metrics(dataset: Dataset, split: Split) -> dict[str, Any]:
    """What a training adds to the measures of a judgement."""
    return {
        "weak": 0,
        "left_out": {},
        "split": {**split.as_dict(), "id": 1},
        "data_fingerprint": dataset.fingerprint,
        "history": {},
        "chosen": {"C": 0.1},
        "cross_validation": None,
    }


def _split(ids: npt.NDArray[np.int64], parts: Mapping[int, str] | None) -> Split:
    of = parts or {one: ("train", "validation", "train", "test")[one % 4] for one in ids.tolist()}
    train, validation, test = (
        np.flatnonzero([of.get(one) == part for one in ids.tolist()]) for part in PARTS
    )
    none = np.empty(0, np.int64)
    return Split(train, validation, test, none, policy="random", seed=0, fingerprint="f" * 64)


def _probe(
    vectors: npt.NDArray[np.float32], targets: npt.NDArray[np.uint8], blur: float
) -> ProbeScorer:
    means = targets.T.astype(np.float64) @ vectors / np.maximum(targets.sum(axis=0), 1)[:, None]
    means -= vectors.mean(axis=0)
    means += np.random.default_rng(7).normal(0, blur, means.shape)
    directions = (12 * means).astype(np.float32)
    return ProbeScorer(directions, (-directions @ vectors.mean(axis=0)).astype(np.float32))
