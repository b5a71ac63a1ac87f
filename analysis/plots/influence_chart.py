"""Likeness in time: groups in rows, periods in columns, and lines from earlier to later works."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, PathPatch
from matplotlib.path import Path

from analysis.contact_sheet import GRAY, INK, RULE
from analysis.influence.strength import Cohort, Strength
from analysis.influence.table import Influence
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
from analysis.plots.lettering import Canvas, Type
from analysis.plots.page import ROOM
from analysis.plots.strip import PAPER

ROW: Final = 74
ARCS: Final = 300
"""Room above the only row where cohorts are periods, for its arcs."""
HEAD: Final = 64
"""Room above the rows for the years."""
NAMES: Final = (150, 420)
"""Room for names at the left, least and most."""
RADIUS: Final = (9, 30)
"""Radius of a cohort of few works and of the largest, in pixels."""
WIDTH: Final = (2.0, 16.0)
"""Width of a line at no excess over chance, and at all of the nearest works."""
OWN_RISE: Final = 34
"""How far lines within a row are swung up, so that they lead around what is between."""
MOST_LINES: Final = 60
MOST_TOLD: Final = 12
"""Pairs that are told in words below the chart."""
LINE: Final = 42
"""Height of one of them."""
TABLE: Final = 112
"""Room between the chart and the first of them."""
NARROW: Final = 1200
"""Room for the names of a pair, before its numbers."""


def draw_influence(influence: Influence) -> Canvas:
    """Return the chart with its table: (h, ROOM, 3) uint8 sRGB.

    Lines are pairs beyond chance, the wider the further: in blue to other groups, in grey to a
    group's own past. Circles are cohorts, their area in proportion to their works.
    """
    rows = row_order(influence)
    single = influence.by == "period"
    rows_high = (ARCS if influence.found else 0) + ROW if single else ROW * len(rows)
    told = told_first(influence)[:MOST_TOLD]
    height = HEAD + rows_high + TABLE + LINE * len(told)
    figure = new_figure(height)
    _draw_chart(figure, influence, rows, HEAD + rows_high)
    _draw_table(figure, influence, told, HEAD + rows_high + TABLE)
    return pixels(figure)


def row_order(influence: Influence) -> list[str]:
    """Return the groups from above: those whose works are earlier first."""
    moments: dict[str, list[tuple[int, int]]] = {}
    for cohort in influence.table.cohorts:
        moments.setdefault(influence.group(cohort), []).append((cohort.period, cohort.works))

    def middle(group: str) -> float:
        return sum(p * w for p, w in moments[group]) / sum(w for _, w in moments[group])

    return sorted(moments, key=lambda group: (middle(group), group))


def told_first(influence: Influence) -> list[Strength]:
    """Return all pairs: those beyond chance first, and of these, those of two groups."""

    def rank(pair: Strength) -> tuple[bool, bool]:
        return not pair.found, pair.found and _is_own(pair)

    return sorted(influence.table.pairs, key=rank)


def _draw_chart(figure: Figure, influence: Influence, rows: Sequence[str], bottom: int) -> None:
    widest = max(Type(SMALL).width(name) for name in rows)
    left = min(max(widest + 40, NAMES[0]), NAMES[1]) if any(rows) else 0
    axes = new_axes(figure, (left, HEAD, ROOM, bottom))
    # In pixels, so that circles are round.
    axes.set_xlim(0, ROOM - left)
    axes.set_ylim(bottom - HEAD, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    cohorts = influence.table.cohorts
    periods = range(min(c.period for c in cohorts), max(c.period for c in cohorts) + 1)
    pitch = (ROOM - left) / len(periods)
    at = {period: (number + 0.5) * pitch for number, period in enumerate(periods)}
    first = bottom - HEAD - ROW / 2 if len(rows) == 1 else ROW / 2
    level = {group: first + ROW * number for number, group in enumerate(rows)}
    for group in rows:
        axes.plot([0, ROOM - left], [level[group]] * 2, color=shade(RULE), linewidth=1.5, zorder=0)
        if group:
            name = Type(SMALL).fit(group, left - 30)
            write(axes, -18, level[group], name, ha="right", va="center")
    _write_years(axes, influence, at, pitch)
    places = {cohort: (at[cohort.period], level[influence.group(cohort)]) for cohort in cohorts}
    for pair in reversed(influence.found[:MOST_LINES]):
        _draw_line(axes, pair, places[pair.earlier], places[pair.later], arch=len(rows) == 1)
    _draw_cohorts(axes, places, min(RADIUS[1], pitch * 0.3))


def _write_years(axes: Axes, influence: Influence, at: dict[int, float], pitch: float) -> None:
    labels = {period: influence.period(Cohort(None, period, 0, 0)).label for period in at}
    widest = max(Type(SMALL).width(label) for label in labels.values()) + 20
    every = math.ceil(widest / pitch)
    for number, (period, x) in enumerate(at.items()):
        if number % every == 0:
            write(axes, x, -30, labels[period], color=GRAY, ha="center", va="center")


def _draw_line(
    axes: Axes,
    pair: Strength,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    arch: bool,
) -> None:
    """Draw a line from an earlier cohort to a later one, swung where they are in one row."""
    own = _is_own(pair)
    reach = end[0] - start[0]
    rise = min(0.42 * reach, ARCS * 1.25) if arch else (OWN_RISE if own else 0.0)
    middle = [(start[0] + reach * share, level - rise)
              for share, level in ((0.4, start[1]), (0.6, end[1]))]  # fmt: skip
    path = Path([start, *middle, end], [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
    width = WIDTH[0] + (WIDTH[1] - WIDTH[0]) * max(0.0, pair.share - pair.chance)
    axes.add_patch(
        PathPatch(
            path, facecolor="none", edgecolor=shade(FAINT if own else ACCENT), linewidth=width,
            alpha=0.9 if own else 0.75, capstyle="round", clip_on=False, zorder=1 if own else 2,
        )
    )  # fmt: skip


def _draw_cohorts(axes: Axes, places: dict[Cohort, tuple[float, float]], most: float) -> None:
    largest = max(cohort.works for cohort in places)
    for cohort, (x, y) in places.items():
        radius = max(most * math.sqrt(cohort.works / largest), RADIUS[0])
        axes.add_patch(
            Circle((x, y), radius, facecolor=shade(SECOND), edgecolor=shade(PAPER), linewidth=2,
                   zorder=3, clip_on=False)
        )  # fmt: skip
        said = f"{cohort.works:,}"
        if Type(TINY).width(said) < 1.7 * radius:
            color = text_on(SECOND)
            write(axes, x, y, said, size=TINY, color=color, ha="center", va="center", zorder=4)
        else:
            below = y + radius + 14
            write(axes, x, below, said, size=TINY, color=GRAY, ha="center", va="center")


def _draw_table(figure: Figure, influence: Influence, told: Sequence[Strength], top: int) -> None:
    height = LINE * len(told)
    axes = new_axes(figure, (0, top, ROOM, top + height))
    axes.set_xlim(0, ROOM)
    axes.set_ylim(height, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    columns = ((1390, "of its nearest"), (1560, "by chance"), (1690, "z"), (ROOM, "p, corrected"))
    write(axes, 0, -24, "later works and what they look like", color=GRAY, va="center")
    for right, heading in columns:
        write(axes, right, -24, heading, color=GRAY, ha="right", va="center")
    axes.plot([0, ROOM], [-4, -4], color=shade(RULE), linewidth=1.5, clip_on=False)
    for number, pair in enumerate(told):
        y = LINE * (number + 0.5)
        color = INK if pair.found else GRAY
        names = f"{influence.name(pair.later)}  ←  {influence.name(pair.earlier)}"
        write(axes, 0, y, Type(SMALL).fit(names, NARROW), color=color, va="center",
              bold=pair.found and not _is_own(pair))  # fmt: skip
        values = (f"{pair.share:.0%}", f"{pair.chance:.0%}", f"{pair.z:.1f}".replace("-", "−"),
                  f"{pair.p_corrected:.3f}")  # fmt: skip
        for (right, _), value in zip(columns, values, strict=True):
            write(axes, right, y, value, color=color, ha="right", va="center")


def _is_own(pair: Strength) -> bool:
    """Tell whether a group is compared with its own past."""
    return pair.earlier.group is not None and pair.earlier.group == pair.later.group
