"""Datasets, scores and predictions of a test's own, without a database."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analysis.labels.dataset import Dataset, DatasetQuery, Split, Targets
from analysis.labels.heads import Mode
from analysis.labels.measuring.predictions import Predictions
from analysis.labels.scorer import Logits

Floats = npt.NDArray[np.float64]


def names(count: int) -> tuple[str, ...]:
    """Labels in their sorted order."""
    return tuple(f"label {at:02d}" for at in range(count))


def hashes(count: int) -> tuple[str, ...]:
    return tuple(f"{at:064x}" for at in range(count))


def true_to(logits: Floats, mode: Mode, seed: int) -> Targets:
    """Draw the truth with exactly the probabilities that scores say."""
    rng = np.random.default_rng(seed)
    if mode == "multi":
        drawn: Targets = (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.uint8)
        return drawn
    # Gumbel: the largest of scores with this noise is drawn by their softmax.
    noisy = logits + rng.gumbel(size=logits.shape)
    return np.eye(logits.shape[1], dtype=np.uint8)[noisy.argmax(axis=1)]


def scored(targets: Targets, seed: int, *, signal: float = 3.0, noise: float = 1.5) -> Logits:
    """Scores that are higher, by `signal`, where a label is true."""
    rng = np.random.default_rng(seed)
    found: Logits = (signal * (targets - 0.5) + rng.normal(0, noise, targets.shape)).astype(
        np.float32
    )
    return found


def drawn_targets(count: int, classes: int, mode: Mode, seed: int, share: float = 0.3) -> Targets:
    rng = np.random.default_rng(seed)
    if mode == "single":
        return np.eye(classes, dtype=np.uint8)[rng.integers(0, classes, count)]
    drawn: Targets = (rng.random((count, classes)) < share).astype(np.uint8)
    return drawn


def dataset_of(
    targets: Targets,
    mode: Mode,
    *,
    artists: npt.NDArray[np.int64] | None = None,
    artists_known: bool = True,
) -> Dataset:
    """A dataset in which every image is a work of its own."""
    count, own = len(targets), np.arange(len(targets), dtype=np.int64)
    return Dataset(
        query=DatasetQuery("style", mode),
        classes=names(targets.shape[1]),
        ids=own + 1,
        sha256=hashes(count),
        targets=targets,
        weak=np.zeros(count, np.bool_),
        groups=own,
        artists=own if artists is None else artists,
        sites=("museum",) * count,
        artists_known=artists_known,
    )


def split_of(count: int, train: float = 0.5, validation: float = 0.2, removed: int = 0) -> Split:
    """The first images teach, the next ones choose, then some measure and the last are removed."""
    first, second = round(count * train), round(count * (train + validation))
    places = np.arange(count, dtype=np.int64)
    end = count - removed
    parts = (places[:first], places[first:second], places[second:end], places[end:])
    return Split(*parts, policy="random", seed=0, fingerprint="f" * 64)


def predicted(
    targets: Targets,
    probabilities: npt.NDArray[np.float32],
    *,
    sha256: Sequence[str] | None = None,
    parts: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    thresholds: npt.NDArray[np.float32] | None = None,
    groups: npt.NDArray[np.int64] | None = None,
) -> Predictions:
    """Predictions of images that are all in the test part unless said otherwise."""
    return Predictions(
        sha256=tuple(sha256 or hashes(len(targets))),
        parts=tuple(parts or ["test"] * len(targets)),
        classes=tuple(classes or names(targets.shape[1])),
        targets=targets,
        probabilities=probabilities,
        thresholds=thresholds,
        groups=groups,
    )
