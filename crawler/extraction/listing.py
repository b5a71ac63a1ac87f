"""What a listing leads to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, unquote_plus, urlsplit

from crawler.extraction.page import Page
from crawler.extraction.sources import Match, Source, first_links, first_matches
from crawler.extraction.text import clean_text

if TYPE_CHECKING:
    from crawler.profiles import PageCount, Profile, Rendering

MAX_CATEGORY = 200
MAX_PAGES = 10_000

_NUMBER = re.compile(r"\d{1,3}(?:[.,' \u2019]\d{3})+(?!\d)|\d{1,9}")


@dataclass(frozen=True, slots=True)
class Link:
    """An absolute address and the words that link to it.

    `category` and `rendering` are set on the listing of a discovered category.
    """

    url: str
    text: str = ""
    category: str | None = None
    rendering: Rendering | None = None


@dataclass(frozen=True, slots=True)
class ListingResult:
    """Links in page order, each address once. `offsite` are links to domains that are not ours."""

    artworks: tuple[Link, ...] = ()
    artists: tuple[Link, ...] = ()
    next_pages: tuple[str, ...] = ()
    listings: tuple[Link, ...] = ()
    offsite: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it leads nowhere: a listing that perhaps needed a browser."""
        return not (self.artworks or self.artists or self.next_pages or self.listings)


def extract_listing(profile: Profile, page: Page, *, discover: int | None = None) -> ListingResult:
    """Read a listing, or, with the index of a `[discover]` table, a page that names categories.

    Categories are given as `listings` with their name in `category`.
    """
    if discover is not None:
        return _discovered(profile, page, discover)
    listing = profile.listing
    artworks, offsite = read_links(profile, page, listing.artworks)
    artists, offsite_artists = read_links(profile, page, listing.artists)
    following, offsite_pages = read_links(profile, page, listing.next)
    listings, offsite_listings = read_links(profile, page, listing.listings)
    next_pages = [link.url for link in following]
    if listing.pages is not None:
        next_pages += counted_pages(listing.pages, page)
    return ListingResult(
        artworks=artworks,
        artists=artists,
        next_pages=tuple(dict.fromkeys(next_pages)),
        listings=listings,
        offsite=tuple(
            dict.fromkeys([*offsite, *offsite_artists, *offsite_pages, *offsite_listings])
        ),
    )


def read_links(
    profile: Profile, page: Page, sources: tuple[Source, ...] | None
) -> tuple[tuple[Link, ...], list[str]]:
    """Return links to other pages of the site, each address once; and those to other sites."""
    links: dict[str, str] = {}
    offsite: list[str] = []
    for url, match in first_links(sources, page):
        if not profile.allows(url):
            offsite.append(url)
        elif url != page.url and not links.get(url):
            # An image's link and the title's link lead to one page: the words count. In JSON, a
            # string or number is the link itself.
            links[url] = "" if isinstance(match.value, str | int) else match.words
    return tuple(Link(url, text) for url, text in links.items()), offsite


def counted_pages(table: PageCount, page: Page) -> list[str]:
    """Return the addresses of the other pages of a listing that says how many there are.

    They are the page's own address with the number in its parameter. The first page gives all of
    them. A later one, which was come to by another, gives the one behind it: that is all that is
    new if the listing has grown, and the pages of a long listing do not all repeat all addresses.
    """
    written = " ".join(match.text for match in first_matches(table.last, page))
    numbers = [int(re.sub(r"\D", "", number)) for number in _NUMBER.findall(written)]
    last = min(max(numbers, default=table.first), table.first + MAX_PAGES)
    parts = urlsplit(page.url)
    kept: list[str] = []
    current = table.first
    for pair in parts.query.split("&"):
        name, _, value = pair.partition("=")
        if unquote_plus(name) != table.parameter:
            kept += [pair] if pair else []
        elif value.isascii() and value.isdigit():
            current = int(value[:9])
    begin = current + 1
    end = last if current == table.first else min(last, begin)
    name = quote_plus(table.parameter, safe="[]")
    return [
        parts._replace(query="&".join([*kept, f"{name}={number}"])).geturl()
        for number in range(begin, end + 1)
    ]


def _discovered(profile: Profile, page: Page, index: int) -> ListingResult:
    table = profile.discover[index]
    found = first_links(table.links, page)
    named: dict[str, str] = {}
    for url, match in found:
        name = _name_within(table.name, page, match) if table.name else match.words
        if name and profile.allows(url):
            named.setdefault(url, clean_text(name, MAX_CATEGORY))
    offsite = [url for url, _ in found if not profile.allows(url)]
    listings = tuple(
        Link(url, name, category=name, rendering=table.rendering) for url, name in named.items()
    )
    return ListingResult(listings=listings, offsite=tuple(dict.fromkeys(offsite)))


def _name_within(sources: tuple[Source, ...], page: Page, match: Match) -> str:
    return next((found.text for found in first_matches(sources, page, match.node)), "")
