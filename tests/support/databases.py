"""Migrated databases, made once and emptied for each test: migrating takes longer than most."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text

from storage.database import Database
from storage.models import Base
from storage.settings import StorageSettings
from storage.vector_indexes import PREFIX


def opened(url: str) -> Database:
    """Open the database at `url`."""
    return Database.open(StorageSettings(database_url=SecretStr(url)))


@contextmanager
def migrated(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[Database]:
    """A database of its own with all tables."""
    with new_database() as url, opened(url) as database:
        database.migrate()
        # A test that waits for a lock for ever fails instead.
        name = database.engine.url.database
        sql(database, f"ALTER DATABASE \"{name}\" SET lock_timeout = '10s'")
        database.engine.dispose()
        yield database


def emptied(database: Database) -> Database:
    """The database without rows; numbers begin at 1 again, those of models too.

    So indexes of vectors, which are named after models, go as well.
    """
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with database.begin() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        of_vectors = text("SELECT relname FROM pg_class WHERE starts_with(relname, :prefix)")
        for name in connection.scalars(of_vectors, {"prefix": PREFIX}).all():
            connection.execute(text(f"DROP INDEX {name}"))
    return database


def sql(database: Database, statement: str, **parameters: Any) -> list[Any]:
    """The rows of a statement, in a transaction of its own."""
    with database.begin() as connection:
        result = connection.execute(text(statement), parameters)
        return list(result) if result.returns_rows else []


def one(database: Database, statement: str, **parameters: Any) -> Any:
    """The only value of a statement."""
    [[value]] = sql(database, statement, **parameters)
    return value
