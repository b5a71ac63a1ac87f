"""How good predictions are: pure functions of what is true and what was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    precision_recall_fscore_support,
    roc_auc_score,
)

from analysis.colors.conversion import Floats

DIGITS = 6
"""Decimal places of what is recorded."""

Labels = npt.NDArray[np.str_]


def rounded(value: float | np.floating[Any]) -> float:
    """Return a measure as it is recorded."""
    return round(float(value), DIGITS)


def accuracy(true: Labels, said: Labels) -> float:
    """Return the share of examples that are classified rightly."""
    return rounded(np.mean(true == said))


def macro_f1(true: Labels, said: Labels) -> float:
    """Return the mean F1 of the classes that occur, each counting alike."""
    return _averaged(true, said, None, "macro")["f1"]


def measures(
    true: Labels, said: Labels, probabilities: Floats, classes: Sequence[str]
) -> dict[str, Any]:
    """Return what is recorded of one prediction of every example.

    Args:
        true: (n,) what the examples are.
        said: (n,) what was said of them.
        probabilities: (n, classes) how likely each class was said to be, 0 to 1.
        classes: the classes in the order of the columns, sorted.

    Returns `confusion` (rows: what it is, columns: what was said), `support`, `per_class`,
    `averages` (precision, recall and F1: macro, micro, weighted), `mean_average_precision` and
    `roc_auc` (one class against the others, mean of the classes).
    """
    precision, recall, f1, support = precision_recall_fscore_support(
        true, said, labels=classes, zero_division=0
    )
    averages = {
        name: _averaged(true, said, classes, name) for name in ("macro", "micro", "weighted")
    }
    each = [(true == label, probabilities[:, at]) for at, label in enumerate(classes)]
    return {
        "classes": list(classes),
        "confusion": confusion_matrix(true, said, labels=classes).tolist(),
        "support": {label: int(n) for label, n in zip(classes, support, strict=True)},
        "per_class": {
            label: {
                "precision": rounded(precision[at]),
                "recall": rounded(recall[at]),
                "f1": rounded(f1[at]),
            }
            for at, label in enumerate(classes)
        },
        "averages": averages,
        "mean_average_precision": rounded(np.mean([average_precision_score(*one) for one in each])),
        "roc_auc": rounded(np.mean([roc_auc_score(*one) for one in each])),
    }


def _averaged(
    true: Labels, said: Labels, classes: Sequence[str] | None, average: str
) -> dict[str, float]:
    precision, recall, f1, _ = precision_recall_fscore_support(
        true, said, labels=classes, average=average, zero_division=0
    )
    return {"precision": rounded(precision), "recall": rounded(recall), "f1": rounded(f1)}
