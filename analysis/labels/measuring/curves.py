"""ROC and precision-recall curves, thinned to what can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from analysis.labels.measuring.measures import Answers, Floats, recorded

POINTS: Final = 60
"""Most points of a curve."""
MOST_CLASSES: Final = 30
"""Most classes with a curve: those of which there are most images."""


def curves(answers: Answers, classes: Sequence[str]) -> dict[str, Any]:
    """Return the curves of each class against the others, for JSON.

    Returns `roc`: label to `fpr` and `tpr`, and `precision_recall`: label to `recall` and
    `precision`. A class that all images have, or none, has no curves.
    """
    roc, recalled = {}, {}
    support = answers.targets.sum(axis=0)
    drawable = np.flatnonzero((support > 0) & (support < len(answers)))
    # Those with most images; of equally many, the first. Told in the order of the classes.
    chosen = np.sort(drawable[np.argsort(-support[drawable], kind="stable")][:MOST_CLASSES])
    for at in chosen:
        true, said = answers.targets[:, at], answers.probabilities[:, at]
        fpr, tpr, _ = roc_curve(true, said)
        roc[classes[at]] = _thinned("fpr", fpr, "tpr", tpr)
        precision, recall, _ = precision_recall_curve(true, said)
        # From the surest answer on, hence with growing recall.
        recalled[classes[at]] = _thinned("recall", recall[::-1], "precision", precision[::-1])
    return {"roc": roc, "precision_recall": recalled}


def thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return at most POINTS points of a curve, evenly along its length, with both of its ends."""
    if len(x) <= POINTS:
        return x, y
    length = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))))
    kept = np.searchsorted(length, np.linspace(0, length[-1], POINTS)[1:-1])
    at = np.unique(np.concatenate(([0], kept, [len(x) - 1])))
    return x[at], y[at]


def _thinned(across: str, x: Floats, up: str, y: Floats) -> dict[str, list[float | None]]:
    xs, ys = thinned(x, y)
    return {across: [recorded(one) for one in xs], up: [recorded(one) for one in ys]}
