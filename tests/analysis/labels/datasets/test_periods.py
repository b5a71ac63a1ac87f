"""Centuries and spans of years are named as people name them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import WrongDataset
from analysis.labels.datasets.periods import binned, centuries, ordinal

YEARS = st.integers(-50_000, 4000)


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        (1801, 1900, "19th century"),
        (1901, 2000, "20th century"),
        (2001, 2001, "21st century"),
        (1001, 1100, "11th century"),
        (101, 200, "2nd century"),
        (1, 100, "1st century"),
        (-100, -1, "1st century bce"),
        (-500, -401, "5th century bce"),
        (-30_000, -29_901, "300th century bce"),
        (-50_000, -45_000, "before the 400th century bce"),
        (1900, 1901, None),
        (-1, 1, None),
        (-101, -100, None),
    ],
)
def test_centuries(first: int, last: int, name: str | None) -> None:
    assert centuries().name_of(first, last) == name


def test_each_period_has_a_name_of_its_own() -> None:
    periods = centuries()
    assert len(set(periods.names)) == len(periods.names) == len(periods.starts) + 1
    assert all(one < after for one, after in pairwise(periods.starts))
    assert [ordinal(one) for one in (1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "101st", "111th"]
    )


@given(st.sets(YEARS, min_size=1, max_size=6), YEARS)
def test_every_year_lies_in_one_span(years: set[int], year: int) -> None:
    periods = binned(sorted(years))
    name = periods.name_of(year, year)
    assert name is not None
    assert periods.names.index(name) == sum(one <= year for one in years)


def test_spans_are_written_as_people_write_them() -> None:
    assert binned((1850, 1900, 1901)).names == (
        "before 1850",
        "1850–1899",
        "1900",
        "1901 and later",
    )
    assert binned((-50, 50)).names == ("before -50", "-50 to 49", "50 and later")


@pytest.mark.parametrize("years", [(), (1900, 1850), (1900, 1900)])
def test_years_that_do_not_ascend_are_said(years: tuple[int, ...]) -> None:
    with pytest.raises(WrongDataset, match="do not ascend"):
        binned(years)
