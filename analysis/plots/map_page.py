"""A map of works: pictures where they belong, with names in the middle of what they name."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageOps

from analysis.colors.conversion import Bytes, hex_to_rgb
from analysis.contact_sheet import GRAY, INK, MAT, RULE
from analysis.map.layout import Positions
from analysis.plots.lettering import BOLD, Canvas, Color, Type
from analysis.plots.mosaic import Mosaic, arrange
from analysis.plots.page import ROOM, blank
from analysis.plots.strip import PAPER

WIDEST: Final = 2 * ROOM
"""Width of a map of many works, in pixels."""
TILE: Final = (40, 168)
"""Width of a cell at least, until the page is WIDEST, and at most, in pixels."""
GAP: Final = 0.07
"""Space between pictures, as a share of a cell."""
FRAME: Final = 0.075
"""Width of a frame, as a share of a cell."""

MUTED: Final[tuple[Color, ...]] = tuple(
    hex_to_rgb(code)
    for code in (
        "#332288",
        "#cc6677",
        "#117733",
        "#ddaa33",
        "#88ccee",
        "#882255",
        "#44aa99",
        "#aa4499",
        "#999933",
    )
)
"""Told apart also by who does not see red or green: P. Tol, "Colour schemes", 2021, his muted
scheme with a stronger yellow."""
OTHERS: Final[Color] = (187, 187, 187)

MOST_NAMES: Final = 14
"""Groups whose names are written on the map."""
NEARBY: Final = 2.6
"""Cells around a name in which at least half of the works are of its group."""
NEARBY_SHARE: Final = 0.07
"""The same for many works, as a share of the side of a square that they would fill."""
LEAST_NAMED: Final = 3
"""Works of a group that lie together, for it to be named."""
NAME_SIZE: Final = 21
"""Size of names on a page of usual width, in pixels."""
PLATE: Final = 0.86
"""How much of what is below a name is covered."""
LEGEND_ROW: Final = 44


@dataclass(frozen=True)
class Sheet:
    """The measures of a map, in pixels."""

    mosaic: Mosaic
    width: int
    cell: int
    """Side of a cell."""

    @property
    def left(self) -> int:
        """Where the first column begins, so that the map is in the middle."""
        return (self.width - self.mosaic.columns * self.cell) // 2

    @property
    def picture(self) -> int:
        """Side of a picture in its cell."""
        return self.cell - max(1, round(self.cell * GAP))


@dataclass(frozen=True)
class Name:
    """What is written on a map."""

    text: str
    column: float
    row: float
    """Its middle, in cells from the upper left corner."""


def sheet_for(positions: Positions) -> Sheet:
    """Return the measures of a map for works at `positions`, (n, 2)."""
    mosaic = arrange(positions)
    width = min(max(ROOM, mosaic.columns * TILE[0]), WIDEST)
    return Sheet(mosaic, width, min(width // mosaic.columns, TILE[1]))


def draw_map(
    sheet: Sheet,
    pictures: Sequence[Bytes | None],
    groups: Sequence[str | None],
    names: Sequence[Name],
    *,
    colored: bool,
) -> Canvas:
    """Return a map: (h, width, 3) uint8 sRGB.

    Args:
        sheet: where the pictures are.
        pictures: of each work, (h, w, 3) uint8 sRGB; None: it cannot be read.
        groups: of each work, by name; None: of none.
        names: what is written on the map, the most important first.
        colored: whether pictures have frames in the colours of their groups, with a legend.
    """
    colors = group_colors(groups) if colored else {}
    canvas = blank(sheet.mosaic.rows * sheet.cell, sheet.width)
    frame = max(2, round(sheet.cell * FRAME)) if colored else 0
    for cell, picture, group in zip(sheet.mosaic.cells.tolist(), pictures, groups, strict=True):
        color = None if group is None else colors.get(group, OTHERS)
        _draw_picture(canvas, sheet, (cell[0], cell[1]), picture, frame, color)
    _write_names(canvas, sheet, names)
    if not colored:
        return canvas
    return np.vstack([canvas, _legend(groups, colors, sheet.width)])


def group_colors(groups: Sequence[str | None]) -> dict[str, Color]:
    """Return a colour for each of the largest groups; the others share OTHERS."""
    largest = [name for name, _ in _by_size(groups)[: len(MUTED)]]
    return dict(zip(largest, MUTED, strict=False))


def place_names(mosaic: Mosaic, groups: Sequence[str | None]) -> list[Name]:
    """Return where the names of groups are written: where a group is most among itself.

    The largest come first. A group that is nowhere in the majority has no place, and no name.
    """
    from scipy.spatial import KDTree

    cells = mosaic.cells.astype(np.float64) + 0.5
    everything = KDTree(cells)
    of = np.array([group or "" for group in groups])
    reach = max(NEARBY, math.sqrt(len(cells)) * NEARBY_SHARE)
    names = []
    for text, size in _by_size(groups)[:MOST_NAMES]:
        if size < LEAST_NAMED:
            continue
        members = cells[of == text]
        own = KDTree(members)
        inside = own.query_ball_point(members, reach, return_length=True)
        around = everything.query_ball_point(members, reach, return_length=True)
        best = int(np.where(2 * inside > around, inside, 0).argmax())
        if inside[best] < LEAST_NAMED or 2 * inside[best] <= around[best]:
            continue
        column, row = members[own.query_ball_point(members[best], reach)].mean(axis=0).tolist()
        names.append(Name(text, column, row))
    return names


def _draw_picture(
    canvas: Canvas,
    sheet: Sheet,
    cell: tuple[int, int],
    picture: Bytes | None,
    frame: int,
    color: Color | None,
) -> None:
    side = sheet.picture
    left, top = sheet.left + cell[0] * sheet.cell, cell[1] * sheet.cell
    tile = canvas[top : top + side, left : left + side]
    inner = side
    if color is not None and frame:
        tile[:] = color
        inner = side - 2 * frame
        tile = tile[frame:-frame, frame:-frame]
    tile[:] = MAT
    if picture is not None:
        fitted = ImageOps.fit(Image.fromarray(picture), (inner, inner), Image.Resampling.LANCZOS)
        tile[:] = np.asarray(fitted)


def _write_names(canvas: Canvas, sheet: Sheet, names: Sequence[Name]) -> None:
    """Write names on plates of paper; one that would cover another moves up or down, or goes."""
    face = Type(round(NAME_SIZE * sheet.width / ROOM), BOLD)
    height, padding = round(face.size * 1.7), round(face.size * 0.6)
    taken: list[tuple[int, int, int, int]] = []
    for name in names:
        text = face.fit(name.text, sheet.width // 4)
        width = face.width(text) + 2 * padding
        left = round(sheet.left + name.column * sheet.cell - width / 2)
        left = min(max(left, 0), canvas.shape[1] - width)
        # Between two rows, where it hides least of either.
        middle = round(round(name.row) * sheet.cell - (sheet.cell - sheet.picture + height) / 2)
        for shift in (0, -1, 1):
            top = min(max(middle + shift * height, 0), canvas.shape[0] - height)
            box = (left, top, left + width, top + height)
            if not any(_overlap(box, other) for other in taken):
                taken.append(box)
                _plate(canvas, box)
                face.draw(canvas, text, left + padding, top + round(face.size * 1.2), INK)
                break


def _plate(canvas: Canvas, box: tuple[int, int, int, int]) -> None:
    """Cover a box (left, top, right, bottom) with paper that lets a little through."""
    left, top, right, bottom = box
    below = canvas[top:bottom, left:right]
    mask = np.zeros(below.shape[:2], dtype=np.uint8)
    radius = (bottom - top) // 2
    cv2.rectangle(mask, (radius, 0), (right - left - 1 - radius, bottom - top), 255, -1)
    for x in (radius, right - left - 1 - radius):
        cv2.circle(mask, (x, radius), radius, 255, -1, cv2.LINE_AA)
    cover = mask[..., None].astype(np.float32) * (PLATE / 255)
    below[:] = np.rint(below * (1 - cover) + np.array(PAPER) * cover).astype(np.uint8)


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _legend(groups: Sequence[str | None], colors: dict[str, Color], width: int) -> Canvas:
    """Return the colours with the names of their groups and how many works are of each."""
    scale = width / ROOM
    face, counts = Type(round(18 * scale)), Type(round(17 * scale))
    swatch, row = round(20 * scale), round(LEGEND_ROW * scale)
    sizes = _by_size(groups)
    entries = [(colors[name], name, size) for name, size in sizes if name in colors]
    others = sizes[len(entries) :]
    if others:
        said = f"{len(others):,} others" if len(others) > 1 else others[0][0]
        entries.append((OTHERS, said, sum(size for _, size in others)))
    if nameless := sum(group is None for group in groups):
        entries.append((PAPER, "without", nameless))
    lines: list[list[tuple[int, Color, str, str]]] = [[]]
    left = 0
    for color, name, size in entries:
        text, count = face.fit(name, width // 3), f"{size:,}"
        wide = swatch + face.width(text) + counts.width(count) + round(56 * scale)
        if left + wide > width + round(30 * scale) and lines[-1]:
            lines.append([])
            left = 0
        lines[-1].append((left, color, text, count))
        left += wide
    canvas = blank(round(30 * scale) + row * len(lines), width)
    for number, line in enumerate(lines):
        top = round(30 * scale) + number * row
        baseline = top + round(swatch * 0.82)
        for left, color, text, count in line:
            cv2.rectangle(canvas, (left, top), (left + swatch, top + swatch), color, -1)
            if color == PAPER:
                cv2.rectangle(canvas, (left, top), (left + swatch, top + swatch), RULE, 1)
            after = left + swatch + round(10 * scale)
            face.draw(canvas, text, after, baseline, INK)
            counts.draw(canvas, count, after + face.width(text) + round(8 * scale), baseline, GRAY)
    return canvas


def _by_size(groups: Sequence[str | None]) -> list[tuple[str, int]]:
    sizes = Counter(group for group in groups if group is not None)
    return sorted(sizes.items(), key=lambda group: (-group[1], group[0]))
