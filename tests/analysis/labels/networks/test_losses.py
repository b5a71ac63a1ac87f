"""What counts as an error, and how much."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from analysis.labels.networks.losses import (
    MOST,
    balancing_weights,
    judging_weights,
    loss_of,
    positive_weights,
)
from tests.analysis.labels.networks.tasks import targets_of

RARE = targets_of([0] * 30 + [1] * 9 + [2], 3)


def test_the_loss_is_the_mean_by_weight() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 50)
    scores = rng.normal(0, 3, (50, 3)).astype(np.float32)
    weights = np.array([1.0, 2.0, 5.0], np.float32)
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    found = loss_of(scores, targets_of(labels.tolist(), 3), "single", weights)
    expected = log_loss(labels, shares, sample_weight=weights[labels], labels=[0, 1, 2])
    assert found == pytest.approx(expected, rel=1e-5)


def test_of_several_labels_a_positive_counts_by_its_weight() -> None:
    scores = np.array([[2.0, -1.0]], np.float32)
    targets = np.array([[1, 0]], np.uint8)
    weights = np.array([3.0, 7.0], np.float32)
    expected = (3 * np.log(1 + np.exp(-2)) + np.log(1 + np.exp(-1))) / 2
    assert loss_of(scores, targets, "multi", weights) == pytest.approx(expected)


@pytest.mark.parametrize("mode", ["single", "multi"])
def test_great_scores_do_not_overflow_and_nonsense_is_infinite(mode) -> None:  # type: ignore[no-untyped-def]
    targets, ones = targets_of([0, 1], 2), np.ones(2, np.float32)
    great = np.array([[1e4, -1e4], [-1e4, 1e4]], np.float32)
    assert loss_of(great, targets, mode, ones) == pytest.approx(0.0)
    assert 1e3 < loss_of(-great, targets, mode, ones) < np.inf
    assert loss_of(np.full((2, 2), np.nan, np.float32), targets, mode, ones) == np.inf


def test_weights_are_for_those_who_ask() -> None:
    assert balancing_weights(RARE, "single", "none").tolist() == [1, 1, 1]
    weights = balancing_weights(RARE, "single", "weights")
    np.testing.assert_allclose(weights, 40 / (3 * np.array([30, 9, 1])), rtol=1e-6)
    # What is drawn more often is not weighted as well, and yet is what validation goes by.
    assert balancing_weights(RARE, "single", "sampling").tolist() == [1, 1, 1]
    np.testing.assert_allclose(judging_weights(RARE, "single", "sampling"), weights)
    assert judging_weights(RARE, "single", "none").tolist() == [1, 1, 1]
    np.testing.assert_allclose(balancing_weights(RARE, "multi", "weights"), [1, 31 / 9, 39])


@given(st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3), min_size=1, max_size=40))
def test_positives_weigh_as_much_as_negatives_within_bounds(rows: list[list[int]]) -> None:
    targets = np.array(rows, np.uint8)
    weights = positive_weights(targets)
    assert ((weights >= 1) & (weights <= MOST)).all()
    positive = targets.sum(axis=0)
    fewer = (positive > 0) & (positive * 2 <= len(targets))
    np.testing.assert_allclose((weights * positive)[fewer], (len(targets) - positive)[fewer])
