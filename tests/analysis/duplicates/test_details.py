"""Whether two pictures show the same: altered copies do, works of one manner do not."""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from analysis.duplicates.details import LEAST_MATCHES, details_of, same_picture

Alter = Callable[[Image.Image], Image.Image]


def painted(number: int) -> Image.Image:
    """A picture of many strokes, different for every number."""
    rng = np.random.default_rng(number)
    canvas = np.full((360, 480, 3), rng.integers(80, 200, 3), np.uint8)
    for _ in range(160):
        ends = rng.integers(0, (480, 360), (2, 2))
        color = tuple(int(level) for level in rng.integers(0, 256, 3))
        cv2.line(canvas, ends[0].tolist(), ends[1].tolist(), color, int(rng.integers(2, 14)))
    return Image.fromarray(cv2.GaussianBlur(canvas, (0, 0), 1))


def part(picture: Image.Image, share: float) -> Image.Image:
    width, height = picture.size
    left, top = width * (1 - share) / 2, height * (1 - share) / 2
    return picture.crop((round(left), round(top), round(width - left), round(height - top)))


def recompressed(picture: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=30)
    return Image.open(buffer).convert("RGB")


def same(one: Image.Image, other: Image.Image) -> bool:
    first, second = np.asarray(one), np.asarray(other)
    plain = details_of(second)
    return same_picture(details_of(first), plain) or same_picture(
        details_of(first, mirrored=True), plain
    )


@pytest.mark.parametrize(
    "alter",
    [
        pytest.param(lambda picture: part(picture, 0.8), id="cut to 80 %"),
        pytest.param(ImageOps.mirror, id="mirrored"),
        pytest.param(lambda picture: picture.rotate(4), id="turned a little"),
        pytest.param(lambda picture: picture.transpose(Image.Transpose.ROTATE_90), id="turned"),
        pytest.param(ImageOps.grayscale, id="grey"),
        pytest.param(recompressed, id="recompressed"),
        pytest.param(lambda picture: picture.resize((200, 150)), id="smaller"),
        pytest.param(lambda picture: ImageEnhance.Brightness(picture).enhance(1.3), id="brighter"),
        pytest.param(lambda picture: ImageOps.expand(picture, 24, "white"), id="framed"),
    ],
)
def test_altered_copies_show_the_same(alter: Alter) -> None:
    for number in range(3):
        picture = painted(number)
        altered = alter(picture).convert("RGB")
        assert same(picture, altered)
        assert same(altered, picture)
        assert not same(painted(number + 10), altered)


def test_one_pattern_in_other_tones_is_another_picture() -> None:
    """What is drawn after one pattern has the same corners, and not the same light and dark."""
    rng = np.random.default_rng(0)
    tones = rng.integers(0, 256, (2, 12, 16), dtype=np.uint8)
    one, other = (
        Image.fromarray(cv2.resize(each, (480, 360), interpolation=cv2.INTER_NEAREST)).convert(
            "RGB"
        )
        for each in tones
    )
    assert same(one, one)
    assert not same(one, other)


def test_pictures_that_tell_nothing() -> None:
    flat = Image.new("RGB", (300, 200), "#c81e1e")
    found = details_of(np.asarray(flat))
    assert len(found.places) == len(found.descriptors) == 0
    assert not found.tells
    assert not same(flat, flat)
    assert not same(flat, painted(1))


def test_details_are_of_one_size() -> None:
    for size in ((2000, 500), (40, 30), (300, 1)):
        found = details_of(np.asarray(painted(1).resize(size)))
        assert max(found.gray.shape) == 256
        assert found.descriptors.shape == (len(found.places), 32)
    assert len(details_of(np.asarray(painted(1))).places) > LEAST_MATCHES
