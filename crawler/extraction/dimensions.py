"""Dimensions as museums write them, in centimetres.

Without labels the order is that of museums: height × width × depth. The size of the work itself is
meant: sizes of frames and mounts are passed over. Where a site gives inches and centimetres, the
metric figures win, since the others are their conversion.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Dimensions(NamedTuple):
    """Height, width and depth in centimetres; None where nothing is said."""

    height_cm: float | None = None
    width_cm: float | None = None
    depth_cm: float | None = None


MAX_CM = 100_000.0
_MAX_INPUT = 1_000

_CENTIMETRES = {"mm": 0.1, "cm": 1.0, "m": 100.0, "in": 2.54, "ft": 30.48}
_FRACTIONS = {
    "¼": "1/4", "½": "1/2", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "⅛": "1/8", "⅜": "3/8",
    "⅝": "5/8", "⅞": "7/8", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5", "⅙": "1/6", "⅚": "5/6",
}  # fmt: skip
_FRACTION = r"\d{1,2}/\d{1,2}(?!\d)"
_NUMBER = rf"{_FRACTION}|\d+(?:[.,]\d+)*(?:[\s-]+{_FRACTION})?"
_UNIT = (
    r"(?:millimet(?:re|er)s?|mm|centimet(?:re|er)s?|cms?|met(?:re|er)s?|inch(?:es)?|ins?|feet|foot"
    r"|ft|m|″|”|\"|′|’|'')(?![a-z])\.?"
)
_LABEL = (
    r"(?:height|h|hauteur|höhe|width|w|breadth|largeur|breite|depth|d|thickness|tiefe|length|l"
    r"|diameter|diam|dia|ø|durchmesser)(?![a-z])\.?\s*[:=]?\s*"
)
_BETWEEN_LABELS = re.compile(rf"\s*[;,\n]\s*(?={_LABEL}(?:c(?:a|irca)?\.?\s*)?\d)", re.I)
_QUANTITY = re.compile(
    rf"(?P<label>(?<![a-z]){_LABEL})?(?:c(?:a|irca)?\.?\s*)?(?P<number>{_NUMBER})"
    rf"\s*(?P<unit>{_UNIT})?(?:\s+(?P<extra>{_NUMBER})\s*(?P<extra_unit>{_UNIT}))?"
    r"(?:\s*\(?(?P<after>height|width|depth|h|w|d|diam(?:eter)?)(?![a-z])\)?\.?)?",
    re.I,
)
_TIMES = re.compile(r"\s*(?:[x×✕✖╳X*]|\bby\b|(?<=\d)\s*x(?=\d))\s*", re.I)
_NOT_THE_WORK = re.compile(
    r"\b(?:frame[ds]?|mount(?:ed)?|mat|base|plinth|case|box|pedestal|framing|packaging|duration"
    r"|weight|plate|cadre|rahmen)\b",
    re.I,
)
_UNFRAMED = re.compile(r"\b(?:un|without |excluding |w/o )fram(?:ed?|ing)\b", re.I)


def parse_dimensions(text: str | None) -> Dimensions:
    """Read the size of the work; empty where nothing can be read. Never raises.

    Example:
        >>> parse_dimensions("25 1/4 × 31 1/2 in. (64.1 × 80 cm)")
        Dimensions(height_cm=64.1, width_cm=80.0, depth_cm=None)
        >>> parse_dimensions("support: 394 x 419 mm")
        Dimensions(height_cm=39.4, width_cm=41.9, depth_cm=None)
    """
    if not text:
        return Dimensions()
    text = text[:_MAX_INPUT]
    for sign, fraction in _FRACTIONS.items():
        if sign in text:
            text = text.replace(sign, f" {fraction}")
    best = Dimensions()
    best_rank = -1
    for clause in _clauses(text):
        if _NOT_THE_WORK.search(_UNFRAMED.sub("", clause)):
            continue
        found, metric = _clause_dimensions(clause)
        known = sum(value is not None for value in found)
        rank = (known >= 2) * 2 + metric if known else -1
        if rank > best_rank:
            best, best_rank = found, rank
    return best


def _clauses(text: str) -> list[str]:
    """Split into statements of one size each: by line, parenthesis, semicolon, or named part."""
    # Labelled sizes belong together: "Height: 10 cm; Width: 20 cm".
    text = _BETWEEN_LABELS.sub(" x ", text)
    # Parentheses round a single letter or word are labels: "20 cm (H)".
    text = re.sub(
        r"\(\s*(h|w|d|l|diam|height|width|depth|diameter)\.?\s*\)", r" \1 ", text, flags=re.I
    )
    text = re.sub(
        r"(?i)(?<=[\s\w.,])(?=\b(?:frame[ds]?|mount|mat|support|image|sheet|object)\s*[:(])",
        "\n",
        text,
    )
    return [clause for clause in re.split(r"[;\n()\[\]|]", text) if re.search(r"\d", clause)]


def _clause_dimensions(clause: str) -> tuple[Dimensions, bool]:
    chains = [_chain(piece) for piece in _statements(clause)]
    labelled: dict[str, float] = {}
    plain: list[float] = []
    metric = False
    for sizes, is_metric in chains:
        if not sizes:
            continue
        if any(label for label, _ in sizes):
            for label, value in sizes:
                if label:
                    labelled.setdefault(label, value)
            metric = metric or is_metric
        elif len(sizes) >= 2 and (not plain or (is_metric and not metric)):
            plain, metric = [value for _, value in sizes], is_metric
    if labelled:
        if "diameter" in labelled:
            labelled.setdefault("height", labelled["diameter"])
            labelled.setdefault("width", labelled["diameter"])
        if "length" in labelled:
            labelled.setdefault("width" if "height" in labelled else "height", labelled["length"])
        found = Dimensions(*(labelled.get(key) for key in ("height", "width", "depth")))
        return found, metric
    return Dimensions(*plain[:3]), metric


def _statements(clause: str) -> list[str]:
    """Split at slashes between systems ("10 x 12 in / 25 x 30 cm"), not within fractions."""
    return re.split(r"\s/\s|(?<=[a-z.])/(?=\d)", clause)


def _chain(statement: str) -> tuple[list[tuple[str, float]], bool]:
    """Read "a × b × c unit": quantities with their labels, and whether their unit is metric.

    A number without a unit takes that of the next number that has one. Commas between labelled
    quantities ("H. 20 cm, W. 12 cm") chain them as well.
    """
    matches: list[re.Match[str]] = []
    for piece in _TIMES.split(re.sub(r",\s+(?=[a-z])", " x ", statement, flags=re.I)):
        found = list(_QUANTITY.finditer(piece))
        if found:
            labelled = (match for match in found if match["label"] or match["after"])
            matches.append(next(labelled, found[0] if matches else found[-1]))
    unit: str | None = None
    sizes: list[tuple[str, float]] = []
    units: set[str] = set()
    for match in reversed(matches):
        unit = _unit(match["unit"]) or unit
        size = _centimetres(match, unit) if unit else None
        if unit and size is not None:
            units.add(unit)
            sizes.append((_label(match["label"] or match["after"]), size))
    sizes.reverse()
    return sizes, bool(units) and units <= {"mm", "cm", "m"}


def _centimetres(match: re.Match[str], unit: str) -> float | None:
    number = _number(match["number"], unit)
    if number is None:
        return None
    size = number * _CENTIMETRES[unit]
    # "5 ft. 3 in." is one length; "5 cm 3 in" is not.
    if match["extra"] and (unit, _unit(match["extra_unit"])) == ("ft", "in"):
        size += (_number(match["extra"], "in") or 0.0) * _CENTIMETRES["in"]
    size = round(size, 2)
    return size if 0 < size <= MAX_CM else None


def _number(text: str, unit: str) -> float | None:
    whole, fraction = text, ""
    if "/" in text:
        head, _, fraction = text.replace("-", " ").rpartition(" ")
        whole = head.strip() or "0"
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", whole) and unit == "mm":
        whole = whole.replace(",", "")
    whole = whole.replace(",", ".")
    try:
        number = float(whole)
        if fraction:
            above, _, below = fraction.partition("/")
            number += int(above) / int(below)
    except (ValueError, ZeroDivisionError):
        return None
    return number


def _unit(text: str | None) -> str | None:
    unit = (text or "").lower().rstrip(".")
    if not unit:
        return None
    if unit in ("″", "”", '"', "''") or unit.startswith("in"):
        return "in"
    if unit in ("′", "’", "feet", "foot", "ft"):
        return "ft"
    if unit.startswith(("mm", "milli")):
        return "mm"
    return "cm" if unit.startswith("c") else "m"


def _label(text: str | None) -> str:
    label = (text or "").lower().strip(" .:=")
    if not label:
        return ""
    if label.startswith(("diam", "dia", "ø", "durch")):
        return "diameter"
    if label in ("w", "width", "breadth", "largeur", "breite"):
        return "width"
    if label in ("d", "depth", "thickness", "tiefe"):
        return "depth"
    if label in ("l", "length"):
        return "length"
    return "height"
