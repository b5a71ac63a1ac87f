"""Images as networks take them: square, of one size, with the colours that a network was taught."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from analysis.embeddings.backbones import Preprocessing
from analysis.jobs import RGB

Prepared: TypeAlias = npt.NDArray[np.float32]
"""(n, s, s, 3) float32, in the colours of a network."""

_MEAN_BGR: Final = np.array([103.939, 116.779, 123.68], np.float32)
"""Mean colour of ImageNet's images, blue, green, red, 0..255."""


def squash(image: RGB, size: int) -> RGB:
    """Return the whole of `image`, (h, w, 3) uint8, as (size, size, 3) uint8.

    The whole work is seen, at the price of its proportions: a cut from the middle would drop half
    of a frieze, and borders would say more of the format than of the work. Each pixel is the mean
    of the area that it stands for, so that canvas and craquelure do not turn into patterns; where
    a picture has to grow, that is linear interpolation.
    """
    if image.shape[:2] == (size, size):
        return image
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def squash_all(images: Iterable[RGB], size: int) -> RGB:
    """Return images of any shape as one array, (n, size, size, 3) uint8."""
    found = [squash(image, size) for image in images]
    return np.stack(found) if found else np.empty((0, size, size, 3), np.uint8)


def preprocess(images: RGB, preprocessing: Preprocessing) -> Prepared:
    """Return (n, s, s, 3) RGB 0..255 as `keras.applications.*.preprocess_input` does, float32."""
    prepared = images.astype(np.float32)
    if preprocessing == "tf":
        prepared /= 127.5
        prepared -= 1.0
    elif preprocessing == "caffe":
        prepared = prepared[..., ::-1] - _MEAN_BGR
    return prepared
