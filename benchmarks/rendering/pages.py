"""Fetches pages as a crawl does (settings, middlewares, download handler), with one engine.

Run as a process of its own: `python benchmarks/rendering/pages.py URL ENGINE CONCURRENCY BATCH…`;
prints one JSON object. After each batch of so many pages, the seconds that it took and the memory
of the renderer that this process started are noted. The first batch is for warming up.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import psutil
from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.http import Response
from scrapy.settings import Settings
from twisted.python.failure import Failure

from crawler.config import load_crawler_settings
from crawler.context import CrawlArguments, CrawlContext
from crawler.profiles import BrowserOptions, parse_profile
from crawler.rendering.chromium import chromium_meta
from crawler.rendering.splash import splash_meta

# As many as the site's script adds.
WORKS = 24
OPTIONS = BrowserOptions(wait=0.05, wait_for=f"li:nth-child({WORKS}) a.work")
PROFILE = """
base_url = "{url}"
[categories]
works = "/page/0"
[listing]
artworks = "css:a.work"
[artwork]
title = "css:h1"
required = ["title"]
"""


class Pages(Spider):
    """Asks for batches of pages, and checks that each is whole."""

    name = "pages"

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        settings = load_crawler_settings()
        profile = parse_profile(PROFILE.format(url=spider.url), Path("pages.toml"))
        spider.context = CrawlContext.build(CrawlArguments(site="pages"), settings, profile, None)
        splash = settings.splash_url
        url = "" if splash is None else splash.get_secret_value()
        crawler.settings.set("SPLASH_URL", url, priority="spider")
        return spider

    async def start(self) -> AsyncIterator[Request]:
        number = 0
        for size in self.batches:
            self.left, self.done = size, asyncio.Event()
            began = time.monotonic()
            for _ in range(size):
                number += 1
                yield self.request(f"{self.url}/page/{number}")
            await self.done.wait()
            self.result["seconds"].append(time.monotonic() - began)
            self.result["memory_mb"].append(memory_mb(psutil.Process().children()))
        self.context.proxy.close()
        self.context.writer.close()

    def request(self, url: str) -> Request:
        meta: dict[str, Any] = {}
        if self.engine == "splash":
            meta["splash"] = splash_meta("artwork", OPTIONS, self.context.proxy)
        elif self.engine == "chromium":
            meta["chromium"] = chromium_meta("artwork", OPTIONS, self.context.proxy)
        return Request(url, meta=meta, callback=self.check, errback=self.fail, dont_filter=True)

    def check(self, response: Response) -> None:
        expected = 0 if self.engine == "plain" else WORKS
        found = len(response.css("a.work"))
        if found != expected:
            self.result["problems"].append(f"{response.url}: {found} works of {expected}")
        self._one_less()

    def fail(self, failure: Failure) -> None:
        self.result["problems"].append(f"{failure.type.__name__}: {failure.value}")
        self._one_less()

    def _one_less(self) -> None:
        self.left -= 1
        if not self.left:
            self.done.set()


def memory_mb(processes: list[psutil.Process]) -> float:
    """Return what processes and their children have to themselves, plus their share of the rest.

    Pages that several of them use count once, in megabytes (PSS).
    """
    total = 0
    for parent in processes:
        for process in [parent, *parent.children(recursive=True)]:
            try:
                total += process.memory_full_info().pss
            except psutil.NoSuchProcess:
                continue
    return total / 1e6


def main() -> int:
    """Fetch, and print what was found."""
    url, engine, concurrency, *batches = sys.argv[1:]
    settings = Settings()
    settings.setmodule("crawler.settings")
    settings.setdict(
        {
            "SCHEDULER": "scrapy.core.scheduler.Scheduler",
            "ITEM_PIPELINES": {},
            "EXTENSIONS": {"crawler.extensions.chromium.Chromium": 0},
            "SPIDER_MIDDLEWARES": {},
            "ROBOTSTXT_OBEY": False,
            "RETRY_ENABLED": False,
            "CONCURRENT_REQUESTS": int(concurrency),
            "CONCURRENT_REQUESTS_PER_DOMAIN": int(concurrency),
            "DOWNLOAD_DELAY": 0,
            "LOG_LEVEL": "ERROR",
        },
        priority="cmdline",
    )
    result: dict[str, Any] = {"seconds": [], "memory_mb": [], "problems": []}
    process = AsyncCrawlerProcess(settings)
    crawler = process.create_crawler(Pages)
    process.crawl(
        crawler, url=url, engine=engine, batches=[int(size) for size in batches], result=result
    )
    process.start()
    assert crawler.stats is not None
    result["contexts"] = crawler.stats.get_value("playwright/context_count/max_concurrent", 0)
    result["browsers"] = crawler.stats.get_value("artworks/chromium/browsers", 0)
    print(json.dumps(result))
    return 1 if result["problems"] or len(result["seconds"]) < len(batches) else 0


if __name__ == "__main__":
    sys.exit(main())
