"""What a profile makes of one page: `python -m crawler.trial SITE URL [RENDERING]`.

The page is fetched as a crawl would fetch it (robots.txt, address guards, limits, browsers) and
read in every way that the profile knows; nothing is stored. A process of its own, because Scrapy
can run once in a process. Prints one JSON object: a trial, or an error with its exit code.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any, get_args
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response
from scrapy.settings import Settings
from twisted.python.failure import Failure

from crawler.config import load_crawler_settings
from crawler.context import CrawlArguments, CrawlContext, link_to
from crawler.extraction import (
    ExtractionError,
    ListingResult,
    Page,
    extract_artist,
    extract_artwork,
    extract_listing,
)
from crawler.extraction.urls import absolute_url
from crawler.items import FailureItem, Item, Lease, Link, ListingItem, PostponedItem
from crawler.preflight import check_splash
from crawler.profiles import Profile, Rendering, load_profile
from crawler.rendering.choice import Engine
from crawler.spiders.artworks import ArtworksSpider, answer_of
from storage.errors import ArtworksError, ServiceUnavailable, UsageError

# Failures that no waiting mends: what was asked for is at fault, or forbidden.
REFUSALS = ("address_refused", "robots_disallowed", "body_too_large", "unsupported_scheme")


class PageUnavailable(ServiceUnavailable):
    """The page to try a profile on cannot be fetched."""


def read_page(profile: Profile, page: Page) -> dict[str, Any]:
    """Read a page as artwork, as page of an artist, as listing, and as page of categories.

    The result is as `artworks sites NAME --url URL --json` prints it, less how it was fetched.
    """
    artwork, artist, problem = None, None, None
    try:
        artwork = extract_artwork(profile, page)
    except ExtractionError as error:
        problem = str(error)
    if artwork is None and profile.artist is not None:
        try:
            artist = extract_artist(profile, page)
        except ExtractionError as error:
            problem = f"as artwork: {problem}; as artist: {error}"
    categories: dict[str, str] = {}
    for index in range(len(profile.discover)):
        found = extract_listing(profile, page, discover=index)
        categories |= {link.text: link.url for link in found.listings}
    listing = extract_listing(profile, page)
    links = {
        "artworks": [[link.url, link.text] for link in listing.artworks],
        "artists": [[link.url, link.text] for link in listing.artists],
        "next": list(listing.next_pages),
        "listings": [[link.url, link.text] for link in listing.listings],
        "categories": categories,
        "offsite": list(listing.offsite),
    }
    if artist is not None:
        links["artworks"] = [[link.url, link.text] for link in artist.artworks]
        links["next"] = list(artist.next_pages)
    return {
        "url": page.url,
        "verdict": _verdict(artwork, artist, listing, categories, problem),
        "found": bool(artwork or artist or categories or not listing.is_empty),
        "problem": problem,
        "unreadable": list(page.problems),
        "artwork": artwork.to_dict() if artwork is not None else None,
        "artist": None
        if artist is None
        else {
            "name": artist.artist.name,
            "nationality": artist.artist.nationality,
            "birth_year": artist.artist.birth_year,
            "death_year": artist.artist.death_year,
            "terms": [list(term) for term in artist.terms],
        },
        "links": links,
    }


def _verdict(
    artwork: Any, artist: Any, listing: ListingResult, categories: dict[str, str], problem: Any
) -> str:
    """One sentence: what a crawl would take the page for."""
    if artwork is not None:
        return f"an artwork, with {_number(len(artwork.images), 'image')}"
    if artist is not None:
        return f"the page of an artist, with links to {_number(len(artist.artworks), 'work')}"
    if not listing.is_empty:
        parts = [
            _number(len(listing.artworks), "work"),
            *([_number(len(listing.artists), "artist")] if listing.artists else []),
            _number(len(listing.next_pages) + len(listing.listings), "further listing"),
        ]
        return f"a listing, with links to {', '.join(parts[:-1])} and {parts[-1]}"
    if categories:
        return f"a page that names {_number(len(categories), 'category', 'categories')}"
    return f"nothing that the profile knows ({problem})"


def _number(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


class TrialSpider(ArtworksSpider):
    """Fetches the one page, with one engine after the other until it shows anything."""

    trial: dict[str, Any] | None = None
    refused: str | None = None
    failed: str | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.attempts: list[dict[str, str]] = []

    def request_for(self, lease: Lease, engines: tuple[Engine, ...] = ()) -> Request:
        """Return the request for the page."""
        request = self.context.request_for(lease, engines)
        return request.replace(callback=self.look, errback=self.give_up)

    def look(self, response: Response) -> Iterator[Item | Request]:
        """Read the page; one that shows nothing is looked at again."""
        page = self._page(response)
        lease: Lease = response.meta["lease"]
        engine: Engine = response.meta["engines"][-1]
        if page is None:
            kind = (response.headers.get("Content-Type") or b"no type").decode("latin-1")
            self.refused = f"{response.url} is no page but {kind}"
            yield _settled(response)
            return
        trial = read_page(self.context.profile, page)
        self.attempts.append({"engine": engine, "verdict": trial["verdict"]})
        self.trial = {
            **trial,
            "status": response.status,
            "bytes": len(response.body),
            "attempts": self.attempts,
        }
        if not trial["found"] and lease.meta["rendering"] == "auto":
            again = self._look_again(response, page, "empty_listing", "nothing")
            if isinstance(again, Request):
                yield again
                return
            if again.reason == "renderer_unavailable":
                self.trial["verdict"] += f"; {again.detail.partition('; ')[2]}"
        yield _settled(response)

    def give_up(self, failed: Failure) -> Iterator[Item | Request]:
        """Say why the page could not be fetched, unless another engine is left to ask."""
        for outcome in self.fail(failed):
            if isinstance(outcome, FailureItem):
                self.attempts.append(
                    {
                        "engine": failed.request.meta["engines"][-1],  # type: ignore[attr-defined]
                        "verdict": f"{outcome.reason}: {outcome.detail}",
                    }
                )
                said = f"{outcome.lease.url}: {_told(outcome)}"
                if outcome.reason in REFUSALS:
                    self.refused = said
                else:
                    self.failed = said
            elif isinstance(outcome, PostponedItem):
                self.failed = f"{outcome.lease.url}: {outcome.reason}: {outcome.detail}"
            yield outcome


def _told(item: FailureItem) -> str:
    settings = load_crawler_settings()
    if item.reason == "robots_disallowed":
        return "robots.txt forbids it: a crawl skips it, and so do we."
    if item.reason == "body_too_large":
        return f"it exceeds ARTWORKS_MAX_PAGE_BYTES={settings.max_page_bytes}."
    return f"{item.reason}: {item.detail}"


def _settled(response: Response) -> ListingItem:
    return ListingItem(lease=response.meta["lease"], answer=answer_of(response), links=())


class TrialContext(CrawlContext):
    """A dry run whose frontier begins with the page and ends there."""

    url: str
    asked: Rendering

    def start_links(self) -> list[Link]:
        """Return the page, whatever the profile begins with."""
        return [link_to(self.url, "artwork", meta={"rendering": self.asked})]


def try_page(site: str, url: str, rendering: Rendering | None = None) -> dict[str, Any]:
    """Fetch `url`, absolute or relative to the profile's base, and read it by the profile.

    Raises UsageError for an address that a crawl would not fetch, and PageUnavailable where it
    cannot be fetched.
    """
    profile = load_profile(site)
    address = absolute_url(profile.base_url or "", url)
    if address is None:
        raise UsageError(f"--url {url}: no http or https address.")
    if profile.general:
        profile = profile.with_starts([address])
    elif not profile.allows(address):
        raise UsageError(
            f"--url {url}: site {profile.name} is on {', '.join(profile.hosts)}; give a page there,"
            " or add the host to `domains` of the profile."
        )
    asked: Rendering = rendering or profile.rendering.artwork
    settings = load_crawler_settings()
    if asked in ("auto", "splash"):
        check_splash(settings)
    arguments = CrawlArguments(site=site, dry_run=True)
    context = TrialContext.build(arguments, settings, profile, None)
    assert isinstance(context, TrialContext)
    context.url, context.asked = address, asked

    project = Settings()
    project.setmodule("crawler.settings", priority="project")
    project.set("LOG_ENABLED", False, priority="cmdline")
    project.set("LOG_INSTALL_ROOT_HANDLER", False, priority="cmdline")
    process = AsyncCrawlerProcess(project)
    crawler = process.create_crawler(TrialSpider)
    process.crawl(crawler, context=context)
    process.start()

    spider = crawler.spider
    assert isinstance(spider, TrialSpider)
    if context.problem is not None:
        raise PageUnavailable(context.problem)
    if spider.refused is not None:
        raise UsageError(spider.refused)
    if spider.trial is None or (spider.failed is not None and not spider.trial["found"]):
        raise PageUnavailable(spider.failed or f"{address} gave no answer")
    return {**spider.trial, "host": urlsplit(address).hostname}


def main(given: Sequence[str]) -> int:
    """Try the page that the command line names; return the exit code."""
    site, url, *more = given
    rendering: Any = more[0] if more else None
    if rendering is not None and rendering not in get_args(Rendering):
        raise SystemExit(f"no way of rendering: {rendering}")
    try:
        print(json.dumps({"trial": try_page(site, url, rendering)}))
    except ArtworksError as error:
        print(json.dumps({"error": str(error), "exit_code": int(error.exit_code)}))
        return int(error.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
