"""scrapy-splash on the Scrapy in use, and the renderer kept out of the pages' reach."""

from __future__ import annotations

from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler.addresses import AddressRefused
from crawler.rendering import RendererMissing, plugin


class SplashMiddleware(plugin.SplashMiddleware):  # type: ignore[misc]
    """The plugin's middleware with the signatures and the slot lookup of today's Scrapy.

    It also refuses pages that lead to the renderer itself: its address may be fetched only by us.
    """

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> SplashMiddleware:
        middleware: SplashMiddleware = super().from_crawler(crawler)
        middleware._own = urlsplit(crawler.settings["SPLASH_URL"]).netloc
        return middleware

    def process_request(self, request: Request) -> Request | None:
        if "splash" in request.meta and not self._own:
            raise RendererMissing("the page needs Splash, and ARTWORKS_SPLASH_URL is not set")
        if "splash" not in request.meta and self._own and urlsplit(request.url).netloc == self._own:
            raise AddressRefused(f"{request.url} is the renderer's own address")
        result: Request | None = super().process_request(request, self.crawler.spider)
        return result

    def process_response(self, request: Request, response: Response) -> Response | Request:
        result: Response | Request = super().process_response(
            request, response, self.crawler.spider
        )
        return result

    def _get_slot_key(self, request: Request) -> str:
        key: str = self.crawler.engine.downloader.get_slot_key(request)
        return key
