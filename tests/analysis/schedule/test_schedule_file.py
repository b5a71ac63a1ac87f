"""The schedule's file: what it says, and what is told of one that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from analysis.schedule.entries import Crawl, Schedule
from analysis.schedule.file import ScheduleError, load_schedule
from storage.errors import ExitCode, UsageError

GOOD = """
timezone = "Europe/Berlin"
at_once = 3
[entries.nightly-crawl]
cron = "15 2 * * *"
crawl = { site = "demo", category = ["a", "b"], refresh = 7, full = true }
[entries.analysis]
after = "nightly-crawl"
analyze = ["colors", "features"]
[entries.everything]
cron = "@weekly"
analyze = []
enabled = false
[entries.verify]
cron = "0 5 * * sun"
command = ["artworks", "verify", "--sample", "200"]
timeout_minutes = 120
"""


def accept(_words: Sequence[str]) -> None:
    """A check that finds nothing."""


@pytest.fixture
def load(tmp_path: Path):  # type: ignore[no-untyped-def]
    def load(text: str, check=accept) -> Schedule:  # type: ignore[no-untyped-def]
        path = tmp_path / "schedule.toml"
        path.write_text(text, encoding="utf-8")
        return load_schedule(path, check)

    return load


def test_a_whole_file(load) -> None:  # type: ignore[no-untyped-def]
    schedule = load(GOOD)
    assert (str(schedule.zone), schedule.at_once, schedule.keep) == ("Europe/Berlin", 3, 500)
    assert {name: " ".join(entry.words) for name, entry in schedule.entries.items()} == {
        "nightly-crawl": (
            "scrapy crawl artworks -a site=demo -a category=a,b -a refresh=7 -a full=1"
        ),
        "analysis": "artworks analyze colors features",
        "everything": "artworks analyze",
        "verify": "artworks verify --sample 200",
    }
    assert list(schedule.enabled) == ["nightly-crawl", "analysis", "verify"]
    assert [entry.name for entry in schedule.entries.values()] == list(schedule.entries)
    crawl = schedule.entries["nightly-crawl"]
    assert crawl.times is not None
    assert crawl.times.zone is schedule.zone
    assert schedule.entries["analysis"].times is None
    assert (crawl.catch_up, crawl.retries, crawl.timeout_minutes) == (True, 0, None)


def test_a_crawl_takes_the_arguments_that_the_crawler_takes() -> None:
    from crawler.context import ARGUMENTS

    assert set(Crawl.model_fields) == set(ARGUMENTS)


def test_without_a_zone_times_are_the_systems(load) -> None:  # type: ignore[no-untyped-def]
    from tzlocal import get_localzone

    assert load(GOOD.replace('timezone = "Europe/Berlin"', "")).zone == get_localzone()


ENTRY = '[entries.a]\ncron = "@daily"\nanalyze = []\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ": no entry is given; add a table such as [entries.nightly-crawl]"),
        ("[entries]", ":1: entries: no entry is given"),
        ("x =", ": is no TOML"),
        (
            'timezone = "Berlin"\n' + ENTRY,
            ":1: timezone: 'Berlin' is no time zone; use a name such",
        ),
        ("at_one = 2\n" + ENTRY, ":1: at_one: unknown key; did you mean 'at_once'?"),
        ("at_once = 9\n" + ENTRY, ":1: at_once: input should be less than or equal to 8, not 9"),
        (ENTRY + "timeout = 3", ":4: entries.a.timeout: unknown key; did you mean 'timeout_min"),
        (ENTRY + "x = 3", ":4: entries.a.x: unknown key; there are: cron, after, crawl, analyze"),
        (ENTRY + "retries = 'many'", ":4: entries.a.retries: input should be a valid integer"),
        (
            '[entries.a]\ncron = "0 0 * * 9"\nanalyze = []',
            ":2: entries.a.cron: 9 is out of range: the day of the week goes from 0 to 7",
        ),
        (
            '[entries.a]\ncron = "@daily"',
            ":1: entries.a: nothing to run is given; give one of crawl = {",
        ),
        (
            ENTRY + 'crawl = { site = "demo" }',
            ":1: entries.a: crawl and analyze are given; give one of",
        ),
        ("[entries.a]\nanalyze = []", ":1: entries.a: it is never due; add cron ="),
        (
            '[entries.a]\ncron = "@daily"\ncrawl = { site = "demo", sight = "x" }',
            ":3: entries.a.crawl.sight: unknown key; did you mean 'site'?",
        ),
        (
            '[entries.a]\ncron = "@daily"\n[entries.a.crawl]\nlimit = 3',
            ":3: entries.a.crawl.site: is required: write site = …",
        ),
        (
            '[entries.a]\ncron = "@daily"\ncommand = ["rm", "-rf"]',
            ":3: entries.a.command: 'rm' is none of our programs; write the words of an artworks",
        ),
        (
            '[entries."A b"]\ncron = "@daily"\nanalyze = []',
            ":1: entries.A b: 'A b' is no name for an entry; use lower-case letters",
        ),
        (
            ENTRY + '[entries.b]\nafter = ["aa"]\nanalyze = []',
            ":5: entries.b.after: there is no entry 'aa'; did you mean 'a'?",
        ),
        (
            '[entries.a]\nafter = ["b"]\nanalyze = []\n[entries.b]\nafter = ["a"]\nanalyze = []',
            ":2: entries.a.after: it waits for itself (a → b → a); leave one of them out",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_line_key_and_cure(  # type: ignore[no-untyped-def]
    load, tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(ScheduleError) as error:
        load(text)
    assert str(error.value).startswith(f"{tmp_path / 'schedule.toml'}{told}")
    assert error.value.exit_code == ExitCode.USAGE


def test_every_problem_is_told_at_once(load) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ScheduleError) as error:
        load('at_one = 2\n[entries.a]\ncron = "x"\nanalyze = []\n[entries.b]\ncron = "@daily"\n')
    assert len(str(error.value).splitlines()) == 3


def test_commands_are_looked_at(load) -> None:  # type: ignore[no-untyped-def]
    seen = []

    def refuse(words: Sequence[str]) -> None:
        seen.append(words[1])
        if "verify" in words:
            raise UsageError("no such thing")

    with pytest.raises(ScheduleError, match=r":16: entries\.verify\.command: no such thing$"):
        load(GOOD, refuse)
    assert seen == ["crawl", "analyze", "analyze", "verify"]


def test_a_missing_file_is_told_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(ScheduleError, match=r"no such file; write one as docs/schedule\.md shows"):
        load_schedule(tmp_path / "none.toml", accept)
    (tmp_path / "latin.toml").write_bytes(b"x = '\xe4'")
    with pytest.raises(ScheduleError, match="it is to be UTF-8 text"):
        load_schedule(tmp_path / "latin.toml", accept)
