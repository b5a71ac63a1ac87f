"""What is wrong with a profile, in words: file, line, key, and the cure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

_BARE = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_BARE}(?:\s*\.\s*{_BARE})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")
_Key = tuple[str | int, ...]


class WrongKey(ValueError):
    """Raised by the validator of a table whose `key` is wrong."""

    def __init__(self, key: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.key = key


def describe_problems(
    error: ValidationError,
    model: type[BaseModel],
    text: str,
    data: Mapping[str, Any],
    path: Path,
) -> str:
    """Return one line for each problem that `model` has with the file's `text`, read as `data`."""
    lines = _key_lines(text)
    found = (_problem(problem, model, data, lines, path) for problem in error.errors())
    return "\n".join(dict.fromkeys(found))


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?" if a known word is close, else nothing."""
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _key_lines(text: str) -> dict[_Key, int]:
    """Return the line of every key that stands on a line of its own. TOML's parser keeps none."""
    lines: dict[_Key, int] = {}
    table: _Key = ()
    counts: dict[_Key, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.fullmatch(line):
            table = _keys(header[2])
            if header[1] == "[[":
                index = counts[table] = counts.get(table, -1) + 1
                lines.setdefault(table, number)
                table = (*table, index)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_keys(key[1])), number)
    return lines


def _keys(dotted: str) -> _Key:
    return tuple(key.strip("\"'") for key in re.findall(_BARE, dotted))


def _problem(
    problem: Mapping[str, Any],
    model: type[BaseModel],
    data: Mapping[str, Any],
    lines: Mapping[_Key, int],
    path: Path,
) -> str:
    kind, loc = problem["type"], problem["loc"]
    cause = problem.get("ctx", {}).get("error")
    if isinstance(cause, WrongKey):
        loc = (*loc, *cause.key)
    written = _written_key(loc, data, keep_last=kind in ("missing", "extra_forbidden"))
    line = next(
        (lines[written[:end]] for end in range(len(written), 0, -1) if written[:end] in lines), None
    )
    where = f"{path}:{line}" if line else str(path)
    key = ".".join(str(part) for part in written if not isinstance(part, int))
    if kind == "extra_forbidden":
        known = _known_keys(model, loc[:-1])
        text = f"unknown key{suggestion(str(loc[-1]), known)}"
        if "did you mean" not in text:
            text += f"; known here: {', '.join(known)}"
    elif kind == "missing":
        field = _known_fields(model, loc[:-1]).get(str(loc[-1]))
        is_table = field is not None and _table_of(field) is not None
        text = f"the table [{key}] is required" if is_table else "is required"
    elif loc and loc[-1] == "[key]":
        key = key.removesuffix(f".{problem['input']}")
        kinds = problem["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        word = str(problem["input"])
        text = f"{word!r} is no kind of term{suggestion(word, kinds)}; kinds are {', '.join(kinds)}"
    else:
        text = str(problem["msg"]).removeprefix("Value error, ")
        if kind != "value_error":
            text = f"{text[:1].lower()}{text[1:]}, not {problem['input']!r}"
    return f"{where}: {key}: {text}" if key else f"{where}: {text}"


def _written_key(loc: Sequence[str | int], data: Any, *, keep_last: bool) -> _Key:
    """Return the part of a location that is really written in the file."""
    written: list[str | int] = []
    for position, part in enumerate(loc):
        is_last = position == len(loc) - 1
        in_table = isinstance(data, dict) and part in data
        in_list = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if in_table or in_list:
            data = data[part]
        elif isinstance(part, int):
            continue  # [discover] stands for a list of one
        elif not (keep_last and is_last and isinstance(data, dict)):
            break
        written.append(part)
    return tuple(written)


def _known_keys(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    return list(_known_fields(model, loc))


def _known_fields(model: type[BaseModel], loc: Sequence[str | int]) -> dict[str, Any]:
    """Return the keys of the table at a location, with their types."""
    for part in loc:
        if isinstance(part, str) and part in model.model_fields:
            model = _table_of(model.model_fields[part].annotation) or model
    return {name: field.annotation for name, field in model.model_fields.items()}


def _table_of(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        if (found := _table_of(argument)) is not None:
            return found
    return None
