"""What the spider yields: exactly one item per leased frontier row, its outcome.

The item travels through the pipelines, which may turn it into a `FailureItem`, and ends in one
transaction that records it and settles the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
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
    is_stored: bool = False
    """Whether it gave a work or an image before that is still stored."""


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
    nationality, birth_year, death_year, page_url, terms (kind, name). `following` are the
    fingerprints of next pages that are worth reading only if this one shows a work that was not
    known before; whether the listing was left there is told by `stopped_early`, once it is stored.
    """

    links: tuple[Link, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)
    artist: Mapping[str, Any] | None = None
    following: frozenset[str] = frozenset()
    stopped_early: bool = False

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
    """The server says that nothing changed since the row was done.

    `stopped_early` as in `ListingItem`, `opt_out` as in `ImageItem`.
    """

    stopped_early: bool = False
    opt_out: tuple[str, ...] = ()


def page_rank(url: str) -> tuple[int, str]:
    """Rank the pages of a work: short addresses before long ones, whichever was found first."""
    return len(url), url


@dataclass(slots=True)
class ArtworkItem(Item):
    """An artwork page was read.

    `meta` is what the page's row keeps. `record` holds the columns of `artworks`, and `artists`,
    `terms` (kind, name, source) and `images` (url, fingerprint, host, position, caption,
    rights_text, license_url, license, iiif_service, alternatives, max_side; the last two say how to
    get it, see `crawler.image_fallbacks`). What the page reserves, it reserves of its images, too:
    their rows keep in `reserved` `by` which page, and the `detail`.
    """

    record: dict[str, Any]
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rank(self) -> tuple[int, str]:
        """Of several pages of a work, the one that ranks lowest tells what the work is."""
        return page_rank(self.lease.url)

    def image_links(self) -> list[Link]:
        """Return the links to its images, with what else is known of where these are."""
        reserved: dict[str, Any] = {}
        if self.record.get("opt_out"):
            told = "; ".join(self.record["raw"]["opt_out"]["values"])
            detail = f"{told}, of the page {self.record['page_url']}"
            reserved["reserved"] = {"by": self.lease.fingerprint, "detail": detail}
        return [
            Link(
                image["url"],
                image["fingerprint"],
                image["host"],
                "image",
                meta={name: image[name] for name in IMAGE_META if image.get(name)} | reserved,
            )
            for image in self.record["images"]
        ]


@dataclass(slots=True)
class ImageItem(Item):
    """Image bytes arrived; `stored` is filled in by the image pipeline with columns of `images`.

    `fetched_url` is the address that they came from, where it is not the row's. `search` is how
    far the search for the image got, should these bytes be none. `opt_out` is what the answer
    reserves.
    """

    body: bytes
    stored: dict[str, Any] | None = None
    fetched_url: str | None = None
    search: Search | None = None
    opt_out: tuple[str, ...] = ()


@dataclass(slots=True)
class FailureItem(Item):
    """Something went wrong at `stage`, for a documented `reason`.

    `opt_out` is what the page or image reserves, where that is the reason.
    """

    stage: Stage
    reason: str
    detail: str
    retryable: bool
    skipped: bool = False
    opt_out: tuple[str, ...] = ()


@dataclass(slots=True)
class PostponedItem(Item):
    """The host wants to be left alone until `until`: the row is pending again, and due then.

    `counts`: the server answered this very request, for `reason`, and the row is one attempt
    further; else the request was not sent.
    """

    until: datetime
    reason: str
    detail: str
    counts: bool
