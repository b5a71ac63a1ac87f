"""The scheduler: looks at what is due, and has it run.

It goes by `schedule_runs` and the clock alone. Each look asks the same question anew (what is due
that nobody has dealt with?), so that a restart, an outage of the database, a clock that was set and
a second scheduler beside it are nothing special.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue

from analysis.schedule.due import Due, find_due, next_due
from analysis.schedule.entries import Entry, Schedule
from analysis.schedule.process import PROGRAMS, Programs, Redactor
from analysis.schedule.record import Presence, Run, known_since, skip
from analysis.schedule.runner import Runner
from storage.database import Database
from storage.errors import DatabaseUnavailable, ExitCode, UsageError

logger = logging.getLogger(__name__)

# Seconds between two looks, at most: what others recorded is seen by then.
LOOK_EVERY_S = 15.0
# After a look that found no database, an entry that somebody holds, or a run that has to end.
LOOK_AGAIN_S = 2.0
# What the database may be away for when we end, before runs are left to the next scheduler.
LAST_WORDS_S = 10.0

Runs = Mapping[str, Sequence[Run]]


class EntryBusy(UsageError):
    """The entry is being run already."""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Scheduler:
    """Runs the entries of a schedule on one database."""

    def __init__(
        self,
        schedule: Schedule,
        database: Database,
        *,
        file: str,
        at_once: int | None = None,
        programs: Programs = PROGRAMS,
        redactor: Redactor | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Make a scheduler, which does nothing yet.

        Args:
            schedule: what runs, and when.
            database: an open, migrated database.
            file: where the schedule was read: by that, a scheduler knows what it missed.
            at_once: entries that run at the same time, at most; default: what the schedule says.
            programs: how commands are started.
            redactor: what hides secrets in their output.
            now: the clock.
        """
        self.schedule = schedule
        self._database = database
        self._file = file
        self._at_once = at_once or schedule.at_once
        self._now = now
        self._presence = Presence(database)
        # Its `put` may be called from a signal handler, whatever that interrupts.
        self._wake: SimpleQueue[None] = SimpleQueue()
        self.runner = Runner(
            schedule,
            database,
            wake=lambda: self._wake.put(None),
            now=now,
            programs=programs,
            redactor=redactor,
        )
        self._since: Mapping[str, datetime] | None = None
        self._began = now()
        self._held: dict[str, datetime] = {}
        self._next: datetime | None = None
        self._only_now = False
        self._stops = 0
        self._trouble = False
        self._look_again = False

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to end."""
        return self._stops > 0

    def stop(self) -> None:
        """End in order: told once, runs are told to end, too; told twice, they are killed.

        May be called from a signal handler.
        """
        self._stops += 1
        self._wake.put(None)

    def run_forever(self) -> None:
        """Run what is due, until it is told to end."""
        with self._closing():
            while not self.is_stopping:
                self.look()
                self._sleep()

    def run_due(self) -> None:
        """Run what is due, and what becomes due behind it, and end."""
        self._only_now = True
        with self._closing():
            while not self.is_stopping:
                self.look()
                if not self.runner.running and not self._look_again:
                    return
                self._sleep()

    def run_entry(self, name: str) -> int:
        """Run one entry now, due or not, and return its exit code.

        Raises EntryBusy where it is being run already.
        """
        entry = self.schedule.entries[name]
        with self._closing():
            while self.runner.recover(name) == "ending" and not self.is_stopping:
                self._sleep(LOOK_AGAIN_S)
            if not self.is_stopping and not self.runner.start(entry, None, lambda: True):
                raise EntryBusy(
                    f"the entry {name!r} is being run already: `artworks schedule --list` shows "
                    "where; wait until it ends."
                )
            running = self.runner.running.get(name)
            while self.runner.running and not self.is_stopping:
                self._sleep()
                self.look(start=False)
        if running is None or running.process.exit_code is None:
            return int(ExitCode.INTERRUPTED if self.is_stopping else ExitCode.UNEXPECTED)
        return int(ExitCode.INTERRUPTED) if self.is_stopping else running.process.exit_code

    def look(self, *, start: bool = True) -> None:
        """Write down what ended, and start what is due.

        Without a database it says so, and the next look tries again: nothing is lost.
        """
        self._look_again = False
        self.runner.end_late(at_once=self._stops > 1)
        try:
            self.runner.record_ended()
            self.runner.keep_locks()
            if start:
                self._presence.keep()
                self._start_due()
        except DatabaseUnavailable as error:
            self._look_again = True
            if not self._trouble:
                logger.error("%s Trying again until it answers; nothing that is due is lost", error)
            self._trouble = True
        else:
            if self._trouble:
                logger.info("the database answers again")
            self._trouble = False

    def _start_due(self) -> None:
        now = self._now()
        since = self._due_since(now)
        runs = self.runner.last_runs(self.schedule.entries)
        comings = []
        for name, entry in self.schedule.enabled.items():
            is_ours = name in self.runner.running
            if not is_ours and any(run.state == "running" for run in runs[name]):
                former = self.runner.recover(name)
                if former == "ending":
                    self._look_again = True
                    continue
                runs = {**runs, **self.runner.last_runs([name])}
            due = self._find(entry, runs, since, now)
            if due is None:
                self._held.pop(name, None)
                comings.append(next_due(entry, runs[name], since[name]))
            elif is_ours:
                self._skip(entry, due, now)
            elif len(self.runner.running) < self._at_once:
                self._start(entry, due, since, now)
        self._next = min((coming for coming in comings if coming is not None), default=None)

    def _start(self, entry: Entry, due: Due, since: Mapping[str, datetime], now: datetime) -> None:
        def is_due() -> bool:
            runs = self.runner.last_runs([entry.name, *entry.after])
            return self._find(entry, runs, since, now) == due

        if self.runner.start(entry, due, is_due):
            self._held.pop(entry.name, None)
            return
        # Another scheduler that runs it for the same due time has written so by the next look;
        # where there is nothing then, a former run goes on.
        if now - self._held.setdefault(entry.name, now) >= timedelta(seconds=LOOK_AGAIN_S):
            self._skip(entry, due, now)
        self._look_again = True

    def _find(
        self, entry: Entry, runs: Runs, since: Mapping[str, datetime], now: datetime
    ) -> Due | None:
        return find_due(
            entry, runs[entry.name], runs, since=since[entry.name], began=self._began, now=now
        )

    def _skip(self, entry: Entry, due: Due, now: datetime) -> None:
        """Write down that an entry was due while it ran; behind others, it runs again instead."""
        if due.why != "clock":
            return
        with self._database.begin() as connection:
            if skip(connection, entry.name, entry.words, due.at, now):
                logger.warning("%s: skipped, since its former run goes on", entry.name)

    def _due_since(self, now: datetime) -> Mapping[str, datetime]:
        """Return from when on due times count, for each entry."""
        if self._since is None:
            with self._database.begin() as connection:
                known = known_since(connection, self._file, list(self.schedule.enabled), now)
            # Between two calls that only run what is due, no scheduler runs: none missed anything.
            self._since = {
                name: known[name] if entry.catch_up or self._only_now else self._began
                for name, entry in self.schedule.enabled.items()
            }
        return self._since

    def _sleep(self, seconds: float | None = None) -> None:
        """Wait until something happens, or the next look is due."""
        if seconds is None:
            seconds = LOOK_AGAIN_S if self._look_again else LOOK_EVERY_S
            if self._next is not None:
                until = (self._next - self._now()).total_seconds()
                # What is due and waits for its turn is woken by the run before it.
                seconds = min(seconds, until) if until > 0 else seconds
            for running in self.runner.running.values():
                if running.deadline is not None and running.stopped_at is None:
                    seconds = min(seconds, running.deadline - time.monotonic())
        try:
            self._wake.get(timeout=max(seconds, 0.01))
        except Empty:
            return

    @contextmanager
    def _closing(self) -> Iterator[None]:
        """See to it that nothing is left behind, however we end."""
        try:
            yield
        finally:
            self._end_all()
            self._presence.end()

    def _end_all(self) -> None:
        self.runner.stop_all()
        silent_since: float | None = None
        while self.runner.running:
            self.look(start=False)
            left = [one for one in self.runner.running.values() if one.process.is_running]
            if self.runner.running and not left:
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since > LAST_WORDS_S:
                    for name in list(self.runner.running):
                        logger.error(
                            "%s: how it ended is not written down, since the database is away; "
                            "the next scheduler runs it again",
                            name,
                        )
                        self.runner.let_go(name)
            if self.runner.running:
                self._sleep(0.5)
