"""Whether a way of running a network gives what Keras gives."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from analysis.jobs import RGB

LEAST_COSINE: Final = 0.999
"""Between what a route gives and what `model.predict` gives, for every probe."""

PROBES: Final = 8
_SEED: Final = 20_260


def probe_images(size: int) -> RGB:
    """Return images that networks tell apart, (PROBES, size, size, 3) uint8, always the same.

    Patches of colour from very coarse to as fine as the pixels, the last one a flat grey.
    """
    rng = np.random.default_rng(_SEED)
    cells = np.geomspace(2, size, PROBES - 1).round().astype(int)
    images = [
        cv2.resize(
            rng.integers(0, 256, (count, count, 3), dtype=np.uint8),
            (size, size),
            interpolation=cv2.INTER_NEAREST,
        )
        for count in cells
    ]
    return np.stack([*images, np.full((size, size, 3), 128, np.uint8)])


def least_cosine(found: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> float:
    """Return the least cosine between outputs, (n, …) float32 both, one by one; -1 for nonsense.

    Two outputs that are all zeros agree; an output that is not finite, or of another shape, does
    not.
    """
    if found.shape != expected.shape or not np.isfinite(found).all():
        return -1.0
    ours = found.reshape(len(found), -1).astype(np.float64)
    theirs = expected.reshape(len(expected), -1).astype(np.float64)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    equal = (ours == theirs).all(axis=1)
    cosines = np.where(
        equal, 1.0, np.einsum("nd,nd->n", ours, theirs) / np.where(lengths > 0, lengths, np.inf)
    )
    return float(cosines.min())
