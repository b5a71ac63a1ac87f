"""What the page of an artist says: who it is, what holds for all works, and where these are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.extraction.artists import artist_record
from crawler.extraction.errors import ExtractionError, tried
from crawler.extraction.listing import Link, read_links
from crawler.extraction.page import Page
from crawler.extraction.records import ArtistRecord
from crawler.extraction.sources import Source, first_matches
from crawler.extraction.terms import mapped_terms

if TYPE_CHECKING:
    from crawler.profiles import Profile


@dataclass(frozen=True, slots=True)
class ArtistResult:
    """An artist, terms (kind, name) of all works, and links to these, each address once."""

    artist: ArtistRecord
    terms: tuple[tuple[str, str], ...] = ()
    artworks: tuple[Link, ...] = ()
    next_pages: tuple[str, ...] = ()
    offsite: tuple[str, ...] = ()


def extract_artist(profile: Profile, page: Page) -> ArtistResult:
    """Read the page of an artist, by `[artist]` of the profile.

    Raises:
        ExtractionError: it is none, or names nobody.
    """
    table = profile.artist
    if table is None:
        raise ExtractionError("not_an_artist", f"the profile {profile.name!r} has no [artist]")
    if table.match and not any(source.found(page) for source in table.match):
        raise ExtractionError("not_an_artist", f"nothing on the page matches {tried(table.match)}")
    artworks, offsite = read_links(profile, page, table.artworks)
    next_pages, further_offsite = read_links(profile, page, table.next)
    artist = artist_record(
        _text(table.name, page) or "",
        nationality=_text(table.nationality, page),
        life=_text(table.life, page),
        page_url=page.url,
    )
    if not artist.name:
        if not artworks:
            raise ExtractionError("not_an_artist", "neither a name nor a link to a work is there")
        raise ExtractionError(
            "missing_field", f"name is required; tried {tried(table.name)} in vain"
        )
    terms = [
        (kind, match.text)
        for kind, sources in table.terms.items()
        for match in first_matches(sources, page)
    ]
    return ArtistResult(
        artist=artist,
        terms=mapped_terms(terms, profile.artwork.term_map),
        artworks=artworks,
        next_pages=tuple(link.url for link in next_pages),
        offsite=tuple(dict.fromkeys([*offsite, *further_offsite])),
    )


def _text(sources: tuple[Source, ...] | None, page: Page) -> str | None:
    return next((match.text for match in first_matches(sources, page)), None)
