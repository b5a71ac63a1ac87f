"""Scrapy's downloader, keeping to the number of requests that a host may have at a time."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from scrapy import Request
from scrapy.core.downloader import Downloader as ScrapyDownloader
from scrapy.core.downloader import Slot
from twisted.internet.defer import Deferred


class Downloader(ScrapyDownloader):
    """Counts a transfer from the moment that it is decided on.

    Scrapy 2.19 counts it when its task begins to run, which is in the next turn of the event loop.
    Without a delay between requests, all that waits for a host has been begun by then, whatever
    CONCURRENT_REQUESTS_PER_DOMAIN says.
    """

    def _wait_for_download(
        self, slot: Slot, request: Request, queue_dfd: Deferred[Any]
    ) -> Coroutine[Any, Any, None]:
        slot.transferring.add(request)
        return super()._wait_for_download(slot, request, queue_dfd)
