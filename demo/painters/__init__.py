"""Painting: from a work of the catalogue to the bytes of its images."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image

from demo.catalogue import Work
from demo.painters import (
    calligraphy,
    colorfield,
    deco,
    flat,
    glass,
    landscape,
    pointillism,
    portrait,
    stilllife,
    woodcut,
)
from demo.painters.canvas import Colors, Field, Random, color, vignette, weave

Pixels = NDArray[np.uint8]
_Painter = Callable[[Random, int, int, Colors, str], Field]

_PAINTERS: dict[str, _Painter] = {
    "colour field": colorfield.paint,
    "tonal landscape": landscape.paint,
    "still life": stilllife.paint,
    "pointillism": pointillism.paint,
    "portrait": portrait.paint,
    "calligraphic": calligraphy.paint,
    "woodcut": woodcut.paint,
    "stained glass": glass.paint,
    "art deco": deco.paint,
}
_WEAVE = {"calligraphic": 0.006, "woodcut": 0.008, "stained glass": 0.0, "art deco": 0.006}

# Painting costs by the pixel: larger canvases are painted at this many and enlarged.
_MOST_PIXELS = 620_000


def _painted(work: Work, width: int, height: int) -> Pixels:
    """The picture as `(h, w, 3)` uint8 RGB."""
    if work.flat:
        found, palette = flat.paint(work, width, height)
        filled: Pixels = palette[found]
        return filled
    seed = int.from_bytes(hashlib.sha256(f"{work.paint_seed}:{work.style}".encode()).digest()[:8])
    rng = np.random.Generator(np.random.PCG64(seed))
    scale = min(1.0, (_MOST_PIXELS / (width * height)) ** 0.5)
    small = (round(width * scale), round(height * scale))
    colors = {role: color(code) for role, code in work.scheme.items()}
    picture = _PAINTERS[work.style](rng, small[1], small[0], colors, work.motif)
    if scale < 1:
        picture = np.asarray(
            cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32
        )
    threads = _WEAVE.get(work.style, 0.012)
    if threads:
        weave(picture, rng, threads)
    vignette(picture, 0.05)
    pixels: Pixels = np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
    return pixels


def _altered(pixels: Pixels, work: Work) -> Pixels:
    if work.alteration is None:
        return pixels
    if work.alteration.change == "crop":
        top = (pixels.shape[0] - work.height_px) // 2
        left = (pixels.shape[1] - work.width_px) // 3
        return pixels[top : top + work.height_px, left : left + work.width_px]
    if work.alteration.change == "brightness":
        brighter: Pixels = np.clip(pixels.astype(np.float32) * 1.06 + 4, 0, 255).astype(np.uint8)
        return brighter
    return pixels


def _detail(pixels: Pixels, work: Work, index: int) -> Pixels:
    image = work.images[index]
    part = (1, 7)[index - 1]
    top = (work.height_px - image.height_px) * part // 8
    left = (work.width_px - image.width_px) * part // 8
    return pixels[top : top + image.height_px, left : left + image.width_px]


def _encoded(pixels: Pixels, work: Work, image_format: str) -> bytes:
    quality = 62 if work.alteration and work.alteration.change == "recompress" else 82
    out = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if image_format == "jpg":
        image.save(out, "JPEG", quality=quality, subsampling=0 if work.flat else 2)
    elif image_format == "png":
        # At most seven colours: an indexed PNG is a tenth of the size.
        colors = [
            tuple(int(swatch.hex[at : at + 2], 16) for at in (1, 3, 5)) for swatch in work.palette
        ]
        codes = pixels.astype(np.int32) @ np.array([65536, 256, 1])
        table = np.array([r * 65536 + g * 256 + b for r, g, b in colors])
        order = np.argsort(table)
        found = order[np.searchsorted(table[order], codes)].astype(np.uint8)
        indexed = Image.fromarray(found, "P")
        indexed.putpalette([channel for entry in colors for channel in entry])
        indexed.save(out, "PNG", compress_level=4)
    elif image_format == "webp":
        if work.flat:
            image.save(out, "WEBP", lossless=True, quality=20, method=0)
        else:
            image.save(out, "WEBP", quality=quality, method=1)
    else:
        image.save(out, "AVIF", quality=66, speed=9, max_threads=1)
    return out.getvalue()


def paint(work: Work, index: int = 0) -> bytes:
    """The bytes of one image of a work; the same every time with the same library versions."""
    cv2.setNumThreads(1)
    width, height = work.width_px, work.height_px
    if work.alteration:
        width, height = work.alteration.width_px, work.alteration.height_px
    pixels = _altered(_painted(work, width, height), work)
    image = work.images[index]
    if index:
        pixels = _detail(pixels, work, index)
    return _encoded(pixels, work, image.format)


@cache
def edition() -> str:
    """Changes when a painter or a library does, so that no cache serves an older hand."""
    digest = hashlib.sha256(f"{cv2.__version__} {np.__version__} {PIL.__version__}".encode())
    here = Path(__file__).parent
    for source in (*sorted(here.glob("*.py")), here.parent / "layouts.py"):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def fingerprint(work: Work, index: int = 0) -> str:
    """Names the bytes of an image before they are painted: equal names, equal bytes."""
    image = work.images[index]
    parts = (
        edition(),
        work.style,
        work.motif,
        work.paint_seed,
        work.palette,
        (work.width_px, work.height_px),
        (image.index, image.format, image.width_px, image.height_px),
        work.alteration,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
