"""Metrics of a test's own, as a training records them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from support.classifiers import label_params, training_metrics

from analysis.labels.heads import Mode
from analysis.labels.measuring.judging import judge
from analysis.labels.measuring.predictions import Predictions
from tests.analysis.labels.toys import dataset_of, drawn_targets, scored, split_of


def judged(
    mode: Mode,
    *,
    classes: int = 4,
    count: int = 200,
    names: tuple[str, ...] | None = None,
    sha256: tuple[str, ...] | None = None,
) -> tuple[dict[str, Any], dict[str, Any], Predictions]:
    """Parameters, metrics and predictions of a classifier that is right more often than not."""
    targets = drawn_targets(count, classes, mode, 1)
    dataset, split = dataset_of(targets, mode), split_of(count)
    dataset = replace(dataset, classes=names or dataset.classes, sha256=sha256 or dataset.sha256)
    found = judge(dataset, split, scored(targets, 1), seed=0)
    history = {
        name: np.linspace(1.5, end, 6).round(3).tolist()
        for name, end in (("loss", 0.2), ("validation_loss", 0.5))
    }
    metrics = {**found.metrics, **training_metrics(dataset, split), "history": history}
    return label_params("style", mode, dataset.classes), metrics, found.predictions(dataset, split)
