"""Vectors of hand-made descriptors: texture, direction, contrast, colour and layout.

They need no weights and no network, and know nothing of what is shown: works in one manner are
near each other, portraits are not. Where the weights of a trained network can be had, it is the
better choice (docs/embeddings.md has the figures).
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Vectors
from analysis.jobs import RGB

NAME: Final = "descriptors"
VERSION: Final = "1"

SIDE: Final = 128
"""Pictures are squashed to this many pixels a side: the whole work is seen, at one scale."""
SCALES: Final = (128, 64, 32)
"""Sides at which texture is looked at, in pixels."""
CELLS: Final = 4
"""Cells a side in which directions are counted."""
DIRECTIONS: Final = 9
"""Directions of edges, from 0° to 180°."""
CONTRASTS: Final = 8
GRID: Final = 6
"""Cells a side of the layout."""
COLORS: Final = (5, 7, 7)
"""Steps of L* (0 to 100), a* and b* (-70 to 70) in which colours are counted."""
FLAT: Final = 1.0
"""Differences of L* up to this are none, so that noise is no texture."""

Plane: TypeAlias = npt.NDArray[np.float32]
"""One channel, (h, w), or L*a*b*, (h, w, 3)."""
Part: TypeAlias = npt.NDArray[np.float64]
"""Numbers of one kind, (n,)."""

WEIGHTS: Final = {"texture": 4.8, "direction": 3.2, "contrast": 2.3, "color": 0.9, "layout": 2.1}
"""Each part has length 1 before. The weights are the inverse of how much a part varies between
paintings (the root of its variance over 1,385 of them: 0.207, 0.311, 0.217, 0.581 and 0.243),
halved for contrast, colour and layout, which say less of how a work is made."""

_NEIGHBORS: Final = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


def describe(image: RGB) -> npt.NDArray[np.float32]:
    """Return the vector of an image, (DIMENSIONS,) float32 of length 1."""
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    lab: Any = cv2.cvtColor(small.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
    lightness = np.ascontiguousarray(lab[..., 0])
    parts: dict[str, Part] = {
        "texture": _texture(lightness),
        "direction": _direction(lightness),
        "contrast": _contrast(lightness),
        "color": _color(lab),
        "layout": _layout(lab),
    }
    vector: Part = np.concatenate([WEIGHTS[name] * part for name, part in parts.items()])
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def describe_all(images: list[RGB]) -> Vectors:
    """Return the vectors of images, (n, DIMENSIONS)."""
    return np.stack([describe(image) for image in images])


def _texture(lightness: Plane) -> Part:
    """Count uniform local binary patterns at several scales.

    Ojala, Pietikäinen and Mäenpää, "Multiresolution Gray-Scale and Rotation Invariant Texture
    Classification with Local Binary Patterns", 2002: eight neighbours, 58 patterns with at most
    two changes around the circle, and one bin for all others.
    """
    bins, count = _uniform_patterns()
    found: list[Part] = [
        _root(np.bincount(bins[_patterns(_shrunk(lightness, side))].ravel(), minlength=count))
        for side in SCALES
    ]
    return np.asarray(np.concatenate(found) / np.sqrt(len(SCALES)))


def _patterns(lightness: Plane) -> npt.NDArray[np.uint8]:
    height, width = lightness.shape
    middle = lightness[1:-1, 1:-1] + FLAT
    codes = np.zeros(middle.shape, np.uint8)
    for bit, (down, right) in enumerate(_NEIGHBORS):
        neighbor = lightness[1 + down : height - 1 + down, 1 + right : width - 1 + right]
        codes |= (neighbor > middle).astype(np.uint8) << bit
    return codes


@cache
def _uniform_patterns() -> tuple[npt.NDArray[np.intp], int]:
    """Return the bin of each of the 256 patterns, and how many bins there are."""
    bins = np.zeros(256, np.intp)
    count = 1
    for code in range(256):
        turned = (code >> 1) | ((code & 1) << 7)
        if (code ^ turned).bit_count() <= 2:
            bins[code] = count
            count += 1
    return bins, count


def _direction(lightness: Plane) -> Part:
    """Add up the strength of edges by cell and direction, each shared by the two nearest."""
    across, down = _slopes(lightness)
    strength = np.hypot(across, down)
    turn = np.degrees(np.arctan2(down, across)) % 180.0 / 180.0 * DIRECTIONS
    below = np.floor(turn)
    share = turn - below
    lower = below.astype(np.intp) % DIRECTIONS
    place = np.arange(SIDE) * CELLS // SIDE
    cell = (place[:, None] * CELLS + place[None, :]) * DIRECTIONS
    size = CELLS * CELLS * DIRECTIONS
    found = np.bincount((cell + lower).ravel(), (strength * (1 - share)).ravel(), size)
    upper = (lower + 1) % DIRECTIONS
    return _root(found + np.bincount((cell + upper).ravel(), (strength * share).ravel(), size))


def _contrast(lightness: Plane) -> Part:
    """Count edges by the logarithm of their strength, at four scales."""
    sides = (SIDE, SIDE // 2, SIDE // 4, SIDE // 8)
    found = []
    for side in sides:
        strength = np.log1p(np.hypot(*_slopes(_shrunk(lightness, side))))
        step = np.minimum(strength * (CONTRASTS / 6.0), CONTRASTS - 1).astype(np.intp)
        found.append(_root(np.bincount(step.ravel(), minlength=CONTRASTS)))
    return np.asarray(np.concatenate(found) / np.sqrt(len(sides)))


def _color(lab: Plane) -> Part:
    """Count colours, wherever they are."""
    low = np.array([0.0, -70.0, -70.0])
    span = np.array([100.0, 140.0, 140.0])
    steps = np.array(COLORS)
    at = ((lab.reshape(-1, 3) - low) / span * steps).astype(np.intp).clip(0, steps - 1)
    flat = np.ravel_multi_index((at[:, 0], at[:, 1], at[:, 2]), COLORS)
    return _root(np.bincount(flat, minlength=int(np.prod(COLORS))))


def _layout(lab: Plane) -> Part:
    """Return the colours of a coarse grid, from the middle of L*a*b* outwards."""
    grid = cv2.resize(lab, (GRID, GRID), interpolation=cv2.INTER_AREA).astype(np.float64)
    scaled = (grid - [50.0, 0.0, 0.0]) / [50.0, 60.0, 60.0]
    return np.asarray(scaled.ravel() / np.sqrt(scaled.size))


def _slopes(lightness: Plane) -> tuple[Plane, Plane]:
    across: Any = cv2.Sobel(lightness, cv2.CV_32F, 1, 0)
    down: Any = cv2.Sobel(lightness, cv2.CV_32F, 0, 1)
    return across, down


def _shrunk(lightness: Plane, side: int) -> Plane:
    if side == lightness.shape[0]:
        return lightness
    shrunk: Any = cv2.resize(lightness, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.float32)


def _root(counts: Part | npt.NDArray[np.intp]) -> Part:
    """Return the roots of shares, of length 1: their product is the Bhattacharyya coefficient.

    Where nothing was counted, as edges in one flat colour, all are alike.
    """
    total = counts.sum()
    if total <= 0:
        return np.full(counts.shape, 1 / np.sqrt(counts.size))
    return np.asarray(np.sqrt(counts / total))


DIMENSIONS: Final = (
    len(SCALES) * _uniform_patterns()[1]
    + CELLS * CELLS * DIRECTIONS
    + 4 * CONTRASTS
    + COLORS[0] * COLORS[1] * COLORS[2]
    + 3 * GRID * GRID
)
"""How many numbers a vector has."""
