"""Outcomes as the spider and the pipelines hand them to the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from crawler.context import link_to
from crawler.items import (
    Answer,
    ArtworkItem,
    FailureItem,
    ImageItem,
    Kind,
    Lease,
    Link,
    ListingItem,
    PostponedItem,
    UnchangedItem,
)
from crawler.reasons import REASONS

HOST = "http://museum.example"
OK = Answer(status=200, etag='"1"', content_type="text/html")


def link(path: str, kind: Kind = "listing", *categories: str) -> Link:
    """A link to a page of the museum, or to a whole address."""
    url = path if "://" in path else f"{HOST}{path}"
    return link_to(url, kind, categories=categories)


def listing(lease: Lease, *links: Link) -> ListingItem:
    return ListingItem(lease=lease, answer=OK, links=links, meta={"profile": "p"})


def unchanged(lease: Lease) -> UnchangedItem:
    return UnchangedItem(lease=lease, answer=Answer(status=304))


def failure(lease: Lease, reason: str = "timeout", detail: str = "too slow") -> FailureItem:
    return FailureItem(
        lease=lease,
        answer=Answer(status=0),
        stage=REASONS[reason].stage,
        reason=reason,
        detail=detail,
        retryable=REASONS[reason].retryable,
        skipped=reason == "robots_disallowed",
    )


def artwork(
    lease: Lease,
    source_id: str,
    *,
    images: Sequence[str] = (),
    terms: Sequence[tuple[str, str, str]] = (),
    artists: Sequence[dict[str, Any]] = (),
    **fields: Any,
) -> ArtworkItem:
    links = [link(path, "image") for path in images]
    record: dict[str, Any] = {
        "source_id": source_id,
        "page_url": lease.url,
        "title": f"Work {source_id}",
        "raw": {},
        "artists": [{"role": "artist", **artist} for artist in artists],
        "terms": list(terms),
        "images": [
            {"url": one.url, "fingerprint": one.fingerprint, "host": one.host, "position": position}
            for position, one in enumerate(links)
        ],
        **fields,
    }
    known = repr(
        sorted((name, repr(value)) for name, value in record.items() if name != "page_url")
    )
    record.setdefault("content_hash", hashlib.sha256(known.encode()).hexdigest())
    return ArtworkItem(lease=lease, answer=OK, record=record)


def image(lease: Lease, content: str = "") -> ImageItem:
    """An image whose bytes follow from `content`, by default from its address."""
    sha256 = hashlib.sha256((content or lease.url).encode()).hexdigest()
    key = f"images/{sha256[:2]}/{sha256[2:4]}/{sha256}.jpg"
    stored = {
        "sha256": sha256,
        "object_key": key,
        "preview_key": key,
        "format": "jpeg",
        "width": 4,
        "height": 3,
        "bytes": 12,
        "phash": int(sha256[:15], 16),
    }
    return ImageItem(
        lease=lease, answer=Answer(200, content_type="image/jpeg"), body=b"", stored=stored
    )


def postponed(lease: Lease, seconds: float, *, status: int = 429) -> PostponedItem:
    """A refusal for so many seconds; without a status, the host was not asked."""
    return PostponedItem(
        lease=lease,
        answer=Answer(status=status),
        until=datetime.now(UTC) + timedelta(seconds=seconds),
        reason="rate_limited",
        detail=f"HTTP {status}; paused",
        counts=status > 0,
    )
