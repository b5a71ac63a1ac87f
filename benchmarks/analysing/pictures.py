"""Pictures to measure on: real paintings where the shared folder is, else the museum's own.

`ARTWORKS_SHARED` names the folder of paintings (default: `../shared`). Where it is missing, works
of the bundled museum are painted, which takes a tenth of a second each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from analysis.jobs import RGB
from demo.catalogue import build_catalogue
from demo.painters import paint
from storage.images import check_image, decode_rgb

ROOT = Path(__file__).resolve().parents[2]
LARGE = (2000, 1600)
"""Width and height of large originals, pixels."""
QUALITIES = (85, 88, 90, 92)
"""JPEG quality of large originals, in turn."""
GRAIN = 4.0
"""Standard deviation of a camera's grain, levels of 255. With it, files take about as many bits a
pixel as photographs of paintings do (1.3 to 2.3): what costs most is reading those bits."""
PREVIEW_QUALITY = 88


@dataclass(frozen=True)
class Pictures:
    """Pictures of at most about 512 px, (h, w, 3) uint8 sRGB, and where they are from."""

    source: str
    pixels: tuple[RGB, ...]


def pictures(count: int) -> Pictures:
    """Return pictures, spread evenly over all that there are; the same ones every time."""
    folder = Path(os.environ.get("ARTWORKS_SHARED", ROOT.parent / "shared")) / "art" / "paintings"
    found = sorted(folder.glob("*.jpg"))
    if len(found) >= count:
        chosen = [found[at * len(found) // count] for at in range(count)]
        return Pictures("real paintings", tuple(decode_rgb(at.read_bytes()) for at in chosen))
    return Pictures("works of the museum", tuple(_painted(count)))


def _painted(count: int) -> Iterator[RGB]:
    # Some works repeat others, so a few more are listed than are painted.
    listed = build_catalogue(works=count + count // 10 + 5).works
    works = [work for work in listed if not (work.near_duplicate_of or work.same_image_as)]
    for at in range(count):
        data = paint(works[at * len(works) // count])
        yield decode_rgb(check_image(data).preview or data)


def square(pixels: RGB, side: int = 224) -> RGB:
    """Shrink to `side` × `side`, as models take it; each pixel is the mean of its area."""
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA))


def large_jpeg(pixels: RGB, number: int, size: tuple[int, int] = LARGE) -> bytes:
    """Return a large JPEG of a picture, with detail down to the pixel as a photograph has.

    The middle of the picture is enlarged and gets the grain of a camera.
    """
    height, width, _ = pixels.shape
    part = (min(width, height * size[0] // size[1]), min(height, width * size[1] // size[0]))
    left, top = (width - part[0]) // 2, (height - part[1]) // 2
    middle = pixels[top : top + part[1], left : left + part[0]]
    large = cv2.resize(middle, size, interpolation=cv2.INTER_CUBIC).astype(np.int16)
    grain = np.random.default_rng(number).normal(0, GRAIN, large.shape[:2])
    large += np.rint(grain).astype(np.int16)[..., np.newaxis]
    return jpeg(np.clip(large, 0, 255).astype(np.uint8), QUALITIES[number % len(QUALITIES)])


def jpeg(pixels: RGB, quality: int = PREVIEW_QUALITY) -> bytes:
    """Encode as cameras and web sites do, with half the chroma."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=2)
    return buffer.getvalue()


def distinct(data: bytes, number: int) -> bytes:
    """Return a JPEG with a comment that no other has, so that it is an image of its own."""
    comment = f"image {number}".encode()
    return data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:]


def bits_per_pixel(jpegs: Sequence[bytes], pixels: int) -> float:
    """Return how much of files of `pixels` pixels each falls to one of them, on average."""
    return sum(map(len, jpegs)) * 8 / (len(jpegs) * pixels)
