"""Scores that are right as they are stay so; those that are too sure, or too unsure, are mended."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.labels.classifier import to_probabilities
from analysis.labels.heads import MODES, Mode
from analysis.labels.measuring.calibration import (
    BINS,
    BOUNDS,
    LEAST_IMAGES,
    choose_temperature,
    reliability,
)
from analysis.labels.measuring.measures import Answers
from tests.analysis.labels.toys import drawn_targets, scored, true_to


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("factor", [1 / 3, 1.0, 3.0])
def test_the_temperature_is_how_much_too_sure_scores_are(mode: Mode, factor: float) -> None:
    logits = np.random.default_rng(0).normal(0, 2, (4000, 5))
    truth = true_to(logits, mode, seed=1)
    found = choose_temperature(truth, (factor * logits).astype(np.float32), mode)
    assert found.value == pytest.approx(factor, rel=0.06)
    assert found.note is None


@pytest.mark.parametrize("mode", MODES)
def test_what_is_calibrated_has_hardly_an_error(mode: Mode) -> None:
    logits = np.random.default_rng(2).normal(0, 2, (20_000, 4))
    truth = true_to(logits, mode, seed=3)

    def error(factor: float) -> float:
        scores = (factor * logits).astype(np.float32)
        found: float = reliability(Answers.of(truth, to_probabilities(scores, mode), mode), mode)[
            "ece"
        ]
        return found

    assert error(1) < 0.01
    assert error(3) > 5 * error(1)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_told_rightly_throughout_is_not_taken_for_certain(mode: Mode) -> None:
    truth = drawn_targets(100, 4, mode, seed=4)
    logits = np.where(truth > 0, 4, -4).astype(np.float32)
    found = choose_temperature(truth, logits, mode)
    assert BOUNDS[0] < found.value < BOUNDS[1]
    sure = to_probabilities(logits, mode, found.value)
    wrong = 1 - np.where(truth > 0, sure, 1 - sure).min()
    # About as sure as 100 right answers allow.
    assert 1 / 2000 < wrong < 1 / 50


@pytest.mark.parametrize(
    ("mode", "truth", "why"),
    [
        ("single", np.eye(3, dtype=np.uint8)[np.arange(LEAST_IMAGES - 1) % 3], "19 validation"),
        ("single", np.eye(3, dtype=np.uint8)[np.zeros(50, int)], "one class"),
        ("multi", np.zeros((50, 3), np.uint8), "or none"),
        ("multi", np.zeros((0, 3), np.uint8), "0 validation"),
    ],
)
def test_where_nothing_can_choose_it_is_1(mode: Mode, truth: np.ndarray, why: str) -> None:
    found = choose_temperature(truth, scored(truth, 0), mode)
    assert found.value == 1
    assert found.note is not None
    assert why in found.note


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(MODES), st.integers(1, 60), st.integers(0, 10**6))
def test_bins_hold_everything_once(mode: Mode, count: int, seed: int) -> None:
    truth = drawn_targets(count, 3, mode, seed)
    sure = to_probabilities(scored(truth, seed), mode)
    found = reliability(Answers.of(truth, sure, mode), mode)
    bins = found["bins"]
    assert len(bins) == BINS
    assert sum(one["count"] for one in bins) == (count if mode == "single" else 3 * count)
    expected, total = 0.0, 0
    for one in bins:
        assert (one["confidence"] is None) == (one["accuracy"] is None) == (one["count"] == 0)
        if one["count"]:
            assert one["low"] - 1e-6 <= one["confidence"] <= one["high"] + 1e-6
            expected += one["count"] * abs(one["confidence"] - one["accuracy"])
            total += one["count"]
    assert found["ece"] == pytest.approx(expected / total, abs=1e-5)


def test_the_ends_are_in_the_first_and_the_last_bin() -> None:
    sure = np.array([[0.0], [1.0]], np.float32)
    bins = reliability(Answers.of(np.array([[0], [1]]), sure, "multi"), "multi")["bins"]
    assert (bins[0]["count"], bins[-1]["count"]) == (1, 1)
