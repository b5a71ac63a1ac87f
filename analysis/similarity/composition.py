"""Composition: where a picture is light, dark and coloured, and which way its edges run.

A picture is squashed to 128 × 128 pixels, so that its size and format play no part, and described
by 240 numbers, much as the colour layout and edge histogram descriptors of MPEG-7 (ISO/IEC
15938-3) do it:

- the mean L*, a* and b* of each of 8 × 8 cells (192 numbers, CIE units, D65);
- of each of 4 × 4 cells, three numbers about the gradient g of L* (Sobel, units of L* a pixel of
  the 128) with the angle t to the right: the means of |g|, |g| cos 2t and |g| sin 2t. The first
  says how much edge there is, the others which way the edges run; a doubled angle makes opposite
  gradients, which belong to one line, the same.

More would not pay: with 240 numbers a row of the table stays within a page of PostgreSQL.

Layouts are compared by their arrangement and not by what is the same everywhere: the mean colour
of the whole picture is taken off first, since colour has a distance of its own. Edges are compared
by the square root of their energy, as contrast is seen. A mirrored picture is another composition.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from analysis.colors.conversion import Bytes

Layouts: TypeAlias = npt.NDArray[np.float32]
"""(n, 240) float32 or (240,): see the module."""

SIDE: Final = 128
TONE_CELLS: Final = 8
EDGE_CELLS: Final = 4
TONES: Final = TONE_CELLS**2 * 3
LENGTH: Final = TONES + EDGE_CELLS**2 * 3
NAMES: Final = tuple(
    f"{channel}_{row}_{column}"
    for cells, channels in (
        (TONE_CELLS, ("lab_l", "lab_a", "lab_b")),
        (EDGE_CELLS, ("edge", "edge_cos", "edge_sin")),
    )
    for row in range(cells)
    for column in range(cells)
    for channel in channels
)
"""What the numbers are, in their order; rows and columns count from the top left."""

DECIMALS: Final = 3
"""Decimals that are kept: a thousandth of L* is far below what JPEG changes."""

TONE_MEDIAN: Final = 21.89
"""L*a*b*: half of all pairs of 1,385 paintings have tones that are nearer than this."""
EDGE_MEDIAN: Final = 1.024
"""√L*: the same for edges. The two medians give both halves of the distance one weight."""
LEAST_ENERGY: Final = 1e-3
"""Edges below this, in L* a pixel, are none."""

_ENCODED = np.arange(256) / 255.0
# sRGB to linear light, IEC 61966-2-1, for each of the 256 bytes.
_LINEAR = np.where(
    _ENCODED <= 0.04045, _ENCODED / 12.92, ((_ENCODED + 0.055) / 1.055) ** 2.4
).astype(np.float32)


def describe_layout(rgb: Bytes) -> Layouts:
    """Return the layout of an image, (h, w, 3) uint8 sRGB, as (240,) float32."""
    # Area interpolation sees every pixel, also those of patterns finer than the 128.
    small = cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    lab = np.asarray(cv2.cvtColor(cv2.LUT(small, _LINEAR), cv2.COLOR_LRGB2Lab), np.float32)
    tones = _cell_means(lab, TONE_CELLS)
    lightness = np.ascontiguousarray(lab[..., 0])
    # Sobel's weights add up to 8 times the step of one pixel.
    across = cv2.Sobel(lightness, cv2.CV_32F, 1, 0, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(lightness, cv2.CV_32F, 0, 1, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
    energy = np.sqrt(across**2 + down**2)
    # |g| cos 2t = (x² - y²) / |g| and |g| sin 2t = 2xy / |g|, which are 0 where there is no edge.
    per = 1.0 / np.maximum(energy, 1e-6)
    edges = np.stack([energy, (across**2 - down**2) * per, 2.0 * across * down * per], axis=-1)
    numbers = np.concatenate([tones.ravel(), _cell_means(edges, EDGE_CELLS).ravel()])
    rounded: Layouts = numbers.round(DECIMALS).astype(np.float32)
    return rounded


def _cell_means(planes: npt.NDArray[np.float32], cells: int) -> npt.NDArray[np.float32]:
    """Return (cells, cells, 3) means of (128, 128, 3)."""
    size = SIDE // cells
    means: npt.NDArray[np.float32] = planes.reshape(cells, size, cells, size, 3).mean(axis=(1, 3))
    return means


def layout_distances(one: Layouts, many: Layouts) -> npt.NDArray[np.float64]:
    """Return how far layouts are from one, as (n,) float64 from 0; 1 is about the usual.

    `one` is (240,) and `many` is (n, 240); or both are (n, 240), compared row by row. The mean of
    two root mean squares over the cells, each in proportion to its median among paintings: of the
    differences in L*a*b*, and of those of edges.
    """
    tones, edges = _comparable(one)
    other_tones, other_edges = _comparable(many)
    apart = np.sqrt(((tones - other_tones) ** 2).sum(axis=-1)) / (TONE_CELLS * TONE_MEDIAN)
    crossed = np.sqrt(((edges - other_edges) ** 2).sum(axis=-1)) / (EDGE_CELLS * EDGE_MEDIAN)
    distances: npt.NDArray[np.float64] = (apart + crossed) / 2.0
    return distances


def _comparable(layouts: Layouts) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return (…, 192) tones around their mean, and (…, 48) edges in √L*."""
    values = np.asarray(layouts, dtype=np.float64)
    lead = values.shape[:-1]
    tones = values[..., :TONES].reshape(*lead, TONE_CELLS**2, 3)
    tones = tones - tones.mean(axis=-2, keepdims=True)
    edges = values[..., TONES:].reshape(*lead, EDGE_CELLS**2, 3)
    edges = edges / np.sqrt(np.maximum(edges[..., :1], LEAST_ENERGY))
    return tones.reshape(*lead, -1), edges.reshape(*lead, -1)
