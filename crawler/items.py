"""What the spider yields: exactly one item per leased frontier row, its outcome.

The item travels through the pipelines, which may turn it into a `FailureItem`, and ends in one
transaction that records it and settles the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from storage.inheritance import TOLD_BY

if TYPE_CHECKING:
    from crawler.image_fallbacks import Search

Kind = Literal["listing", "artist", "artwork", "image"]
Stage = Literal["fetch", "render", "extract", "validate", "image", "store"]

# Images come first so that works are finished before new ones are begun.
PRIORITIES: Mapping[str, int] = {"image": 30, "artwork": 20, "artist": 10, "listing": 10}


# What an image's row in the frontier knows beside its address.
IMAGE_META = ("alternatives", "iiif_service", "max_side")


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

    @property
    def artist_key(self) -> str:
        """What names the artist whose page this is: the fingerprint of the first page."""
        return str(self.lease.meta.get("artist_key", self.lease.fingerprint))

    @property
    def told_of(self) -> Mapping[str, Any] | None:
        """The artist whose page this is: all pages of one say what the first of them says."""
        if self.lease.kind != "artist":
            return None
        if self.artist_key != self.lease.fingerprint:
            handed: Mapping[str, Any] | None = self.lease.meta.get("artist")
            return handed or self.artist
        return self.artist

    def children(self, categories: Iterable[str]) -> list[Link]:
        """Return the links with what they take over: the page's categories, and its artist."""
        handed: dict[Kind, Mapping[str, Any]] = {}
        if (artist := self.told_of) is not None:
            handed["artwork"] = {f"{TOLD_BY}{self.artist_key}": artist}
            handed["artist"] = {"artist_key": self.artist_key, "artist": artist}
        return [
            replace(
                link,
                categories=tuple(sorted({*link.categories, *categories})),
                meta={**link.meta, **handed.get(link.kind, {})},
            )
            for link in self.links
        ]


@dataclass(slots=True)
class UnchangedItem(Item):
    """The server says that nothing changed since the row was done."""


@dataclass(slots=True)
class ArtworkItem(Item):
    """An artwork page was read.

    `record` holds the columns of `artworks`, and `artists`, `terms` (kind, name, source) and
    `images` (url, fingerprint, host, position, caption, rights_text, license_url, iiif_service,
    alternatives, max_side; the last two say how to get it, see `crawler.image_fallbacks`).
    """

    record: dict[str, Any]

    def image_links(self) -> list[Link]:
        """Return the links to its images, with what else is known of where these are."""
        return [
            Link(
                image["url"],
                image["fingerprint"],
                image["host"],
                "image",
                meta={name: image[name] for name in IMAGE_META if image.get(name)},
            )
            for image in self.record["images"]
        ]


@dataclass(slots=True)
class ImageItem(Item):
    """Image bytes arrived; `stored` is filled in by the image pipeline with columns of `images`.

    `fetched_url` is the address that they came from, where it is not the row's. `search` is how
    far the search for the image got, should these bytes be none.
    """

    body: bytes
    stored: dict[str, Any] | None = None
    fetched_url: str | None = None
    search: Search | None = None


@dataclass(slots=True)
class FailureItem(Item):
    """Something went wrong at `stage`, for a documented `reason`."""

    stage: Stage
    reason: str
    detail: str
    retryable: bool
    skipped: bool = False
