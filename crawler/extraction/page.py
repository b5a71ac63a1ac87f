"""A fetched page, parsed once."""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeAlias

from parsel import Selector

from crawler.extraction.text import without_surrogates
from crawler.extraction.urls import absolute_url

# lxml ships no types.
Element: TypeAlias = Any


class Page:
    """What extraction works on: an address and a decoded body.

    Args:
        url: address of the page after redirects.
        body: decoded text.
        content_type: media type, parameters are ignored.
    """

    def __init__(self, url: str, body: str, content_type: str = "text/html") -> None:
        self.url = url
        self.body = without_surrogates(body)
        self.content_type = content_type.partition(";")[0].strip().lower()

    def __repr__(self) -> str:
        return f"Page({self.url!r}, {len(self.body)} characters of {self.content_type})"

    @cached_property
    def selector(self) -> Selector:
        """The parsed page, as Scrapy's own selector."""
        return Selector(text=self.body, type="html", base_url=self.url)

    @cached_property
    def root(self) -> Element:
        """The root element of the parsed page."""
        return self.selector.root

    @cached_property
    def base_url(self) -> str:
        """What relative links are resolved against: `<base href>`, or the page's own address."""
        base = self.root.find(".//base[@href]")
        href = base.get("href") if base is not None else None
        return (absolute_url(self.url, href) if href else None) or self.url

    @cached_property
    def has_scripts(self) -> bool:
        """Whether a browser could show more than is written: the page brings code to run."""
        return bool(self.root.xpath("//script[not(@type) or contains(@type, 'javascript')"
                                    " or @type = 'module']"))  # fmt: skip

    def absolute(self, link: str) -> str | None:
        """Resolve a link of this page; None unless it leads to an http(s) address."""
        return absolute_url(self.base_url, link)
