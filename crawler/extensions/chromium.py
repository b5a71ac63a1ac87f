"""The Chromium of a crawl: started when the first page needs it, replaced when it fails."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler.context import CrawlContext
from crawler.rendering import RendererDied, RendererMissing
from crawler.rendering.chromium import ChromiumTask
from crawler.rendering.proxy import GuardProxy
from storage.embedded.chromium import find_chromium
from storage.errors import ArtworksError

if TYPE_CHECKING:
    from crawler.rendering.browser import Browser

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a crawl's Chromium may take."""

    # Each page has a context of its own; more pages at a time wait for one to end.
    pages_at_a_time: int = 4
    # What leaks in spite of that is given back.
    pages_per_browser: int = 500
    failed_starts: int = 3
    # Seconds until a browser counts as one that hangs.
    start: float = 30.0
    close: float = 10.0


class Chromium:
    """Renders requests with `meta["chromium"]`, for the download handlers of all schemes.

    Stats: `artworks/chromium/pages`, `…/browsers` (started), `…/scrolls`, `…/clicks`,
    `…/not_loaded/TYPE` (images, media and fonts that were left out), `…/popups_closed`,
    `…/not_waited_for` (pages with parts that did not load in time), `…/not_there` (pages without
    the element of `wait_for`).
    """

    def __init__(self, crawler: Crawler, bounds: Bounds | None = None) -> None:
        self._crawler = crawler
        self._bounds = bounds or Bounds()
        self._places = asyncio.Semaphore(self._bounds.pages_at_a_time)
        self._starting = asyncio.Lock()
        self._browser: Browser | None = None
        self._retired: set[Browser] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._failed_starts = 0
        self._is_closed = False
        crawler.signals.connect(self.close, signal=signals.engine_stopped)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def download(self, request: Request) -> Response:
        """Render a page; raise what `crawler.reasons` knows."""
        task = request.meta["chromium"]
        assert isinstance(task, ChromiumTask)
        async with self._places:
            browser = await self._usable(task.proxy)
            self._count("pages")
            try:
                return await browser.show(request, task)
            finally:
                self._retire_if_worn(browser)

    async def close(self) -> None:
        """End all browsers, whatever state they are in."""
        self._is_closed = True
        async with self._starting:
            if self._browser is not None:
                self._retired.add(self._browser)
                self._browser = None
        for browser in self._retired:
            self._close_soon(browser)
        self._retired.clear()
        await asyncio.gather(*self._closing)

    def drop(self) -> None:
        """End all browsers at once; pages that they show fail."""
        self._is_closed = True
        for browser in (self._browser, *self._retired):
            if browser is not None:
                browser.kill()

    async def _usable(self, proxy: GuardProxy) -> Browser:
        """Return the browser, or a new one where it is gone, worn out or has another proxy."""
        async with self._starting:
            browser = self._browser
            if browser is not None and browser.is_usable and browser.proxy is proxy:
                return browser
            if self._is_closed:
                raise RendererDied("the crawl has ended, and Chromium with it")
            if browser is not None:
                self._browser = None
                self._retired.add(browser)
                self._retire_if_worn(browser)
            self._browser = await self._start(proxy)
            return self._browser

    async def _start(self, proxy: GuardProxy) -> Browser:
        try:
            from crawler.rendering import browser as rendering
        except ImportError as error:
            raise RendererMissing(
                f"the page needs Chromium, and {error.name} is not installed: "
                "pip install 'artworks[browser]', or set rendering to another engine"
            ) from error
        program = self._program()
        if self._failed_starts >= self._bounds.failed_starts:
            raise RendererMissing(
                f"{program} could not be started {self._failed_starts} times: see the failures "
                "of other pages"
            )
        patience = rendering.Patience(start=self._bounds.start, close=self._bounds.close)
        try:
            browser = await rendering.Browser.start(
                self._crawler, program, proxy, patience, self._count
            )
        except RendererDied:
            self._failed_starts += 1
            raise
        self._failed_starts = 0
        self._count("browsers")
        logger.info("Chromium renders pages (process %d)", browser.pid)
        return browser

    def _program(self) -> Path:
        setting = CrawlContext.of(self._crawler).settings.chromium
        try:
            found = find_chromium(setting)
        except ArtworksError as error:
            raise RendererMissing(f"the page needs Chromium: {error}") from error
        if found is None:
            raise RendererMissing(
                "the page needs Chromium, and none is on PATH: run `make services`, or name the "
                "program with ARTWORKS_CHROMIUM"
            )
        return found

    def _retire_if_worn(self, browser: Browser) -> None:
        """Put a browser aside that has done its work; close it when its last page is read."""
        if browser is self._browser and browser.shown >= self._bounds.pages_per_browser:
            self._browser = None
            self._retired.add(browser)
        if browser in self._retired and browser.is_idle:
            self._retired.discard(browser)
            self._close_soon(browser)

    def _close_soon(self, browser: Browser) -> None:
        task = asyncio.ensure_future(browser.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _count(self, name: str) -> None:
        assert self._crawler.stats is not None
        self._crawler.stats.inc_value(f"artworks/chromium/{name}")
