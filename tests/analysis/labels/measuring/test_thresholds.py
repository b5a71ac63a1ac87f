"""Thresholds have the best F1 that there is, and lie in the middle of their gap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from analysis.labels.measuring.thresholds import LEAST_IMAGES, UNKNOWN, choose_thresholds

# Few values, so that many are equal, and a pair of neighbours in float32.
SAID = st.sampled_from(
    [0.0, 0.1, 0.25, 0.5, float(np.nextafter(np.float32(0.5), np.float32(1))), 0.9, 1.0]
)
EXAMPLES = st.lists(st.tuples(st.booleans(), SAID), min_size=1, max_size=25)


def f1_of(true: npt.NDArray[np.bool_], said: npt.NDArray[np.float32], limit: np.float32) -> float:
    return float(f1_score(true, said >= limit, zero_division=0))


@settings(max_examples=60, deadline=None)
@given(EXAMPLES)
def test_the_best_of_all_that_there_are(examples: list[tuple[bool, float]]) -> None:
    true = np.array([one for one, _ in examples])
    said = np.array([one for _, one in examples], np.float32)
    (limit,) = choose_thresholds(true[:, None], said[:, None], least=1)
    if not true.any():
        assert limit == np.float32(UNKNOWN)
        return
    assert f1_of(true, said, limit) == pytest.approx(max(f1_of(true, said, one) for one in said))


def test_in_the_middle_of_the_gap() -> None:
    true = np.array([[1, 1], [1, 0], [0, 0], [0, 0]], np.uint8)
    said = np.array([[0.9, 0.3], [0.7, 0.1], [0.3, 0.1], [0.1, 0.1]], np.float32)
    np.testing.assert_allclose(choose_thresholds(true, said, least=1), [0.5, 0.2], atol=1e-7)


def test_of_equally_good_gaps_the_one_nearest_to_one_half() -> None:
    # One of one, or two of four: F1 is 2/3 either way.
    true = np.array([[1], [0], [0], [1]], np.uint8)
    low = np.array([[0.6], [0.5], [0.4], [0.3]], np.float32)
    np.testing.assert_allclose(choose_thresholds(true, low, least=1), [0.55], atol=1e-7)
    high = np.array([[0.99], [0.97], [0.96], [0.95]], np.float32)
    np.testing.assert_allclose(choose_thresholds(true, high, least=1), [0.475], atol=1e-7)


def test_neighbours_are_told_apart() -> None:
    below = np.float32(0.5)
    above = np.nextafter(below, np.float32(1))
    said = np.array([[above], [below]], np.float32)
    (limit,) = choose_thresholds(np.array([[1], [0]]), said, least=1)
    assert below < limit <= above


def test_few_images_choose_nothing() -> None:
    said = np.linspace(0.02, 0.9, 20, dtype=np.float32)[:, None].repeat(2, axis=1)
    true = np.zeros((20, 2), np.uint8)
    true[-LEAST_IMAGES:, 0] = 1
    true[: LEAST_IMAGES - 1, 1] = 1
    few, enough = choose_thresholds(true, said)[::-1]
    assert few == np.float32(UNKNOWN)
    assert said[-LEAST_IMAGES - 1, 0] < enough < said[-LEAST_IMAGES, 0]
