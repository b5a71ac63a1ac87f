"""How PostgreSQL means to find the rows of a statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import text

from storage.database import Database


def plan_of(database: Database, statement: Any, **parameters: Any) -> str:
    """What the statement reads of the crawl's tables, one step a line."""
    with database.begin() as connection:
        explained = text(f"EXPLAIN (FORMAT JSON) {statement.text}")
        [plan] = connection.execute(explained, parameters).scalar_one()
    return "\n".join(_steps(plan["Plan"]))


def _steps(plan: dict[str, Any]) -> Iterator[str]:
    if not str(plan.get("Relation Name", "")).startswith("pg_"):
        yield " ".join(
            str(plan[key]) for key in ("Node Type", "Relation Name", "Index Name") if key in plan
        )
    for child in plan.get("Plans", []):
        yield from _steps(child)
