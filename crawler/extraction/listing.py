"""What a listing leads to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.extraction.page import Page
from crawler.extraction.sources import Match, Source
from crawler.extraction.text import clean_text

if TYPE_CHECKING:
    from crawler.profiles import Profile, Rendering

MAX_CATEGORY = 200


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
    next_pages: tuple[str, ...] = ()
    listings: tuple[Link, ...] = ()
    offsite: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it leads nowhere: a listing that perhaps needed a browser."""
        return not (self.artworks or self.next_pages or self.listings)


def extract_listing(profile: Profile, page: Page, *, discover: int | None = None) -> ListingResult:
    """Read a listing, or, with the index of a `[discover]` table, a page that names categories.

    Categories are given as `listings` with their name in `category`.
    """
    offsite: list[str] = []

    def ours(found: Iterable[tuple[str, Match]]) -> dict[str, str]:
        links: dict[str, str] = {}
        for url, match in found:
            if not profile.allows(url):
                offsite.append(url)
            elif url != page.url and not links.get(url):
                # An image's link and the title's link lead to one page: the words count.
                links[url] = match.words
        return links

    if discover is not None:
        table = profile.discover[discover]
        found = _first_links(table.links, page)
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
    listing = profile.listing
    return ListingResult(
        artworks=_links(ours(_first_links(listing.artworks, page))),
        next_pages=tuple(ours(_first_links(listing.next, page))),
        listings=_links(ours(_first_links(listing.listings, page))),
        offsite=tuple(dict.fromkeys(offsite)),
    )


def _first_links(sources: tuple[Source, ...] | None, page: Page) -> list[tuple[str, Match]]:
    for source in sources or ():
        if found := source.links(page):
            return found
    return []


def _links(links: dict[str, str]) -> tuple[Link, ...]:
    return tuple(Link(url, text) for url, text in links.items())


def _name_within(sources: tuple[Source, ...], page: Page, match: Match) -> str:
    for source in sources:
        if found := source.matches(page, match.element):
            return found[0].text
    return ""
