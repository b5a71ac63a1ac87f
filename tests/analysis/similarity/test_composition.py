"""Layouts: what they do not depend on, and what they do."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.similarity.composition import (
    LENGTH,
    NAMES,
    TONES,
    Layouts,
    describe_layout,
    layout_distances,
)

# mypy: disable-error-code="no-untyped-def"

numbers = st.integers(0, 2**32 - 1)
layouts = arrays(np.float32, LENGTH, elements=st.floats(0, 60, width=32))


def painted(number: int, size: tuple[int, int] = (480, 360)) -> np.ndarray:
    """A picture of soft patches, (h, w, 3) uint8."""
    patches = np.random.default_rng(number).integers(10, 245, (5, 6, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(patches, size, interpolation=cv2.INTER_CUBIC))


def apart(one: Layouts, other: Layouts) -> float:
    return float(layout_distances(one, other))


def named(layout: Layouts, name: str) -> float:
    return float(layout[NAMES.index(name)])


@settings(max_examples=25)
@given(numbers, st.sampled_from([(240, 180), (960, 720), (300, 500)]))
def test_size_and_format_play_no_part(number: int, size: tuple[int, int]) -> None:
    picture = painted(number)
    other = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    assert apart(describe_layout(picture), describe_layout(other)) < 0.1


@settings(max_examples=25)
@given(numbers)
def test_recompression_plays_no_part(number: int) -> None:
    picture = painted(number)
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    other = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    assert apart(describe_layout(picture), describe_layout(other)) < 0.1


@settings(max_examples=25)
@given(numbers)
def test_a_mirrored_picture_is_another_composition(number: int) -> None:
    picture = painted(number)
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    assert apart(describe_layout(picture), describe_layout(mirrored)) > 0.4


@given(layouts, layouts)
def test_distances_are_zero_for_equals_and_symmetric(one: Layouts, other: Layouts) -> None:
    assert apart(one, one) == 0.0
    assert apart(one, other) == pytest.approx(apart(other, one))
    assert apart(one, other) >= 0.0
    both = layout_distances(one, np.stack([other, one]))
    assert both == pytest.approx([apart(one, other), 0.0])


@given(layouts, arrays(np.float32, 3, elements=st.floats(-20, 20, width=32)))
def test_what_is_the_same_everywhere_plays_no_part(layout: Layouts, shift: np.ndarray) -> None:
    shifted = layout.copy()
    shifted[:TONES] += np.tile(shift, TONES // 3)
    assert apart(layout, shifted) == pytest.approx(0.0, abs=1e-5)


def test_the_numbers_are_what_their_names_say() -> None:
    picture = np.full((400, 600, 3), 255, np.uint8)
    picture[:, :300] = 0
    layout = describe_layout(picture)
    assert layout.shape == (LENGTH,) == (len(NAMES),)
    assert named(layout, "lab_l_0_0") == pytest.approx(0.0, abs=0.5)
    assert named(layout, "lab_l_7_7") == pytest.approx(100.0, abs=0.5)
    assert named(layout, "lab_a_3_3") == pytest.approx(0.0, abs=0.5)
    # The gradient points right, at an angle of 0, in the two columns in the middle only.
    assert named(layout, "edge_2_0") == 0.0
    assert named(layout, "edge_2_1") > 1.0
    assert named(layout, "edge_cos_2_1") == pytest.approx(named(layout, "edge_2_1"), rel=1e-3)
    assert named(layout, "edge_sin_2_1") == pytest.approx(0.0, abs=1e-3)
    turned = describe_layout(np.ascontiguousarray(np.rot90(picture)))
    assert named(turned, "edge_cos_1_2") == pytest.approx(-named(turned, "edge_1_2"), rel=1e-3)


def test_pictures_without_edges_have_a_distance_too() -> None:
    black, white = (describe_layout(np.full((9, 5, 3), level, np.uint8)) for level in (0, 255))
    assert apart(black, white) == pytest.approx(0.0, abs=1e-6)
    assert 0.1 < apart(black, describe_layout(painted(1))) < 10.0
