"""The scheduler on a real database, with real processes, and a clock that the tests set."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from support.databases import one, sql

from analysis.schedule.record import EntryLock, worker_name
from analysis.schedule.scheduler import EntryBusy, Scheduler
from storage.database import Database
from storage.embedded.processes import Daemon
from storage.errors import DatabaseUnavailable

from .conftest import START, Clock, MakeScheduler, settle

HOURLY: dict[str, Any] = {"cron": "0 * * * *"}
WAIT: dict[str, Any] = {"command": ["artworks", "wait", "ready"]}
PATIENCE_S = 60


@pytest.fixture
def ran(database: Database) -> Callable[[str], list[str]]:
    """The states of an entry's runs, the oldest first."""

    def ran(entry: str) -> list[str]:
        rows = sql(
            database, "SELECT state FROM schedule_runs WHERE entry = :e ORDER BY id", e=entry
        )
        return [row.state for row in rows]

    return ran


Ran = Callable[[str], list[str]]


def until_ready(scheduler: Scheduler, name: str) -> None:
    process = scheduler.runner.running[name].process
    until = time.monotonic() + PATIENCE_S
    while "ready" not in process.output:
        assert time.monotonic() < until, "waited for too long"
        time.sleep(0.02)


def test_an_entry_runs_at_its_time_once(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran, database: Database
) -> None:
    scheduler = make_scheduler({"a": HOURLY})
    settle(scheduler)
    assert ran("a") == []
    clock.pass_by(minutes=59)
    settle(scheduler)
    assert ran("a") == []
    clock.pass_by(minutes=1)
    settle(scheduler)
    settle(scheduler)
    assert ran("a") == ["done"]
    [row] = sql(database, "SELECT * FROM schedule_runs WHERE entry = 'a'")
    assert (row.due_at, row.exit_code, row.output) == (START + timedelta(hours=1), 0, "a")
    assert row.command == ["artworks", "say", "a"]
    assert scheduler.runner.ended == [("a", "done")]


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (0, "done"),
        (4, "retryable"),
        (1, "failed"),
        (3, "failed"),
        (5, "failed"),
        (130, "interrupted"),
    ],
)
def test_exit_codes_are_states(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran, code: int, state: str
) -> None:
    scheduler = make_scheduler({"a": {**HOURLY, "command": ["artworks", "exit", str(code)]}})
    scheduler.look()
    clock.pass_by(hours=1)
    settle(scheduler)
    settle(scheduler)
    assert ran("a") == [state]


def test_an_entry_never_runs_beside_itself_and_what_is_due_meanwhile_is_skipped(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran
) -> None:
    scheduler = make_scheduler({"a": {**HOURLY, **WAIT}})
    scheduler.look()
    clock.pass_by(hours=1)
    scheduler.look()
    clock.pass_by(hours=1)
    scheduler.look()
    scheduler.look()
    assert ran("a") == ["running", "skipped"]
    scheduler.runner.running["a"].process.kill()
    settle(scheduler)
    assert ran("a") == ["failed", "skipped"]
    clock.pass_by(hours=1)
    scheduler.look()
    assert ran("a") == ["failed", "skipped", "running"]


def test_two_schedulers_share_the_entries(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran
) -> None:
    first, second = make_scheduler({"a": {**HOURLY, **WAIT}}), make_scheduler({"a": HOURLY})
    first.look()
    second.look()
    clock.pass_by(hours=1)
    first.look()
    second.look()
    assert ran("a") == ["running"]
    assert not second.runner.running
    # Due again, and the other one still runs it: that is seen at the second look.
    clock.pass_by(hours=1)
    second.look()
    assert ran("a") == ["running"]
    clock.pass_by(seconds=5)
    second.look()
    first.look()
    assert ran("a") == ["running", "skipped"]


def test_a_due_time_that_another_scheduler_dealt_with_is_not_run_again(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran
) -> None:
    first, second = make_scheduler({"a": HOURLY}), make_scheduler({"a": HOURLY})
    first.look()
    second.look()
    clock.pass_by(hours=1)
    settle(first)
    settle(second)
    assert ran("a") == ["done"]


def test_whoever_gets_the_lock_late_sees_that_it_is_done(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_scheduler({"a": HOURLY}), make_scheduler({"a": HOURLY})
    first.look()
    second.look()
    clock.pass_by(hours=1)
    take = EntryLock.take

    def take_late(database: Database, entry: str) -> EntryLock | None:
        monkeypatch.setattr(EntryLock, "take", take)
        settle(first)  # between our look at what is due and our lock
        return take(database, entry)

    monkeypatch.setattr(EntryLock, "take", take_late)
    settle(second)
    assert ran("a") == ["done"]
    assert second.runner.ended == []


def test_no_more_run_at_once_than_is_said(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran
) -> None:
    names = ("a", "b", "c")
    scheduler = make_scheduler({name: {**HOURLY, **WAIT} for name in names}, at_once=2)
    scheduler.look()
    clock.pass_by(hours=1)
    scheduler.look()
    assert [ran(name) for name in names] == [["running"], ["running"], []]
    scheduler.runner.running["a"].process.kill()
    scheduler.runner.running["a"].process.join()
    scheduler.look()
    # What waits for its turn is not skipped.
    assert [ran(name) for name in names] == [["failed"], ["running"], ["running"]]


def test_behind_others(make_scheduler: MakeScheduler, clock: Clock, ran: Ran) -> None:
    behind = {"cron": None}
    scheduler = make_scheduler(
        {
            "crawl": {**HOURLY, "command": ["artworks", "exit", "4"]},
            "broken": {**HOURLY, "command": ["artworks", "exit", "1"]},
            "analysis": {**behind, "after": ["crawl"]},
            "report": {**behind, "after": ["analysis"]},
            "never": {**behind, "after": ["crawl", "broken"]},
        }
    )
    scheduler.look()
    clock.pass_by(hours=1)
    settle(scheduler)
    for name in ("analysis", "report"):
        # Each of them is due when the one before it has ended, not before.
        clock.pass_by(seconds=1)
        settle(scheduler)
        assert ran(name) == ["done"]
    clock.pass_by(seconds=1)
    settle(scheduler)
    assert (ran("analysis"), ran("report"), ran("never")) == (["done"], ["done"], [])


def test_an_entry_behind_another_that_ends_while_it_runs_is_run_again(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran
) -> None:
    scheduler = make_scheduler(
        {"crawl": HOURLY, "analysis": {"cron": None, "after": ["crawl"], **WAIT}}
    )
    scheduler.look()
    for _ in range(2):
        clock.pass_by(hours=1)
        scheduler.look()
        scheduler.runner.running["crawl"].process.join()
        clock.pass_by(minutes=1)
        scheduler.look()
    assert (ran("crawl"), ran("analysis")) == (["done", "done"], ["running"])
    scheduler.runner.running["analysis"].process.kill()
    scheduler.runner.running["analysis"].process.join()
    scheduler.look()
    assert ran("analysis") == ["failed", "running"]


def test_a_failed_run_is_tried_again(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran, database: Database
) -> None:
    scheduler = make_scheduler(
        {"a": {**HOURLY, "command": ["artworks", "exit", "3"], "retries": 1, "retry_minutes": 5}}
    )
    scheduler.look()
    clock.pass_by(hours=1)
    settle(scheduler)
    clock.pass_by(minutes=5)
    settle(scheduler)
    clock.pass_by(minutes=50)
    settle(scheduler)
    assert ran("a") == ["failed", "failed"]
    assert one(database, "SELECT count(DISTINCT due_at) FROM schedule_runs WHERE entry = 'a'") == 1


def test_what_was_missed_while_none_ran_is_made_up_for_once(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran
) -> None:
    entries = {"a": HOURLY, "not-a": {**HOURLY, "catch_up": False}, "never-ran": {"cron": "@daily"}}
    former = make_scheduler(entries)
    former.look()
    clock.pass_by(hours=1)
    settle(former)
    clock.pass_by(hours=30)
    scheduler = make_scheduler(entries)
    settle(scheduler)
    settle(scheduler)
    assert (ran("a"), ran("not-a"), ran("never-ran")) == (["done"] * 2, ["done"], ["done"])
    clock.pass_by(hours=1)
    settle(scheduler)
    assert (ran("a"), ran("not-a")) == (["done"] * 3, ["done"] * 2)


def test_an_entry_that_is_new_in_the_file_has_missed_nothing(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran
) -> None:
    make_scheduler({"a": HOURLY}).look()
    clock.pass_by(hours=5)
    settle(make_scheduler({"b": HOURLY}))
    assert ran("b") == []
    clock.pass_by(hours=5)
    settle(make_scheduler({"a": HOURLY, "b": {**HOURLY, "enabled": False}}))
    assert (ran("a"), ran("b")) == ([], [])


def dead() -> Daemon:
    return Daemon("gone", 1, "an earlier boot/1")


def leave_behind(database: Database, clock: Clock, worker: str | None = None) -> None:
    """What a scheduler that was killed leaves: a row, and nobody who holds its lock."""
    sql(
        database,
        "INSERT INTO schedule_runs (entry, command, state, due_at, started_at, worker) "
        "VALUES ('a', '{x}', 'running', :due, :due, :worker)",
        due=clock(),
        worker=worker or f"{worker_name(dead()).split()[0]} 1 an-earlier-boot/1 2 boot/2",
    )


def test_a_run_whose_scheduler_was_killed_is_marked_and_run_again(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran, database: Database
) -> None:
    leave_behind(database, clock)
    clock.pass_by(minutes=7)
    settle(make_scheduler({"a": HOURLY}))
    assert ran("a") == ["interrupted", "done"]
    assert one(database, "SELECT count(DISTINCT due_at) FROM schedule_runs WHERE entry = 'a'") == 1


def test_without_catch_up_it_is_only_marked(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran, database: Database
) -> None:
    leave_behind(database, clock)
    settle(make_scheduler({"a": {**HOURLY, "catch_up": False}}))
    assert ran("a") == ["interrupted"]


def test_a_run_of_another_machine_has_time_to_take_its_lock_again(
    make_scheduler: MakeScheduler,
    clock: Clock,
    ran: Ran,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leave_behind(database, clock, worker="elsewhere 1 boot/1 2 boot/2")
    scheduler = make_scheduler({"a": HOURLY})
    scheduler.look()
    assert ran("a") == ["running"]
    monkeypatch.setattr("analysis.schedule.runner.TAKE_OVER_S", 0.0)
    settle(scheduler)
    assert ran("a") == ["interrupted", "done"]


def test_a_run_that_takes_too_long_is_told_to_end(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran, database: Database
) -> None:
    scheduler = make_scheduler({"a": {**HOURLY, **WAIT, "timeout_minutes": 60}})
    scheduler.look()
    clock.pass_by(hours=1)
    scheduler.look()
    until_ready(scheduler, "a")
    scheduler.runner.running["a"].started -= 3600
    settle(scheduler)
    assert ran("a") == ["failed"]
    [row] = sql(database, "SELECT * FROM schedule_runs WHERE entry = 'a'")
    assert row.exit_code == 130
    assert "told to end after timeout_minutes = 60" in row.output


def in_thread(scheduler: Scheduler, run: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=run)
    thread.start()
    until = time.monotonic() + PATIENCE_S
    while not scheduler.runner.running:
        assert time.monotonic() < until, "waited for too long"
        time.sleep(0.02)
    return thread


@pytest.mark.parametrize("command", ["wait", "deaf"])
def test_when_it_ends_its_runs_end_and_are_run_again_by_the_next(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran, database: Database, command: str
) -> None:
    entries = {"a": {**HOURLY, "command": ["artworks", command, "ready"]}}
    scheduler = make_scheduler(entries, stop_seconds=60 if command == "wait" else 0)
    scheduler.look()
    clock.pass_by(hours=1)
    thread = in_thread(scheduler, scheduler.run_forever)
    until_ready(scheduler, "a")
    scheduler.stop()
    thread.join()
    assert ran("a") == ["interrupted"]
    [row] = sql(database, "SELECT * FROM schedule_runs WHERE entry = 'a'")
    assert row.exit_code == (130 if command == "wait" else 137)
    clock.pass_by(minutes=1)
    following = make_scheduler({"a": HOURLY})
    settle(following)
    settle(following)
    assert ran("a") == ["interrupted", "done"]


def test_told_twice_it_waits_for_nobody(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran
) -> None:
    scheduler = make_scheduler(
        {"a": {**HOURLY, "command": ["artworks", "deaf", "ready"]}}, stop_seconds=3600
    )
    scheduler.look()
    clock.pass_by(hours=1)
    thread = in_thread(scheduler, scheduler.run_forever)
    until_ready(scheduler, "a")
    scheduler.stop()
    scheduler.stop()
    thread.join()
    assert ran("a") == ["interrupted"]


def test_what_is_due_and_no_more(make_scheduler: MakeScheduler, clock: Clock, ran: Ran) -> None:
    entries = {"a": {**HOURLY, "catch_up": False}, "b": {"cron": "@yearly"}}
    make_scheduler(entries).run_due()
    assert ran("a") == []
    clock.pass_by(hours=1)
    make_scheduler(entries).run_due()
    make_scheduler(entries).run_due()
    assert (ran("a"), ran("b")) == (["done"], [])


def test_by_hand(make_scheduler: MakeScheduler, clock: Clock, ran: Ran, database: Database) -> None:
    entries = {"a": {**HOURLY, "command": ["artworks", "exit", "5"], "enabled": False}}
    assert make_scheduler(entries).run_entry("a") == 5
    assert ran("a") == ["failed"]
    assert one(database, "SELECT due_at FROM schedule_runs WHERE entry = 'a'") is None
    lock = EntryLock.take(database, "a")
    assert lock is not None
    with pytest.raises(EntryBusy, match="'a' is being run already: `artworks schedule --list`"):
        make_scheduler(entries).run_entry("a")
    lock.release()


def test_an_outage_is_waited_for_and_nothing_due_is_lost(
    make_scheduler: MakeScheduler,
    clock: Clock,
    ran: Ran,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    scheduler = make_scheduler({"a": {**HOURLY, **WAIT}, "b": {"cron": "30 * * * *"}})
    scheduler.look()
    clock.pass_by(hours=1)
    scheduler.look()
    until_ready(scheduler, "a")
    scheduler.runner.running["b"].process.join()

    def refuse(*_: object) -> None:
        raise DatabaseUnavailable("nobody answers.")

    with monkeypatch.context() as outage:
        outage.setattr(Database, "begin", refuse)
        outage.setattr(EntryLock, "keep", refuse)
        scheduler.runner.running["a"].process.stop()
        scheduler.runner.running["a"].process.join()
        clock.pass_by(minutes=40)
        scheduler.look()
        scheduler.look()
        assert "a" in scheduler.runner.running
    assert sum("nobody answers" in message for message in caplog.messages) == 1
    settle(scheduler)
    assert (ran("a"), ran("b")) == (["interrupted"], ["done", "done"])


def test_locks_that_went_with_a_connection_are_taken_again(
    make_scheduler: MakeScheduler, clock: Clock, ran: Ran, database: Database
) -> None:
    scheduler = make_scheduler({"a": {**HOURLY, **WAIT}})
    scheduler.look()
    clock.pass_by(hours=1)
    scheduler.look()
    sql(
        database,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    database.engine.dispose()
    scheduler.look()
    assert EntryLock.take(database, "a") is None
    assert ran("a") == ["running"]
