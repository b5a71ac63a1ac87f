"""The run's row in `crawl_runs`, and the end of everything that the crawl opened."""

from __future__ import annotations

import logging
import time
from typing import Self

from scrapy import Spider, signals
from scrapy.crawler import Crawler

from crawler.context import CrawlContext

logger = logging.getLogger(__name__)


class RunLog:
    """Closes the run with its reason and stats when the spider closes."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._began = time.monotonic()
        crawler.signals.connect(self._spider_closed, signal=signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def _spider_closed(self, spider: Spider, reason: str) -> None:
        context = CrawlContext.of(self._crawler)
        stats = self._crawler.stats
        assert stats is not None
        stats.set_value("artworks/batches", context.writer.batches)
        stats.set_value("artworks/seconds", round(time.monotonic() - self._began, 3))
        await context.end(reason, stats.get_stats())
        logger.info("run %d of site %s ended: %s", context.run_id, context.profile.name, reason)
