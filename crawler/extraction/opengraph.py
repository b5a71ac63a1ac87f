"""What a page says about itself in `<meta>` elements, such as OpenGraph's."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

MAX_PROPERTIES = 5_000

_NAME = re.compile(r"[\w.:-]+")


class Property(NamedTuple):
    """A `<meta>` element: its name in lower case, its content as written, itself."""

    name: str
    content: str
    element: Any


def read_opengraph(root: Any) -> tuple[Property, ...]:
    """Return the properties in page order; a `property` counts before a `name`."""
    found: list[Property] = []
    for meta in root.iter("meta"):
        name, content = meta.get("property") or meta.get("name"), meta.get("content")
        if name and content:
            found += (Property(one, content, meta) for one in name.lower().split())
            if len(found) >= MAX_PROPERTIES:
                break
    return tuple(found)


def property_names(expression: str) -> tuple[str, ...]:
    """Return the names under which a property is looked for, the first that is there counts.

    Example:
        >>> property_names("title"), property_names("og:title")
        (('og:title', 'title'), ('og:title',))

    Raises:
        ValueError: it is no name.
    """
    if not _NAME.fullmatch(expression):
        raise ValueError("a name is made of letters, digits, ':', '.', '_' and '-'")
    name = expression.lower()
    return (name,) if name.startswith("og:") else (f"og:{name}", name)
