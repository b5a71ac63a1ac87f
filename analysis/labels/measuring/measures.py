"""How good labels are: pure functions of what is true and what was said.

Everything is told by indicators, (n, classes), so that one label and several are measured alike:
the accuracy of several labels is that of the whole set, as scikit-learn has it. A class of which
the images have none is not measured, and does not count in a mean over classes: neither its F1,
which would be 0 whatever is said, nor its average precision, which does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

from analysis.evaluation.relevance import Numbers
from analysis.labels.classifier import Probabilities
from analysis.labels.dataset import Targets
from analysis.labels.heads import Mode

DIGITS: Final = 6
"""Decimal places of what is recorded."""
LEAST_SURE: Final = float(np.finfo(np.float32).eps)
"""Probability below which nothing is said in a log loss, which otherwise has no end; scikit-learn
takes the same for float32."""

Flags: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """What is true of some images, and what was said; each (n, classes)."""

    targets: Flags
    accepted: Flags
    """The labels that count."""
    probabilities: Probabilities

    @classmethod
    def of(
        cls,
        targets: Targets | Flags,
        probabilities: Probabilities,
        mode: Mode,
        thresholds: npt.NDArray[np.float32] | None = None,
    ) -> Answers:
        """Return answers in which the likeliest label counts, or those at or above thresholds.

        Args:
            targets: (n, classes) 1 where an image has a label.
            probabilities: (n, classes) how likely each label was said to be.
            mode: whether one label counts or any number.
            thresholds: (classes,) for several labels; one half where there are none.
        """
        if mode == "multi":
            limits = np.float32(0.5) if thresholds is None else thresholds
            return cls(targets.astype(np.bool_), probabilities >= limits, probabilities)
        best = np.zeros(probabilities.shape, np.bool_)
        best[np.arange(len(best)), probabilities.argmax(axis=1)] = True
        return cls(targets.astype(np.bool_), best, probabilities)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def measured(self) -> Flags:
        """(classes,) whether any image has the label."""
        return np.asarray(self.targets.any(axis=0))

    def subset(self, chosen: Flags | Numbers) -> Answers:
        """Return those images that are chosen, (n,) bool or their places."""
        return replace(
            self,
            targets=self.targets[chosen],
            accepted=self.accepted[chosen],
            probabilities=self.probabilities[chosen],
        )


def headline(answers: Answers) -> dict[str, float | None]:
    """Return the three numbers that sum it up: `accuracy`, `f1_macro` and `map`."""
    f1 = class_measures(answers)[2]
    return {
        "accuracy": recorded(accuracy(answers)),
        "f1_macro": recorded(mean_of(f1, answers.measured)),
        "map": recorded(mean_of(average_precisions(answers))),
    }


def measure(
    answers: Answers,
    classes: Sequence[str],
    mode: Mode,
    thresholds: npt.NDArray[np.float32] | None = None,
) -> dict[str, Any]:
    """Return all that is recorded of answers, for JSON.

    Returns `accuracy`, `f1_macro` and `map`; `test`, with `accuracy`, `precision`, `recall` and
    `f1` (each macro, micro, weighted), `map`, `auc` and `log_loss`; `per_class`; `unmeasured`, the
    labels that no image has; and `confusion` (single labels: rows are what is true, columns what
    was said). What cannot be told is None.
    """
    precision, recall, f1 = class_measures(answers)
    support, measured = answers.targets.sum(axis=0), answers.measured
    aps, aucs = average_precisions(answers), areas(answers)
    # As if all labels were one.
    micro = _of_counts(*(counts.sum(keepdims=True) for counts in _counts(answers)))
    averages = {
        name: {
            "macro": recorded(mean_of(values, measured)),
            "micro": recorded(micro[at][0]),
            "weighted": recorded(_weighted(values, support)),
        }
        for at, (name, values) in enumerate(
            (("precision", precision), ("recall", recall), ("f1", f1))
        )
    }
    told = {
        "accuracy": recorded(accuracy(answers)),
        "f1_macro": averages["f1"]["macro"],
        "map": recorded(mean_of(aps)),
    }
    limits = thresholds if mode == "multi" else None
    return {
        **told,
        "test": {
            "accuracy": told["accuracy"],
            **averages,
            "map": told["map"],
            "auc": recorded(mean_of(aucs)),
            "log_loss": recorded(log_loss(answers.targets, answers.probabilities, mode)),
        },
        "per_class": [
            {
                "label": label,
                "support": int(support[at]),
                "precision": recorded(precision[at]) if measured[at] else None,
                "recall": recorded(recall[at]) if measured[at] else None,
                "f1": recorded(f1[at]) if measured[at] else None,
                "ap": recorded(aps[at]),
                "auc": recorded(aucs[at]),
                "threshold": None if limits is None else recorded(limits[at]),
            }
            for at, label in enumerate(classes)
        ],
        "unmeasured": [label for at, label in enumerate(classes) if not measured[at]],
        "confusion": confusion(answers).tolist() if mode == "single" else None,
    }


def accuracy(answers: Answers) -> float:
    """Return the share of images of which exactly what is true was said."""
    right = (answers.targets == answers.accepted).all(axis=1)
    return float(right.mean()) if len(right) else float("nan")


def class_measures(answers: Answers) -> tuple[Floats, Floats, Floats]:
    """Return precision, recall and F1 of each class, (classes,); 0 where nothing was right."""
    return _of_counts(*_counts(answers))


def average_precisions(answers: Answers) -> Floats:
    """Return the average precision of each class, (classes,); NaN where no image has it."""
    return np.array(
        [
            average_precision_score(true, said) if true.any() else np.nan
            for true, said in zip(answers.targets.T, answers.probabilities.T, strict=True)
        ]
    )


def areas(answers: Answers) -> Floats:
    """Return the area below the ROC of each class against the others, (classes,).

    NaN where all images have the label, or none: there is nothing to tell apart.
    """
    return np.array(
        [
            roc_auc_score(true, said) if true.any() and not true.all() else np.nan
            for true, said in zip(answers.targets.T, answers.probabilities.T, strict=True)
        ]
    )


def confusion(answers: Answers) -> npt.NDArray[np.int64]:
    """Return how often each class was said of each, (classes, classes); rows are what is true."""
    counts: npt.NDArray[np.int64] = answers.targets.T.astype(np.int64) @ answers.accepted
    return counts


def log_loss(targets: Flags, probabilities: Probabilities, mode: Mode) -> float:
    """Return the mean negative logarithm of what was said of the truth.

    Of single labels, the mean over images; of several, over images and labels. No probability
    counts as less than LEAST_SURE.
    """
    sure = probabilities.astype(np.float64)
    right = sure[targets] if mode == "single" else np.where(targets, sure, 1 - sure)
    return mean_of(-np.log(np.maximum(right, LEAST_SURE)).ravel())


def mean_of(values: Floats, chosen: Flags | None = None) -> float:
    """Return the mean of values, or of those chosen, leaving out NaN; NaN where there are none."""
    counted = values if chosen is None else values[chosen]
    counted = counted[~np.isnan(counted)]
    return float(counted.mean()) if len(counted) else float("nan")


def recorded(value: float | np.floating[Any]) -> float | None:
    """Return a measure as it is recorded: six decimal places, None where it is no number."""
    return round(float(value), DIGITS) if np.isfinite(value) else None


def _counts(answers: Answers) -> tuple[Floats, Floats, Floats]:
    """Return of how many images each label was said rightly, was said, and is true."""
    each = (answers.targets & answers.accepted, answers.accepted, answers.targets)
    hits, said, true = (flags.sum(axis=0).astype(np.float64) for flags in each)
    return hits, said, true


def _of_counts(hits: Floats, said: Floats, true: Floats) -> tuple[Floats, Floats, Floats]:
    """Return precision, recall and F1."""
    return _share(hits, said), _share(hits, true), _share(2 * hits, said + true)


def _share(part: Floats, whole: Floats) -> Floats:
    shares: Floats = np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
    return shares


def _weighted(values: Floats, support: npt.NDArray[np.int64]) -> float:
    return float(values @ support / support.sum()) if support.any() else float("nan")
