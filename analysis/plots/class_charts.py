"""How a classifier of colours was trained and how well it does, in four charts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from analysis.colors.conversion import hex_to_rgb
from analysis.contact_sheet import GRAY, INK, RULE
from analysis.plots.figure import (
    ACCENT,
    FAINT,
    SECOND,
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
from analysis.reports.classes import Trained

ROW = 50
BAR = 0.66
FOOT = 76
"""Room below the bars for the scale and what it measures."""
COLUMN = 230
"""Room for numbers at the right."""
MINUS = "−"
LEAST_NAMES, MOST_NAMES = 150, 460

CLASS_COLORS = {
    "black": "#1d1d1f",
    "white": "#f3f1ea",
    "gray": "#8b8b89",
    "grey": "#8b8b89",
    "red": "#b3282d",
    "orange": "#dd7f27",
    "yellow": "#e3bf3c",
    "green": "#4b8a52",
    "blue": "#2f5d9b",
    "purple": "#6f4593",
    "violet": "#6f4593",
    "pink": "#dfa0ab",
    "brown": "#7a5132",
}
"""What stands for a class by its name; others are drawn in the accent."""

CELL = (140, 84)
"""Width and height of a cell of the confusion matrix at most."""
FARTHEST = 0.3
"""Accuracy by which a baseline may lie below all folds and still be within the scale."""
BASELINES = {"majority": "always the commonest class", "rules": "fixed classes, no training"}


def draw_support(trained: Trained) -> Canvas:
    """Return how many examples each class has: (h, ROOM, 3) uint8 sRGB."""
    order = sorted(range(len(trained.classes)), key=lambda at: (-trained.support[at], at))
    names = [trained.classes[at] for at in order]
    values = [float(trained.support[at]) for at in order]
    figure, axes = _bars(names, FOOT)
    most = max(values)
    axes.set_xlim(0, most)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for row, (at, value) in enumerate(zip(order, values, strict=True)):
        _bar(axes, row, value, class_color(trained.classes[at]))
        written = f"{value:,.0f}"
        share = f"{value / trained.examples:.0%}  ·  F1 {trained.f1[at]:.2f}"
        write(axes, value + most * 0.008, row, written, bold=True, va="center")
        room = _room(axes)
        write(axes, most + COLUMN * most / room, row, share, color=GRAY, ha="right", va="center")
    _measure(axes, "examples; at the right their share, and the F1 that was reached")
    return pixels(figure)


def draw_comparison(trained: Trained) -> Canvas:
    """Return the accuracy of each kind of classifier beside what needs no training."""
    names = [_plain(scores.name) for scores in trained.accuracy]
    below = [BASELINES.get(name, _plain(name)) for name in trained.baselines]
    figure, axes = _bars([*names, *below], FOOT)
    room = _room(axes)
    lowest = min(fold for scores in trained.accuracy for fold in scores.folds)
    near = [value for value in trained.baselines.values() if lowest - value <= FARTHEST]
    left = max(0.0, float(np.floor((min([lowest, *near]) - 0.02) * 20) / 20))
    axes.set_xlim(left, 1)
    _percent_scale(axes, left)
    for row, scores in enumerate(trained.accuracy):
        chosen = scores.name == trained.selected
        color = ACCENT if chosen else GRAY
        axes.plot(
            [scores.mean - scores.deviation, min(scores.mean + scores.deviation, 1)], [row, row],
            color=shade(color), linewidth=7, alpha=0.35, solid_capstyle="butt",
        )  # fmt: skip
        axes.plot(
            scores.folds, [row] * len(scores.folds), linestyle="none", marker="|", markersize=15,
            markeredgewidth=1.5, color=shade(color), alpha=0.6, clip_on=False,
        )  # fmt: skip
        axes.plot(
            [scores.mean], [row], linestyle="none", marker="o", markersize=15, color=shade(color),
            markeredgecolor=shade(PAPER), markeredgewidth=2, clip_on=False, zorder=5,
        )  # fmt: skip
        said = f"{scores.mean:.1%} ± {100 * scores.deviation:.1f}"
        _number(axes, row, said, room, bold=chosen, color=INK if chosen else GRAY)
    for row, value in enumerate(trained.baselines.values(), start=len(names)):
        # What lies far below is beyond the edge: an arrow says so, and the number how far.
        axes.plot(
            [max(value, left)],
            [row],
            linestyle="none",
            marker="D" if value >= left else "<",
            markersize=12,
            color=shade(SECOND),
            clip_on=False,
        )
        _number(axes, row, f"{value:.1%}", room, color=GRAY)
    _measure(axes, "accuracy; a tick is a fold, a dot their mean, a bar its standard deviation")
    return pixels(figure)


def draw_importance(trained: Trained) -> Canvas:
    """Return how much accuracy is lost where one feature is shuffled."""
    names = [_feature(name) for name, _, _ in trained.importance]
    figure, axes = _bars(names, FOOT)
    room = _room(axes)
    ends = [mean + spread for _, mean, spread in trained.importance]
    low = min([0.0, *(mean - spread for _, mean, spread in trained.importance)])
    axes.set_xlim(low, max([*ends, 0.01]))
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}".replace("-", MINUS))
    for row, (_, mean, spread) in enumerate(trained.importance):
        _bar(axes, row, mean, ACCENT if mean > spread else FAINT)
        for color, width in ((PAPER, 6), (INK, 2)):
            axes.plot(
                [mean - spread, mean + spread],
                [row, row],
                color=shade(color),
                linewidth=width,
                solid_capstyle="butt",
            )
        _number(axes, row, f"{_signed(mean)} ± {100 * spread:.1f}", room, color=INK)
    axes.axvline(0, color=shade(GRAY), linewidth=1.5)
    _measure(
        axes,
        "points of accuracy lost when the feature is shuffled, ± standard deviation; pale: no more "
        "than its deviation",
    )
    return pixels(figure)


def draw_confusion(trained: Trained) -> Canvas:
    """Return what was said of the examples of each class."""
    count = len(trained.classes)
    widest = max(Type(SMALL).width(name) for name in trained.classes)
    left = min(widest + 84, MOST_NAMES)
    width = min((ROOM - left - COLUMN) / count, CELL[0])
    height = min(width, CELL[1])
    top = 124
    figure = new_figure(top + round(height * count) + 12)
    axes = new_axes(figure, (left, top, left + width * count, top + height * count))
    axes.set_xlim(0, count)
    axes.set_ylim(count, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    write(axes, 0, -98 / height, "what was said", color=GRAY, ha="left", va="center")
    write(axes, -24 / width, -24 / height, "what it is", color=GRAY, ha="right", va="center")
    size = (22 / width, 22 / height)
    totals = trained.confusion.sum(axis=1)
    for row, name in enumerate(trained.classes):
        middle = row + 0.5
        _swatch(axes, -34 / width, middle, size, class_color(name))
        label = Type(SMALL).fit(name, left - 70)
        write(axes, -58 / width, middle, label, ha="right", va="center")
        _swatch(axes, middle, -24 / height, size, class_color(name))
        head = Type(TINY).fit(name, round(width) - 6)
        write(axes, middle, -46 / height, head, size=TINY, ha="center", va="bottom")
        for column in range(count):
            _confused(axes, row, column, int(trained.confusion[row, column]), int(totals[row]))
        right = int(trained.confusion[row, row])
        said = f"{right:,} of {int(totals[row]):,}" if totals[row] else "none"
        write(axes, count + 20 / width, middle, said, color=GRAY, ha="left", va="center")
    return pixels(figure)


def class_color(name: str) -> Color:
    """Return what stands for a class."""
    code = CLASS_COLORS.get(name.lower())
    return ACCENT if code is None else hex_to_rgb(code)


def _confused(axes: Axes, row: int, column: int, count: int, total: int) -> None:
    share = count / total if total else 0.0
    color = _between(PAPER, ACCENT if row == column else SECOND, min(1.0, 0.12 + share))
    axes.add_patch(
        Rectangle(
            (column, row), 1, 1, facecolor=shade(color) if count else "none",
            edgecolor=shade(RULE), linewidth=1,
        )
    )  # fmt: skip
    if count:
        write(
            axes, column + 0.5, row + 0.5, f"{count:,}", bold=row == column, color=text_on(color),
            ha="center", va="center",
        )  # fmt: skip


def _swatch(axes: Axes, x: float, y: float, size: tuple[float, float], color: Color) -> None:
    axes.add_patch(
        Rectangle(
            (x - size[0] / 2, y - size[1] / 2),
            *size,
            facecolor=shade(color),
            edgecolor=shade(FAINT),
            linewidth=1,
            clip_on=False,
        )
    )


def _between(one: Color, other: Color, share: float) -> Color:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _bars(names: Sequence[str], foot: int) -> tuple[Figure, Axes]:
    """Return a figure with a row for each name, and its axes; rows are 0, 1, … downwards."""
    left = min(max(max(Type(SMALL).width(name) for name in names) + 28, LEAST_NAMES), MOST_NAMES)
    height = ROW * len(names)
    figure = new_figure(height + foot)
    axes = new_axes(figure, (left, 0, ROOM - COLUMN, height))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [Type(SMALL).fit(name, left - 20) for name in names])
    axes.tick_params(axis="y", labelcolor=shade(INK))
    axes.grid(visible=True, axis="x", color=shade(RULE), linewidth=1.5)
    return figure, axes


def _bar(axes: Axes, row: int, value: float, color: Color) -> None:
    axes.barh(row, value, BAR, color=shade(color), edgecolor=shade(RULE), linewidth=1)


def _room(axes: Axes) -> float:
    """Return the width of `axes` in pixels."""
    return float(axes.get_window_extent().width)


def _number(
    axes: Axes, row: int, said: str, room: float, *, color: Color, bold: bool = False
) -> None:
    low, high = axes.get_xlim()
    right = high + (high - low) * COLUMN / room
    write(axes, right, row, said, color=color, bold=bold, ha="right", va="center")


def _measure(axes: Axes, said: str) -> None:
    axes.set_xlabel(said, fontsize=SMALL, color=shade(GRAY), loc="left", labelpad=10)


def _percent_scale(axes: Axes, left: float) -> None:
    step = 0.1 if left < 0.65 else 0.05
    ticks = np.arange(round(left / step), round(1 / step) + 1) * step
    axes.set_xticks(ticks, [f"{100 * tick:.0f}{' %' if tick > 0.999 else ''}" for tick in ticks])


def _signed(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", MINUS)


def _plain(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _feature(name: str) -> str:
    """Return the name of a channel statistic for people: `lab_a_mean` is a* mean."""
    for axis, written in (("lab_l", "L*"), ("lab_a", "a*"), ("lab_b", "b*")):
        name = name.replace(axis, written)
    return _plain(name)
