"""Labels that do not overlap."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.plots.spread import spread

LABELS = st.lists(st.tuples(st.floats(0, 1000), st.floats(1, 80)), min_size=1, max_size=12).map(
    lambda labels: sorted(labels, key=lambda label: label[0])
)


@given(LABELS)
def test_labels_never_touch_and_stay_inside(labels: list[tuple[float, float]]) -> None:
    wanted, sizes = [place for place, _ in labels], [size for _, size in labels]
    places = spread(wanted, sizes, 0, 1000)
    edges = [
        (place - size / 2, place + size / 2) for place, size in zip(places, sizes, strict=True)
    ]
    assert edges[0][0] >= -1e-6
    assert edges[-1][1] <= 1000 + 1e-6
    for (_, end), (start, _) in pairwise(edges):
        assert start >= end - 1e-6


@given(st.lists(st.integers(0, 20), min_size=1, max_size=8, unique=True))
def test_what_has_room_is_not_moved(numbers: list[int]) -> None:
    wanted = [20.0 * number + 10 for number in sorted(numbers)]
    assert spread(wanted, [20] * len(wanted), 0, 420) == pytest.approx(wanted)


def test_labels_share_the_way() -> None:
    assert spread([50, 50], [20, 20], 0, 100) == [40, 60]
    assert spread([0, 0, 0], [10, 10, 10], 0, 100) == [5, 15, 25]
    assert spread([98, 99], [10, 30], 0, 100) == [65, 85]
    assert spread([], [], 0, 100) == []
