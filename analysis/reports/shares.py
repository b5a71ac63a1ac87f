"""How much of works is of which colour: from sums over cells of L*a*b* to shares of named colours.

SQL adds colours up in cells of 4 × 4 × 4 units of CIE L*a*b*, of which sRGB has about 13,000, each
with the mean of its colours: what comes from the database is bounded, however many works there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from analysis.colors.conversion import lab_to_rgb
from analysis.colors.names import basic_term
from analysis.plots.lettering import Color

CELL = 4
"""Side of a cell, in units of CIE L*a*b*."""
BANDS = (25.0, 40.0, 55.0, 70.0, 85.0)
"""Lightness at which shades of one term part from each other."""
TERM_ORDER = (
    "pink",
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "brown",
    "white",
    "gray",
    "black",
)
"""The eleven basic colour terms, around the circle of hues, then what has little of it."""

# For a table `k` with lab_l, lab_a, lab_b and fraction; to be grouped by CELL_KEYS besides.
CELL_KEYS = f"floor(k.lab_l / {CELL}), floor(k.lab_a / {CELL}), floor(k.lab_b / {CELL})"


def cell_columns(weight: str) -> str:
    """Return the columns of a sum over cells, in SQL: weight, and its means l, a and b."""
    means = ", ".join(
        f"sum({weight} * k.lab_{axis}) / sum({weight}) AS {axis}" for axis in ("l", "a", "b")
    )
    return f"CAST(sum({weight}) AS float8) AS weight, {means}"


@dataclass(frozen=True, slots=True)
class Cell:
    """Colours that lie together."""

    weight: float
    """How much there is: shares of images added up, or works."""
    lab: tuple[float, float, float]
    """Their mean, CIE L*a*b* D65."""


@dataclass(frozen=True)
class Shade:
    """Colours of one term and about one lightness."""

    share: float
    """Of everything, 0 to 1."""
    rgb: Color
    """Their mean, sRGB."""


@dataclass(frozen=True)
class TermShare:
    """How much is of one basic colour term."""

    term: str
    share: float
    """Of everything, 0 to 1."""
    weight: float
    """In the unit of the cells."""
    rgb: Color
    """The mean of its colours, sRGB."""
    shades: tuple[Shade, ...]
    """The same in parts, from light to dark."""


def term_shares(cells: Iterable[Cell]) -> tuple[TermShare, ...]:
    """Return the share of each basic colour term that there is, in TERM_ORDER; they add up to 1."""
    by_term: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.weight > 0:
            by_term.setdefault(basic_term(cell.lab), []).append(cell)
    total = sum(cell.weight for group in by_term.values() for cell in group)
    return tuple(
        TermShare(
            term,
            share=weight / total,
            weight=weight,
            rgb=_mean(group),
            shades=_shades(group, total),
        )
        for term in TERM_ORDER
        if (group := by_term.get(term)) and (weight := sum(cell.weight for cell in group))
    )


def _shades(cells: list[Cell], total: float) -> tuple[Shade, ...]:
    bands: dict[int, list[Cell]] = {}
    for cell in cells:
        bands.setdefault(int(np.searchsorted(BANDS, cell.lab[0])), []).append(cell)
    return tuple(
        Shade(sum(cell.weight for cell in bands[band]) / total, _mean(bands[band]))
        for band in sorted(bands, reverse=True)
    )


def _mean(cells: list[Cell]) -> Color:
    weights = np.array([cell.weight for cell in cells])
    lab = np.array([cell.lab for cell in cells])
    red, green, blue = (int(value) for value in lab_to_rgb(weights @ lab / weights.sum()))
    return red, green, blue
