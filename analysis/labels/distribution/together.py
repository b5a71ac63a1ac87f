"""Which labels go together: how often two heads, or two labels of one, are said of one work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from analysis.errors import NothingToShow, WrongHead
from analysis.labels.distribution.counts import HeadLabels
from analysis.labels.distribution.told import told_by, told_values
from analysis.reports.query import SHOWN, Query

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Together:
    """How often labels of two heads, or two of one head, are said of one work."""

    head: str
    by: str
    works: int
    """Works that have a label of both heads."""
    rows: tuple[str, ...]
    """Labels of `head`, those of the most works first."""
    columns: tuple[str, ...]
    """Labels of `by`."""
    counts: Counts
    """(rows, columns) Works that have both."""
    row_works: Counts
    """(rows,) Of the works, those that have the label."""
    column_works: Counts

    @property
    def of_row(self) -> npt.NDArray[np.float64]:
        """(rows, columns) Part of a row's works that have the column's label too, 0 to 1."""
        shares: npt.NDArray[np.float64] = self.counts / np.maximum(self.row_works[:, None], 1)
        return shares

    @property
    def of_column(self) -> npt.NDArray[np.float64]:
        """(rows, columns) Part of a column's works that have the row's label too, 0 to 1."""
        shares: npt.NDArray[np.float64] = self.counts / np.maximum(self.column_works, 1)
        return shares

    @property
    def chance(self) -> npt.NDArray[np.float64]:
        """(rows, columns) Works that would have both if neither label knew of the other."""
        expected: npt.NDArray[np.float64] = (
            self.row_works[:, None] * self.column_works / max(self.works, 1)
        )
        return expected

    @property
    def lift(self) -> npt.NDArray[np.float64]:
        """(rows, columns) How many times as often as by chance, which is 1."""
        times: npt.NDArray[np.float64] = self.counts / np.maximum(self.chance, 1e-12)
        return times

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "head": self.head,
            "by": self.by,
            "works": self.works,
            "rows": list(self.rows),
            "columns": list(self.columns),
            "row_works": self.row_works.tolist(),
            "column_works": self.column_works.tolist(),
            "counts": self.counts.tolist(),
            "of_row": np.round(self.of_row, 6).tolist(),
            "of_column": np.round(self.of_column, 6).tolist(),
            "lift": np.round(self.lift, 6).tolist(),
        }


def find_together(
    connection: Connection,
    head: HeadLabels,
    by: HeadLabels,
    query: Query | None = None,
) -> Together:
    """Count how often the listed labels of two heads are said of one work.

    The heads are as `find_labels` counts them, for the same query; they may be the same, where
    works have several labels. Raises WrongHead where they are and works have one, and NothingToShow
    where no work has a label of both.
    """
    if head.head == by.head and head.mode == "single":
        raise WrongHead(
            f"works have one {head.head}, so no two go together: name another head with --by."
        )
    rows = [label.name for label in head.labels]
    columns = [label.name for label in by.labels]
    other = "SELECT * FROM x" if head.head == by.head else told_by(by.head, by.mode)
    statement = text(f"""
        WITH {SHOWN}, x AS MATERIALIZED ({told_by(head.head, head.mode)}),
        y AS MATERIALIZED ({other}),
        common AS (SELECT id FROM x INTERSECT SELECT id FROM y)
        SELECT x.label AS row, y.label AS column, count(*) AS works
        FROM x JOIN y USING (id) WHERE x.label = ANY(:rows) AND y.label = ANY(:columns)
        GROUP BY x.label, y.label
        UNION ALL
        SELECT x.label, NULL, count(*) FROM x JOIN common USING (id)
        WHERE x.label = ANY(:rows) GROUP BY x.label
        UNION ALL
        SELECT NULL, y.label, count(*) FROM y JOIN common USING (id)
        WHERE y.label = ANY(:columns) GROUP BY y.label
        UNION ALL SELECT NULL, NULL, count(*) FROM common
    """)  # noqa: S608 - the fragments are of constants, and of names of heads
    parameters = {
        **(query or Query()).parameters,
        **told_values(head.head, by.head),
        "rows": rows,
        "columns": columns,
    }
    row_at = {name: at for at, name in enumerate(rows)}
    column_at = {name: at for at, name in enumerate(columns)}
    counts = np.zeros((len(rows), len(columns)), np.int64)
    row_works, column_works = np.zeros(len(rows), np.int64), np.zeros(len(columns), np.int64)
    works = 0
    for row, column, count in connection.execute(statement, parameters):
        if row is None and column is None:
            works = count
        elif column is None:
            row_works[row_at[row]] = count
        elif row is None:
            column_works[column_at[column]] = count
        else:
            counts[row_at[row], column_at[column]] = count
    if not works:
        raise NothingToShow(
            f"no work has both a {head.head} and a {by.head}: name another head with --by."
        )
    return Together(
        head.head, by.head, works, tuple(rows), tuple(columns), counts, row_works, column_works
    )
