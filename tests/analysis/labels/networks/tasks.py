"""Tasks of a test's own: pictures that anyone can tell apart, and nothing stored anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from analysis.embeddings.stored import Vectors
from analysis.jobs import RGB
from analysis.labels.dataset import Dataset, DatasetQuery, Split, Targets
from analysis.labels.heads import Mode
from analysis.labels.task import Balance, Progress, Task
from analysis.registry.models import Model


def targets_of(labels: Sequence[int], classes: int) -> Targets:
    """(n, classes): one label each."""
    found: Targets = np.eye(classes, dtype=np.uint8)[np.array(labels)]
    return found


def dataset_of(targets: Targets, mode: Mode = "single") -> Dataset:
    """Images of works by as many artists."""
    count = len(targets)
    return Dataset(
        query=DatasetQuery("style", mode),
        classes=tuple(f"Style {at}" for at in range(targets.shape[1])),
        ids=np.arange(count, dtype=np.int64) + 1,
        sha256=tuple(hashlib.sha256(b"%d" % at).hexdigest() for at in range(count)),
        targets=targets,
        weak=np.zeros(count, np.bool_),
        groups=np.arange(count, dtype=np.int64),
        artists=np.arange(count, dtype=np.int64),
        sites=("museum",) * count,
        artists_known=True,
    )


def split_of(count: int, *, removed: int = 0) -> Split:
    """Every fifth image measures, the one after it says when to stop, the others teach."""
    places = np.arange(count - removed, dtype=np.int64)
    return Split(
        train=places[places % 5 > 1],
        validation=places[places % 5 == 1],
        test=places[places % 5 == 0],
        removed=np.arange(count - removed, count, dtype=np.int64),
        policy="random",
        seed=0,
        fingerprint="of every fifth",
    )


def embedding_of(name: str = "test-network", **params: Any) -> Model:
    """A row of `models`."""
    return Model(
        id=1,
        name=name,
        version="1",
        kind="embedding",
        head=None,
        params=params,
        metrics={},
        artifact_key=None,
        data_fingerprint=None,
        active=True,
        is_default=True,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def picture(at: int, label: int) -> RGB:
    """Noise in the colour of a label, of which each picture has a little too much."""
    rng = np.random.default_rng([at, label])
    color = np.array([(200, 60, 60), (60, 60, 200), (60, 180, 60)][label]) + rng.integers(-30, 30)
    noise = rng.normal(0, 40, (40, 36, 3))
    return np.clip(color + noise, 0, 255).astype(np.uint8)


def task_of(
    folder: Path,
    targets: Targets,
    *,
    vectors: Vectors | None = None,
    mode: Mode = "single",
    balance: Balance = "none",
    embedding: Model | None = None,
    removed: int = 0,
    seed: int = 0,
    progress: Progress | None = None,
) -> Task:
    """A task that keeps what it has to keep below a folder."""

    def pictures(places: Sequence[int]) -> Sequence[RGB]:
        return [picture(at, int(targets[at].argmax())) for at in places]

    return Task(
        dataset=dataset_of(targets, mode),
        split=split_of(len(targets), removed=removed),
        balance=balance,
        seed=seed,
        embedding=embedding,
        vectors=vectors,
        pictures=pictures,
        folder=folder / "training",
        cache=folder / "features",
        progress=progress,
    )


def clouds(labels: Sequence[int], dimensions: int = 16, seed: int = 0) -> Vectors:
    """Vectors of length 1, near one of their own label."""
    rng = np.random.default_rng(seed)
    middles = np.eye(max(labels) + 1, dimensions) * 2
    found = middles[np.array(labels)] + rng.normal(0, 0.5, (len(labels), dimensions))
    vectors: Vectors = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return vectors
