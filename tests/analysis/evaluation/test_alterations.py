"""Alterations keep what they promise to keep, whatever the size of the picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.evaluation.alterations import (
    ALTERATIONS,
    crop,
    gray,
    mirror,
    quarter_turn,
    recompress,
    rotate,
)
from analysis.jobs import RGB


def picture(height: int, width: int) -> RGB:
    """Soft patches."""
    down, right = np.mgrid[:height, :width] / max(height, width)
    channels = [120 + 90 * np.sin(5 * down + phase) * np.cos(4 * right) for phase in (0, 1, 2)]
    return np.stack(channels, axis=2).astype(np.uint8)


@pytest.mark.parametrize("name", ALTERATIONS)
@given(height=st.integers(1, 70), width=st.integers(1, 70))
def test_a_picture_stays_a_picture(name: str, height: int, width: int) -> None:
    image = picture(height, width)
    before = image.copy()
    altered = ALTERATIONS[name](image)
    assert altered.dtype == np.uint8
    assert altered.shape[2] == 3
    assert altered.size > 0
    assert (image == before).all(), "what was given is as it was"


def test_each_does_what_it_says() -> None:
    image = picture(60, 90)
    assert crop(image, 0.5).tolist() == image[15:45, 22:67].tolist()
    assert mirror(mirror(image)).tolist() == image.tolist()
    turned = quarter_turn(image)
    assert turned.shape == (90, 60, 3)
    assert turned[-1, 0].tolist() == image[0, 0].tolist()
    assert rotate(image, 0).tolist() == image.tolist()
    tilted = rotate(image, 5)
    assert tilted.shape == image.shape
    assert np.abs(tilted[30, 45].astype(int) - image[30, 45]).max() <= 2
    assert np.ptp(gray(image), axis=2).max() == 0
    lossy = recompress(image, 30)
    assert 0 < np.abs(lossy.astype(int) - image).mean() < 12
