"""JSON-LD as pages really hold it: wrapped in comments, with commas too many, or broken.

What can be mended without guessing is mended; a script that cannot is skipped, and said to be.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

from crawler.extraction.graph import Graph, Thing, shaped

MAX_SCRIPTS = 200
MAX_VALUES = 200_000  # of a script, as far as its commas tell
MAX_SAID = 20  # problems that are told one by one

_SPACE = re.compile(r"\s*+")
_WRAPPING = re.compile(r"(?:\s++|\ufeff|<!--|(?://|/\*)?\s*+<!\[CDATA\[\s*+(?:\*/)?)++")
_STRAY = re.compile(r"(?:[\s;,}\]]|-->|//[^\n]*|/\*.*?\*/|\]\]>)*+", re.S)
# Strings first, so that what looks like a comment within one is left alone. A string or comment
# that is never closed ends with the script: no character is looked at twice.
_STRING = r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)", re.S)
_COMMA = re.compile(rf"({_STRING})|,(?=\s*+[}}\]])", re.S)
_ESCAPE = re.compile(r'\\(?:(["\\/bfnrt]|u[\da-fA-F]{4})|)')
_DECODER = json.JSONDecoder(strict=False)  # control characters within strings are let pass


def read_jsonld(root: Any, page_url: str) -> tuple[Graph, list[str]]:
    """Read the JSON-LD scripts of a page; return what they describe, and what was skipped."""
    outer: list[Thing] = []
    problems: list[str] = []
    scripts = [
        script for script in root.iter("script") if "ld+json" in (script.get("type") or "").lower()
    ]
    for number, script in enumerate(scripts[:MAX_SCRIPTS], start=1):
        name = f"JSON-LD script {number}, line {script.sourceline or '?'} of the page"
        text = "".join(script.itertext())
        if text.count(",") > MAX_VALUES:
            problems.append(f"{name}: skipped, it holds more than {MAX_VALUES} values")
            continue
        try:
            outer += _things(parse_tolerantly(text))
        except ValueError as error:
            problems.append(f"{name}: skipped, it is no JSON: {error}")
        except RecursionError:
            problems.append(f"{name}: skipped, it is nested too deeply")
    if len(scripts) > MAX_SCRIPTS:
        problems.append(f"{len(scripts)} JSON-LD scripts: only {MAX_SCRIPTS} were read")
    if len(problems) > MAX_SAID:
        problems[MAX_SAID:] = [f"JSON-LD: {len(problems) - MAX_SAID} more problems of this kind"]
    return Graph(outer, page_url=page_url), problems


def jsonld_of_data(data: object, page_url: str) -> Graph:
    """Return what a JSON body describes that is itself JSON-LD."""
    return Graph(_things([data]), page_url=page_url)


def parse_tolerantly(text: str) -> list[object]:
    """Return the JSON values in a text, mended where that needs no guessing.

    Mended are comments around and within, CDATA marks, commas before a closing bracket, escapes
    that JSON does not know, control characters, entities in place of quotes, and brackets and
    semicolons behind the end.

    Raises:
        ValueError: it is no JSON; the message says where, by the lines of the text.
        RecursionError: it is nested too deeply.
    """
    begin = _begin(text)
    if not text[begin:].strip():
        return []
    try:
        return _values(text, begin)
    except ValueError:
        return _values(_mended(text), 0)


def _mended(text: str) -> str:
    """Return the text without what can be taken out of it; all lines keep their numbers."""
    if '"' not in text and "&quot;" in text:
        text = html.unescape(text)
    begin = _begin(text)
    mended = _COMMENT.sub(_without_comment, text[begin:])
    return "\n" * text.count("\n", 0, begin) + _COMMA.sub(_without_comma, mended)


def _begin(text: str) -> int:
    return match.end() if (match := _WRAPPING.match(text)) else 0


def _values(text: str, begin: int) -> list[object]:
    """Read one value after the other; what is between and behind them must be strays."""
    found: list[object] = []
    while True:
        skipped = (_STRAY if found else _SPACE).match(text, begin)
        assert skipped is not None
        begin = skipped.end()
        if begin == len(text):
            return found
        if found and text[begin] not in "{[":
            raise json.JSONDecodeError("Extra data", text, begin)
        value, begin = _DECODER.raw_decode(text, begin)
        found.append(value)


def _without_comment(match: re.Match[str]) -> str:
    return match[1] or "\n" * match[0].count("\n") or " "


def _without_comma(match: re.Match[str]) -> str:
    return _ESCAPE.sub(lambda escape: escape[0] if escape[1] else "", match[1] or "")


def _things(data: list[object]) -> list[Thing]:
    """Return the outermost things of JSON-LD values: those of each `@graph` among them."""
    found: list[Thing] = []
    waiting = [shaped(value) for value in reversed(data)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(reversed(value))
        elif isinstance(value, dict):
            graph = value.pop("@graph", None)
            if value:
                found.append(value)
            if graph is not None:
                waiting.append(graph)
    return found
