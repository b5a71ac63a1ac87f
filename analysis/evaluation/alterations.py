"""What happens to pictures between two places: cut, turned, mirrored, compressed, grey, soft.

Pure functions of a decoded image, (h, w, 3) uint8 sRGB, that give another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

import cv2
import numpy as np

from analysis.jobs import RGB

Alteration: TypeAlias = Callable[[RGB], RGB]


def crop(image: RGB, share: float) -> RGB:
    """Keep the middle: `share` of the height and of the width, at least a pixel."""
    height, width = image.shape[:2]
    high, wide = max(1, round(height * share)), max(1, round(width * share))
    top, left = (height - high) // 2, (width - wide) // 2
    return image[top : top + high, left : left + wide]


def rotate(image: RGB, degrees: float) -> RGB:
    """Turn counter-clockwise about the middle; the size stays, edges are continued outwards."""
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    turned = cv2.warpAffine(
        image, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return turned.astype(np.uint8)


def quarter_turn(image: RGB) -> RGB:
    """Turn by 90° counter-clockwise."""
    return np.ascontiguousarray(np.rot90(image))


def mirror(image: RGB) -> RGB:
    """Exchange left and right."""
    return np.ascontiguousarray(image[:, ::-1])


def recompress(image: RGB, quality: int) -> RGB:
    """Encode as JPEG and decode again."""
    done, encoded = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise ValueError(f"an image of shape {image.shape} cannot be written as JPEG")
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None, "OpenCV reads what it has just written"
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(np.uint8)


def gray(image: RGB) -> RGB:
    """Keep the luma (ITU-R BT.601) alone."""
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return cv2.cvtColor(luma, cv2.COLOR_GRAY2RGB).astype(np.uint8)


def blur(image: RGB, share: float) -> RGB:
    """Blur with a Gaussian whose standard deviation is `share` of the longer side."""
    sigma = max(image.shape[:2]) * share
    return cv2.GaussianBlur(image, (0, 0), sigma).astype(np.uint8)


ALTERATIONS: Mapping[str, Alteration] = MappingProxyType(
    {
        "crop to 80 %": partial(crop, share=0.8),
        "crop to 50 %": partial(crop, share=0.5),
        "rotated by 5°": partial(rotate, degrees=5),
        "rotated by 90°": quarter_turn,
        "mirrored": mirror,
        "JPEG of quality 30": partial(recompress, quality=30),
        "grey": gray,
        "blurred": partial(blur, share=0.01),
    }
)
"""By what people call them."""
