"""Hosts that want to be left alone: whose rows are leased, by whom, and when again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.databases import one, sql
from support.outcomes import failure, link, listing, postponed
from support.workers import KINDS, OpenLedger, begin

from crawler.frontier.ledger import Ledger
from crawler.frontier.memory import MemoryLedger
from crawler.frontier.protocol import Frontier
from crawler.items import Lease
from crawler.pauses import Pause
from storage.database import Database

OpenFrontier = Callable[..., Frontier]
HOST = "museum.example"


@pytest.fixture(params=["database", "memory"])
def open_frontier(request: pytest.FixtureRequest) -> Iterator[OpenFrontier]:
    """Opens one frontier of the site `museum`."""
    if request.param == "database":
        open_ledger = request.getfixturevalue("open_ledger")
        yield lambda **scope: open_ledger(**scope)
        return

    def start(**scope: Any) -> Frontier:
        ledger = MemoryLedger(site="museum", **scope)
        ledger.open(profile_hash="p", settings={})
        return ledger

    yield start


def ahead(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def pause_of(seconds: float) -> Pause:
    return Pause(ahead(seconds), f"HTTP 429, Retry-After: {seconds}")


def paths(leases: list[Lease]) -> list[str]:
    return sorted(lease.url.partition("example")[2] for lease in leases)


# What every frontier does


def test_no_row_of_a_paused_host_is_leased(open_frontier: OpenFrontier) -> None:
    frontier = open_frontier()
    frontier.seed([link("/a"), link("/b"), link("http://other.example/c")])
    frontier.pause(HOST, pause_of(600))
    assert paths(frontier.lease(10, KINDS)) == ["/c"]
    outlook = frontier.outlook(KINDS)
    assert not outlook.due
    assert outlook.waiting == 2
    assert outlook.next_due_in == pytest.approx(600, abs=60)
    known = frontier.pauses()
    assert list(known) == [HOST]
    assert known[HOST].because == "HTTP 429, Retry-After: 600"
    assert known[HOST].seconds(datetime.now(UTC)) == pytest.approx(600, abs=60)


def test_a_pause_that_is_over_holds_nothing_back(open_frontier: OpenFrontier) -> None:
    frontier = open_frontier()
    frontier.seed([link("/a")])
    frontier.pause(HOST, pause_of(-1))
    assert frontier.pauses() == {}
    assert frontier.outlook(KINDS).due
    assert paths(frontier.lease(10, KINDS)) == ["/a"]


def test_a_longer_pause_is_not_made_shorter(open_frontier: OpenFrontier) -> None:
    frontier = open_frontier()
    frontier.pause(HOST, pause_of(600))
    frontier.pause(HOST, pause_of(5))
    assert frontier.pauses()[HOST].because == "HTTP 429, Retry-After: 600"
    frontier.pause(HOST, pause_of(6000))
    assert frontier.pauses()[HOST].because == "HTTP 429, Retry-After: 6000"


def test_a_postponed_row_waits_for_its_time(open_frontier: OpenFrontier) -> None:
    frontier = open_frontier()
    rows = begin(frontier, link("/late"), link("/now"))
    frontier.record([postponed(rows["/late"], 600), postponed(rows["/now"], -1, status=0)])
    outlook = frontier.outlook(KINDS)
    assert (outlook.due, outlook.waiting) == (True, 1)
    assert outlook.next_due_in == pytest.approx(600, abs=60)
    [lease] = frontier.lease(10, KINDS)
    assert (lease.url, lease.attempts) == (rows["/now"].url, 0)
    frontier.record([listing(lease)])
    assert frontier.counts() == {"listing": (1, 2)}
    # The pause of a host may last longer than that of a row.
    frontier.pause(HOST, pause_of(6000))
    assert frontier.outlook(KINDS).next_due_in == pytest.approx(6000, abs=60)


def test_a_refusal_is_a_failure_until_the_page_is_had(open_frontier: OpenFrontier) -> None:
    frontier = open_frontier()
    rows = begin(frontier, link("/a"), link("/b"))
    frontier.record([postponed(rows["/a"], -1), postponed(rows["/b"], -1, status=0)])
    again = {lease.url: lease for lease in frontier.lease(10, KINDS)}
    a, b = again[rows["/a"].url], again[rows["/b"].url]
    assert (a.attempts, b.attempts) == (1, 0)
    frontier.record([postponed(a, -1), listing(b)])
    assert frontier.close(finish_reason="finished", stats={}) == 1
    [last] = frontier.lease(10, KINDS)
    assert last.attempts == 2
    frontier.record([listing(last)])
    assert frontier.close(finish_reason="finished", stats={}) == 0


def test_postponing_twice_is_postponing_once(open_frontier: OpenFrontier) -> None:
    frontier = open_frontier()
    rows = begin(frontier, link("/a"), link("/b"))
    item = postponed(rows["/a"], -1)
    frontier.record([item])
    frontier.record([item, item])
    frontier.record([listing(rows["/b"])])
    frontier.record([postponed(rows["/b"], 600)])
    assert frontier.outlook(KINDS).waiting == 0, "what is settled is not put off any more"
    [lease] = frontier.lease(10, KINDS)
    assert lease.attempts == 1


# Among workers and runs


def test_a_pause_holds_for_every_worker_of_every_site_and_after_a_restart(
    open_ledger: OpenLedger,
) -> None:
    first, second = open_ledger(), open_ledger()
    elsewhere = open_ledger(site="another")
    first.seed([link("/a")])
    elsewhere.seed([link("/a")])
    first.pause(HOST, pause_of(600))
    first.abandon()
    for ledger in (second, elsewhere, open_ledger()):
        assert ledger.lease(10, KINDS) == []
        assert ledger.outlook(KINDS).waiting == 1
        assert list(ledger.pauses()) == [HOST]


def test_a_refused_row_tells_until_when_and_remembers_it(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    rows = begin(ledger, link("/a"), link("/b"))
    ledger.record([postponed(rows["/a"], 600), postponed(rows["/b"], 600, status=0)])
    assert sql(
        database,
        "SELECT state, attempts, http_status, lease_owner, "
        "not_before > now() + interval '5 min' FROM frontier ORDER BY url",
    ) == [("pending", 1, 429, None, True), ("pending", 0, None, None, True)]
    assert sql(
        database, "SELECT url, stage, reason, detail, retryable, attempts FROM failures"
    ) == [(rows["/a"].url, "fetch", "rate_limited", "HTTP 429; paused", True, 1)]
    ledger.close(finish_reason="finished", stats={})
    assert one(database, "SELECT completed_at FROM sites") is None
    # Neither the next run nor its retries of failures come before the time.
    assert open_ledger().lease(10, KINDS) == []


def test_a_row_that_fails_for_good_may_be_retried_by_the_next_run(
    open_ledger: OpenLedger,
) -> None:
    ledger = open_ledger()
    rows = begin(ledger, link("/a"))
    ledger.record([postponed(rows["/a"], -1)])
    [again] = ledger.lease(10, KINDS)
    ledger.record([failure(again, "rate_limited")])
    assert ledger.lease(10, KINDS) == []
    assert ledger.close(finish_reason="finished", stats={}) == 1
    ledger.abandon()
    [taken_up] = open_ledger().lease(10, KINDS)
    assert taken_up.attempts == 2


def test_who_lost_the_lease_postpones_nothing(database: Database, open_ledger: OpenLedger) -> None:
    first = open_ledger()
    rows = begin(first, link("/a"))
    first.abandon()
    second = open_ledger()
    [lease] = second.lease(10, KINDS)
    late = Ledger(database, site="museum")
    late.open(profile_hash="p", settings={})
    try:
        late.record([postponed(rows["/a"], 600)])
    finally:
        late.abandon()
    assert one(database, "SELECT state FROM frontier") == "leased"
    second.record([listing(lease)])
    assert one(database, "SELECT not_before FROM frontier") is None
