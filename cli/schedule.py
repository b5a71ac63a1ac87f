"""`artworks schedule`: crawls and jobs at their times."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cli.console import (
    ACCENT,
    ago,
    duration,
    on_terminal,
    print_json,
    print_table,
    remark,
    stdout,
)
from cli.opening import existing_database, load_settings
from storage.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from types import FrameType

    from analysis.schedule.entries import Schedule
    from analysis.schedule.overview import EntryStatus, Overview
    from analysis.schedule.record import Run
    from analysis.schedule.scheduler import Scheduler
    from storage.database import Database

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
# Runs that --history lists, unless --limit says otherwise.
RECENT = 20
# A shorter password would be found in words that have nothing to do with it. In addresses, every
# one is hidden.
SHORTEST_SECRET = 6
STYLES = {
    "done": "green",
    "retryable": "yellow",
    "running": ACCENT,
    "failed": "red",
    "interrupted": "yellow",
    "cut short": "yellow",
    "skipped": "bright_black",
}


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(schedule)


def schedule(
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", metavar="PATH", help="The schedule; default: ARTWORKS_SCHEDULE, a TOML file."
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only look whether it is right.")] = False,
    listing: Annotated[
        bool, typer.Option("--list", help="List entries with their last and next runs.")
    ] = False,
    history: Annotated[
        str | None, typer.Option("--history", metavar="NAME", help="List an entry's last runs.")
    ] = None,
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="NAME", help="Run an entry now, and exit as it does."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Run what is due, and end.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            max=8,
            help="Entries that run at the same time, at most; default: the file's at_once.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="Runs that --history lists.")
    ] = RECENT,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Run crawls and jobs at their times, until Ctrl-C.

    Every run is a process of its own, and is written down in schedule_runs. An entry never runs
    twice at the same time; what was missed while no scheduler ran is made up for. docs/schedule.md
    tells how the file is written.

    Example: `artworks schedule --list`
    """
    modes = {
        "--check": check,
        "--list": listing,
        "--history": history is not None,
        "--run": run is not None,
        "--once": once,
    }
    chosen = [name for name, is_given in modes.items() if is_given]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)}: choose one.")
    if as_json and chosen not in (["--list"], ["--history"]):
        raise UsageError("--json is for --list and --history: add one of them, or leave it out.")
    path, loaded = _load(file)
    for name in (run, history):
        if name is not None and name not in loaded.entries:
            raise UsageError(f"{path} has no entry {name!r}; it has: {', '.join(loaded.entries)}.")
    if check:
        _print_checked(path, loaded)
        return
    with existing_database(load_settings()) as database:
        if listing:
            _list(database, path, loaded, as_json)
        elif history is not None:
            _print_history(database, history, limit, as_json)
        else:
            code = _run(database, path, loaded, run, once, workers)
            if code:
                raise typer.Exit(code)


def _load(file: Path | None) -> tuple[Path, Schedule]:
    from analysis.config import load_analysis_settings
    from analysis.schedule.file import load_schedule
    from cli.command_check import check_command

    path = file or load_analysis_settings().schedule
    return path, load_schedule(path, check_command)


def _run(
    database: Database,
    path: Path,
    loaded: Schedule,
    name: str | None,
    once: bool,
    workers: int | None,
) -> int:
    from analysis.schedule.process import Redactor
    from analysis.schedule.scheduler import Scheduler

    scheduler = Scheduler(
        loaded,
        database,
        file=str(path.resolve()),
        at_once=workers,
        redactor=Redactor(_secrets()),
    )
    with _log_to_people(), _ended_by_signals(scheduler):
        if name is not None:
            return scheduler.run_entry(name)
        if not once:
            logging.getLogger(__name__).info(
                "%s: %d entries, times of %s; Ctrl-C ends", path, len(loaded.enabled), loaded.zone
            )
            scheduler.run_forever()
        else:
            scheduler.run_due()
    if scheduler.is_stopping:
        return int(ExitCode.INTERRUPTED)
    states = {state for _, state in scheduler.runner.ended}
    if states & {"failed", "interrupted"}:
        return int(ExitCode.UNEXPECTED)
    return int(ExitCode.RETRYABLE_FAILURES if "retryable" in states else ExitCode.DONE)


@contextmanager
def _ended_by_signals(scheduler: Scheduler) -> Iterator[None]:
    """Have Ctrl-C and SIGTERM end the scheduler in order, and a second one at once."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        scheduler.stop()

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def _log_to_people() -> Iterator[None]:
    """Log what the schedule does, and what its runs print, as the settings say."""
    settings = load_settings()
    handler = (
        logging.StreamHandler(sys.stderr)
        if settings.log_file is None
        else logging.FileHandler(settings.log_file, encoding="utf-8")
    )
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    loggers = [logging.getLogger(name) for name in ("analysis.schedule", __name__)]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(settings.log_level)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        handler.close()


def _secrets() -> list[str]:
    """Return what must not be shown, from the settings that runs are given, too."""
    from urllib.parse import unquote

    from crawler.config import load_crawler_settings

    settings = load_settings()
    addresses = (settings.database_url, settings.objects_url, load_crawler_settings().splash_url)
    found = []
    for address in addresses:
        # As in `redact`, nothing is parsed that could refuse.
        given = "" if address is None else address.get_secret_value()
        _, _, password = given.rpartition("@")[0].partition("://")[2].partition(":")
        found += [password, unquote(password)]
    return [secret for secret in found if len(secret) >= SHORTEST_SECRET]


def _print_checked(path: Path, loaded: Schedule) -> None:
    off = len(loaded.entries) - len(loaded.enabled)
    said = f"{path}: {len(loaded.entries)} entries are right"
    remark(f"{said}, {off} of them not enabled" if off else said)


def _list(database: Database, path: Path, loaded: Schedule, as_json: bool) -> None:
    from analysis.schedule.overview import look_over

    with database.begin() as connection:
        found = look_over(connection, loaded, datetime.now(UTC))
    if as_json:
        print_json(
            {
                "file": str(path),
                "timezone": str(loaded.zone),
                "running": found.is_running,
                "entries": {status.entry.name: status.as_dict() for status in found.entries},
            }
        )
        return
    _print_overview(path, loaded, found)


def _print_overview(path: Path, loaded: Schedule, found: Overview) -> None:
    print_table(
        "",
        ("Entry", "When", "Last run", "Took", "Result", "Next"),
        [
            (
                Text(status.entry.name, style="bold" if status.entry.enabled else "dim"),
                _when(status),
                ago(status.last.started_at if status.last else None),
                _took(status.last),
                _result(status),
                _next(status, loaded),
            )
            for status in found.entries
        ],
        numbers=("Took",),
        wrap=("When", "Result"),
    )
    if not found.is_running:
        remark(f"no scheduler runs now: `artworks schedule` starts what {path} says")


def _when(status: EntryStatus) -> str:
    entry = status.entry
    behind = f"after {', '.join(entry.after)}" if entry.after else ""
    return " or ".join(part for part in (entry.cron, behind) if part)


def _took(run: Run | None) -> str:
    if run is None or run.seconds is None:
        return ""
    return duration(run.seconds) if on_terminal() else f"{run.seconds:.1f}"


def _result(status: EntryStatus) -> Text:
    text = Text(status.result, style=STYLES.get(status.result, ""))
    code = status.last.exit_code if status.last is not None else None
    if code and not status.is_running:
        text.append(f" ({code})")
    if status.skipped:
        text.append(f", {status.skipped} skipped", style="bright_black")
    return text


def _next(status: EntryStatus, loaded: Schedule) -> str:
    if not status.entry.enabled:
        return "not enabled"
    if status.next_at is None:
        return "when they end"
    return _moment(status.next_at, loaded)


def _moment(moment: datetime, loaded: Schedule) -> str:
    local = moment.astimezone(loaded.zone)
    return f"{local:%a %Y-%m-%d %H:%M}" if on_terminal() else local.isoformat(timespec="seconds")


def _print_history(database: Database, name: str, limit: int, as_json: bool) -> None:
    from analysis.schedule.overview import run_as_dict
    from analysis.schedule.record import last_runs

    with database.begin() as connection:
        runs = last_runs(connection, [name], each=limit)[name]
    if as_json:
        print_json([run_as_dict(run) for run in runs])
        return
    print_table(
        "",
        ("Run", "Started", "Took", "State", "Exit code", "Due", "Host"),
        [
            (
                str(run.id),
                ago(run.started_at),
                _took(run),
                Text(run.state, style=STYLES.get(run.state, "")),
                "" if run.exit_code is None else str(run.exit_code),
                ago(run.due_at) if run.due_at else "by hand",
                run.host,
            )
            for run in runs
        ],
        numbers=("Run", "Took", "Exit code"),
    )
    told = next((run for run in runs if run.output), None)
    if told is not None and on_terminal():
        remark(f"\nthe last lines of run {told.id}:")
        stdout().print(Text(told.output or ""))
