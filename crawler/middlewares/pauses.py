"""A host that answers 429 or 503 is left alone for as long as it asks for, by every worker."""

from __future__ import annotations

import asyncio
import logging
import math
from datetime import UTC, datetime
from typing import Self
from urllib.parse import urlsplit

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler.context import CrawlContext
from crawler.pauses import REFUSALS, HostPaused, Pause, moment
from crawler.rendering.plugin import SplashJsonResponse
from crawler.retry_after import http_date
from storage.errors import ArtworksError

logger = logging.getLogger(__name__)

# By how much a pause must grow to be told of again, in seconds: answers to requests that were
# under way together say the same a moment apart.
TOLD_AGAIN_S = 1.0
# In the meta of a request whose answer began a pause.
_BEGUN = "pause"


class PauseMiddleware:
    """Lets no request through to a paused host, and pauses hosts by what they answer.

    It stands where it sees the answers about pages, rendered or not, before they are tried again
    or followed. Requests that wait in the host's download slot are taken out of it. What is not
    sent, and what was refused, ends in HostPaused; robots.txt and images like pages.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._stats = crawler.stats
        self._tasks: set[asyncio.Task[None]] = set()
        crawler.signals.connect(self._spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(self._downloaded, signal=signals.response_downloaded)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def _spider_opened(self, spider: Spider) -> None:
        context = CrawlContext.of(self._crawler)
        if context.problem is not None:
            return
        context.pauses.recall(await context.writer.call(context.ledger.pauses))
        for host, pause in context.pauses.in_effect(_now()):
            logger.info("%s is left alone until %s (%s)", host, moment(pause.until), pause.because)

    def process_request(self, request: Request) -> None:
        """Raise HostPaused for a request that would go to a paused host."""
        host = page_host(request)
        pause = CrawlContext.of(self._crawler).pauses.of(host, _now())
        if pause is not None:
            raise HostPaused(host, pause)

    def process_response(self, request: Request, response: Response) -> Response:
        """Pause the host of an answer that says "not now", and raise HostPaused."""
        host = answering_host(request, response)
        if host is None:
            return response
        if response.status in REFUSALS:
            pause = request.meta.pop(_BEGUN, None) or self._refused(host, response)
            raise HostPaused(host, pause, status=response.status)
        if 0 < response.status < 500:
            CrawlContext.of(self._crawler).pauses.succeed(host, _now())
        return response

    def _downloaded(self, response: Response, request: Request) -> None:
        """Pause before the download slot sends its next request, which is before we are asked.

        Of what Splash brings, the page's status is known only later.
        """
        if response.status in REFUSALS and not request.meta.get("_splash_processed"):
            host = answering_host(request, response)
            if host is not None:
                request.meta[_BEGUN] = self._refused(host, response)

    def _refused(self, host: str, response: Response) -> Pause:
        pauses, now = CrawlContext.of(self._crawler).pauses, _now()
        known = pauses.of(host, now)
        pause = pauses.refuse(
            host,
            response.status,
            retry_after(response),
            now,
            sent=http_date(_header(response, "Date")),
        )
        if pause != known:
            self._begin(host, pause, known, now)
        return pause

    def _begin(self, host: str, pause: Pause, known: Pause | None, now: datetime) -> None:
        longer_by = (pause.until - (now if known is None else known.until)).total_seconds()
        if known is None or longer_by > TOLD_AGAIN_S:
            logger.warning(
                "%s asks for a pause of %.0f s (%s): paused until %s",
                host,
                pause.seconds(now),
                pause.because,
                moment(pause.until),
            )
        assert self._stats is not None
        if known is None:
            self._stats.inc_value(f"artworks/pauses/{pause.reason}")
        self._stats.inc_value("artworks/pauses/seconds", math.ceil(longer_by))
        self._empty_slot(host, pause)
        task = asyncio.ensure_future(self._remember(host, pause))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _remember(self, host: str, pause: Pause) -> None:
        context = CrawlContext.of(self._crawler)
        try:
            await context.writer.call(context.ledger.pause, host, pause)
        except ArtworksError as error:
            context.stop(self._crawler, "database_unavailable", str(error))

    def _empty_slot(self, host: str, pause: Pause) -> None:
        """Take the requests that wait for their turn out of the host's download slot."""
        assert self._crawler.engine is not None
        slot = self._crawler.engine.downloader.slots.get(host)
        while slot is not None and slot.queue:
            _, waiting = slot.queue.popleft()
            waiting.errback(HostPaused(host, pause))


def page_host(request: Request) -> str:
    """Return the host that a request is for, be it by way of Splash."""
    url = request.url
    if request.meta.get("_splash_processed"):
        url = request.meta["splash"]["args"]["url"]
    return urlsplit(url).hostname or ""


def answering_host(request: Request, response: Response) -> str | None:
    """Return the host whose answer this is; None where it is the renderer's own."""
    if request.meta.get("_splash_processed") and (
        not isinstance(response, SplashJsonResponse) or response.splash_response_status != 200
    ):
        return None
    # A browser follows redirects by itself.
    return urlsplit(response.url).hostname or page_host(request)


def retry_after(response: Response) -> str | None:
    """Return the Retry-After of an answer; what Splash shows of a page comes in its JSON."""
    if isinstance(response, SplashJsonResponse):
        told = response.data.get("retry_after")
        return None if told is None else str(told)
    return _header(response, "Retry-After")


def _header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None


def _now() -> datetime:
    return datetime.now(UTC)
