"""Decoding: a large JPEG for a small input, beside decoding it in full, and previews.

Every way ends with `cv2.resize(…, INTER_AREA)` to 224 × 224, whose time counts. OpenCV's order of
channels is left as it is: turning it would cost the others more.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from functools import partial
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from analysis.jobs import RGB
from benchmarks.analysing.clock import cpu_seconds_each, in_turn, medians, one_thread
from benchmarks.analysing.figures import Figure, Section
from benchmarks.analysing.pictures import (
    LARGE,
    Pictures,
    bits_per_pixel,
    large_jpeg,
    pictures,
    square,
)
from storage.images import check_image, decode_rgb

SIDE = 224


def ours(data: bytes) -> RGB:
    """Decode as analysis does."""
    return square(decode_rgb(data, size=SIDE), SIDE)


def opencv(data: bytes, flags: int = cv2.IMREAD_COLOR) -> RGB:
    """Decode with OpenCV, in BGR."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    assert pixels is not None
    return square(pixels.astype(np.uint8, copy=False), SIDE)


def pillow(data: bytes, *, draft: bool) -> RGB:
    """Decode with Pillow, in full or with its own scaled decoding."""
    with Image.open(BytesIO(data)) as image:
        if draft:
            image.draft("RGB", (SIDE, SIDE))
        return square(np.asarray(image.convert("RGB")), SIDE)


WAYS: Mapping[str, tuple[str, Callable[[bytes], RGB]]] = {
    "ours": ("artworks", ours),
    "opencv": ("OpenCV, in full", opencv),
    "opencv_reduced_4": (
        "OpenCV, IMREAD_REDUCED_COLOR_4",
        partial(opencv, flags=cv2.IMREAD_REDUCED_COLOR_4),
    ),
    "pillow": ("Pillow, in full", partial(pillow, draft=False)),
    "pillow_draft": ("Pillow, draft()", partial(pillow, draft=True)),
}


def measure(images: int = 12, rounds: int = 5, found: Pictures | None = None) -> Section:
    """Decode `images` large JPEGs and previews of them `rounds` times in every way, in turn."""
    found = found or pictures(images)
    originals = [large_jpeg(pixels, at) for at, pixels in enumerate(found.pixels)]
    previews = [check_image(data).preview or data for data in originals]
    with one_thread():
        large = [
            medians(in_turn(works, rounds, cpu_seconds_each))
            for works in (
                {name: partial(way, data) for name, (_, way) in WAYS.items()} for data in originals
            )
        ]
        small = [
            statistics.median(cpu_seconds_each(partial(decode_rgb, data))[0] for _ in range(rounds))
            for data in previews
        ]
        errors = {name: statistics.fmean(_error(name, data) for data in originals) for name in WAYS}
    rates = {name: len(large) / sum(seconds[name] for seconds in large) for name in WAYS}
    bits = bits_per_pixel(originals, LARGE[0] * LARGE[1])
    title = (
        f"Decoding {LARGE[0]:,} × {LARGE[1]:,} JPEGs for {SIDE} px: {len(originals)} from "
        f"{found.source}, {bits:.1f} bits a pixel, {rounds} rounds, one core"
    )
    figures = [
        Figure("ratio_decode", "artworks beside OpenCV, speed", rates["ours"] / rates["opencv"],
               "×", least=2.2),
        Figure("decode_error", "… mean absolute difference", errors["ours"],
               "levels of 255", most=1.0),
    ]  # fmt: skip
    for name, (label, _) in WAYS.items():
        figures.append(Figure(f"decode_{name}_per_s", label, rates[name], "images/s"))
        if name not in ("ours", "opencv"):
            figures.append(
                Figure(f"decode_{name}_error", "… difference", errors[name], "levels of 255")
            )
    milliseconds = [seconds * 1000 for seconds in small]
    figures += [
        Figure("preview_ms", "a preview of 512 px", statistics.median(milliseconds), "ms",
               most=2.0),
        Figure("preview_ms_slowest", "… the slowest one", max(milliseconds), "ms"),
    ]  # fmt: skip
    return Section(title, tuple(figures))


def _error(name: str, data: bytes) -> float:
    """Mean absolute difference to OpenCV's full decoding, levels of 255."""
    theirs = opencv(data)[..., ::-1].astype(np.int16)
    pixels = WAYS[name][1](data)
    mine = pixels[..., ::-1] if name.startswith("opencv") else pixels
    return float(np.abs(mine.astype(np.int16) - theirs).mean())
