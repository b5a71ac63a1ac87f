"""Colour difference: CIEDE2000.

G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula: implementation notes,
supplementary test data, and mathematical observations", Color Research & Application 30 (2005);
the comments give its equation numbers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.colors.conversion import Floats

_25_TO_7 = 25.0**7
_6, _25, _30, _63, _275, _TURN = np.radians([6.0, 25.0, 30.0, 63.0, 275.0, 360.0])
# Opposite hues differ by exactly 180° on paper and by a hair more or less in floating point; the
# mean hue jumps there, so what is that near counts as 180°.
_HALF_TURN = _TURN / 2.0 + 1e-11


def ciede2000(first: npt.ArrayLike, second: npt.ArrayLike) -> Floats:
    """Return the CIEDE2000 difference ΔE00 (kL = kC = kH = 1), 0 for equal colours.

    `first` and `second` are CIE L*a*b* colours (..., 3) that broadcast against each other; the
    result has their common shape without the last axis. About 1 is the least that people see.
    """
    one = np.asarray(first, dtype=np.float64)
    two = np.asarray(second, dtype=np.float64)
    l1, a1, b1 = one[..., 0], one[..., 1], one[..., 2]
    l2, a2, b2 = two[..., 0], two[..., 1], two[..., 2]

    mean_c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2.0) ** 7  # (2), (3)
    stretch = 1.0 + 0.5 * (1.0 - np.sqrt(mean_c7 / (mean_c7 + _25_TO_7)))  # (4)
    a1, a2 = a1 * stretch, a2 * stretch  # (5)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)  # (6)
    h1, h2 = np.arctan2(b1, a1) % _TURN, np.arctan2(b2, a2) % _TURN  # (7)

    chromatic = c1 * c2 > 0.0
    turn = h2 - h1
    near = np.abs(turn) <= _HALF_TURN
    d_l = l2 - l1  # (8)
    d_c = c2 - c1  # (9)
    turn = np.where(near, turn, turn - np.copysign(_TURN, turn))  # (10)
    d_h = 2.0 * np.sqrt(c1 * c2) * np.sin(np.where(chromatic, turn, 0.0) / 2.0)  # (11)

    mean_l = (l1 + l2) / 2.0  # (12)
    mean_c = (c1 + c2) / 2.0  # (13)
    total_h = h1 + h2
    around = np.where(near, 0.0, np.where(total_h < _TURN, _TURN, -_TURN))
    mean_h = np.where(chromatic, (total_h + around) / 2.0, total_h)  # (14)

    t = (  # (15)
        1.0
        - 0.17 * np.cos(mean_h - _30)
        + 0.24 * np.cos(2.0 * mean_h)
        + 0.32 * np.cos(3.0 * mean_h + _6)
        - 0.20 * np.cos(4.0 * mean_h - _63)
    )
    bend = _30 * np.exp(-(((mean_h - _275) / _25) ** 2))  # (16)
    mean_c7 = mean_c**7
    rotation = 2.0 * np.sqrt(mean_c7 / (mean_c7 + _25_TO_7))  # (17)
    off_middle = (mean_l - 50.0) ** 2
    scaled_l = d_l / (1.0 + 0.015 * off_middle / np.sqrt(20.0 + off_middle))  # (18)
    scaled_c = d_c / (1.0 + 0.045 * mean_c)  # (19)
    scaled_h = d_h / (1.0 + 0.015 * mean_c * t)  # (20)
    crossed = -np.sin(2.0 * bend) * rotation * scaled_c * scaled_h  # (21)
    total: Floats = scaled_l**2 + scaled_c**2 + scaled_h**2 + crossed  # (22)
    return np.sqrt(np.maximum(total, 0.0))
