"""The spider: turns answers into outcomes, by the profile of the site."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, Self
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response, TextResponse
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from crawler.context import CrawlContext, link_to
from crawler.extraction import (
    ExtractionError,
    Page,
    Run,
    challenge,
    content_hash,
    extract_artist,
    extract_artwork,
    extract_listing,
)
from crawler.extraction.artists import name_key
from crawler.image_fallbacks import Search, next_address, outcome
from crawler.items import (
    Answer,
    ArtworkItem,
    FailureItem,
    ImageItem,
    Item,
    Lease,
    ListingItem,
    PostponedItem,
    UnchangedItem,
)
from crawler.opt_outs import OptedOut, OptOuts, of_page
from crawler.pauses import HostPaused, pause_behind
from crawler.preflight import prepare
from crawler.reasons import Verdict, failure, judge, judge_status
from crawler.rendering.choice import Engine, shape_of
from crawler.rendering.plugin import SplashJsonResponse


class ArtworksSpider(Spider):
    """Crawls the site named by `-a site=`; all requests come from the frontier."""

    name = "artworks"
    context: CrawlContext

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        context = kwargs.pop("context", None) or prepare(kwargs)
        # Arguments are the context's; Scrapy would make attributes of them, over methods too.
        spider = super().from_crawler(crawler, *args)
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

    def request_for(self, lease: Lease, engines: tuple[Engine, ...] = ()) -> Request:
        """Return the request of a lease with its callbacks; `engines` as in the context's."""
        search = self.context.searches.pop(lease.id, None)
        if search is not None:
            return self._ask(lease, search)
        request = self.context.request_for(lease, engines)
        callback = {
            "listing": self.parse_listing,
            "artist": self.parse_artist,
            "artwork": self.parse_artwork,
            "image": self.parse_image,
        }[lease.kind]
        return request.replace(callback=callback, errback=self.fail)

    def parse_listing(self, response: Response) -> Iterator[Item | Request]:
        """Read a listing: links to works, artists and further listings, the next page."""
        lease: Lease = response.meta["lease"]
        if response.status == 304:
            yield UnchangedItem(lease=lease, answer=answer_of(response))
            return
        page = self._page(response)
        if page is None:
            yield _not_text(response)
            return
        profile = self.context.profile
        found = extract_listing(profile, page, discover=lease.meta.get("discover"))
        if found.is_empty:
            if profile.general and self._is_artwork(page):
                yield from self.parse_artwork(response)
                return
            detail = "no link to a work, to an artist, to a further listing or to a next page"
            if found.offsite:
                hosts = sorted({urlsplit(url).hostname or "" for url in found.offsite})[:3]
                detail += (
                    f"; {len(found.offsite)} links lead to {', '.join(hosts)}: if these are the"
                    " site's, add them to `domains` of the profile"
                )
            yield self._look_again(response, page, "empty_listing", detail)
            return
        run = Run.after(lease.meta.get("run"), found)
        if run.is_endless and found.next_pages:
            detail = f"{run.barren} pages in a row, this one the last, led to nothing new"
            yield failure(lease, answer_of(response), "endless_listing", detail)
            return
        rendering = profile.rendering
        inherited = {**self._inherited(response), "run": run.to_dict()}
        following = [link_to(url, "listing", meta=inherited) for url in found.next_pages]
        links = [
            *(
                link_to(link.url, "artwork", meta={"rendering": rendering.artwork})
                for link in found.artworks
            ),
            *(
                link_to(link.url, "artist", meta={"rendering": rendering.artist})
                for link in found.artists
            ),
            *following,
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
        self._note_rendering(response)
        yield ListingItem(
            lease=lease,
            answer=answer_of(response),
            links=tuple(links),
            meta={"profile": profile.hash},
            following=frozenset(
                link.fingerprint for link in following if profile.listing.newest_first
            ),
        )

    def parse_artist(self, response: Response) -> Iterator[Item | Request]:
        """Read the page of an artist: links to works, and what holds for all of them."""
        lease: Lease = response.meta["lease"]
        if response.status == 304:
            yield UnchangedItem(lease=lease, answer=answer_of(response))
            return
        page = self._page(response)
        if page is None:
            yield _not_text(response)
            return
        profile = self.context.profile
        try:
            found = extract_artist(profile, page)
        except ExtractionError as error:
            yield self._look_again(response, page, error.reason, str(error))
            return
        rendering = profile.rendering
        links = [
            *(
                link_to(link.url, "artwork", meta={"rendering": rendering.artwork})
                for link in found.artworks
            ),
            *(link_to(url, "artist", meta=self._inherited(response)) for url in found.next_pages),
        ]
        if not links:
            detail = "no link to a work of the artist or to a next page"
            yield self._look_again(response, page, "empty_listing", detail)
            return
        self._note_rendering(response)
        # Of a page that reserves what it says, the links are followed all the same.
        is_silent = self.context.obeys_opt_outs and self._opt_outs(response, page).is_whole
        yield ListingItem(
            lease=lease,
            answer=answer_of(response),
            links=tuple(links),
            meta={"profile": profile.hash},
            artist=None
            if is_silent
            else {
                "name": found.artist.name,
                "name_key": name_key(found.artist.name),
                "nationality": found.artist.nationality,
                "birth_year": found.artist.birth_year,
                "death_year": found.artist.death_year,
                "page_url": found.artist.page_url,
                "terms": [list(term) for term in found.terms],
            },
        )

    def parse_artwork(self, response: Response) -> Iterator[Item | Request]:
        """Read the page of a work."""
        lease: Lease = response.meta["lease"]
        answered = list(self._opt_outs(response).directives)
        if response.status == 304:
            # What is reserved beside the page may have changed though the page has not.
            if answered != lease.meta.get("answered", []):
                asking = self.request_for(replace(lease, etag=None, last_modified=None))
                yield asking.replace(meta={**asking.meta, "lease": lease})
            else:
                yield UnchangedItem(lease=lease, answer=answer_of(response))
            return
        page = self._page(response)
        if page is None:
            yield _not_text(response)
            return
        reserved = self._opt_outs(response, page)
        if reserved.is_whole and self.context.obeys_opt_outs:
            yield _opted_out(response, reserved)
            return
        try:
            extracted = extract_artwork(self.context.profile, page)
        except ExtractionError as error:
            yield self._look_again(response, page, error.reason, str(error))
            return
        self._note_rendering(response)
        record = {**extracted.to_dict(), "content_hash": content_hash(extracted)}
        sources, cut = record.pop("sources"), record.pop("cut")
        record["raw"] = {
            field: {
                "source": sources.get(field),
                "values": values,
                **({"cut": True} if field in cut else {}),
            }
            for field, values in record["raw"].items()
        }
        if reserved:
            record["opt_out"] = list(reserved.directives)
            record["raw"]["opt_out"] = {"source": None, "values": list(reserved.places)}
        for artist in record["artists"]:
            artist["name_key"] = name_key(artist["name"])
        record["terms"] = [(kind, name, "page") for kind, name in record["terms"]]
        for image in record["images"]:
            link = link_to(image["url"], "image")
            image["fingerprint"], image["host"] = link.fingerprint, link.host
            if image["iiif_service"] and (table := self.context.profile.artwork.images):
                image["max_side"] = table.max_side
        yield ArtworkItem(
            lease=lease,
            answer=answer_of(response),
            record=record,
            meta={"profile": self.context.profile.hash, **self._answered(lease, answered)},
        )

    def parse_image(self, response: Response) -> Iterator[Item]:
        """Hand the bytes of an image to the image pipeline."""
        lease: Lease = response.meta["lease"]
        reserved = self._opt_outs(response)
        if reserved and self.context.obeys_opt_outs:
            yield _opted_out(response, reserved)
            return
        opt_out = reserved.directives
        if response.status == 304:
            yield UnchangedItem(lease=lease, answer=answer_of(response), opt_out=opt_out)
            return
        search = _search_of(response)
        url = search.current.url
        yield ImageItem(
            lease=lease,
            answer=answer_of(response),
            body=bytes(response.body),
            fetched_url=None if url == lease.url else url,
            search=search,
            opt_out=opt_out,
        )

    def parse_image_info(self, response: Response) -> Iterator[Item | Request]:
        """Read what a IIIF image service says that it gives, and ask for the best of it."""
        search = _search_of(response)
        try:
            data = json.loads(response.body)
        except (ValueError, RecursionError) as error:
            found = search.failed(Verdict("not_text", f"no JSON: {error}", response.status))
        else:
            found = search.informed(data, self.context.settings.max_image_pixels)
        yield self.look_further(response.meta["lease"], found)

    def look_further(self, lease: Lease, search: Search) -> Request | FailureItem:
        """Return the request for an image's next address, or why no address gave it."""
        address = next_address(search)
        if address is None:
            told = outcome(search)
            answer = Answer(status=told.status)
            return failure(lease, answer, told.reason, told.detail, retryable=told.retryable)
        self._count("artworks/images/asked_elsewhere")
        return self._ask(lease, search.towards(address))

    def _ask(self, lease: Lease, search: Search) -> Request:
        """Return the request for the address that a search for an image has come to."""
        address = search.current
        # What the server said of the row's address when it last gave the image is not about this.
        request = self.request_for(replace(lease, etag=None, last_modified=None))
        meta = {**request.meta, "lease": lease, "search": search}
        if not address.is_info:
            return request.replace(url=address.url, meta=meta)
        meta["download_maxsize"] = self.context.settings.max_page_bytes
        return request.replace(url=address.url, meta=meta, callback=self.parse_image_info)

    def fail(self, failed: Failure) -> Iterator[Item | Request]:
        """Say why a row could not be fetched; where a browser was to blame, ask the next one."""
        request: Request = failed.request  # type: ignore[attr-defined]
        error = failed.value
        assert error is not None
        if self.context.interrupted:
            return  # its lease is given back: what ends in the middle says nothing about the page
        lease: Lease = request.meta["lease"]
        if isinstance(error, OptedOut):
            yield failure(
                lease, Answer(status=0), "opted_out", str(error), opt_out=error.directives
            )
            return
        engine: Engine = request.meta["engines"][-1]
        paused = pause_behind(error)
        if paused is not None and not self._is_out_of_patience(request, paused):
            yield self._postpone(request, paused, judge(error))
            return
        # What fails before Splash is asked is robots.txt, which no browser fetches; what comes from
        # Chromium is about the page, or says that it is about the browser.
        verdict = judge(error, rendering=bool(request.meta.get("_splash_processed")))
        if isinstance(error, HttpError) and isinstance(error.response, SplashJsonResponse):
            verdict = _judge_rendered(error.response)
        if verdict.stage == "fetch" and engine != "never":
            refusal = self.context.proxy.refusal(lease.url)
            if refusal is not None:
                verdict = Verdict(refusal.reason, refusal.detail, verdict.status)
        if lease.kind == "image":
            yield self.look_further(lease, _search_of(request).failed(verdict))
            return
        if verdict.stage == "render" and lease.meta.get("rendering") == "auto":
            following = self.context.rendering.after_failure(engine)
            if following is not None:
                yield self._escalate(request, following)
                return
        yield failure(lease, Answer(status=verdict.status), verdict.reason, verdict.detail)

    def _is_out_of_patience(self, request: Request, paused: HostPaused) -> bool:
        """Whether an address was refused so often in this run that it counts as failed."""
        if not paused.status:
            return False
        refusals, key = self.context.refusals, (request.meta["lease"].id, request.url)
        refusals[key] += 1
        if refusals[key] <= self.context.profile.politeness.retries:
            return False
        del refusals[key]
        return True

    def _postpone(self, request: Request, paused: HostPaused, verdict: Verdict) -> PostponedItem:
        """Give a row back until its host may be asked again, and remember how far it came."""
        lease: Lease = request.meta["lease"]
        if lease.kind == "image" and (search := _search_of(request)).tried:
            self.context.searches[lease.id] = search
        self._count("artworks/pauses/postponed")
        return PostponedItem(
            lease=lease,
            answer=Answer(status=paused.status),
            until=paused.pause.until,
            reason=verdict.reason,
            detail=verdict.detail,
            counts=paused.status > 0,
        )

    def _look_again(
        self, response: Response, page: Page, reason: str, detail: str
    ) -> FailureItem | Request:
        """A page shows too little: fetch it with the next engine, or say why it failed."""
        lease: Lease = response.meta["lease"]
        if lease.meta.get("rendering") == "auto":
            choice, tried = self.context.rendering, response.meta["engines"][-1]
            try:
                engine = choice.further(lease.kind, lease.url, tried, has_scripts=page.has_scripts)
            except LookupError as missing:
                detail = f"{detail}; whether a browser would show more cannot be told without one"
                detail += f" ({missing})"
                reason, engine = "renderer_unavailable", None
            if engine is not None:
                return self._escalate(response, engine)
        if (whose := challenge(page)) is not None:
            reason, detail = "blocked", f"{whose} checks for robots here; {detail}"
        return failure(lease, answer_of(response), reason, detail)

    def _escalate(self, attempt: Request | Response, engine: Engine) -> Request:
        """Return the request that tries the next engine, within the same lease."""
        self._count(f"artworks/rendering/escalated/{engine}")
        return self.request_for(attempt.meta["lease"], (*attempt.meta["engines"], engine))

    def _note_rendering(self, response: Response) -> None:
        """Remember which engine gave what was needed, and count what was saved by not asking."""
        lease: Lease = response.meta["lease"]
        engines: tuple[Engine, ...] = response.meta["engines"]
        if engines[-1] != "never":
            shape = shape_of(lease.kind, lease.url)
            self._count(f"artworks/rendering/{engines[-1]}/{lease.kind}{shape}")
        if lease.meta.get("rendering") != "auto":
            return
        self.context.note_rendering(lease, engines)
        if engines == ("never",):
            self._count("artworks/rendering/plain")
        elif len(engines) == 1:
            self._count("artworks/rendering/remembered")

    def _count(self, name: str) -> None:
        assert self.crawler.stats is not None
        self.crawler.stats.inc_value(name)

    def _inherited(self, response: Response) -> dict[str, Any]:
        """Return what the pages that continue a listing take over from it."""
        lease: Lease = response.meta["lease"]
        return {
            "rendering": lease.meta.get("rendering", "never"),
            "engine": response.meta["engines"][-1],
        }

    def _opt_outs(self, response: Response, page: Page | None = None) -> OptOuts:
        """Return what an answer reserves; with its page, what that says too."""
        answered: OptOuts = response.meta.get("opt_outs") or OptOuts()
        return answered if page is None else of_page(answered, page, self.context.names)

    @staticmethod
    def _answered(lease: Lease, directives: list[str]) -> dict[str, Any]:
        """Return what a row keeps of what its answer reserves, to see when that changes."""
        is_news = directives != lease.meta.get("answered", [])
        return {"answered": directives} if is_news else {}

    def _is_artwork(self, page: Page) -> bool:
        try:
            extract_artwork(self.context.profile, page)
        except ExtractionError:
            return False
        return True

    @staticmethod
    def _page(response: Response) -> Page | None:
        if isinstance(response, SplashJsonResponse):
            return Page(response.url, response.text, "text/html")
        if not isinstance(response, TextResponse):
            return None
        kind = (response.headers.get("Content-Type") or b"").decode("latin-1")
        return Page(response.url, response.text, kind or "text/html")


def answer_of(response: Response) -> Answer:
    """Return what is worth keeping of an answer's head."""

    def header(name: str) -> str | None:
        value = response.headers.get(name)
        return value.decode("latin-1")[:1000] if value else None

    engine = response.meta["engines"][-1]
    rendered = engine != "never"
    return Answer(
        status=response.status,
        etag=None if rendered else header("ETag"),
        last_modified=None if rendered else header("Last-Modified"),
        content_type=header("Content-Type"),
        rendered_by=engine if rendered else None,
    )


def _search_of(attempt: Request | Response) -> Search:
    lease: Lease = attempt.meta["lease"]
    search: Search | None = attempt.meta.get("search")
    return search or Search.begin(lease.url, lease.meta)


def _judge_rendered(response: SplashJsonResponse) -> Verdict:
    """Judge an answer of the renderer: about itself, or about the page."""
    if response.splash_response_status != 200:
        return judge_status(response.splash_response_status, rendering=True)
    if response.status:
        return judge_status(response.status)
    reason = response.data.get("failure", "connection_failed")
    return Verdict(reason, f"Splash could not load the page: {response.data.get('error')}")


def _not_text(response: Response) -> FailureItem:
    kind = (response.headers.get("Content-Type") or b"none").decode("latin-1")
    answer = answer_of(response)
    return failure(response.meta["lease"], answer, "not_text", f"Content-Type: {kind}")


def _opted_out(response: Response, reserved: OptOuts) -> FailureItem:
    return failure(
        response.meta["lease"],
        answer_of(response),
        "opted_out",
        reserved.detail,
        opt_out=reserved.directives,
    )


def _revealed(secret: Any) -> str:
    return "" if secret is None else str(secret.get_secret_value())
