"""Clusters by density: the data decide how many colours there are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from analysis.colors.conversion import hex_to_rgb, rgb_to_lab
from analysis.colors.difference import ciede2000
from analysis.colors.palette import extract_palette
from analysis.colors.palettes.density import MOST_REGIONS, cluster_by_density
from analysis.colors.palettes.histogram import count_cells

Pixels = npt.NDArray[np.uint8]

CODES = ("#f2e6d0", "#c1272d", "#1f4e5f", "#f2c14e")


def clouds(codes: tuple[str, ...], spread: float = 3.0, seed: int = 0) -> Pixels:
    """Equally many pixels scattered around each colour."""
    rng = np.random.default_rng(seed)
    centres = np.repeat([hex_to_rgb(code) for code in codes], 6000, axis=0)
    return np.clip(centres + rng.normal(0, spread, centres.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_as_many_colors_as_there_are(count: int) -> None:
    palette = extract_palette(clouds(CODES[:count]), 8, method="dbscan")
    assert len(palette.swatches) == count
    lab = np.array([swatch.lab for swatch in palette.swatches])
    wanted = rgb_to_lab([hex_to_rgb(code) for code in CODES[:count]])
    assert ciede2000(wanted[:, np.newaxis], lab).min(axis=1).max() < 1.0
    assert [swatch.fraction for swatch in palette.swatches] == pytest.approx(
        [1 / count] * count, abs=0.01
    )


def test_of_more_regions_than_asked_the_largest_stay() -> None:
    pixels = np.concatenate([clouds(CODES[:2]), clouds(CODES)])
    palette = extract_palette(pixels, 2, method="dbscan")
    lab = np.array([swatch.lab for swatch in palette.swatches])
    wanted = rgb_to_lab([hex_to_rgb(code) for code in CODES[:2]])
    assert ciede2000(wanted[:, np.newaxis], lab).min(axis=1).max() < 1.0


def test_what_lies_in_no_dense_region_counts_with_the_nearest() -> None:
    stray = np.full((60, 3), hex_to_rgb("#b53a3f"), dtype=np.uint8)
    tones = cluster_by_density(count_cells(np.concatenate([clouds(CODES[:3]), stray])))
    assert len(tones) == 3
    assert tones.shares.sum() == pytest.approx(1.0)
    red = ciede2000(tones.lab, rgb_to_lab(hex_to_rgb("#c1272d"))).argmin()
    assert tones.shares[red] == max(tones.shares)


def test_noise_has_colors_too() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    palette = extract_palette(noise, 5, method="dbscan")
    assert 1 <= len(palette.swatches) <= 5


def test_regions_are_bounded_where_every_color_is_as_frequent_as_the_next() -> None:
    steps = np.arange(4, 256, 24, dtype=np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    tones = cluster_by_density(count_cells(grid))
    assert len(tones) <= MOST_REGIONS < len(grid)
    assert tones.shares.sum() == pytest.approx(1.0)
