"""Whether something that is said to be 80 % sure is right in 80 of 100 cases, and how to mend it.

C. Guo, G. Pleiss, Y. Sun and K. Weinberger, "On Calibration of Modern Neural Networks" (ICML
2017): scores are divided by one number, the temperature, chosen on images that the classifier has
not learned from. It changes how sure labels are, and not which of them is the likeliest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_expit, log_softmax

from analysis.labels.dataset import Targets
from analysis.labels.heads import Mode
from analysis.labels.measuring.measures import Answers, Flags, Floats, recorded
from analysis.labels.scorer import Logits

BINS: Final = 15
"""Bins of equal width of the expected calibration error."""
LEAST_IMAGES: Final = 20
"""Fewest validation images that choose a temperature."""
BOUNDS: Final = (1 / 20, 20.0)
"""The lowest and the highest temperature."""


@dataclass(frozen=True)
class Temperature:
    """What scores are divided by, and why it is 1 where nothing could choose it."""

    value: float
    note: str | None = None


def choose_temperature(targets: Targets | Flags, logits: Logits, mode: Mode) -> Temperature:
    """Return the temperature with the least log loss on images, within BOUNDS.

    The truth is smoothed as if one image in n + 1 could have any label: without that, images that
    are all told rightly would ask for a temperature of 0, hence for labels that are entirely sure.
    With it, nothing becomes much surer than n right answers allow.

    Args:
        targets: (n, classes) what is true of the images.
        logits: (n, classes) their scores.
        mode: whether they go through the softmax or the sigmoid.
    """
    truth = targets.astype(np.float64)
    if len(truth) < LEAST_IMAGES:
        return Temperature(
            1.0,
            f"not chosen: {len(truth)} validation images, and it takes {LEAST_IMAGES} to choose it",
        )
    if mode == "single" and (truth.any(axis=0)).sum() < 2:
        return Temperature(1.0, "not chosen: all validation images are of one class")
    if mode == "multi" and not 0 < truth.mean() < 1:
        return Temperature(1.0, "not chosen: all validation images have all the labels, or none")
    chance = 1 / truth.shape[1] if mode == "single" else 0.5
    smooth = (truth * len(truth) + chance) / (len(truth) + 1)
    scores = logits.astype(np.float64)

    def loss(log_temperature: float) -> float:
        return _loss(smooth, scores / np.exp(log_temperature), mode)

    low, high = np.log(BOUNDS)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    return Temperature(float(np.exp(found.x)))


def reliability(answers: Answers, mode: Mode) -> dict[str, Any]:
    """Return how sure answers are and how often they are right, for JSON.

    Of single labels, of the likeliest one; of several, of every label of every image, most of
    which are rightly said to be improbable, so that the error is small.

    Returns `ece`, the expected calibration error with BINS bins, and `bins`, each with `low` (not
    in it, but for 0), `high`, `count`, and the mean `confidence` and `accuracy` (None where empty).
    """
    if mode == "single":
        confidence = answers.probabilities.max(axis=1).astype(np.float64)
        right = answers.targets[np.arange(len(answers)), answers.probabilities.argmax(axis=1)]
    else:
        confidence = answers.probabilities.ravel().astype(np.float64)
        right = answers.targets.ravel()
    edges = np.linspace(0, 1, BINS + 1)
    place = np.searchsorted(edges[1:-1], confidence)
    counts = np.bincount(place, minlength=BINS)
    sure, hits = _means(place, confidence, counts), _means(place, right, counts)
    filled = counts > 0
    gaps = np.abs(sure[filled] - hits[filled])
    return {
        "ece": recorded(gaps @ counts[filled] / max(1, counts.sum())),
        "bins": [
            {
                "low": recorded(edges[at]),
                "high": recorded(edges[at + 1]),
                "count": int(counts[at]),
                "confidence": recorded(sure[at]),
                "accuracy": recorded(hits[at]),
            }
            for at in range(BINS)
        ],
    }


def _loss(smooth: Floats, scaled: Floats, mode: Mode) -> float:
    if mode == "single":
        return float(-(smooth * log_softmax(scaled, axis=1)).sum(axis=1).mean())
    return float(-(smooth * log_expit(scaled) + (1 - smooth) * log_expit(-scaled)).mean())


def _means(place: npt.NDArray[np.intp], values: npt.ArrayLike, counts: npt.ArrayLike) -> Floats:
    sums = np.bincount(place, np.asarray(values, np.float64), BINS)
    below = np.asarray(counts, np.float64)
    means: Floats = np.divide(sums, below, out=np.full(BINS, np.nan), where=below > 0)
    return means
