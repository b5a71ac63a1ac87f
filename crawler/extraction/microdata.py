"""Microdata, brought to the shape of JSON-LD.

Importing this costs a quarter of a second: it is imported only for pages that are asked for it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from extruct.w3cmicrodata import MicrodataExtractor
from lxml import etree  # type: ignore[import-untyped]

from crawler.extraction.graph import Graph, Thing, short_name
from crawler.extraction.markup import element_text
from crawler.extraction.text import MAX_DESCRIPTION, clean_text

MAX_ITEMS = 10_000
MAX_REFERRED = 200_000  # properties that may have to be looked at because of `itemref`
MAX_TEXT_READ = 2_000_000  # characters
MAX_DEPTH = 60
MAX_THINGS = 20_000

# What these link to is what they say; any other link has a text that people read.
_ADDRESSES = frozenset(
    {
        *("url", "sameAs", "contentUrl", "thumbnailUrl", "embedUrl", "image", "license"),
        *("acquireLicensePage", "usageInfo", "mainEntityOfPage", "additionalType"),
    }
)


def read_microdata(root: Any, page_url: str, base_url: str) -> tuple[Graph, list[str]]:
    """Read the microdata of a page; return what it describes, and what could not be read."""
    items = int(root.xpath("count(//*[@itemscope])"))
    if not items:
        return Graph(page_url=page_url), []
    references = sum(len(str(names).split()) for names in root.xpath("//@itemref"))
    referred = references * int(root.xpath("count(//*[@itemprop])"))
    if items > MAX_ITEMS or referred > MAX_REFERRED:
        too_much = f"{items} items, {references} references"
        return Graph(page_url=page_url), [
            f"microdata: skipped, there is too much of it: {too_much}"
        ]
    try:
        found = _Extractor().extract_items(root, base_url)
        shaped = _Shaper()
        things = [thing for item in found if isinstance(thing := shaped(item), dict)]
    except OverflowError:
        return Graph(page_url=page_url), [
            f"microdata: skipped, it describes more than {MAX_THINGS} things"
        ]
    except RecursionError:
        return Graph(page_url=page_url), ["microdata: skipped, it is nested too deeply"]
    return Graph(things, page_url=page_url), []


class _Extractor(MicrodataExtractor):  # type: ignore[misc]  # extruct ships no types
    """extruct's reader, with the text as our other sources give it, and in linear time."""

    def __init__(self) -> None:
        super().__init__()
        self.text_left = MAX_TEXT_READ

    @staticmethod
    def _xp_prop(node: Any) -> Iterator[Any]:
        """Yield the elements with properties of one item, not of those within it."""
        walk = etree.iterwalk(node, events=("start",))
        for _, element in walk:
            if element is node:
                continue
            if element.get("itemprop"):
                yield element
            if element.get("itemscope") is not None:
                walk.skip_subtree()

    def _extract_property(self, node: Any, **known: Any) -> list[tuple[str, Any]]:
        value = self._extract_property_value(node, **known)
        found: list[tuple[str, Any]] = []
        for name in node.get("itemprop").split():
            name = short_name(name)
            is_link = node.tag in ("a", "area") and node.get("itemscope") is None
            if is_link and name not in _ADDRESSES and (text := self._extract_textContent(node)):
                linked = {"name": text, "url": value} if node.get("href") else text
                found.append((name, linked))
            else:
                found.append((name, value))
        return found

    def _extract_property_refs(
        self, node: Any, refid: str, **known: Any
    ) -> Iterator[tuple[str, Any]]:
        with contextlib.suppress(ValueError):  # control characters, which XPath does not take
            yield from super()._extract_property_refs(node, refid, **known)

    def _extract_property_value(self, node: Any, **known: Any) -> Any:
        if node.tag == "time" and not node.get("datetime") and node.get("itemscope") is None:
            return self._extract_textContent(node)
        try:
            return super()._extract_property_value(node, **known)
        except ValueError:  # an address that is none
            return ""

    def _extract_textContent(self, node: Any) -> str:  # noqa: N802
        if self.text_left <= 0:
            return ""
        text = element_text(node)
        self.text_left -= len(text)
        return clean_text(text, MAX_DESCRIPTION)


class _Shaper:
    """Makes things of extruct's items, up to a number of them.

    A property of several names is one value under each, so few elements within each other can be
    more things than there is memory for.
    """

    def __init__(self) -> None:
        self._left = MAX_THINGS

    def __call__(self, value: Any, depth: int = MAX_DEPTH) -> Any:
        """Return an item as a thing; its `value`, if it has no properties.

        Raises OverflowError: there are too many.
        """
        if isinstance(value, list):
            return [self(item, depth) for item in value]
        if not isinstance(value, dict) or "url" in value:
            return value
        if not depth:
            return None
        self._left -= 1
        if self._left < 0:
            raise OverflowError
        kinds = value.get("type")
        told = [short_name(kind) for kind in ([kinds] if isinstance(kinds, str) else kinds or ())]
        thing: Thing = {}
        if told:
            thing["@type"] = told[0] if len(told) == 1 else told
        if "id" in value:
            thing["@id"] = value["id"]
        if "properties" not in value:
            thing["name"] = value.get("value")
        for name, inner in value.get("properties", {}).items():
            thing[name] = self(inner, depth - 1)
        return thing
