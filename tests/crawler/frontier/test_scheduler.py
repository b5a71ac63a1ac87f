"""What the scheduler hands to Scrapy and when it ends; crawler, ledger and context are fakes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy import Request
from scrapy.exceptions import CloseSpider
from support.outcomes import artwork, failure, listing, postponed

from crawler.context import CrawlContext
from crawler.frontier import scheduler as module
from crawler.frontier.protocol import Outlook
from crawler.frontier.scheduler import ALL_KINDS, FrontierScheduler
from crawler.items import Kind, Lease
from storage.errors import DatabaseUnavailable


def lease(number: int, host: str = "x", kind: Kind = "artwork") -> Lease:
    url = f"http://{host}/{number}"
    return Lease(number, url, str(number), host, kind, 0, 0, 1, None, None, {})


class FakeLedger:
    """Gives leases from `rows`, at most so many of a host."""

    def __init__(self) -> None:
        self.rows: list[Lease] = []
        self.asked: list[tuple[int, Sequence[str]]] = []
        self.ahead = Outlook(due=False, next_due_in=None, leased_elsewhere=0)
        self.broken = False

    def lease(self, most: int, kinds: Sequence[str]) -> list[Lease]:
        if self.broken:
            raise DatabaseUnavailable("gone")
        self.asked.append((most, tuple(kinds)))
        given: list[Lease] = []
        for row in [row for row in self.rows if row.kind in kinds]:
            if sum(one.host == row.host for one in given) < most:
                given.append(row)
                self.rows.remove(row)
        return given

    def outlook(self, kinds: Sequence[str]) -> Outlook:
        return self.ahead


class Bench:
    """A scheduler with nothing real around it."""

    def __init__(self, *, limit: int | None = None, concurrency: int = 2) -> None:
        self.ledger = FakeLedger()
        self.stopped: list[tuple[str, str]] = []
        self.left_waiting: list[int] = []

        async def leave_waiting(rows: int) -> None:
            self.left_waiting.append(rows)

        async def call(function: Callable[..., Any], *arguments: Any) -> Any:
            await asyncio.sleep(0)
            return function(*arguments)

        context = SimpleNamespace(
            arguments=SimpleNamespace(limit=limit),
            profile=SimpleNamespace(politeness=SimpleNamespace(concurrency=concurrency)),
            ledger=self.ledger,
            writer=SimpleNamespace(call=call),
            is_success=CrawlContext.is_success,
            leave_waiting=leave_waiting,
            stop=lambda crawler, reason, problem: self.stopped.append((reason, problem)),
        )
        crawler = SimpleNamespace(
            engine=None,
            spider=SimpleNamespace(
                request_for=lambda row: Request(row.url, meta={"lease": row}, dont_filter=True)
            ),
        )
        self.scheduler = FrontierScheduler(crawler, context)  # type: ignore[arg-type]

    async def settle(self) -> None:
        """Let the refill that is under way come to its end."""
        while self.scheduler._refill is not None:
            await asyncio.sleep(0.001)

    async def take(self) -> list[Lease]:
        """Take all requests that there are."""
        taken: list[Lease] = []
        while True:
            request = self.scheduler.next_request()
            if request is not None:
                taken.append(request.meta["lease"])
            elif self.scheduler._refill is not None:
                await self.settle()
            else:
                return taken


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 20))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_S", 0.01)


def test_leases_are_handed_out_and_no_host_fills_the_downloader() -> None:
    async def scenario() -> None:
        bench = Bench(concurrency=2)
        bench.ledger.rows = [lease(number, "slow") for number in range(20)]
        bench.ledger.rows += [lease(100 + number, "fast") for number in range(3)]
        taken = await bench.take()
        assert sum(one.host == "slow" for one in taken) == 8
        assert sum(one.host == "fast" for one in taken) == 3
        bench.scheduler.settled(listing(taken[0]))
        assert len(await bench.take()) == 1

    run(scenario())


def test_a_work_that_another_page_gave_already_does_not_count_for_the_limit() -> None:
    async def scenario() -> None:
        bench = Bench(limit=2)
        bench.ledger.rows = [lease(number) for number in range(5)]
        taken = await bench.take()
        assert len(taken) == 2
        for row in taken:
            bench.scheduler.settled(artwork(row, "the same"))
        [another] = await bench.take()
        bench.scheduler.settled(artwork(another, "another"))
        assert await bench.take() == []

    run(scenario())


def test_it_ends_when_nothing_is_due_soon() -> None:
    async def scenario() -> None:
        bench = Bench()
        assert bench.scheduler.has_pending_requests()
        assert await bench.take() == []
        assert not bench.scheduler.has_pending_requests()

    run(scenario())


@pytest.mark.parametrize(
    "ahead",
    [
        Outlook(due=False, next_due_in=5.0, leased_elsewhere=0),
        Outlook(due=False, next_due_in=None, leased_elsewhere=3),
        Outlook(due=True, next_due_in=None, leased_elsewhere=0),
    ],
    ids=["due-in-a-moment", "others-at-work", "due-on-a-host-of-others"],
)
def test_it_stands_by_while_something_may_come(ahead: Outlook) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.ledger.ahead = ahead
        for asked in range(3):
            assert bench.scheduler.next_request() is None
            await bench.settle()
            assert bench.scheduler.has_pending_requests()
            assert len(bench.ledger.asked) == asked + 1
        bench.ledger.ahead = Outlook(due=False, next_due_in=None, leased_elsewhere=0)
        bench.ledger.rows = [lease(1)]
        assert len(await bench.take()) == 1

    run(scenario())


def test_what_comes_much_later_is_the_next_runs() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.ledger.ahead = Outlook(due=False, next_due_in=61.0, leased_elsewhere=0)
        await bench.take()
        assert not bench.scheduler.has_pending_requests()
        assert bench.left_waiting == []

    run(scenario())


def test_a_long_pause_of_a_host_leaves_its_rows_waiting() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.ledger.ahead = Outlook(due=False, next_due_in=61.0, leased_elsewhere=0, waiting=7)
        await bench.take()
        assert not bench.scheduler.has_pending_requests()
        assert bench.left_waiting == [7]

    run(scenario())


def test_a_pause_that_is_over_is_noticed_while_something_else_is_in_flight() -> None:
    async def scenario() -> None:
        bench = Bench(limit=5)
        bench.ledger.rows = [lease(1), lease(2, "slow")]
        taken = {one.id: one for one in await bench.take()}
        item = postponed(taken[1], 0.05)
        bench.scheduler.settled(item)
        again: list[Lease] = []
        while not again:
            bench.ledger.rows = [lease(1)] if datetime.now(UTC) > item.until else []
            again = await bench.take()
            await asyncio.sleep(0.001)
        assert [one.id for one in again] == [1]
        assert bench.scheduler._artworks_begun - bench.scheduler._artworks_failed == 2

    run(scenario())


def test_it_does_not_end_while_a_page_is_in_flight_that_may_lead_to_more() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.ledger.rows = [lease(1, kind="listing")]
        [page] = await bench.take()
        assert bench.scheduler.has_pending_requests()
        asked = len(bench.ledger.asked)
        assert await bench.take() == []
        assert len(bench.ledger.asked) == asked, "the database is not asked again for nothing"
        bench.ledger.rows = [lease(2)]
        bench.scheduler.settled(listing(page))
        assert [one.id for one in await bench.take()] == [2]

    run(scenario())


def test_retries_and_redirects_stay_in_their_lease_and_go_first() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.ledger.rows = [lease(1), lease(2)]
        await bench.settle()
        first = None
        while first is None:
            first = bench.scheduler.next_request()
            await bench.settle()
        assert bench.scheduler.enqueue_request(first.replace(url="http://x/moved"))
        urgent = first.replace(url="http://x/retry", priority=5)
        assert bench.scheduler.enqueue_request(urgent)
        order = [bench.scheduler.next_request() for _ in range(3)]
        assert [one.url for one in order if one] == [
            "http://x/retry",
            "http://x/moved",
            "http://x/2",
        ]
        assert not bench.scheduler.enqueue_request(Request("http://x/stray"))

    run(scenario())


def test_a_limit_counts_works_that_did_not_fail_and_lets_images_through() -> None:
    async def scenario() -> None:
        bench = Bench(limit=2, concurrency=1)
        bench.ledger.rows = [lease(number) for number in range(1, 20)]
        taken = await bench.take()
        assert [one.id for one in taken] == [1, 2]
        with pytest.raises(CloseSpider) as closing:
            bench.scheduler._idle(None)  # type: ignore[arg-type]
        assert closing.value.reason == "limit"
        bench.scheduler.settled(failure(taken[0]))
        more = await bench.take()
        assert [one.kind for one in more] == ["artwork"]
        bench.ledger.rows = [lease(50, kind="image"), lease(51)]
        bench.scheduler.settled(listing(more[0]))
        assert [one.kind for one in await bench.take()] == ["image"]
        assert bench.ledger.asked[-1][1] == ("image",)
        assert bench.ledger.asked[0][1] == ALL_KINDS

    run(scenario())


def test_a_lost_database_stops_the_crawl() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.ledger.broken = True
        bench.scheduler.next_request()
        await bench.settle()
        assert bench.stopped == [("database_unavailable", "gone")]

    run(scenario())


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DatabaseUnavailable("gone"), "database_unavailable"),
        (ValueError("odd"), "internal_error"),
    ],
)
def test_an_outcome_that_cannot_be_recorded_stops_the_crawl(error: Exception, reason: str) -> None:
    bench = Bench()
    bench.scheduler._lost(listing(lease(1)), SimpleNamespace(value=error))
    assert bench.stopped == [(reason, str(error))]


def test_once_closed_it_leases_nothing_more() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.ledger.rows = [lease(1)]
        bench.scheduler.close("shutdown")
        assert bench.scheduler.next_request() is None
        assert bench.scheduler._refill is None
        assert bench.ledger.asked == []

    run(scenario())
