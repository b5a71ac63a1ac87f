"""Extraction: pure functions from a page and a profile to records. Nothing here knows a crawler."""

from crawler.extraction.artist import ArtistResult, extract_artist
from crawler.extraction.artists import name_key as artist_key
from crawler.extraction.artwork import extract_artwork
from crawler.extraction.challenges import challenge
from crawler.extraction.errors import ExtractionError
from crawler.extraction.listing import Link, ListingResult, extract_listing
from crawler.extraction.page import Page
from crawler.extraction.pagination import Run
from crawler.extraction.records import ArtistRecord, ArtworkRecord, ImageRecord, content_hash

__all__ = [
    "ArtistRecord",
    "ArtistResult",
    "ArtworkRecord",
    "ExtractionError",
    "ImageRecord",
    "Link",
    "ListingResult",
    "Page",
    "Run",
    "artist_key",
    "challenge",
    "content_hash",
    "extract_artist",
    "extract_artwork",
    "extract_listing",
]
