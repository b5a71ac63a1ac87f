"""The parts of a task's split, as networks go through them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from analysis.errors import NothingToTrain
from analysis.evaluation.relevance import Numbers
from analysis.labels.scorer import Logits
from analysis.labels.task import Task
from analysis.registry.artifacts import package_versions

LEAST = 2
"""Fewest images that teach."""


def check_parts(task: Task) -> None:
    """Raise NothingToTrain where nothing teaches, or nothing says when to stop."""
    train, validation = len(task.split.train), len(task.split.validation)
    if train < LEAST or not validation:
        raise NothingToTrain(
            f"{train} images would teach a network and {validation} would say when to stop, of "
            f"{len(task.dataset)}: at least {LEAST} and 1 are needed. Crawl more works, ask for "
            "fewer terms, or choose another --split."
        )


def parts_of(task: Task) -> Numbers:
    """Return the places of all images in a part: those that teach, then validation, then test."""
    split = task.split
    return np.concatenate([split.train, split.validation, split.test])


def of_all(task: Task, logits: Logits) -> Logits:
    """Return scores in the order of `parts_of` in that of the dataset; NaN for those in no part."""
    found = np.full((len(task.dataset), logits.shape[1]), np.nan, np.float32)
    found[parts_of(task)] = logits
    return found


def fit_key(task: Task, what: str, recipe: Mapping[str, Any], precision: str) -> str:
    """Return the sha256 over all that the numbers of a training depend on."""
    said = [
        what,
        recipe,
        precision,
        task.balance,
        task.seed,
        task.dataset.fingerprint,
        task.split.fingerprint,
        None if task.embedding is None else task.embedding.label,
        package_versions(("keras", "numpy")),
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
