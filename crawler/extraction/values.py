"""JSON values: what they say to a reader, and where they lead."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from crawler.extraction.markup import plain_text, unescaped
from crawler.extraction.text import MAX_DESCRIPTION, clean_text

# Keys in the order in which they are asked: an entry of a list stands for its `item`.
TEXT_KEYS = ("name", "title", "item")
LINK_KEYS = ("url", "contentUrl", "item", "@id", "id")
MEDIA = ("ImageObject", "MediaObject")  # their `url` may be a page about them

MAX_DEPTH = 5  # names within names, addresses within addresses
MAX_LIST = 1_000  # entries of a list in which the first that says something is looked for

_UNITS = {"CMT": "cm", "MMT": "mm", "MTR": "m", "INH": "in", "FOT": "ft"}  # UN/CEFACT codes


def flat_values(value: object) -> Iterator[object]:
    """Yield a value, or those of a list and of the lists in it; nulls are left out."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item))
        elif item is not None:
            yield item


def says_something(value: object) -> bool:
    """Whether a value is anything but null, or empty, or a list of such."""
    return any(item not in ("", {}) for item in flat_values(value))


def is_true(value: object) -> bool:
    """Whether JMESPath takes a value for true."""
    return value is not None and value is not False and value not in ("", [], {})


def value_text(
    value: object, clean: Callable[[str], str] = plain_text, depth: int = MAX_DEPTH
) -> str:
    """Return a value as text: "" for truth values, and for objects that have no name.

    Of an object that is its `@value`; the `value` of a property or quantity, with its unit; or its
    `name` or `title`.
    """
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool) or depth == 0:
        return ""
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, list):
        texts = (value_text(item, clean, depth - 1) for item in value[:MAX_LIST])
        return next(filter(None, texts), "")
    if not isinstance(value, Mapping):
        return ""
    if "@value" in value:
        return value_text(value["@value"], clean, depth - 1)
    if is_of_type(value, "QuantitativeValue", "PropertyValue") and (
        quantity := value_text(value.get("value"), clean, depth - 1)
    ):
        code = value.get("unitCode")
        unit = _UNITS.get(code, "") if isinstance(code, str) else ""
        unit = value_text(value.get("unitText"), clean, depth - 1) or unit
        return f"{quantity} {unit}".rstrip()
    texts = (value_text(value.get(key), clean, depth - 1) for key in TEXT_KEYS)
    return next(filter(None, texts), "")


def is_of_type(value: Mapping[str, object], *names: str) -> bool:
    """Whether `@type` of an object is, or holds, one of these."""
    kind = value.get("@type")
    return kind in names if isinstance(kind, str) else not set(names).isdisjoint(types_of(value))


def types_of(value: Mapping[str, object]) -> list[str]:
    """Return the types of an object."""
    return [kind for kind in flat_values(value.get("@type")) if isinstance(kind, str)]


def number_text(number: int | float) -> str:
    """Return a number without exponent, and without the ".0" of whole ones.

    Example:
        >>> number_text(73.0), number_text(1e-7), number_text(float("nan"))
        ('73', '0.0000001', '')
    """
    if isinstance(number, int):
        try:
            return str(number)
        except ValueError:  # Python refuses to write numbers of thousands of digits
            return ""
    if not math.isfinite(number):
        return ""
    return format(Decimal(repr(number)), "f").removesuffix(".0")


def value_link(value: object, *, numbers: bool = False, depth: int = MAX_DEPTH) -> str | None:
    """Return the address that a value holds, as written.

    Args:
        value: a string, or an object with one of `LINK_KEYS`.
        numbers: whether a number is one too, that is an identifier.
        depth: how many objects within objects are looked into.
    """
    if isinstance(value, str):
        link = unescaped(value) if "&" in value else value
        return None if link.startswith("_:") else link.strip() or None  # "_:" is a blank node
    if depth == 0 or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return number_text(value) or None if numbers else None
    found: Iterator[object] = iter(())
    if isinstance(value, list):
        found = iter(value[:MAX_LIST])
    elif isinstance(value, Mapping):
        keys = ("contentUrl", *LINK_KEYS) if is_of_type(value, *MEDIA) else LINK_KEYS
        found = (value.get(key) for key in keys)
    links = (value_link(item, numbers=numbers, depth=depth - 1) for item in found)
    return next(filter(None, links), None)


def literal_text(written: str) -> str:
    """Return a string that holds no markup, even if it looks like it."""
    return clean_text(written, MAX_DESCRIPTION)
