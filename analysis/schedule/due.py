"""What is due: a pure function of an entry, its last runs and the time.

Nothing is remembered between two looks: a scheduler that was away, and one that runs beside
another, come to the same answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from analysis.schedule.entries import Entry
from analysis.schedule.record import Run
from storage.errors import ExitCode

GOOD = ("done", "retryable")
# A run that is cut short again and again (it may be what takes the machine down) is left alone.
MOST_RESUMED = 3

Why = Literal["clock", "after", "retry", "resume"]


@dataclass(frozen=True, slots=True)
class Due:
    """A run that is to start now."""

    at: datetime
    """The due time that it is for."""
    why: Why


def find_due(
    entry: Entry,
    runs: Sequence[Run],
    others: Mapping[str, Sequence[Run]],
    *,
    since: datetime,
    began: datetime,
    now: datetime,
) -> Due | None:
    """Return what is due of an entry now; None: nothing.

    Due times that were missed are one: the latest.

    Args:
        entry: the entry.
        runs: its last runs, the newest first.
        others: the last runs of the entries in `after`, the newest first.
        since: due times up to here are not made up for where none ran.
        began: when this scheduler began to look.
        now: the time.
    """
    handled = last_due(runs)
    floor = since if handled is None else max(since, handled)
    if entry.times is not None:
        first = entry.times.next_after(floor)
        if first + lot(entry, first) <= now:
            latest = entry.times.latest(floor, now)
            assert latest is not None, "one was found"
            return Due(latest, "clock")
    if entry.after:
        ends = [last_good_end(others.get(name, ())) for name in entry.after]
        if all(end is not None and end > floor for end in ends):
            return Due(max(end for end in ends if end is not None), "after")
    return _again(entry, [run for run in runs if run.due_at == handled], began, now)


def next_due(entry: Entry, runs: Sequence[Run], since: datetime) -> datetime | None:
    """Return when an entry is due next by the clock; None: behind others only."""
    if entry.times is None:
        return None
    handled = last_due(runs)
    first = entry.times.next_after(since if handled is None else max(since, handled))
    return first + lot(entry, first)


def last_due(runs: Sequence[Run]) -> datetime | None:
    """Return the latest due time that was dealt with, run or skipped."""
    return max((run.due_at for run in runs if run.due_at is not None), default=None)


def last_good_end(runs: Sequence[Run]) -> datetime | None:
    """Return when an entry last ended with 0 or 4."""
    ends = [run.finished_at for run in runs if run.state in GOOD and run.finished_at is not None]
    return max(ends, default=None)


def lot(entry: Entry, due_at: datetime) -> timedelta:
    """Return how much later than due a run starts: the same for every scheduler that asks."""
    drawn = hashlib.sha256(f"{entry.name} {due_at.timestamp()}".encode()).digest()[:8]
    share = int.from_bytes(drawn, "big") / 2**64
    return timedelta(minutes=entry.jitter_minutes * share)


def _again(entry: Entry, runs: Sequence[Run], began: datetime, now: datetime) -> Due | None:
    """Whether the last due time, of which these are the runs, needs another one."""
    if not runs or runs[0].due_at is None or runs[0].finished_at is None:
        return None
    last, ended, due_at = runs[0], runs[0].finished_at, runs[0].due_at
    if last.state == "interrupted":
        # Its scheduler died, or was told to end; whoever interrupts the run itself means it.
        cut_short = last.exit_code is None or ended <= began
        times = sum(run.state == "interrupted" for run in runs)
        return (
            Due(due_at, "resume")
            if entry.catch_up and cut_short and times <= MOST_RESUMED
            else None
        )
    if last.state in ("failed", "retryable") and last.exit_code != ExitCode.USAGE:
        tries = sum(run.state in ("failed", "retryable") for run in runs)
        ready = ended + timedelta(minutes=entry.retry_minutes)
        return Due(due_at, "retry") if tries <= entry.retries and now >= ready else None
    return None
