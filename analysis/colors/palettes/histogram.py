"""The histogram of an image: its pixels counted by cells of sRGB.

A cell is a cube of 8 levels a channel. There are 32 × 32 × 32, of which an image occupies a few
hundred to a few thousand. Each stands for the mean of its own pixels, so flat colours stay exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from analysis.colors.conversion import Bytes, Floats, rgb_to_lab
from analysis.colors.palettes.tones import Tones

COARSE_LEVELS = 16
"""Levels a channel of a coarse cell, in which eight cells are joined."""

_CELLS = 32**3
_COARSE = 256 // COARSE_LEVELS


@dataclass(frozen=True)
class Cells:
    """The occupied cells of an image. Counts and sums are whole numbers: exact in any order."""

    counts: Floats
    """Pixels in each cell, (m,)."""
    sums: Floats
    """Sums of r, g and b over each cell's pixels, (m, 3)."""
    numbers: npt.NDArray[np.intp]
    """Numbers of the cells among all that there are, rising, (m,)."""
    pixels: Bytes
    """The pixels that were counted, (n, 3) sRGB."""
    cell_of: npt.NDArray[np.intp]
    """Number of each pixel's cell, (n,)."""

    @cached_property
    def total(self) -> float:
        """Pixels in all cells."""
        return float(self.counts.sum())

    @cached_property
    def rgb(self) -> Floats:
        """Mean colour of each cell's pixels, (m, 3) sRGB, 0 to 255."""
        colors: Floats = self.sums / self.counts[:, np.newaxis]
        return colors

    @cached_property
    def tones(self) -> Tones:
        """The cells as colours and shares."""
        return Tones(rgb_to_lab(self.rgb), self.counts / self.total)

    @cached_property
    def squares(self) -> Floats:
        """Sums of r² + g² + b² over each cell's pixels, (m,); few images are asked for them."""
        wide = self.pixels.astype(np.int32)
        sums = np.bincount(self.cell_of, np.einsum("ij,ij->i", wide, wide))
        return sums[self.numbers].astype(np.float64)

    @cached_property
    def coarse(self) -> Tones:
        """The image in cells of 16 levels a channel: at most 4,096, however noisy it is."""
        corners = (self.rgb // COARSE_LEVELS).astype(np.intp)
        parents = corners @ (_COARSE**2, _COARSE, 1)
        counts = np.bincount(parents, self.counts)
        occupied = np.flatnonzero(counts)
        counts = counts[occupied]
        lab = [np.bincount(parents, self.counts * axis)[occupied] for axis in self.tones.lab.T]
        return Tones((np.array(lab) / counts).T, counts / self.total)


def count_cells(rgb: Bytes) -> Cells:
    """Count the pixels of an image, (h, w, 3) or (n, 3) uint8 sRGB."""
    pixels = np.ascontiguousarray(rgb).reshape(-1, 3)
    # 5 bits a channel in one number is what OpenCV knows as an image of 15 bits a pixel.
    cells = cv2.cvtColor(pixels[np.newaxis], cv2.COLOR_RGB2BGR555).view(np.uint16).ravel()
    cell_of = cells.astype(np.intp)
    counts = np.bincount(cell_of, minlength=_CELLS)
    numbers = np.flatnonzero(counts)
    sums = [
        np.bincount(cell_of, channel.ravel(), _CELLS)[numbers]
        for channel in cv2.split(pixels[np.newaxis])
    ]
    return Cells(
        counts[numbers].astype(np.float64), np.stack(sums, axis=1), numbers, pixels, cell_of
    )
