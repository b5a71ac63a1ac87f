"""Palettes: the few colours that an image is made of.

The pixels are first counted by cells of sRGB. Then, in CIE L*a*b*, one of these happens:

- Where most of the image lies in sharp peaks (flat colours: prints, hard-edged painting, posters),
  the peaks are the palette, the largest first.
- Otherwise the cells are clustered: by k-means into as many colours as are asked for, or by
  density (DBSCAN) into as many as there are.

Colours that nobody could tell apart are one. The position of pixels plays no part: shuffling them
changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from analysis.colors.conversion import Bytes, lab_to_rgb, rgb_to_hex, rgb_to_lab
from analysis.colors.names import basic_term, nearest_names
from analysis.colors.palettes.accents import with_accents
from analysis.colors.palettes.density import cluster_by_density
from analysis.colors.palettes.flat import find_flat_colors
from analysis.colors.palettes.histogram import Cells, count_cells
from analysis.colors.palettes.kmeans import cluster_cells, cluster_tones
from analysis.colors.palettes.tones import MERGE_DELTA_E, Tones, largest, merged

__all__ = [
    "DEFAULT_COLORS",
    "MERGE_DELTA_E",
    "METHODS",
    "Method",
    "Palette",
    "Swatch",
    "check_choice",
    "extract_palette",
]

DEFAULT_COLORS = 5

Method = Literal["kmeans", "dbscan"]
METHODS: tuple[Method, ...] = get_args(Method)

FLAT_MAJORITY = 0.5
"""Where the k largest flat colours cover less than this, flat colours are clustered too."""


@dataclass(frozen=True)
class Swatch:
    """One colour of a palette."""

    hex: str
    """`#rrggbb`, sRGB."""
    rgb: tuple[int, int, int]
    """sRGB, 0 to 255."""
    lab: tuple[float, float, float]
    """The same colour in CIE L*a*b* under D65."""
    fraction: float
    """Share of the image, above 0 and up to 1."""
    name: str
    """Name of the nearest CSS colour."""
    term: str
    """Which of the eleven basic colour terms fits."""

    def as_dict(self) -> dict[str, Any]:
        """Return the swatch for JSON."""
        return {
            "hex": self.hex,
            "rgb": list(self.rgb),
            "lab": [round(value, 3) for value in self.lab],
            "fraction": round(self.fraction, 6),
            "name": self.name,
            "term": self.term,
        }


@dataclass(frozen=True)
class Palette:
    """The colours of an image, the largest share first; the shares add up to 1."""

    swatches: tuple[Swatch, ...]

    def as_list(self) -> list[dict[str, Any]]:
        """Return the swatches for JSON."""
        return [swatch.as_dict() for swatch in self.swatches]


def extract_palette(
    rgb: Bytes, k: int = DEFAULT_COLORS, *, method: Method = "kmeans", accents: bool = False
) -> Palette:
    """Return the at most `k` colours that an image is made of.

    `rgb` is (h, w, 3) uint8 sRGB, or (n, 3). Images of fewer colours give fewer swatches. With
    `accents`, small areas of a vivid colour that is like no other get places among the `k`. Equal
    pixels give equal palettes, in whatever order they lie. Raises ValueError for other shapes or
    types, for an image without pixels, for `k` below 1 and for an unknown method.
    """
    if rgb.dtype != np.uint8 or rgb.ndim not in (2, 3) or rgb.shape[-1] != 3 or rgb.size == 0:
        raise ValueError(f"an image is (h, w, 3) uint8, not {rgb.shape} {rgb.dtype}")
    check_choice(k, method)
    cells = count_cells(rgb)
    tones = _main_colors(cells, k, method)
    if accents:
        tones = with_accents(tones, cells.tones, k)
    return _palette(tones)


def check_choice(k: int, method: str) -> None:
    """Raise ValueError for fewer colours than one and for an unknown method."""
    if k < 1:
        raise ValueError(f"a palette has at least one colour, not {k}")
    if method not in METHODS:
        raise ValueError(f'there is no method "{method}": choose from {", ".join(METHODS)}')


def _main_colors(cells: Cells, k: int, method: Method) -> Tones:
    """Return at most `k` colours by area; the shares add up to 1."""
    if method == "dbscan":
        return largest(merged(cluster_by_density(cells)), k)
    flat = find_flat_colors(cells)
    if flat is None:
        return merged(cluster_cells(cells, k))
    flat = merged(flat)
    if np.sort(flat.shares)[-k:].sum() < FLAT_MAJORITY:
        return merged(cluster_tones(flat, k))
    return largest(flat, k)


def _palette(tones: Tones) -> Palette:
    rgb = lab_to_rgb(tones.lab)
    # Of equal shares the lighter colour is first, so that the order depends on colours alone.
    order = sorted(
        range(len(rgb)), key=lambda at: (-tones.shares[at], *(-int(value) for value in rgb[at]))
    )
    rgb, shares = rgb[order], tones.shares[order]
    lab = rgb_to_lab(rgb)
    swatches = tuple(
        Swatch(
            hex=rgb_to_hex(color),
            rgb=(int(color[0]), int(color[1]), int(color[2])),
            lab=(float(position[0]), float(position[1]), float(position[2])),
            fraction=float(share),
            name=name,
            term=basic_term(position),
        )
        for color, position, share, name in zip(rgb, lab, shares, nearest_names(lab), strict=True)
    )
    return Palette(swatches)
