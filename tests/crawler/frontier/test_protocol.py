"""What every frontier does, in PostgreSQL and in memory: leases, outcomes, and a whole crawl."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scrapy import Request
from support.databases import emptied, sql
from support.outcomes import artwork, failure, image, link, listing, unchanged
from support.workers import KINDS, begin, lease_one

from crawler.context import CrawlContext
from crawler.frontier import scheduler as module
from crawler.frontier.ledger import Ledger
from crawler.frontier.memory import MemoryLedger
from crawler.frontier.protocol import Frontier, Outlook
from crawler.frontier.scheduler import FrontierScheduler
from crawler.items import Item, Lease, Link
from crawler.opt_outs import Rule
from storage.database import Database

OpenFrontier = Callable[..., Frontier]


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


def paths(leases: list[Lease]) -> list[str]:
    return [lease.url.removeprefix("http://museum.example") for lease in leases]


# Leases


def test_rows_are_leased_once_and_images_first(open_frontier: OpenFrontier) -> None:
    frontier = open_frontier()
    frontier.seed([link("/list"), link("/work", "artwork"), link("/1.jpg", "image")])
    frontier.seed([link("/list"), link("/other")])
    assert paths(frontier.lease(2, KINDS)) == ["/1.jpg", "/work"]
    assert paths(frontier.lease(5, KINDS)) == ["/list", "/other"]
    assert frontier.lease(5, KINDS) == []
    assert frontier.counts() == {"listing": (0, 2), "artwork": (0, 1), "image": (0, 1)}


def test_leases_are_shared_out_by_host_and_kind(open_frontier: OpenFrontier) -> None:
    frontier = open_frontier()
    frontier.seed([link(f"http://{host}.example/{page}") for host in "ab" for page in range(4)])
    frontier.seed([link("http://a.example/1.jpg", "image")])
    assert [lease.host for lease in frontier.lease(1, ("image",))] == ["a.example"]
    assert frontier.lease(1, ("image",)) == []
    shares = []
    while leases := frontier.lease(3, KINDS):
        shares.append([lease.host[0] for lease in leases])
    # A frontier may take one host up after the other, but never more of one at once.
    assert max(share.count(host) for share in shares for host in "ab") == 3
    assert sorted(host for share in shares for host in share) == ["a"] * 4 + ["b"] * 4


def test_the_outlook_tells_what_is_due(open_frontier: OpenFrontier) -> None:
    frontier = open_frontier()
    assert frontier.outlook(KINDS) == Outlook(False, None, 0)
    frontier.seed([link("/list")])
    assert frontier.outlook(KINDS) == Outlook(True, None, 0)
    assert not frontier.outlook(("image",)).due
    [lease] = frontier.lease(1, KINDS)
    assert frontier.outlook(KINDS) == Outlook(False, None, 0)
    frontier.record([listing(lease, link("/a", "artwork"))])
    assert frontier.outlook(("artwork",)).due


def test_closing_gives_back_leases_and_counts_what_may_pass(open_frontier: OpenFrontier) -> None:
    frontier = open_frontier()
    rows = begin(frontier, link("/a"), link("/b"), link("/c"), link("/d"))
    frontier.record([failure(rows["/a"]), failure(rows["/b"], "not_found")])
    frontier.record([failure(rows["/c"], "robots_disallowed")])
    assert frontier.close(finish_reason="limit", stats={}) == 1
    assert frontier.counts() == {"listing": (3, 4)}
    frontier.abandon()
    frontier.abandon()


# Outcomes


@pytest.mark.parametrize("kind", ["listing", "artwork", "image", "unchanged", "failure", "skipped"])
def test_recording_twice_is_recording_once(open_frontier: OpenFrontier, kind: str) -> None:
    frontier = open_frontier()
    rows = begin(frontier, link("/list"), link("/work", "artwork"), link("/1.jpg", "image"))
    outcome: Item = {
        "listing": listing(rows["/list"], link("/a", "artwork", "x"), link("/b")),
        "artwork": artwork(rows["/work"], "1", images=["/1.jpg", "/2.jpg"]),
        "image": image(rows["/1.jpg"]),
        "unchanged": unchanged(rows["/list"]),
        "failure": failure(rows["/work"]),
        "skipped": failure(rows["/work"], "robots_disallowed"),
    }[kind]
    frontier.record([outcome])
    once = frontier.counts()
    frontier.record([outcome])
    frontier.record([outcome, outcome])
    assert frontier.counts() == once
    assert sum(settled for settled, _ in once.values()) == 1
    due = frontier.lease(10, KINDS)
    assert sum(known for _, known in once.values()) == 1 + 2 + len(due)
    assert frontier.close(finish_reason="finished", stats={}) == (kind == "failure")


def test_success_resolves_a_failure_and_failing_late_is_no_failure(
    open_frontier: OpenFrontier,
) -> None:
    frontier = open_frontier()
    rows = begin(frontier, link("/a"), link("/b"))
    frontier.record([failure(rows["/a"]), listing(rows["/b"], link("/c"))])
    frontier.record([listing(rows["/a"], link("/c")), failure(rows["/b"])])
    assert frontier.close(finish_reason="finished", stats={}) == 0
    assert frontier.counts() == {"listing": (2, 3)}


def test_a_listing_found_under_a_second_category_is_read_again(open_frontier: OpenFrontier) -> None:
    frontier = open_frontier()
    rows = begin(frontier, link("/red", "listing", "red"), link("/blue", "listing", "blue"))
    frontier.record([listing(rows["/red"], link("/more"), link("/a", "artwork"))])
    more = lease_one(frontier, "/more")
    frontier.record([listing(more, link("/a", "artwork"))])
    frontier.record([listing(rows["/blue"], link("/more"))])
    assert paths(frontier.lease(5, KINDS)) == ["/more"]
    frontier.record([listing(more, link("/a", "artwork")), listing(rows["/blue"], link("/more"))])
    assert frontier.lease(5, KINDS) == []


def test_a_crawl_of_some_categories_leases_nothing_else(open_frontier: OpenFrontier) -> None:
    frontier = open_frontier(categories=["RED"])
    assert not frontier.knows_categories()
    home = Link(**{**_fields(link("/")), "meta": {"discover": 0}})
    frontier.seed([link("/blue", "listing", "blue"), home])
    assert paths(frontier.lease(5, KINDS)) == ["/"]
    assert not frontier.outlook(KINDS).due
    assert not frontier.knows_categories()
    frontier.seed([link("/red", "listing", "Red"), link("/1.jpg", "image")])
    assert frontier.knows_categories()
    [picture, red] = frontier.lease(5, KINDS)
    assert paths([picture, red]) == ["/1.jpg", "/red"]
    # What lies in another category comes into view when it is found in this one.
    frontier.record([listing(red, link("/blue"))])
    assert paths(frontier.lease(5, KINDS)) == ["/blue"]


def test_what_is_learned_is_remembered(open_frontier: OpenFrontier) -> None:
    frontier = open_frontier()
    assert frontier.rendering() == {}
    frontier.learn({"listing /": {"engine": "splash"}, "artwork /*": {"engine": "never"}})
    frontier.learn({"listing /": {"engine": "chromium"}})
    assert frontier.rendering() == {
        "listing /": {"engine": "chromium"},
        "artwork /*": {"engine": "never"},
    }
    assert frontier.crawl_delays() == {}
    frontier.remember_delay("a.example", 2.5)
    assert frontier.crawl_delays() == {"a.example": 2.5}
    frontier.remember_delay("a.example", None)
    assert frontier.crawl_delays() == {}
    rules = (Rule("/a", True, "http://a.example/policy"), Rule("/", False))
    frontier.remember_tdm_rules("a.example", rules)
    frontier.remember_tdm_rules("b.example", ())
    assert frontier.tdm_rules() == {"a.example": rules}
    frontier.remember_tdm_rules("a.example", ())
    assert frontier.tdm_rules() == {}


def _fields(one_of: Link) -> dict[str, Any]:
    return {name: getattr(one_of, name) for name in Link.__slots__}


# A whole crawl

STARTS = [link("/red", "listing", "red"), link("/blue", "listing", "blue")]
ANN = {
    "name": "Ann",
    "name_key": "ann",
    "nationality": None,
    "birth_year": 1850,
    "death_year": None,
    "page_url": None,
    "terms": [["style", "op art"]],
}
LISTINGS = {
    "/red": [link("/ann", "artist"), link("/a", "artwork"), link("/missing", "artwork")],
    "/blue": [link("/ann", "artist"), link("/red/2"), link("/c2", "artwork")],
    "/red/2": [link("/c", "artwork"), link("/b", "artwork")],
    "/ann": [link("/a", "artwork"), link("/b", "artwork"), link("/ann/2", "artist")],
    "/ann/2": [link("/c", "artwork")],
}
WORKS: dict[str, dict[str, Any]] = {
    "/a": {
        "source_id": "1",
        "artists": [{"name": "Ann", "name_key": "ann"}],
        "images": ["/1.jpg", "/2.jpg"],
    },
    "/b": {"source_id": "2", "terms": [("style", "op art", "page")], "images": ["/2.jpg"]},
    "/c": {"source_id": "3", "terms": [("tag", "x", "page")]},
    "/c2": {"source_id": "3", "terms": [("tag", "x", "page")]},
}


def outcome_of(lease: Lease) -> Item:
    [path] = paths([lease])
    if path in LISTINGS:
        item = listing(lease, *LISTINGS[path])
        item.artist = ANN if lease.kind == "artist" else None
        return item
    if path.endswith(".jpg"):
        return image(lease, "same")
    return artwork(lease, **WORKS[path]) if path in WORKS else failure(lease, "not_found")


def crawl(frontier: Frontier, *, limit: int | None = None, concurrency: int = 2) -> list[str]:
    """Have the scheduler go through the site; return the paths in the order asked for."""

    async def call(function: Callable[..., Any], *arguments: Any) -> Any:
        await asyncio.sleep(0)
        return function(*arguments)

    context = SimpleNamespace(
        arguments=SimpleNamespace(limit=limit),
        profile=SimpleNamespace(politeness=SimpleNamespace(concurrency=concurrency)),
        ledger=frontier,
        writer=SimpleNamespace(call=call),
        is_success=CrawlContext.is_success,
    )
    crawler = SimpleNamespace(
        engine=None,
        spider=SimpleNamespace(
            request_for=lambda row: Request(row.url, meta={"lease": row}, dont_filter=True)
        ),
    )
    scheduler = FrontierScheduler(crawler, context)  # type: ignore[arg-type]
    asked: list[Lease] = []

    async def go() -> None:
        while True:
            request = scheduler.next_request()
            if request is None:
                if scheduler._refill is None and scheduler._limit_reached():
                    return
                if not scheduler.has_pending_requests():
                    return
                await asyncio.sleep(0)
                continue
            asked.append(request.meta["lease"])
            outcome = outcome_of(asked[-1])
            frontier.record([outcome])
            scheduler.settled(outcome)

    asyncio.run(asyncio.wait_for(go(), 30))
    return paths(asked)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_S", 0.01)


def test_a_crawl_asks_for_everything_and_ends(open_frontier: OpenFrontier) -> None:
    frontier = open_frontier()
    frontier.seed(STARTS)
    asked = crawl(frontier)
    # Listings and artists that were found under a second category are asked for again.
    assert set(asked) == {*LISTINGS, *WORKS, "/missing", "/1.jpg", "/2.jpg"}
    assert len([path for path in asked if path in WORKS or path.endswith("jpg")]) == 6
    assert crawl(frontier) == []
    assert frontier.close(finish_reason="finished", stats={}) == 0
    counts = frontier.counts()
    assert counts == {"listing": (3, 3), "artist": (2, 2), "artwork": (5, 5), "image": (2, 2)}


def test_a_limit_counts_works_and_their_images_are_still_asked_for(
    open_frontier: OpenFrontier,
) -> None:
    frontier = open_frontier()
    frontier.seed([link("/red", "listing", "red")])
    asked = crawl(frontier, limit=1)
    assert [path for path in asked if path in WORKS] == ["/a"]
    assert {path for path in asked if path.endswith(".jpg")} == {"/1.jpg", "/2.jpg"}


def test_a_category_alone(open_frontier: OpenFrontier) -> None:
    frontier = open_frontier(categories=["blue"])
    frontier.seed([STARTS[0]])
    assert crawl(frontier) == []
    assert not frontier.knows_categories()


def stored(database: Database) -> dict[str, Any]:
    """Works with their terms and makers, and the numbers of a dry run's summary."""
    terms = sql(
        database,
        "SELECT a.source_id, t.kind, t.name, w.source FROM artworks a JOIN artwork_terms w "
        "ON w.artwork_id = a.id JOIN terms t ON t.id = w.term_id",
    )
    makers = sql(
        database,
        "SELECT a.source_id, r.name_key, r.birth_year FROM artworks a JOIN artwork_artists m "
        "ON m.artwork_id = a.id JOIN artists r ON r.id = m.artist_id "
        "ORDER BY a.source_id, m.position",
    )
    [[works, images, size]] = sql(
        database,
        "SELECT (SELECT count(*) FROM artworks), count(*), coalesce(sum(bytes), 0) FROM images",
    )
    return {
        "terms": {tuple(row) for row in terms},
        "makers": [tuple(row) for row in makers],
        "artworks": works,
        "images": (images, size),
        "pages": {
            (row.kind, row.state): row.rows
            for row in sql(
                database, "SELECT kind, state, count(*) AS rows FROM frontier GROUP BY 1, 2"
            )
        },
    }


def found(ledger: MemoryLedger) -> dict[str, Any]:
    """The same of a dry run."""
    summary = ledger.summary()
    records = sorted(summary.records, key=lambda record: str(record["source_id"]))
    return {
        "terms": {(record["source_id"], *term) for record in records for term in record["terms"]},
        "makers": [
            (record["source_id"], maker["name_key"], maker.get("birth_year"))
            for record in records
            for maker in record["artists"]
        ],
        "artworks": summary.artworks,
        "images": (summary.images, summary.image_bytes),
        "pages": {
            (kind, state): rows
            for kind, states in summary.pages.items()
            for state, rows in states.items()
        },
    }


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(numbers=st.lists(st.integers(0, 20), max_size=30), most=st.integers(1, 5))
def test_a_dry_run_finds_what_a_crawl_stores(
    migrated: Database, numbers: list[int], most: int
) -> None:
    """Outcomes arrive in any order, some of them twice; then the rest of the site follows."""
    ledger: Ledger = Ledger(emptied(migrated), site="museum")
    memory = MemoryLedger(site="museum")
    try:
        for frontier in (ledger, memory):
            frontier.open(profile_hash="p", settings={})
            frontier.seed(STARTS)
            held: list[Lease] = []
            for number in numbers:
                held += frontier.lease(most, KINDS)
                if held:
                    # Rows have other numbers in the two: by address they are the same.
                    held.sort(key=lambda lease: lease.url)
                    lease = held.pop(number % len(held))
                    frontier.record([outcome_of(lease)] * (1 + number % 2))
            for lease in held:
                frontier.record([outcome_of(lease)])
            crawl(frontier)
        assert found(memory) == stored(migrated)
    finally:
        ledger.abandon()
