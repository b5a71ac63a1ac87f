"""Which terms fall into which groups, as a table of shades."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.patches import Rectangle

from analysis.contact_sheet import GRAY, RULE
from analysis.plots.figure import (
    ACCENT,
    SMALL,
    TINY,
    new_axes,
    new_figure,
    pixels,
    shade,
    text_on,
    write,
)
from analysis.plots.lettering import Canvas, Color, Type
from analysis.plots.page import ROOM
from analysis.plots.strip import PAPER

LEAST_NAMES, MOST_NAMES = 150, 420
ROW = 46
WIDEST = 120
TOP, FOOT = 70, 10
PALEST = 0.1


def draw_heatmap(
    names: Sequence[str], groups: Sequence[int], works: npt.NDArray[np.int64]
) -> Canvas:
    """Return works by term and group, (h, ROOM, 3) uint8 sRGB.

    `works` is (names, groups). A cell is the darker, the larger its share of the term's works.
    """
    widest = max(Type(SMALL).width(name) for name in names)
    left = float(np.clip(widest + 40, LEAST_NAMES, MOST_NAMES))
    width = min((ROOM - left - 20) / len(groups), WIDEST)
    figure = new_figure(TOP + ROW * len(names) + FOOT)
    box = (left, TOP, left + width * len(groups), TOP + ROW * len(names))
    axes = new_axes(figure, box)
    axes.set_xlim(0, len(groups))
    axes.set_ylim(len(names), 0)
    axes.set_xticks([])
    axes.set_yticks([])
    write(axes, -20 / width, -22 / ROW, "group", color=GRAY, ha="right", va="center")
    for column, group in enumerate(groups):
        write(axes, column + 0.5, -22 / ROW, str(group), bold=True, ha="center", va="center")
    totals = np.maximum(works.sum(axis=1), 1)
    for row, name in enumerate(names):
        label = Type(SMALL).fit(name, round(left) - 40)
        write(axes, -20 / width, row + 0.5, label, ha="right", va="center")
        for column in range(len(groups)):
            count = int(works[row, column])
            color = _between(PAPER, ACCENT, PALEST + (1 - PALEST) * count / totals[row])
            axes.add_patch(
                Rectangle(
                    (column, row), 1, 1, facecolor=shade(color) if count else "none",
                    edgecolor=shade(RULE), linewidth=1,
                )
            )  # fmt: skip
            if count:
                write(
                    axes, column + 0.5, row + 0.5, f"{count:,}", size=TINY, color=text_on(color),
                    ha="center", va="center",
                )  # fmt: skip
    return pixels(figure)


def _between(one: Color, other: Color, share: float) -> Color:
    red, green, blue = (
        round(a + (b - a) * min(1.0, share)) for a, b in zip(one, other, strict=True)
    )
    return red, green, blue
