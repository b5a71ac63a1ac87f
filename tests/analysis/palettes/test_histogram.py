"""The histogram: nothing of an image is lost but where its pixels lie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.colors.conversion import rgb_to_lab
from analysis.colors.palettes.histogram import COARSE_LEVELS, count_cells

Pixels = npt.NDArray[np.uint8]

images = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))


@given(images)
def test_sums_are_exact(image: Pixels) -> None:
    cells = count_cells(image)
    wide = image.reshape(-1, 3).astype(np.int64)
    assert cells.total == len(wide)
    assert np.array_equal(cells.sums.sum(axis=0), wide.sum(axis=0))
    assert cells.squares.sum() == (wide**2).sum()
    assert cells.counts.min() >= 1.0


@given(images)
def test_a_cell_is_eight_levels_wide(image: Pixels) -> None:
    cells = count_cells(image)
    corners = {tuple(pixel) for pixel in image.reshape(-1, 3) // 8}
    assert len(cells.counts) == len(corners)
    assert {tuple(corner) for corner in (cells.rgb // 8).astype(int)} == corners


def test_views_and_lists_of_pixels_count_as_images_do() -> None:
    image = np.random.default_rng(1).integers(0, 256, (20, 31, 3), dtype=np.uint8)
    cells = count_cells(image)
    for same in (image[::-1, ::-1], image.reshape(-1, 3), image.transpose(1, 0, 2)):
        other = count_cells(same)
        assert np.array_equal(other.counts, cells.counts)
        assert np.array_equal(other.sums, cells.sums)


def test_coarse_cells_stand_for_the_same_image() -> None:
    image = np.random.default_rng(2).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    cells = count_cells(image)
    assert len(cells.coarse) <= (256 // COARSE_LEVELS) ** 3 < len(cells.tones)
    assert cells.coarse.shares.sum() == pytest.approx(1.0)
    means = [tones.shares @ tones.lab for tones in (cells.coarse, cells.tones)]
    assert means[0] == pytest.approx(means[1])
    assert means[0] == pytest.approx(rgb_to_lab(image.reshape(-1, 3)).mean(axis=0), abs=0.5)
