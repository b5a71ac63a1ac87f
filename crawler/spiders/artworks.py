"""The spider: turns answers into outcomes, by the profile of the site."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response, TextResponse
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from crawler.context import CrawlContext, link_to
from crawler.extraction import Page, content_hash, extract_artwork, extract_listing
from crawler.extraction.artists import name_key
from crawler.items import (
    Answer,
    ArtworkItem,
    FailureItem,
    ImageItem,
    Item,
    Lease,
    ListingItem,
    UnchangedItem,
)
from crawler.preflight import prepare
from crawler.reasons import REASONS, Verdict, judge, judge_status
from crawler.rendering.plugin import SplashJsonResponse


class ArtworksSpider(Spider):
    """Crawls the site named by `-a site=`; all requests come from the frontier."""

    name = "artworks"
    context: CrawlContext

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        context = kwargs.pop("context", None) or prepare(kwargs)
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.context = context
        politeness = context.profile.politeness
        for name, value in {
            "USER_AGENT": context.settings.user_agent,
            "SPLASH_URL": _revealed(context.settings.splash_url),
            "ROBOTSTXT_OBEY": politeness.obey_robots,
            "CONCURRENT_REQUESTS": context.settings.concurrency,
            "CONCURRENT_REQUESTS_PER_DOMAIN": politeness.concurrency,
            "DOWNLOAD_DELAY": politeness.delay,
            "DOWNLOAD_DELAY_JITTER": 0.0,
            "DOWNLOAD_TIMEOUT": politeness.timeout,
            "RETRY_TIMES": politeness.retries,
            "AUTOTHROTTLE_ENABLED": politeness.autothrottle,
            "AUTOTHROTTLE_TARGET_CONCURRENCY": float(politeness.concurrency),
            "DOWNLOAD_MAXSIZE": context.settings.max_image_bytes,
        }.items():
            crawler.settings.set(name, value, priority="spider")
        return spider

    async def start(self) -> AsyncIterator[Any]:
        """Yield nothing: the scheduler hands out what the frontier holds."""
        return
        yield

    def request_for(self, lease: Lease) -> Request:
        """Return the request of a lease with its callbacks."""
        request = self.context.request_for(lease)
        callback = {
            "listing": self.parse_listing,
            "artist": self.parse_listing,
            "artwork": self.parse_artwork,
            "image": self.parse_image,
        }[lease.kind]
        return request.replace(callback=callback, errback=self.fail)

    def parse_listing(self, response: Response) -> Iterator[Item]:
        """Read a listing: links to works, further listings, the next page."""
        lease: Lease = response.meta["lease"]
        if response.status == 304:
            yield UnchangedItem(lease=lease, answer=_answer(response))
            return
        page = self._page(response)
        if page is None:
            yield _not_text(response)
            return
        profile = self.context.profile
        rendering = profile.rendering
        found = extract_listing(profile, page, discover=lease.meta.get("discover"))
        inherited = {"rendering": lease.meta.get("rendering", "never")}
        links = [
            *(
                link_to(link.url, "artwork", meta={"rendering": rendering.artwork})
                for link in found.artworks
            ),
            *(link_to(url, "listing", meta=inherited) for url in found.next_pages),
            *(
                link_to(
                    link.url,
                    "listing",
                    categories=(link.category,) if link.category else (),
                    meta={"rendering": link.rendering or rendering.listing},
                )
                for link in found.listings
            ),
        ]
        if not links:
            yield FailureItem(
                lease=lease,
                answer=_answer(response),
                stage="extract",
                reason="empty_listing",
                detail="no link to a work, to a further listing or to a next page",
                retryable=REASONS["empty_listing"].retryable,
            )
            return
        yield ListingItem(
            lease=lease,
            answer=_answer(response),
            links=tuple(links),
            meta={"profile": self.context.profile.hash},
        )

    def parse_artwork(self, response: Response) -> Iterator[Item]:
        """Read the page of a work."""
        lease: Lease = response.meta["lease"]
        page = self._page(response)
        if page is None:
            yield _not_text(response)
            return
        extracted = extract_artwork(self.context.profile, page)
        record = {**extracted.to_dict(), "content_hash": content_hash(extracted)}
        sources = record.pop("sources")
        record["raw"] = {
            field: {"source": sources.get(field), "values": values}
            for field, values in record["raw"].items()
        }
        for artist in record["artists"]:
            artist["name_key"] = name_key(artist["name"])
        record["terms"] = [(kind, name, "page") for kind, name in record["terms"]]
        for image in record["images"]:
            link = link_to(image["url"], "image")
            image["fingerprint"], image["host"] = link.fingerprint, link.host
        yield ArtworkItem(lease=lease, answer=_answer(response), record=record)

    def parse_image(self, response: Response) -> Iterator[Item]:
        """Hand the bytes of an image to the image pipeline."""
        yield ImageItem(
            lease=response.meta["lease"], answer=_answer(response), body=bytes(response.body)
        )

    def fail(self, failure: Failure) -> Iterator[Item]:
        """Say why a row could not be fetched."""
        request: Request = failure.request  # type: ignore[attr-defined]
        error = failure.value
        assert error is not None
        verdict = judge(error, rendering="splash" in request.meta)
        if isinstance(error, HttpError) and isinstance(error.response, SplashJsonResponse):
            verdict = _judge_rendered(error.response)
        yield FailureItem(
            lease=request.meta["lease"],
            answer=Answer(status=verdict.status),
            stage=verdict.stage,
            reason=verdict.reason,
            detail=verdict.detail,
            retryable=verdict.retryable,
            skipped=verdict.reason == "robots_disallowed",
        )

    @staticmethod
    def _page(response: Response) -> Page | None:
        if isinstance(response, SplashJsonResponse):
            return Page(response.url, response.text, "text/html")
        if not isinstance(response, TextResponse):
            return None
        kind = (response.headers.get("Content-Type") or b"").decode("latin-1")
        return Page(response.url, response.text, kind or "text/html")


def _answer(response: Response) -> Answer:
    def header(name: str) -> str | None:
        value = response.headers.get(name)
        return value.decode("latin-1")[:1000] if value else None

    rendered = isinstance(response, SplashJsonResponse)
    return Answer(
        status=response.status,
        etag=None if rendered else header("ETag"),
        last_modified=None if rendered else header("Last-Modified"),
        content_type=header("Content-Type"),
        rendered_by="splash" if rendered else None,
    )


def _judge_rendered(response: SplashJsonResponse) -> Verdict:
    """Judge an answer of the renderer: about itself, or about the page."""
    if response.splash_response_status != 200:
        return judge_status(response.splash_response_status, rendering=True)
    if response.status:
        return judge_status(response.status)
    return Verdict("connection_failed", f"the renderer could not load the page: {response.data}")


def _not_text(response: Response) -> FailureItem:
    kind = (response.headers.get("Content-Type") or b"none").decode("latin-1")
    return FailureItem(
        lease=response.meta["lease"],
        answer=_answer(response),
        stage="extract",
        reason="not_text",
        detail=f"Content-Type: {kind}",
        retryable=REASONS["not_text"].retryable,
    )


def _revealed(secret: Any) -> str:
    return "" if secret is None else str(secret.get_secret_value())
