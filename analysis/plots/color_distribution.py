"""Dominant colours: a bar for each group, divided by colour, with how many works it stands for."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from analysis.contact_sheet import GRAY, INK, RULE
from analysis.plots.figure import SMALL, TINY, new_axes, new_figure, pixels, shade, text_on, write
from analysis.plots.lettering import Canvas, Type
from analysis.plots.page import ROOM
from analysis.plots.strip import PAPER
from analysis.reports.distribution import Distribution, Group

ROW = 54
BAR = 0.72
"""Height of a bar, as a share of its row."""
AFTER_ALL = 0.5
"""Space below the bar of all works, in rows."""
SCALE = 44
LEAST_NAMES, MOST_NAMES = 120, 420
COUNT = 110
"""Room for the number of works, at the right."""


def draw_distribution(distribution: Distribution) -> Canvas:
    """Return a chart: (h, ROOM, 3) uint8 sRGB."""
    groups = (distribution.everything, *distribution.groups)
    longest = max(Type(SMALL).width(group.name) for group in groups)
    left = min(max(longest + 28, LEAST_NAMES), MOST_NAMES)
    rows = len(groups) + AFTER_ALL
    height = round(rows * ROW)
    figure = new_figure(height + SCALE)
    axes = new_axes(figure, (left, SCALE, ROOM - COUNT, SCALE + height))
    axes.set_xlim(0, 1)
    axes.set_ylim(rows, 0)
    axes.xaxis.tick_top()
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    axes.set_yticks([])
    axes.grid(visible=True, axis="x", color=shade(RULE), linewidth=1.5)
    room = ROOM - COUNT - left
    for number, group in enumerate(groups):
        middle = number + 0.5 + (AFTER_ALL if number else 0)
        _draw_bar(axes, group, middle, room)
        name = Type(SMALL).fit(group.name, left - 24)
        write(axes, -16 / room, middle, name, bold=number == 0, ha="right", va="center")
        write(
            axes, 1 + COUNT / room, middle, f"{group.works:,}", color=INK if number else GRAY,
            ha="right", va="center",
        )  # fmt: skip
    write(axes, 1 + COUNT / room, -0.32, "works", color=GRAY, ha="right", va="center")
    return pixels(figure)


def _draw_bar(axes: Axes, group: Group, middle: float, room: float) -> None:
    left = 0.0
    for share in group.shares:
        axes.add_patch(
            Rectangle(
                (left, middle - BAR / 2), share.share, BAR, facecolor=shade(share.rgb),
                edgecolor=shade(PAPER), linewidth=2,
            )
        )  # fmt: skip
        wide = share.share * room
        for text, size in (
            (f"{share.term} {share.weight:,.0f}", SMALL),
            (f"{share.term} {share.weight:,.0f}", TINY),
            (f"{share.weight:,.0f}", TINY),
        ):
            if Type(size).width(text) + 12 <= wide:
                write(
                    axes, left + share.share / 2, middle, text, size=size,
                    color=text_on(share.rgb), ha="center", va="center",
                )  # fmt: skip
                break
        left += share.share
