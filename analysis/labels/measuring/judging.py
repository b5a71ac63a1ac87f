"""A fitted method is judged: made honest on the validation part, and measured on the test part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.errors import Diverged, WrongDataset
from analysis.evaluation.intervals import LEVEL, Interval, Resampling
from analysis.labels.classifier import Probabilities, to_probabilities
from analysis.labels.dataset import Dataset, Split
from analysis.labels.measuring.baselines import baselines
from analysis.labels.measuring.calibration import choose_temperature, reliability
from analysis.labels.measuring.curves import curves
from analysis.labels.measuring.measures import Answers, measure, recorded
from analysis.labels.measuring.predictions import Predictions
from analysis.labels.measuring.resampling import drawn_by, intervals
from analysis.labels.measuring.thresholds import UNKNOWN, choosable, choose_thresholds
from analysis.labels.scorer import Logits


@dataclass(frozen=True)
class Judgement:
    """What makes labels of scores, and how good they are."""

    temperature: float
    thresholds: npt.NDArray[np.float32]
    """(classes,) One half where one label is told."""
    probabilities: Probabilities
    """(n, classes) Of all images of the dataset; NaN for those in no part of the split."""
    metrics: dict[str, Any]
    """For JSON: finite numbers of six decimal places, or None."""

    def predictions(self, dataset: Dataset, split: Split) -> Predictions:
        """Return what was said of each image of the dataset, as it is stored with the model."""
        parts = np.full(len(dataset), "removed", dtype="<U10")
        parts[split.train] = "train"
        parts[split.validation] = "validation"
        parts[split.test] = "test"
        by_artist = self.metrics["drawn_by"] == "artists"
        return Predictions(
            sha256=dataset.sha256,
            parts=tuple(parts.tolist()),
            classes=dataset.classes,
            targets=dataset.targets,
            probabilities=self.probabilities,
            thresholds=self.thresholds,
            groups=dataset.artists if by_artist else dataset.groups,
            drawn_by=self.metrics["drawn_by"],
        )


def judge(dataset: Dataset, split: Split, logits: Logits, *, seed: int) -> Judgement:
    """Choose temperature and thresholds on the validation part, and measure on the test part.

    Args:
        dataset: images with their labels.
        split: its parts.
        logits: (n, classes) scores of all images of the dataset, in its order.
        seed: of the draws of the intervals.

    Raises WrongDataset where there is no test part, and Diverged where scores are no numbers.
    """
    if not len(split.test):
        raise WrongDataset(
            "the split has no test part, so that nothing can be measured: choose another one with "
            "--split, or collect more works."
        )
    _check(split, logits)
    mode, classes = dataset.query.mode, dataset.classes
    validation, test = split.validation, split.test
    temperature = choose_temperature(dataset.targets[validation], logits[validation], mode)
    probabilities = to_probabilities(logits, mode, temperature.value)
    thresholds = np.full(len(classes), UNKNOWN, np.float32)
    unchosen: list[str] = []
    if mode == "multi":
        known = dataset.targets[validation]
        thresholds = choose_thresholds(known, probabilities[validation])
        unchosen = [classes[at] for at in np.flatnonzero(~choosable(known))]
    truth = dataset.targets[test]
    answers = Answers.of(truth, probabilities[test], mode, thresholds)
    uncalibrated = Answers.of(truth, to_probabilities(logits[test], mode), mode)
    groups, drawn = drawn_by(dataset, test)
    found = intervals(answers, Resampling(groups, seed=seed))
    metrics = {
        "labels": mode,
        "classes": list(classes),
        "images": {
            "train": len(split.train),
            "validation": len(validation),
            "test": len(test),
        },
        **measure(answers, classes, mode, thresholds),
        "intervals": {name: rounded_interval(one) for name, one in found.items()},
        "drawn_by": drawn,
        "level": LEVEL,
        "groups": len(np.unique(groups)),
        "without_threshold": unchosen,
        "baselines": baselines(dataset.targets[split.train], truth, mode),
        "calibration": {
            "temperature": recorded(temperature.value),
            "note": temperature.note,
            "before": reliability(uncalibrated, mode),
            "after": reliability(answers, mode),
        },
        "curves": curves(answers, classes),
    }
    return Judgement(temperature.value, thresholds, probabilities, metrics)


def rounded_interval(interval: Interval) -> dict[str, float | None]:
    """Return an interval as it is recorded."""
    return {name: recorded(value) for name, value in interval.as_dict().items()}


def _check(split: Split, logits: Logits) -> None:
    """Raise Diverged where an image that is in a part of the split has no score."""
    parts = np.concatenate((split.train, split.validation, split.test))
    broken = int((~np.isfinite(logits[parts])).any(axis=1).sum())
    if broken:
        raise Diverged(
            f"the scores of {broken:,} of {len(parts):,} images are no finite numbers: the "
            "training went astray. Train with a lower --learning-rate."
        )
