"""What is said without looking is worth what arithmetic says."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.labels.classifier import to_probabilities
from analysis.labels.measuring.baselines import baselines
from analysis.labels.measuring.measures import Answers, headline
from tests.analysis.labels.toys import drawn_targets

TRAIN = np.eye(3, dtype=np.uint8)[[0] * 5 + [1] * 3 + [2] * 2]
TEST = np.eye(3, dtype=np.uint8)[[0] * 4 + [1] * 4 + [2] * 2]


def test_of_single_labels() -> None:
    found = baselines(TRAIN, TEST, "single")
    assert list(found) == ["majority", "base_rate"]
    assert found["majority"] == {
        "accuracy": 0.4,
        # Of the first class, precision 0.4 and recall 1; of the others, nothing.
        "f1_macro": pytest.approx(2 * 0.4 / 1.4 / 3, abs=1e-6),
        "map": pytest.approx(1 / 3, abs=1e-6),
        "auc": 0.5,
        "log_loss": None,
    }
    rates, shares = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.4, 0.2])
    assert found["base_rate"] == {
        "accuracy": pytest.approx(0.5 * 0.4 + 0.3 * 0.4 + 0.2 * 0.2),
        "f1_macro": pytest.approx((2 * rates * shares / (rates + shares)).mean(), abs=1e-6),
        "map": pytest.approx(1 / 3, abs=1e-6),
        "auc": 0.5,
        "log_loss": pytest.approx(-(shares * np.log(rates)).sum(), abs=1e-6),
    }


def test_of_several_labels() -> None:
    train = np.array([[1, 0, 1], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.uint8)
    test = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0]], np.uint8)
    found = baselines(train, test, "multi")
    assert list(found) == ["majority", "base_rate", "all_zero"]
    # One image has exactly the first label, and one has none; nothing is known of the third.
    assert found["majority"]["accuracy"] == found["all_zero"]["accuracy"] == 0.25
    assert found["majority"]["f1_macro"] == pytest.approx(2 / 3 / 2, abs=1e-6)
    assert found["all_zero"]["f1_macro"] == 0
    assert {one["auc"] for one in found.values()} == {0.5}
    assert {one["map"] for one in found.values()} == {0.5}
    assert found["all_zero"]["log_loss"] is None
    # Labels at 3/4, 1/2 and 1/4, drawn each by itself.
    exactly = [3 / 4 * 1 / 2, 3 / 4 * 1 / 2, 1 / 4 * 1 / 2, 1 / 4 * 1 / 2]
    assert found["base_rate"]["accuracy"] == pytest.approx(np.mean(exactly) * 3 / 4)


@pytest.mark.parametrize("mode", ["single", "multi"])
def test_guessing_comes_to_what_is_expected(mode) -> None:
    train, test = drawn_targets(500, 3, mode, 0), drawn_targets(20_000, 3, mode, 1)
    rates, rng = train.mean(axis=0), np.random.default_rng(2)
    if mode == "single":
        said = np.eye(3, dtype=np.float32)[rng.choice(3, len(test), p=rates)]
    else:
        said = (rng.random(test.shape) < rates).astype(np.float32)
    guessed = headline(Answers.of(test, said, mode))
    expected = baselines(train, test, mode)["base_rate"]
    assert guessed["accuracy"] == pytest.approx(expected["accuracy"], abs=0.015)
    assert guessed["f1_macro"] == pytest.approx(expected["f1_macro"], abs=0.015)


def test_a_class_that_nothing_taught_has_no_log_loss() -> None:
    train = np.eye(3, dtype=np.uint8)[[0, 0, 1]]
    assert baselines(train, TEST, "single")["base_rate"]["log_loss"] is None


def test_one_class_alone_is_told_rightly_and_told_apart_from_nothing() -> None:
    alone = np.eye(2, dtype=np.uint8)[[0, 0, 0]]
    found = baselines(alone, alone, "single")["majority"]
    assert found == {"accuracy": 1, "f1_macro": 1, "map": 1, "auc": None, "log_loss": 0}
    assert to_probabilities(np.zeros((1, 2), np.float32), "single").sum() == 1
