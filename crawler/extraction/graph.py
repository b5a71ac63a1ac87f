"""The things that a page describes in schema.org's words, as JSON-LD or as microdata.

A thing is a JSON object: `@type` is the last part of its type ("VisualArtwork"), or a list of such;
`@id` its identifier; the other keys are properties.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from typing import Any
from urllib.parse import urljoin

from crawler.extraction.urls import absolute_url, canonical_url
from crawler.extraction.values import flat_values, types_of, value_link

Thing = dict[str, Any]

# Types of works, the more telling first; those of one line count the same.
WORKS: tuple[tuple[str, ...], ...] = (
    (
        *("VisualArtwork", "Painting", "Drawing", "Photograph", "Sculpture", "Print", "Poster"),
        *("CoverArt", "ComicStory", "Map"),
    ),
    ("CreativeWork",),
    ("Product", "IndividualProduct"),
)

_RANKS = {kind: rank for rank, kinds in enumerate(WORKS) for kind in kinds}

MAX_THINGS = 20_000
MAX_ADDRESSES = 1_000  # of things that are looked at to find the one whose page this is
# Things that refer to each other make many paths out of few bytes.
MAX_REFERENCES = 5_000

_TOLD = ("@type", "@id")


class Graph:
    """Things in page order, those within others after them."""

    def __init__(self, outer: Iterable[Thing] = (), *, page_url: str = "") -> None:
        """`outer`: things that stand by themselves; they are changed: references are resolved."""
        self.page_url = page_url
        self.outer = _merged(islice(outer, MAX_THINGS), page_url)
        self.things = _resolved(list(_within(self.outer)), page_url)
        self._about_page: dict[str, list[Thing]] = {}
        self._by_type: dict[str, list[Thing]] = {}
        for thing in self.things:
            for kind in types_of(thing):
                self._by_type.setdefault(kind, []).append(thing)

    def __bool__(self) -> bool:
        return bool(self.things)

    def __len__(self) -> int:
        return len(self.things)

    def of_type(self, name: str) -> list[Thing]:
        """Return the things of a type, in page order."""
        return self._by_type.get(name, [])

    def about_page(self, name: str) -> list[Thing]:
        """Return the things of a type, the one whose own page this is before the others."""
        if name not in self._about_page:
            self._about_page[name] = self._own_first(self.of_type(name))
        return self._about_page[name]

    @cached_property
    def works(self) -> list[Thing]:
        """What the page may be about: of each type of works one thing, the more telling first.

        Several of one type are several works, and what is said of one is not said of another: only
        the first of them counts. If one is known to be what the page is about (it is some page's
        `mainEntity`, or this is its address), those that have a page elsewhere do not count.
        """
        entities = {
            id(entity): entity
            for thing in self.outer
            for entity in flat_values(thing.get("mainEntity"))
            if isinstance(entity, dict)
        }
        candidates = [
            thing
            for thing in ({id(thing): thing for thing in self.outer} | entities).values()
            if _work_type(thing)
        ]
        own = [
            thing
            for thing in candidates[:MAX_ADDRESSES]
            if id(thing) in entities or self._is_own_page(thing)
        ]
        if own:
            homeless = [t for t in candidates if not (t.get("url") or t.get("mainEntityOfPage"))]
            candidates = own + homeless
        chosen: dict[str, Thing] = {}
        for thing in candidates:
            chosen.setdefault(_work_type(thing) or "", thing)
        return [chosen[kind] for kind in sorted(chosen, key=_RANKS.__getitem__)]

    def _own_first(self, things: list[Thing]) -> list[Thing]:
        if len(things) < 2:
            return things
        own = [thing for thing in things[:MAX_ADDRESSES] if self._is_own_page(thing)]
        return own + things if own else things

    def _is_own_page(self, thing: Thing) -> bool:
        own = canonical_url(self.page_url)
        for key in ("url", "@id", "mainEntityOfPage"):
            link = value_link(thing.get(key))
            address = absolute_url(self.page_url, link) if link else None
            if address is not None and canonical_url(address) == own:
                return True
        return False


def _work_type(thing: Thing) -> str | None:
    return min(
        (kind for kind in types_of(thing) if kind in _RANKS), key=_RANKS.__getitem__, default=None
    )


def shaped(value: object, *, depth: int = 60) -> object:
    """Return a JSON-LD value with short names, and without containers (`@list`, `@set`).

    "https://schema.org/Painting" and "schema:Painting" become "Painting". What is nested too
    deeply is left out.
    """
    if isinstance(value, list):
        return [shaped(item, depth=depth - 1) for item in value] if depth else None
    if not isinstance(value, dict):
        return value
    if not depth:
        return None
    for container in ("@list", "@set"):
        if container in value:
            return shaped(value[container], depth=depth - 1)
    thing: Thing = {}
    for key, inner in value.items():
        if key == "@type":
            names = [short_name(name) for name in flat_values(inner) if isinstance(name, str)]
            thing[key] = names[0] if len(names) == 1 else names
        elif key != "@context":
            thing.setdefault(_short_key(key), shaped(inner, depth=depth - 1))
    return thing


def short_name(name: str) -> str:
    """Return the last part of a type: "https://schema.org/Painting" is "Painting"."""
    return name.strip().rstrip("/").replace("#", "/").replace(":", "/").rpartition("/")[2]


def _short_key(key: str) -> str:
    for prefix in ("http://schema.org/", "https://schema.org/", "schema:"):
        if key.startswith(prefix):
            return key.removeprefix(prefix)
    return key


def _merged(outer: Iterable[Thing], page_url: str) -> list[Thing]:
    """Return the things, what is said of one in several places brought together."""
    kept: list[Thing] = []
    known: dict[str, Thing] = {}
    for thing in outer:
        identifier = _identifier(thing, page_url)
        if identifier is not None and identifier in known:
            for key, value in thing.items():
                known[identifier].setdefault(key, value)
            continue
        if identifier is not None:
            known[identifier] = thing
        kept.append(thing)
    return kept


def _within(outer: list[Thing]) -> Iterator[Thing]:
    """Yield things and those within them, level by level."""
    level: list[object] = list(outer)
    count = 0
    while level:
        following: list[object] = []
        for value in level:
            if isinstance(value, list):
                following += value
            elif isinstance(value, dict):
                yield value
                count += 1
                if count >= MAX_THINGS:
                    return
                following += value.values()
        level = [value for value in following if isinstance(value, list | dict)]


def _resolved(things: list[Thing], page_url: str) -> list[Thing]:
    """Put the things themselves where others refer to them by `@id`; return the things."""
    told = {
        identifier: thing
        for thing in reversed(things)
        if not _is_reference(thing) and (identifier := _identifier(thing, page_url)) is not None
    }
    if not told:
        return things
    count = 0

    def meant(value: object) -> object:
        nonlocal count
        if isinstance(value, dict) and _is_reference(value) and count < MAX_REFERENCES:
            thing = told.get(_identifier(value, page_url) or "")
            if thing is not None:
                count += 1
                return thing
        return value

    for thing in things:
        for key, value in thing.items():
            if isinstance(value, dict):
                thing[key] = meant(value)
            elif isinstance(value, list):
                # A thing that is named twice in one list is in it once.
                items = [meant(item) for item in value]
                seen = {id(item): item for item in items if isinstance(item, dict)}
                thing[key] = [
                    item
                    for item in items
                    if not isinstance(item, dict) or seen.pop(id(item), None) is not None
                ]
    return [
        thing
        for thing in things
        if not (_is_reference(thing) and _identifier(thing, page_url) in told)
    ]


def _is_reference(thing: Thing) -> bool:
    return "@id" in thing and all(key in _TOLD for key in thing)


def _identifier(thing: Thing, page_url: str) -> str | None:
    identifier = thing.get("@id")
    if not isinstance(identifier, str) or not identifier:
        return None
    if "://" in identifier:
        return identifier
    try:
        return urljoin(page_url, identifier)
    except ValueError:
        return identifier
