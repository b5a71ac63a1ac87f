"""Dated works with vectors, in SQL: their group, their period and their artist."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, text

from analysis.clusters.sample import lots
from analysis.embeddings.stored import embedding_model, vectors_of
from analysis.errors import NothingToShow
from analysis.influence.cohorts import Dated
from analysis.registry.models import Model
from analysis.reports.periods import WIDEST
from analysis.reports.query import SHOWN, Query, check_query
from storage.errors import UsageError

BY: Final = ("style", "nationality", "genre", "category", "period")
STEP: Final = 50
"""Years of a period, where nothing is asked for."""
MOST_WORKS: Final = 10_000
"""Works that are compared at most; of more, as many are drawn by lot."""
MOST_GROUPS: Final = 24
"""Groups that are compared: those of the most works; the others count among all works."""

# A work of several terms is of the one that has most works; artists have a nationality where
# their works are given none.
_WORKS = text(f"""
    WITH {SHOWN}, pictured AS (
        SELECT DISTINCT ON (w.image_id) w.* FROM shown w
        JOIN image_embeddings e ON e.image_id = w.image_id AND e.model_id = :model_id
        ORDER BY w.image_id, w.id
    ), named AS (
        SELECT w.id, t.name FROM pictured w
        JOIN artwork_terms at ON at.artwork_id = w.id JOIN terms t ON t.id = at.term_id
        WHERE t.kind = :by
    ), sizes AS (
        SELECT name, count(DISTINCT id) AS works FROM named GROUP BY name
    )
    SELECT w.image_id, w.year_from, w.year_to, maker.id AS artist_id,
           coalesce(of.name, CASE WHEN :by = 'nationality' THEN maker.nationality END) AS group
    FROM pictured w
    LEFT JOIN LATERAL (
        SELECT ar.id, ar.nationality FROM artwork_artists aa
        JOIN artists ar ON ar.id = aa.artist_id
        WHERE aa.artwork_id = w.id ORDER BY aa.position, ar.id LIMIT 1
    ) maker ON true
    LEFT JOIN LATERAL (
        SELECT n.name FROM named n JOIN sizes s ON s.name = n.name
        WHERE n.id = w.id ORDER BY s.works DESC, n.name COLLATE "C" LIMIT 1
    ) of ON true
    ORDER BY w.image_id
""")  # noqa: S608 - the fragment is a constant


@dataclass(frozen=True)
class Gathered:
    """Works that can be compared, and what could not be."""

    works: Dated
    groups: tuple[str, ...]
    """Names by number; empty where cohorts are periods. Works of others have the last number."""
    first_period: int
    """Number of the period 0: its first year divided by the years of a period."""
    step: int
    """Years of a period."""
    of: int
    """Works from which these were drawn."""
    undated: int
    """Works without a year."""
    vague: int
    """Works dated to a span that is too wide."""
    ungrouped: int
    """Dated works of no group."""
    further: int
    """Groups that are not compared because they are smaller."""
    model: Model
    """The embedding."""


def gather(
    connection: Connection, query: Query, *, by: str = "style", step: int = STEP
) -> Gathered:
    """Return the dated works of a query, by `by`, one of BY, and periods of `step` years.

    A work is of the period in which the middle of its years lies. Raises UsageError for an unknown
    grouping, site or term, NoEmbeddings, and NothingToShow where no work is dated or has a group.
    """
    if by not in BY:
        raise UsageError(f'works cannot be compared over time by "{by}": choose {", ".join(BY)}.')
    check_query(connection, query)
    model = embedding_model(connection)
    parameters = {**query.parameters, "model_id": model.id, "by": by}
    rows = connection.execute(_WORKS, parameters).all()
    undated = sum(row.year_from is None for row in rows)
    widest = max(WIDEST, step)
    dated = [
        row for row in rows if row.year_from is not None and row.year_to - row.year_from <= widest
    ]
    grouped = dated if by == "period" else [row for row in dated if row.group is not None]
    if not grouped:
        raise NothingToShow(
            f"none of these works has a year and a {by}: choose another --by, or ask for less."
            if dated
            else "none of these works has a vector and a year that is known to a century: run "
            "`artworks analyze embeddings`, or see whether the site's profile reads dates."
        )
    sizes = Counter(row.group for row in grouped) if by != "period" else Counter()
    order = sorted(sizes, key=lambda name: (-sizes[name], name))
    drawn = _drawn(grouped)
    works, first = _dated(connection, model, drawn, order[:MOST_GROUPS], step)
    return Gathered(
        works,
        tuple(order[:MOST_GROUPS]),
        first,
        step,
        of=len(grouped),
        undated=undated,
        vague=len(rows) - undated - len(dated),
        ungrouped=len(dated) - len(grouped),
        further=max(0, len(order) - MOST_GROUPS),
        model=model,
    )


def _drawn(rows: list[Any]) -> list[Any]:
    """Return at most MOST_WORKS, the same ones every time."""
    if len(rows) <= MOST_WORKS:
        return rows
    order = np.argsort(lots(np.array([row.image_id for row in rows], dtype=np.int64)))
    return [rows[at] for at in sorted(order[:MOST_WORKS].tolist())]


def _dated(
    connection: Connection, model: Model, rows: list[Any], groups: list[str], step: int
) -> tuple[Dated, int]:
    found = vectors_of(connection, model, (row.image_id for row in rows))
    numbers = {name: number for number, name in enumerate(groups)}
    periods = [(row.year_from + row.year_to) // (2 * step) for row in rows]
    first = min(periods)
    return Dated(
        vectors=found.vectors,
        periods=np.array(periods, dtype=np.int64) - first,
        groups=np.array([numbers.get(row.group, len(groups)) for row in rows], dtype=np.int64),
        artists=np.array(
            [-1 if row.artist_id is None else row.artist_id for row in rows], dtype=np.int64
        ),
    ), first
