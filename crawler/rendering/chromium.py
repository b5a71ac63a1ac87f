"""Chromium: what is asked of it for a page."""

from __future__ import annotations

from dataclasses import dataclass

from crawler.items import Kind
from crawler.profiles import BrowserOptions
from crawler.rendering.proxy import GuardProxy


@dataclass(frozen=True, slots=True)
class ChromiumTask:
    """What Chromium does with a page, and how it reaches it."""

    options: BrowserOptions
    scroll: bool
    proxy: GuardProxy


def chromium_meta(kind: Kind, options: BrowserOptions, proxy: GuardProxy) -> ChromiumTask:
    """Return the `chromium` entry of a request's meta that renders a page of this kind.

    Chromium sends everything that the page asks for through `proxy`, loopback included; the proxy
    starts when the first page is rendered.
    """
    return ChromiumTask(options, scroll=options.scroll and kind != "artwork", proxy=proxy)
