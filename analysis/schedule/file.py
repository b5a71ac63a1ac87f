"""Reading the schedule's file: what is wrong in it is told with file, line, entry and cure."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from analysis.schedule.entries import Crawl, Entry, Schedule
from storage.errors import UsageError

Check = Callable[[Sequence[str]], None]
"""Looks at a command, word by word; raises UsageError for one that cannot be run."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[\w-]+)*)\s*=""")

_Key = tuple[str, ...]


class ScheduleError(UsageError):
    """The schedule's file is missing or wrong."""


def load_schedule(path: Path, check: Check) -> Schedule:
    """Read the schedule.

    Args:
        path: the TOML file.
        check: looks at the command of each entry, and raises UsageError for one that cannot be
            run: an unknown job, site or option.

    Raises ScheduleError, with one line for each problem.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ScheduleError(
            f"{path}: no such file; write one as docs/schedule.md shows, or name another with "
            "--file or ARTWORKS_SCHEDULE"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ScheduleError(f"{path}: cannot be read ({error}); it is to be UTF-8 text") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScheduleError(f"{path}: is no TOML ({error})") from error
    try:
        schedule = Schedule.model_validate(data)
    except ValidationError as error:
        problems = [_described(problem, data) for problem in error.errors()]
    else:
        problems = [*_wrong_names(schedule), *_wrong_commands(schedule, check)]
    if problems:
        lines = _key_lines(text)
        told = (_located(path, key, message, lines) for key, message in problems)
        raise ScheduleError("\n".join(dict.fromkeys(told)))
    return schedule


def _wrong_names(schedule: Schedule) -> Iterator[tuple[_Key, str]]:
    entries = schedule.entries
    if not entries:
        yield ("entries",), "no entry is given; add a table such as [entries.nightly-crawl]"
    for name, entry in entries.items():
        if not _NAME.fullmatch(name):
            yield (
                ("entries", name),
                f"{name!r} is no name for an entry; use lower-case letters, digits, '-' and '_'",
            )
        for other in entry.after:
            if other not in entries:
                known = [each for each in entries if each != name]
                yield (
                    ("entries", name, "after"),
                    f"there is no entry {other!r}{_suggestion(other, known)}",
                )
    for name in entries:
        if name in (circle := _ways_back(name, entries)):
            yield (
                ("entries", name, "after"),
                f"it waits for itself ({' → '.join(circle)}); leave one of them out",
            )
            return


def _ways_back(name: str, entries: Mapping[str, Entry]) -> list[str]:
    """Return a way from an entry along `after` back to itself; empty where there is none."""
    ways = [[name]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for other in entries[way[-1]].after if way[-1] in entries else ():
            if other == name:
                return [*way, name]
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []


def _wrong_commands(schedule: Schedule, check: Check) -> Iterator[tuple[_Key, str]]:
    for name, entry in schedule.entries.items():
        try:
            check(entry.words)
        except UsageError as error:
            yield ("entries", name, entry.key), str(error)


def _described(problem: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[_Key, str]:
    """Return the key of a problem, as far as it is written in the file, and what is wrong."""
    kind = problem["type"]
    location = tuple(str(part) for part in problem["loc"] if not isinstance(part, int))
    if kind == "extra_forbidden":
        known = list(_table(location[:-1]).model_fields)
        return location, f"unknown key{_suggestion(location[-1], known)}"
    if kind == "missing":
        if location == ("entries",):
            return (), "no entry is given; add a table such as [entries.nightly-crawl]"
        return location, f"is required: write {location[-1]} = …"
    text = str(problem["msg"]).removeprefix("Value error, ")
    if kind != "value_error":
        text = f"{text[:1].lower()}{text[1:]}, not {problem['input']!r}"
    return location, text


def _table(location: _Key) -> type[BaseModel]:
    """Return the table that a key of the file belongs to."""
    if len(location) < 2:
        return Schedule
    return Entry if len(location) == 2 else Crawl


def _located(path: Path, key: _Key, message: str, lines: Mapping[_Key, int]) -> str:
    line = next((lines[key[:end]] for end in range(len(key), 0, -1) if key[:end] in lines), None)
    where = f"{path}:{line}" if line else str(path)
    return f"{where}: {'.'.join(key)}: {message}" if key else f"{where}: {message}"


def _key_lines(text: str) -> dict[_Key, int]:
    """Return the line of every key that stands on a line of its own. TOML's parser keeps none."""
    lines: dict[_Key, int] = {}
    table: _Key = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.fullmatch(line):
            table = _keys(header[1])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_keys(key[1])), number)
    return lines


def _keys(dotted: str) -> _Key:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _suggestion(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?" if a known word is close, else those that there are."""
    known = list(known)
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are: {', '.join(known)}" if known else ""
