"""What a schedule did last and does next, for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from analysis.schedule.due import lot
from analysis.schedule.entries import Entry, Schedule
from analysis.schedule.record import Run, entries_under_way, is_scheduler_running, last_runs


@dataclass(frozen=True, slots=True)
class EntryStatus:
    """An entry, its last run, and its next due time."""

    entry: Entry
    last: Run | None
    """The last run that was not skipped."""
    skipped: int
    """Due times that were skipped since then."""
    is_running: bool
    next_at: datetime | None
    """None: it is not enabled, or due behind others only."""

    @property
    def result(self) -> str:
        """How the last run ended: its state, `cut short` where nobody is left who runs it."""
        if self.is_running:
            return "running"
        if self.last is None:
            return ""
        return "cut short" if self.last.state == "running" else self.last.state

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "enabled": self.entry.enabled,
            "cron": self.entry.cron,
            "after": list(self.entry.after),
            "command": self.entry.words,
            "running": self.is_running,
            "result": self.result or None,
            "last": None if self.last is None else run_as_dict(self.last),
            "skipped": self.skipped,
            "next_at": _iso(self.next_at),
        }


@dataclass(frozen=True, slots=True)
class Overview:
    """A whole schedule."""

    is_running: bool
    """Whether a scheduler runs on this database now."""
    entries: Sequence[EntryStatus]


def look_over(connection: Connection, schedule: Schedule, now: datetime) -> Overview:
    """Return the state of every entry, in the order of the file."""
    runs = last_runs(connection, schedule.entries)
    under_way = entries_under_way(connection, schedule.entries)
    found = []
    for name, entry in schedule.entries.items():
        ran = [run for run in runs[name] if run.state != "skipped"]
        last = ran[0] if ran else None
        skipped = runs[name].index(last) if last is not None else len(runs[name])
        found.append(EntryStatus(entry, last, skipped, name in under_way, _next(entry, now)))
    return Overview(is_scheduler_running(connection), found)


def run_as_dict(run: Run) -> dict[str, Any]:
    """Return a run for JSON."""
    return {
        "id": run.id,
        "state": run.state,
        "due_at": _iso(run.due_at),
        "started_at": _iso(run.started_at),
        "finished_at": _iso(run.finished_at),
        "seconds": run.seconds,
        "exit_code": run.exit_code,
        "command": list(run.command),
        "output": run.output,
        "host": run.host,
    }


def _next(entry: Entry, now: datetime) -> datetime | None:
    if entry.times is None or not entry.enabled:
        return None
    due_at = entry.times.next_after(now)
    return due_at + lot(entry, due_at)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
