"""Every lease ends in exactly one item: what goes wrong in a callback becomes a failure."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError

from crawler.extraction import ExtractionError
from crawler.items import Answer
from crawler.reasons import failure

logger = logging.getLogger(__name__)


class OutcomeMiddleware:
    """Turns exceptions of callbacks into `FailureItem`s with a reason."""

    def __init__(self, crawler: Crawler) -> None:
        self._stats = crawler.stats

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> OutcomeMiddleware:
        return cls(crawler)

    def process_spider_exception(
        self, response: Response, exception: Exception
    ) -> Iterable[Any] | None:
        if isinstance(exception, HttpError):
            return None  # goes to the errback, which knows what each status means
        lease = response.meta["lease"]
        if isinstance(exception, ExtractionError):
            reason, detail = exception.reason, str(exception)
        else:
            reason, detail = "extract_error", f"{type(exception).__name__}: {exception}"
            logger.error("extraction of %s failed", response.url, exc_info=exception)
        return [failure(lease, Answer(status=response.status), reason, detail)]
