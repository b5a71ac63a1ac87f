"""One worker's session with the database.

A worker is a crawl run. While it lives it holds a session-level advisory lock named after the
run, and one for each host that it fetches from; when its connection ends, however it ends, the
locks are free and its leases are up for anybody to take.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from storage.database import Database, refuses_writes, unavailable_message
from storage.errors import DatabaseUnavailable
from storage.locks import WORKER_LOCKS, hold_off_deletion

# What the driver calls operational although the server is well: another writer was in the way, or
# a value is too large for an index.
ANSWERED = (psycopg2.errors.DeadlockDetected, psycopg2.errors.ProgramLimitExceeded)


class LedgerSession:
    """The connection of one worker, and what its crawl is limited to."""

    def __init__(
        self,
        database: Database,
        *,
        site: str,
        categories: Collection[str] = (),
        refresh_days: float | None = None,
        full: bool = False,
    ) -> None:
        self.database = database
        self.site = site
        self.categories = sorted(name.lower() for name in categories) or None
        # Never, in effect.
        self.refresh_s = 1e10 if refresh_days is None else refresh_days * 86400
        self.full = full
        self.worker = 0
        self.generation = 0
        self._open: Connection | None = None

    def connect(self) -> None:
        """Connect; raise DatabaseUnavailable where that fails."""
        with self._told_plainly():
            self._open = self.database.engine.connect()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give the connection within a transaction.

        Raises DatabaseUnavailable when the connection is lost; what the server says of a record
        passes.
        """
        connection = self.connection
        with self._told_plainly(), connection.begin():
            yield connection

    @property
    def connection(self) -> Connection:
        """The connection, as long as it is the one that holds the worker's locks."""
        if self._open is None:
            raise RuntimeError("the ledger is closed")
        if self._open.invalidated:
            # SQLAlchemy would connect anew, and go on without the locks that the session held.
            raise DatabaseUnavailable(
                f"cannot use the database {self.database.name} (the connection was lost): check "
                "ARTWORKS_DATABASE_URL and that the server runs, and start the crawl again."
            )
        return self._open

    def hold_worker_lock(self, connection: Connection) -> None:
        """Show that this worker lives: to the others, and to whoever would delete objects."""
        connection.execute(
            text("SELECT pg_advisory_lock(:locks, :worker)"),
            {"locks": WORKER_LOCKS, "worker": self.worker},
        )
        hold_off_deletion(connection)

    def abandon(self) -> None:
        """Drop the connection, and with it all locks; leases become free to take."""
        if self._open is not None:
            # Back into the pool, the connection would keep the session and its locks.
            self._open.invalidate()
            self._open.close()
            self._open = None

    def scope(self, kinds: Sequence[str]) -> dict[str, Any]:
        """Return the parameters that say which rows are this crawl's."""
        return {
            "site": self.site,
            "worker": self.worker,
            "kinds": list(kinds),
            "categories": self.categories,
        }

    @contextmanager
    def _told_plainly(self) -> Iterator[None]:
        """Turn a lost connection into DatabaseUnavailable; what is said of a record passes."""
        try:
            yield
        except DBAPIError as error:
            lost = isinstance(error, OperationalError | InterfaceError) or refuses_writes(error)
            if not (lost or error.connection_invalidated) or isinstance(error.orig, ANSWERED):
                raise
            message = unavailable_message(self.database.engine, error)
            raise DatabaseUnavailable(message) from error
