"""Whether an image is like those that a classifier has learned from.

Two things tell: how undecided the classifier is (the entropy of what it says), and how far the
image's vector is from the middle of the nearest class. What is usual is learned from images that
did not teach (those of validation), so that 1 in 100 usual images is above each limit. Where they
are fewer than 100, none of them is the 1 in 100, and the limit is where the next image would be
below with that probability if what is measured were normally distributed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Vectors
from analysis.labels.heads import Mode

USUAL: Final = 0.99
"""Share of usual images that are below a limit."""
LEAST_IMAGES: Final = 5
"""Of fewer, nothing is known of what is usual: the limit is UNKNOWN."""
UNKNOWN: Final = 1.0
"""No image is more undecided, nor, at a right angle to all classes, much further away."""
SURE: Final = 0.9
"""A classifier that is so sure is not undecided, however sure it is of usual images."""
NEAR: Final = 1e-3
"""Images that are so near, in cosine distance, are not far, however near the usual ones are."""
_NONE: Final = np.empty((0, 0), np.float32)


@dataclass(frozen=True)
class Unfamiliarity:
    """How odd images are to a classifier."""

    scores: npt.NDArray[np.float64]
    """(n,) The greater of entropy and distance, each in units of its limit; above 1 is odd."""
    flags: npt.NDArray[np.bool_]
    """(n,) Whether a classifier had better not be believed."""


@dataclass(frozen=True)
class Familiarity:
    """What the images were like that a classifier has learned from."""

    centers: Vectors
    """(classes, d) The mean vector of each class, of length 1; (0, 0) where no vectors were read,
    and only the entropy tells."""
    entropy_limit: float
    distance_limit: float
    mode: Mode

    def judge(
        self, probabilities: npt.NDArray[np.float32], vectors: Vectors | None = None
    ) -> Unfamiliarity:
        """Tell how odd images are by what is said of them, (n, classes), and their vectors."""
        scores = entropy(probabilities, self.mode) / self.entropy_limit
        if vectors is not None and self.centers.size:
            scores = np.maximum(scores, distance(vectors, self.centers) / self.distance_limit)
        return Unfamiliarity(scores, scores > 1)

    def settings(self) -> dict[str, Any]:
        """Return the limits, for JSON."""
        return {
            "mode": self.mode,
            "entropy_limit": self.entropy_limit,
            "distance_limit": self.distance_limit,
        }

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Return the numbers of the artifact."""
        return {"centers": self.centers}

    @classmethod
    def of(cls, settings: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Familiarity:
        """Build it again from `settings` and `arrays`."""
        return cls(
            arrays["centers"],
            float(settings["entropy_limit"]),
            float(settings["distance_limit"]),
            settings["mode"],
        )


def learn_familiarity(
    probabilities: npt.NDArray[np.float32],
    mode: Mode,
    *,
    vectors: Vectors | None = None,
    taught: Vectors | None = None,
    targets: npt.NDArray[np.uint8] | None = None,
) -> Familiarity:
    """Learn what is usual.

    Args:
        probabilities: (n, classes) of images that did not teach.
        mode: whether an image has one label or any number.
        vectors: (n, d) their vectors of length 1, where the classifier reads some.
        taught: (m, d) vectors of the images that taught.
        targets: (m, classes) their labels.
    """
    undecided = entropy(_one_unsure(probabilities.shape[1], mode), mode)
    entropy_limit = _limit(entropy(probabilities, mode), float(undecided[0]))
    if vectors is None or taught is None or targets is None:
        return Familiarity(_NONE, entropy_limit, UNKNOWN, mode)
    sums = targets.T.astype(np.float64) @ taught
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    told = lengths[:, 0] > 0
    centers = (sums[told] / lengths[told]).astype(np.float32)
    return Familiarity(centers, entropy_limit, _limit(distance(vectors, centers), NEAR), mode)


def entropy(probabilities: npt.NDArray[np.float32], mode: Mode) -> npt.NDArray[np.float64]:
    """Return how undecided (n, classes) probabilities are, (n,): 0 (sure) to 1 (anything goes).

    Of single labels, Shannon's entropy by that of equal probabilities; of several, the mean of the
    entropies of yes and no, in bits.
    """
    p = probabilities.astype(np.float64)
    if mode == "single":
        total: npt.NDArray[np.float64] = _information(p).sum(axis=1) / np.log(max(p.shape[1], 2))
        return total
    mean: npt.NDArray[np.float64] = (_information(p) + _information(1 - p)).mean(axis=1) / np.log(2)
    return mean


def distance(vectors: Vectors, centers: Vectors) -> npt.NDArray[np.float64]:
    """Return the cosine distance of each vector to the nearest centre, (n,), 0 to 2."""
    if not centers.size:
        return np.zeros(len(vectors))
    near: npt.NDArray[np.float64] = (vectors @ centers.T).max(axis=1).astype(np.float64)
    return 1.0 - near


def _information(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return -p * np.log(np.where(p > 0, p, 1.0))


def _one_unsure(classes: int, mode: Mode) -> npt.NDArray[np.float32]:
    """Return what is said of an image, (1, classes), that is SURE to have one label, or to lack it.

    Of several labels, nothing is known of one, and everything of the others.
    """
    said = np.zeros((1, max(classes, 2)), np.float32)
    said[0, 0] = SURE
    if mode == "single":
        said[0, 1] = 1 - SURE
    return said


def _limit(values: npt.NDArray[np.float64], least: float) -> float:
    """Return what 99 in 100 usual images stay below, `least` at least.

    For few images, the upper end of the one-sided prediction interval of a normal distribution
    (Hahn & Meeker, Statistical Intervals, 1991, section 4.7), and no less than all of them.
    """
    n = len(values)
    if n < LEAST_IMAGES:
        return max(UNKNOWN, least)
    if n * (1 - USUAL) >= 1:
        return max(float(np.quantile(values, USUAL)), least)
    from scipy.stats import t

    spread = float(values.std(ddof=1)) * math.sqrt(1 + 1 / n)
    above = float(values.mean()) + float(t.ppf(USUAL, n - 1)) * spread
    return max(float(values.max()), above, least)
