"""Listings that go on for ever: calendars and filters whose every page leads to a next one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from crawler.extraction.listing import ListingResult
from crawler.extraction.urls import url_fingerprint

MAX_BARREN = 20
"""Pages in a row that lead to nothing that the page before did not lead to."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a page of a listing stands to those before it; what its next page is told.

    `barren` counts the pages in a row, this one included, that showed the same works, artists and
    listings as the one before, or none; `shown` stands for what this one showed.
    """

    barren: int
    shown: str

    @classmethod
    def after(cls, told: object, found: ListingResult) -> Self:
        """Return the run with the page that shows `found`; `told` is what the page before told."""
        links = (*found.artworks, *found.artists, *found.listings)
        shown = _digest(frozenset(url_fingerprint(link.url) for link in links))
        before = told if isinstance(told, Mapping) else {}
        if links and before.get("shown") != shown:
            return cls(0, shown)
        count = before.get("barren")
        return cls(1 + (count if isinstance(count, int) else 0), shown)

    @property
    def is_endless(self) -> bool:
        """Whether the next page is not worth the request any more."""
        return self.barren >= MAX_BARREN

    def to_dict(self) -> dict[str, Any]:
        """Return what the next page is told, as JSON knows it."""
        return {"barren": self.barren, "shown": self.shown}


def _digest(fingerprints: frozenset[str]) -> str:
    joined = " ".join(sorted(fingerprints)).encode()
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()[:16]
