"""How much of the variance of embeddings their leading components keep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from analysis.contact_sheet import INK
from analysis.plots.figure import (
    ACCENT,
    FAINT,
    SECOND,
    SMALL,
    new_axes,
    new_figure,
    pixels,
    rule_across,
    shade,
    write,
)
from analysis.plots.lettering import Canvas
from analysis.plots.page import ROOM

LEFT, RIGHT, TOP, HEIGHT, FOOT = 110, 40, 30, 620, 90
LANDMARKS = (0.5, 0.7, 0.85, 0.95)
"""Shares of which the number of components is written."""


def draw_variance(explained: Sequence[float], kept: int) -> Canvas:
    """Return the variance that components keep together: (h, ROOM, 3) uint8 sRGB.

    `explained` is the share of each component, falling; `kept` says how many are in use.
    """
    together = np.concatenate(([0.0], np.cumsum(explained)))
    figure = new_figure(TOP + HEIGHT + FOOT)
    axes = new_axes(figure, (LEFT, TOP, ROOM - RIGHT, TOP + HEIGHT))
    rule_across(axes)
    count = len(explained)
    axes.set_xlim(0, count)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    places = np.arange(count + 1)
    axes.fill_between(
        places[: kept + 1], together[: kept + 1], color=shade(FAINT), alpha=0.5, linewidth=0
    )
    axes.plot(places, together, color=shade(ACCENT), linewidth=3.5)
    axes.plot([kept, kept], [0, together[kept]], color=shade(SECOND), linewidth=2.5)
    _landmark(axes, kept, float(together[kept]), count, bold=True)
    for share in LANDMARKS:
        at = int(np.searchsorted(together, share - 1e-9))
        if at <= count and abs(at - kept) > count * 0.04:
            _landmark(axes, at, float(together[at]), count, bold=False)
    axes.set_xlabel("components", fontsize=SMALL, color=shade(INK), labelpad=14)
    return pixels(figure)


def _landmark(axes: Axes, at: int, share: float, count: int, *, bold: bool) -> None:
    color = SECOND if bold else ACCENT
    axes.plot(
        [at], [share], linestyle="none", marker="o", markersize=16 if bold else 11,
        color=shade(color), clip_on=False, zorder=5,
    )  # fmt: skip
    said = f"{at:,} keep {share:.0%}" if bold else f"{at:,}  ·  {share:.0%}"
    write(
        axes, at + count * 0.012, share - 0.035, said, bold=bold, color=INK, ha="left", va="center"
    )
