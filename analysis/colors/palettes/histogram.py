"""The histogram of an image: its pixels counted by cells of sRGB.

A cell is a cube of 8 levels a channel. There are 32 × 32 × 32, of which an image occupies a few
hundred to a few thousand. Each stands for the mean of its own pixels, so flat colours stay exact.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from analysis.colors.conversion import Bytes, Floats, rgb_to_lab
from analysis.colors.palettes.tones import Tones

COARSE_LEVELS = 16
"""Levels a channel of a coarse cell, in which eight cells are joined."""

BAND_PIXELS = 1 << 18
"""Pixels that are counted at once: all of a preview's."""

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
    cell_of: npt.NDArray[np.uint16]
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
        sums = np.zeros(_CELLS)
        for cell_of, weights, pixels in _bands(self.cell_of, self.pixels):
            wide = pixels.astype(np.int32)
            np.copyto(weights, np.einsum("ij,ij->i", wide, wide))
            sums += np.bincount(cell_of, weights, _CELLS)
        return sums[self.numbers]

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
    counts, sums = np.zeros(_CELLS), np.zeros((3, _CELLS))
    for cell_of, weights, band in _bands(cells, pixels):
        counts += np.bincount(cell_of, minlength=_CELLS)
        for channel, held in enumerate(sums):
            np.copyto(weights, band[:, channel])
            held += np.bincount(cell_of, weights, _CELLS)
    numbers = np.flatnonzero(counts)
    return Cells(counts[numbers], np.ascontiguousarray(sums[:, numbers].T), numbers, pixels, cells)


_memory = threading.local()


def _bands(
    cells: npt.NDArray[np.uint16], pixels: Bytes
) -> Iterator[tuple[npt.NDArray[np.intp], Floats, Bytes]]:
    """Yield cells (b,), room for as many weights (b,), and pixels (b, 3), band by band.

    The first two lie in memory that the thread keeps. Were it asked for anew for every image, the
    system would clear it each time, which takes longer than counting.
    """
    if not hasattr(_memory, "cell_of"):
        _memory.cell_of = np.empty(BAND_PIXELS, dtype=np.intp)
        _memory.weights = np.empty(BAND_PIXELS)
    for start in range(0, len(pixels), BAND_PIXELS):
        band = pixels[start : start + BAND_PIXELS]
        cell_of, weights = _memory.cell_of[: len(band)], _memory.weights[: len(band)]
        np.copyto(cell_of, cells[start : start + BAND_PIXELS], casting="unsafe")
        yield cell_of, weights, band
