"""docs/schedule.md tells the truth: its file is right, its keys and states are all there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from analysis.schedule.cron import WORDS
from analysis.schedule.due import MOST_RESUMED
from analysis.schedule.entries import Crawl, Entry, Schedule
from analysis.schedule.file import load_schedule
from analysis.schedule.process import LINES
from cli.command_check import check_command
from cli.schedule import STYLES
from storage.models import SCHEDULE_STATES

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "schedule.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


def test_the_example_is_right_and_every_command_in_it_exists(tmp_path: Path) -> None:
    path = tmp_path / "schedule.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    schedule = load_schedule(path, check_command)
    assert {entry.key for entry in schedule.entries.values()} == {"crawl", "analyze", "command"}
    assert any(entry.after for entry in schedule.entries.values())


def table_after(words: str) -> dict[str, str]:
    rows = TEXT.partition(words)[2].partition("|\n|---")[2].partition("\n\n")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", rows, re.MULTILINE))


@pytest.mark.parametrize(
    ("model", "words"), [(Schedule, "## Keys"), (Entry, "Each entry is a table")]
)
def test_every_key_is_documented_with_its_default(model: type[BaseModel], words: str) -> None:
    described = table_after(words)
    assert set(described) == set(model.model_fields) - {"entries"}
    for name, text in described.items():
        default = model.model_fields[name].default
        if default not in (None, ()):
            assert text.split(" | ")[0] == str(default).lower().removesuffix(".0"), name


def test_every_argument_of_a_crawl_is_named() -> None:
    row = table_after("Each entry is a table")["crawl"]
    assert set(re.findall(r"`(\w+)`", row)) == set(Crawl.model_fields)


def test_every_state_is_explained() -> None:
    assert set(table_after("Several schedulers may run at once")) == set(SCHEDULE_STATES)
    assert set(SCHEDULE_STATES) < set(STYLES)


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"Its last {LINES} lines" in TEXT
    assert MOST_RESUMED + 1 == 4
    assert "cut short four\n  times in a row" in TEXT
    assert {f"`{word}`" for word in WORDS if word not in ("@annually", "@midnight")} <= set(
        re.findall(r"`@\w+`", TEXT)
    )
