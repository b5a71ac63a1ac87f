"""Colours between hex, sRGB and L*a*b*."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.colors.conversion import hex_to_rgb, lab_to_rgb, rgb_to_hex, rgb_to_lab
from analysis.errors import NotAColor

colors = st.tuples(*[st.integers(0, 255)] * 3)
positions = st.tuples(st.floats(-50, 150), st.floats(-200, 200), st.floats(-200, 200))

# To two decimals, as tables of the sRGB primaries give them.
KNOWN = {
    "#000000": (0.0, 0.0, 0.0),
    "#ffffff": (100.0, 0.0, 0.0),
    "#ff0000": (53.24, 80.09, 67.20),
    "#00ff00": (87.73, -86.18, 83.18),
    "#0000ff": (32.30, 79.19, -107.86),
    "#ffff00": (97.14, -21.55, 94.48),
    "#00ffff": (91.11, -48.09, -14.13),
    "#ff00ff": (60.32, 98.23, -60.82),
    "#808080": (53.59, 0.0, 0.0),
}


@pytest.mark.parametrize(("code", "lab"), KNOWN.items())
def test_known_colors(code: str, lab: tuple[float, float, float]) -> None:
    assert rgb_to_lab(hex_to_rgb(code)) == pytest.approx(lab, abs=0.01)


def test_grays_have_no_chroma() -> None:
    grays = np.repeat(np.arange(256)[:, np.newaxis], 3, axis=1)
    assert np.abs(rgb_to_lab(grays)[:, 1:]).max() < 1e-10


def test_agrees_with_opencv() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    theirs = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    # OpenCV interpolates in tables.
    assert np.abs(rgb_to_lab(pixels) - theirs).max() < 0.5


def test_every_channel_value_survives_the_way_to_lab_and_back() -> None:
    steps = np.unique(np.append(np.arange(0, 256, 5), [1, 2, 10, 11, 254]))
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    assert np.array_equal(lab_to_rgb(rgb_to_lab(grid)), grid)


@given(colors)
def test_round_trips(rgb: tuple[int, int, int]) -> None:
    assert tuple(lab_to_rgb(rgb_to_lab(rgb))) == rgb
    assert hex_to_rgb(rgb_to_hex(rgb)) == rgb


def test_colors_out_of_reach_are_clipped() -> None:
    assert tuple(lab_to_rgb((50.0, 0.0, 200.0)))[2] == 0
    assert tuple(lab_to_rgb((150.0, 0.0, 0.0))) == (255, 255, 255)


@given(positions)
def test_every_position_has_a_nearest_color(lab: tuple[float, float, float]) -> None:
    rgb = lab_to_rgb(lab)
    assert rgb.dtype == np.uint8
    assert rgb.shape == (3,)
    # What a screen shows is where it says.
    assert tuple(lab_to_rgb(rgb_to_lab(rgb))) == tuple(rgb)


@given(st.tuples(*[st.floats(0, 255)] * 3))
def test_colors_between_the_levels_lie_between_them(rgb: tuple[float, float, float]) -> None:
    low, middle, high = (rgb_to_lab(step(rgb))[0] for step in (np.floor, np.asarray, np.ceil))
    assert low - 1e-9 <= middle <= high + 1e-9
    assert np.array_equal(lab_to_rgb(rgb_to_lab(np.rint(rgb))), np.rint(rgb))


@given(colors)
def test_hex_is_read_however_it_is_written(rgb: tuple[int, int, int]) -> None:
    code = rgb_to_hex(rgb)
    for text in (code, code[1:], code.upper(), f" {code}\n"):
        assert hex_to_rgb(text) == rgb


@given(st.text(max_size=9) | st.from_regex(r"#?[0-9a-fA-Fgx]{3,6}", fullmatch=True))
def test_only_hexadecimal_digits_are_a_color(text: str) -> None:
    if set(text.strip().removeprefix("#").lower()) - set("0123456789abcdef"):
        with pytest.raises(NotAColor, match="#rrggbb"):
            hex_to_rgb(text)
    elif len(text.strip().removeprefix("#")) in (3, 6):
        assert all(0 <= channel <= 255 for channel in hex_to_rgb(text))


@pytest.mark.parametrize("text", ["#8a2be2", "8A2BE2", " #8a2be2 "])
def test_hex_spellings(text: str) -> None:
    assert hex_to_rgb(text) == (138, 43, 226)


def test_short_hex() -> None:
    assert hex_to_rgb("#f0a") == (255, 0, 170)


@pytest.mark.parametrize("text", ["", "#12", "#12345", "#gggggg", "red", "#1234567"])
def test_what_is_no_color_is_refused(text: str) -> None:
    with pytest.raises(NotAColor, match="#rrggbb"):
        hex_to_rgb(text)


@pytest.mark.parametrize("rgb", [(0, 0), (256, 0, 0), (-1, 0, 0)])
def test_what_is_no_rgb_is_refused(rgb: tuple[int, ...]) -> None:
    with pytest.raises(NotAColor):
        rgb_to_hex(rgb)
