"""Between `#rrggbb`, sRGB and CIE L*a*b*.

sRGB is IEC 61966-2-1 with 8 bits a channel; L*a*b* is CIE 1976 under D65 (2° observer), L* from 0
to 100. The white point is that of the matrix, so that sRGB white is exactly (100, 0, 0) and every
gray has no chroma. 64-bit floats throughout: every one of the 2^24 colours survives the way to
L*a*b* and back, which OpenCV's 32-bit tables do not promise.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from analysis.errors import NotAColor

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]

# Linear sRGB to CIE XYZ, from the primaries of IEC 61966-2-1 and D65 (Lindbloom's digits).
_TO_XYZ: Floats = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE: Floats = np.sum(_TO_XYZ, axis=1, dtype=np.float64)
_RGB_TO_RELATIVE_XYZ: Floats = (_TO_XYZ / _WHITE[:, np.newaxis]).T
_RELATIVE_XYZ_TO_RGB: Floats = np.linalg.inv(_RGB_TO_RELATIVE_XYZ).astype(np.float64)
_DELTA = 6.0 / 29.0  # where the cube root of L*a*b* gives way to a straight line

_HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")


def _to_linear(encoded: Floats) -> Floats:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _from_linear(linear: Floats) -> Floats:
    bright = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, linear * 12.92, bright)


def rgb_to_lab(rgb: npt.ArrayLike) -> Floats:
    """Convert sRGB to CIE L*a*b* (D65).

    `rgb` is (..., 3), 0 to 255, whole or fractional; the result is (..., 3) float64, L* in
    [0, 100], a* and b* within about ±128.
    """
    linear = _to_linear(np.asarray(rgb, dtype=np.float64) / 255.0)
    relative = linear @ _RGB_TO_RELATIVE_XYZ
    root = np.where(
        relative > _DELTA**3, np.cbrt(relative), relative / (3 * _DELTA**2) + 4.0 / 29.0
    )
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], axis=-1)


def lab_to_rgb(lab: npt.ArrayLike) -> Bytes:
    """Convert CIE L*a*b* (D65) to the nearest 8-bit sRGB; (..., 3) to (..., 3) uint8.

    Colours that sRGB cannot show are clipped channel by channel.
    """
    values = np.asarray(lab, dtype=np.float64)
    y = (values[..., 0] + 16.0) / 116.0
    root = np.stack([y + values[..., 1] / 500.0, y, y - values[..., 2] / 200.0], axis=-1)
    relative = np.where(root > _DELTA, root**3, 3 * _DELTA**2 * (root - 4.0 / 29.0))
    encoded = _from_linear(relative @ _RELATIVE_XYZ_TO_RGB)
    rounded: Bytes = np.rint(np.clip(encoded, 0.0, 1.0) * 255.0).astype(np.uint8)
    return rounded


def hex_to_rgb(text: str) -> tuple[int, int, int]:
    """Read `#rrggbb` or `#rgb`, with or without the `#`, in either case.

    Raises NotAColor for anything else.
    """
    found = _HEX.fullmatch(text.strip())
    if found is None:
        raise NotAColor(f'"{text}" is not a colour: write it as #rrggbb, such as #8a2be2.')
    digits = found[1]
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def rgb_to_hex(rgb: npt.ArrayLike) -> str:
    """Write one sRGB colour, (3,) whole numbers from 0 to 255, as `#rrggbb` in lower case.

    Raises NotAColor where it is none.
    """
    values = [int(value) for value in np.asarray(rgb).ravel()]
    if len(values) != 3 or not all(0 <= value <= 255 for value in values):
        raise NotAColor(f"{values} is not a colour: give three numbers from 0 to 255.")
    return "#{:02x}{:02x}{:02x}".format(*values)
