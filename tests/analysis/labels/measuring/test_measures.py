"""Measures of labels are those of scikit-learn; what no image has does not count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    confusion_matrix,
    precision_recall_fscore_support,
    roc_auc_score,
)
from sklearn.metrics import log_loss as log_loss_of

from analysis.labels.classifier import to_probabilities
from analysis.labels.heads import MODES, Mode
from analysis.labels.measuring.measures import Answers, headline, log_loss, measure, recorded
from tests.analysis.labels.toys import drawn_targets, names, scored

CASES = st.tuples(
    st.sampled_from(MODES), st.integers(1, 40), st.integers(2, 6), st.integers(0, 10**6)
)


def answers_of(mode: Mode, count: int, classes: int, seed: int) -> Answers:
    targets = drawn_targets(count, classes, mode, seed)
    # Rounded, so that many images have the same score.
    logits = np.round(scored(targets, seed + 1, signal=1.0))
    return Answers.of(targets, to_probabilities(logits, mode), mode)


@settings(max_examples=40, deadline=None)
@given(CASES)
def test_as_in_scikit_learn(case: tuple[Mode, int, int, int]) -> None:
    mode, _, classes, _ = case
    answers = answers_of(*case)
    found = measure(answers, names(classes), mode)
    true, said = answers.targets, answers.accepted
    measured = np.flatnonzero(true.any(axis=0))
    assert found["test"]["accuracy"] == recorded(accuracy_score(true, said))
    expected = {
        average: precision_recall_fscore_support(
            true, said, average=average, labels=labels, zero_division=0
        )
        for average, labels in (("macro", measured), ("micro", None), ("weighted", None))
        if len(measured)
    }
    for average, values in expected.items():
        for name, value in zip(("precision", "recall", "f1"), values[:3], strict=True):
            assert found["test"][name][average] == pytest.approx(value, abs=1e-6)
    each = [(true[:, at], answers.probabilities[:, at]) for at in measured]
    if each:
        mean = np.mean([average_precision_score(*one) for one in each])
        assert found["map"] == found["test"]["map"] == pytest.approx(mean, abs=1e-6)
    apart = [roc_auc_score(*one) for one in each if not one[0].all()]
    assert found["test"]["auc"] == (pytest.approx(np.mean(apart), abs=1e-6) if apart else None)
    assert headline(answers) == {name: found[name] for name in ("accuracy", "f1_macro", "map")}


@settings(max_examples=30, deadline=None)
@given(CASES)
def test_by_class_as_in_scikit_learn(case: tuple[Mode, int, int, int]) -> None:
    mode, _, classes, _ = case
    answers = answers_of(*case)
    found = measure(answers, names(classes), mode)
    values = precision_recall_fscore_support(
        answers.targets, answers.accepted, average=None, zero_division=0
    )
    for at, told in enumerate(found["per_class"]):
        assert told["support"] == values[3][at]
        if told["support"]:
            for name, each in zip(("precision", "recall", "f1"), values[:3], strict=True):
                assert told[name] == pytest.approx(each[at], abs=1e-6)
        else:
            assert told["label"] in found["unmeasured"]
            assert {told[name] for name in ("precision", "recall", "f1", "ap", "auc")} == {None}
    if mode == "single":
        true, said = answers.targets.argmax(axis=1), answers.accepted.argmax(axis=1)
        expected = confusion_matrix(true, said, labels=range(classes))
        assert found["confusion"] == expected.tolist()
    else:
        assert found["confusion"] is None


@settings(max_examples=30, deadline=None)
@given(CASES)
def test_log_loss_as_in_scikit_learn(case: tuple[Mode, int, int, int]) -> None:
    mode, _, classes, _ = case
    answers = answers_of(*case)
    true, sure = answers.targets, answers.probabilities
    if mode == "single":
        expected = log_loss_of(true.argmax(axis=1), sure, labels=range(classes))
    else:
        columns = zip(true.T, sure.T, strict=True)
        expected = np.mean([log_loss_of(*one, labels=[False, True]) for one in columns])
    assert log_loss(true, sure, mode) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_a_class_that_no_image_has_does_not_count() -> None:
    targets = np.eye(3, dtype=np.uint8)[[0, 0, 1, 1]]
    said = np.array(
        [[0.8, 0.1, 0.1], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]], np.float32
    )
    found = measure(Answers.of(targets, said, "single"), names(3), "single")
    assert found["unmeasured"] == ["label 02"]
    # Of the two others, F1 is 1 and 2/3; what was said wrongly counts in the accuracy.
    assert found["f1_macro"] == pytest.approx(5 / 6, abs=1e-6)
    assert found["accuracy"] == 0.75
    assert found["per_class"][2]["f1"] is None


def test_one_label_alone_and_none_that_is_true() -> None:
    said = np.array([[0.9], [0.2], [0.7]], np.float32)
    one = measure(Answers.of(np.array([[1], [0], [0]]), said, "multi"), names(1), "multi")
    assert (one["accuracy"], one["map"], one["test"]["auc"]) == (0.666667, 1.0, 1.0)
    assert one["per_class"][0]["precision"] == 0.5
    nothing = measure(Answers.of(np.zeros((3, 1)), said, "multi"), names(1), "multi")
    assert (nothing["accuracy"], nothing["f1_macro"], nothing["map"]) == (0.333333, None, None)


def test_labels_count_from_their_threshold_on() -> None:
    said = np.array([[0.4, 0.4], [0.6, 0.3]], np.float32)
    limits = np.array([0.6, 0.35], np.float32)
    answers = Answers.of(np.zeros((2, 2)), said, "multi", limits)
    assert answers.accepted.tolist() == [[False, True], [True, False]]
    assert Answers.of(np.zeros((2, 2)), said, "multi").accepted.tolist() == [
        [False, False],
        [True, False],
    ]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_only_finite_numbers_are_recorded(value: float) -> None:
    assert recorded(value) is None
    assert recorded(np.float32(1 / 3)) == 0.333333
