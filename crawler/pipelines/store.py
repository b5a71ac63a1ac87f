"""Records every outcome; an item leaves this pipeline when it is committed."""

from __future__ import annotations

from typing import Self

from scrapy.crawler import Crawler

from crawler.context import CrawlContext
from crawler.frontier.scheduler import FrontierScheduler
from crawler.items import FailureItem, ImageItem, Item, ListingItem, PostponedItem, UnchangedItem


class StorePipeline:
    """The last pipeline: waits for the transaction that holds the item's outcome."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._stats = crawler.stats
        self._context = CrawlContext.of(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_item(self, item: Item) -> Item:
        await self._context.writer.record(item)
        assert self._crawler.engine is not None
        scheduler = self._crawler.engine.scheduler
        if isinstance(scheduler, FrontierScheduler):
            scheduler.settled(item)
        stats = self._stats
        assert stats is not None
        if isinstance(item, FailureItem):
            stats.inc_value(f"artworks/failures/{item.reason}")
        elif isinstance(item, PostponedItem):
            return item
        elif isinstance(item, UnchangedItem):
            stats.inc_value("artworks/unchanged")
            stats.inc_value(f"artworks/unchanged/{item.lease.kind}s")
        else:
            stats.inc_value(f"artworks/{item.lease.kind}s")
            if isinstance(item, ImageItem) and item.stored is not None:
                stats.inc_value("artworks/image_bytes", item.stored["bytes"])
        if isinstance(item, ListingItem | UnchangedItem) and item.stopped_early:
            stats.inc_value("artworks/listings/stopped_early")
        if item.answer.rendered_by:
            stats.inc_value(f"artworks/rendered/{item.answer.rendered_by}")
        return item
