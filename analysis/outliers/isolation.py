"""Isolation: how few random cuts set a work apart from the others.

F. T. Liu, K. M. Ting and Z.-H. Zhou, "Isolation Forest" (ICDM 2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import IsolationForest

TREES: Final = 200
SUBSAMPLE: Final = 256
"""Works of a tree, as in the paper: with more, groups of foreign pictures hide each other."""


@dataclass(frozen=True)
class Isolation:
    """A fitted forest."""

    forest: IsolationForest

    def scores(self, points: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return the anomaly scores of points (n, k), (n,): 0.5 is usual, 1 set apart at once."""
        found: npt.NDArray[np.float64] = -self.forest.score_samples(points)
        return found


def fit_isolation(points: npt.NDArray[np.float32], *, seed: int = 0) -> Isolation:
    """Grow a forest over points (n, k) float32."""
    forest = IsolationForest(
        n_estimators=TREES, max_samples=min(SUBSAMPLE, len(points)), random_state=seed
    )
    return Isolation(forest.fit(points))
