"""`artworks schedule`: what people type and see, and what happens when it is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.databases import one, opened, sql
from support.processes import runs

from cli.command_check import check_command
from storage.database import Database
from storage.errors import ExitCode, UsageError

# mypy: disable-error-code="no-untyped-def"

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120
GOOD = """
timezone = "Europe/Berlin"
[entries.nightly]
cron = "15 2 * * *"
command = ["artworks", "sql", "SELECT 41 + 1 AS answer", "--json"]
[entries.behind]
after = ["nightly"]
analyze = ["colors"]
[entries.off]
cron = "@weekly"
crawl = { site = "demo" }
enabled = false
"""
# It takes as long as nobody ends it; SIGTERM reaches it between two rows.
ENDLESS = """
timezone = "UTC"
stop_seconds = 60
[entries.endless]
cron = "@daily"
command = ["artworks", "demo", "--serve", "--works", "3", "--home", "museum"]
"""


@pytest.fixture
def database(command, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("ARTWORKS_DATABASE_URL", database_url)
    assert command("init").code == 0
    with opened(database_url) as database:
        yield database


@pytest.fixture
def file(open_folder: Path) -> Path:
    path = open_folder / "schedule.toml"
    path.write_text(GOOD)
    return path


def test_a_right_file_is_checked_without_a_database(command, file: Path) -> None:
    result = command("schedule", "--check")
    assert (result.code, result.out) == (0, "")
    assert "schedule.toml: 3 entries are right, 1 of them not enabled" in result.err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('analyze = ["colors"]', 'analyze = ["colours"]'), 'no job "colours": choose from'),
        (('site = "demo"', 'site = "dmo"'), "entries.off.crawl: unknown site 'dmo'; did you mean"),
        (('"--json"', '"--jsn"'), "--jsn: No such option: --jsn"),
        (('"15 2 * * *"', '"15 2 * *"'), "entries.nightly.cron: '15 2 * *' has 4 fields"),
    ],
)
def test_a_wrong_file_is_refused_with_the_cure(
    command, file: Path, change: tuple[str, str], told: str
) -> None:
    file.write_text(GOOD.replace(*change))
    for mode in ("--check", "--list", "--once"):
        result = command("schedule", mode)
        assert (result.code, result.out) == (ExitCode.USAGE, "")
        assert told in result.err
        assert "schedule.toml:" in result.err


def test_the_setting_and_the_option_name_the_file(command, file: Path) -> None:
    file.rename(file.with_name("other.toml"))
    assert command("schedule", "--check").code == ExitCode.USAGE
    assert command("schedule", "--check", "--file", "other.toml").code == 0
    assert command("schedule", "--check", schedule="other.toml").code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--list", "--once"), "--list and --once: choose one"),
        (("--json",), "--json is for --list and --history"),
        (("--run", "x"), "has no entry 'x'; it has: nightly, behind, off"),
        (("--history", "x"), "has no entry 'x'"),
        (("--workers", "0"), "--workers"),
    ],
)
def test_wrong_usage(command, file: Path, arguments: tuple[str, ...], told: str) -> None:
    result = command("schedule", *arguments)
    assert (result.code, result.out) == (ExitCode.USAGE, "")
    assert told in result.err


def test_without_a_database_it_cannot_start(command, file: Path) -> None:
    for url in ("postgresql://nobody@127.0.0.1:1/none", None):
        settings = {} if url is None else {"database_url": url}
        assert command("schedule", **settings).code == ExitCode.UNREACHABLE


def test_run_list_and_history(command, file: Path, database: Database) -> None:
    before = command("schedule", "--list", "--json").json
    assert (before["timezone"], before["running"]) == ("Europe/Berlin", False)
    assert list(before["entries"]) == ["nightly", "behind", "off"]
    assert before["entries"]["nightly"]["last"] is None
    assert before["entries"]["off"]["next_at"] is None

    ran = command("schedule", "--run", "nightly")
    assert (ran.code, ran.out) == (0, "")
    assert "nightly: starting: artworks sql SELECT 41 + 1 AS answer --json" in ran.err
    assert "nightly: done, exit code 0" in ran.err

    after = command("schedule", "--list", "--json").json["entries"]["nightly"]
    assert (after["result"], after["running"], after["skipped"]) == ("done", False, 0)
    assert json.loads(after["last"]["output"]) == [{"answer": 42}]
    assert datetime.fromisoformat(after["next_at"]) > datetime.now(UTC)
    lines = [line.split("\t") for line in command("schedule", "--list").out.splitlines()]
    assert lines[0] == ["Entry", "When", "Last run", "Took", "Result", "Next"]
    assert [line[0] for line in lines[1:]] == ["nightly", "behind", "off"]
    assert (lines[1][4], lines[2][1], lines[3][5]) == ("done", "after nightly", "not enabled")

    [told] = command("schedule", "--history", "nightly", "--json").json
    assert (told["state"], told["exit_code"], told["due_at"]) == ("done", 0, None)
    table = command("schedule", "--history", "nightly").out.splitlines()
    assert len(table) == 2
    assert "by hand" in table[1]


def test_the_exit_code_of_a_run_is_that_of_its_command(
    command, file: Path, database: Database
) -> None:
    file.write_text(
        '[entries.broken]\ncron = "@daily"\ncommand = ["artworks", "sql", "SELECT nonsense"]'
    )
    result = command("schedule", "--run", "broken")
    assert result.code == ExitCode.USAGE
    assert "nonsense" in one(database, "SELECT output FROM schedule_runs WHERE entry = 'broken'")


def test_once_runs_what_became_due_since_the_last_time(
    command, file: Path, database: Database
) -> None:
    assert command("schedule", "--once").code == 0
    assert one(database, "SELECT count(*) FROM schedule_runs WHERE entry <> '(schedule)'") == 0
    know_since(database, days=2)
    result = command("schedule", "--once")
    assert result.code == 0, result.err
    rows = sql(
        database, "SELECT entry, state FROM schedule_runs WHERE entry <> '(schedule)' ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [("nightly", "done"), ("behind", "done")]


def know_since(database: Database, days: int) -> None:
    """Have the schedule be known for some days already."""
    sql(
        database,
        "UPDATE schedule_runs SET started_at = :then WHERE entry = '(schedule)'",
        then=datetime.now(UTC) - timedelta(days=days),
    )


def wait_for(what: Callable[[], Any]) -> Any:
    until = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < until, "waited for too long"
        time.sleep(0.05)
    return found


class Started:
    """`artworks schedule` as people start it."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.log = folder / "schedule.log"
        self.database = database
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli", "schedule"],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "ARTWORKS_LOG_FILE": str(self.log),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def child(self, nth: int) -> psutil.Process:
        """The process of the nth run, once it is up and can be told to end."""
        wait_for(lambda: self.log.exists() and self.log.read_text().count("address: ") >= nth)
        worker = one(
            self.database,
            "SELECT worker FROM schedule_runs WHERE entry = 'endless' ORDER BY id DESC LIMIT 1",
        )
        return psutil.Process(int(worker.split()[3]))

    def end(self, how: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(how)
        _, said = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, said


@pytest.fixture
def start(command, database: Database, file: Path) -> Iterator[Callable[[], Started]]:
    """Start schedulers; nothing of them is left."""
    file.write_text(ENDLESS)
    # From now on it is known; two days ago, as far as the database tells.
    assert command("schedule", "--once").code == 0
    know_since(database, days=2)
    started: list[Started] = []

    def start() -> Started:
        started.append(Started(file.parent, database))
        return started[-1]

    yield start
    for one_of_them in started:
        if one_of_them.process.poll() is None:
            one_of_them.end(signal.SIGTERM)


def states(database: Database) -> list[str]:
    rows = sql(database, "SELECT state FROM schedule_runs WHERE entry = 'endless' ORDER BY id")
    return [row.state for row in rows]


def test_killed_and_started_again_nothing_is_left_and_what_was_cut_short_runs_again(
    start: Callable[[], Started], database: Database, command
) -> None:
    first = start()
    child = first.child(1)
    assert command("schedule", "--list", "--json").json["running"]
    busy = command("schedule", "--run", "endless")
    assert busy.code == ExitCode.USAGE
    assert "is being run already" in busy.err

    code, _ = first.end(signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert states(database) == ["running"]
    listed = command("schedule", "--list", "--json").json
    assert (listed["running"], listed["entries"]["endless"]["result"]) == (False, "cut short")

    second = start()
    again = second.child(2)
    assert not runs(child)
    assert states(database) == ["interrupted", "running"]

    code, said = second.end(signal.SIGTERM)
    assert (code, said) == (
        ExitCode.INTERRUPTED,
        "error: interrupted; nothing is lost, the same command continues\n",
    )
    assert not runs(again)
    assert states(database) == ["interrupted", "interrupted"]
    assert "Traceback" not in second.log.read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["artworks"], "which command?"),
        (["artworks", "nonsense"], "artworks has no command 'nonsense'; it has: "),
        (["artworks", "services"], "artworks services needs one of its commands: down, status, up"),
        (["artworks", "services", "nonsense"], "artworks services has no command 'nonsense'"),
        (["artworks", "verify", "--help"], "prints its help"),
        (["artworks", "verify", "--sample", "x"], "Invalid value for '--sample'"),
        (["artworks", "export"], "Missing argument"),
        (["artworks", "schedule"], "a schedule does not run itself"),
        (["artworks", "analyze", "colors", "nonsense"], 'there is no job "nonsense"'),
        (["scrapy", "shell"], "of scrapy, a schedule runs crawls"),
        (["scrapy", "crawl", "artworks"], "which site?"),
        (["scrapy", "crawl", "artworks", "-a", "site"], "write -a NAME=VALUE"),
        (["scrapy", "crawl", "artworks", "--nolog", "x"], "write -a NAME=VALUE"),
        (["scrapy", "crawl", "artworks", "-a", "site=demo", "-a", "x=1"], "unknown argument -a x="),
        (["scrapy", "crawl", "artworks", "-a", "site=demo", "-a", "limit=x"], "-a limit=x: a num"),
        (["scrapy", "crawl", "artworks", "-a", "site=jsonld"], "say where to begin"),
    ],
)
def test_commands_that_cannot_be_run_are_told(words: list[str], told: str) -> None:
    with pytest.raises(UsageError) as error:
        check_command(words)
    assert told in str(error.value)


@pytest.mark.parametrize(
    "words",
    [
        "artworks verify --repair --sample 200",
        "artworks services up splash",
        "artworks analyze",
        "artworks analyze colors --limit 5",
        "scrapy crawl artworks -a site=demo -a limit=3 -s CONCURRENT_REQUESTS=2",
        "scrapy crawl artworks -a site=jsonld -a start=https://museum.example/,https://b.example/",
    ],
)
def test_commands_that_can_be_run_are_not(words: str) -> None:
    check_command(words.split())
