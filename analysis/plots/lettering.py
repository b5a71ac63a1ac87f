"""Type: text drawn with the fonts inside OpenCV.

They cover Latin with all accents, Greek, Cyrillic and Chinese, and are the same on every machine,
so a picture does not depend on which fonts are installed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Canvas = npt.NDArray[np.uint8]
"""A picture to draw on: (h, w, 3) uint8 sRGB, C-contiguous."""

Color = tuple[int, int, int]

REGULAR = 400
BOLD = 600
ELLIPSIS = "…"


@dataclass(frozen=True)
class Type:
    """A size in pixels and a weight, 100 (thin) to 900 (black)."""

    size: int
    weight: int = REGULAR

    def width(self, text: str) -> int:
        """Return the width of `text` in pixels."""
        face = cv2.FontFace("sans")
        box = cv2.getTextSize((1, 1), text, (0, 0), face, self.size, self.weight)
        return int(box[0] + box[2])

    def fit(self, text: str, width: int, ending: str = "") -> str:
        """Return `text` + `ending`, the text cut with an ellipsis to fit `width` pixels."""
        if self.width(text + ending) <= width:
            return text + ending
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.width(text[:middle].rstrip(" ,.;:") + ELLIPSIS + ending) <= width:
                low = middle
            else:
                high = middle - 1
        return text[:low].rstrip(" ,.;:") + ELLIPSIS + ending if low else ""

    def draw(self, canvas: Canvas, text: str, left: int, baseline: int, color: Color) -> None:
        """Draw one line of `text` onto `canvas`, in place."""
        if text:
            face = cv2.FontFace("sans")
            cv2.putText(canvas, text, (left, baseline), color, face, self.size, self.weight)
