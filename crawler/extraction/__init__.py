"""Extraction: pure functions from a page and a profile to records. Nothing here knows a crawler."""

from crawler.extraction.artists import name_key as artist_key
from crawler.extraction.artwork import ExtractionError, extract_artwork
from crawler.extraction.listing import Link, ListingResult, extract_listing
from crawler.extraction.page import Page
from crawler.extraction.records import ArtistRecord, ArtworkRecord, ImageRecord, content_hash

__all__ = [
    "ArtistRecord",
    "ArtworkRecord",
    "ExtractionError",
    "ImageRecord",
    "Link",
    "ListingResult",
    "Page",
    "artist_key",
    "content_hash",
    "extract_artwork",
    "extract_listing",
]
