"""Where to look next for an image whose address fails: other sizes and copies, within one lease.

An image's row in the frontier holds one address, and in `meta` what else is known of the image:

| key | meaning |
|---|---|
| `alternatives` | further addresses, the next best first |
| `iiif_service` | base address of its IIIF Image API service |
| `max_side` | longest side asked of that service, in pixels |

The order is: the row's address; other names of the service's largest image; what the service's
`info.json` says that it gives, largest first; all other alternatives. A service knows more than
the page that names it, and its sizes are those of the same image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from crawler.extraction.image_service import bounded_urls, info_url, largest_urls, read_info
from crawler.items import Stage
from crawler.reasons import REASONS, Verdict

MAX_BOUNDED = 3  # sizes of an info.json that are tried
SHOWN_URL = 100  # characters of an address that a failure's detail shows

# What another size or copy can mend. Of the others, those that may pass end the search: the next
# run begins it anew; and those of the first address say that the image cannot be had at all.
MENDABLE = frozenset(
    {
        *("not_found", "gone", "forbidden", "http_error", "server_error", "body_too_large"),
        "too_many_redirects",
        *(code for code, reason in REASONS.items() if reason.stage == "image"),
    }
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An address that was asked in vain, and why."""

    url: str
    verdict: Verdict
    is_info: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """What to ask next: an image, or the service's `info.json`."""

    url: str
    is_info: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """How far the search for an image got; travels with its requests.

    `sizes` are the addresses that the service's `info.json` led to, None before it was read.
    """

    current: Address
    alternatives: tuple[str, ...] = ()
    service: str | None = None
    max_side: int | None = None
    sizes: tuple[str, ...] | None = None
    tried: tuple[Attempt, ...] = ()

    @classmethod
    def begin(cls, url: str, meta: Mapping[str, Any]) -> Search:
        """Begin with the address of a row and what else its `meta` knows."""
        return cls(
            current=Address(url),
            alternatives=tuple(meta.get("alternatives") or ()),
            service=meta.get("iiif_service"),
            max_side=meta.get("max_side"),
        )

    def failed(self, verdict: Verdict) -> Search:
        """Return the search with its current address among those tried in vain."""
        attempt = Attempt(self.current.url, verdict, self.current.is_info)
        sizes = () if self.current.is_info else self.sizes
        return replace(self, tried=(*self.tried, attempt), sizes=sizes)

    def informed(self, data: object, max_pixels: int) -> Search:
        """Return the search with what a decoded `info.json` says that the service gives."""
        assert self.service is not None, "its info.json was asked for"
        info = read_info(data)
        if info is None:
            return self.failed(Verdict("not_text", "no info.json of a IIIF image service"))
        urls = bounded_urls(info, self.service, max_side=self.max_side, max_pixels=max_pixels)
        asked = {attempt.url for attempt in self.tried}
        return replace(self, sizes=tuple([url for url in urls if url not in asked][:MAX_BOUNDED]))

    def towards(self, address: Address) -> Search:
        """Return the search that asks `address` now."""
        return replace(self, current=address)


def next_address(search: Search) -> Address | None:
    """Return what to ask next; None if nothing is left, or nothing can be mended by asking on."""
    if search.tried and not _goes_on(search):
        return None
    asked = {attempt.url for attempt in search.tried}
    if (service := search.service) is not None:
        own = {*largest_urls(service), *largest_urls(service, "1.1")}
        for url in search.alternatives:
            if url in own and url not in asked:
                return Address(url)
        if search.sizes is None:
            return Address(info_url(service), is_info=True)
        asked.add(info_url(service))
    for url in (*(search.sizes or ()), *search.alternatives):
        if url not in asked:
            return Address(url)
    return None


def _goes_on(search: Search) -> bool:
    verdict = search.tried[-1].verdict
    if verdict.reason in MENDABLE:
        return True
    # Beyond the first address, one that is forbidden or refused is only passed over.
    return len(search.tried) > 1 and not verdict.retryable


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why no address gave the image."""

    stage: Stage
    reason: str
    detail: str
    retryable: bool
    status: int


def outcome(search: Search) -> Outcome:
    """Return why a search failed: for the first address's reason, unless a later one may pass.

    The detail tells all addresses that were tried. The failure is worth a retry if that of any
    address is.
    """
    tried = search.tried
    last = tried[-1].verdict
    ended = last if last.reason not in MENDABLE and last.retryable else tried[0].verdict
    detail = tried[0].verdict.detail
    if len(tried) > 1:
        told = "; ".join(f"{_shown(one.url)}: {one.verdict.detail}" for one in tried)
        detail = f"tried {len(tried)} addresses: {told}"
    return Outcome(
        stage=ended.stage,
        reason=ended.reason,
        detail=detail,
        retryable=any(one.verdict.retryable for one in tried),
        status=ended.status,
    )


def _shown(url: str) -> str:
    """Return an address, shortened in its middle, where it says least."""
    if len(url) <= SHOWN_URL:
        return url
    half = SHOWN_URL // 2
    return f"{url[:half]}…{url[-half + 1 :]}"
