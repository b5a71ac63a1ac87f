"""Which colour dominates the works of each category, style or site."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, text

from analysis.errors import NothingToShow
from analysis.reports.query import SHOWN, Selection
from analysis.reports.shares import CELL_KEYS, Cell, TermShare, cell_columns, term_shares
from storage.errors import UsageError
from storage.models import TERM_KINDS

GROUPINGS = (*TERM_KINDS, "site")
MOST_GROUPS = 24
"""Groups that a chart has room for: those of the most works."""

_DOMINANT = f"""
    {SHOWN}, dominant AS (
        SELECT w.id, w.site, k.lab_l, k.lab_a, k.lab_b
        FROM shown w
        JOIN image_colors k ON k.image_id = w.image_id AND k.model_id = :model_id AND k.rank = 1
    )
"""  # noqa: S608 - the fragment is a constant
_ALL = text(f"""
    WITH {_DOMINANT}
    SELECT {cell_columns("1")} FROM dominant k GROUP BY {CELL_KEYS} ORDER BY l, a, b
""")  # noqa: S608 - the fragments are constants
_NAMES = """
    named AS (
        SELECT d.*, t.name FROM dominant d
        JOIN artwork_terms at ON at.artwork_id = d.id JOIN terms t ON t.id = at.term_id
        WHERE t.kind = :kind
        UNION ALL
        SELECT d.*, d.site FROM dominant d WHERE :kind = 'site'
    )
"""
_GROUPS = text(f"""
    WITH {_DOMINANT}, {_NAMES}
    SELECT name, count(*) AS works FROM named GROUP BY name ORDER BY works DESC, name
""")  # noqa: S608 - the fragments are constants
_CELLS = text(f"""
    WITH {_DOMINANT}, {_NAMES}
    SELECT k.name, {cell_columns("1")}
    FROM named k WHERE k.name = ANY(:chosen)
    GROUP BY k.name, {CELL_KEYS} ORDER BY k.name COLLATE "C", l, a, b
""")  # noqa: S608 - the fragments are constants


@dataclass(frozen=True)
class Group:
    """Works that share a term, by their dominant colour."""

    name: str
    works: int
    shares: tuple[TermShare, ...]
    """Weights are works."""


@dataclass(frozen=True)
class Distribution:
    """Groups by size, the largest first, and all works together."""

    by: str
    """Kind of the terms, or site."""
    everything: Group
    groups: tuple[Group, ...]
    further: int
    """Groups that are left out because they are smaller."""


def color_distribution(
    connection: Connection, selection: Selection, *, by: str = "category", most: int = MOST_GROUPS
) -> Distribution:
    """Return how many works of each group are dominated by which colour.

    The dominant colour of a work is the one with the largest share of its first picture. A work of
    several terms counts in each. Raises UsageError for an unknown grouping, and NothingToShow where
    no work has a term of this kind.
    """
    if by not in GROUPINGS:
        raise UsageError(f'works cannot be told apart by "{by}": choose {", ".join(GROUPINGS)}.')
    parameters = {**selection.parameters, "kind": by}
    counts = connection.execute(_GROUPS, parameters).all()
    if not counts:
        raise NothingToShow(f"none of these works has a {by}: choose another kind with --by.")
    chosen = counts[:most]
    rows = connection.execute(_CELLS, {**parameters, "chosen": [row.name for row in chosen]})
    shares = {
        name: term_shares(Cell(row.weight, (row.l, row.a, row.b)) for row in cells)
        for name, cells in groupby(rows, key=lambda row: str(row.name))
    }
    everything = connection.execute(_ALL, selection.parameters)
    return Distribution(
        by,
        Group(
            "all works",
            selection.palettes,
            term_shares(Cell(row.weight, (row.l, row.a, row.b)) for row in everything),
        ),
        tuple(Group(row.name, row.works, shares[row.name]) for row in chosen),
        further=len(counts) - len(chosen),
    )
