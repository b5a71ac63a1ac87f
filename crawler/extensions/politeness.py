"""Politeness that lasts: robots.txt's Crawl-delay is a floor that nothing goes below."""

from __future__ import annotations

import asyncio
import logging
from typing import Self

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response
from scrapy.robotstxt import RobotParser

from crawler.context import CrawlContext

logger = logging.getLogger(__name__)

LONGEST_CRAWL_DELAY_S = 60.0


class CrawlDelay:
    """Applies each host's Crawl-delay to its download slot, and remembers it in `hosts`.

    What was remembered holds until the host's robots.txt is read again.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._tasks: set[asyncio.Task[None]] = set()
        crawler.signals.connect(self._spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(self._robots_parsed, signal=signals.robots_parsed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def _spider_opened(self, spider: Spider) -> None:
        context = CrawlContext.of(self._crawler)
        if context.problem is None:
            remembered = await context.writer.call(context.ledger.crawl_delays)
            for host, delay in remembered.items():
                self._apply(host, delay)

    def _robots_parsed(self, robotparser: RobotParser, request: Request) -> None:
        context = CrawlContext.of(self._crawler)
        asked = robotparser.crawl_delay(context.settings.user_agent) or None
        assert self._crawler.engine is not None
        host = self._crawler.engine.downloader.get_slot_key(request)
        if asked is not None and asked > LONGEST_CRAWL_DELAY_S:
            logger.warning(
                "%s asks for a Crawl-delay of %s s; taking %s s", host, asked, LONGEST_CRAWL_DELAY_S
            )
        self._apply(host, asked)
        task = asyncio.ensure_future(
            context.writer.call(context.ledger.remember_delay, host, asked)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _apply(self, host: str, asked: float | None) -> None:
        context = CrawlContext.of(self._crawler)
        assert self._crawler.engine is not None
        downloader = self._crawler.engine.downloader
        if not asked:
            context.crawl_delays.pop(host, None)
            downloader.per_slot_settings.pop(host, None)
            return
        delay = max(min(asked, LONGEST_CRAWL_DELAY_S), context.profile.politeness.delay)
        context.crawl_delays[host] = delay
        # Slots that were idle for a while are made anew from these.
        downloader.per_slot_settings[host] = {"delay": delay, "jitter": 0.0}
        if host in downloader.slots:
            downloader.slots[host].delay = max(downloader.slots[host].delay, delay)


class Throttle(AutoThrottle):
    """Scrapy's AutoThrottle, which would otherwise go below a Crawl-delay."""

    def _response_downloaded(self, response: Response, request: Request, spider: Spider) -> None:
        super()._response_downloaded(response, request, spider)
        key, slot = self._get_slot(request, spider)
        if key is not None and slot is not None:
            floor = CrawlContext.of(self.crawler).crawl_delays.get(key, 0.0)
            slot.delay = max(slot.delay, floor)
