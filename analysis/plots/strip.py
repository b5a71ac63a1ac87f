"""Palette strips: the colours of an image side by side, each as wide as its share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from analysis.colors.conversion import Bytes
from analysis.colors.palette import Palette
from analysis.plots.lettering import Canvas, Color

PAPER: Color = (250, 249, 246)
STRIP_SHARE = 0.09
"""Height of the strip below a single image, as a share of the image's longer side."""


def strip_widths(fractions: Sequence[float], width: int) -> list[int]:
    """Divide `width` pixels in proportion to `fractions`; they add up to `width` exactly."""
    shares = np.cumsum(fractions) / sum(fractions)
    edges = np.rint(shares * width).astype(int)
    return [int(step) for step in np.diff(edges, prepend=0)]


def draw_strip(
    canvas: Canvas,
    colors: Sequence[Color],
    fractions: Sequence[float],
    box: tuple[int, int, int, int],
) -> None:
    """Fill `box` (left, top, right, bottom) of `canvas` with `colors`, in place."""
    left, top, right, bottom = box
    for color, width in zip(colors, strip_widths(fractions, right - left), strict=True):
        canvas[top:bottom, left : left + width] = color
        left += width


def palette_strip(rgb: Bytes, palette: Palette) -> Image.Image:
    """Return an image, (h, w, 3) uint8 sRGB, with its palette below it."""
    height, width = rgb.shape[:2]
    longer = max(height, width)
    strip = max(8, round(longer * STRIP_SHARE))
    gap = max(2, strip // 5)
    canvas = np.full((height + gap + strip, width, 3), PAPER, dtype=np.uint8)
    canvas[:height] = rgb
    swatches = palette.swatches
    draw_strip(
        canvas,
        [swatch.rgb for swatch in swatches],
        [swatch.fraction for swatch in swatches],
        (0, height + gap, width, height + gap + strip),
    )
    return Image.fromarray(canvas)
