"""Dates as museums write them, read as a range of years.

Years before our era are negative (5 BC is -5), there is no year 0. "About" does not widen a range:
`date_text` keeps it. An open range has None at its open end. Centuries run from 01 to 00
(19th century: 1801 to 1900), decades from 0 to 9.
"""

from __future__ import annotations

import re

Years = tuple[int | None, int | None]

MAX_YEAR = 2_999
_MAX_INPUT = 500

_DASHES = re.compile(r"\s*(?:[‐‑‒–—―−~-]|\bto\b|\bbis\b|\buntil\b)\s*", re.I | re.ASCII)
_QUESTION = re.compile(r"[?\[\](){}<>*]")
# "c.", "ca.", "ci.", "circa", "about" …: no information about the years themselves.
_ABOUT = re.compile(
    r"\b(?:circa|about|around|approximately|approx|roughly|probably|possibly|perhaps|likely"
    r"|vers|um|etwa|ca|ci|c|fl|est|dated?|datée?|made|painted|created|executed|designed"
    r"|active|in|between|from|anno|ad|a\.\s?d|the)\b\.?(?=\W|\d|$)|\bc\.?(?=\d)",
    re.I | re.ASCII,
)
# What happened to the work, or to a copy of it, after it was made.
_LATER_EVENT = re.compile(
    r"\b(?:exhibited|cast|casts|printed|print|reprint\w*|published|publication|reproduced|replica"
    r"|edition\w*|enlarged|re\w*assembled|assembled|remade|remake|reconstruct\w+|restored"
    r"|posthumous\w*|later|reworked|retouched|revised|repaired|refabricated|engraved|acquired|copy|copied"
    r"|after a work of|additions?|signed|framed)\b",
    re.I | re.ASCII,
)
_UNKNOWN = re.compile(
    r"\b(?:n\.?\s?d\b|s\.?\s?d\b|no date|undated|date not known|unknown)", re.I | re.ASCII
)
_HIJRI = re.compile(r"\b(?:a\.?h\.?\s*\d+(?:-\d+)?|\d+(?:-\d+)?\s*a\.?h\b\.?)(?:\s*/)?", re.I)
_BEFORE = re.compile(
    r"\b(?:before|by|prior to|ante|not later than|no later than|vor|avant)\b", re.I | re.ASCII
)
_AFTER = re.compile(
    r"\b(?:after|since|post|not earlier than|no earlier than|nach|après|onwards?|or later)\b", re.I
)

_ROMAN = r"[ivx]{1,5}"
_PART = (
    r"(?:(?P<part>early|mid(?:dle)?|late|beginning|end|first|second|third|fourth|last"
    r"|1st|2nd|3rd|4th)[\s-]*(?P<unit>half|quarter|third|part)?\s*(?:of\s+)?(?:the\s+)?)?"
)
_ORDINAL = r"(?:st|nd|rd|th|e|ème)"
_CENTURY_WORD = r"(?:centur(?:y|ies)|cent\b\.?|jahrhunderts?|jh\b\.?|si[èe]cle)"
_BC = r"(?:b\.?\s?c\.?(?:\s?e\b\.?)?|v\.\s?chr\.?)"
_CENTURY = re.compile(
    _PART
    + rf"(?:(?P<number>(?<!\d)\d{{1,2}}){_ORDINAL}?\.?|\b(?P<roman>{_ROMAN}){_ORDINAL}?)"
    + rf"[\s-]*(?:{_CENTURY_WORD}|(?<=[tdh][ -])c\b\.?)\s*(?P<era>{_BC})?",
    re.I | re.ASCII,
)
# The first of two centuries whose word stands only after the second: "16th-17th century".
_HALF_CENTURY = re.compile(
    _PART
    + rf"(?<!\d)(?P<number>\d{{1,2}}){_ORDINAL}\s*(?:-|or|and|/)\s*"
    + rf"(?=[^;]*(?:centur|\dth\s*c\b)[^\d]*?(?P<era>{_BC})?)",
    re.I | re.ASCII,
)
_LATIN_CENTURY = re.compile(
    rf"\b(?:siglo|secolo|sec\.|s\.)\s*(?P<roman>{_ROMAN})\b", re.I | re.ASCII
)
_DECADE = re.compile(_PART + r"\b(?P<year>\d{3}0)(?:'|’)?s\b", re.I | re.ASCII)
_ERA = re.compile(
    r"(?P<first>\d{1,5})(?:\s*-\s*(?P<second>\d{1,5}))?\s*"
    r"(?P<era>b\.?\s?c\.?(?:\s?e\b\.?)?|v\.\s?chr\.?|c\.?\s?e\b\.?|a\.?\s?d\b\.?)",
    re.I | re.ASCII,
)
_AD = re.compile(r"\ba\.?d\.?\s*(?P<first>\d{1,4})(?:\s*-\s*(?P<second>\d{1,4}))?", re.I | re.ASCII)
_MONTH = re.compile(r"\b(?P<year>\d{4})-(?:0[1-9]|1[0-2])(?:-\d{1,2})?(?:T[\d:.Z+]*)?(?!\d)")
_RANGE = re.compile(
    r"(?<!\d)(?P<first>\d{3,4})\s*(?:-|/|\bor\b|\band\b|&)\s*(?P<second>\d{1,4})(?!\d|\s*(?:st|nd|rd|th)\b)"
)
_YEAR = re.compile(r"(?<![\d.])(?P<first>\d{4})(?!\d)")
_SHORT_YEAR = re.compile(r"\s*(?P<first>\d{3})\s*")

_PARTS = {
    "early": (0, 1 / 3), "beginning": (0, 1 / 3), "mid": (1 / 3, 2 / 3), "middle": (1 / 3, 2 / 3),
    "late": (2 / 3, 1), "end": (2 / 3, 1),
}  # fmt: skip
_ORDINALS = {
    "first": 0,
    "1st": 0,
    "second": 1,
    "2nd": 1,
    "third": 2,
    "3rd": 2,
    "fourth": 3,
    "4th": 3,
}
_DIVISIONS = {"half": 2, "third": 3, "quarter": 4}


def parse_years(text: str | None) -> Years | None:
    """Read a museum's date; None where it says nothing about years. Never raises.

    Example:
        >>> parse_years("c. 1503–19, exhibited 1550")
        (1503, 1519)
        >>> parse_years("5th century BC")
        (-500, -401)
        >>> parse_years("before 1700")
        (None, 1700)
    """
    if not text:
        return None
    clauses = re.split(r"[;\n,(]", text[:_MAX_INPUT])
    made = [clause for clause in clauses if not _LATER_EVENT.search(clause)]
    if not any(re.search(r"\d", clause) for clause in made):
        made = clauses[:1] if re.search(r"\d", clauses[0]) else clauses
    return _union([_clause_years(clause) for clause in made])


def _union(found: list[Years | None]) -> Years | None:
    spans = [span for span in found if span is not None]
    if not spans:
        return None
    lows = [low for low, _ in spans]
    highs = [high for _, high in spans]
    low = None if None in lows else min(low for low in lows if low is not None)
    high = None if None in highs else max(high for high in highs if high is not None)
    if low is None and high is None:
        return None
    return low, high


def _clause_years(clause: str) -> Years | None:
    text = _DASHES.sub("-", _QUESTION.sub(" ", clause))
    if _UNKNOWN.search(text) and not re.search(r"\d{3}", text):
        return None
    text = _HIJRI.sub(" ", text)
    before, after = _BEFORE.search(text), _AFTER.search(text)
    span = _centuries(text) or _years(" ".join(_ABOUT.sub(" ", text).split()), text)
    if span is None:
        return None
    if before and not after:
        return None, span[1]
    if after and not before:
        return span[0], None
    return span


def _centuries(text: str) -> Years | None:
    """Read centuries and decades."""
    found: list[tuple[int, tuple[int, int], bool]] = []  # position, span, before our era
    for pattern in (_HALF_CENTURY, _CENTURY, _LATIN_CENTURY):
        for match in pattern.finditer(text):
            groups = match.groupdict()
            number = int(groups["number"]) if groups.get("number") else _roman(groups.get("roman"))
            span = _part_of(number * 100 - 99, number * 100, groups)
            if 1 <= number <= (50 if groups.get("era") else 21):
                found.append((match.start(), span, bool(groups.get("era"))))
    spans: list[tuple[int, int]] = []
    is_before = False
    # "5th to 4th century BC": the era stands at the end and holds for all before it.
    for _, span, has_era in sorted(found, reverse=True):
        is_before = is_before or has_era
        spans.append(_mirrored(span) if is_before else span)
    for match in _DECADE.finditer(text):
        year = int(match["year"])
        length = 100 if year % 100 == 0 and not match["part"] and year < 2_000 else 10
        spans.append(_part_of(year, year + length - 1, match.groupdict()))
    if not spans:
        return None
    years = [] if is_before else _plain_years(text)
    return min([low for low, _ in spans] + years), max([high for _, high in spans] + years)


def _mirrored(span: tuple[int, int]) -> tuple[int, int]:
    """Reflect a part of a century to before our era, where the early part has higher numbers."""
    low, high = span
    first = (high - 1) // 100 * 100 + 1
    return low - 2 * first - 99, high - 2 * first - 99


def _plain_years(text: str) -> list[int]:
    """Return whole years that stand beside a decade or century: "1895-1910s", "1908, 1930s"."""
    return [int(year) for year in re.findall(r"(?<!\d)\d{4}(?![\d'’]|s\b)", text, re.ASCII)]


def _part_of(low: int, high: int, groups: dict[str, str | None]) -> tuple[int, int]:
    part, unit = (groups.get("part") or "").lower(), (groups.get("unit") or "").lower()
    length = high - low + 1
    if unit in _DIVISIONS:
        pieces = _DIVISIONS[unit]
        index = pieces - 1 if part in ("last", "late", "end") else _ORDINALS.get(part, 0)
        index = min(index, pieces - 1)
        start, end = index / pieces, (index + 1) / pieces
    elif part in _PARTS:
        start, end = _PARTS[part]
    else:
        return low, high
    return low + round(length * start), low + round(length * end) - 1


def _roman(numeral: str | None) -> int:
    values = {"i": 1, "v": 5, "x": 10}
    total = previous = 0
    for character in reversed((numeral or "").lower()):
        value = values.get(character, 0)
        total += value if value >= previous else -value
        previous = max(previous, value)
    return total


def _years(text: str, original: str) -> Years | None:
    """Read single years and ranges. `text` has no "about" words; `original` still has its era."""
    era = _era_years(" ".join(original.split()))
    if era is not None:
        return era
    text = _MONTH.sub(_month_or_range, text)
    found: list[int] = []
    for match in _RANGE.finditer(text):
        first, second = match["first"], match["second"]
        if len(first) == 4 or len(second) == len(first):
            found += [int(first), _expanded(first, second)]
    found += [int(match["first"]) for match in _YEAR.finditer(text)]
    if not found and (short := _SHORT_YEAR.fullmatch(text)):
        found.append(int(short["first"]))
    found = [year for year in found if 1 <= year <= MAX_YEAR]
    if not found:
        return None
    return min(found), max(found)


def _month_or_range(match: re.Match[str]) -> str:
    """Tell "1912-05" (May) from "1908-11" (a range): a range does not run backwards."""
    written = match.group()
    tail = written[5:7]
    if len(written) == 7 and int(tail) > int(match["year"][2:]):
        return written
    return match["year"]


def _era_years(text: str) -> Years | None:
    # "c. 100 BC - AD 50" has both eras: each number takes the one written next to it.
    found: list[int] = []
    text = re.sub(r"(?<=[\s-])c(?:a|irca)?\.?\s*(?=\d)", "", f" {text}")
    rest = text
    for match in _ERA.finditer(text):
        era = match["era"].lower().replace(".", "").replace(" ", "")
        sign = -1 if era.startswith(("bc", "v")) else 1
        numbers = [match["first"], match["second"]]
        found += [sign * int(number) for number in numbers if number]
        rest = rest.replace(match.group(), " ")
    for match in _AD.finditer(rest):
        found += [int(number) for number in (match["first"], match["second"]) if number]
    found = [year for year in found if year and -100_000 < year <= MAX_YEAR]
    if not found:
        return None
    return min(found), max(found)


def _expanded(first: str, second: str) -> int:
    """Complete an abbreviated second year: 1503-19 is 1519, 1899-1 is 1901."""
    if len(second) >= len(first):
        return int(second)
    year = int(first[: -len(second)] + second)
    return year if year >= int(first) else year + 10 ** len(second)
