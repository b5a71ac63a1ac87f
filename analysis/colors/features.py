"""The job `features`: 18 statistics of the colour channels of every image into `image_features`.

Mean and standard deviation of R, G, B (sRGB, 0 to 255), of H, S, V (H in degrees, S and V 0 to 1)
and of CIE L*a*b* (D65, L* 0 to 100). Hue is an angle, which a plain mean would tear apart at red,
and it means nothing where there is no colour. Its mean is therefore the mean direction, every pixel
weighing as much as it is colourful (its chroma max - min of R, G, B), counted from -60 to 300
degrees, so that the cut lies at magenta, the rarest hue of pigments; its deviation is the angular
deviation sqrt(2 (1 - R)) of Batschelet, "Circular Statistics in Biology" (1981), R being the length
of the mean direction: 0 degrees for a single hue, 81 where the hues point everywhere. An image
without any colour has the mean 0 and the deviation 81.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from analysis.colors.conversion import Floats
from analysis.jobs import RGB, ImageJob, ModelSpec, Row
from storage.models import ImageFeatures

CHANNELS = ("red", "green", "blue", "hue", "saturation", "value", "lab_l", "lab_a", "lab_b")
FEATURE_NAMES = tuple(f"{channel}_{part}" for channel in CHANNELS for part in ("mean", "std"))
"""What the numbers are, in their order."""

HUE_CUT = 300.0
"""Degrees of the hue at which the circle is cut open: mean hues lie in [-60, 300)."""
NO_DIRECTION = math.degrees(math.sqrt(2.0))
"""Degrees: the angular deviation of hues that point everywhere, the largest that there is."""

DECIMALS = 9
"""Decimals that are kept: how sums are added up, and so the last bits, is up to the machine."""

BAND_PIXELS = 12_288
"""Pixels that are converted at once: what fits the processor's cache is done in half the time."""

_ENCODED: Floats = np.arange(256) / 255.0
# sRGB to linear light, IEC 61966-2-1, for each of the 256 bytes.
_LINEAR = np.where(
    _ENCODED <= 0.04045, _ENCODED / 12.92, ((_ENCODED + 0.055) / 1.055) ** 2.4
).astype(np.float32)

MODEL = ModelSpec(
    name="channel-statistics",
    version="1",
    kind="features",
    params={
        "names": list(FEATURE_NAMES),
        "spaces": {
            "red, green, blue": "sRGB, 0 to 255",
            "hue": "degrees of HSV, mean direction from -60 to 300 and angular deviation, "
            "weighted by chroma",
            "saturation, value": "HSV, 0 to 1",
            "lab_l, lab_a, lab_b": "CIE L*a*b* D65, L* 0 to 100",
        },
        "input": "preview",
    },
    is_default=True,
)


def channel_statistics(rgb: RGB) -> Floats:
    """Return the statistics of an image, (h, w, 3) uint8 sRGB, as (18,) float64.

    They are those of FEATURE_NAMES; deviations are of the population.
    """
    height, width = rgb.shape[:2]
    rows = max(1, BAND_PIXELS // width)
    bands = [_band(rgb[top : top + rows]) for top in range(0, height, rows)]
    means, deviations, hues, pixels = (np.array(part) for part in zip(*bands, strict=True))
    shares = pixels / pixels.sum()
    mean = shares @ means
    # Chan et al.: the squares within the bands and between them, which never cancel out.
    deviation = np.sqrt(shares @ (deviations**2 + (means - mean) ** 2))
    statistics: Floats = np.stack([mean, deviation], axis=1)
    statistics[CHANNELS.index("hue")] = _hue_statistics(*hues.sum(axis=0))
    return statistics.ravel().round(DECIMALS)


def _band(rgb: RGB) -> tuple[Floats, Floats, tuple[float, float, float], int]:
    """Return means and deviations of the channels, the sums of `_hue_statistics`, and pixels."""
    hsv = cv2.cvtColor(np.multiply(rgb, np.float32(1 / 255), dtype=np.float32), cv2.COLOR_RGB2HSV)
    # OpenCV's own way from sRGB to L*a*b* is slower, and off by up to 0.4.
    lab = cv2.cvtColor(cv2.LUT(rgb, _LINEAR), cv2.COLOR_LRGB2Lab)
    parts = [cv2.meanStdDev(space) for space in (rgb, hsv, lab)]
    means, deviations = (np.concatenate(part).ravel() for part in zip(*parts, strict=True))
    hue, saturation, value = cv2.split(hsv)
    chroma = cv2.multiply(saturation, value)
    x, y = cv2.polarToCart(chroma, hue, angleInDegrees=True)
    sums = (cv2.sumElems(x)[0], cv2.sumElems(y)[0], cv2.sumElems(chroma)[0])
    return means, deviations, sums, rgb.shape[0] * rgb.shape[1]


def _hue_statistics(x: float, y: float, chroma: float) -> tuple[float, float]:
    """Return mean direction and angular deviation, degrees, of vectors that sum up to (x, y).

    `chroma` is the sum of their lengths.
    """
    if chroma <= 0.0:
        return 0.0, NO_DIRECTION
    direction = math.degrees(math.atan2(y, x)) % 360.0
    mean = direction - 360.0 if direction >= HUE_CUT else direction
    length = min(math.hypot(x, y) / chroma, 1.0)
    return mean, math.degrees(math.sqrt(2.0 * (1.0 - length)))


def feature_rows(images: Sequence[RGB]) -> list[list[Row]]:
    """Return the row of `image_features` of each image, (h, w, 3) uint8 sRGB."""
    return [[{"values": channel_statistics(image).tolist()}] for image in images]


FEATURES = ImageJob(
    name="features",
    model=MODEL,
    table=ImageFeatures.metadata.tables[ImageFeatures.__tablename__],
    compute=feature_rows,
)
