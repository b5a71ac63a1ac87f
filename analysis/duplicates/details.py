"""Whether two pictures show the same: corners that match, and pixels that agree where they do.

An embedding says that two pictures are of one kind, and not that they are one picture. So their
corners are matched (E. Rublee et al., "ORB: an efficient alternative to SIFT or SURF", ICCV 2011),
a shift, turn and scale that many of the matches agree on is looked for (RANSAC), and one picture
laid on the other by it must have the same light and dark. Colours do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from analysis.jobs import RGB

SIDE: Final = 256
"""Longer side at which pictures are compared, in pixels."""
CORNERS: Final = 500
LEAST_MATCHES: Final = 20
"""Corners that agree on one place. Of 60 paintings in 14 alterations the fewest were 29; of 1,500
pairs of the most similar different paintings, 12 had 20 or more, and all of these were the same
picture from another source or another version of it, but one."""
LEAST_CORRELATION: Final = 0.95
"""Correlation of light and dark where they overlap. Altered copies had 0.98 and more, photographs
of one painting from two sources 0.94 and more, other versions of a picture 0.85 and less, and works
of the generated museum that are drawn after one pattern 0.94 at most."""
LEAST_OVERLAP: Final = 0.25
"""Share of the second picture that the first one covers."""

NARROWEST: Final = 64
"""Pixels of the shorter side: no corner is looked for within 31 of the border."""

_UNCLEAR: Final = 0.8
"""A match is unclear where the second best corner is not that much further (D. Lowe, 2004)."""
_TOLERANCE: Final = 4.0
"""Pixels."""
_SCALES: Final = (0.4, 2.5)
_FLAT: Final = 1.0
"""Standard deviation of levels below which there is nothing to correlate."""

_NOTHING: Final = np.empty((0, 32), np.uint8)

Gray = npt.NDArray[np.uint8]
Move = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Details:
    """What is compared of a picture."""

    gray: Gray
    """(h, w) uint8, longer side SIDE."""
    places: npt.NDArray[np.float32]
    """(c, 2): x and y of its corners."""
    descriptors: npt.NDArray[np.uint8]
    """(c, 32): what is around them."""

    @property
    def tells(self) -> bool:
        """Whether there are corners enough to be compared."""
        return len(self.places) >= LEAST_MATCHES


def details_of(picture: RGB, *, mirrored: bool = False) -> Details:
    """Find the corners of a picture, or of its mirror image."""
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    scale = SIDE / max(gray.shape)
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    if mirrored:
        gray = np.ascontiguousarray(gray[:, ::-1])
    if min(gray.shape) < NARROWEST:
        return Details(gray.astype(np.uint8), np.empty((0, 2), np.float32), _NOTHING)
    # Made anew each time: it may not be used by two threads.
    corners = cv2.ORB.create(CORNERS, 1.2, 6, fastThreshold=7)
    found, descriptors = corners.detectAndCompute(gray, None)
    places = np.array([corner.pt for corner in found], np.float32).reshape(-1, 2)
    around = _NOTHING if descriptors is None else descriptors.astype(np.uint8)
    return Details(gray.astype(np.uint8), places, around)


def same_picture(one: Details, other: Details) -> bool:
    """Tell whether one picture is the other, or a part of it, turned, scaled or recoloured."""
    if not (one.tells and other.tells):
        return False
    move = _move(one, other)
    return move is not None and _agree(one.gray, other.gray, move)


def _move(one: Details, other: Details) -> Move | None:
    """Return the (2, 3) matrix that takes `one` to `other`, if enough corners agree on one."""
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
    clear = [
        best
        for best, *second in matcher.knnMatch(one.descriptors, other.descriptors, k=2)
        if second and best.distance < _UNCLEAR * second[0].distance
    ]
    if len(clear) < LEAST_MATCHES:
        return None
    move, agreeing = cv2.estimateAffinePartial2D(
        one.places[[match.queryIdx for match in clear]],
        other.places[[match.trainIdx for match in clear]],
        ransacReprojThreshold=_TOLERANCE,
        maxIters=500,
    )
    if move is None or agreeing.sum() < LEAST_MATCHES:
        return None
    scale = float(np.hypot(move[0, 0], move[0, 1]))
    return np.asarray(move, np.float64) if _SCALES[0] < scale < _SCALES[1] else None


def _agree(one: Gray, other: Gray, move: Move) -> bool:
    """Lay `one` on `other`; tell whether they correlate where both are."""
    size = (other.shape[1], other.shape[0])
    laid = cv2.warpAffine(one, move, size)
    covered = cv2.warpAffine(np.full_like(one, 255), move, size) > 250
    covered = cv2.erode(covered.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    if covered.mean() < LEAST_OVERLAP:
        return False
    # Blurred, since sharpness differs between copies, and places by a pixel.
    first, second = (
        cv2.GaussianBlur(gray, (0, 0), 2)[covered].astype(np.float64) for gray in (laid, other)
    )
    if min(first.std(), second.std()) < _FLAT:
        return False
    return bool(np.corrcoef(first, second)[0, 1] >= LEAST_CORRELATION)
