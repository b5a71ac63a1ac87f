"""Shares of colours, periods and the order of a wall: pure functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.colors.conversion import hex_to_rgb, rgb_to_lab
from analysis.colors.names import BASIC_TERMS, basic_term
from analysis.reports.periods import MOST_PERIODS, STEPS, Period, choose_step
from analysis.reports.shares import TERM_ORDER, Cell, term_shares
from analysis.reports.wall import WallColumn, column_of, sorted_columns

CHANNEL = st.integers(0, 255)
CELLS = st.lists(
    st.builds(
        lambda rgb, weight: Cell(weight, tuple(float(value) for value in rgb_to_lab(rgb))),
        st.tuples(CHANNEL, CHANNEL, CHANNEL),
        st.floats(0.01, 100),
    ),
    min_size=1,
    max_size=30,
)


def cell(code: str, weight: float = 1.0) -> Cell:
    lightness, a, b = (float(value) for value in rgb_to_lab(hex_to_rgb(code)))
    return Cell(weight, (lightness, a, b))


@given(CELLS)
def test_shares_add_up(cells: list[Cell]) -> None:
    shares = term_shares(cells)
    assert sum(share.share for share in shares) == pytest.approx(1)
    assert sum(share.weight for share in shares) == pytest.approx(
        sum(cell.weight for cell in cells)
    )
    for share in shares:
        assert sum(shade.share for shade in share.shades) == pytest.approx(share.share)
        lightness = [float(rgb_to_lab(shade.rgb)[0]) for shade in share.shades]
        assert lightness == sorted(lightness, reverse=True)
    terms = [share.term for share in shares]
    assert terms == [term for term in TERM_ORDER if term in terms]
    assert set(terms) == {basic_term(cell.lab) for cell in cells}


def test_terms_in_order() -> None:
    assert sorted(TERM_ORDER) == sorted(BASIC_TERMS)
    shares = term_shares([cell("#000000", 2), cell("#c02020", 1), cell("#c02020", 0)])
    assert [(share.term, share.weight, share.rgb) for share in shares] == [
        ("red", 1, (192, 32, 32)),
        ("black", 2, (0, 0, 0)),
    ]
    assert [share.share for share in shares] == [pytest.approx(1 / 3), pytest.approx(2 / 3)]
    assert term_shares([]) == ()


@given(st.integers(-3000, 2100), st.integers(0, 5000))
def test_periods_fit(first: int, span: int) -> None:
    step = choose_step(first, first + span)
    assert (first + span) // step - first // step + 1 <= MOST_PERIODS
    shorter = [other for other in STEPS if other < step]
    assert all((first + span) // other - first // other + 1 > MOST_PERIODS for other in shorter)


@pytest.mark.parametrize(
    ("first", "years", "label"),
    [
        (1890, 10, "1890s"),
        (1890, 1, "1890"),
        (1850, 25, "1850–74"),
        (1900, 100, "1900–99"),
        (1800, 250, "1800–2049"),
        (-500, 100, "-500–-401"),
        (-10, 10, "-10–-1"),
    ],
)
def test_what_a_period_is_called(first: int, years: int, label: str) -> None:
    assert Period(first, years, 1, ()).label == label


def column(code: str, year: int | None = None) -> WallColumn:
    return column_of([code], [1.0], [cell(code).lab], title=code, year=year)


def test_the_order_of_a_wall() -> None:
    codes = ["#202020", "#2040b0", "#c02020", "#f0f0f0", "#208040", "#8040a0"]
    columns = [column(code) for code in codes]
    by_hue = [one.title for one in sorted_columns(columns, "hue")]
    assert by_hue == ["#c02020", "#208040", "#2040b0", "#8040a0", "#f0f0f0", "#202020"]
    by_lightness = [one.title for one in sorted_columns(columns, "lightness")]
    assert (by_lightness[0], by_lightness[-1]) == ("#f0f0f0", "#202020")
    dated = [column("#202020", 1950), column("#c02020", 1900), column("#f0f0f0", 1925)]
    assert [one.year for one in sorted_columns(dated, "year")] == [1900, 1925, 1950]


def test_a_column_has_light_colors_first_and_shares_of_one() -> None:
    made = column_of(["#202020", "#f0f0f0"], [1.5, 0.5], [cell("#202020").lab, cell("#f0f0f0").lab])
    assert made.colors == (hex_to_rgb("#f0f0f0"), hex_to_rgb("#202020"))
    assert made.fractions == (0.25, 0.75)
    lightness = 0.25 * cell("#f0f0f0").lab[0] + 0.75 * cell("#202020").lab[0]
    assert made.lab[0] == pytest.approx(lightness)
