"""Flat colours, and what is left along their borders."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from analysis.colors.conversion import hex_to_rgb, lab_to_rgb, rgb_to_hex, rgb_to_lab
from analysis.colors.difference import ciede2000
from analysis.colors.palettes.blends import are_blends, is_spill
from analysis.colors.palettes.flat import MOST_COLORS, find_flat_colors
from analysis.colors.palettes.histogram import count_cells

Pixels = npt.NDArray[np.uint8]

CODES = ("#f2e6d0", "#1b1f2a", "#c1272d")


def tiled(codes: list[tuple[int, int, int]], side: int = 40) -> Pixels:
    """Squares of each colour in turn, four rows of them."""
    row = np.repeat(np.array([codes] * 4, dtype=np.uint8), side, axis=1)
    return np.repeat(row, side, axis=0)


def compressed(picture: Pixels) -> Pixels:
    """As a preview is: quality 85, one value of chroma for four pixels."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=85, subsampling=2)
    return np.asarray(Image.open(buffer))


def striped(width: int) -> Pixels:
    """Slanted stripes, this many pixels wide and smooth at their borders, two of three dark."""
    large = Image.new("RGB", (1600, 1200), CODES[0])
    draw = ImageDraw.Draw(large)
    for at, left in enumerate(range(-800, 1700, 10 * width)):
        corners = [(left, 1200), (left + 4 * width, 1200), (left + 300 + 4 * width, 0)]
        draw.polygon([*corners, (left + 300, 0)], fill=CODES[1] if at % 3 else CODES[2])
    return np.asarray(large.resize((400, 300), Image.Resampling.LANCZOS))


def test_shares_are_those_of_the_picture() -> None:
    picture = tiled([hex_to_rgb(CODES[at]) for at in (0, 0, 0, 1, 1, 2)])
    found = find_flat_colors(count_cells(picture))
    assert found is not None
    assert [rgb_to_hex(color) for color in lab_to_rgb(found.lab)] == list(CODES)
    assert found.shares == pytest.approx([3 / 6, 2 / 6, 1 / 6])


@pytest.mark.parametrize("width", [12, 20])
def test_stripes_of_a_preview_have_their_own_colors(width: int) -> None:
    found = find_flat_colors(count_cells(compressed(striped(width))))
    assert found is not None
    wanted = rgb_to_lab([hex_to_rgb(code) for code in CODES])
    apart = ciede2000(wanted[:, np.newaxis], found.lab)
    assert apart.min(axis=1).max() <= 2.0
    # What rings beside the stripes is a shade of one of them at most.
    assert apart.min(axis=0).max() <= 8.0
    assert found.shares[apart.min(axis=0) > 2.0].sum() < 0.08


def test_what_has_no_peaks_is_not_flat() -> None:
    rng = np.random.default_rng(1)
    patches = Image.fromarray(rng.integers(20, 235, (6, 8, 3), dtype=np.uint8))
    soft = np.asarray(patches.resize((300, 220), Image.Resampling.BICUBIC))
    sky = np.linspace((120, 160, 220), (240, 220, 190), 300)[:, np.newaxis]
    grainy = np.clip(sky + rng.normal(0, 4, (300, 200, 3)), 0, 255).astype(np.uint8)
    for picture in (soft, grainy):
        assert find_flat_colors(count_cells(picture)) is None
        assert find_flat_colors(count_cells(compressed(picture))) is None


def test_more_flat_colors_than_a_palette_can_show_are_left_to_clustering() -> None:
    grid = [(40 + 80 * (at % 3), 40 + 80 * (at // 3 % 3), 60 + 120 * (at // 9)) for at in range(18)]
    assert len(set(grid)) > MOST_COLORS
    assert find_flat_colors(count_cells(tiled(grid))) is None
    assert find_flat_colors(count_cells(tiled(grid[:MOST_COLORS]))) is not None


def test_blends_lie_between_two_colors() -> None:
    colors = np.array([hex_to_rgb(code) for code in CODES], dtype=np.float64)
    halfway = (colors[:1] + colors[1:2]) / 2
    green = np.array([[40.0, 160.0, 60.0]])
    assert are_blends(np.vstack([halfway, green]), colors).tolist() == [True, False]
    assert are_blends(halfway, colors[:1]).tolist() == [False]


def test_spills_have_the_luma_of_one_color_and_the_chroma_of_two() -> None:
    red, gray = np.array([193.0, 39.0, 45.0]), np.array([120.0, 120.0, 120.0])
    colors = np.array([red, gray])
    luma = np.array([0.299, 0.587, 0.114])
    # The red keeps its luma and loses a third of its chroma to the gray.
    spilled = red + (gray - gray @ luma - (red - red @ luma)) / 3
    assert is_spill(spilled, colors)
    assert not is_spill(spilled + 20.0, colors)
    assert not is_spill(np.array([40.0, 60.0, 160.0]), colors)
    assert not is_spill(red, np.empty((0, 3)))
