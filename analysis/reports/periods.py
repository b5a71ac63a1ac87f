"""Colours over time: how much of the works of each period is of which colour."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, text

from analysis.errors import NothingToShow
from analysis.reports.query import SHOWN, Selection
from analysis.reports.shares import CELL_KEYS, Cell, TermShare, cell_columns, term_shares

STEPS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2500)
"""Lengths of a period in years that are chosen by themselves."""
MOST_PERIODS = 20
"""Periods that a chart has room for."""
WIDEST = 100
"""Works whose years span more than this, and more than a period, are of no period."""

_WITH_PALETTE = f"""
    {SHOWN}, coloured AS (
        SELECT w.*, (w.year_from + w.year_to) / 2.0 AS year, w.year_to - w.year_from AS span
        FROM shown w WHERE EXISTS (
            SELECT FROM image_colors k WHERE k.image_id = w.image_id AND k.model_id = :model_id)
    )
"""  # noqa: S608 - the fragment is a constant
_RANGE = text(f"""
    WITH {_WITH_PALETTE}
    SELECT min(year) FILTER (WHERE span <= :widest) AS first,
           max(year) FILTER (WHERE span <= :widest) AS last
    FROM coloured
""")  # noqa: S608 - the fragment is the constant above
_PERIODS = text(f"""
    WITH {_WITH_PALETTE}
    SELECT CASE WHEN span <= :widest THEN CAST(floor(year / :step) AS integer) END AS period,
           count(*) AS works, count(*) FILTER (WHERE year IS NULL) AS undated
    FROM coloured GROUP BY 1 ORDER BY 1
""")  # noqa: S608 - the fragment is the constant above
_CELLS = text(f"""
    WITH {_WITH_PALETTE}
    SELECT CAST(floor(w.year / :step) AS integer) AS period, {cell_columns("k.fraction")}
    FROM coloured w JOIN image_colors k ON k.image_id = w.image_id AND k.model_id = :model_id
    WHERE w.span <= :widest
    GROUP BY 1, {CELL_KEYS} ORDER BY 1, l, a, b
""")  # noqa: S608 - the fragments are constants


@dataclass(frozen=True)
class Period:
    """Some years, and the colours of the works made in them."""

    first_year: int
    years: int
    works: int
    shares: tuple[TermShare, ...]

    @property
    def label(self) -> str:
        """What the years are called: 1890, 1890s, 1850–74."""
        last = self.first_year + self.years - 1
        if self.years == 1:
            return str(self.first_year)
        if self.years == 10 and self.first_year >= 0:
            return f"{self.first_year}s"
        if self.first_year > 0 and self.first_year // 100 == last // 100:
            return f"{self.first_year}–{last % 100:02d}"
        return f"{self.first_year}–{last}"


@dataclass(frozen=True)
class Timeline:
    """Periods of equal length in order, those without works left out."""

    periods: tuple[Period, ...]
    together: tuple[TermShare, ...]
    """The shares of all periods together, every work counting alike."""
    step: int
    """Length of a period in years."""
    works: int
    undated: int
    """Works without a year."""
    vague: int
    """Works dated to a span that is too wide."""


def color_timeline(
    connection: Connection, selection: Selection, *, step: int | None = None
) -> Timeline:
    """Return the shares of colours of each period of a selection.

    A work counts for the period in which the middle of its years lies. `step` is the length of a
    period in years, by default the least of STEPS that gives at most MOST_PERIODS. Raises
    NothingToShow where no work is dated.
    """
    parameters = {**selection.parameters, "widest": max(WIDEST, step or 0)}
    span = connection.execute(_RANGE, parameters).one()
    if span.first is None:
        raise NothingToShow(
            "none of these works has a year that is known to a century: the site's profile may "
            "not read dates (artworks sites NAME --url URL shows what it reads)."
        )
    step = step or choose_step(float(span.first), float(span.last))
    parameters |= {"step": step}
    counts = connection.execute(_PERIODS, parameters).all()
    undated = sum(row.undated for row in counts)
    without = sum(row.works for row in counts if row.period is None)
    works = {row.period: row.works for row in counts if row.period is not None}
    cells = [
        (row.period, Cell(row.weight, (row.l, row.a, row.b)))
        for row in connection.execute(_CELLS, parameters)
    ]
    return Timeline(
        tuple(
            Period(
                first_year=number * step,
                years=step,
                works=works[number],
                shares=term_shares(cell for _, cell in group),
            )
            for number, group in groupby(cells, key=lambda pair: pair[0])
        ),
        together=term_shares(cell for _, cell in cells),
        step=step,
        works=sum(works.values()),
        undated=undated,
        vague=without - undated,
    )


def choose_step(first: float, last: float) -> int:
    """Return the length of periods, in years, for works from `first` to `last`."""
    return next(
        (step for step in STEPS if last // step - first // step + 1 <= MOST_PERIODS), STEPS[-1]
    )
