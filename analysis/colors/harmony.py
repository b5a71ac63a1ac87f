"""Colour harmony: hues that stand in a fixed relation on the circle of CIE L*C*h.

Which images are in harmony is decided in the database (`images_in_harmony`); this tells which of
their colours play which part, and what the ideal partner of a colour looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from analysis.colors.conversion import Floats, hex_to_rgb, lab_to_rgb, rgb_to_hex, rgb_to_lab
from analysis.errors import WrongSearch

HARMONIES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "complementary": (180.0,),
        "analogous": (30.0, -30.0),
        "triadic": (120.0, 240.0),
        "split": (150.0, 210.0),
    }
)
"""By how many degrees each partner's hue is turned from that of the base."""

LEAST_CHROMA = 15.0
"""Chroma C*ab from which on a colour has a hue that people see."""
HUE_REACH = 15.0
"""How far a hue may lie from where the harmony has it, in degrees."""


def hues(lab: npt.ArrayLike) -> Floats:
    """Return the hue angles h_ab of colours, (..., 3) CIE L*a*b*: degrees in [0, 360)."""
    values = np.asarray(lab, dtype=np.float64)
    return np.degrees(np.arctan2(values[..., 2], values[..., 1])) % 360.0


def chromas(lab: npt.ArrayLike) -> Floats:
    """Return the chromas C*ab of colours, (..., 3) CIE L*a*b*; 0 for grays."""
    values = np.asarray(lab, dtype=np.float64)
    return np.hypot(values[..., 1], values[..., 2])


def members(lab: npt.ArrayLike, base_hue: float, kind: str) -> npt.NDArray[np.bool_]:
    """Tell which colours, (n, 3) CIE L*a*b*, are of the base's hue and of each partner's.

    Returns (1 + partners, n): a row for the base and one for each partner, in the order of
    HARMONIES. Colours without a hue are of none.
    """
    turns = np.array([0.0, *_turns(kind)])[:, np.newaxis]
    apart = np.cos(np.radians(hues(lab) - base_hue - turns))
    near: npt.NDArray[np.bool_] = apart >= np.cos(np.radians(HUE_REACH))
    return near & (chromas(lab) >= LEAST_CHROMA)


def partners(hex_color: str, kind: str) -> tuple[str, ...]:
    """Return the ideal partners of a colour, `#rrggbb`: as light and as vivid, the hue turned.

    What sRGB cannot show is clipped. Raises NotAColor, and WrongSearch for a colour that is too
    gray to have a hue and for a harmony that there is not.
    """
    lightness, a, b = (float(value) for value in rgb_to_lab(hex_to_rgb(hex_color)))
    chroma = float(np.hypot(a, b))
    if chroma < LEAST_CHROMA:
        raise WrongSearch(
            f"{hex_color} is too gray to have a hue: give --harmony a colour of chroma "
            f"{LEAST_CHROMA:g} and more, or none."
        )
    turned = np.radians(hues((lightness, a, b)) + np.array(_turns(kind)))
    return tuple(
        rgb_to_hex(lab_to_rgb((lightness, chroma * np.cos(angle), chroma * np.sin(angle))))
        for angle in turned
    )


def _turns(kind: str) -> tuple[float, ...]:
    if kind not in HARMONIES:
        raise WrongSearch(f'there is no harmony "{kind}": choose from {", ".join(HARMONIES)}.')
    return HARMONIES[kind]
