"""The fixed classes: shares of basic colour terms, and what words stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.colors.classes.rules import term_of_label, term_shares
from analysis.colors.conversion import hex_to_rgb, rgb_to_lab
from analysis.colors.names import BASIC_TERMS

HEX = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


def lab_of(*colors: str) -> list[list[float]]:
    return [rgb_to_lab(hex_to_rgb(color)).tolist() for color in colors]


def test_shares_of_one_term_add_up() -> None:
    lab = lab_of("#102a80", "#d02020", "#3060d0", "#000000")
    shares = term_shares(lab, [0.3, 0.35, 0.25, 0.1])
    assert list(shares) == ["blue", "red", "black"]
    assert shares["blue"] == pytest.approx(0.55)


def test_of_equal_shares_the_first_color_is_first() -> None:
    assert list(term_shares(lab_of("#d02020", "#102a80"), [0.5, 0.5])) == ["red", "blue"]
    assert list(term_shares(lab_of("#102a80", "#d02020"), [0.5, 0.5])) == ["blue", "red"]


def test_no_palette_says_nothing() -> None:
    assert term_shares([], []) == {}


@given(st.lists(HEX, min_size=1, max_size=8))
def test_shares_add_up_to_the_palette(colors: list[str]) -> None:
    shares = term_shares(lab_of(*colors), [1 / len(colors)] * len(colors))
    assert sum(shares.values()) == pytest.approx(1)
    assert set(shares) <= set(BASIC_TERMS)
    assert sorted(shares.values(), reverse=True) == list(shares.values())


@pytest.mark.parametrize(
    ("label", "term"),
    [
        ("red", "red"),
        ("Grey", "gray"),
        ("violet", "purple"),
        ("light blue", "blue"),
        ("darkgreen", "green"),
        ("gold", "yellow"),
        ("autumn", None),
        ("", None),
    ],
)
def test_words_that_sites_use(label: str, term: str | None) -> None:
    assert term_of_label(label) == term
