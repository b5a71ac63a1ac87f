"""Influence as a table: which later works are nearer to which earlier ones than chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from analysis.errors import NothingToShow
from analysis.influence.strength import (
    LEAST,
    Cohort,
    Strength,
    Table,
    compare_groups,
    compare_periods,
)
from analysis.influence.works import STEP, Gathered, gather
from analysis.reports.periods import Period
from analysis.reports.query import Query

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Influence:
    """What was compared, and what came of it."""

    by: str
    table: Table
    gathered: Gathered
    least: int
    """Works that a cohort has at least."""

    @property
    def found(self) -> tuple[Strength, ...]:
        """The pairs that are beyond chance, the strongest first."""
        return tuple(pair for pair in self.table.pairs if pair.found)

    def group(self, cohort: Cohort) -> str:
        """Return the name of a cohort's group; empty where cohorts are periods."""
        return "" if cohort.group is None else self.gathered.groups[cohort.group]

    def period(self, cohort: Cohort) -> Period:
        """Return the years of a cohort."""
        step = self.gathered.step
        first = (self.gathered.first_period + cohort.period) * step
        return Period(first, step, cohort.works, ())

    def name(self, cohort: Cohort) -> str:
        """Return what a cohort is called: Baroque 1650–99."""
        return f"{self.group(cohort)} {self.period(cohort).label}".strip()

    def rows(self) -> list[dict[str, Any]]:
        """Return all pairs for JSON, the strongest first."""
        return [
            {
                **self._told("earlier", pair.earlier),
                **self._told("later", pair.later),
                "share": round(pair.share, 4),
                "chance": round(pair.chance, 4),
                "z": round(pair.z, 2),
                "p": round(pair.p, 4),
                "p_corrected": round(pair.p_corrected, 4),
                "found": pair.found,
            }
            for pair in self.table.pairs
        ]

    def frame(self) -> DataFrame:
        """Return all pairs as a table of pandas, the strongest first.

        Columns: `earlier`, `earlier_year` (the first of its period), `earlier_works`,
        `earlier_artists`, the same for `later`, `share` of its nearest works that are of the
        earlier cohort, the same by `chance`, `z`, `p`, `p_corrected` for all pairs together, and
        `found` (p_corrected up to 0.05).
        """
        from pandas import DataFrame

        return DataFrame(self.rows(), columns=_COLUMNS)

    def _told(self, end: str, cohort: Cohort) -> dict[str, Any]:
        return {
            end: self.group(cohort) or self.period(cohort).label,
            f"{end}_year": self.period(cohort).first_year,
            f"{end}_works": cohort.works,
            f"{end}_artists": cohort.artists,
        }


_OF_COHORT = ("", "_year", "_works", "_artists")
_COLUMNS = [f"{end}{what}" for end in ("earlier", "later") for what in _OF_COHORT]
_COLUMNS += ["share", "chance", "z", "p", "p_corrected", "found"]


def find_influence(
    connection: Connection,
    query: Query | None = None,
    *,
    by: str = "style",
    step: int = STEP,
    least: int = LEAST,
) -> Influence:
    """Compare the works of a query over time, by style, nationality, … or by period alone.

    Args:
        connection: a transaction.
        query: which works; by default, all.
        by: what cohorts have in common besides their period, one of `works.BY`.
        step: years of a period.
        least: works that a cohort has at least.

    Raises what `works.gather` raises, and NothingToShow where no two cohorts can be compared.
    """
    gathered = gather(connection, query or Query(), by=by, step=step)
    compare = compare_periods if by == "period" else compare_groups
    table = compare(gathered.works, least=least)
    named = len(gathered.groups)
    table = Table(
        tuple(p for p in table.pairs if named not in (p.earlier.group, p.later.group)),
        tuple(cohort for cohort in table.cohorts if cohort.group != named),
        table.deals,
    )
    if not table.pairs:
        raise NothingToShow(
            f"no two groups of {least} works or more are of different times: take longer periods "
            "with --step, or another --by."
        )
    return Influence(by, table, gathered, least)
