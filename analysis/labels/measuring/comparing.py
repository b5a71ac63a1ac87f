"""Which of two classifiers is better, on images that taught neither of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from analysis.errors import NothingToCompare
from analysis.evaluation.intervals import LEVEL, Interval, Resampling
from analysis.evaluation.relevance import Numbers
from analysis.labels.classifier import Probabilities
from analysis.labels.heads import Mode
from analysis.labels.measuring.judging import rounded_interval
from analysis.labels.measuring.measures import Answers, Flags, headline, recorded
from analysis.labels.measuring.predictions import Predictions
from analysis.labels.measuring.resampling import differences

LEAST_IMAGES: Final = 20
"""Fewest images that two classifiers are compared on."""


@dataclass(frozen=True)
class McNemar:
    """Of how many images only one of two classifiers is right."""

    first_only: int
    second_only: int
    p: float
    """How likely chance alone divides them as unevenly: the exact test (McNemar 1947), which takes
    images for independent, also those by one artist."""

    def as_dict(self) -> dict[str, float | int | None]:
        """Return this for JSON."""
        return {
            "first_only": self.first_only,
            "second_only": self.second_only,
            "p": recorded(self.p),
        }


@dataclass(frozen=True)
class Comparison:
    """How much better the first classifier is than the second."""

    images: int
    """Images that both were tested with."""
    classes: tuple[str, ...]
    """Labels that both know."""
    left_out: Mapping[str, int]
    """Test images of the first that do not count, by reason."""
    first: Mapping[str, float | None]
    second: Mapping[str, float | None]
    """`accuracy`, `f1_macro` and `map` on these images."""
    differences: Mapping[str, Interval]
    """The first less the second, with the interval of the paired bootstrap."""
    drawn_by: str
    """What intervals are drawn by: artists, works or images."""
    mcnemar: McNemar | None
    """Of single labels."""

    @property
    def better(self) -> bool:
        """Whether the first is better in some measure, beyond chance, and worse in none."""
        return self._some_above() and not self._some_below()

    @property
    def worse(self) -> bool:
        """Whether the first is worse in some measure, beyond chance, and better in none."""
        return self._some_below() and not self._some_above()

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return {
            "images": self.images,
            "classes": list(self.classes),
            "left_out": dict(self.left_out),
            "first": dict(self.first),
            "second": dict(self.second),
            "differences": {
                name: rounded_interval(interval) for name, interval in self.differences.items()
            },
            "drawn_by": self.drawn_by,
            "level": LEVEL,
            "mcnemar": None if self.mcnemar is None else self.mcnemar.as_dict(),
            "better": self.better,
            "worse": self.worse,
        }

    def _some_above(self) -> bool:
        return any(interval.low > 0 for interval in self.differences.values())

    def _some_below(self) -> bool:
        return any(interval.high < 0 for interval in self.differences.values())


def compare(
    first: Predictions,
    second: Predictions,
    groups: Mapping[str, int] | None = None,
    *,
    mode: Mode,
    seed: int,
) -> Comparison:
    """Compare two classifiers on the images that are in the test part of both.

    Images of which they were told different truths do not count, nor, of single labels, images of
    a class that one of them does not know. Only labels that both know are compared: of single
    labels, the likeliest of these is what a classifier says.

    Args:
        first: what the one said.
        second: what the other one said.
        groups: number by sha256; images of one number are drawn together. By default as the first
            was judged: by artist or work.
        mode: whether images have one label or several.
        seed: of the draws.

    Raises NothingToCompare where fewer than LEAST_IMAGES images or no labels are left.
    """
    classes = tuple(label for label in first.classes if label in set(second.classes))
    if len(classes) < (2 if mode == "single" else 1):
        raise NothingToCompare(
            f"the two classifiers have {len(classes)} labels in common, of {len(first.classes)} "
            f"and {len(second.classes)}: compare two that learned the same labels."
        )
    at, other, left_out = _common(first, second, classes, mode)
    if len(at) < LEAST_IMAGES:
        raise NothingToCompare(
            f"{len(at)} images are in the test part of both classifiers with the same labels, and "
            f"a comparison takes {LEAST_IMAGES}: train one of them anew on the split of the other, "
            "with `artworks train` and --split."
        )
    ours = _answers(first, at, classes, mode)
    theirs = _answers(second, other, classes, mode)
    place, drawn = _groups(first, at, groups)
    return Comparison(
        images=len(at),
        classes=classes,
        left_out=left_out,
        first=headline(ours),
        second=headline(theirs),
        differences=differences(ours, theirs, Resampling(place, seed=seed)),
        drawn_by=drawn,
        mcnemar=_mcnemar(ours, theirs) if mode == "single" else None,
    )


def _common(
    first: Predictions, second: Predictions, classes: tuple[str, ...], mode: Mode
) -> tuple[Numbers, Numbers, dict[str, int]]:
    """Return the places of the images that count, in each of the two, and why others do not."""
    tested = {second.sha256[at]: at for at in second.places("test").tolist()}
    mine = first.places("test")
    shared = np.array([first.sha256[at] in tested for at in mine], np.bool_)
    at = mine[shared]
    other = np.array([tested[first.sha256[one]] for one in at], np.int64)
    ours = first.targets[at][:, _columns(first, classes)]
    theirs = second.targets[other][:, _columns(second, classes)]
    agreed: Flags = (ours == theirs).all(axis=1)
    known = agreed & (ours.any(axis=1) if mode == "single" else True)
    left_out = {
        "not in the test part of the other": int((~shared).sum()),
        "told different labels": int((~agreed).sum()),
        "of a class that one does not know": int((agreed & ~known).sum()),
    }
    return at[known], other[known], {why: n for why, n in left_out.items() if n}


def _answers(
    predictions: Predictions, at: Numbers, classes: tuple[str, ...], mode: Mode
) -> Answers:
    columns = _columns(predictions, classes)
    said: Probabilities = predictions.probabilities[at][:, columns]
    if mode == "single" and len(classes) < len(predictions.classes):
        said = said / np.maximum(said.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    thresholds = None if predictions.thresholds is None else predictions.thresholds[columns]
    return Answers.of(predictions.targets[at][:, columns], said, mode, thresholds)


def _columns(predictions: Predictions, classes: tuple[str, ...]) -> list[int]:
    column = {label: at for at, label in enumerate(predictions.classes)}
    return [column[label] for label in classes]


def _groups(
    first: Predictions, at: Numbers, groups: Mapping[str, int] | None
) -> tuple[npt.NDArray[np.int64], str]:
    if groups is not None:
        return np.array([groups[first.sha256[one]] for one in at], np.int64), "groups"
    if first.groups is not None:
        return first.groups[at], first.drawn_by
    return np.arange(len(at), dtype=np.int64), "images"


def _mcnemar(first: Answers, second: Answers) -> McNemar:
    ours = (first.targets == first.accepted).all(axis=1)
    theirs = (second.targets == second.accepted).all(axis=1)
    only, other = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    p = float(binomtest(only, only + other).pvalue) if only + other else 1.0
    return McNemar(only, other, p)
