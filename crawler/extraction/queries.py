"""Queries: what is asked of the things that a page describes.

| query | asks |
|---|---|
| `VisualArtwork.name` | the first thing of that type that gives something |
| `VisualArtwork[].name` | all things of that type; any JMESPath on the list of them |
| `name` | the work that the page is about, see `Graph.works` |

`@id`, `@type` and `@value` need no quotes, other than in JMESPath.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from crawler.extraction.graph import Graph
from crawler.extraction.jmes import Search, compile_jmespath
from crawler.extraction.values import is_of_type, says_something

_TYPE = re.compile(r"([A-Z]\w*)\s*(?:(\.)\s*(?=\S)|(?=\[)|(?=\|(?!\|))|$)(.*)", re.S)
_FOREIGN_TYPE = re.compile(r"\w+:/*[\w./]*?([A-Z]\w*)\b")
# Strings, literals and quoted names are passed over.
_AT_NAME = re.compile(
    r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`)|@(id|type|value)\b""", re.S
)


@dataclass(frozen=True, slots=True)
class Query:
    """A compiled query; `is_list`: its expression is about the list of the things of its type."""

    search: Search
    type: str | None = None
    is_list: bool = False

    def of_page(self, graph: Graph) -> object:
        """Return what it finds on a page; None if nothing."""
        if self.type is not None and self.is_list:
            things = graph.of_type(self.type)
            return self.search(things) if things else None
        things = graph.works if self.type is None else graph.about_page(self.type)
        for thing in things:
            found = self.search(thing)
            if says_something(found):
                return found
        return None

    def of_node(self, node: object) -> object:
        """Return what it finds within one value; a type says of which type that has to be."""
        if node is None or self.type is None:
            return None if node is None else self.search(node)
        if not isinstance(node, dict) or not is_of_type(node, self.type):
            return None
        return self.search([node] if self.is_list else node)


def parse_query(expression: str) -> Query:
    """Compile a query.

    Raises:
        ValueError: it is wrong; the message says what about it.
    """
    if foreign := _FOREIGN_TYPE.match(expression):
        raise ValueError(f"write the type by its name alone, {foreign[1]!r}")
    expression = _AT_NAME.sub(lambda match: match[1] or f'"@{match[2]}"', expression)
    match = _TYPE.fullmatch(expression)
    if match is None:
        query = Query(compile_jmespath(expression))
        if expression[0].isupper():
            raise ValueError("after a type comes '.', '[' or '|'; quote the name of a property")
        return query
    name, dot, rest = match.groups()
    if dot:
        return Query(compile_jmespath(rest), name)
    return Query(compile_jmespath(f"@{rest}"), name, is_list=bool(rest))
