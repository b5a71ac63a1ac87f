"""From scores to outliers: which are far beyond the usual."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

FAR: Final = 3.5
"""Modified z-score from which a value is an outlier (B. Iglewicz and D. Hoaglin, "How to Detect and
Handle Outliers", 1993). It asks the data, so that a collection where all belongs together has no
outliers, while a fixed share would always find some."""
_NORMAL: Final = 0.6745
"""Median of the absolute deviations of the standard normal distribution."""


def threshold(scores: npt.NDArray[np.float64], *, ratios: bool = False) -> float:
    """Return the score above which works are outliers: median + FAR robust deviations.

    With `ratios`, scores are so many times the usual, and their logarithms are compared. Infinite
    where half of the scores or more are equal, so that they have no spread.
    """
    values = np.log(np.maximum(scores, np.finfo(np.float64).tiny)) if ratios else scores
    middle = float(np.median(values))
    deviation = float(np.median(np.abs(values - middle)))
    if deviation == 0:
        return float("inf")
    limit = middle + FAR * deviation / _NORMAL
    return float(np.exp(limit)) if ratios else limit
