"""Charts of labels: all sizes of collections, and what a shade means."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.labels.distribution.counts import HeadLabels, Label
from analysis.labels.distribution.together import Together
from analysis.plots.label_charts import draw_imbalance, draw_labels, draw_together, lift_color
from analysis.plots.page import ROOM
from analysis.plots.strip import PAPER
from analysis.reports.labels import labels_notes, labels_page, together_page


def head(sizes: list[int], *, inherited: int = 0, listed: int = 24) -> HeadLabels:
    labels = [Label(f"label {n}", works, works, 1, inherited, 0) for n, works in enumerate(sizes)]
    return HeadLabels(
        head="style",
        mode="single",
        works=sum(sizes) + 5,
        labelled=sum(sizes),
        per_work={1: sum(sizes)},
        labels=tuple(labels[:listed]),
        sizes=tuple(sizes),
        further=max(len(sizes) - listed, 0),
        dropped=2,
    )


def together(counts: list[list[int]], name: str = "landscapes by the sea") -> Together:
    table = np.array(counts, np.int64)
    return Together(
        "category",
        "tag",
        int(table.sum()),
        tuple(f"{name} {row}" for row in range(len(table))),
        tuple(f"{name} {column}" for column in range(table.shape[1])),
        table,
        table.sum(axis=1),
        table.sum(axis=0),
    )


@pytest.mark.parametrize("sizes", [[1], [5, 5], [100_000, 1], list(range(300, 0, -1))])
def test_all_sizes_can_be_drawn(sizes: list[int]) -> None:
    labels = head(sizes)
    for canvas in (draw_labels(labels), draw_imbalance(labels)):
        assert canvas.shape[1] == ROOM
        assert np.any(canvas != PAPER)
    assert labels_page(labels).width == 2000


def test_what_is_inherited_is_pale() -> None:
    assert not np.array_equal(draw_labels(head([9, 9])), draw_labels(head([9, 9], inherited=4)))


def test_notes_say_what_is_left_out() -> None:
    [note] = labels_notes(head([40, 20, 10], listed=2))
    assert "The largest has 4.0 times the works of the smallest" in note
    assert "1 smaller label not shown" in note
    assert "2 labels of too few works not counted" in note


def test_more_often_than_chance_is_blue_and_more_seldom_orange() -> None:
    assert lift_color(1.0, 20.0) == PAPER
    red, _, blue = lift_color(3.0, 2.0)
    assert blue > red
    red, _, blue = lift_color(0.2, 20.0)
    assert red > blue
    # What chance would hardly bring together is not said to shun each other.
    assert lift_color(0.0, 2.0) == PAPER


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (24, 24), (2, 24)], ids=str)
def test_tables_of_all_shapes_can_be_drawn(shape: tuple[int, int]) -> None:
    counts = np.arange(1, shape[0] * shape[1] + 1).reshape(shape).tolist()
    assert draw_together(together(counts)).shape[1] == ROOM
    assert together_page(together(counts)).width == 2000
