"""From which probability a label counts, where an image may have several."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.labels.classifier import Probabilities
from analysis.labels.dataset import Targets
from analysis.labels.measuring.measures import Flags

UNKNOWN: Final = 0.5
"""Threshold of a label that no validation image has."""


def choose_thresholds(
    targets: Targets | Flags, probabilities: Probabilities
) -> npt.NDArray[np.float32]:
    """Return the threshold of each label that has the best F1 on images, (classes,) float32.

    What is at or above it counts. Any threshold between two neighbouring probabilities gives the
    same: it is the middle between them. Of several gaps with the best F1 it is the one nearest to
    one half, where the threshold of a calibrated label is if nothing else is known. A label that
    none of the images has gets UNKNOWN.
    """
    truth = targets.astype(np.bool_)
    each = [_best(true, said) for true, said in zip(truth.T, probabilities.T, strict=True)]
    return np.array(each, np.float32)


def _best(true: Flags, said: npt.NDArray[np.float32]) -> np.float32:
    if not true.any():
        return np.float32(UNKNOWN)
    order = np.argsort(-said, kind="stable")
    falling, hits = said[order], np.cumsum(true[order])
    # Places after which a gap follows: equal probabilities are accepted together.
    ends = np.flatnonzero(np.append(falling[1:] < falling[:-1], True))
    f1 = 2 * hits[ends] / (ends + 1 + hits[-1])
    above = falling[ends]
    below = np.append(falling[ends[:-1] + 1], np.float32(0))
    # Of neighbours, the middle is one of them; only the upper one tells them apart.
    middle = ((above.astype(np.float64) + below) / 2).astype(np.float32)
    limits = np.where(middle > below, middle, above)
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    chosen: np.float32 = limits[best[np.abs(limits[best] - UNKNOWN).argmin()]]
    return chosen
