"""Pictures that do not belong among works of art: barcodes, screens of text, codes, charts.

What a crawl brings home by accident. Drawn by code from a number, so that the same number gives
the same picture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

SIZE: Final = (480, 360)
"""Width and height in pixels."""

Drawing = npt.NDArray[np.uint8]

_TEXT: Final = (
    "404 not found the page you asked for does not exist please sign in to continue accept "
    "cookies total price shipping cart search results terms of use privacy menu home contact"
)


def foreign_picture(number: int) -> Image.Image:
    """Draw picture `number`, RGB; the kinds take turns."""
    rng = np.random.default_rng([7, number])
    return Image.fromarray(KINDS[number % len(KINDS)](rng))


def _paper(shade: int = 255) -> Drawing:
    return np.full((SIZE[1], SIZE[0], 3), shade, np.uint8)


def _barcode(rng: np.random.Generator) -> Drawing:
    drawn = _paper()
    left = int(rng.integers(30, 60))
    while left < SIZE[0] - 40:
        wide = int(rng.integers(1, 5)) * 2
        drawn[40 : SIZE[1] - 70, left : left + wide] = 0
        left += wide + int(rng.integers(1, 5)) * 2
    digits = "".join(str(digit) for digit in rng.integers(0, 10, 13))
    cv2.putText(drawn, digits, (60, SIZE[1] - 25), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (0, 0, 0), 2)
    return drawn


def _screen(rng: np.random.Generator) -> Drawing:
    drawn = _paper(int(rng.integers(235, 256)))
    drawn[:34] = rng.integers(20, 120, 3)
    for top in range(60, SIZE[1] - 10, 22):
        words = " ".join(rng.choice(_TEXT.split(), int(rng.integers(3, 8))))
        cv2.putText(drawn, words, (16, top), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 40, 40), 1)
    return drawn


def _code(rng: np.random.Generator) -> Drawing:
    cells = int(rng.integers(21, 34))
    bits = rng.integers(0, 2, (cells, cells), dtype=np.uint8) * 255
    for top, left in ((0, 0), (0, cells - 7), (cells - 7, 0)):
        bits[top : top + 7, left : left + 7] = 0
        bits[top + 1 : top + 6, left + 1 : left + 6] = 255
        bits[top + 2 : top + 5, left + 2 : left + 5] = 0
    drawn = _paper()
    side = SIZE[1] - 60
    left = (SIZE[0] - side) // 2
    square = cv2.resize(bits, (side, side), interpolation=cv2.INTER_NEAREST)
    drawn[30 : 30 + side, left : left + side] = square[..., None]
    return drawn


def _chart(rng: np.random.Generator) -> Drawing:
    drawn = _paper()
    for top in range(40, SIZE[1] - 40, 46):
        drawn[top, 50 : SIZE[0] - 20] = 205
    color = tuple(int(level) for level in rng.integers(0, 200, 3))
    heights = rng.integers(20, SIZE[1] - 90, int(rng.integers(6, 14)))
    wide = (SIZE[0] - 80) // len(heights)
    for at, height in enumerate(heights.tolist()):
        left = 56 + at * wide
        bottom = SIZE[1] - 40
        cv2.rectangle(drawn, (left, bottom - height), (left + wide * 2 // 3, bottom), color, -1)
    drawn[30 : SIZE[1] - 38, 49:51] = 0
    drawn[SIZE[1] - 40 : SIZE[1] - 38, 49 : SIZE[0] - 20] = 0
    cv2.putText(drawn, "Quarterly sales", (140, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 2)
    return drawn


KINDS: Final[tuple[Callable[[np.random.Generator], Drawing], ...]] = (
    _barcode,
    _screen,
    _code,
    _chart,
)
