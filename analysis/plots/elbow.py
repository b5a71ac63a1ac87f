"""How many groups there are, in three curves over one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.contact_sheet import GRAY, INK
from analysis.plots.figure import (
    ACCENT,
    SECOND,
    SMALL,
    new_axes,
    new_figure,
    pixels,
    rule_across,
    shade,
    write,
)
from analysis.plots.lettering import Canvas, Color
from analysis.plots.page import ROOM
from analysis.plots.strip import PAPER

LEFT, RIGHT = 110, 40
PANEL, GAP, TOP, FOOT = 300, 92, 50, 90


@dataclass(frozen=True)
class Curve:
    """One measure over numbers of groups."""

    title: str
    better: str
    """Which end is better, in a few words."""
    values: Sequence[float]
    marked: int | None = None
    """A number that this measure points to by itself."""


def draw_numbers(numbers: Sequence[int], curves: Sequence[Curve], chosen: int) -> Canvas:
    """Return curves one above the other, (h, ROOM, 3) uint8 sRGB, with the number in use."""
    figure = new_figure(TOP + len(curves) * (PANEL + GAP) - GAP + FOOT)
    top = TOP
    for curve in curves:
        axes = new_axes(figure, (LEFT, top, ROOM - RIGHT, top + PANEL))
        last = curve is curves[-1]
        _draw_curve(axes, numbers, curve, chosen, last=last)
        top += PANEL + GAP
    return pixels(figure)


def _draw_curve(
    axes: Axes, numbers: Sequence[int], curve: Curve, chosen: int, *, last: bool
) -> None:
    rule_across(axes)
    low, high = min(curve.values), max(curve.values)
    room = (high - low) * 0.14 or 0.5
    axes.set_ylim(low - room, high + room)
    axes.set_xlim(numbers[0] - 0.5, numbers[-1] + 0.5)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_xticks(list(numbers))
    axes.axvline(chosen, color=shade(SECOND), linewidth=2)
    axes.plot(numbers, curve.values, color=shade(ACCENT), linewidth=3, zorder=3)
    for number, value in zip(numbers, curve.values, strict=True):
        color, size = (SECOND, 17) if number == chosen else (ACCENT, 11)
        _dot(axes, number, value, color, size)
    if curve.marked is not None and curve.marked != chosen:
        at = curve.values[numbers.index(curve.marked)]
        _dot(axes, curve.marked, at, PAPER, 15, edge=ACCENT)
    above = high + room + 2 * room * 0.28
    write(axes, numbers[0] - 0.5, above, curve.title, bold=True, ha="left", va="center")
    write(axes, numbers[-1] + 0.5, above, curve.better, color=GRAY, ha="right", va="center")
    if last:
        axes.set_xlabel(
            "number of groups", fontsize=SMALL, color=shade(INK), labelpad=14, loc="center"
        )


def _dot(axes: Axes, x: float, y: float, color: Color, size: float, *, edge: Color = PAPER) -> None:
    axes.plot(
        [x], [y], linestyle="none", marker="o", markersize=size, color=shade(color),
        markeredgecolor=shade(edge), markeredgewidth=2.5, zorder=5, clip_on=False,
    )  # fmt: skip
