"""Whether an image is like those that a classifier has learned from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.labels.familiarity import (
    LEAST_IMAGES,
    NEAR,
    Familiarity,
    distance,
    entropy,
    learn_familiarity,
)
from analysis.labels.heads import MODES, Mode

RNG = np.random.default_rng


def shares(rng: np.random.Generator, count: int, classes: int = 4) -> npt.NDArray[np.float32]:
    """Probabilities of single labels, some surer than others."""
    return rng.dirichlet(np.full(classes, 0.3), count).astype(np.float32)


def around(
    rng: np.random.Generator, centers: npt.NDArray[Any], count: int, spread: float
) -> npt.NDArray[np.float32]:
    """Vectors of length 1 near to one centre after the other."""
    drawn = centers[np.arange(count) % len(centers)] + spread * rng.normal(
        size=(count, centers.shape[1])
    )
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def test_entropy_is_0_where_all_is_sure_and_1_where_nothing_is() -> None:
    single = np.array([[1, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0]], np.float32)
    assert entropy(single, "single") == pytest.approx([0, 1, np.log(2) / np.log(3)], abs=1e-6)
    multi = np.array([[1, 0, 1], [0.5, 0.5, 0.5], [0.5, 0, 1]], np.float32)
    assert entropy(multi, "multi") == pytest.approx([0, 1, 1 / 3], abs=1e-6)
    assert entropy(np.ones((1, 1), np.float32), "single") == pytest.approx([0])


@given(arrays(np.float32, (3, 5), elements=st.floats(0, 1, width=32)), st.sampled_from(MODES))
def test_entropy_is_never_less_than_0_nor_more_than_1(
    drawn: npt.NDArray[np.float32], mode: Mode
) -> None:
    if mode == "single":
        drawn = ((drawn + 1e-3) / (drawn + 1e-3).sum(axis=1, keepdims=True)).astype(np.float32)
    found = entropy(drawn, mode)
    assert np.isfinite(found).all()
    assert (found >= -1e-6).all()
    assert (found <= 1 + 1e-6).all()


def test_distance_is_to_the_nearest_centre() -> None:
    centers = np.eye(2, 3, dtype=np.float32)
    vectors = np.array([[0, 1, 0], [0, 0, 1], [-1, 0, 0], [0.6, 0.8, 0]], np.float32)
    assert distance(vectors, centers) == pytest.approx([0, 1, 1, 0.2], abs=1e-6)
    assert distance(vectors, np.empty((0, 0), np.float32)).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("count", [8, 15, 40, 99, 100, 400])
def test_about_1_in_100_usual_images_is_odd_however_few_there_were(count: int) -> None:
    rng = RNG(count)
    centers = np.eye(4, 16)
    odd = []
    for _ in range(40):
        taught = around(rng, centers, 200, 0.2)
        targets = np.eye(4, dtype=np.uint8)[np.arange(200) % 4]
        usual = around(rng, centers, count, 0.2)
        sure = np.full((count, 4), 0.25, np.float32)
        found = learn_familiarity(sure, "single", vectors=usual, taught=taught, targets=targets)
        others = around(rng, centers, 500, 0.2)
        odd.append((distance(others, found.centers) > found.distance_limit).mean())
    assert 0.001 <= np.mean(odd) <= 0.04


def test_what_is_far_from_all_classes_is_odd_however_sure_the_classifier_is() -> None:
    rng = RNG(0)
    centers = np.eye(4, 16)
    taught, usual = around(rng, centers, 200, 0.1), around(rng, centers, 120, 0.1)
    targets = np.eye(4, dtype=np.uint8)[np.arange(200) % 4]
    sure = np.eye(4, dtype=np.float32)[np.arange(120) % 4]
    found = learn_familiarity(sure, "single", vectors=usual, taught=taught, targets=targets)
    away = np.eye(16, dtype=np.float32)[8:12]
    judged = found.judge(sure[:4], away)
    assert judged.flags.all()
    assert (judged.scores > 2).all()
    assert not found.judge(sure[:4], centers.astype(np.float32)).flags.any()
    # Without vectors, only what is said tells.
    assert not found.judge(sure[:4]).flags.any()


@pytest.mark.parametrize("mode", MODES)
def test_who_is_always_sure_may_be_a_little_less_so(mode: Mode) -> None:
    sure = np.zeros((200, 10), np.float32)
    sure[:, 3] = 1
    found = learn_familiarity(sure, mode)
    assert found.centers.shape == (0, 0)
    nearly = np.zeros((1, 10), np.float32)
    nearly[0, 3] = 0.95
    if mode == "single":
        nearly[0, 4] = 0.05
    assert not found.judge(nearly).flags.any()
    undecided = np.full((1, 10), 0.1 if mode == "single" else 0.5, np.float32)
    assert found.judge(undecided).flags.all()


def test_equal_pictures_leave_room_for_rounding() -> None:
    same = np.tile(np.eye(1, 8, dtype=np.float32), (200, 1))
    targets = np.ones((200, 1), np.uint8)
    said = np.ones((200, 1), np.float32)
    found = learn_familiarity(said, "multi", vectors=same, taught=same, targets=targets)
    assert found.distance_limit == NEAR
    stored = same[:1].astype(np.float16).astype(np.float32)
    assert not found.judge(said[:1], stored).flags.any()


def test_nothing_is_odd_where_nothing_is_known() -> None:
    rng = RNG(1)
    for count in range(LEAST_IMAGES):
        found = learn_familiarity(shares(rng, count), "single")
        assert not found.judge(np.full((1, 4), 0.25, np.float32)).flags.any()


def test_classes_that_nothing_was_taught_of_have_no_centre() -> None:
    taught = np.eye(2, 4, dtype=np.float32)
    targets = np.array([[1, 0, 0], [0, 0, 1]], np.uint8)
    said = shares(RNG(2), 10, 3)
    found = learn_familiarity(said, "single", vectors=taught, taught=taught, targets=targets)
    assert found.centers.tolist() == taught.tolist()


@given(st.integers(0, 200), st.sampled_from(MODES), st.booleans(), st.integers(0, 2**16))
def test_what_is_stored_judges_alike(count: int, mode: Mode, reads: bool, seed: int) -> None:
    rng = RNG(seed)
    said = shares(rng, count)
    vectors = around(rng, np.eye(4), count, 0.3) if reads else None
    targets = np.eye(4, dtype=np.uint8)[np.arange(count) % 4] if reads else None
    found = learn_familiarity(said, mode, vectors=vectors, taught=vectors, targets=targets)
    again = Familiarity.of(found.settings(), found.arrays())
    one, other = found.judge(said, vectors), again.judge(said, vectors)
    assert np.array_equal(one.scores, other.scores)
    assert np.isfinite(one.scores).all()
    assert np.array_equal(one.flags, one.scores > 1)
