"""How the crawl's own process fares: the event loop's lag, as a stat of the run."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import deque
from typing import Self

from scrapy import Spider, signals
from scrapy.crawler import Crawler

INTERVAL_S = 0.05
SAMPLES = 20_000


class LoopLag:
    """Measures how late timers fire: what blocks the loop delays every request in flight.

    Stats: `artworks/loop_lag_p99_ms`, `artworks/loop_lag_max_ms`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._task: asyncio.Task[None] | None = None
        self._lags: deque[float] = deque(maxlen=SAMPLES)
        crawler.signals.connect(self._opened, signal=signals.spider_opened)
        crawler.signals.connect(self._closed, signal=signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def _opened(self, spider: Spider) -> None:
        self._task = asyncio.ensure_future(self._measure())

    def _closed(self, spider: Spider) -> None:
        if self._task is not None:
            self._task.cancel()
        stats = self._crawler.stats
        if stats is not None and len(self._lags) > 1:
            p99 = statistics.quantiles(self._lags, n=100)[98]
            stats.set_value("artworks/loop_lag_p99_ms", round(1000 * p99, 1))
            stats.set_value("artworks/loop_lag_max_ms", round(1000 * max(self._lags), 1))

    async def _measure(self) -> None:
        while True:
            due = time.monotonic() + INTERVAL_S
            await asyncio.sleep(INTERVAL_S)
            self._lags.append(max(0.0, time.monotonic() - due))
