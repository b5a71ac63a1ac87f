"""What is written down of runs, and the locks on entries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.databases import one, sql

from analysis.schedule import record
from analysis.schedule.record import EntryLock, Presence
from storage.database import Database
from storage.embedded.processes import Daemon

from .conftest import START

DAY = timedelta(days=1)


def write(database: Database, entry: str, *, day: int = 0, state: str = "done") -> int:
    now = START + day * DAY
    with database.begin() as connection:
        row = record.start(connection, entry, ["artworks", "verify"], now, now)
        if state != "running":
            record.finish(connection, row, state, now + timedelta(minutes=3), 0, "said")
    return row


def test_a_run_from_start_to_end(database: Database) -> None:
    row = write(database, "a")
    with database.begin() as connection:
        record.name_process(connection, row, Daemon("a", 4711, "boot/12"))
        (run,) = record.last_runs(connection, ["a", "b"])["a"]
    assert (run.id, run.state, run.exit_code, run.output) == (row, "done", 0, "said")
    assert (run.command, run.due_at, run.seconds) == (("artworks", "verify"), START, 180)
    assert run.process == Daemon("a", 4711, "boot/12")
    assert run.scheduler is not None
    assert run.scheduler.is_alive  # it is this test
    assert run.host


def test_the_last_runs_come_newest_first_and_not_too_many(database: Database) -> None:
    rows = [write(database, "a", day=day) for day in range(5)]
    write(database, "b")
    with database.begin() as connection:
        found = record.last_runs(connection, ["a"], each=3)
    assert [run.id for run in found["a"]] == rows[:1:-1]


def test_old_runs_are_forgotten_but_those_under_way(database: Database) -> None:
    running = write(database, "a", state="running")
    rows = [write(database, "a", day=day) for day in range(1, 6)]
    other = write(database, "b")
    with database.begin() as connection:
        record.prune(connection, "a", keep=3)
    left = [row.id for row in sql(database, "SELECT id FROM schedule_runs ORDER BY id")]
    assert left == [running, *rows[2:], other]


def test_a_due_time_is_skipped_once(database: Database) -> None:
    for expected in (True, False):
        with database.begin() as connection:
            assert record.skip(connection, "a", ["x"], START, START) is expected
    with database.begin() as connection:
        assert not record.skip(connection, "a", ["x"], START - DAY, START)
        assert record.skip(connection, "a", ["x"], START + DAY, START)


def test_an_entry_is_known_since_it_is_in_the_file_without_a_break(database: Database) -> None:
    def know(day: int, *entries: str, file: str = "/a.toml") -> dict[str, int]:
        with database.begin() as connection:
            known = record.known_since(connection, file, entries, START + day * DAY)
        return {entry: (since - START).days for entry, since in known.items()}

    assert know(0, "a", "b") == {"a": 0, "b": 0}
    assert know(1, "b", "a") == {"a": 0, "b": 0}
    assert know(2, "a", "c") == {"a": 0, "c": 2}
    assert know(3, "a", "b", file="/b.toml") == {"a": 3, "b": 3}
    assert know(4, "a", "b", "c") == {"a": 0, "b": 4, "c": 2}
    assert know(5, "a", "b", "c") == {"a": 0, "b": 4, "c": 2}
    # Only what is new is written down.
    assert one(database, "SELECT count(*) FROM schedule_runs") == 4


def test_one_at_a_time_holds_an_entry(database: Database) -> None:
    first = EntryLock.take(database, "a")
    assert first is not None
    other = EntryLock.take(database, "b")
    assert other is not None
    assert EntryLock.take(database, "a") is None
    with database.begin() as connection:
        assert record.entries_under_way(connection, ["a", "b", "c"]) == {"a", "b"}
    other.release()
    first.release()
    with database.begin() as connection:
        assert record.entries_under_way(connection, ["a", "b", "c"]) == set()
    again = EntryLock.take(database, "a")
    assert again is not None
    again.release()


def cut_connections(database: Database) -> None:
    """End all connections that hold advisory locks."""
    sql(
        database,
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )


@pytest.mark.parametrize("taken_meanwhile", [False, True])
def test_a_lock_that_was_lost_is_taken_again(database: Database, taken_meanwhile: bool) -> None:
    lock = EntryLock.take(database, "a")
    assert lock is not None
    assert lock.keep()
    cut_connections(database)
    thief = EntryLock.take(database, "a") if taken_meanwhile else None
    assert lock.keep() is not taken_meanwhile
    if thief is not None:
        thief.release()
        assert lock.keep()
    assert EntryLock.take(database, "a") is None
    lock.release()


def test_whoever_looks_sees_that_a_scheduler_runs(database: Database) -> None:
    def seen() -> bool:
        with database.begin() as connection:
            return record.is_scheduler_running(connection)

    first, second = Presence(database), Presence(database)
    assert not seen()
    first.keep()
    second.keep()
    first.end()
    assert seen()
    cut_connections(database)
    second.keep()
    assert seen()
    second.end()
    assert not seen()
