"""Weights, scales and the mean of the parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import WrongWeights
from analysis.similarity.comparison import closeness
from analysis.similarity.score import (
    DEFAULT_WEIGHTS,
    MEDIANS,
    QUANTILES,
    SHARES,
    Part,
    Weights,
    combined,
    scaled,
    share_nearer,
)

weights = st.dictionaries(
    st.sampled_from(list(Part)), st.floats(1e-3, 1e3), min_size=1, max_size=3
).map(Weights.make)
distances = st.lists(st.floats(0, 1), min_size=3, max_size=3)


def test_weights_are_read_in_any_proportion() -> None:
    read = Weights.parse(" meaning=3, color=1 ")
    assert read.as_dict() == {"meaning": 0.75, "color": 0.25, "composition": 0.0}
    assert read.leading is Part.MEANING
    assert str(read) == "meaning 75%, color 25%"
    assert Weights.parse("composition=1e-300,color=0").as_dict()["composition"] == 1.0
    assert DEFAULT_WEIGHTS.leading is Part.MEANING


@pytest.mark.parametrize(
    ("said", "cure"),
    [
        ("", "meaning, color, composition"),
        ("size=1", "meaning, color, composition"),
        ("meaning", "meaning=0.6"),
        ("meaning=much", "give a number"),
        ("meaning=-1", "give none below"),
        ("meaning=nan", "give none below"),
        ("meaning=inf", "give none below"),
        ("meaning=0,color=0", "meaning=1"),
        ("meaning=1,meaning=2", "give it one"),
    ],
)
def test_other_weights_are_refused_with_the_cure(said: str, cure: str) -> None:
    with pytest.raises(WrongWeights, match=cure):
        Weights.parse(said)


@given(weights)
def test_weights_add_up_to_one_the_heaviest_first(made: Weights) -> None:
    shares = list(made.shares.values())
    assert sum(shares) == pytest.approx(1.0)
    assert shares == sorted(shares, reverse=True)


@given(weights, distances)
def test_the_mean_lies_between_its_parts(made: Weights, values: list[float]) -> None:
    parts = {part: np.array([value]) for part, value in zip(Part, values, strict=True)}
    known = [values[list(Part).index(part)] for part in made.shares]
    [mean] = combined(parts, made)
    assert min(known) - 1e-9 <= mean <= max(known) + 1e-9


def test_what_is_missing_is_left_out_of_the_mean() -> None:
    made = Weights.parse("meaning=2,color=1,composition=1")
    parts = {
        Part.MEANING: np.array([0.2, np.nan, np.nan]),
        Part.COLOR: np.array([0.6, 0.6, np.nan]),
    }
    mean = combined(parts, made)
    assert mean[:2] == pytest.approx([(2 * 0.2 + 0.6) / 3, 0.6])
    assert np.isnan(mean[2])


def test_one_on_the_scale_is_what_two_drawn_by_lot_are_apart() -> None:
    raw = np.array([0.0, 8.35, 16.7, 50.0, np.nan])
    assert scaled(raw, MEDIANS[Part.COLOR]) == pytest.approx([0, 0.5, 1, 1, np.nan], nan_ok=True)
    for part in Part:
        assert list(QUANTILES[part]) == sorted(QUANTILES[part])
        assert share_nearer(part, MEDIANS[part]) == pytest.approx(0.5)
        assert share_nearer(part, 0.0) == 0.0
        assert share_nearer(part, 1e9) == 1.0
        assert share_nearer(part, QUANTILES[part][0] / 2) == pytest.approx(SHARES[0] / 2)


def test_closeness_is_told_from_the_nearer_side() -> None:
    assert closeness(0.03) == "closer than 97 %"
    assert closeness(0.8) == "farther apart than 80 %"
    assert closeness(0.0) == "closer than 99.9 %"
    assert closeness(0.0035) == "closer than 99.7 %"
