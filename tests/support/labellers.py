"""Classifiers that have learned nothing: what they say is plain to see in the vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.labels.classifier import ARTIFACT, Classifier
from analysis.labels.familiarity import Familiarity
from analysis.labels.heads import Mode
from analysis.labels.learning.probe import ProbeScorer
from analysis.labels.scorer import Scorer
from analysis.registry.artifacts import save_bytes
from analysis.registry.models import Model, activate, next_version, register_trained
from storage.database import Database
from storage.objects import ObjectStore


def axes(classes: int, *, steepness: float = 8.0, intercept: float = 0.0) -> ProbeScorer:
    """A probe of vectors of `classes` numbers: the n-th number speaks for the n-th class."""
    weights = (steepness * np.eye(classes)).astype(np.float32)
    return ProbeScorer(weights, np.full(classes, intercept, np.float32))


def labeller(
    head: str, classes: Sequence[str], *, mode: Mode = "single", scorer: Scorer | None = None
) -> Classifier:
    """A classifier to which the axes are familiar, and what is half-way between them is not."""
    # What another scorer reads has other axes, and only the entropy tells.
    centers = np.eye(len(classes)) if scorer is None else np.empty((0, 0))
    return Classifier(
        head=head,
        mode=mode,
        classes=tuple(classes),
        scorer=scorer or axes(len(classes), intercept=-4.0 if mode == "multi" else 0.0),
        temperature=1.0,
        thresholds=np.full(len(classes), 0.5, np.float32),
        familiarity=Familiarity(centers.astype(np.float32), 0.5, 0.2, mode),
    )


def add_labeller(
    database: Database,
    store: ObjectStore,
    head: str,
    classes: Sequence[str],
    *,
    mode: Mode = "single",
    embedding: str = "test-network/1",
    scorer: Scorer | None = None,
    is_default: bool = True,
) -> Model:
    """Store and register a classifier as a training would; it becomes the default."""
    made = labeller(head, classes, mode=mode, scorer=scorer)
    data = made.to_bytes()
    name, reads = f"{made.scorer.method}-{head}", made.scorer.reads
    with database.begin() as connection:
        version = next_version(connection, name)
        artifact = save_bytes(store, name, version, ARTIFACT, data)
        params: dict[str, Any] = {
            "method": made.scorer.method,
            "labels": mode,
            "classes": list(classes),
            "reads": reads,
            "embedding": embedding if reads == "embeddings" else None,
            "artifact_sha256": artifact.sha256,
            "artifact_bytes": artifact.size,
        }
        model = register_trained(
            connection,
            name=name,
            version=version,
            kind="classifier",
            head=head,
            params=params,
            metrics={},
            artifact_key=artifact.key,
            data_fingerprint=hashlib.sha256(data).hexdigest(),
        )
        return activate(connection, model) if is_default else model
