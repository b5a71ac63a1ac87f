"""What a classifier finds at every threshold, and how it learned: curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

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

LEFT: Final = 84
RIGHT: Final = 34
GAP: Final = 110
TOP: Final = 44
FOOT: Final = 74
LEGEND_ROW: Final = 30
TALLEST: Final = 620
PANEL: Final = 380
"""Height of a panel of what was measured epoch by epoch."""
DASHES: Final[tuple[Any, ...]] = ("-", (0, (6, 2)), (0, (2, 2)))
"""Classes that share a colour, or whose colours somebody takes for one another, differ in these."""
VALIDATION: Final = "validation_"


def draw_found(
    curves: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]],
    per_class: Sequence[Mapping[str, Any]],
    *,
    width: int = ROOM,
) -> Canvas:
    """Return ROC and precision-recall curves side by side: (h, width, 3) uint8 sRGB.

    Classes with the lowest average precision have colours, and a line of the legend; where there
    are more, the others are pale.
    """
    scores = {one["label"]: one for one in per_class}
    labels = sorted(
        (label for label in curves["precision_recall"] if label in scores),
        key=lambda label: (_known(scores[label]["ap"]), label),
    )
    colored = {label: _style(at) for at, label in enumerate(labels[: len(MUTED)])}
    panel = (width - LEFT - GAP - RIGHT) // 2
    height = min(panel, TALLEST)
    columns = 2 if width < ROOM else 3
    lines = -(-(len(colored) + (len(labels) > len(colored))) // columns)
    figure = new_figure(TOP + height + FOOT + LEGEND_ROW * lines + 10, width)
    left = _panel(
        figure, (LEFT, panel, height), "ROC", "false alarms: share of all others", "found"
    )
    left.plot([0, 1], [0, 1], color=shade(FAINT), linewidth=2, linestyle=(0, (3, 3)))
    place = (LEFT + panel + GAP, panel, height)
    right = _panel(figure, place, "precision and recall", "found", "right where it is said")
    for label in reversed(labels):
        color, dash, strong = colored.get(label, (FAINT, "-", 1.5))
        roc = curves["roc"].get(label)
        if roc is not None:
            _line(left, roc["fpr"], roc["tpr"], color, dash, strong)
        precise = curves["precision_recall"][label]
        _line(right, precise["recall"], precise["precision"], color, dash, strong)
    _legend(figure, colored, scores, len(labels) - len(colored), columns, TOP + height + FOOT)
    return pixels(figure)


def draw_history(history: Mapping[str, Sequence[float]], *, width: int = ROOM) -> Canvas | None:
    """Return what was measured epoch by epoch, (h, width, 3) uint8 sRGB; None: nothing was.

    What training and validation measured alike is in one panel; the line is the epoch whose
    validation loss was least, which was kept.
    """
    names = [name for name in history if not name.startswith(VALIDATION) and len(history[name]) > 1]
    if not names:
        return None
    best = _best_epoch(history)
    rows = -(-len(names) // 2)
    panel = (width - LEFT - GAP - RIGHT) // 2 if len(names) > 1 else width - LEFT - RIGHT
    figure = new_figure(rows * (TOP + PANEL + FOOT), width)
    for at, name in enumerate(names):
        row, column = divmod(at, 2)
        left = LEFT + column * (panel + GAP)
        top = TOP + row * (TOP + PANEL + FOOT)
        axes = new_axes(figure, (left, top, left + panel, top + PANEL))
        _epochs(axes, name, history, best)
    return pixels(figure)


def _known(value: float | None) -> float:
    return 2.0 if value is None else value


def _style(at: int) -> tuple[Color, Any, float]:
    return MUTED[at], DASHES[at % len(DASHES)], 3.0


def _line(
    axes: Axes, x: Sequence[float], y: Sequence[float], color: Color, dash: Any, strong: float
) -> None:
    axes.plot(x, y, color=shade(color), linewidth=strong, linestyle=dash, clip_on=False)


def _panel(figure: Figure, place: tuple[int, int, int], title: str, across: str, up: str) -> Axes:
    left, side, height = place
    axes = new_axes(figure, (left, TOP, left + side, TOP + height))
    rule_across(axes, "both")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    ticks = np.arange(0, 1.01, 0.25)
    said = [f"{100 * tick:.0f}{' %' if tick == 1 else ''}" for tick in ticks]
    axes.set_xticks(ticks, said)
    axes.set_yticks(ticks, said)
    write(axes, 0, 1 + 26 / height, title, bold=True, ha="left", va="center")
    write(axes, 1, 1 + 26 / height, f"up: {up}", size=TINY, color=GRAY, ha="right", va="center")
    axes.set_xlabel(across, fontsize=TINY, color=shade(GRAY), loc="right", labelpad=8)
    return axes


def _legend(
    figure: Figure,
    colored: Mapping[str, tuple[Color, Any, float]],
    scores: Mapping[str, Mapping[str, Any]],
    others: int,
    columns: int,
    top: int,
) -> None:
    width, height = figure.bbox.size
    axes = new_axes(figure, (0, top, width, height))
    axes.set_xlim(0, width)
    axes.set_ylim(height - top, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    room = (width - LEFT) / columns
    entries: list[tuple[str, str, tuple[Color, Any, float]]] = [
        (label, _said(scores[label]), style) for label, style in colored.items()
    ]
    if others:
        better = f"{others:,} others, with higher AP"
        entries.append((better, "", (FAINT, "-", 3.0)))
    for at, (label, said, (color, dash, strong)) in enumerate(entries):
        row, column = divmod(at, columns)
        x, y = LEFT + column * room, LEGEND_ROW * (row + 0.5)
        axes.plot([x, x + 46], [y, y], color=shade(color), linewidth=strong + 1, linestyle=dash)
        free = room - 70 - Type(TINY).width(said)
        name = Type(TINY).fit(label, round(free) - 24)
        write(axes, x + 58, y, name, size=TINY, ha="left", va="center")
        after = x + 58 + Type(TINY).width(name) + 12
        write(axes, after, y, said, size=TINY, color=GRAY, ha="left", va="center")


def _said(score: Mapping[str, Any]) -> str:
    known = (("AP", score["ap"]), ("AUC", score["auc"]))
    return "  ".join(f"{name} {value:.3f}" for name, value in known if value is not None)


def _best_epoch(history: Mapping[str, Sequence[float]]) -> int | None:
    losses = history.get(f"{VALIDATION}loss", ())
    return int(np.nanargmin(losses)) + 1 if len(losses) and not np.isnan(losses).all() else None


def _epochs(
    axes: Axes, name: str, history: Mapping[str, Sequence[float]], best: int | None
) -> None:
    rule_across(axes)
    lines = [(history[name], ACCENT, "train")]
    if (checked := history.get(f"{VALIDATION}{name}")) is not None:
        lines.append((checked, SECOND, "validation"))
    values = np.concatenate([np.asarray(line, np.float64) for line, _, _ in lines])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = (high - low) * 0.08 or 0.5
    axes.set_ylim(low - room, high + room)
    last = max(len(line) for line, _, _ in lines)
    axes.set_xlim(1, last)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    if best is not None:
        axes.axvline(best, color=shade(FAINT), linewidth=2)
    for line, color, _ in lines:
        axes.plot(
            range(1, len(line) + 1), line, color=shade(color), linewidth=3, clip_on=False,
            linestyle="-" if color == ACCENT else (0, (5, 2)),
        )  # fmt: skip
    above = high + room + (high - low + 2 * room) * 26 / PANEL
    write(axes, 1, above, name.replace("_", " "), bold=True, ha="left", va="center")
    x, end = float(last), (last - 1) / float(axes.get_window_extent().width)
    for _, color, said in reversed(lines):
        write(axes, x, above, said, size=TINY, color=color, bold=True, ha="right", va="center")
        x -= (Type(TINY).width(said) + 24) * end
    axes.set_xlabel(
        "epoch" if best is None else f"epoch; {best} was kept",
        fontsize=SMALL, color=shade(INK), labelpad=10,
    )  # fmt: skip
    axes.set_facecolor(shade(PAPER))
