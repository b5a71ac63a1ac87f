"""Measures against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.colors.classes.measures import accuracy, macro_f1, measures

TRUE = np.array(["blue", "blue", "blue", "red", "red", "green"])
SAID = np.array(["blue", "blue", "red", "red", "red", "red"])
CLASSES = ["blue", "green", "red"]
PROBABILITIES = np.array(
    [[0.9, 0, 0.1], [0.8, 0, 0.2], [0.15, 0, 0.85], [0.1, 0.1, 0.8], [0, 0.1, 0.9], [0.1, 0.4, 0.5]]
)


def test_each_class() -> None:
    found = measures(TRUE, SAID, PROBABILITIES, CLASSES)
    assert found["confusion"] == [[2, 0, 1], [0, 0, 1], [0, 0, 2]]
    assert found["support"] == {"blue": 3, "green": 1, "red": 2}
    assert found["per_class"]["blue"] == {"precision": 1.0, "recall": 0.666667, "f1": 0.8}
    assert found["per_class"]["red"] == {"precision": 0.5, "recall": 1.0, "f1": 0.666667}
    assert found["per_class"]["green"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_averages() -> None:
    found = measures(TRUE, SAID, PROBABILITIES, CLASSES)["averages"]
    assert found["micro"]["f1"] == accuracy(TRUE, SAID) == pytest.approx(4 / 6, abs=1e-6)
    assert found["macro"]["f1"] == pytest.approx((0.8 + 0 + 2 / 3) / 3, abs=1e-6)
    assert found["macro"]["f1"] == macro_f1(TRUE, SAID)
    assert found["weighted"]["recall"] == pytest.approx((3 * 2 / 3 + 0 + 2 * 1) / 6, abs=1e-6)


def test_rankings() -> None:
    found = measures(TRUE, SAID, PROBABILITIES, CLASSES)
    # Each green and blue is ranked before what is not; one of the reds comes behind a blue.
    assert found["roc_auc"] == pytest.approx((1 + 1 + 7 / 8) / 3, abs=1e-6)
    assert found["mean_average_precision"] < 1
    best = measures(TRUE, TRUE, (TRUE[:, None] == CLASSES).astype(float), CLASSES)
    assert (best["roc_auc"], best["mean_average_precision"]) == (1.0, 1.0)


def test_macro_f1_counts_the_classes_of_a_fold_only() -> None:
    one = np.array(["red", "red"])
    assert macro_f1(one, one) == 1.0
