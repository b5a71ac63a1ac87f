"""The fixed classes: an image is of the basic colour term that covers most of it.

They need no training: they are what there is before any, and the baseline of what is trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from analysis.colors.conversion import hex_to_rgb, rgb_to_lab
from analysis.colors.names import BASIC_TERMS, CSS_COLORS, basic_term

# What sites call colours, where it is neither a basic term nor named in CSS.
_SYNONYMS: Mapping[str, str] = MappingProxyType({"grey": "gray", "violet": "purple"})


def term_shares(lab: npt.ArrayLike, fractions: Sequence[float]) -> dict[str, float]:
    """Return the share of each basic colour term in a palette, the greatest first.

    Of equal shares, the term of the colour that comes first in the palette is first.

    Args:
        lab: the palette, (k, 3) CIE L*a*b* D65.
        fractions: the share of each of its colours, 0 to 1.
    """
    shares: dict[str, float] = {}
    colors = np.asarray(lab, dtype=np.float64).reshape(-1, 3)
    for color, fraction in zip(colors, fractions, strict=True):
        term = basic_term(color)
        shares[term] = shares.get(term, 0.0) + fraction
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def term_of_label(label: str) -> str | None:
    """Return the basic colour term that a word stands for; None where it names no colour."""
    word = label.lower().replace(" ", "")
    word = _SYNONYMS.get(word, word)
    if word in BASIC_TERMS:
        return word
    code = CSS_COLORS.get(word)
    return None if code is None else basic_term(rgb_to_lab(hex_to_rgb(code)))
