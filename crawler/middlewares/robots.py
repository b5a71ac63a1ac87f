"""robots.txt: fetched once per host, and obeyed by every request that waits for it."""

from __future__ import annotations

import asyncio
import logging

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware as ScrapyRobots
from scrapy.http.request import NO_CALLBACK
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler

from crawler.pauses import HostPaused

logger = logging.getLogger(__name__)


class RobotsUnavailable(Exception):
    """The server could not say what it allows, so nothing may be fetched for now (RFC 9309)."""


class RobotsTxtMiddleware(ScrapyRobots):
    """Scrapy's middleware with a wait that every request comes out of with the same answer.

    Scrapy 2.19 lets requests of one host wait on one Deferred, whose result only the first of
    them gets: the others see none, and pass. A robots.txt that cannot be had is no permission
    either: status 4xx means that there are no rules; 429, 5xx and no answer mean that nobody knows.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._fetched: dict[str, asyncio.Task[RobotParser | None]] = {}

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """Return the rules of the request's host, or None where it has none.

        Raises RobotsUnavailable, or what the download raised.
        """
        host = urlparse_cached(request).netloc
        task = self._fetched.get(host)
        if task is None:
            task = self._fetched[host] = asyncio.ensure_future(self._fetch(request))
        try:
            return await asyncio.shield(task)
        except Exception:
            # The next request asks again: what failed may have passed.
            if self._fetched.get(host) is task:
                del self._fetched[host]
            raise

    async def _fetch(self, request: Request) -> RobotParser | None:
        url = urlparse_cached(request)
        assert self.crawler.engine is not None
        self._stats.inc_value("robotstxt/request_count")
        try:
            response = await self.crawler.engine.download_async(
                Request(
                    f"{url.scheme}://{url.netloc}/robots.txt",
                    priority=self.DOWNLOAD_PRIORITY,
                    meta={"dont_obey_robotstxt": True},
                    callback=NO_CALLBACK,
                )
            )
        except HostPaused as paused:
            if not paused.status:
                raise
            self._stats.inc_value(f"robotstxt/response_status_count/{paused.status}")
            raise RobotsUnavailable(f"robots.txt of {paused}") from paused
        self._stats.inc_value(f"robotstxt/response_status_count/{response.status}")
        if response.status >= 500:
            raise RobotsUnavailable(f"robots.txt of {url.netloc} answers {response.status}")
        body = response.body if response.status < 300 else b""
        parser: RobotParser = build_from_crawler(self._parserimpl, self.crawler, body)
        await self.crawler.signals.send_catch_log_async(
            signal=signals.robots_parsed, robotparser=parser, request=request
        )
        return parser
