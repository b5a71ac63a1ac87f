"""Opening what commands work on, with the cure where there is nothing yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from storage.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from storage.database import Database
    from storage.settings import StorageSettings


def load_settings() -> StorageSettings:
    """Read the settings; only commands that need them pay for the import."""
    from storage.settings import load_settings

    return load_settings()


def redact(url: str) -> str:
    """Return `url` with its password hidden."""
    from storage.settings import redact

    return redact(url)


def has_database(settings: StorageSettings) -> bool:
    """Whether a database is configured, or an embedded one was made already."""
    return settings.database_url is not None or (settings.home_path / "postgres").exists()


@contextmanager
def existing_database(settings: StorageSettings) -> Iterator[Database]:
    """Open the database, which must be there and hold the current schema.

    A command that only looks makes nothing: without it, a look from the wrong folder would leave
    a server and its data there.
    """
    from storage.database import Database

    if not has_database(settings):
        raise DatabaseUnavailable(
            f"nothing is collected in {settings.home_path} yet: run `artworks init` (or `artworks "
            "demo`), or point ARTWORKS_HOME or ARTWORKS_DATABASE_URL at your collection."
        )
    with Database.open(settings) as database:
        database.check()
        yield database


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """Open a read-only transaction that sees one moment's state, however long it takes."""
    from sqlalchemy import text

    with database.begin() as connection:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        yield connection
