"""A fetched page, parsed once."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from parsel import Selector

from crawler.extraction.text import without_surrogates
from crawler.extraction.urls import absolute_url

if TYPE_CHECKING:
    from crawler.extraction.graph import Graph
    from crawler.extraction.iiif import Presentation
    from crawler.extraction.opengraph import Property

MAX_VALUES = 200_000  # of a JSON body, as far as its commas tell

# lxml ships no types.
Element: TypeAlias = Any


class Page:
    """What extraction works on: an address and a decoded body.

    Everything is read when it is first asked for; `problems` grows with what could not be.

    Args:
        url: address of the page after redirects.
        body: decoded text.
        content_type: media type, parameters are ignored.
    """

    def __init__(self, url: str, body: str, content_type: str = "text/html") -> None:
        self.url = url
        self.body = without_surrogates(body)
        self.content_type = content_type.partition(";")[0].strip().lower()
        self._problems: list[str] = []

    def __repr__(self) -> str:
        return f"Page({self.url!r}, {len(self.body)} characters of {self.content_type})"

    @property
    def problems(self) -> tuple[str, ...]:
        """What was asked for and could not be read, with its place."""
        return tuple(self._problems)

    @cached_property
    def selector(self) -> Selector:
        """The parsed page, as Scrapy's own selector; of JSON it is empty."""
        text = "" if self.is_json else self.body
        return Selector(text=text, type="html", base_url=self.url)

    @cached_property
    def root(self) -> Element:
        """The root element of the parsed page."""
        return self.selector.root

    @cached_property
    def base_url(self) -> str:
        """What relative links are resolved against: `<base href>`, or the page's own address."""
        written = (base.get("href") for base in self.root.iter("base"))
        href = next((href for href in written if href is not None), None)
        return (absolute_url(self.url, href) if href else None) or self.url

    @cached_property
    def is_json(self) -> bool:
        """Whether the page is data: by its media type, or because its body is JSON."""
        return self._claims_json or self.data is not None

    @cached_property
    def data(self) -> object:
        """The JSON body, decoded; None if the page is none."""
        if not self._claims_json and self.body.lstrip("\ufeff \t\r\n")[:1] not in ("{", "["):
            return None
        if self.body.count(",") > MAX_VALUES:
            self._complain(f"the body is JSON with more than {MAX_VALUES} values")
            return None
        try:
            decoded: object = json.loads(self.body.removeprefix("\ufeff"))
        except RecursionError:
            self._complain("the body is JSON that is nested too deeply")
            return None
        except ValueError as error:
            if self._claims_json:
                self._complain(f"the body is no valid JSON: {error}")
            return None
        return decoded

    @cached_property
    def jsonld(self) -> Graph:
        """What the page describes in JSON-LD: in its scripts, or as a JSON body that is some."""
        from crawler.extraction.jsonld import jsonld_of_data, read_jsonld

        if self.is_json:
            return jsonld_of_data(self.data, self.url)
        graph, problems = read_jsonld(self.root, self.url)
        self._complain(*problems)
        return graph

    @cached_property
    def microdata(self) -> Graph:
        """What the page describes in microdata."""
        from crawler.extraction.graph import Graph

        # The reader is slow to import, and most pages have none.
        if not self.root.xpath("boolean(//@itemscope)"):
            return Graph(page_url=self.url)
        from crawler.extraction.microdata import read_microdata

        graph, problems = read_microdata(self.root, self.url, self.base_url)
        self._complain(*problems)
        return graph

    @cached_property
    def opengraph(self) -> tuple[Property, ...]:
        """What the page says of itself in `<meta>` elements."""
        from crawler.extraction.opengraph import read_opengraph

        return read_opengraph(self.root)

    @cached_property
    def presentation(self) -> Presentation | None:
        """The IIIF manifest or collection that the page is; None if it is none."""
        from crawler.extraction.iiif import read_presentation

        return read_presentation(self.data)

    @cached_property
    def has_scripts(self) -> bool:
        """Whether a browser could show more than is written: the page brings code to run."""
        return any(
            _is_code(script.get("type")) and (script.get("src") or (script.text or "").strip())
            for script in self.root.iter("script")
        )

    def absolute(self, link: str) -> str | None:
        """Resolve a link of this page; None unless it leads to an http(s) address."""
        return absolute_url(self.base_url, link)

    @property
    def _claims_json(self) -> bool:
        return self.content_type.endswith(("/json", "+json"))

    def _complain(self, *problems: str) -> None:
        self._problems += problems


def _is_code(media_type: str | None) -> bool:
    """Whether browsers run a `<script>` of this type: data blocks (JSON-LD, templates) they do not.

    No type means JavaScript (HTML Standard, 4.12.1: The script element).
    """
    kind = (media_type or "").partition(";")[0].strip().lower()
    return kind in ("", "module") or kind.endswith(("javascript", "ecmascript", "jscript"))
