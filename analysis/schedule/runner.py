"""Runs of entries: started under a lock, watched, ended, and written down."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from analysis.schedule.due import GOOD, Due
from analysis.schedule.entries import Entry, Schedule
from analysis.schedule.process import PROGRAMS, Programs, Redactor, RunProcess, end_orphan
from analysis.schedule.record import (
    EntryLock,
    Run,
    finish,
    last_runs,
    name_process,
    prune,
    start,
)
from storage.database import Database
from storage.errors import ExitCode

logger = logging.getLogger(__name__)

# How long the lock of a run on another machine has to be free before it counts as cut short: its
# scheduler may be about to take it again, after an outage of the database.
TAKE_OVER_S = 60.0

Former = Literal["none", "held", "ending"]
"""What is left of an entry's former runs: nothing, one that goes on, or one that has to end."""


@dataclass
class Running:
    """A run that this process started."""

    entry: Entry
    row: int
    lock: EntryLock
    process: RunProcess
    started: float
    """Seconds of the monotonic clock."""
    timed_out: bool = False
    stopped_at: float | None = None
    lock_lost: bool = False

    @property
    def deadline(self) -> float | None:
        """When it has taken too long, in seconds of the monotonic clock."""
        minutes = self.entry.timeout_minutes
        return None if minutes is None else self.started + minutes * 60

    @property
    def state(self) -> str:
        """How it ended, in the words of `schedule_runs`."""
        code = self.process.exit_code
        if code == ExitCode.DONE:
            return "done"
        if code == ExitCode.RETRYABLE_FAILURES:
            return "retryable"
        if self.timed_out:
            return "failed"
        if self.stopped_at is not None or code == ExitCode.INTERRUPTED:
            return "interrupted"
        return "failed"


class Runner:
    """Starts and ends the runs of one scheduler."""

    def __init__(
        self,
        schedule: Schedule,
        database: Database,
        *,
        wake: Callable[[], None],
        now: Callable[[], datetime],
        programs: Programs = PROGRAMS,
        redactor: Redactor | None = None,
    ) -> None:
        """Make a runner; `wake` is called in another thread whenever a run has ended."""
        self.running: dict[str, Running] = {}
        self.ended: list[tuple[str, str]] = []
        """Runs that ended, as (entry, state), in their order."""
        self._schedule = schedule
        self._database = database
        self._wake = wake
        self._now = now
        self._programs = programs
        self._redactor = redactor or Redactor()
        self._first_seen: dict[int, float] = {}

    def last_runs(self, entries: Collection[str]) -> Mapping[str, list[Run]]:
        """Return the last runs of entries, the newest first."""
        with self._database.begin() as connection:
            return last_runs(connection, entries)

    def start(self, entry: Entry, due: Due | None, is_due: Callable[[], bool]) -> bool:
        """Start an entry, if it is still due under its lock; False: somebody else holds it."""
        lock = EntryLock.take(self._database, entry.name)
        if lock is None:
            return False
        try:
            # Another scheduler may have been quicker; what it wrote is seen by now.
            if not is_due():
                return True
            with self._database.begin() as connection:
                at = None if due is None else due.at
                row = start(connection, entry.name, entry.words, at, self._now())
            process = self._start_process(entry, row)
            if process is None:
                return True
            self.running[entry.name] = Running(entry, row, lock, process, time.monotonic())
            lock = None
            with self._database.begin() as connection:
                name_process(connection, row, process.identity)
        finally:
            if lock is not None:
                lock.release()
        return True

    def _start_process(self, entry: Entry, row: int) -> RunProcess | None:
        logger.info("%s: starting: %s", entry.name, self._redactor(" ".join(entry.words)))
        try:
            return RunProcess(
                entry.name,
                entry.words,
                ended=self._wake,
                programs=self._programs,
                redactor=self._redactor,
            )
        except OSError as error:
            logger.error("%s: cannot be started: %s", entry.name, error)
            self.ended.append((entry.name, "failed"))
            with self._database.begin() as connection:
                finish(connection, row, "failed", self._now(), None, f"cannot be started: {error}")
            return None

    def keep_locks(self) -> None:
        """Take the locks again that went with a lost connection."""
        for running in self.running.values():
            was_lost, running.lock_lost = running.lock_lost, not running.lock.keep()
            if running.lock_lost and not was_lost:
                logger.warning(
                    "%s: another scheduler took it over while the database was away; this run "
                    "goes on",
                    running.entry.name,
                )

    def stop_all(self) -> None:
        """Tell every run to end."""
        for running in self.running.values():
            if running.stopped_at is None and running.process.is_running:
                _stop(running, "told to end, as the schedule was")

    def end_late(self, *, at_once: bool = False) -> None:
        """End runs that take too long, and kill those that do not end when they are told to."""
        now = time.monotonic()
        patience = 0.0 if at_once else self._schedule.stop_seconds
        for running in self.running.values():
            if not running.process.is_running:
                continue
            if running.stopped_at is None:
                if running.deadline is not None and now >= running.deadline:
                    running.timed_out = True
                    minutes = running.entry.timeout_minutes
                    _stop(running, f"told to end after timeout_minutes = {minutes:g}")
            elif now - running.stopped_at >= patience:
                logger.warning("%s: does not end; killing it", running.entry.name)
                running.process.kill()

    def record_ended(self) -> None:
        """Write down how runs ended, and let go of their entries."""
        for name, running in list(self.running.items()):
            if running.process.is_running:
                continue
            code, state = running.process.exit_code, running.state
            with self._database.begin() as connection:
                finish(connection, running.row, state, self._now(), code, running.process.output)
                prune(connection, name, self._schedule.keep)
            self.let_go(name)
            self.ended.append((name, state))
            level = logging.INFO if state in GOOD else logging.WARNING
            logger.log(level, "%s: %s, exit code %s", name, state, code)

    def let_go(self, name: str) -> None:
        """Give up a run whose process is gone."""
        running = self.running.pop(name)
        running.process.join()
        running.lock.release()

    def recover(self, name: str) -> Former:
        """Deal with runs whose scheduler is gone: end what is left of them, and write it down."""
        lock = EntryLock.take(self._database, name)
        if lock is None:
            return "held"
        try:
            # Under the lock: a run may have ended meanwhile.
            left = [run for run in self.last_runs([name])[name] if run.state == "running"]
            if any(self._goes_on(run) for run in left):
                return "ending"
            for run in left:
                self._first_seen.pop(run.id, None)
                with self._database.begin() as connection:
                    finish(connection, run.id, "interrupted", self._now(), None, run.output)
                logger.warning("%s: its former run was cut short", name)
        finally:
            lock.release()
        return "none"

    def _goes_on(self, run: Run) -> bool:
        """Whether something is left of a run that nobody holds the lock of."""
        is_new = run.id not in self._first_seen
        waited = time.monotonic() - self._first_seen.setdefault(run.id, time.monotonic())
        if run.host != socket.gethostname():
            return waited < TAKE_OVER_S
        scheduler, process = run.scheduler, run.process
        if scheduler is not None and scheduler.pid != os.getpid() and scheduler.is_alive:
            return True  # it takes the lock again, or writes down how the run ended
        if process is None or not process.is_alive:
            return False
        if waited > self._schedule.stop_seconds:
            end_orphan(process, kill=True)
        elif is_new:
            logger.warning("%s: its former run lost its scheduler; ending it", run.entry)
            # Linux has told it already, and a second time means "at once" to a crawl.
            if sys.platform != "linux":
                end_orphan(process, kill=False)
        return True


def _stop(running: Running, why: str) -> None:
    logger.warning("%s: %s", running.entry.name, why)
    running.process.say(why)
    running.stopped_at = time.monotonic()
    running.process.stop()
