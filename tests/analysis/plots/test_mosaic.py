"""Pictures on a grid: each has a cell of its own, near to where it belongs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numbers

from analysis.map.layout import Positions
from analysis.plots.mosaic import FILL, FLATTEST, Mosaic, arrange


def check(mosaic: Mosaic, places: Positions) -> None:
    assert mosaic.cells.shape == (len(places), 2)
    assert len(np.unique(mosaic.cells, axis=0)) == len(places)
    assert (mosaic.cells >= 0).all()
    assert (mosaic.cells < (mosaic.columns, mosaic.rows)).all()


@given(
    numbers.arrays(
        np.float64, st.tuples(st.integers(1, 40), st.just(2)), elements=st.floats(-1e3, 1e3)
    )
)
def test_no_two_pictures_share_a_cell(places: Positions) -> None:
    check(arrange(places), places)


@pytest.mark.parametrize("count", [1, 2, 50, 1200])
def test_pictures_are_near_to_where_they_belong(count: int) -> None:
    rng = np.random.default_rng(count)
    angle, radius = rng.random(count) * 2 * np.pi, np.sqrt(rng.random(count))
    places = np.column_stack([np.cos(angle) * radius, np.sin(angle) * radius])
    mosaic = arrange(places)
    check(mosaic, places)
    if count < 50:
        return
    assert count / (mosaic.columns * mosaic.rows) == pytest.approx(FILL, abs=0.1)
    for axis in (0, 1):
        likeness = np.corrcoef(places[:, axis], mosaic.cells[:, axis])[0, 1]
        assert likeness > 0.97
    again = arrange(places)
    np.testing.assert_array_equal(again.cells, mosaic.cells)


def test_islands_do_not_mix() -> None:
    rng = np.random.default_rng(1)
    middles = np.array([[0, 0], [10, 0], [5, 8]])
    places = np.repeat(middles, 40, axis=0) + 0.5 * rng.standard_normal((120, 2))
    mosaic = arrange(places)
    check(mosaic, places)
    of = np.repeat(np.arange(3), 40)
    touching = np.abs(mosaic.cells[:, None] - mosaic.cells[None]).sum(axis=2) == 1
    # They grow until they meet, and then do not mix.
    assert (of[:, None] != of)[touching].mean() < 0.1


@pytest.mark.parametrize(
    "places",
    [
        np.zeros((300, 2)),
        np.column_stack([np.arange(90.0), np.zeros(90)]),
        np.concatenate([np.zeros((150, 2)), np.random.default_rng(0).random((50, 2)) * 90]),
    ],
    ids=["one spot", "a line", "a crowd"],
)
def test_crowds_get_room(places: Positions) -> None:
    mosaic = arrange(places)
    check(mosaic, places)
    assert FLATTEST - 0.15 < mosaic.rows / mosaic.columns < 1 / FLATTEST + 0.15
