"""What a classifier takes for what: counts, or the shares of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from analysis.contact_sheet import GRAY, RULE
from analysis.plots.figure import (
    ACCENT,
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

MOST_CLASSES: Final = 30
"""Classes that are drawn: those of most images."""
CELL: Final = (132, 56)
"""Width and height of a cell at most."""
LOWEST: Final = 28
"""Height of a cell at least."""
NAMES: Final = 360
"""Room for names at most."""
SAID: Final = 150
"""Room at the right for how many were right."""
PALEST: Final = 0.12


def draw_confusion(
    classes: Sequence[str],
    confusion: npt.ArrayLike,
    *,
    shares: bool = False,
    width: int = ROOM,
) -> Canvas:
    """Return what was said of the images of each class, (h, width, 3) uint8 sRGB.

    `confusion` is (classes, classes), rows what it is and columns what was said. With `shares`,
    cells say percentages of their row. Of more than MOST_CLASSES, those of most images are drawn.
    """
    counts = np.asarray(confusion, np.int64)
    totals = counts.sum(axis=1)
    shown = most_supported(totals)
    names = [classes[at] for at in shown]
    face = Type(SMALL)
    widest = max(face.width(name) for name in names)
    left = min(widest + 44, NAMES)
    across = min((width - left - SAID) / len(shown), CELL[0])
    down = float(np.clip(across * 0.62, LOWEST, CELL[1]))
    upright = max(Type(TINY).width(name) for name in names) > across - 8
    top = 56 + (min(round(widest * TINY / SMALL) + 12, 220) if upright else 28)
    figure = new_figure(top + round(down * len(shown)) + 12, width)
    axes = new_axes(figure, (left, top, left + across * len(shown), top + down * len(shown)))
    axes.set_xlim(0, len(shown))
    axes.set_ylim(len(shown), 0)
    axes.set_xticks([])
    axes.set_yticks([])
    write(axes, 0, -(top - 22) / down, "what was said", color=GRAY, ha="left", va="center")
    write(axes, -20 / across, -22 / down, "what it is", color=GRAY, ha="right", va="center")
    lines = np.arange(len(shown) + 1)
    for draw in (axes.hlines, axes.vlines):
        draw(lines, 0, len(shown), color=shade(RULE), linewidth=1, clip_on=False, zorder=2)
    for row, at in enumerate(shown):
        label = face.fit(names[row], left - 30)
        write(axes, -20 / across, row + 0.5, label, ha="right", va="center")
        _head(axes, row, names[row], (across, down), upright=upright)
        for column, said in enumerate(shown):
            _cell(axes, (row, column), int(counts[at, said]), int(totals[at]), shares, across)
        right = f"{int(counts[at, at]):,} of {int(totals[at]):,}" if totals[at] else "none"
        end = len(shown) + 16 / across
        write(axes, end, row + 0.5, right, size=TINY, color=GRAY, ha="left", va="center")
    return pixels(figure)


def most_supported(totals: npt.NDArray[np.int64]) -> list[int]:
    """Return the places of the classes of most images, at most MOST_CLASSES, in their order."""
    order = np.argsort(-totals, kind="stable")[:MOST_CLASSES]
    return sorted(order.tolist())


def _head(axes: Axes, column: int, name: str, cell: tuple[float, float], *, upright: bool) -> None:
    across, down = cell
    face = Type(TINY)
    place = (column + 0.5, -12 / down)
    if upright:
        written = face.fit(name, 206)
        write(axes, *place, written, size=TINY, rotation=90, ha="center", va="bottom")
        return
    written = face.fit(name, round(across) - 6)
    write(axes, *place, written, size=TINY, ha="center", va="bottom")


def _cell(
    axes: Axes, place: tuple[int, int], count: int, total: int, shares: bool, across: float
) -> None:
    row, column = place
    if not count:
        return
    share = count / total
    color = _between(PAPER, ACCENT if row == column else SECOND, min(1.0, PALEST + share))
    axes.add_patch(Rectangle((column, row), 1, 1, facecolor=shade(color), linewidth=0))
    said = f"{100 * share:.0f} %" if shares else f"{count:,}"
    if Type(TINY).width(said) > across - 4:
        said = said.removesuffix(" %")
    write(
        axes, column + 0.5, row + 0.5, said, size=TINY, bold=row == column, color=text_on(color),
        ha="center", va="center",
    )  # fmt: skip


def _between(one: Color, other: Color, share: float) -> Color:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
