"""Schedules whose commands are small programs, and a clock that tests set."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analysis.schedule.entries import Schedule
from analysis.schedule.process import Programs, Redactor
from analysis.schedule.scheduler import Scheduler
from storage.database import Database

# What `artworks` and `scrapy` are here: `say`, `exit`, `wait` and `deaf` as first words.
PROGRAM = """
import signal, sys, time
def end(*_):
    print("told to end", flush=True)
    sys.exit(130)
what, *rest = sys.argv[1:]
if what == "wait":
    signal.signal(signal.SIGTERM, end)
elif what == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(*rest, flush=True)
if what == "exit":
    sys.exit(int(rest[0]))
if what in ("wait", "deaf"):
    while True:
        time.sleep(3600)
"""
PROGRAMS: Programs = dict.fromkeys(
    ("artworks", "scrapy"), (sys.executable, "-I", "-S", "-c", PROGRAM)
)
START = datetime(2026, 5, 4, 2, 0, tzinfo=UTC)


class Clock:
    """The time, as a test sets it."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, **amount: float) -> None:
        self.time += timedelta(**amount)


def schedule_of(entries: dict[str, dict[str, Any]], **keys: Any) -> Schedule:
    """A schedule in UTC. Entries without `command` print their name."""
    named = {
        name: {"command": ["artworks", "say", name]} | entry for name, entry in entries.items()
    }
    return Schedule.model_validate({"timezone": "UTC", **keys, "entries": named})


MakeScheduler = Callable[..., Scheduler]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_scheduler(database: Database, clock: Clock) -> Iterator[MakeScheduler]:
    """Make schedulers of one file; what they left running is ended with the test."""
    made: list[Scheduler] = []

    def make(entries: dict[str, dict[str, Any]], **keys: Any) -> Scheduler:
        scheduler = Scheduler(
            schedule_of(entries, **keys),
            database,
            file="/schedule.toml",
            programs=PROGRAMS,
            redactor=Redactor(["hunter2"]),
            now=clock,
        )
        made.append(scheduler)
        return scheduler

    yield make
    for scheduler in made:
        for running in scheduler.runner.running.values():
            running.process.kill()
            running.process.join()
            running.lock.release()
        scheduler._presence.end()


def settle(scheduler: Scheduler) -> None:
    """Look, and go on until all that runs has ended and is recorded."""
    scheduler.look()
    while scheduler.runner.running:
        for running in list(scheduler.runner.running.values()):
            running.process.join()
        scheduler.look()
