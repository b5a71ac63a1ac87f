"""What owners reserve: read from every answer, and from a file of its host, once in a run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Self
from urllib.parse import urlsplit

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from crawler.context import CrawlContext, Interrupted
from crawler.opt_outs import FILE, HEADERS, OptedOut, Rule, of_answer, read_file
from crawler.pauses import HostPaused
from crawler.rendering.plugin import SplashJsonResponse
from storage.errors import ArtworksError

logger = logging.getLogger(__name__)

# Nobody's pages wait for long because this file cannot be had.
TIMEOUT_S = 15.0
MAX_FILE_BYTES = 1_000_000
PRIORITY = 1000


class OptOutMiddleware:
    """Leaves `meta["opt_outs"]` with every request whose answer came, for the callbacks.

    A host's file is asked for when the first page or image of the host is. It is no condition: a
    host whose file cannot be had (404, 5xx, no answer) is crawled, and what the file said in an
    earlier run holds, unless it is gone.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._stats = crawler.stats
        self._files: dict[str, asyncio.Task[tuple[Rule, ...]]] = {}
        self._refused = set[str]()
        self._kept: Mapping[str, tuple[Rule, ...]] = {}
        crawler.signals.connect(self._spider_opened, signal=signals.spider_opened)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def _spider_opened(self, spider: Spider) -> None:
        context = CrawlContext.of(self._crawler)
        if context.problem is None:
            self._kept = await context.writer.call(context.ledger.tdm_rules)

    async def process_request(self, request: Request) -> None:
        """Wait for the file of the host; raise OptedOut for an image that is not to be fetched."""
        lease = request.meta.get("lease")
        if lease is None:
            return  # robots.txt, or the file itself
        context = CrawlContext.of(self._crawler)
        obeys = context.obeys_opt_outs and lease.kind == "image"
        if obeys and (page := lease.meta.get("reserved")):
            raise OptedOut(page["detail"])
        url = request.url
        if request.meta.get("_splash_processed"):
            url = request.meta["splash"]["args"]["url"]
        # Headers could only say that all the same it may be used: nobody need find out.
        said = of_answer(url, {}, await self._rules(url), context.names)
        if obeys and said:
            raise OptedOut(said.detail, said.directives)

    async def process_response(self, request: Request, response: Response) -> Response:
        """Read the head of an answer about a page or an image."""
        if request.meta.get("lease") is None or response.status not in (200, 304):
            return response
        if request.meta.get("_splash_processed") and (
            not isinstance(response, SplashJsonResponse) or response.splash_response_status != 200
        ):
            return response
        # A browser follows redirects by itself, to other hosts too.
        rules = await self._rules(response.url)
        request.meta["opt_outs"] = of_answer(
            response.url, reserving_headers(response), rules, CrawlContext.of(self._crawler).names
        )
        return response

    async def _rules(self, url: str) -> tuple[Rule, ...]:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            return ()
        origin = f"{parts.scheme}://{parts.netloc}"
        task = self._files.get(origin)
        if task is None:
            task = self._files[origin] = asyncio.ensure_future(self._read(origin))
        try:
            return await asyncio.shield(task)
        except (Interrupted, HostPaused):
            self._files.pop(origin, None)
            raise

    async def _read(self, origin: str) -> tuple[Rule, ...]:
        """Return the rules of a host: as its file says, or said when it could last be had."""
        host = urlsplit(origin).hostname or ""
        assert self._stats is not None
        self._stats.inc_value("tdmrep/request_count")
        try:
            status, body = await self._fetch(f"{origin}{FILE}")
        except Interrupted:
            raise
        except HostPaused as pause:
            # Asked again after the pause; a file that is refused each time is one not to be had.
            if not pause.status or origin not in self._refused:
                self._refused.update([origin] if pause.status else [])
                raise
            problem = str(pause)
        except Exception as error:  # noqa: BLE001 - whatever it is, pages do not depend on it
            problem = f"{type(error).__name__}: {error}"
        else:
            self._stats.inc_value(f"tdmrep/response_status_count/{status}")
            if status < 500:
                return await self._learn(origin, host, body if status == 200 else None)
            problem = f"HTTP {status}"
        kept = self._kept.get(host, ())
        logger.info(
            "%s%s could not be had (%s); %s",
            origin,
            FILE,
            problem,
            "what it said last time holds" if kept else "the crawl goes on without it",
        )
        return kept

    async def _fetch(self, url: str) -> tuple[int, bytes]:
        assert self._crawler.engine is not None
        response = await self._crawler.engine.download_async(
            Request(
                url,
                priority=PRIORITY,
                meta={
                    "dont_obey_robotstxt": True,
                    "download_timeout": TIMEOUT_S,
                    "download_maxsize": MAX_FILE_BYTES,
                    "max_retry_times": 1,
                },
                callback=NO_CALLBACK,
            )
        )
        return response.status, response.body

    async def _learn(self, origin: str, host: str, body: bytes | None) -> tuple[Rule, ...]:
        """Keep what a host's file says; None: it has none."""
        rules: tuple[Rule, ...] = ()
        if body is not None:
            rules, problem = read_file(body)
            if problem is not None:
                logger.info("%s%s: %s", origin, FILE, problem)
            if rules:
                logger.info("%s%s has %d rules", origin, FILE, len(rules))
        context = CrawlContext.of(self._crawler)
        try:
            await context.writer.call(context.ledger.remember_tdm_rules, host, rules)
        except ArtworksError as error:
            context.stop(self._crawler, "database_unavailable", str(error))
        return rules


def reserving_headers(response: Response) -> dict[str, Sequence[str]]:
    """Return the headers of an answer that reserve; those of what Splash shows come in its JSON."""
    if isinstance(response, SplashJsonResponse):
        told = response.data.get("reserving")
        return {name: [str(value)] for name, value in (told or {}).items()}
    return {
        name: [value.decode("latin-1") for value in response.headers.getlist(name)]
        for name in HEADERS
    }
