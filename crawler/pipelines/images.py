"""Makes image bytes durable: checked, previewed, hashed and stored by the image workers."""

from __future__ import annotations

from typing import Self

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from crawler.context import CrawlContext
from crawler.image_fallbacks import Search
from crawler.imaging.pool import DRY_WORKER, WORKER, ImageWorkers
from crawler.items import FailureItem, ImageItem, Item
from crawler.reasons import Verdict, failure
from crawler.spiders.artworks import ArtworksSpider
from storage.errors import ImageRejected, ObjectStoreUnavailable


class ImagePipeline:
    """Stores the original bytes and a preview under keys that follow from the content.

    Objects come before rows: a crash between the two leaves an object that the next run finds in
    place, never a row without its object.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._context = CrawlContext.of(crawler)
        settings = self._context.settings
        self._workers = ImageWorkers(
            settings.image_processes,
            settings.max_image_pixels,
            settings.max_image_memory,
            command=DRY_WORKER if self._context.is_dry_run else WORKER,
        )

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def close_spider(self) -> None:
        await self._workers.close()

    def drop(self) -> None:
        """End the image workers at once."""
        self._workers.kill()

    async def process_item(self, item: Item) -> Item:
        if not isinstance(item, ImageItem):
            return item
        try:
            item.stored = await self._workers.store(item.body)
        except ImageRejected as error:
            return self._look_further(item, Verdict(error.reason, error.detail, item.answer.status))
        except ObjectStoreUnavailable as error:
            self._context.stop(self._crawler, "object_store_unavailable", str(error))
            return failure(item.lease, item.answer, "object_store_unavailable", str(error))
        item.body = b""  # the commit may take a moment, and bodies are what memory is spent on
        return item

    def _look_further(self, item: ImageItem, verdict: Verdict) -> FailureItem:
        """Have the image's next address fetched within the same lease, or say that there is none.

        Raises DropItem: the outcome of the lease is that of the next address.
        """
        spider, engine = self._crawler.spider, self._crawler.engine
        assert isinstance(spider, ArtworksSpider)
        assert engine is not None
        search = item.search or Search.begin(item.lease.url, item.lease.meta)
        further = spider.look_further(item.lease, search.failed(verdict))
        if isinstance(further, FailureItem):
            return further
        engine.crawl(further)
        raise DropItem(f"{verdict.reason}; asking {further.url}")
