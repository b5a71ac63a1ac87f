"""Names of colours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageColor

from analysis.colors.conversion import hex_to_rgb, rgb_to_lab
from analysis.colors.difference import ciede2000
from analysis.colors.names import BASIC_TERMS, CSS_COLORS, basic_term, nearest_names


def test_the_table_is_that_of_css() -> None:
    assert len(CSS_COLORS) == 148
    theirs = {name: ImageColor.getrgb(name) for name in ImageColor.colormap}
    assert theirs == {name: hex_to_rgb(code) for name, code in CSS_COLORS.items()}


def test_every_named_color_has_its_own_name() -> None:
    names = nearest_names([rgb_to_lab(hex_to_rgb(code)) for code in CSS_COLORS.values()])
    for name, found in zip(CSS_COLORS, names, strict=True):
        assert CSS_COLORS[found] == CSS_COLORS[name]
        assert "grey" not in found
        assert found not in {"aqua", "fuchsia"}


def test_nearest_name_of_a_color_between() -> None:
    assert nearest_names([rgb_to_lab((137, 44, 225)), rgb_to_lab((200, 30, 20))]) == (
        "blueviolet",
        "firebrick",
    )


@pytest.mark.parametrize(
    ("term", "names"),
    {
        "black": "black",
        "white": "white snow ivory azure ghostwhite floralwhite",
        "gray": "gray dimgray silver lightgray slategray gainsboro",
        "red": "red crimson firebrick darkred maroon indianred",
        "pink": "pink hotpink deeppink lightpink palevioletred",
        "orange": "orange darkorange orangered coral",
        "brown": "saddlebrown sienna tan peru burlywood",
        "yellow": "yellow gold khaki goldenrod lemonchiffon",
        "green": "green lime olive darkgreen seagreen aquamarine yellowgreen",
        "blue": "blue navy steelblue skyblue royalblue midnightblue cyan slateblue",
        "purple": "purple indigo violet orchid plum rebeccapurple magenta thistle",
    }.items(),
)
def test_basic_terms(term: str, names: str) -> None:
    assert term in BASIC_TERMS
    for name in names.split():
        assert basic_term(rgb_to_lab(hex_to_rgb(CSS_COLORS[name]))) == term, name


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_every_color_has_a_basic_term(rgb: tuple[int, int, int]) -> None:
    assert basic_term(rgb_to_lab(rgb)) in BASIC_TERMS


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_every_color_has_the_name_of_the_nearest(rgb: tuple[int, int, int]) -> None:
    lab = rgb_to_lab(rgb)
    (name,) = nearest_names([lab])
    named = {name: rgb_to_lab(hex_to_rgb(code)) for name, code in CSS_COLORS.items()}
    distances = ciede2000(np.array(list(named.values())), lab)
    assert ciede2000(named[name], lab) == pytest.approx(distances.min())
