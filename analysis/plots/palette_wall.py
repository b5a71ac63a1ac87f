"""A wall of palettes: every work a column of its colours, below the colours of all together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageOps

from analysis.contact_sheet import GRAY, INK, MAT, RULE
from analysis.plots.lettering import BOLD, Canvas, Type
from analysis.plots.page import ROOM, blank
from analysis.plots.spread import spread
from analysis.plots.strip import strip_widths
from analysis.reports.query import years
from analysis.reports.shares import TermShare
from analysis.reports.wall import PICTURED, Wall, WallColumn

BAND = 84
BAND_LABELS = 64
"""Room below the band of all colours for its labels."""
BELOW_BAND = 46
HEIGHT = 1150
"""Height that rows of palettes come near to, in pixels."""
SLENDER = 10
"""Height of a palette as a multiple of its width, where there is room."""
LEAST_HEIGHT, MOST_HEIGHT = 56, 420
ROW_GAPS = (8, 18)
"""Least and most space between rows: an eighth of their height."""
YEARS = 40
"""Room above a row for its years."""

PER_ROW = 12
"""Works in a row at most where they are shown with their pictures."""
PICTURE_GAP = 16
CAPTION = 80

TERM = Type(18, BOLD)
SHARE = Type(17)
CAPTIONS = Type(16)
LABEL_GAP = 14


@dataclass(frozen=True)
class Grid:
    """How many columns stand in how many rows, and how high, in pixels."""

    rows: int
    per_row: int
    height: int

    @property
    def pitch(self) -> float:
        """Width of a column with the space behind it."""
        return ROOM / self.per_row

    @property
    def gap(self) -> int:
        """Space between rows."""
        return min(max(self.height // 8, ROW_GAPS[0]), ROW_GAPS[1])


def wall_grid(works: int) -> Grid:
    """Return the grid in which `works` palettes fill a wall of about HEIGHT."""

    def grid(rows: int) -> Grid:
        per_row = math.ceil(works / rows)
        height = min(max(round(SLENDER * ROOM / per_row), LEAST_HEIGHT), MOST_HEIGHT)
        return Grid(math.ceil(works / per_row), per_row, height)

    def misfit(one: Grid) -> float:
        return abs(math.log(one.rows * (one.height + one.gap) / HEIGHT))

    return min((grid(rows) for rows in range(1, min(works, 60) + 1)), key=misfit)


def draw_wall(wall: Wall) -> Canvas:
    """Return a wall: (h, ROOM, 3) uint8 sRGB."""
    band = blank(BAND + BAND_LABELS + BELOW_BAND, ROOM)
    draw_band(band, wall.together)
    pictured = len(wall.columns) <= PICTURED
    rows = _pictured(wall.columns) if pictured else _columns(wall.columns, wall.order == "year")
    return np.vstack([band, rows])


def draw_band(canvas: Canvas, shares: Sequence[TermShare]) -> None:
    """Draw shares of colours at the top of `canvas`, in their shades, with labels below."""
    width = canvas.shape[1]
    edge = 0
    middles: list[float] = []
    for share, wide in zip(
        shares, strip_widths([share.share for share in shares], width), strict=True
    ):
        start = edge
        for shade, part in zip(
            share.shades, strip_widths([shade.share for shade in share.shades], wide), strict=True
        ):
            canvas[:BAND, edge : edge + part] = shade.rgb
            edge += part
        middles.append((start + edge) / 2)
        if edge < width and edge > start:
            canvas[:BAND, edge - 2 : edge] = canvas[-1, -1]
    cv2.rectangle(canvas, (0, 0), (width - 1, BAND - 1), RULE, 1)
    texts = [(share.term, percent(share.share)) for share in shares]
    sizes = [max(TERM.width(term), SHARE.width(said)) + LABEL_GAP for term, said in texts]
    for (term, said), size, place in zip(
        texts, sizes, spread(middles, sizes, -LABEL_GAP / 2, width + LABEL_GAP / 2), strict=True
    ):
        left = round(place - (size - LABEL_GAP) / 2)
        TERM.draw(canvas, term, left, BAND + 30, INK)
        SHARE.draw(canvas, said, left, BAND + 54, GRAY)


def percent(share: float) -> str:
    """Return a share for people: whole percents, and what is less than one as such."""
    return f"{share:.0%}" if share >= 0.0095 else "< 1%"


def _columns(columns: Sequence[WallColumn], with_years: bool) -> Canvas:
    grid = wall_grid(len(columns))
    above = YEARS if with_years else 0
    step = grid.height + grid.gap + above
    canvas = blank(grid.rows * step - grid.gap, ROOM)
    gap = min(8, round(grid.pitch * 0.09)) if grid.pitch >= 8 else 0
    for number in range(grid.rows):
        row = columns[number * grid.per_row : (number + 1) * grid.per_row]
        top = number * step + above
        if with_years and row:
            CAPTIONS.draw(canvas, years(row[0].year, row[-1].year), 0, top - 12, GRAY)
        for at, column in enumerate(row):
            # Edges are rounded together, so that full rows end at the margin to the pixel.
            left, right = round(at * grid.pitch), round((at + 1) * grid.pitch) - gap
            if at == grid.per_row - 1:
                right = ROOM
            _stack(canvas, column, (left, top, right, top + grid.height))
    return canvas


def _pictured(columns: Sequence[WallColumn]) -> Canvas:
    rows = math.ceil(len(columns) / PER_ROW)
    per_row = max(math.ceil(len(columns) / rows), 6)
    side = (ROOM - PICTURE_GAP * (per_row - 1)) // per_row
    palette = max(round(side * 1.25), 200) if rows == 1 else round(side * 0.9)
    step = side + palette + CAPTION
    canvas = blank(rows * step, ROOM)
    for number, column in enumerate(columns):
        row, at = divmod(number, per_row)
        top, left = row * step, at * (side + PICTURE_GAP)
        tile = canvas[top : top + side, left : left + side]
        tile[:] = MAT
        if column.picture is not None:
            tile[:] = np.asarray(
                ImageOps.fit(
                    Image.fromarray(column.picture), (side, side), Image.Resampling.LANCZOS
                )
            )
        below = top + side + 6
        _stack(canvas, column, (left, below, left + side, below + palette))
        line = below + palette + 24
        CAPTIONS.draw(canvas, CAPTIONS.fit(column.title or "Untitled", side), left, line, INK)
        if column.year is not None:
            CAPTIONS.draw(canvas, str(column.year), left, line + 20, GRAY)
    return canvas


def _stack(canvas: Canvas, column: WallColumn, box: tuple[int, int, int, int]) -> None:
    """Fill `box` (left, top, right, bottom) with the colours of a work, light ones on top."""
    left, top, right, bottom = box
    heights = strip_widths(column.fractions, bottom - top)
    for color, height in zip(column.colors, heights, strict=True):
        canvas[top : top + height, left:right] = color
        top += height
