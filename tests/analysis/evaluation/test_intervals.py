"""Intervals hold the mean, are wider by artist, and are the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.evaluation.intervals import Interval, Resampling, drawn_by
from tests.analysis.evaluation.labels import labelled


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5)), min_size=1, max_size=40))
def test_between_the_least_and_the_greatest(found: list[tuple[float, int]]) -> None:
    values = np.array([value for value, _ in found])
    groups = np.array([group for _, group in found])
    interval = Resampling(groups).interval(values)
    assert interval.mean == pytest.approx(values.mean())
    assert values.min() - 1e-6 <= interval.low <= interval.high <= values.max() + 1e-6
    assert interval == Resampling(groups).interval(values)


def test_about_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.1, 400)
    interval = Resampling(np.arange(400)).interval(values)
    half = 1.96 * values.std() / 20
    assert interval.low == pytest.approx(values.mean() - half, abs=half / 4)
    assert interval.high == pytest.approx(values.mean() + half, abs=half / 4)


def test_works_by_one_artist_do_not_count_as_many() -> None:
    values = np.repeat([0.2, 0.9, 0.4, 0.6], 50)
    narrow = Resampling(np.arange(200)).interval(values)
    wide = Resampling(np.repeat([1, 2, 3, 4], 50)).interval(values)
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_what_is_not_a_number_does_not_count() -> None:
    values = np.array([0.2, np.nan, 0.6, 0.4, np.nan])
    groups = np.array([1, 1, 2, 3, 4])
    interval = Resampling(groups).interval(values)
    assert interval.mean == pytest.approx(0.4)
    assert 0.2 <= interval.low < interval.high <= 0.6
    assert Resampling(groups).interval(np.full(5, np.nan)) == Interval(0.0, 0.0, 0.0)


def test_few_and_none() -> None:
    assert Resampling(np.array([5, 5])).interval(np.array([0.0, 1.0])) == Interval(0.5, 0.0, 1.0)
    nobody = np.array([], np.int64)
    assert Resampling(nobody).interval(np.array([])) == Interval(0.0, 0.0, 0.0)
    assert Interval(0.1, 0.01, 0.2).above_zero
    assert not Interval(0.1, -0.01, 0.2).above_zero


@pytest.mark.parametrize(("artists", "drawn"), [(10, "artists"), (9, "works")])
def test_by_artist_where_there_are_enough(artists: int, drawn: str) -> None:
    labels = labelled(style=["a"] * 30, artists=[at % artists for at in range(30)])
    groups, named = drawn_by(labels, np.arange(30))
    assert named == drawn
    assert len(np.unique(groups)) == (artists if drawn == "artists" else 30)
