"""Redirects within a lease."""

from __future__ import annotations

from scrapy import Request
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware as ScrapyRedirect
from scrapy.http import Response


class RedirectMiddleware(ScrapyRedirect):
    """Scrapy's, told that no request of ours carries a Referer that would need care."""

    def handle_referer(self, request: Request, response: Response) -> None:
        request.headers.pop("Referer", None)

    def _engine_started(self) -> None:
        """Skip the warning about the missing RefererMiddleware."""
