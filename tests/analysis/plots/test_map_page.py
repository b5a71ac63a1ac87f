"""The picture of a map: pictures, frames, names and a legend are where they belong."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.contact_sheet import MAT
from analysis.plots.lettering import Canvas
from analysis.plots.map_page import (
    MUTED,
    OTHERS,
    WIDEST,
    Name,
    Sheet,
    draw_map,
    group_colors,
    place_names,
    sheet_for,
)
from analysis.plots.mosaic import Mosaic
from analysis.plots.page import ROOM
from analysis.plots.strip import PAPER

RED = np.full((30, 40, 3), (200, 30, 30), dtype=np.uint8)


def grid(columns: int, rows: int) -> Sheet:
    """A sheet whose cells are all filled."""
    across, down = np.meshgrid(np.arange(columns), np.arange(rows))
    cells = np.column_stack([across.ravel(), down.ravel()])
    return Sheet(Mosaic(columns, rows, cells), ROOM, 80)


def has(canvas: Canvas, color: tuple[int, int, int]) -> bool:
    return bool((canvas == color).all(axis=2).any())


@pytest.mark.parametrize("count", [1, 60, 1500])
def test_a_sheet_is_no_wider_than_its_page(count: int) -> None:
    sheet = sheet_for(np.random.default_rng(0).random((count, 2)))
    assert ROOM <= sheet.width <= WIDEST
    assert 0 < sheet.picture < sheet.cell
    assert sheet.left >= 0
    assert sheet.left + sheet.mosaic.columns * sheet.cell <= sheet.width


def test_pictures_frames_and_legend() -> None:
    sheet = grid(3, 2)
    groups = ["a", "a", "b", "b", None, "a"]
    pictures = [RED, RED, RED, None, RED, RED]
    plain = draw_map(sheet, pictures, groups, [], colored=False)
    assert plain.shape == (2 * sheet.cell, ROOM, 3)
    for (column, row), picture in zip(sheet.mosaic.cells.tolist(), pictures, strict=True):
        left, top = sheet.left + column * sheet.cell, row * sheet.cell
        tile = plain[top : top + sheet.picture, left : left + sheet.picture]
        assert (tile == (MAT if picture is None else RED[0, 0])).all()
        assert (plain[top + sheet.picture, left : left + sheet.cell] == PAPER).all()
    framed = draw_map(sheet, pictures, groups, [], colored=True)
    assert framed.shape[0] > plain.shape[0]
    middle = sheet.picture // 2
    for (column, row), group in zip(sheet.mosaic.cells.tolist(), groups, strict=True):
        left, top = sheet.left + column * sheet.cell, row * sheet.cell
        frame = tuple(framed[top + middle, left].tolist())
        assert frame == {"a": MUTED[0], "b": MUTED[1], None: tuple(RED[0, 0].tolist())}[group]
    legend = framed[plain.shape[0] :]
    assert has(legend, MUTED[0])
    assert has(legend, MUTED[1])
    assert not has(legend, OTHERS)


def test_many_groups_share_the_last_color() -> None:
    groups = [f"{number:02}" for number in range(14)] + ["13"]
    colors = group_colors(groups)
    assert list(colors) == ["13", *(f"{number:02}" for number in range(len(MUTED) - 1))]
    assert len(set(colors.values())) == len(MUTED)
    canvas = draw_map(grid(5, 3), [RED] * 15, groups, [], colored=True)
    assert has(canvas[: 3 * 80], OTHERS)
    assert has(canvas[3 * 80 :], OTHERS)


def test_names_stand_where_a_group_is_among_itself() -> None:
    sheet = grid(12, 6)
    column, row = sheet.mosaic.cells.T
    groups: list[str | None] = [
        "left" if x < 5 else "right" if x > 8 else f"{(x + y) % 2}"
        for x, y in zip(column.tolist(), row.tolist(), strict=True)
    ]
    names = {name.text: name for name in place_names(sheet.mosaic, groups)}
    assert set(names) == {"left", "right"}
    assert names["left"].column < 5
    assert names["right"].column > 8
    assert place_names(sheet.mosaic, [None] * len(column)) == []
    # The two that are everywhere are nowhere among themselves.
    assert "0" in groups


def test_names_do_not_cover_each_other() -> None:
    sheet = grid(6, 4)
    nothing: list[str | None] = [None] * 24
    pictures = [RED] * 24

    def covered(*names: Name) -> int:
        drawn = draw_map(sheet, pictures, nothing, names, colored=False)
        bare = draw_map(sheet, pictures, nothing, [], colored=False)
        return int((drawn != bare).any(axis=2).sum())

    one = Name("a name", 3, 2)
    assert covered(one) > 0
    # The second goes above, the third below, and for the fourth there is no room.
    assert covered(one, one) > 1.5 * covered(one)
    assert covered(one, one, one, one) == covered(one, one, one)
    # At the edge a name stays on the page.
    assert covered(Name("a long name at the edge", 0, 0)) > 0
