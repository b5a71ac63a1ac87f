"""What is known of the classifier of colours: the metrics that its training left in `models`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from analysis.errors import NothingToShow

# The one in use where it was trained; else the trained one that was made last.
_TRAINED = text("""
    SELECT name, version, metrics FROM models
    WHERE kind = 'classifier' AND head = 'color' AND metrics ? 'models'
    ORDER BY is_default DESC, created_at DESC, id DESC LIMIT 1
""")


@dataclass(frozen=True)
class Scores:
    """A measure of a kind of classifier, fold by fold."""

    name: str
    folds: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean over the folds."""
        return float(np.mean(self.folds))

    @property
    def deviation(self) -> float:
        """The standard deviation over the folds."""
        return float(np.std(self.folds))


@dataclass(frozen=True)
class Trained:
    """A trained classifier and how it did in cross-validation."""

    model: str
    """Name and version."""
    selected: str
    """Which kind of classifier was chosen."""
    accuracy: tuple[Scores, ...]
    """Of each kind of classifier, the best first."""
    baselines: Mapping[str, float]
    """Accuracy of what needs no training, the best first."""
    classes: tuple[str, ...]
    support: tuple[int, ...]
    """Examples of each class."""
    f1: tuple[float, ...]
    """F1 of each class."""
    confusion: npt.NDArray[np.int64]
    """(classes, classes): rows are what it is, columns what was said."""
    importance: tuple[tuple[str, float, float], ...]
    """Feature, loss of accuracy when it is shuffled, and its deviation; the greatest first."""
    split: str
    """How examples were divided, in words."""

    @property
    def examples(self) -> int:
        """Examples in all."""
        return sum(self.support)


def trained_classes(connection: Connection) -> Trained:
    """Return the classifier of colours that is in use, or else the one trained last.

    Raises NothingToShow where none was trained.
    """
    row = connection.execute(_TRAINED).first()
    if row is None:
        raise NothingToShow(
            "no classifier of colours was trained yet: run `artworks train color` (it learns from "
            "works that carry terms of kind color)."
        )
    return read_metrics(f"{row.name} {row.version}", row.metrics)


def read_metrics(model: str, metrics: Mapping[str, Any]) -> Trained:
    """Read what `artworks train color` records."""
    classes = tuple(metrics["classes"])
    compared = [
        Scores(name, tuple(measured["accuracy"])) for name, measured in metrics["models"].items()
    ]
    features = [
        (name, float(lost["mean"]), float(lost["std"]))
        for name, lost in metrics["importance"].items()
    ]
    known = {
        name: float(value) for name, value in metrics["baselines"].items() if value is not None
    }
    split = metrics.get("split", {})
    return Trained(
        model=model,
        selected=metrics["selected"],
        accuracy=tuple(sorted(compared, key=lambda scores: -scores.mean)),
        baselines=dict(sorted(known.items(), key=lambda baseline: -baseline[1])),
        classes=classes,
        support=tuple(int(metrics["support"][name]) for name in classes),
        f1=tuple(float(metrics["per_class"][name]["f1"]) for name in classes),
        confusion=np.array(metrics["confusion"], dtype=np.int64),
        importance=tuple(sorted(features, key=lambda feature: -feature[1])),
        split=str(split.get("policy", "")),
    )
