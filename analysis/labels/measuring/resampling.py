"""How sure accuracy, macro-F1 and mAP are: all three, in every draw of a bootstrap.

F1 and average precision are no means over images, so that each draw has to be measured anew. A draw
only weighs images, and all draws have the same order of scores: F1 comes of one product of draws
and counts by group, average precision of one sparse product for each class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from analysis.evaluation.intervals import LEAST_ARTISTS, LEVEL, Interval, Resampling
from analysis.evaluation.relevance import Numbers
from analysis.labels.dataset import Dataset
from analysis.labels.measuring.measures import (
    Answers,
    Flags,
    Floats,
    accuracy,
    average_precisions,
    class_measures,
    mean_of,
)

MEASURES: Final = ("accuracy", "f1_macro", "map")
AT_ONCE: Final = 250
"""Draws that are measured at once, which bounds the memory."""

Counts: TypeAlias = npt.NDArray[np.float32]
"""Whole numbers, which are exact in float32 below 2 ** 24."""


def drawn_by(dataset: Dataset, at: Numbers) -> tuple[Numbers, str]:
    """Return the groups of images that are drawn together, and what they are: artists or works.

    With fewer than LEAST_ARTISTS artists among them, an interval by artist says hardly anything;
    then it is by work, which takes works by one artist for independent, and is too narrow by that.
    """
    artists = dataset.artists[at]
    if dataset.artists_known and len(np.unique(artists)) >= LEAST_ARTISTS:
        return artists, "artists"
    return dataset.groups[at], "works"


def intervals(answers: Answers, resampling: Resampling) -> dict[str, Interval]:
    """Return each of MEASURES with its interval; draws are of the groups of the images.

    Where every draw is perfect, the draws do not tell how sure that is: the lower end is then the
    exact one of a share of which all of so many groups are (Clopper and Pearson 1934). One group
    alone says nothing, from 0 to 1.
    """
    drawn = draws(answers, resampling)
    told = _told(answers)
    groups = resampling.drawn.shape[1]
    found = {}
    for name in MEASURES:
        low, high = _ends(drawn[name])
        if groups < 2:
            low, high = 0.0, 1.0
        elif low == high == 1:
            low = float(((1 - LEVEL) / 2) ** (1 / groups))
        elif low == high == 0:
            high = 1 - float(((1 - LEVEL) / 2) ** (1 / groups))
        found[name] = Interval(told[name], low, high)
    return found


def differences(first: Answers, second: Answers, resampling: Resampling) -> dict[str, Interval]:
    """Return how much better the first answers are than the second, draw by draw (paired).

    Both are of the same images. One group alone says nothing, from -1 to 1.
    """
    ours, theirs = draws(first, resampling), draws(second, resampling)
    our, their = _told(first), _told(second)
    found = {}
    for name in MEASURES:
        low, high = _ends(ours[name] - theirs[name])
        if resampling.drawn.shape[1] < 2:
            low, high = -1.0, 1.0
        found[name] = Interval(our[name] - their[name], low, high)
    return found


def draws(answers: Answers, resampling: Resampling) -> Mapping[str, Floats]:
    """Return each of MEASURES in every draw, (draws,); NaN where a draw has nothing to measure.

    A class of which a draw has no image does not count in its means.
    """
    place, groups = resampling.place, resampling.drawn.shape[1]
    right = (answers.targets == answers.accepted).all(axis=1, keepdims=True)
    rights = _by_group(right, place, groups)
    sizes = _by_group(np.ones_like(right), place, groups)
    hits = _by_group(answers.targets & answers.accepted, place, groups)
    true = _by_group(answers.targets, place, groups)
    said = _by_group(answers.accepted, place, groups)
    drawn = resampling.drawn
    support = drawn @ true
    f1 = _ratio(2 * (drawn @ hits), support + drawn @ said)
    f1[support == 0] = np.nan
    rankings = [
        _Ranking(true, said, place, groups)
        for true, said in zip(answers.targets.T, answers.probabilities.T, strict=True)
        if true.any()
    ]
    precisions = np.full((len(drawn), len(rankings)), np.nan)
    for start in range(0, len(drawn), AT_ONCE):
        weights = np.ascontiguousarray(resampling.drawn[start : start + AT_ONCE].T)
        for at, ranking in enumerate(rankings):
            precisions[start : start + AT_ONCE, at] = ranking.average_precision(weights)
    return {
        "accuracy": _ratio(drawn @ rights, drawn @ sizes)[:, 0],
        "f1_macro": _mean_over_classes(f1),
        "map": _mean_over_classes(precisions),
    }


class _Ranking:
    """The images of one class in the order of their scores, cut behind each that has the label.

    Average precision is the mean of the precision at the images that have the label, those of one
    score counting together, as in scikit-learn.
    """

    def __init__(
        self, true: Flags, said: npt.NDArray[np.float32], place: npt.NDArray[np.intp], groups: int
    ) -> None:
        order = np.argsort(-said, kind="stable")
        rising, having = -said[order], true[order]
        ends = np.unique(np.searchsorted(rising, rising[having], side="right"))
        self.every = _rows(place[order[: ends[-1]]], ends, groups)
        self.found = _rows(
            place[order[having]], np.cumsum(having, dtype=np.int64)[ends - 1], groups
        )

    def average_precision(self, weights: npt.NDArray[np.float32]) -> Floats:
        """Return that of each draw, (draws,), of weights, (groups, draws)."""
        found = self.found @ weights
        precision = np.cumsum(found, axis=0)
        total = precision[-1].astype(np.float64)
        every = np.cumsum(self.every @ weights, axis=0)
        np.divide(precision, every, out=precision, where=every > 0)
        sums = np.einsum("sd,sd->d", found, precision, dtype=np.float64)
        return _ratio(sums, total, np.nan)


def _rows(columns: npt.NDArray[np.intp], ends: npt.NDArray[np.integer], groups: int) -> csr_array:
    """Return (rows, groups) that counts, of each stretch of columns, how often each is in it."""
    ones = np.ones(len(columns), np.float32)
    starts = np.concatenate(([0], ends))
    return csr_array((ones, columns, starts), shape=(len(ends), groups))


def _by_group(flags: Flags, place: npt.NDArray[np.intp], groups: int) -> Counts:
    counts: Counts = np.zeros((groups, flags.shape[1]), np.float32)
    np.add.at(counts, place, flags)
    return counts


def _told(answers: Answers) -> dict[str, float]:
    f1 = class_measures(answers)[2]
    return {
        "accuracy": accuracy(answers),
        "f1_macro": mean_of(f1, answers.measured),
        "map": mean_of(average_precisions(answers)),
    }


def _ends(values: Floats) -> tuple[float, float]:
    """Return the ends of the interval, rounded beyond what counts so that 1 is 1."""
    told = values[~np.isnan(values)]
    if not len(told):
        return float("nan"), float("nan")
    low, high = np.quantile(told, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return round(float(low), 9), round(float(high), 9)


def _mean_over_classes(values: Floats) -> Floats:
    """Return the mean of each row, (draws,), leaving out NaN."""
    counted = ~np.isnan(values)
    sums = np.where(counted, values, 0).sum(axis=1)
    return _ratio(sums, counted.sum(axis=1), np.nan)


def _ratio(part: npt.NDArray[np.floating], whole: npt.ArrayLike, nothing: float = 0.0) -> Floats:
    below = np.asarray(whole, np.float64)
    shares: Floats = np.divide(part, below, out=np.full(part.shape, nothing), where=below != 0)
    return shares
