"""What Scrapy logs: outcomes are rows, so items and responses are not repeated line by line."""

from __future__ import annotations

import logging
from typing import Any

from scrapy.logformatter import LogFormatter, LogFormatterResult

from storage.errors import ArtworksError


class QuietLogFormatter(LogFormatter):
    """Logs no item bodies, and expected download errors without a traceback."""

    def scraped(self, item: Any, response: Any, spider: Any) -> LogFormatterResult:
        return {
            "level": logging.DEBUG,
            "msg": "recorded %(outcome)s of %(url)s",
            "args": {"outcome": type(item).__name__, "url": item.lease.url},
        }

    def dropped(
        self, item: Any, exception: BaseException, response: Any, spider: Any
    ) -> LogFormatterResult:
        return {
            "level": logging.DEBUG,
            "msg": "%(url)s: %(reason)s",
            "args": {"url": item.lease.url, "reason": exception},
        }

    def item_error(
        self, item: Any, exception: BaseException, response: Any, spider: Any
    ) -> LogFormatterResult:
        # The crawl stops over a service that is gone, and says so once, not once for each item.
        expected = isinstance(exception, ArtworksError)
        return {
            "level": logging.DEBUG if expected else logging.ERROR,
            "msg": "could not record what %(url)s gave: %(error)s",
            "args": {"url": item.lease.url, "error": exception},
        }
