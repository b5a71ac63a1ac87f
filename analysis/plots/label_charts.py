"""How labels are spread over works, in three charts: counts, imbalance, and what goes together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullLocator

from analysis.contact_sheet import GRAY, INK, RULE
from analysis.labels.distribution.counts import HeadLabels
from analysis.labels.distribution.together import Together
from analysis.plots.figure import (
    ACCENT,
    FAINT,
    SECOND,
    SMALL,
    TINY,
    new_axes,
    new_figure,
    pixels,
    rule_across,
    shade,
    text_on,
    write,
)
from analysis.plots.lettering import Canvas, Color, Type
from analysis.plots.page import ROOM
from analysis.plots.strip import PAPER

ROW = 42
BAR = 0.7
FOOT = 44
"""Room below the bars for the scale."""
OVER = 40
"""Room above them for what the numbers are."""
NUMBERS = 310
"""Room for numbers at the right."""
LEAST_NAMES, MOST_NAMES = 150, 460

CURVE = 300
"""Height of the sorted counts."""
KEY = 72
"""Room below them for the ranks and what they are."""
MARKED = 80
"""Labels that are marked one by one at most."""

CELL = (132, 62)
"""Width and height of a cell of what goes together, at most."""
SLANT = 20
STRONG = 4.0
"""How many times as often as by chance is shown in the darkest shade."""
SELDOM = 0.55
"""How dark that of the most seldom is, of 1: there are many of them, and they say less."""
EXPECTED = 5.0
"""Fewest works that chance has to bring together before too few can be told (Cochran 1954)."""


def draw_labels(head: HeadLabels) -> Canvas:
    """Return the works of each label, (h, ROOM, 3) uint8 sRGB; pale: inherited."""
    names = [label.name for label in head.labels]
    widest = max(Type(SMALL).width(name) for name in names)
    left = min(max(widest + 28, LEAST_NAMES), MOST_NAMES)
    height = ROW * len(names)
    figure = new_figure(OVER + height + FOOT)
    axes = new_axes(figure, (left, OVER, ROOM - NUMBERS, OVER + height))
    most = max(label.works for label in head.labels)
    axes.set_xlim(0, most)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [Type(SMALL).fit(name, left - 20) for name in names])
    axes.tick_params(axis="y", labelcolor=shade(INK))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    rule_across(axes, "x")
    room = ROOM - NUMBERS - left
    places = [most * (1 + right / room) for right in (96, 196, NUMBERS - 2)]
    for place, said in zip(places, ("works", "share", "artists"), strict=True):
        above = -0.5 - 20 / ROW
        write(axes, place, above, said, color=GRAY, ha="right", va="center")
    for row, label in enumerate(head.labels):
        own = label.works - label.inherited
        for start, end, color in ((0, own, ACCENT), (own, label.works, FAINT)):
            if end > start:
                axes.barh(row, end - start, BAR, left=start, color=shade(color))
        works, share, artists = places
        write(axes, works, row, f"{label.works:,}", bold=True, ha="right", va="center")
        written = f"{100 * head.share(label):.1f} %"
        write(axes, share, row, written, ha="right", va="center")
        write(axes, artists, row, f"{label.artists:,}", color=GRAY, ha="right", va="center")
    return pixels(figure)


def draw_imbalance(head: HeadLabels) -> Canvas:
    """Return the sizes of labels, the largest first, on a scale of powers of ten: (h, ROOM, 3)."""
    sizes = head.sizes
    left = 110
    figure = new_figure(CURVE + KEY + 20)
    axes = new_axes(figure, (left, 20, ROOM - NUMBERS, 20 + CURVE))
    axes.set_yscale("log")
    axes.set_xlim(0.5, max(len(sizes), 2) + 0.5)
    low, high = np.floor(np.log10(sizes[-1])), np.ceil(np.log10(sizes[0]))
    axes.set_ylim(10**low * 0.8, 10 ** max(high, low + 1) * 1.25)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    rule_across(axes)
    ranks = range(1, len(sizes) + 1)
    axes.plot(
        ranks,
        sizes,
        color=shade(ACCENT),
        linewidth=3,
        marker="o" if len(sizes) <= MARKED else "",
        markersize=9,
        markeredgecolor=shade(PAPER),
        markeredgewidth=1.5,
        clip_on=False,
    )
    even = head.labelled * _mean(head) / head.classes
    axes.axhline(even, color=shade(SECOND), linewidth=2, dashes=(6, 4))
    room = ROOM - NUMBERS - left
    end = axes.get_xlim()[1] * (1 + 16 / room)
    write(axes, end, even, f"{even:,.0f} if all were equal", color=SECOND, va="center")
    axes.set_xlabel(
        "labels by size, and their works on a scale of powers of ten",
        fontsize=SMALL, color=shade(GRAY), loc="left", labelpad=8,
    )  # fmt: skip
    return pixels(figure)


def draw_together(found: Together) -> Canvas:
    """Return how often labels go together, (h, ROOM, 3) uint8 sRGB.

    Blue: oftener than by chance; orange: more seldom. A number is works.
    """
    rows, columns = len(found.rows), len(found.columns)
    widest = max(Type(SMALL).width(name) for name in found.rows)
    left = min(max(widest + 40, LEAST_NAMES), MOST_NAMES)
    width = min((ROOM - left - 10) / columns, CELL[0])
    height = min(max(width, 34), CELL[1])
    upright = width < max(Type(TINY).width(name) for name in found.columns) + 8
    longest = max(Type(TINY).width(name) for name in found.columns)
    top = min(longest, 230) + 24 if upright else 50
    figure = new_figure(round(top + height * rows) + 10)
    axes = new_axes(figure, (left, top, left + width * columns, top + height * rows))
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    for column, name in enumerate(found.columns):
        _column_name(axes, column, Type(TINY).fit(name, top - 24 if upright else round(width)),
                     height, upright=upright)  # fmt: skip
    lift, chance = found.lift, found.chance
    for row, name in enumerate(found.rows):
        said = Type(SMALL).fit(name, round(left) - 40)
        write(axes, -18 / width, row + 0.5, said, ha="right", va="center")
        for column, other in enumerate(found.columns):
            same = found.head == found.by and name == other
            count = int(found.counts[row, column])
            color = (
                RULE if same else lift_color(float(lift[row, column]), float(chance[row, column]))
            )
            axes.add_patch(
                Rectangle(
                    (column, row), 1, 1, facecolor=shade(color), edgecolor=shade(RULE), linewidth=1
                )
            )
            if count:
                written = f"{count:,}"
                if Type(TINY).width(written) + 6 <= width:
                    write(
                        axes, column + 0.5, row + 0.5, written, size=TINY,
                        color=GRAY if same else text_on(color), ha="center", va="center",
                    )  # fmt: skip
    return pixels(figure)


def lift_color(lift: float, expected: float) -> Color:
    """Return the shade of a cell: paper where two labels meet as often as chance has it.

    Of labels that chance would bring together less than EXPECTED times, nothing is said by their
    not meeting.
    """
    strength = float(np.log(np.clip(lift, 1 / STRONG, STRONG)) / np.log(STRONG))
    if strength < 0:
        return PAPER if expected < EXPECTED else _between(PAPER, SECOND, -SELDOM * strength)
    return _between(PAPER, ACCENT, strength)


def _column_name(axes: Axes, column: int, said: str, height: float, *, upright: bool) -> None:
    if upright:
        write(
            axes, column + 0.5, -10 / height, said, size=TINY, rotation=90, ha="center",
            va="bottom",
        )  # fmt: skip
    else:
        write(axes, column + 0.5, -SLANT / height, said, size=TINY, ha="center", va="center")


def _mean(head: HeadLabels) -> float:
    """Return how many labels a labelled work has."""
    return sum(labels * works for labels, works in head.per_work.items()) / head.labelled


def _between(one: Color, other: Color, share: float) -> Color:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def stacked(canvases: Sequence[Canvas], gap: int = 34) -> Canvas:
    """Return charts one below the other."""
    paper = np.full((gap, ROOM, 3), PAPER, np.uint8)
    parts = [part for canvas in canvases for part in (canvas, paper)][:-1]
    return np.ascontiguousarray(np.vstack(parts))
