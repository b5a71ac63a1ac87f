"""scrapy-splash on the Scrapy in use, and the renderer kept out of the pages' reach."""

from __future__ import annotations

from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import get_retry_request
from scrapy.http import Response

from crawler.addresses import AddressRefused
from crawler.context import CrawlContext
from crawler.reasons import REASONS
from crawler.rendering import RendererBroken, RendererMissing, plugin


class SplashMiddleware(plugin.SplashMiddleware):  # type: ignore[misc]
    """The plugin's middleware with the signatures and the slot lookup of today's Scrapy.

    It also refuses pages that lead to the renderer itself: its address may be fetched only by us.
    Statuses of a renderer in trouble are left to Scrapy's RetryMiddleware. What is no answer of a
    Splash at all, and pages that it could not load, are tried again here.
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
        if not request.meta.get("_splash_processed"):
            return response
        try:
            answer: Response = super().process_response(request, response, self.crawler.spider)
            problem = _problem(response.status, answer)
        except (ValueError, TypeError, AttributeError) as error:
            problem = f"HTTP {response.status}, and no JSON as Splash gives: {error}"
        if problem is not None:
            again = self._again(request, "splash/broken")
            if again is None:
                raise RendererBroken(f"{problem}; does ARTWORKS_SPLASH_URL lead to a Splash?")
            return again
        if not answer.status and self._may_pass(request, answer):
            return self._again(request, "splash/not_loaded") or answer
        return answer

    def _again(self, request: Request, reason: str) -> Request | None:
        spider = self.crawler.spider
        assert spider is not None
        return get_retry_request(request, spider=spider, reason=reason)

    def _may_pass(self, request: Request, answer: plugin.SplashJsonResponse) -> bool:
        """Whether a page that could not be loaded might be, the next time."""
        if "failure" in answer.data:
            return REASONS[answer.data["failure"]].retryable
        lease = request.meta["lease"]
        refusal = CrawlContext.of(self.crawler).proxy.refusal(lease.url)
        return refusal is None or REASONS[refusal.reason].retryable

    def _get_slot_key(self, request: Request) -> str:
        key: str = self.crawler.engine.downloader.get_slot_key(request)
        return key


def _problem(status: int, answer: Response) -> str | None:
    """Return why an answer is none that our script gives; None: it is one."""
    if 300 <= status < 400:
        return f"HTTP {status}, which Splash never answers"
    if status != 200:
        return None
    if not isinstance(answer, plugin.SplashJsonResponse) or "http_status" not in answer.data:
        return "HTTP 200 without a page"
    if answer.status and "html" not in answer.data:
        return f"HTTP 200 without the page's HTML (the page's status is {answer.status})"
    return None
