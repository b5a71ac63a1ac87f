"""Which browsers there are, and the proxy that they go out through."""

from __future__ import annotations

import importlib.util
from urllib.parse import urlsplit

from crawler.addresses import AddressPolicy, proxy_urls
from crawler.config import CrawlerSettings
from crawler.rendering.choice import Engine
from crawler.rendering.proxy import GuardProxy
from storage.embedded.chromium import find_chromium

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def available_engines(settings: CrawlerSettings) -> tuple[Engine, ...]:
    """Return the browsers that a crawl can ask; whether they work shows when they are asked."""
    found: list[Engine] = []
    if settings.splash_url is not None:
        found.append("splash")
    if importlib.util.find_spec("scrapy_playwright") and find_chromium(settings.chromium):
        found.append("chromium")
    return tuple(found)


def guard_proxy(settings: CrawlerSettings) -> GuardProxy:
    """Return the proxy for pages' own requests, not started yet.

    Its policy refuses our own services, allowed network or not: a page must not reach them through
    its browser.
    """
    splash = None if settings.splash_url is None else settings.splash_url.get_secret_value()
    host = urlsplit(splash).hostname if splash is not None else None
    services = [*proxy_urls(), *([splash] if splash is not None else [])]
    return GuardProxy(
        AddressPolicy(settings.allowed_networks).without(services),
        max_bytes=settings.max_page_bytes,
        facing=None if host in (None, *LOOPBACK) else host,
    )
