"""Colours over time: a column for each period, its colours as high as their share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.contact_sheet import GRAY, INK
from analysis.plots.figure import (
    FAINT,
    SMALL,
    TINY,
    new_axes,
    new_figure,
    pixels,
    rule_across,
    shade,
    write,
)
from analysis.plots.lettering import Canvas, Type
from analysis.plots.page import ROOM
from analysis.plots.palette_wall import percent
from analysis.plots.spread import spread
from analysis.plots.strip import PAPER
from analysis.reports.periods import Period, Timeline
from analysis.reports.shares import TermShare

HEIGHT = 1030
LEFT, RIGHT, GAP = 84, 286, 48
"""Room for the scale on the left, and for the column of all works on the right."""
TOGETHER = 104
"""Width of that column."""
LABEL = 32
"""Height of a label beside it."""
TILES = (24, 770)
"""Top and bottom of the colours …"""
COUNTS = (850, 960)
"""… and of the number of works below them."""
NARROW = 0.86
"""Width of a column, as a share of its period, up to WIDEST pixels."""
WIDEST = 190
FEW = 5
"""Periods with fewer works than this say little, and are marked."""


def draw_timeline(timeline: Timeline) -> Canvas:
    """Return a chart: (h, ROOM, 3) uint8 sRGB."""
    figure = new_figure(HEIGHT)
    room = ROOM - LEFT - RIGHT - GAP
    numbers = [period.first_year // timeline.step for period in timeline.periods]
    first, last = numbers[0], numbers[-1]
    pitch = room / (last - first + 1)
    width = min(NARROW, WIDEST / pitch)
    tiles = new_axes(figure, (LEFT, TILES[0], LEFT + room, TILES[1]))
    counts = new_axes(figure, (LEFT, COUNTS[0], LEFT + room, COUNTS[1]))
    for axes in (tiles, counts):
        axes.set_xlim(first - 0.5, last + 0.5)
        axes.set_xticks([])
    tiles.set_ylim(0, 1)
    tiles.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    rule_across(tiles)
    for number, period in zip(numbers, timeline.periods, strict=True):
        _stack(tiles, period.shares, number - width / 2, width)
    most = max(period.works for period in timeline.periods)
    counts.set_ylim(0, most)
    counts.set_yticks([])
    for number, period in zip(numbers, timeline.periods, strict=True):
        few = period.works < FEW
        counts.bar(number, period.works, width, color=shade(FAINT))
        size = SMALL if pitch > 48 else TINY
        write(
            counts, number, period.works + most * 0.08, f"{period.works:,}{'*' if few else ''}",
            size=size, color=GRAY if few else INK, ha="center", va="baseline",
        )  # fmt: skip
    _label_periods(counts, numbers, timeline, pitch)
    counts.text(
        -0.008, 0.5, "works", transform=counts.transAxes, ha="right", va="center",
        fontsize=SMALL, color=shade(GRAY), parse_math=False,
    )  # fmt: skip
    _draw_together(figure, timeline.together, timeline.works)
    return pixels(figure)


def _stack(axes: Axes, shares: Sequence[TermShare], left: float, width: float) -> None:
    bottom = 0.0
    for share in reversed(shares):
        for part in reversed(share.shades):
            axes.add_patch(
                Rectangle(
                    (left, bottom), width, part.share, facecolor=shade(part.rgb), linewidth=0,
                    antialiased=False,
                )
            )  # fmt: skip
            bottom += part.share
        axes.plot(
            [left, left + width], [bottom, bottom], color=shade(PAPER), linewidth=1.5,
            solid_capstyle="butt",
        )  # fmt: skip


def _label_periods(axes: Axes, numbers: list[int], timeline: Timeline, pitch: float) -> None:
    widest = max(Type(SMALL).width(period.label) for period in timeline.periods) + 16
    every = math.ceil(widest / pitch)
    places = [number for number in range(numbers[0], numbers[-1] + 1) if number % every == 0]
    labels = [Period(number * timeline.step, timeline.step, 0, ()).label for number in places]
    axes.set_xticks(places, labels)


def _draw_together(figure: Figure, shares: tuple[TermShare, ...], works: int) -> None:
    """Draw the column of all works at the right, with the names of its colours."""
    left = ROOM - RIGHT
    axes = new_axes(figure, (left, TILES[0], ROOM, TILES[1]))
    axes.set_xlim(0, RIGHT)
    axes.set_ylim(0, 1)
    axes.set_xticks([TOGETHER / 2], [f"all {works:,}"])
    axes.set_yticks([])
    _stack(axes, shares, 0, TOGETHER)
    height = LABEL / (TILES[1] - TILES[0])
    bottom = 0.0
    wanted = []
    for share in reversed(shares):
        wanted.append(bottom + share.share / 2)
        bottom += share.share
    places = spread(wanted, [height] * len(wanted), -height / 4, 1 + height / 4)
    for share, middle, place in zip(reversed(shares), wanted, places, strict=True):
        axes.plot(
            [TOGETHER + 6, TOGETHER + 26], [middle, place], color=shade(GRAY), linewidth=1,
            clip_on=False,
        )  # fmt: skip
        write(axes, TOGETHER + 34, place, share.term, bold=True, ha="left", va="center")
        write(
            axes, RIGHT, place, percent(share.share), color=GRAY, ha="right", va="center"
        )  # fmt: skip
