"""Harmony: which hues belong together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.colors.conversion import hex_to_rgb, rgb_to_lab
from analysis.colors.harmony import HARMONIES, chromas, hues, members, partners
from analysis.errors import NotAColor, WrongSearch


def lab_of(*hexes: str) -> np.ndarray:
    return rgb_to_lab([hex_to_rgb(color) for color in hexes])


def lch(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    angle = np.radians(hue)
    return lightness, float(chroma * np.cos(angle)), float(chroma * np.sin(angle))


def test_hues_and_chromas_are_those_of_published_primaries() -> None:
    # Lindbloom's calculator, sRGB under D65: LCh of red, green and blue.
    lab = lab_of("#ff0000", "#00ff00", "#0000ff")
    assert hues(lab) == pytest.approx([40.0, 136.0, 306.3], abs=0.05)
    assert chromas(lab) == pytest.approx([104.55, 119.78, 133.8], abs=0.05)


@given(st.floats(0, 360), st.sampled_from(sorted(HARMONIES)), st.floats(16, 90))
def test_partners_are_members_wherever_the_base_lies(base: float, kind: str, chroma: float) -> None:
    turns = (0.0, *HARMONIES[kind])
    lab = [lch(50, chroma, base + turn) for turn in turns]
    assert members(lab, base, kind).tolist() == np.eye(len(turns), dtype=bool).tolist()


@pytest.mark.parametrize(
    ("hue", "chroma", "is_partner"),
    [(180, 30, True), (194.9, 30, True), (165.1, 30, True), (195.1, 30, False), (180, 14.9, False)],
)
def test_partners_are_within_15_degrees_and_have_a_hue(
    hue: float, chroma: float, is_partner: bool
) -> None:
    assert members([lch(50, chroma, hue)], 0.0, "complementary").tolist() == [[False], [is_partner]]


def test_ideal_partners_are_as_light_and_as_vivid() -> None:
    color = "#8c6a5a"
    for kind in HARMONIES:
        lab = lab_of(color, *partners(color, kind))
        assert lab[:, 0] == pytest.approx(lab[0, 0], abs=0.6)
        assert chromas(lab) == pytest.approx(chromas(lab)[0], abs=1.0)
        assert members(lab, float(hues(lab)[0]), kind).any(axis=1).all()


def test_what_has_no_partner_is_told() -> None:
    with pytest.raises(WrongSearch, match="too gray to have a hue"):
        partners("#808080", "triadic")
    with pytest.raises(WrongSearch, match="choose from complementary, analogous, triadic, split"):
        partners("#ff0000", "tetradic")
    with pytest.raises(NotAColor):
        partners("red", "triadic")
