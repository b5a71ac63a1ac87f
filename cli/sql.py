"""`artworks sql`: questions to the database, also to the embedded one that no other client sees."""

from __future__ import annotations

import csv
import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import typer

from cli.console import print_json, print_table
from cli.opening import existing_database, load_settings, snapshot
from storage.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(sql)


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT; `-` reads it from standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Ask the database in SQL; nothing can be changed this way.

    Made for people are the views artwork_overview, artwork_palette and crawl_health; all tables
    and columns carry comments.

    Example: `artworks sql "SELECT title, artist FROM artwork_overview LIMIT 5"`
    """
    from sqlalchemy.exc import DBAPIError

    text = sys.stdin.read() if query == "-" else query
    with existing_database(load_settings()) as database, snapshot(database) as connection:
        # The transaction is read-only; so is one that the text itself begins.
        connection.exec_driver_sql("SET default_transaction_read_only = on")
        try:
            result = connection.exec_driver_sql(text.replace("%", "%%"))
        except DBAPIError as error:
            raise UsageError(f"the database refuses the query: {error.orig}".strip()) from error
        if not result.returns_rows:
            raise UsageError("the query gives no rows: write a SELECT.")
        names = list(result.keys())
        rows = [list(row) for row in result]
    if as_json:
        print_json([dict(zip(names, map(_jsonable, row), strict=True)) for row in rows])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_shown(value) for value in row] for row in rows)
    else:
        numbers = [
            name
            for position, name in enumerate(names)
            if rows and all(isinstance(row[position], int | float | Decimal) for row in rows)
        ]
        shown = [[_shown(value) for value in row] for row in rows]
        print_table(_counted(len(rows)), names, shown, numbers=numbers, wrap=names)


def _counted(rows: int) -> str:
    return f"{rows} row" if rows == 1 else f"{rows} rows"


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(_shown(part) for part in value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return str(value)


def _jsonable(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, memoryview | bytes):
        return bytes(value).hex()
    return value
