"""How far two palettes are from each other: the least paint that must be moved, and how far.

The earth mover's distance (Y. Rubner, C. Tomasi, L. J. Guibas, "The Earth Mover's Distance as a
Metric for Image Retrieval", IJCV 40, 2000) with CIEDE2000 between colours: shares of one palette
are moved to the other's colours at the least cost. It is the mean ΔE over the picture, 0 for equal
palettes, whatever the order of their colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from analysis.colors.conversion import Floats
from analysis.colors.difference import ciede2000


@dataclass(frozen=True)
class PaletteColors:
    """The colours of an image and their shares."""

    lab: Floats
    """(k, 3) CIE L*a*b* D65, k at least 1."""
    shares: Floats
    """(k,) above 0; they need not add up to 1."""


def palette_distance(one: PaletteColors, other: PaletteColors) -> float:
    """Return the earth mover's distance of two palettes in CIEDE2000, from 0 to about 100."""
    return float(palette_distances(one, [other])[0])


def palette_distances(one: PaletteColors, many: Sequence[PaletteColors]) -> Floats:
    """Return the distance of each of `many` from `one`, (n,) float64."""
    if not many:
        return np.empty(0)
    # All differences at once: a palette has five colours, and a call costs more than they do.
    costs = ciede2000(one.lab[:, None, :], np.concatenate([other.lab for other in many]))
    supply = _weights(one)
    distances = np.empty(len(many))
    start = 0
    for at, other in enumerate(many):
        end = start + len(other.lab)
        cost = np.ascontiguousarray(costs[:, start:end], dtype=np.float32)
        moved = cv2.EMD(supply, _weights(other), cv2.DIST_USER, cost=cost)
        distances[at] = max(0.0, float(moved[0]))
        start = end
    return distances


def _weights(palette: PaletteColors) -> cv2.typing.MatLike:
    """Return shares as (k, 1) float32 that add up to 1, as OpenCV takes them."""
    shares = palette.shares / palette.shares.sum()
    return np.ascontiguousarray(shares.reshape(-1, 1), dtype=np.float32)
