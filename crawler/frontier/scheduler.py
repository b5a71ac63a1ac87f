"""Scrapy's SCHEDULER on top of the frontier: leases rows ahead of need, hands out requests.

What is not a frontier row yet never gets here. Retries, redirects and the second leg of a
rendered page belong to a lease that is already held, and wait in memory.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections import Counter, deque
from datetime import UTC, datetime
from itertools import count
from typing import Self

from scrapy import Request, Spider, signals
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from twisted.internet.defer import Deferred

from crawler.context import CrawlContext
from crawler.frontier.protocol import LOOK_AHEAD_S
from crawler.items import PRIORITIES, ArtworkItem, Item, Lease, PostponedItem
from storage.errors import ArtworksError

logger = logging.getLogger(__name__)

POLL_S = 1.0
ALL_KINDS = tuple(PRIORITIES)


class FrontierScheduler(BaseScheduler):
    """Leases in batches while the buffer is low; ends when the frontier has nothing to do soon."""

    def __init__(self, crawler: Crawler, context: CrawlContext) -> None:
        self._crawler = crawler
        self._context = context
        # A host's share: enough to keep its download slot busy, not so much that requests of a
        # slow host fill the downloader while another host could be served.
        self._per_host = 4 * context.profile.politeness.concurrency
        self._leased: dict[str, deque[Lease]] = {}
        self._in_flight: Counter[str] = Counter()
        self._begun: dict[int, Lease] = {}
        self._held: list[tuple[int, int, Request]] = []
        self._order = count()
        self._artworks_begun = 0
        self._artworks_failed = 0
        self._finished: set[str] = set()
        self._set_aside: list[Lease] = []
        self._refill: asyncio.Task[None] | None = None
        self._exhausted = False
        self._closing = False
        self._stale = True

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        scheduler = cls(crawler, CrawlContext.of(crawler))
        crawler.signals.connect(scheduler._lost, signal=signals.item_error)
        crawler.signals.connect(scheduler._idle, signal=signals.spider_idle)
        return scheduler

    # Scrapy's interface

    def open(self, spider: Spider) -> Deferred[None] | None:
        return Deferred.fromFuture(asyncio.ensure_future(self._context.begin(self._crawler)))

    def close(self, reason: str) -> Deferred[None] | None:
        self._closing = True
        if self._refill is not None:
            self._refill.cancel()
        return None

    def has_pending_requests(self) -> bool:
        return not self._exhausted

    def enqueue_request(self, request: Request) -> bool:
        if "lease" not in request.meta:
            logger.error("not fetched, for it belongs to no frontier row: %s", request.url)
            return False
        heapq.heappush(self._held, (-request.priority, next(self._order), request))
        return True

    def next_request(self) -> Request | None:
        if self._held:
            return heapq.heappop(self._held)[2]
        lease = self._next_lease()
        if self._wants_more():
            self._start_refill()
        if lease is None:
            return None
        self._begun[lease.id] = lease
        self._in_flight[lease.host] += 1
        if lease.kind == "artwork":
            self._artworks_begun += 1
        request: Request = self._crawler.spider.request_for(lease)  # type: ignore[union-attr]
        return request

    # Handing out

    def _next_lease(self) -> Lease | None:
        if self._limit_reached():
            self._keep_only_images()
        elif self._set_aside:
            self._take_up()
        for host in sorted(self._leased, key=lambda host: self._in_flight[host]):
            if self._in_flight[host] >= self._per_host:
                return None
            queue = self._leased[host]
            lease = queue.popleft()
            if not queue:
                del self._leased[host]
            return lease
        return None

    def _keep_only_images(self) -> None:
        """Set buffered pages beyond the limit aside; their leases are given back at the end."""
        for host, queue in list(self._leased.items()):
            images = deque(lease for lease in queue if lease.kind == "image")
            self._set_aside += (lease for lease in queue if lease.kind != "image")
            if images:
                self._leased[host] = images
            else:
                del self._leased[host]

    def _take_up(self) -> None:
        """Go on with the pages set aside: what was in flight did not reach the limit after all."""
        for lease in self._set_aside:
            self._leased.setdefault(lease.host, deque()).append(lease)
        self._set_aside.clear()

    def _limit_reached(self) -> bool:
        limit = self._context.arguments.limit
        return limit is not None and self._artworks_begun - self._artworks_failed >= limit

    def _is_another_work(self, item: Item) -> bool:
        """Whether an outcome is a work that this run has not finished yet by another page."""
        if not isinstance(item, ArtworkItem) or self._context.arguments.limit is None:
            return self._context.is_success(item)
        known = item.record["source_id"] in self._finished
        self._finished.add(item.record["source_id"])
        return not known

    def _kinds(self) -> tuple[str, ...]:
        return ("image",) if self._limit_reached() else ALL_KINDS

    def settled(self, item: Item) -> None:
        """Forget the lease of an outcome that is durable now, and look for what it made due."""
        self._stale = True
        lease = self._begun.pop(item.lease.id, None)
        if lease is not None:
            self._in_flight[lease.host] -= 1
            if lease.kind == "artwork" and not self._is_another_work(item):
                self._artworks_failed += 1
        if isinstance(item, PostponedItem):
            # What else is in flight may take longer than the pause.
            left = (item.until - datetime.now(UTC)).total_seconds()
            asyncio.get_running_loop().call_later(max(0.0, left) + POLL_S / 10, self._wake)
        self._poke()

    def _wake(self) -> None:
        """Look for what became due meanwhile."""
        self._stale = True
        self._poke()

    def _lost(self, item: Item, failure: object) -> None:
        """An outcome could not be recorded: the row stays leased until the process ends."""
        error = getattr(failure, "value", None)
        reason = "database_unavailable" if isinstance(error, ArtworksError) else "internal_error"
        self._context.stop(self._crawler, reason, str(error))

    def _idle(self, spider: Spider) -> None:
        if self._limit_reached():
            raise CloseSpider("limit")

    # Leasing ahead

    def _wants_more(self) -> bool:
        buffered = sum(len(queue) for queue in self._leased.values())
        return buffered < self._per_host // 2

    def _start_refill(self) -> None:
        if self._refill is None and not self._closing and not self._exhausted and self._stale:
            self._refill = asyncio.ensure_future(self._lease_more())

    async def _lease_more(self) -> None:
        try:
            self._stale = False
            ledger, writer = self._context.ledger, self._context.writer
            leases = await writer.call(ledger.lease, self._per_host, self._kinds())
            for lease in leases:
                self._leased.setdefault(lease.host, deque()).append(lease)
            if leases:
                self._stale = True
            elif not self._begun and not self._held and not self._leased:
                await self._look_ahead()
        except ArtworksError as error:
            self._context.stop(self._crawler, "database_unavailable", str(error))
        finally:
            self._refill = None
        self._poke()

    async def _look_ahead(self) -> None:
        """Nothing to lease and nothing in flight: wait for what comes soon, or end."""
        outlook = await self._context.writer.call(self._context.ledger.outlook, self._kinds())
        wait = POLL_S
        if not outlook.due and not outlook.leased_elsewhere:
            if outlook.next_due_in is None or outlook.next_due_in > LOOK_AHEAD_S:
                if outlook.waiting:
                    await self._context.leave_waiting(outlook.waiting)
                self._exhausted = True
                return
            wait = max(0.05, outlook.next_due_in)
        # Others are at work on our hosts, or something is due in a moment.
        await asyncio.sleep(min(wait, POLL_S))
        self._stale = True

    def _poke(self) -> None:
        """Have the engine ask again now rather than at its next heartbeat."""
        engine = self._crawler.engine
        slot = engine._slot if engine is not None else None
        if slot is not None and slot.closing is None:
            slot.nextcall.schedule()
