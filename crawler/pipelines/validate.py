"""Checks records before they are stored: what is stored is complete, bounded and consistent."""

from __future__ import annotations

from urllib.parse import urlsplit

from crawler.items import ArtworkItem, Item
from crawler.reasons import failure
from storage.models import TERM_KINDS

YEARS = range(-100_000, 3_001)
LARGEST_CM = 100_000.0
LONGEST_NAME = 500  # characters; names are looked up by indexes, whose entries are bounded


def problem_with(record: dict[str, object]) -> str | None:
    """Return what is wrong with an artwork's record in a few words; None if nothing is."""
    for name in ("source_id", "page_url", "title", "content_hash"):
        if not record.get(name):
            return f"{name} is empty"
    if len(str(record["source_id"])) > LONGEST_NAME:
        return f"source_id has more than {LONGEST_NAME} characters"
    for name in ("year_from", "year_to"):
        year = record.get(name)
        if year is not None and (not isinstance(year, int) or year not in YEARS):
            return f"{name} is {year!r}"
    for name in ("height_cm", "width_cm", "depth_cm"):
        size = record.get(name)
        if size is not None and not (isinstance(size, float | int) and 0 < size <= LARGEST_CM):
            return f"{name} is {size!r}"
    for kind, word, _ in record["terms"]:  # type: ignore[attr-defined]
        if kind not in TERM_KINDS or not word or len(word) > LONGEST_NAME:
            return f"term {kind}={word[:80]!r}"
    for artist in record["artists"]:  # type: ignore[attr-defined]
        if not artist["name"] or len(artist["name"]) > LONGEST_NAME:
            return f"artist {artist['name'][:80]!r}"
    for image in record["images"]:  # type: ignore[attr-defined]
        if urlsplit(image["url"]).scheme not in ("http", "https"):
            return f"image address {image['url']!r}"
    return None


class ValidatePipeline:
    """Refuses records that cannot be right; they become failures with the reason."""

    def process_item(self, item: Item) -> Item:
        if isinstance(item, ArtworkItem) and (problem := problem_with(item.record)):
            return failure(item.lease, item.answer, "invalid_record", problem)
        return item
