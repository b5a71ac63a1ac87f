"""What ran, in `schedule_runs`, and the locks that keep two schedulers apart."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import DBAPIError

from storage.database import Database, told_plainly
from storage.embedded.processes import Daemon, birth

# First key of the two-key locks on entries ("arts" in ASCII); the second is a hash of the name.
ENTRY_LOCKS = 0x61727473
# Shared by all schedulers that run ("artz" in ASCII).
SCHEDULER_LOCK = 0x6172747A
# Entry under which a scheduler writes down which entries it knows; no entry may be called so.
SCHEDULER = "(schedule)"
# How many of an entry's last runs are looked at to find what is due.
LOOKED_AT = 50
_HELD = """l.locktype = 'advisory' AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""

_TRY = text("SELECT pg_try_advisory_lock(:locks, hashtext(:entry))")
_UNLOCK = text("SELECT pg_advisory_unlock_all()")
_IS_RUN = text(f"""
    SELECT e.entry FROM unnest(CAST(:entries AS text[])) AS e (entry)
    WHERE EXISTS (
        SELECT FROM pg_locks l WHERE {_HELD} AND l.objsubid = 2 AND l.classid = :locks
          AND CAST(l.objid AS bigint) = CAST(hashtext(e.entry) AS bigint) & 4294967295)
""")  # noqa: S608 - the fragment is the constant above
_BE_PRESENT = text("SELECT pg_advisory_lock_shared(:key)")
_PRESENT = text(f"""
    SELECT EXISTS (
        SELECT FROM pg_locks l
        WHERE {_HELD} AND l.objsubid = 1 AND l.classid = 0 AND l.objid = :key)
""")  # noqa: S608 - the fragment is the constant above

_LAST = text("""
    SELECT r.* FROM unnest(CAST(:entries AS text[])) AS e (entry)
    CROSS JOIN LATERAL (
        SELECT id, entry, command, state, due_at, started_at, finished_at, exit_code, output,
               worker
        FROM schedule_runs s WHERE s.entry = e.entry ORDER BY id DESC LIMIT :each) r
    ORDER BY r.id DESC
""")
_START = text("""
    INSERT INTO schedule_runs (entry, command, state, due_at, started_at, worker)
    VALUES (:entry, :command, 'running', :due_at, :now, :worker) RETURNING id
""")
_NAME_PROCESS = text("UPDATE schedule_runs SET worker = :worker WHERE id = :id")
_FINISH = text("""
    UPDATE schedule_runs
    SET state = :state, finished_at = :now, exit_code = :exit_code, output = :output
    WHERE id = :id
""")
_SKIP = text("""
    INSERT INTO schedule_runs (entry, command, state, due_at, started_at, finished_at, worker)
    SELECT :entry, :command, 'skipped', :due_at, :now, :now, :worker
    WHERE NOT EXISTS (SELECT FROM schedule_runs WHERE entry = :entry AND due_at >= :due_at)
""")
_PRUNE = text("""
    DELETE FROM schedule_runs WHERE entry = :entry AND state <> 'running' AND id <= (
        SELECT id FROM schedule_runs WHERE entry = :entry ORDER BY id DESC OFFSET :keep LIMIT 1)
""")
_KNOW = text("""
    INSERT INTO schedule_runs (entry, command, state, started_at, finished_at, worker)
    VALUES (:entry, :command, 'done', :now, :now, :worker)
""")
_SIGHTINGS = text("""
    SELECT command, started_at FROM schedule_runs
    WHERE entry = :entry AND command[1:4] = :file ORDER BY id DESC
""")


@dataclass(frozen=True, slots=True)
class Run:
    """A row of `schedule_runs`."""

    id: int
    entry: str
    command: tuple[str, ...]
    state: str
    due_at: datetime | None
    started_at: datetime
    finished_at: datetime | None
    exit_code: int | None
    output: str | None
    worker: str

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        if self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()

    @property
    def host(self) -> str:
        """The machine that it ran on."""
        return self.worker.partition(" ")[0]

    @property
    def scheduler(self) -> Daemon | None:
        """The process that started it, recognisable on its machine only."""
        return self._daemon(1)

    @property
    def process(self) -> Daemon | None:
        """The process that was started, recognisable on its machine only."""
        return self._daemon(3)

    def _daemon(self, position: int) -> Daemon | None:
        words = self.worker.split(" ")[position : position + 2]
        if len(words) != 2 or not words[0].isdecimal():
            return None
        return Daemon(self.entry, int(words[0]), words[1])


def worker_name(process: Daemon | None = None) -> str:
    """Return what is written into `worker`: host, our pid and birth, the run's pid and birth."""
    words = [socket.gethostname(), str(os.getpid()), birth(os.getpid()) or "gone"]
    if process is not None:
        words += [str(process.pid), process.birth]
    return " ".join(words)


class EntryLock:
    """The right to run an entry, among all schedulers of a database.

    It belongs to a connection of its own: free when that ends, however it ends.
    """

    def __init__(self, database: Database, entry: str, connection: Connection) -> None:
        self.entry = entry
        self._database = database
        self._connection: Connection | None = connection

    @classmethod
    def take(cls, database: Database, entry: str) -> Self | None:
        """Take the lock; None where somebody holds it. Raises DatabaseUnavailable."""
        connection = _taken(database, entry)
        return None if connection is None else cls(database, entry, connection)

    def keep(self) -> bool:
        """Take it again if the connection was lost. False: somebody else holds it by now.

        Raises DatabaseUnavailable.
        """
        if self._connection is not None and _answers(self._connection):
            return True
        self.release()
        self._connection = _taken(self._database, self.entry)
        return self._connection is not None

    def release(self) -> None:
        """Let others run the entry."""
        if self._connection is not None:
            _drop(self._connection)
            self._connection = None


class Presence:
    """The mark of a running scheduler, for those who look."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None

    def keep(self) -> None:
        """Set the mark, or see that it is there still. Raises DatabaseUnavailable."""
        if self._connection is not None and _answers(self._connection):
            return
        self.end()
        with told_plainly(self._database.engine):
            self._connection = _own_connection(self._database)
            self._connection.execute(_BE_PRESENT, {"key": SCHEDULER_LOCK})

    def end(self) -> None:
        """Take the mark away."""
        if self._connection is not None:
            _drop(self._connection)
            self._connection = None


def is_scheduler_running(connection: Connection) -> bool:
    """Whether any scheduler runs on this database now."""
    running: bool = connection.execute(_PRESENT, {"key": SCHEDULER_LOCK}).scalar_one()
    return running


def entries_under_way(connection: Connection, entries: Iterable[str]) -> set[str]:
    """Return those entries that somebody runs now."""
    values = {"entries": list(entries), "locks": ENTRY_LOCKS}
    return {row.entry for row in connection.execute(_IS_RUN, values)}


def last_runs(
    connection: Connection, entries: Iterable[str], each: int = LOOKED_AT
) -> Mapping[str, list[Run]]:
    """Return the last runs of each entry, the newest first."""
    names = list(entries)
    found: dict[str, list[Run]] = {name: [] for name in names}
    for row in connection.execute(_LAST, {"entries": names, "each": each}):
        run = _run(row)
        found[run.entry].append(run)
    return found


def start(
    connection: Connection,
    entry: str,
    command: Sequence[str],
    due_at: datetime | None,
    now: datetime,
) -> int:
    """Write down that a run begins; return the number of its row."""
    values = {"entry": entry, "command": list(command), "due_at": due_at, "now": now}
    row: int = connection.execute(_START, values | {"worker": worker_name()}).scalar_one()
    return row


def name_process(connection: Connection, run_id: int, process: Daemon) -> None:
    """Write down which process it is, for whoever finds it without its scheduler."""
    connection.execute(_NAME_PROCESS, {"id": run_id, "worker": worker_name(process)})


def finish(
    connection: Connection,
    run_id: int,
    state: str,
    now: datetime,
    exit_code: int | None = None,
    output: str | None = None,
) -> None:
    """Write down how a run ended."""
    values = {"state": state, "now": now, "exit_code": exit_code, "output": output}
    connection.execute(_FINISH, values | {"id": run_id})


def skip(
    connection: Connection, entry: str, command: Sequence[str], due_at: datetime, now: datetime
) -> bool:
    """Write down that a due time was skipped; False where that time is dealt with already."""
    values = {"entry": entry, "command": list(command), "due_at": due_at, "now": now}
    return connection.execute(_SKIP, values | {"worker": worker_name()}).rowcount > 0


def prune(connection: Connection, entry: str, keep: int) -> None:
    """Forget all but the last runs of an entry."""
    connection.execute(_PRUNE, {"entry": entry, "keep": keep})


def known_since(
    connection: Connection, file: str, entries: Sequence[str], now: datetime
) -> Mapping[str, datetime]:
    """Return since when a scheduler has known each entry of a file without a break.

    Of an entry that never ran, this tells which due times were missed, and which came before it
    was written. What is known now is written down where that is new.
    """
    words = ["artworks", "schedule", "--file", file]
    known = dict.fromkeys(entries, now)
    going_on = set(entries)
    newest: list[str] | None = None
    for row in connection.execute(_SIGHTINGS, {"entry": SCHEDULER, "file": words}):
        listed = row.command[len(words) :]
        newest = listed if newest is None else newest
        going_on &= set(listed)
        known |= dict.fromkeys(going_on, row.started_at)
    if newest != sorted(entries):
        values = {"entry": SCHEDULER, "command": [*words, *sorted(entries)], "now": now}
        connection.execute(_KNOW, values | {"worker": worker_name()})
    return known


def _run(row: Row[tuple[object, ...]]) -> Run:
    values = dict(row._mapping)
    values["command"] = tuple(values["command"])
    return Run(**values)


def _taken(database: Database, entry: str) -> Connection | None:
    with told_plainly(database.engine):
        connection = _own_connection(database)
        taken = connection.execute(_TRY, {"locks": ENTRY_LOCKS, "entry": entry}).scalar_one()
    if taken:
        return connection
    _drop(connection)
    return None


def _answers(connection: Connection) -> bool:
    try:
        connection.execute(text("SELECT 1"))
    except DBAPIError:
        return False
    return True


def _own_connection(database: Database) -> Connection:
    return database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")


def _drop(connection: Connection) -> None:
    if not connection.invalidated:
        # The server takes a moment to see that a connection is gone; one that is lost by now
        # holds nothing.
        with suppress(DBAPIError):
            connection.execute(_UNLOCK)
    # Never back into the pool: a lock that was not given up goes with its connection.
    connection.invalidate()
    connection.close()
