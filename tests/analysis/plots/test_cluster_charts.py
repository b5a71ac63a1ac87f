"""Charts and sheets of groups: sizes, what is left out, and awkward input."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.plots.cluster_heatmap import draw_heatmap
from analysis.plots.cluster_sheet import HEIGHTS, SheetGroup, draw_groups
from analysis.plots.elbow import Curve, draw_numbers
from analysis.plots.page import ROOM
from analysis.plots.pca import draw_variance
from analysis.plots.strip import PAPER

RED = (200, 20, 20)


def inked(canvas: np.ndarray) -> float:
    """The part of a picture that is not paper."""
    return float(np.any(canvas != PAPER, axis=2).mean())


def flat(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), RED, np.uint8)


def test_curves_mark_the_number_in_use() -> None:
    numbers = [2, 3, 4, 5]
    curves = [Curve("Inertia", "less", [9, 5, 4, 3.5], 3), Curve("Level", "", [1, 1, 1, 1])]
    canvas = draw_numbers(numbers, curves, 4)
    assert canvas.shape[1] == ROOM
    assert not np.array_equal(canvas, draw_numbers(numbers, curves, 3))
    assert np.array_equal(canvas, draw_numbers(numbers, curves, 4))
    assert inked(draw_numbers([2], [Curve("One", "", [0.5], 2)], 2)) > 0


@pytest.mark.parametrize("components", [1, 5, 300])
def test_variance(components: int) -> None:
    shares = np.full(components, 1 / components)
    canvas = draw_variance(shares.tolist(), max(1, components // 3))
    assert canvas.shape[1] == ROOM
    assert inked(canvas) > 0.01


def test_a_heatmap_is_darker_where_more_is() -> None:
    works = np.array([[9, 1], [0, 5]])
    canvas = draw_heatmap(
        ["Cubism", "a name of many words that goes on and on " * 4], [1, 2], works
    )
    assert canvas.shape[1] == ROOM
    assert inked(canvas) > inked(draw_heatmap(["Cubism", "b"], [1, 2], np.zeros((2, 2), np.int64)))


def test_rows_are_filled_with_pictures() -> None:
    pictures = tuple(flat(*size) for size in ((300, 200), (200, 300), (1200, 100), (80, 400)) * 4)
    canvas = draw_groups(
        [
            SheetGroup(1, "woodcut · prints", "16 images", pictures),
            SheetGroup(12, "a theme of many words " * 20, "2 images", pictures[:2], plain=True),
            SheetGroup(100, "nothing can be read", "1 image", ()),
        ]
    )
    assert canvas.shape[1] == ROOM
    red = np.all(canvas == RED, axis=2)
    first = red[: canvas.shape[0] // 3].any(axis=0)
    assert np.flatnonzero(first).max() > ROOM - 60
    assert np.flatnonzero(red[canvas.shape[0] // 3 :].any(axis=0)).max() < ROOM // 2
    column = np.flatnonzero(red[:, 40])
    assert HEIGHTS[0] <= np.argmax(np.diff(column) > 1) + 1 <= HEIGHTS[1]
