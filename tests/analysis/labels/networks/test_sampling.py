"""Balanced sampling: what an epoch draws, counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from analysis.labels.dataset import Targets
from analysis.labels.networks.sampling import balanced_weights, class_weights, draw_epoch
from analysis.labels.task import BALANCES, Balance


def single(counts: list[int], seed: int = 0) -> Targets:
    """Targets of so many images of each class, shuffled."""
    labels = np.repeat(np.arange(len(counts)), counts)
    targets = np.zeros((len(labels), len(counts)), np.uint8)
    targets[np.arange(len(labels)), np.random.default_rng(seed).permutation(labels)] = 1
    return targets


def several(images: int, classes: int, seed: int) -> Targets:
    """Targets of one label an image, a hundred times as frequent as the rarest, and some more."""
    rng = np.random.default_rng(seed)
    frequency = np.geomspace(1, 0.01, classes)
    targets = np.zeros((images, classes), np.uint8)
    targets[np.arange(images), rng.choice(classes, images, p=frequency / frequency.sum())] = 1
    targets[rng.random(targets.shape) < 0.2 * frequency / frequency.sum()] = 1
    return targets


def drawn_shares(targets: Targets, epochs: int = 1, balance: Balance = "sampling") -> list[float]:
    """How often labels come up in some epochs, each divided by their mean."""
    places = np.arange(len(targets))
    counts = np.zeros(targets.shape[1])
    for epoch in range(epochs):
        rng = np.random.default_rng([1, epoch])
        counts += targets[draw_epoch(targets, places, balance, rng)].sum(axis=0)
    return [float(share) for share in counts / counts.mean()]


def test_a_hundred_to_one_is_drawn_alike() -> None:
    targets = single([2000, 20])
    before = drawn_shares(targets, balance="none")
    assert before == pytest.approx([1.98, 0.02], abs=0.001)
    after = drawn_shares(targets)
    assert after == pytest.approx([1, 1], abs=0.01)


@given(st.lists(st.integers(1, 400), min_size=2, max_size=8), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_labels_are_drawn_alike_in_one_epoch_whatever_they_are_in_the_data(
    counts: list[int], seed: int
) -> None:
    targets = single(counts, seed)
    weights = balanced_weights(targets)
    assert weights.sum() == pytest.approx(1)
    assert weights @ targets == pytest.approx([1 / len(counts)] * len(counts))
    places = np.arange(len(targets))
    drawn = draw_epoch(targets, places, "sampling", np.random.default_rng(seed))
    assert len(drawn) == len(places)
    found = targets[drawn].sum(axis=0)
    # Within one image of what it should be, which is within 20 % where that is 5 images or more.
    assert np.abs(found - len(drawn) / len(counts)).max() <= 1 + 1e-9
    times = np.bincount(drawn, minlength=len(places))
    assert (np.abs(times - weights * len(places)) <= 1 + 1e-9).all()


@pytest.mark.parametrize("seed", range(3))
def test_several_labels_an_image(seed: int) -> None:
    targets = several(3000, 5, seed)
    before = drawn_shares(targets, balance="none")
    assert max(before) / min(before) > 30
    after = drawn_shares(targets, epochs=3)
    assert min(after) > 0.8
    assert max(after) < 1.2


def test_a_label_that_is_everywhere_does_not_leave_one_image_alone() -> None:
    targets = np.array([[1, 0]] * 100 + [[1, 1]], np.uint8)
    weights = balanced_weights(targets)
    assert 0.3 < weights[-1] < 0.9
    assert weights[:100].min() == weights[:100].max() > 0


def test_images_without_labels_and_labels_without_images() -> None:
    targets = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]], np.uint8)
    assert balanced_weights(targets) == pytest.approx([0.2, 0.2, 0.4, 0.2])
    assert class_weights(targets) == pytest.approx([4 / 6, 4 / 3, 0])
    assert balanced_weights(targets[3:]) == pytest.approx([1])


def test_only_the_places_that_are_asked_for_are_drawn() -> None:
    targets = single([90, 10, 40])
    places = np.flatnonzero(targets[:, 2] == 0)
    for balance in BALANCES:
        first = draw_epoch(targets, places, balance, np.random.default_rng(1))
        again = draw_epoch(targets, places, balance, np.random.default_rng(1))
        other = draw_epoch(targets, places, balance, np.random.default_rng(2))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)
        assert set(first.tolist()) <= set(places.tolist())
        assert len(first) == len(places)
        if balance != "sampling":
            assert sorted(first.tolist()) == places.tolist()
    # Labels take turns; they do not come one after the other.
    half = targets[draw_epoch(targets, places, "sampling", np.random.default_rng(1))[:50]]
    assert 15 < half[:, 0].sum() < 35


@given(st.lists(st.integers(1, 60), min_size=2, max_size=6))
def test_class_weights_are_those_of_scikit_learn(counts: list[int]) -> None:
    targets = single(counts)
    labels = targets.argmax(axis=1)
    expected = compute_class_weight("balanced", classes=np.arange(len(counts)), y=labels)
    assert class_weights(targets) == pytest.approx(expected)
    assert (class_weights(targets)[labels]).mean() == pytest.approx(1)
