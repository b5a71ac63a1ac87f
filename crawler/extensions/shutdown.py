"""The end of a crawl on SIGINT and SIGTERM: in good order within a bound, at once on a second."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from typing import Any, Self, cast

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.utils.ossignal import install_shutdown_handlers

from crawler.context import CrawlContext, Interrupted
from crawler.extensions.chromium import Chromium
from crawler.extensions.progress import Progress
from crawler.pipelines.images import ImagePipeline
from storage.errors import ExitCode

logger = logging.getLogger(__name__)

LOOK_AGAIN_S = 0.1
# How long the database may take to hear what is given back.
GIVE_BACK_S = 5.0
# How long ending at once may take before the process ends itself without further ado.
AT_ONCE_S = 3.0


class Shutdown:
    """Finishes what is under way, for at most `ARTWORKS_SHUTDOWN_SECONDS`.

    What waits for its turn is given back at once, and what is not finished within the bound after
    it. A second signal drops everything: leases become free with the connection to the database,
    as they do when the process is killed. Scrapy's own handlers would wait as long as the slowest
    server likes, and end without telling anybody on the second signal.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._context = CrawlContext.of(crawler)
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._received = 0
        self._tasks: list[asyncio.Future[Any]] = []
        crawler.signals.connect(self._engine_stopped, signal=signals.engine_stopped)
        install_shutdown_handlers(self._receive)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def _receive(self, number: int, _: object) -> None:
        """Note a signal. Nothing is logged here: it may interrupt the logging."""
        self._received += 1
        if self._received == 1:
            name = signal.Signals(number).name
            self._loop.call_soon_threadsafe(self._begin, name)
            self._end_after(self._context.settings.shutdown_seconds + GIVE_BACK_S + AT_ONCE_S)
        else:
            self._loop.call_soon_threadsafe(self._drop)
            self._end_after(AT_ONCE_S)

    def _engine_stopped(self) -> None:
        self._ended.set()

    def _begin(self, name: str) -> None:
        """Start nothing more; end when what is under way is done."""
        engine = self._crawler.engine
        if engine is None or not engine.running:
            if not self._ended.is_set():
                self._drop()  # nothing has begun
            return
        seconds = self._context.settings.shutdown_seconds
        logger.warning(
            "%s: finishing what is under way, for at most %g s (ARTWORKS_SHUTDOWN_SECONDS); "
            "a second one stops at once",
            name,
            seconds,
        )
        self._context.interrupted = True
        self._tasks.append(asyncio.ensure_future(self._finish(seconds)))
        # A crawl that is ending by itself goes on doing so.
        if engine._slot is not None and engine._slot.closing is None:
            self._tasks.append(asyncio.ensure_future(self._crawler.stop_async()))
            self._tasks.append(asyncio.ensure_future(self._give_up_waiting()))

    async def _give_up_waiting(self) -> None:
        """Take requests back that wait for their host's turn: they have not begun."""
        assert self._crawler.engine is not None
        slots = self._crawler.engine.downloader.slots
        while not self._ended.is_set():
            for slot in slots.values():
                while slot.queue:
                    _, answer = slot.queue.popleft()
                    answer.errback(Interrupted("the crawl ends"))
            # What waited for robots.txt, say, joins the queue only now.
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _finish(self, seconds: float) -> None:
        """Wait until the crawl has ended, or give back what is left of it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()
                return
        logger.warning(
            "not everything ended within %g s: what is left is given back, for the next run",
            seconds,
        )
        assert self._crawler.stats is not None
        closing = asyncio.ensure_future(
            self._context.end("shutdown", self._crawler.stats.get_stats())
        )
        # Not cancelled: it would wait for the same database again.
        done, _ = await asyncio.wait([closing], timeout=GIVE_BACK_S)
        if not done:
            logger.warning(
                "the database does not answer: leases become free when our connection ends"
            )
        self._drop()

    def _drop(self) -> None:
        """End everything that this process started, and the event loop."""
        from twisted.internet import reactor

        if self._context.dropped:
            return
        self._context.dropped = True
        self._kill()
        with contextlib.suppress(RuntimeError):  # it is stopping already
            cast(Any, reactor).stop()
        self._end_after(AT_ONCE_S)

    def _kill(self) -> None:
        """End the processes that work for this one, and give the terminal back."""
        for kind in (ImagePipeline, Chromium, Progress):
            part: Any = None
            # Before the engine is there, they are not either.
            with contextlib.suppress(RuntimeError):
                part = self._crawler.get_item_pipeline(kind) or self._crawler.get_extension(kind)
            if part is not None:
                part.drop()

    def _end_after(self, seconds: float) -> None:
        """End this process then, should the event loop or a thread not let it go."""

        def end() -> None:
            sys.stderr.write("interrupted: the next run takes up what was under way\n")
            try:
                self._kill()
            finally:
                os._exit(ExitCode.INTERRUPTED)

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
