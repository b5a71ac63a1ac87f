"""Where a crawl can be killed: the arrows of "How a page becomes durable", in its order.

Each point wraps a function of the product from outside, and tells a hook whenever the crawl (or an
image worker) passes there. The product knows nothing of it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Hook = Callable[[], None]
Install = Callable[[Hook], None]
Victim = Literal["crawl", "both", "worker"]
Phase = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Point:
    """A place to be killed at.

    `needs` is the kind of frontier row without which no crawl gets there, `most` the latest
    passage at which one is killed, `victim` who is: the crawl, an image worker, or the crawl by
    its worker and the worker too, as when the machine stops.
    """

    said: str
    install: Install
    phase: Phase = "middle"
    needs: str | None = None
    most: int = 1
    victim: Victim = "crawl"


def _around(
    owner: Callable[[], Any], name: str, counts: Callable[..., bool], *, after: bool
) -> Install:
    """Return what wraps a function or coroutine of `owner()`; `counts` is given its arguments."""

    def install(hook: Hook) -> None:
        original = getattr(owner(), name)

        def wrapped(*args: Any, **keywords: Any) -> Any:
            if not after and counts(*args):
                hook()
            result = original(*args, **keywords)
            if after and counts(*args):
                hook()
            return result

        async def awaited(*args: Any, **keywords: Any) -> Any:
            if not after and counts(*args):
                hook()
            result = await original(*args, **keywords)
            if after and counts(*args):
                hook()
            return result

        # Scrapy looks at what is a coroutine function and what is not.
        wrapper = awaited if inspect.iscoroutinefunction(original) else wrapped
        setattr(owner(), name, functools.wraps(original)(wrapper))

    return install


def _always(*_: Any) -> bool:
    return True


def _before(owner: Callable[[], Any], name: str, counts: Callable[..., bool] = _always) -> Install:
    return _around(owner, name, counts, after=False)


def _after(owner: Callable[[], Any], name: str, counts: Callable[..., bool] = _always) -> Install:
    return _around(owner, name, counts, after=True)


# Imported when a point is installed: the crawl's process sets its reactor first.


def _ledger() -> Any:
    from crawler.frontier.ledger import Ledger

    return Ledger


def _ledger_module() -> Any:
    from crawler.frontier import ledger

    return ledger


def _recorder() -> Any:
    from crawler.frontier.recording import Recorder

    return Recorder


def _handler() -> Any:
    from crawler.download import GuardedDownloadHandler

    return GuardedDownloadHandler


def _store_pipeline() -> Any:
    from crawler.pipelines.store import StorePipeline

    return StorePipeline


def _workers() -> Any:
    from crawler.imaging.pool import ImageWorkers

    return ImageWorkers


def _object_store() -> Any:
    from storage.objects.folder import FolderObjectStore
    from storage.objects.s3 import S3ObjectStore
    from storage.settings import load_settings

    location = load_settings().objects_location
    return FolderObjectStore if location.startswith("file:") else S3ObjectStore


def _puts(prefix: str) -> Callable[..., bool]:
    return lambda _, key, *__: key.startswith(prefix)


def _asks_for(*kinds: str) -> Callable[..., bool]:
    def counts(_: Any, request: Any, *__: Any) -> bool:
        lease = request.meta.get("lease")
        return lease is not None and lease.kind in kinds

    return counts


def _holds(kind: str) -> Callable[..., bool]:
    """Whether a batch of outcomes holds a success of that kind."""
    from crawler.items import FailureItem

    return lambda _, items, *__: any(
        item.lease.kind == kind and not isinstance(item, FailureItem) for item in items
    )


def _some(*args: Any) -> bool:
    return bool(args[-1])


PAGES = ("listing", "artist", "artwork")

POINTS: Mapping[str, Point] = {
    "opened": Point("the run is registered", _after(_ledger, "open"), "start"),
    "seeded": Point("the start pages are committed", _after(_ledger, "seed"), "start"),
    "leased": Point("a lease is committed", _after(_ledger, "lease"), most=3),
    "page-asked": Point(
        "before a page is fetched",
        _before(_handler, "download_request", _asks_for(*PAGES)),
        needs="artwork",
        most=6,
    ),
    "page-fetched": Point(
        "a page is fetched",
        _after(_handler, "download_request", _asks_for(*PAGES)),
        needs="artwork",
        most=6,
    ),
    "extracted": Point(
        "a work is extracted, not recorded",
        _before(_store_pipeline, "process_item", lambda _, item: item.lease.kind == "artwork"),
        needs="artwork",
        most=6,
    ),
    "listing-written": Point(
        "a listing is written, not committed",
        _after(_recorder, "_record_listings", _some),
        needs="listing",
    ),
    "listing-committed": Point(
        "a listing is committed",
        _after(_ledger, "record", _holds("listing")),
        needs="listing",
    ),
    "artwork-written": Point(
        "a work is written, not committed",
        _after(_recorder, "_record_artworks", _some),
        needs="artwork",
        most=2,
    ),
    "artwork-committed": Point(
        "a work is committed",
        _after(_ledger, "record", _holds("artwork")),
        needs="artwork",
        most=2,
    ),
    "image-fetched": Point(
        "an image is fetched", _before(_workers, "store"), needs="artwork", most=6
    ),
    "original-put": Point(
        "the original is put",
        _after(_object_store, "put", _puts("images/")),
        needs="artwork",
        most=6,
        victim="both",
    ),
    "preview-put": Point(
        "the preview is put",
        _after(_object_store, "put", _puts("previews/")),
        needs="artwork",
        most=6,
        victim="both",
    ),
    "image-stored": Point(
        "an image is stored, not recorded",
        _before(_ledger, "record", _holds("image")),
        needs="artwork",
        most=2,
    ),
    "image-written": Point(
        "an image is written, not committed",
        _after(_recorder, "_record_images", _some),
        needs="artwork",
        most=2,
    ),
    "image-committed": Point(
        "an image is committed",
        _after(_ledger, "record", _holds("image")),
        needs="artwork",
        most=2,
    ),
    "worker-original": Point(
        "image worker alone: before a put",
        _before(_object_store, "put", _puts("images/")),
        needs="artwork",
        most=6,
        victim="worker",
    ),
    "worker-preview": Point(
        "image worker alone: the preview is put",
        _after(_object_store, "put", _puts("previews/")),
        needs="artwork",
        most=6,
        victim="worker",
    ),
    "generation-complete": Point(
        "the generation is complete, not committed",
        _after(_ledger_module, "complete_generation"),
        "end",
    ),
    "closed": Point("the run is closed", _after(_ledger, "close"), "end"),
}
"""By name; what each says is what is durable, or not, when the process is killed."""


def install_acknowledgements(hook: Callable[[int], None]) -> None:
    """Tell `hook` after each commit how many outcomes it made durable."""
    ledger = _ledger()
    original = ledger.record

    @functools.wraps(original)
    def record(self: Any, items: Any) -> None:
        original(self, items)
        hook(len(items))

    ledger.record = record
