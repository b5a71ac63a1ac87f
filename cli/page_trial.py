"""What a profile makes of one page: the page is fetched plainly and nothing is stored."""

from __future__ import annotations

import http.client
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from protego import Protego
from w3lib.encoding import html_to_unicode

from crawler.addresses import AddressPolicy, AddressRefused, proxy_urls
from crawler.config import CrawlerSettings
from crawler.extraction import (
    ArtworkRecord,
    ExtractionError,
    ListingResult,
    Page,
    extract_artwork,
    extract_listing,
)
from crawler.extraction.urls import absolute_url
from crawler.profiles import Profile
from storage.errors import ServiceUnavailable, UsageError

MAX_ROBOTS_BYTES = 500_000


class PageUnavailable(ServiceUnavailable):
    """The page to try a profile on cannot be fetched."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A page as a profile reads it; `discovered` is what its `[discover]` tables find there."""

    url: str
    status: int
    bytes: int
    artwork: ArtworkRecord | None
    problem: str | None
    listing: ListingResult
    discovered: ListingResult

    @property
    def verdict(self) -> str:
        """One sentence: what the crawl would take the page for."""
        if self.artwork is not None:
            images = len(self.artwork.images)
            return f"an artwork, with {images} image{'' if images == 1 else 's'}"
        if not self.listing.is_empty:
            works = len(self.listing.artworks)
            further = len(self.listing.next_pages) + len(self.listing.listings)
            return f"a listing, with links to {works} works and {further} further listings"
        if not self.discovered.is_empty:
            return f"a page that names {len(self.discovered.listings)} categories"
        return f"nothing that the profile knows ({self.problem})"

    @property
    def is_anything(self) -> bool:
        """Whether the crawl would get something from the page."""
        return self.artwork is not None or not (self.listing.is_empty and self.discovered.is_empty)


def try_page(profile: Profile, url: str, settings: CrawlerSettings) -> Trial:
    """Fetch `url`, absolute or relative to the profile's base, and read it by the profile.

    The address guards, the size limit and robots.txt hold as in a crawl. Raises UsageError for an
    address that a crawl would not fetch, and PageUnavailable where it cannot be fetched.
    """
    address = absolute_url(profile.base_url or "", url)
    if address is None:
        raise UsageError(f"--url {url}: no http or https address.")
    if not profile.allows(address):
        raise UsageError(
            f"--url {url}: site {profile.name} is on {', '.join(profile.hosts)}; give a page there,"
            " or add the host to `domains` of the profile."
        )
    opener = _opener(settings)
    timeout = profile.politeness.timeout
    try:
        if profile.politeness.obey_robots:
            _obey_robots(opener, address, settings, timeout)
        with opener.open(_request(address, settings), timeout=timeout) as answer:
            body = answer.read(settings.max_page_bytes + 1)
            status, final = answer.status, answer.geturl()
            content_type = answer.headers.get("Content-Type") or "text/html"
    except urllib.error.HTTPError as error:
        raise PageUnavailable(f"{address}: the server answers HTTP {error.code}.") from error
    except AddressRefused as error:
        raise UsageError(f"{address}: {error}") from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise PageUnavailable(f"{address} cannot be fetched ({reason}): is it right?") from error
    if len(body) > settings.max_page_bytes:
        raise UsageError(
            f"{address} exceeds ARTWORKS_MAX_PAGE_BYTES={settings.max_page_bytes}: a crawl would "
            "not take it."
        )
    _, text = html_to_unicode(content_type, body)
    return read_page(profile, Page(final, text, content_type), status=status, size=len(body))


def read_page(profile: Profile, page: Page, *, status: int, size: int) -> Trial:
    """Read a page as artwork, as listing and as a page that names categories."""
    artwork, problem = None, None
    try:
        artwork = extract_artwork(profile, page)
    except ExtractionError as error:
        problem = str(error)
    links: dict[str, Any] = {}
    for index in range(len(profile.discover)):
        found = extract_listing(profile, page, discover=index)
        links |= {link.url: link for link in found.listings}
    return Trial(
        url=page.url,
        status=status,
        bytes=size,
        artwork=artwork,
        problem=problem,
        listing=extract_listing(profile, page),
        discovered=ListingResult(listings=tuple(links.values())),
    )


def _request(url: str, settings: CrawlerSettings) -> urllib.request.Request:
    return urllib.request.Request(  # noqa: S310 - absolute_url lets http and https through only
        url, headers={"User-Agent": settings.user_agent, "Accept": "text/html,*/*;q=0.8"}
    )


def _obey_robots(
    opener: urllib.request.OpenerDirector, url: str, settings: CrawlerSettings, timeout: float
) -> None:
    parts = urlsplit(url)
    try:
        with opener.open(
            _request(f"{parts.scheme}://{parts.netloc}/robots.txt", settings), timeout=timeout
        ) as answer:
            rules = Protego.parse(answer.read(MAX_ROBOTS_BYTES).decode("utf-8", "replace"))
    except (OSError, HTTPException):
        # As in a crawl: where there is no robots.txt, nothing is forbidden.
        return
    if not rules.can_fetch(url, settings.user_agent):
        raise UsageError(
            f"robots.txt of {parts.netloc} forbids {parts.path}: a crawl skips it, and so do we."
        )


def _opener(settings: CrawlerSettings) -> urllib.request.OpenerDirector:
    policy = AddressPolicy(settings.allowed_networks, proxy_urls())
    return urllib.request.build_opener(_GuardedHTTP(policy), _GuardedHTTPS(policy))


def _guarded_connection(
    policy: AddressPolicy,
    address: tuple[str, int],
    timeout: float | None = None,
    source_address: tuple[str, int] | None = None,
) -> socket.socket:
    """Connect as `socket.create_connection` does, to addresses that the policy allows."""
    problem: OSError | None = None
    for family, kind, protocol, _, where in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
        policy.check(str(where[0]), int(where[1]))
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(timeout)
            connection.connect(where)
        except OSError as error:
            connection.close()
            problem = error
        else:
            return connection
    raise problem or OSError(f"{address[0]} does not resolve")


def _guarded(kind: type[http.client.HTTPConnection], policy: AddressPolicy) -> Any:
    def make(*args: Any, **options: Any) -> http.client.HTTPConnection:
        connection = kind(*args, **options)
        # The place that the standard library keeps for this, under a private name.
        connection._create_connection = partial(_guarded_connection, policy)  # type: ignore[attr-defined]
        return connection

    return make


class _GuardedHTTP(urllib.request.HTTPHandler):
    def __init__(self, policy: AddressPolicy) -> None:
        super().__init__()
        self._policy = policy

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_guarded(http.client.HTTPConnection, self._policy), req)


class _GuardedHTTPS(urllib.request.HTTPSHandler):
    def __init__(self, policy: AddressPolicy) -> None:
        super().__init__()
        self._policy = policy

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_guarded(http.client.HTTPSConnection, self._policy), req)
