"""The frontier in memory, for a dry run: nothing reaches any database, and it ends with the run.

It does what `Ledger` does within one run of one worker. There is no earlier run, so there are no
generations and nothing to refresh, and what becomes due later does so by a pause of its host.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from crawler.frontier.findings import RECORDS_KEPT, Descent, DryRunSummary, Findings
from crawler.frontier.protocol import Outlook
from crawler.items import (
    PRIORITIES,
    ArtworkItem,
    FailureItem,
    ImageItem,
    Item,
    Kind,
    Lease,
    Link,
    ListingItem,
    PostponedItem,
    UnchangedItem,
)
from crawler.opt_outs import Rule
from crawler.pauses import Pause, Pauses
from storage.inheritance import told_in


@dataclass(slots=True)
class _Row:
    """A page or image that is known."""

    id: int
    url: str
    fingerprint: str
    host: str
    kind: Kind
    depth: int
    meta: dict[str, Any]
    categories: set[str] = field(default_factory=set)
    state: str = "pending"
    attempts: int = 0
    queued: bool = False
    not_before: datetime | None = None
    source_id: str | None = None
    read_by: str | None = None


class MemoryLedger:
    """A frontier that forgets everything at the end but what `summary` returns."""

    worker = 0

    def __init__(
        self, *, site: str, categories: Collection[str] = (), records_kept: int = RECORDS_KEPT
    ) -> None:
        """`records_kept`: works of which the summary holds the whole record."""
        self.site = site
        self._categories = {name.lower() for name in categories} or None
        self._rows: dict[int, _Row] = {}
        self._known: dict[str, _Row] = {}
        self._queues: dict[str, dict[str, list[tuple[int, int]]]] = {}
        self._delays: dict[str, float] = {}
        self._pauses = Pauses()
        self._postponed: dict[int, _Row] = {}
        self._tdm_rules: dict[str, tuple[Rule, ...]] = {}
        self._learned: dict[str, Any] = {}
        self._findings = Findings(records_kept)
        self._telling: dict[str, tuple[int, str]] = {}
        self.generation = 0

    # Opening and closing

    def open(self, *, profile_hash: str, settings: Mapping[str, Any]) -> int:
        """Begin; a dry run has no number."""
        self.generation = 1
        return self.worker

    def seed(self, starts: Iterable[Link]) -> None:
        """Add the start pages."""
        self._add(starts, depth=0)

    def close(self, *, finish_reason: str, stats: Mapping[str, Any]) -> int:
        """Give back what is still leased; return how many failures might pass."""
        self.abandon()
        return self._findings.retryable_failures

    def abandon(self) -> None:
        """Give back what is still leased."""
        for row in self._rows.values():
            if row.state == "leased":
                row.state = "pending"
                self._queue(row)

    # Leasing

    def lease(self, most: int, kinds: Sequence[str]) -> list[Lease]:
        """Lease up to `most` rows of each host."""
        taken: list[_Row] = []
        now = datetime.now(UTC)
        self._take_up(now)
        for host in list(self._queues):
            if self._pauses.of(host, now) is not None:
                continue
            for _ in range(most):
                row = self._next(host, kinds)
                if row is None:
                    break
                row.state = "leased"
                taken.append(row)
        taken.sort(key=lambda row: (-PRIORITIES[row.kind], row.id))
        return [
            Lease(
                id=row.id,
                url=row.url,
                fingerprint=row.fingerprint,
                host=row.host,
                kind=row.kind,
                depth=row.depth,
                attempts=row.attempts,
                generation=self.generation,
                etag=None,
                last_modified=None,
                meta=dict(row.meta),
            )
            for row in taken
        ]

    def outlook(self, kinds: Sequence[str]) -> Outlook:
        """Say whether anything is due, and when the next thing is; nobody else is at work."""
        now = datetime.now(UTC)
        self._take_up(now)
        due = False
        later: list[datetime] = []
        for row in self._postponed.values():
            if row.kind in kinds and self._is_in_scope(row):
                pause = self._pauses.of(row.host, now)
                assert row.not_before is not None, "it is postponed"
                later.append(max(row.not_before, pause.until) if pause else row.not_before)
        for host, queues in self._queues.items():
            rows = sum(len(queue) for queue in self._of(queues, kinds))
            pause = self._pauses.of(host, now)
            if pause is None:
                due = due or bool(rows)
            else:
                later += [pause.until] * rows
        wait = (min(later) - now).total_seconds() if later else None
        return Outlook(due=due, next_due_in=wait, leased_elsewhere=0, waiting=len(later))

    def _take_up(self, now: datetime) -> None:
        """Put rows back on their queues whose time has come."""
        for row in list(self._postponed.values()):
            if row.not_before is None or row.not_before <= now:
                row.not_before = None
                del self._postponed[row.id]
                self._queue(row)

    def _queue(self, row: _Row) -> None:
        if row.state == "pending" and not row.queued and self._is_in_scope(row):
            if row.not_before is not None:
                self._postponed[row.id] = row
                return
            row.queued = True
            queue = self._queues.setdefault(row.host, {}).setdefault(row.kind, [])
            heapq.heappush(queue, (-PRIORITIES[row.kind], row.id))

    def _next(self, host: str, kinds: Sequence[str]) -> _Row | None:
        """Take the best row of a host off its queue."""
        queue = min(self._of(self._queues[host], kinds), default=None, key=lambda heap: heap[0])
        if queue is None:
            return None
        row = self._rows[heapq.heappop(queue)[1]]
        row.queued = False
        return row

    def _of(
        self, queues: Mapping[str, list[tuple[int, int]]], kinds: Sequence[str]
    ) -> Iterator[list[tuple[int, int]]]:
        """Yield a host's queues that have a row to lease at their top."""
        for queue in (queues[kind] for kind in kinds if kind in queues):
            while queue and (row := self._rows[queue[0][1]]).state != "pending":
                heapq.heappop(queue)
                row.queued = False
            if queue:
                yield queue

    def _is_in_scope(self, row: _Row) -> bool:
        return (
            self._categories is None
            or row.kind == "image"
            or "discover" in row.meta
            or any(name.lower() in self._categories for name in row.categories)
        )

    # Recording

    def record(self, items: Sequence[Item]) -> None:
        """Settle the rows of outcomes."""
        for item in items:
            row = self._rows[item.lease.id]
            if isinstance(item, FailureItem):
                # As with leases that were lost: what is settled already did not fail.
                if row.state == "leased":
                    row.attempts += 1
                    row.state = "skipped" if item.skipped else "failed"
                    self._findings.add_failure(item)
                continue
            if isinstance(item, PostponedItem):
                if row.state == "leased":
                    self._postpone(item, row)
                continue
            if isinstance(item, ArtworkItem):
                self._record_artwork(item, row)
            elif isinstance(item, ImageItem):
                self._findings.add_image(item)
            elif isinstance(item, ListingItem):
                self._add(item.children(row.categories), depth=row.depth + 1)
                row.meta.update(item.meta)
            else:
                assert isinstance(item, UnchangedItem), f"an outcome of no known kind: {item!r}"
            row.state = "done"
            row.not_before = None
            row.read_by = item.answer.rendered_by or "never"
            self._findings.resolve(row.url)

    def _postpone(self, item: PostponedItem, row: _Row) -> None:
        row.state, row.not_before = "pending", item.until
        self._queue(row)
        if item.counts:
            row.attempts += 1
            self._findings.add_failure(
                FailureItem(
                    lease=item.lease,
                    answer=item.answer,
                    stage="fetch",
                    reason=item.reason,
                    detail=item.detail,
                    retryable=True,
                )
            )

    def _record_artwork(self, item: ArtworkItem, row: _Row) -> None:
        key = row.source_id = item.record["source_id"]
        if item.rank <= self._telling.get(key, item.rank):
            self._telling[key] = item.rank
            self._findings.add_work(item.record)
            self._add(item.image_links(), depth=row.depth + 1)

    def _add(self, links: Iterable[Link], *, depth: int) -> None:
        for link in links:
            row = self._known.get(link.fingerprint)
            if row is None:
                row = _Row(
                    id=len(self._rows) + 1,
                    url=link.url,
                    fingerprint=link.fingerprint,
                    host=link.host,
                    kind=link.kind,
                    depth=depth,
                    meta={},
                )
                self._rows[row.id] = self._known[row.fingerprint] = row
            row.meta.update(link.meta)
            if not row.categories.issuperset(link.categories):
                row.categories.update(link.categories)
                if row.state == "done" and row.kind in ("listing", "artist"):
                    row.state = "pending"
            self._queue(row)

    # What is known

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return (settled, known) rows by kind."""
        return {
            kind: (
                sum(states.values()) - states.get("pending", 0) - states.get("leased", 0),
                sum(states.values()),
            )
            for kind, states in self._states().items()
        }

    def knows_categories(self) -> bool:
        """Whether anything was found under the categories that the crawl is limited to."""
        wanted = self._categories
        return wanted is None or any(
            name.lower() in wanted for row in self._rows.values() for name in row.categories
        )

    def summary(self) -> DryRunSummary:
        """Return what would have been stored; may be asked for after the end, too."""
        renderings: dict[str, Counter[str]] = {}
        categories: dict[str, set[str]] = {}
        told: dict[str, dict[str, Mapping[str, Any]]] = {}
        for row in self._rows.values():
            if row.read_by is not None and row.kind != "image":
                renderings.setdefault(row.kind, Counter())[row.read_by] += 1
            if row.source_id is not None:
                categories.setdefault(row.source_id, set()).update(row.categories)
                told.setdefault(row.source_id, {}).update(told_in(row.meta))
        return self._findings.summary(
            {key: Descent(frozenset(names), told[key]) for key, names in categories.items()},
            pages=self._states(),
            renderings={kind: dict(engines) for kind, engines in renderings.items()},
        )

    def _states(self) -> dict[str, dict[str, int]]:
        states: dict[str, dict[str, int]] = {}
        for row in self._rows.values():
            of_kind = states.setdefault(row.kind, {})
            of_kind[row.state] = of_kind.get(row.state, 0) + 1
        return states

    # Politeness, reservations and rendering

    def crawl_delays(self) -> dict[str, float]:
        """Return the Crawl-delays of this run, in seconds by host."""
        return dict(self._delays)

    def remember_delay(self, host: str, seconds: float | None) -> None:
        """Keep a host's Crawl-delay, in seconds, for as long as the run lasts."""
        if seconds is None:
            self._delays.pop(host, None)
        else:
            self._delays[host] = seconds

    def pauses(self) -> dict[str, Pause]:
        """Return the pauses that are in effect, by host."""
        return dict(self._pauses.in_effect(datetime.now(UTC)))

    def pause(self, host: str, pause: Pause) -> None:
        """Leave a host alone; a longer pause in effect stays."""
        self._pauses.recall({host: pause})

    def tdm_rules(self) -> dict[str, tuple[Rule, ...]]:
        """Return the rules of `tdmrep.json` files that were read in this run."""
        return dict(self._tdm_rules)

    def remember_tdm_rules(self, host: str, rules: Sequence[Rule]) -> None:
        """Keep the rules of a host's `tdmrep.json`, for as long as the run lasts."""
        self._tdm_rules.pop(host, None)
        if rules:
            self._tdm_rules[host] = tuple(rules)

    def rendering(self) -> dict[str, Any]:
        """Return what was learned in this run about rendering the site's pages."""
        return dict(self._learned)

    def learn(self, entries: Mapping[str, Any]) -> None:
        """Keep entries of what was learned, for as long as the run lasts."""
        self._learned.update(entries)
