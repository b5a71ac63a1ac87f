"""How good a classifier is, class by class, and beside what needs no learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.contact_sheet import GRAY, INK
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
    write,
)
from analysis.plots.lettering import Canvas, Color, Type
from analysis.plots.map_page import MUTED
from analysis.plots.page import ROOM
from analysis.plots.strip import PAPER

ROW: Final = 44
BAR: Final = 0.56
FOOT: Final = 76
NUMBERS: Final = 270
"""Room at the right for numbers."""
LEAST_NAMES: Final = 130
NAMES: Final = 380
MOST_CLASSES: Final = 60
"""Classes that are drawn: those of most images."""
MEASURES: Final[Mapping[str, str]] = {
    "accuracy": "accuracy",
    "f1_macro": "macro-F1",
    "map": "mAP",
}
BASELINES: Final[Mapping[str, tuple[str, str, Color]]] = {
    "majority": ("always the commonest", "D", SECOND),
    "base_rate": ("guessing in proportion", "s", MUTED[6]),
    "all_zero": ("saying nothing", "^", MUTED[7]),
}


def draw_classes(per_class: Sequence[Mapping[str, Any]], *, width: int = ROOM) -> Canvas:
    """Return F1, precision and recall of each class with its images: (h, width, 3) uint8 sRGB.

    The best class comes first. Of more than MOST_CLASSES, those of most images are drawn.
    """
    chosen = sorted(per_class, key=lambda one: (-one["support"], one["label"]))[:MOST_CLASSES]
    shown = sorted(chosen, key=lambda one: (-(one["f1"] or 0.0), one["label"]))
    figure, axes = _rows([one["label"] for one in shown], width)
    for row, one in enumerate(shown):
        axes.barh(row, one["f1"] or 0.0, BAR, color=shade(ACCENT if one["support"] else FAINT))
        for name, marker in (("precision", ">"), ("recall", "o")):
            if one[name] is not None:
                axes.plot(
                    [one[name]], [row], linestyle="none", marker=marker, markersize=13,
                    color=shade(SECOND), markeredgecolor=shade(PAPER), markeredgewidth=1.5,
                    clip_on=False, zorder=5,
                )  # fmt: skip
        said = "" if one["f1"] is None else f"F1 {one['f1']:.2f}"
        images = f"{one['support']:,} image{'' if one['support'] == 1 else 's'}"
        _write_right(axes, row, said, images)
    _explain(axes, "bar: F1; triangle: precision; dot: recall; images that measured")
    return pixels(figure)


def draw_baselines(metrics: Mapping[str, Any], *, width: int = ROOM) -> Canvas:
    """Return the three headline measures with their intervals beside baselines.

    (h, width, 3) uint8 sRGB.
    """
    names = [name for name in MEASURES if metrics.get(name) is not None]
    figure, axes = _rows([MEASURES[name] for name in names], width, row=64)
    given = [name for name in BASELINES if metrics["baselines"].get(name)]
    for row, name in enumerate(names):
        for baseline in given:
            value = metrics["baselines"][baseline].get(name)
            if value is not None:
                _, marker, color = BASELINES[baseline]
                _mark(axes, value, row, marker, color, 13)
        interval = metrics["intervals"].get(name)
        if interval is not None:
            axes.plot(
                [interval["low"], interval["high"]], [row, row], color=shade(ACCENT), linewidth=9,
                alpha=0.35, solid_capstyle="butt", clip_on=False,
            )  # fmt: skip
        _mark(axes, metrics[name], row, "o", ACCENT, 17)
        said = "" if interval is None else f"{interval['low']:.3f} to {interval['high']:.3f}"
        _write_right(axes, row, f"{metrics[name]:.3f}", said)
    _legend(axes, given, len(names))
    return pixels(figure)


def _rows(names: Sequence[str], width: int, *, row: int = ROW) -> tuple[Figure, Axes]:
    """Return a figure with a row for each name, 0, 1, … downwards, over a scale from 0 to 1."""
    widest = max((Type(SMALL).width(name) for name in names), default=0)
    left = min(max(widest + 30, LEAST_NAMES), NAMES)
    height = row * max(len(names), 1)
    figure = new_figure(height + FOOT, width)
    axes = new_axes(figure, (left, 0, width - NUMBERS, height))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    rule_across(axes, "x")
    axes.set_yticks(range(len(names)), [Type(SMALL).fit(name, left - 20) for name in names])
    axes.tick_params(axis="y", labelcolor=shade(INK))
    ticks = np.arange(0, 1.01, 0.25)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    return figure, axes


def _write_right(axes: Axes, row: int, said: str, more: str) -> None:
    pixel = 1 / float(axes.get_window_extent().width)
    write(axes, 1 + 26 * pixel, row, said, bold=True, ha="left", va="center")
    end = 1 + (NUMBERS - 4) * pixel
    write(axes, end, row, more, size=TINY, color=GRAY, ha="right", va="center")


def _mark(axes: Axes, value: float, row: float, marker: str, color: Color, size: float) -> None:
    axes.plot(
        [value], [row], linestyle="none", marker=marker, markersize=size, color=shade(color),
        markeredgecolor=shade(PAPER), markeredgewidth=2, clip_on=False, zorder=5,
    )  # fmt: skip


def _explain(axes: Axes, said: str) -> None:
    axes.set_xlabel(said, fontsize=TINY, color=shade(GRAY), loc="left", labelpad=10)


def _legend(axes: Axes, given: Sequence[str], rows: int) -> None:
    """Write what the marks are, below the scale."""
    pixel = 1 / float(axes.get_window_extent().width)
    below = rows - 0.5 + 54 / 64
    entries = [
        ("o", ACCENT, "this classifier"),
        *((BASELINES[name][1], BASELINES[name][2], BASELINES[name][0]) for name in given),
    ]
    x = 8 * pixel
    for marker, color, said in entries:
        _mark(axes, x, below, marker, color, 12)
        write(axes, x + 16 * pixel, below, said, size=TINY, color=GRAY, ha="left", va="center")
        x += (Type(TINY).width(said) + 56) * pixel
