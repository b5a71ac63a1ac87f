"""The distance of palettes: a metric of what must be moved."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from analysis.colors.difference import ciede2000
from analysis.similarity.palettes import PaletteColors, palette_distance, palette_distances


@st.composite
def palettes(draw: st.DrawFn) -> PaletteColors:
    count = draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lab = rng.uniform((0, -60, -60), (100, 60, 60), (count, 3))
    return PaletteColors(lab, rng.uniform(0.02, 1.0, count))


def moved(one: PaletteColors, other: PaletteColors) -> float:
    """The least cost of moving shares, as a linear program."""
    costs = ciede2000(one.lab[:, None], other.lab)
    rows, columns = costs.shape
    taken = np.kron(np.eye(rows), np.ones(columns))
    given_to = np.kron(np.ones(rows), np.eye(columns))
    shares = np.concatenate([one.shares / one.shares.sum(), other.shares / other.shares.sum()])
    return float(linprog(costs.ravel(), A_eq=np.vstack([taken, given_to]), b_eq=shares).fun)


@given(palettes(), palettes())
def test_it_is_the_least_that_must_be_moved(one: PaletteColors, other: PaletteColors) -> None:
    assert palette_distance(one, other) == pytest.approx(moved(one, other), abs=2e-3)
    assert palette_distance(one, other) == pytest.approx(palette_distance(other, one), abs=2e-3)


@given(palettes(), st.randoms(use_true_random=False))
def test_equal_palettes_are_at_zero_in_any_order(one: PaletteColors, random) -> None:  # type: ignore[no-untyped-def]
    order = list(range(len(one.lab)))
    random.shuffle(order)
    other = PaletteColors(one.lab[order], 3 * one.shares[order])
    assert palette_distance(one, other) == pytest.approx(0.0, abs=1e-3)


@given(palettes(), st.lists(palettes(), max_size=4))
def test_many_are_compared_as_one_by_one(one: PaletteColors, many: list[PaletteColors]) -> None:
    assert palette_distances(one, many).tolist() == [palette_distance(one, other) for other in many]


def test_proportions_count() -> None:
    lab = np.array([[50.0, 0.0, 0.0], [80.0, 0.0, 0.0]])
    dark, light = (PaletteColors(lab, np.array(shares)) for shares in ([0.9, 0.1], [0.1, 0.9]))
    difference = float(ciede2000(lab[0], lab[1]))
    assert palette_distance(dark, light) == pytest.approx(0.8 * difference, rel=1e-4)
