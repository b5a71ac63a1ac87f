"""Progress: bars on a terminal, a line in the log every few seconds elsewhere."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from datetime import UTC, datetime
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings

from crawler.context import CrawlContext
from crawler.pauses import moment
from storage.errors import ArtworksError

logger = logging.getLogger(__name__)

DISPLAY_INTERVAL_S = 0.5
LOG_INTERVAL_S = 10.0
SHOWN = {"listing": "listings", "artwork": "artworks", "image": "images"}


def wants_display(settings: BaseSettings) -> bool:
    """Whether the terminal is ours: nobody asked for the log there."""
    return (
        sys.stderr.isatty()
        and settings.getbool("LOG_ENABLED")
        and (settings.get("LOG_FILE") is None)
    )


class Progress:
    """Shows how much of what is known is done."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._display = sys.stderr.isatty() and bool(crawler.settings.get("LOG_FILE"))
        self._task: asyncio.Task[None] | None = None
        self._bars: Bars | None = None
        self._began = time.monotonic()
        crawler.signals.connect(self._opened, signal=signals.spider_opened)
        crawler.signals.connect(self._closed, signal=signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def _opened(self, spider: Spider) -> None:
        self._began = time.monotonic()
        self._task = asyncio.ensure_future(self._show() if self._display else self._log())

    async def _closed(self, spider: Spider) -> None:
        self.drop()
        logger.info(self._line())

    def drop(self) -> None:
        """Take the bars away, and give the cursor back."""
        if self._task is not None:
            self._task.cancel()
        if self._bars is not None:
            self._bars.stop()

    async def _log(self) -> None:
        while True:
            await asyncio.sleep(LOG_INTERVAL_S)
            logger.info(self._line())

    async def _show(self) -> None:
        self._bars = Bars(
            TextColumn("{task.description:>9}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
            console=Console(stderr=True),
            transient=True,
        )
        tasks = {
            kind: self._bars.add_task(label, total=None, note="") for kind, label in SHOWN.items()
        }
        self._bars.start()
        pause = DISPLAY_INTERVAL_S
        while True:
            began = time.monotonic()
            try:
                await self._update(self._bars, tasks)
            except ArtworksError as error:
                logger.warning("no progress to show: %s", error)
            # Counting a large frontier takes a moment: never more than a twentieth of the time.
            pause = max(DISPLAY_INTERVAL_S, 20 * (time.monotonic() - began))
            await asyncio.sleep(pause)

    async def _update(self, bars: Bars, tasks: dict[str, TaskID]) -> None:
        context = CrawlContext.of(self._crawler)
        known = await context.writer.call(context.ledger.counts)
        for kind, task in tasks.items():
            settled, total = known.get(kind, (0, 0))
            bars.update(task, completed=settled, total=total or None, note=self._note(kind))

    def _note(self, kind: str) -> str:
        stats = self._crawler.stats
        assert stats is not None
        if kind == "image":
            return f"{stats.get_value('artworks/image_bytes', 0) / 1e6:,.0f} MB"
        if kind == "artwork":
            rate = stats.get_value("artworks/artworks", 0) / max(
                time.monotonic() - self._began, 0.1
            )
            return f"{rate:.1f}/s"
        failures = self._failures()
        notes = [f"{failures} failed"] if failures else []
        pauses = CrawlContext.of(self._crawler).pauses.in_effect(datetime.now(UTC))
        notes += [f"{host} paused until {moment(pause.until)}" for host, pause in pauses][:1]
        return ", ".join(notes)

    def _failures(self) -> int:
        stats = self._crawler.stats
        assert stats is not None
        found = stats.get_stats().items()
        return sum(value for name, value in found if name.startswith("artworks/failures/"))

    def _line(self) -> str:
        stats = self._crawler.stats
        assert stats is not None
        counts = {name: stats.get_value(f"artworks/{name}s", 0) for name in SHOWN}
        return (
            f"{counts['artwork']} artworks, {counts['image']} images "
            f"({stats.get_value('artworks/image_bytes', 0) / 1e6:.1f} MB), "
            f"{counts['listing']} listings, {self._failures()} failures "
            f"in {time.monotonic() - self._began:.0f} s"
        )
