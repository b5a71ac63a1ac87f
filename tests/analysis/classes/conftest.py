"""Works of which a site says the colour."""

from __future__ import annotations

import colorsys
import io
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from PIL import Image

AddWork = Callable[..., int]

HUES = {"red": 0.0, "green": 130.0, "blue": 220.0}


def colored(label: str, number: int) -> bytes:
    """A small picture of soft patches, most of them of one colour; different for every number."""
    rng = np.random.default_rng([number, *label.encode()])
    patches = np.empty((6, 8, 3))
    for place in np.ndindex(6, 8):
        hue = HUES[label] + rng.normal(0, 8) if rng.random() < 0.85 else rng.uniform(0, 360)
        color = colorsys.hsv_to_rgb(hue % 360 / 360, rng.uniform(0.7, 0.95), rng.uniform(0.6, 0.9))
        patches[place] = np.multiply(color, 255)
    buffer = io.BytesIO()
    picture = Image.fromarray(patches.astype(np.uint8)).resize((64, 48), Image.Resampling.BICUBIC)
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def add_colored(add_work: AddWork) -> Callable[..., list[int]]:
    """Store works of each label, by eight artists, and return their images in order."""

    def add(each: int = 8, labels: Sequence[str] = tuple(HUES), first: int = 1) -> list[int]:
        return [
            add_work(
                first + place * len(labels) + at,
                data=colored(label, first + place),
                terms={"color": label},
                artist=f"Artist {place % 8}",
            )
            for place in range(each)
            for at, label in enumerate(labels)
        ]

    return add
