"""From which probability a label counts, where an image may have several."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.labels.classifier import Probabilities
from analysis.labels.dataset import Targets
from analysis.labels.measuring.measures import Flags

UNKNOWN: Final = 0.5
"""Threshold of a label that too few validation images have."""
LEAST_IMAGES: Final = 5
"""Fewest images of a label that choose its threshold: one or two may lie anywhere."""


def choose_thresholds(
    targets: Targets | Flags, probabilities: Probabilities, *, least: int = LEAST_IMAGES
) -> npt.NDArray[np.float32]:
    """Return the threshold of each label that has the best F1 on images, (classes,) float32.

    What is at or above it counts. Any threshold between two neighbouring probabilities gives the
    same: it is the middle between them. Of several gaps with the best F1 it is the one nearest to
    one half, where the threshold of a calibrated label is if nothing else is known. A label that
    fewer than `least` images have gets UNKNOWN.
    """
    truth = targets.astype(np.bool_)
    limits = np.full(truth.shape[1], UNKNOWN, np.float32)
    for at in np.flatnonzero(choosable(targets, least=least)):
        limits[at] = _best(truth[:, at], probabilities[:, at])
    return limits


def choosable(targets: Targets | Flags, *, least: int = LEAST_IMAGES) -> Flags:
    """Tell of which labels images can choose the threshold, (classes,) bool."""
    told: Flags = targets.astype(np.bool_).sum(axis=0) >= max(1, least)
    return told


def _best(true: Flags, said: npt.NDArray[np.float32]) -> np.float32:
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
