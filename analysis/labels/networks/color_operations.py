"""RandAugment's operations on colours.

Cubuk, Zoph, Shlens and Le, "RandAugment: Practical automated data augmentation with a reduced
search space", 2019: a number of operations, each drawn alike, all of one magnitude from 0 to 30.
Its operations on where things are (rotation, shear, translation) are left to the warp, which does
them in one step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from analysis.jobs import RGB

MAGNITUDES: Final = 30
"""The highest magnitude."""
STRONGEST: Final = 0.9
"""How far factors are from 1 at the highest magnitude, either way."""
FEWEST_BITS: Final = 4
"""Bits of a channel that posterizing leaves at the highest magnitude."""

Levels = npt.NDArray[np.float64]
"""(256,) What becomes of each level of a channel, not rounded yet."""

_LEVELS: Final = np.arange(256, dtype=np.float64)
_SMOOTH: Final = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13
"""Pillow's filter SMOOTH, which the paper's sharpness is made with."""


@dataclass(frozen=True)
class Operation:
    """One of OPERATIONS, and how much of it."""

    name: str
    value: float = 0.0
    """A factor (color, contrast, brightness, sharpness), bits that are left (posterize), or the
    level above which channels are inverted (solarize)."""

    def __call__(self, image: RGB) -> RGB:
        """Return an altered copy of an image, (h, w, 3) uint8."""
        return OPERATIONS[self.name](image, self.value)

    def __str__(self) -> str:
        """Say it in a few words; empty where nothing is done."""
        said = self.name.replace("_", " ")
        if self.name == "identity":
            return ""
        if self.name in _FACTORS:
            return f"{said} ×{self.value:.2f}"
        return f"{said} {self.value:.0f}" if self.value else said


def draw_operations(rng: np.random.Generator, count: int, magnitude: int) -> tuple[Operation, ...]:
    """Draw `count` operations of a magnitude; each may come up more than once."""
    share = magnitude / MAGNITUDES
    drawn = []
    for _ in range(count):
        name = list(OPERATIONS)[int(rng.integers(len(OPERATIONS)))]
        sign = 1 if rng.random() < 0.5 else -1
        value = 0.0
        if name in _FACTORS:
            value = 1 + sign * share * STRONGEST
        elif name == "posterize":
            value = float(8 - round(share * (8 - FEWEST_BITS)))
        elif name == "solarize":
            value = 255 * (1 - share)
        drawn.append(Operation(name, value))
    return tuple(drawn)


def _identity(image: RGB, _value: float) -> RGB:
    return image.copy()


def _auto_contrast(image: RGB, _value: float) -> RGB:
    """Stretch each channel to all levels, from its darkest to its lightest."""

    def stretched(channel: RGB) -> Levels:
        low, high = int(channel.min()), int(channel.max())
        return _LEVELS if low == high else (_LEVELS - low) * 255 / (high - low)

    return _by_channel(image, stretched)


def _equalize(image: RGB, _value: float) -> RGB:
    """Spread the levels of each channel so that all are about as frequent."""

    def evened(channel: RGB) -> Levels:
        upto = np.cumsum(np.bincount(channel.ravel(), minlength=256))
        first = upto[channel.min()]
        if first == upto[-1]:
            return _LEVELS
        spread: Levels = (upto - first) * 255 / (upto[-1] - first)
        return spread

    return _by_channel(image, evened)


def _solarize(image: RGB, value: float) -> RGB:
    """Invert what is lighter than a level."""
    return _mapped(image, np.where(value < _LEVELS, 255 - _LEVELS, _LEVELS))


def _posterize(image: RGB, value: float) -> RGB:
    """Leave so many bits of each channel."""
    step = 2 ** (8 - round(value))
    return _mapped(image, _LEVELS // step * step)


def _color(image: RGB, value: float) -> RGB:
    """Blend with the picture in grey."""
    gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return _blended(image, gray, value)


def _contrast(image: RGB, value: float) -> RGB:
    """Blend with the mean lightness."""
    mean = float(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).mean())
    return _mapped(image, mean + (_LEVELS - mean) * value)


def _brightness(image: RGB, value: float) -> RGB:
    """Blend with black."""
    return _mapped(image, _LEVELS * value)


def _sharpness(image: RGB, value: float) -> RGB:
    """Blend with the picture smoothed."""
    smooth = cv2.filter2D(image, -1, _SMOOTH, borderType=cv2.BORDER_REPLICATE)
    return _blended(image, smooth, value)


OPERATIONS: Final = MappingProxyType[str, Callable[[RGB, float], RGB]](
    {
        "identity": _identity,
        "auto_contrast": _auto_contrast,
        "equalize": _equalize,
        "solarize": _solarize,
        "posterize": _posterize,
        "color": _color,
        "contrast": _contrast,
        "brightness": _brightness,
        "sharpness": _sharpness,
    }
)
_FACTORS: Final = frozenset({"color", "contrast", "brightness", "sharpness"})
"""Those of a factor: 1 leaves the picture as it is, 0 leaves nothing of what is named."""


def _blended(image: RGB, other: Any, value: float) -> RGB:
    """Return `value` parts of the image and the rest of the other one, which may be below none."""
    return np.asarray(cv2.addWeighted(image, value, other, 1 - value, 0.0), np.uint8)


def _mapped(image: RGB, levels: Levels) -> RGB:
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table), np.uint8)


def _by_channel(image: RGB, levels_of: Callable[[RGB], Levels]) -> RGB:
    channels = [image[..., at] for at in range(3)]
    return np.stack([_mapped(one, levels_of(one)) for one in channels], axis=-1)
