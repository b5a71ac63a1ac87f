"""Turning, shifting, zooming, mirroring and cropping a picture, all in one step."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from analysis.jobs import RGB

Matrix = npt.NDArray[np.float64]
"""(3, 3) Of homogeneous coordinates in pixels."""


@dataclass(frozen=True)
class Warp:
    """What is done to where things are; a step alone would blur the picture as all do together."""

    rotation: float = 0.0
    """Degrees, anticlockwise."""
    right: float = 0.0
    """Share of the width by which everything is shifted."""
    down: float = 0.0
    """Share of the height by which everything is shifted."""
    zoom: float = 1.0
    """Factor by which everything is larger."""
    flip: bool = False
    """Whether left and right are exchanged."""
    crop: float = 0.0
    """Share of the width and of the height that is cut away."""
    crop_at: tuple[float, float] = (0.0, 0.0)
    """Where what is left lies: -1 at the left or top, 1 at the right or bottom."""

    def __call__(self, image: RGB) -> RGB:
        """Return an altered copy of an image, (h, w, 3) uint8 of the same shape.

        What comes in from outside is the picture mirrored at its edge: a border of one colour
        would be something to learn.
        """
        if not self:
            return image.copy()
        height, width = image.shape[:2]
        warped = cv2.warpAffine(
            image,
            self.matrix(width, height)[:2],
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        )
        return np.asarray(warped, np.uint8)

    def __bool__(self) -> bool:
        """Whether anything is moved."""
        moved = self.rotation or self.right or self.down or self.crop
        return bool(moved or self.flip or self.zoom != 1)

    def __str__(self) -> str:
        """Say it in a few words; empty where nothing is moved that anybody would see."""
        parts = (
            "mirrored" if self.flip else "",
            f"turned {self.rotation:+.0f}°" if abs(self.rotation) >= 0.5 else "",
            _said(self.right, "right", "left"),
            _said(self.down, "down", "up"),
            f"zoom ×{self.zoom:.2f}" if abs(self.zoom - 1) >= 0.005 else "",
            f"cropped {self.crop:.0%}" if self.crop >= 0.005 else "",
        )
        return ", ".join(part for part in parts if part)

    def matrix(self, width: int, height: int) -> Matrix:
        """Return the matrix from pixels of the result to those of the picture, (3, 3) float64."""
        center = np.array([(width - 1) / 2, (height - 1) / 2])
        size = np.array([width, height])
        angle = np.deg2rad(self.rotation)
        cosine, sine = np.cos(angle), np.sin(angle)
        # From the result back: shifted, turned, zoomed, mirrored, and into the window of the crop.
        back = _moved(-center - size * (self.right, self.down))
        back = _linear([[cosine, -sine], [sine, cosine]]) @ back
        scale = (1 - self.crop) / self.zoom
        back = np.diag([-scale if self.flip else scale, scale, 1.0]) @ back
        window = center + size * self.crop / 2 * np.array(self.crop_at)
        return _moved(window) @ back


def _moved(by: npt.NDArray[np.float64]) -> Matrix:
    matrix = np.eye(3)
    matrix[:2, 2] = by
    return matrix


def _linear(part: list[list[float]]) -> Matrix:
    matrix = np.eye(3)
    matrix[:2, :2] = part
    return matrix


def _said(shift: float, there: str, back: str) -> str:
    return f"{abs(shift):.0%} {there if shift > 0 else back}" if abs(shift) >= 0.005 else ""
