"""Curves keep their ends and their area when they are thinned."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.labels.classifier import to_probabilities
from analysis.labels.measuring.curves import MOST_CLASSES, POINTS, curves, thinned
from analysis.labels.measuring.measures import Answers, areas, average_precisions
from tests.analysis.labels.toys import drawn_targets, names, scored


def answers_of(count: int, classes: int, seed: int = 0) -> Answers:
    targets = drawn_targets(count, classes, "multi", seed)
    return Answers.of(targets, to_probabilities(scored(targets, seed), "multi"), "multi")


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 400), st.integers(0, 10**6))
def test_thinned_with_both_ends(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = np.sort(rng.random(count)), rng.random(count)
    xs, ys = thinned(x, y)
    assert len(xs) == len(ys) <= POINTS
    assert (xs[0], ys[0], xs[-1], ys[-1]) == (x[0], y[0], x[-1], y[-1])
    assert set(zip(xs, ys, strict=True)) <= set(zip(x, y, strict=True))


def test_the_area_below_is_that_which_is_measured() -> None:
    answers = answers_of(3000, 2)
    found = curves(answers, names(2))
    for at, label in enumerate(names(2)):
        roc, recalled = found["roc"][label], found["precision_recall"][label]
        assert np.trapezoid(roc["tpr"], roc["fpr"]) == pytest.approx(areas(answers)[at], abs=0.01)
        area = np.trapezoid(recalled["precision"], recalled["recall"])
        assert area == pytest.approx(average_precisions(answers)[at], abs=0.02)
        assert (roc["fpr"][0], roc["tpr"][0], roc["fpr"][-1], roc["tpr"][-1]) == (0, 0, 1, 1)
        assert (recalled["recall"][0], recalled["recall"][-1]) == (0, 1)
    json.dumps(found, allow_nan=False)


def test_of_the_classes_with_most_images() -> None:
    answers = answers_of(300, MOST_CLASSES + 4)
    found = curves(answers, names(MOST_CLASSES + 4))["roc"]
    support = answers.targets.sum(axis=0)
    assert list(found) == sorted(found)
    assert len(found) == MOST_CLASSES
    drawn = [at for at, label in enumerate(names(len(support))) if label in found]
    left = np.setdiff1d(np.arange(len(support)), drawn)
    assert support[drawn].min() >= support[left].max()


def test_what_cannot_be_told_apart_has_none() -> None:
    targets = np.array([[1, 0, 1], [1, 0, 0]], np.uint8)
    answers = Answers.of(targets, np.full((2, 3), 0.5, np.float32), "multi")
    assert list(curves(answers, names(3))["roc"]) == ["label 02"]
