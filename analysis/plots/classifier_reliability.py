"""Whether a classifier is right as often as it says: before and after its scores were scaled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.contact_sheet import GRAY
from analysis.plots.figure import (
    ACCENT,
    FAINT,
    SECOND,
    TINY,
    new_axes,
    new_figure,
    pixels,
    rule_across,
    shade,
    write,
)
from analysis.plots.lettering import Canvas
from analysis.plots.page import ROOM
from analysis.plots.strip import PAPER

LEFT: Final = 84
RIGHT: Final = 34
GAP: Final = 110
TOP: Final = 44
COUNTS: Final = 70
"""Height of the counts below a panel."""
BELOW: Final = 52
FOOT: Final = 42
TALLEST: Final = 620


def draw_reliability(calibration: Mapping[str, Any], *, width: int = ROOM) -> Canvas:
    """Return how often it is right where it says so much: (h, width, 3) uint8 sRGB.

    A dot on the diagonal is as good as its word; the bar to the diagonal is what is missing, and
    the counts below say how much a dot is worth.
    """
    panel = (width - LEFT - GAP - RIGHT) // 2
    height = min(panel, TALLEST)
    figure = new_figure(TOP + height + BELOW + COUNTS + FOOT, width)
    titles = (("before", "as it was learned"), ("after", "as it is told"))
    for at, (part, title) in enumerate(titles):
        left = LEFT + at * (panel + GAP)
        found = calibration[part]
        _draw_part(figure, (left, panel, height), title, found)
    return pixels(figure)


def _draw_part(
    figure: Figure, place: tuple[int, int, int], title: str, found: Mapping[str, Any]
) -> None:
    left, panel, height = place
    axes = new_axes(figure, (left, TOP, left + panel, TOP + height))
    rule_across(axes, "both")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    ticks = np.arange(0, 1.01, 0.25)
    said = [f"{100 * tick:.0f}{' %' if tick == 1 else ''}" for tick in ticks]
    axes.set_xticks(ticks, said)
    axes.set_yticks(ticks, said)
    axes.plot([0, 1], [0, 1], color=shade(FAINT), linewidth=2.5, linestyle=(0, (3, 3)))
    bins = [one for one in found["bins"] if one["count"]]
    most = max((one["count"] for one in bins), default=1)
    for one in bins:
        x, y = one["confidence"], one["accuracy"]
        axes.plot([x, x], [x, y], color=shade(SECOND), linewidth=4, solid_capstyle="butt")
        axes.plot(
            [x], [y], linestyle="none", marker="o", markersize=9 + 9 * (one["count"] / most) ** 0.5,
            color=shade(ACCENT), markeredgecolor=shade(PAPER), markeredgewidth=2, clip_on=False,
            zorder=5,
        )  # fmt: skip
    above = 1 + 26 / height
    write(axes, 0, above, title, bold=True, ha="left", va="center")
    ece = found["ece"]
    error = "" if ece is None else f"calibration error {100 * ece:.1f} %"
    write(axes, 1, above, error, size=TINY, color=GRAY, ha="right", va="center")
    _draw_counts(figure, left, panel, TOP + height + BELOW, found)


def _draw_counts(figure: Figure, left: int, panel: int, top: int, found: Mapping[str, Any]) -> None:
    axes: Axes = new_axes(figure, (left, top, left + panel, top + COUNTS))
    axes.set_xlim(0, 1)
    most = max((one["count"] for one in found["bins"]), default=0) or 1
    axes.set_ylim(0, most)
    axes.set_xticks([])
    axes.set_yticks([0, most], ["0", f"{most:,}"])
    axes.tick_params(axis="y", labelsize=TINY)
    for one in found["bins"]:
        wide = one["high"] - one["low"]
        axes.add_patch(
            Rectangle(
                (one["low"] + wide * 0.06, 0), wide * 0.88, one["count"], facecolor=shade(FAINT)
            )
        )
    axes.set_xlabel(
        "how sure it says it is; how often it says so", fontsize=TINY, color=shade(GRAY),
        loc="right", labelpad=10,
    )  # fmt: skip
