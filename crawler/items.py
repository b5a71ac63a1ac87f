"""What the spider yields: exactly one item per leased frontier row, its outcome.

The item travels through the pipelines, which may turn it into a `FailureItem`, and ends in one
transaction that records it and settles the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["listing", "artist", "artwork", "image"]
Stage = Literal["fetch", "render", "extract", "validate", "image", "store"]

# Images come first so that works are finished before new ones are begun.
PRIORITIES: Mapping[str, int] = {"image": 30, "artwork": 20, "artist": 10, "listing": 10}


@dataclass(frozen=True, slots=True)
class Lease:
    """A frontier row that this process may fetch."""

    id: int
    url: str
    fingerprint: str
    host: str
    kind: Kind
    depth: int
    attempts: int
    generation: int
    etag: str | None
    last_modified: str | None
    meta: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is worth keeping of an HTTP answer's head."""

    status: int
    etag: str | None = None
    last_modified: str | None = None
    content_type: str | None = None
    rendered_by: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A page or image that another page leads to."""

    url: str
    fingerprint: str
    host: str
    kind: Kind
    categories: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Item:
    """Base of all outcomes."""

    lease: Lease
    answer: Answer


@dataclass(slots=True)
class ListingItem(Item):
    """A listing was read: these are its children, next page included.

    `artist` is what the page of an artist says of the works it leads to: name, name_key,
    nationality, birth_year, death_year, page_url, terms (kind, name).
    """

    links: tuple[Link, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)
    artist: Mapping[str, Any] | None = None


@dataclass(slots=True)
class UnchangedItem(Item):
    """The server says that nothing changed since the row was done."""


@dataclass(slots=True)
class ArtworkItem(Item):
    """An artwork page was read.

    `record` holds the columns of `artworks`, and `artists`, `terms` (kind, name, source) and
    `images` (url, fingerprint, host, position, caption, rights_text, license_url, iiif_service).
    """

    record: dict[str, Any]


@dataclass(slots=True)
class ImageItem(Item):
    """Image bytes arrived; `stored` is filled in by the image pipeline with columns of `images`."""

    body: bytes
    stored: dict[str, Any] | None = None


@dataclass(slots=True)
class FailureItem(Item):
    """Something went wrong at `stage`, for a documented `reason`."""

    stage: Stage
    reason: str
    detail: str
    retryable: bool
    skipped: bool = False
