"""Hand-made descriptors: what they see, and what they do not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analysis.embeddings.descriptors import DIMENSIONS, SIDE, describe, describe_all
from analysis.jobs import RGB


def stripes(angle: float, color: tuple[int, int, int] = (180, 40, 40), width: int = 300) -> RGB:
    """Soft stripes at an angle, as a picture of 200 × `width` pixels."""
    down, across = np.mgrid[0:200, 0:width] / 20.0
    wave = np.sin(across * np.cos(angle) + down * np.sin(angle)) * 0.4 + 0.6
    return (wave[..., None] * color).astype(np.uint8)


def likeness(one: RGB, other: RGB) -> float:
    return float(describe(one) @ describe(other))


@given(
    arrays.arrays(
        np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)), fill=st.just(255)
    )
)
def test_every_image_has_a_vector_of_length_1(image: RGB) -> None:
    vector = describe(image)
    assert vector.shape == (DIMENSIONS,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_size_and_compression_hardly_matter() -> None:
    image = stripes(0.4)
    larger = cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    packed = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], 1)
    assert likeness(image, larger) > 0.97
    assert likeness(image, packed) > 0.97


def test_texture_tells_more_than_color() -> None:
    red, blue, across = stripes(0.0), stripes(0.0, (40, 60, 190)), stripes(np.pi / 2)
    assert likeness(red, blue) > likeness(red, across)


def test_vectors_come_in_the_order_of_images() -> None:
    images = [stripes(0.0), stripes(1.0, width=SIDE)]
    found = describe_all(images)
    assert found.shape == (2, DIMENSIONS)
    np.testing.assert_array_equal(found[1], describe(images[1]))
