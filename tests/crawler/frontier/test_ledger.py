"""The frontier in a real PostgreSQL: leases, outcomes, generations, and two workers at once."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from support.databases import emptied, one, sql
from support.outcomes import artwork, failure, image, link, listing, unchanged
from support.plans import plan_of
from support.workers import (
    KINDS,
    STEPS,
    OpenLedger,
    Worker,
    begin,
    digest_of,
    driver_of,
    held_before,
    lease_one,
    perform,
    state_of,
)

from crawler.frontier import leasing, links, recording, session
from crawler.frontier.leasing import HOST_LOCKS
from crawler.frontier.ledger import Ledger
from crawler.items import Item, Lease
from storage import collection
from storage.database import Database
from storage.errors import DatabaseUnavailable

TABLES = {
    "frontier": "url, kind, state, attempts, generation, lease_owner, http_status, etag, meta, "
    "artwork_id, image_id",
    "frontier_categories": "frontier_id, category",
    "artworks": "site, source_id, title, content_hash, gone_at IS NULL",
    "artwork_versions": "artwork_id, content_hash",
    "artists": "name, name_key, nationality, birth_year, death_year, page_url",
    "artwork_artists": "artwork_id, position, artist_id, role, qualifier",
    "terms": "kind, name",
    "artwork_terms": "artwork_id, term_id, source",
    "images": "sha256",
    "image_sources": "artwork_id, position, url, image_id, content_type",
    "failures": "url, stage, reason, detail, retryable, attempts, resolved_at IS NULL",
}


def everything(database: Database) -> dict[str, list[Any]]:
    return {
        table: sorted(map(repr, sql(database, f"SELECT {columns} FROM {table}")))
        for table, columns in TABLES.items()
    }


def categories_of(database: Database, source_id: str) -> set[str]:
    return {
        row.name
        for row in sql(
            database,
            "SELECT t.name FROM artworks a JOIN artwork_terms w ON w.artwork_id = a.id "
            "JOIN terms t ON t.id = w.term_id WHERE a.source_id = :id AND t.kind = 'category'",
            id=source_id,
        )
    }


def break_connection(ledger: Ledger) -> None:
    """What `kill -9` of the worker looks like to the server: the connection ends, unannounced."""
    with socket.socket(fileno=os.dup(driver_of(ledger).fileno())) as connection:
        connection.shutdown(socket.SHUT_RDWR)


# Recording


@pytest.mark.parametrize("kind", ["listing", "artwork", "image", "unchanged", "failure", "skipped"])
def test_recording_an_outcome_twice_is_recording_it_once(
    database: Database, open_ledger: OpenLedger, kind: str
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/list"), link("/work", "artwork"), link("/1.jpg", "image"))
    maker = {"name": "Ann", "name_key": "ann", "nationality": "Dutch", "birth_year": 1900}
    outcome: Item = {
        "listing": listing(leases["/list"], link("/a", "artwork", "x", "y"), link("/b")),
        "artwork": artwork(
            leases["/work"],
            "1",
            images=["/1.jpg", "/2.jpg"],
            artists=[maker],
            terms=[("style", "op art", "page"), ("nationality", "Dutch", "artist")],
        ),
        "image": image(leases["/1.jpg"]),
        "unchanged": unchanged(leases["/list"]),
        "failure": failure(leases["/work"]),
        "skipped": failure(leases["/work"], "robots_disallowed"),
    }[kind]
    ledger.record([outcome])
    once = everything(database)
    ledger.record([outcome])
    assert everything(database) == once
    ledger.record([outcome, outcome])
    assert everything(database) == once


def test_a_batch_of_all_kinds_settles_every_row(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(
        ledger,
        link("/list", "listing", "red"),
        link("/same"),
        link("/work", "artwork", "red"),
        link("/1.jpg", "image"),
        link("/bad", "artwork"),
        link("/private", "artwork"),
    )
    ledger.record(
        [
            failure(leases["/private"], "robots_disallowed"),
            failure(leases["/bad"]),
            image(leases["/1.jpg"]),
            artwork(leases["/work"], "1", images=["/1.jpg"]),
            unchanged(leases["/same"]),
            listing(leases["/list"], link("/next")),
        ]
    )
    found = dict(tuple(row) for row in sql(database, "SELECT url, state FROM frontier"))
    assert {url.rpartition("/")[2]: state for url, state in found.items()} == {
        "list": "done",
        "same": "done",
        "work": "done",
        "1.jpg": "done",
        "bad": "failed",
        "private": "skipped",
        "next": "pending",
    }
    assert one(database, "SELECT count(*) FROM frontier WHERE lease_owner IS NOT NULL") == 0
    assert one(database, "SELECT image_id IS NOT NULL FROM image_sources")
    assert categories_of(database, "1") == {"red"}
    # The next page of a listing belongs to the listing's category.
    assert (
        one(
            database,
            "SELECT category FROM frontier_categories c JOIN frontier f ON f.id = c.frontier_id "
            "WHERE f.url LIKE '%/next'",
        )
        == "red"
    )


def test_a_work_under_two_addresses_is_one_work_with_all_categories(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/a", "artwork", "red"), link("/b", "artwork", "blue"))
    ledger.record([artwork(leases["/a"], "1", images=["/1.jpg"])])
    ledger.record([artwork(leases["/b"], "1", images=["/1.jpg"])])
    apart = digest_of(database)
    assert one(database, "SELECT count(*) FROM artworks") == 1
    assert one(database, "SELECT count(*) FROM image_sources") == 1
    assert categories_of(database, "1") == {"red", "blue"}
    assert one(database, "SELECT count(*) FROM frontier WHERE artwork_id IS NOT NULL") == 2

    ledger.abandon()
    # Emptying starts the numbers of runs anew, and this one still holds the lock of its number.
    ledger.abandon()
    emptied(database)
    other = open_ledger()
    leases = begin(other, link("/a", "artwork", "red"), link("/b", "artwork", "blue"))
    pages = [artwork(leases[path], "1", images=["/1.jpg"]) for path in ("/b", "/a")]
    other.record(pages)
    assert one(database, "SELECT count(*) FROM artworks") == 1
    assert digest_of(database) == apart


def test_one_image_of_two_works_is_fetched_once(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/a", "artwork"), link("/b", "artwork"))
    ledger.record([artwork(leases["/a"], "1", images=["/shared.jpg", "/a.jpg"])])
    shared = lease_one(ledger, "/shared.jpg")
    ledger.record([image(shared)])
    ledger.record([artwork(leases["/b"], "2", images=["/shared.jpg"])])
    assert ledger.lease(10, KINDS) == []
    rows = sql(database, "SELECT image_id FROM image_sources WHERE url LIKE '%/shared.jpg'")
    assert rows == [(1,), (1,)]


def test_the_same_bytes_at_two_addresses_are_one_image(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/1.jpg", "image"), link("/2.jpg", "image"))
    ledger.record([image(leases["/1.jpg"], "same"), image(leases["/2.jpg"], "same")])
    assert one(database, "SELECT count(*) FROM images") == 1
    assert one(database, "SELECT count(DISTINCT image_id) FROM frontier") == 1


def test_what_one_page_does_not_say_of_an_artist_another_of_the_batch_does(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/a", "artwork"), link("/b", "artwork"))
    silent = {"name": "Ann", "name_key": "ann", "birth_year": 1900}
    ledger.record(
        [
            artwork(leases["/a"], "1", artists=[silent]),
            artwork(leases["/b"], "2", artists=[{**silent, "nationality": "Dutch"}]),
        ]
    )
    assert sql(database, "SELECT name, nationality FROM artists") == [("Ann", "Dutch")]


def test_where_bytes_came_from_is_told_if_it_was_elsewhere(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/a", "artwork"), link("/b", "artwork"))
    ledger.record([artwork(leases["/a"], "1", images=["/1.jpg", "/2.jpg", "/3.jpg"])])
    for number, lease in enumerate(sorted(ledger.lease(10, KINDS), key=lambda row: row.url)):
        item = image(lease)
        item.fetched_url = [f"{lease.url}?size=small", lease.url, None][number]
        ledger.record([item])
    # A work that leads to the same images later knows it too.
    ledger.record([artwork(leases["/b"], "2", images=["/3.jpg", "/2.jpg", "/1.jpg"])])
    rows = sql(
        database, "SELECT url, fetched_url FROM image_sources WHERE content_type = 'image/jpeg'"
    )
    small = "http://museum.example/1.jpg?size=small"
    assert len(rows) == 6
    assert {row.url: row.fetched_url for row in rows} == {
        "http://museum.example/1.jpg": small,
        "http://museum.example/2.jpg": None,
        "http://museum.example/3.jpg": None,
    }
    assert one(database, "SELECT count(*) FROM image_sources WHERE fetched_url = :u", u=small) == 2


def test_success_resolves_the_failures_of_an_address(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/a", "artwork"))
    ledger.record([failure(leases["/a"])])
    assert ledger.close(finish_reason="finished", stats={}) == 1
    ledger.abandon()
    again = open_ledger()
    ledger.abandon()
    lease = lease_one(again)
    assert lease.attempts == 1
    again.record([artwork(lease, "1")])
    assert one(database, "SELECT count(*) FROM failures WHERE resolved_at IS NULL") == 0
    assert again.close(finish_reason="finished", stats={}) == 0


def test_failed_analysis_of_an_image_is_not_the_crawls_to_mend(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    lease = begin(ledger, link("/1.jpg", "image"))["/1.jpg"]
    sql(
        database,
        "INSERT INTO failures (site, url, stage, reason, detail, retryable) "
        "VALUES ('museum', :url, 'analysis', 'compute_failed', '', true)",
        url=lease.url,
    )
    ledger.record([image(lease)])
    assert one(database, "SELECT resolved_at IS NULL FROM failures")
    assert ledger.close(finish_reason="finished", stats={}) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"year_from": 3_000_000_000},
        {"year_from": 1900, "year_to": 1800},
        {"title": "NUL \0 inside"},
        {"title": "half a \ud800 pair"},
        {"terms": [("color", "".join(random.Random(3).choices("abcdefgh", k=9000)), "page")]},
        {"terms": [("nonsense", "x", "page")]},
    ],
    ids=["year-beyond-int", "years-backward", "nul", "surrogate", "too-long-for-index", "kind"],
)
def test_a_refused_record_becomes_a_failure_and_the_rest_is_stored(
    database: Database, open_ledger: OpenLedger, wrong: dict[str, Any]
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, *(link(f"/{name}", "artwork") for name in "abc"))
    ledger.record(
        [
            artwork(leases["/a"], "1"),
            artwork(leases["/b"], "2", content_hash="x", **wrong),
            artwork(leases["/c"], "3"),
        ]
    )
    assert sql(database, "SELECT source_id FROM artworks ORDER BY 1") == [("1",), ("3",)]
    assert sql(database, "SELECT url, stage, reason, retryable FROM failures") == [
        ("http://museum.example/b", "store", "record_refused", False)
    ]
    assert state_of(database, "/b") == "failed"
    assert state_of(database, "/c") == "done"
    assert ledger.lease(10, KINDS) == []


def test_a_failure_whose_words_cannot_be_stored_is_told_without_them(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    lease = begin(ledger, link("/a"))["/a"]
    ledger.record([failure(lease, "extract_error", "found \0 and \udc00 " + "x" * 5000)])
    detail = one(database, "SELECT detail FROM failures")
    assert detail.startswith("found  and ? xxx")
    assert len(detail) == 2000


def test_a_changed_page_leaves_a_version(database: Database, open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    lease = begin(ledger, link("/a", "artwork"))["/a"]
    ledger.record([artwork(lease, "1", title="Old", height_cm=30.5)])
    ledger.record([artwork(lease, "1", title="New", height_cm=30.5)])
    assert sql(database, "SELECT changed FROM artwork_versions") == [({"title": ["Old", "New"]},)]


def test_what_people_said_survives_what_pages_say(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    lease = begin(ledger, link("/a", "artwork"))["/a"]
    ledger.record([artwork(lease, "1", terms=[("style", "a", "page"), ("style", "b", "page")])])
    sql(
        database,
        "WITH t AS (INSERT INTO terms (kind, name) VALUES ('style', 'mine') RETURNING id) "
        "INSERT INTO artwork_terms SELECT 1, id, 'person' FROM t",
    )
    ledger.record([artwork(lease, "1", terms=[("style", "b", "page")])])
    rows = sql(database, "SELECT name FROM terms JOIN artwork_terms ON term_id = id ORDER BY 1")
    assert rows == [("b",), ("mine",)]


# Categories


def test_a_category_found_later_is_added_to_finished_works(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/red", "listing", "red"), link("/blue", "listing", "blue"))
    ledger.record([listing(leases["/red"], link("/a", "artwork"))])
    ledger.record([artwork(lease_one(ledger), "1")])
    assert categories_of(database, "1") == {"red"}
    ledger.record([listing(leases["/blue"], link("/a", "artwork"))])
    assert categories_of(database, "1") == {"red", "blue"}
    assert state_of(database, "/a") == "done"


def test_a_listing_found_under_a_second_category_is_read_again_for_its_children(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/red", "listing", "red"), link("/blue", "listing", "blue"))
    ledger.record([listing(leases["/red"], link("/more"))])
    more = lease_one(ledger)
    ledger.record([listing(more, link("/a", "artwork"))])
    ledger.record([artwork(lease_one(ledger), "1")])
    ledger.record([listing(leases["/blue"], link("/more"))])
    assert state_of(database, "/more") == "pending"
    ledger.record([listing(lease_one(ledger), link("/a", "artwork"))])
    assert categories_of(database, "1") == {"red", "blue"}
    # Found once more under a category that it has already, it is left alone.
    ledger.record([listing(leases["/blue"], link("/more"))])
    assert state_of(database, "/more") == "done"


def test_a_crawl_of_some_categories_leases_nothing_else(
    database: Database, open_ledger: OpenLedger
) -> None:
    everything_else = open_ledger()
    everything_else.seed([link("/red", "listing", "Red"), link("/blue", "listing", "blue")])
    everything_else.abandon()
    ledger = open_ledger(categories=["RED"])
    assert [lease.url for lease in ledger.lease(10, KINDS)] == ["http://museum.example/red"]
    assert not ledger.outlook(KINDS).due
    assert ledger.knows_categories()
    assert not open_ledger(categories=["green"]).knows_categories()


# Two workers, step by step


@pytest.fixture
def rivals(open_ledger: OpenLedger, database: Database) -> tuple[Ledger, Ledger, dict[str, Lease]]:
    """Two workers; the first one's leases are handled by whoever a test says."""
    first, second = open_ledger(), open_ledger()
    leases = begin(
        first,
        link("/red", "listing", "red"),
        link("/blue", "listing", "blue"),
        link("/a", "artwork", "red"),
        link("/b", "artwork", "green"),
        link("/1.jpg", "image"),
    )
    return first, second, leases


@pytest.mark.parametrize("stop", ["_record_sources", "_settle"])
def test_an_image_recorded_during_its_works_transaction_is_linked(
    rivals: tuple[Ledger, Ledger, dict[str, Lease]], database: Database, stop: str
) -> None:
    works, images, leases = rivals
    with held_before(works, stop) as interleave:
        interleave(
            [artwork(leases["/a"], "1", images=["/1.jpg"])], images, [image(leases["/1.jpg"])]
        )
    assert one(database, "SELECT image_id FROM image_sources") == 1


@pytest.mark.parametrize("stop", ["_settle", "_record_listings"])
def test_a_work_recorded_during_its_images_transaction_is_linked(
    rivals: tuple[Ledger, Ledger, dict[str, Lease]], database: Database, stop: str
) -> None:
    works, images, leases = rivals
    with held_before(images, stop) as interleave:
        interleave(
            [image(leases["/1.jpg"])], works, [artwork(leases["/a"], "1", images=["/1.jpg"])]
        )
    assert one(database, "SELECT image_id FROM image_sources") == 1


@pytest.mark.parametrize("stop", ["_settle", "_record_sources", "_record_listings"])
def test_a_category_found_during_a_works_transaction_is_not_lost(
    rivals: tuple[Ledger, Ledger, dict[str, Lease]], database: Database, stop: str
) -> None:
    works, listings, leases = rivals
    with held_before(works, stop) as interleave:
        found = [listing(leases["/blue"], link("/a", "artwork"))]
        interleave([artwork(leases["/a"], "1")], listings, found)
    assert categories_of(database, "1") == {"red", "blue"}


@pytest.mark.parametrize("stop", ["_finished_categories", "_settle"])
def test_a_work_recorded_while_a_category_is_added_has_it(
    rivals: tuple[Ledger, Ledger, dict[str, Lease]], database: Database, stop: str
) -> None:
    works, listings, leases = rivals
    with held_before(listings, stop) as interleave:
        found = [listing(leases["/blue"], link("/a", "artwork"))]
        interleave(found, works, [artwork(leases["/a"], "1")])
    assert categories_of(database, "1") == {"red", "blue"}


@pytest.mark.parametrize("stop", ["_settle", "_record_sources", "_record_listings"])
def test_a_category_found_for_a_works_other_page_is_not_lost(
    rivals: tuple[Ledger, Ledger, dict[str, Lease]], database: Database, stop: str
) -> None:
    works, listings, leases = rivals
    works.record([artwork(leases["/b"], "1")])
    with held_before(works, stop) as interleave:
        found = [listing(leases["/blue"], link("/b", "artwork"))]
        interleave([artwork(leases["/a"], "1")], listings, found)
    assert categories_of(database, "1") == {"red", "green", "blue"}


@pytest.mark.parametrize("stop", ["_settle", "_record_unchanged"])
def test_a_listing_found_under_a_category_while_it_is_recorded_passes_it_on(
    rivals: tuple[Ledger, Ledger, dict[str, Lease]], database: Database, stop: str
) -> None:
    reader, finder, leases = rivals
    reader.record([artwork(leases["/a"], "1")])
    with held_before(reader, stop) as interleave:
        found = [listing(leases["/blue"], link("/red"))]
        interleave([listing(leases["/red"], link("/a", "artwork"))], finder, found)
    # Either it was in time, or the listing is open again.
    for lease in reader.lease(10, KINDS):
        reader.record([listing(lease, link("/a", "artwork"))])
    assert categories_of(database, "1") == {"red", "blue"}


def test_deadlocks_between_writers_are_retried(
    database: Database, open_ledger: OpenLedger, caplog: pytest.LogCaptureFixture
) -> None:
    """Each transaction stops half-way with locks that the other one wants next."""
    first, second = open_ledger(), open_ledger()
    leases = begin(first, link("/a", "artwork"), link("/1.jpg", "image"), link("/2.jpg", "image"))
    both = threading.Barrier(2)
    for ledger in (first, second):
        original = ledger.recorder._record_sources

        def meet(*args: Any, original: Any = original) -> None:
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait(0.2)
            original(*args)

        ledger.recorder._record_sources = meet  # type: ignore[method-assign]
        ledger.session.connection.execute(text("SET deadlock_timeout = '20ms'"))
        ledger.session.connection.commit()
    # A work and the other's image, crosswise.
    sql(
        database,
        "INSERT INTO frontier (site, url, fingerprint, host, kind, state, lease_owner) "
        "SELECT 'museum', '/b', 'b', 'museum.example', 'artwork', 'leased', 1",
    )
    other = Lease(
        **{
            **{name: getattr(leases["/a"], name) for name in Lease.__slots__},
            "id": one(database, "SELECT id FROM frontier WHERE url = '/b'"),
            "url": "/b",
        }
    )
    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(2) as threads:
        done = [
            threads.submit(
                first.record,
                [artwork(leases["/a"], "1", images=["/2.jpg"]), image(leases["/1.jpg"])],
            ),
            threads.submit(
                second.record,
                [artwork(other, "2", images=["/1.jpg"]), image(leases["/2.jpg"])],
            ),
        ]
        for future in done:
            future.result(timeout=30)
    assert "deadlock with another writer" in caplog.text
    assert one(database, "SELECT count(*) FROM image_sources WHERE image_id IS NOT NULL") == 2
    assert one(database, "SELECT count(*) FROM frontier WHERE state <> 'done'") == 0


def test_endless_deadlocks_are_told(
    open_ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_ledger()
    lease = begin(ledger, link("/a"))["/a"]
    monkeypatch.setattr(recording, "DEADLOCK_RETRIES", 2)
    monkeypatch.setattr(
        recording,
        "LOCK_ROWS",
        text("DO $$ BEGIN RAISE deadlock_detected; END $$ -- fake :ids".replace(":ids", "")),
    )
    with pytest.raises(DatabaseUnavailable, match="2 times for deadlocks"):
        ledger.record([listing(lease, link("/b"))])


def test_writers_of_the_same_things_in_opposite_order_both_finish(
    database: Database, open_ledger: OpenLedger
) -> None:
    first, second = open_ledger(), open_ledger()
    paths = [f"/{number}" for number in range(24)]
    leases = begin(first, *(link(path, "artwork") for path in paths))
    for ledger in (first, second):
        ledger.session.connection.execute(text("SET deadlock_timeout = '20ms'"))
        ledger.session.connection.commit()

    def work(path: str) -> Item:
        number = int(path[1:])
        return artwork(
            leases[path],
            str(number),
            images=[f"/{(number + step) % 5}.jpg" for step in range(3)],
            artists=[
                {"name": f"N{one_of}", "name_key": f"n{one_of}", "nationality": f"{number}"}
                for one_of in (number % 3, (number + 1) % 3)
            ],
            terms=[("tag", f"t{(number + step) % 4}", "page") for step in range(3)],
        )

    def write(ledger: Ledger, order: list[str]) -> None:
        for start in range(0, len(order), 4):
            ledger.record([work(path) for path in order[start : start + 4]])

    with ThreadPoolExecutor(2) as threads:
        done = [
            threads.submit(write, first, paths),
            threads.submit(write, second, paths[::-1]),
        ]
        for future in done:
            future.result(timeout=60)
    assert one(database, "SELECT count(*) FROM artworks") == len(paths)
    assert one(database, "SELECT count(*) FROM artists") == 3
    assert one(database, "SELECT count(*) FROM frontier WHERE kind = 'image'") == 5


# Leases


def test_two_workers_never_lease_the_same_row(database: Database, open_ledger: OpenLedger) -> None:
    hosts = [f"http://h{number}.example" for number in range(6)]
    first, second = open_ledger(), open_ledger()
    first.seed([link(f"{host}/{page}") for host in hosts for page in range(40)])
    taken: dict[int, list[int]] = {first.worker: [], second.worker: []}

    def work(ledger: Ledger) -> None:
        while leases := ledger.lease(3, KINDS):
            taken[ledger.worker] += [lease.id for lease in leases]
            ledger.record([listing(lease, link(lease.url)) for lease in leases])

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(work, [first, second]))
    mine, others = (set(ids) for ids in taken.values())
    assert not mine & others
    assert len(mine | others) == 240


def test_a_host_belongs_to_one_worker(database: Database, open_ledger: OpenLedger) -> None:
    first, second = open_ledger(), open_ledger()
    first.seed([link(f"http://{host}.example/{page}") for host in "ab" for page in range(4)])
    claimed = first.lease(1, KINDS)
    assert {lease.host for lease in claimed} == {"a.example", "b.example"}
    assert second.lease(10, KINDS) == []
    ahead = second.outlook(KINDS)
    assert ahead.due
    assert ahead.leased_elsewhere == 2
    first.seed([link("http://c.example/")])
    assert {lease.host for lease in second.lease(10, KINDS)} == {"c.example"}
    assert {lease.host for lease in first.lease(10, KINDS)} == {"a.example", "b.example"}


def test_the_leases_of_a_dead_worker_are_taken_over_at_once(
    database: Database, open_ledger: OpenLedger
) -> None:
    dead, heir = open_ledger(), open_ledger()
    leases = begin(dead, link("/a"), link("/b"))
    dead.record([failure(leases["/b"])])
    assert heir.lease(10, KINDS) == []
    break_connection(dead)
    until = time.monotonic() + 10
    while not (taken := heir.lease(10, KINDS)) and time.monotonic() < until:
        time.sleep(0.01)
    assert [lease.url for lease in taken] == ["http://museum.example/a"]
    assert taken[0].attempts == 0
    # What the dead one says after all is told to nobody.
    with pytest.raises(DatabaseUnavailable):
        dead.record([failure(leases["/a"])])


def test_a_lease_that_ran_out_is_taken_over_and_its_late_failure_is_dropped(
    database: Database, open_ledger: OpenLedger
) -> None:
    slow, heir = open_ledger(), open_ledger()
    late = begin(slow, link("/a", "artwork"))["/a"]
    sql(database, "UPDATE frontier SET lease_until = now() - interval '1 second'")
    slow.session.connection.execute(
        text("SELECT pg_advisory_unlock(:locks, hashtext('museum.example'))"), {"locks": HOST_LOCKS}
    )
    slow.session.connection.commit()
    [lease] = heir.lease(10, KINDS)
    heir.record([artwork(lease, "1")])
    slow.record([failure(late)])
    assert state_of(database, "/a") == "done"
    assert sql(database, "SELECT * FROM failures") == []


def test_attempts_count_answered_failures_only(database: Database, open_ledger: OpenLedger) -> None:
    for _ in range(3):
        ledger = open_ledger()
        begin(ledger, link("/a"))
        ledger.abandon()
    for attempt in range(1, 4):
        ledger = open_ledger()
        ledger.record([failure(begin(ledger, link("/a"))["/a"])])
        assert one(database, "SELECT attempts FROM frontier") == attempt
        assert one(database, "SELECT attempts FROM failures") == attempt
        ledger.abandon()


def test_closing_gives_back_what_is_still_leased(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    begin(ledger, link("/a"), link("/b"))
    ledger.close(finish_reason="limit", stats={"n": 1})
    assert sql(database, "SELECT DISTINCT state, lease_owner FROM frontier") == [("pending", None)]
    [run] = sql(database, "SELECT finish_reason, stats, finished_at FROM crawl_runs")
    assert (run.finish_reason, run.stats) == ("limit", {"n": 1})
    assert run.finished_at is not None


def test_images_are_leased_before_works_and_works_before_listings(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    ledger.seed([link("/list"), link("/work", "artwork"), link("/1.jpg", "image")])
    assert [lease.kind for lease in ledger.lease(1, KINDS)] == ["image"]
    assert [lease.kind for lease in ledger.lease(5, KINDS)] == ["artwork", "listing"]
    ledger.seed([link("/2.jpg", "image"), link("/work2", "artwork")])
    assert [lease.kind for lease in ledger.lease(5, ("image",))] == ["image"]


def test_what_is_not_due_yet_is_announced_and_not_leased(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    ledger.seed([link("/a")])
    sql(database, "UPDATE frontier SET not_before = now() + interval '30 seconds'")
    assert ledger.lease(5, KINDS) == []
    ahead = ledger.outlook(KINDS)
    assert not ahead.due
    assert ahead.next_due_in == pytest.approx(30, abs=3)
    sql(database, "UPDATE frontier SET not_before = now()")
    assert len(ledger.lease(5, KINDS)) == 1


def test_sites_do_not_see_each_other(database: Database, open_ledger: OpenLedger) -> None:
    here, there = open_ledger(), open_ledger("elsewhere")
    here.seed([link("/a")])
    assert there.lease(5, KINDS) == []
    assert there.counts() == {}
    there.seed([link("/a")])
    assert here.counts() == {"listing": (0, 1)}
    assert there.close(finish_reason="finished", stats={}) == 0
    # The host is asked by one worker at a time, whatever the site.
    assert len(here.lease(5, KINDS)) == 1


def test_a_lost_database_is_told_plainly(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    break_connection(ledger)
    for call in (
        lambda: ledger.lease(1, KINDS),
        lambda: ledger.outlook(KINDS),
        lambda: ledger.counts(),
        lambda: ledger.close(finish_reason="x", stats={}),
    ):
        with pytest.raises(DatabaseUnavailable, match="check ARTWORKS_DATABASE_URL"):
            call()
    ledger.abandon()
    with pytest.raises(RuntimeError, match="closed"):
        ledger.lease(1, KINDS)


# Generations


class Museum:
    """Crawls, run by run, a site of one or more listings with works."""

    def __init__(self, open_ledger: OpenLedger, database: Database) -> None:
        self.open_ledger, self.database = open_ledger, database
        self.shown: dict[str, list[str]] = {"/list": ["/a", "/b"]}
        self.unreadable: set[str] = set()
        self.not_modified: set[str] = set()

    def crawl(self, most: int = 1000, finish: bool = True, **scope: Any) -> list[str]:
        """Run once; return the paths that were asked for."""
        ledger = self.open_ledger(**scope)
        ledger.seed([link(path) for path in self.shown])
        asked: list[str] = []
        while len(asked) < most and (leases := ledger.lease(1, KINDS)):
            [lease] = leases
            path = lease.url.removeprefix("http://museum.example")
            asked.append(path)
            if path in self.unreadable:
                ledger.record([failure(lease, "not_found")])
            elif path in self.not_modified:
                ledger.record([unchanged(lease)])
            elif lease.kind == "listing":
                works = (link(shown, "artwork") for shown in self.shown[path])
                ledger.record([listing(lease, *works)])
            else:
                ledger.record([artwork(lease, path)])
        if finish:
            ledger.close(finish_reason="finished", stats={})
        ledger.abandon()
        return asked

    @property
    def gone(self) -> set[str]:
        rows = sql(self.database, "SELECT source_id FROM artworks WHERE gone_at IS NOT NULL")
        return {row.source_id for row in rows}

    @property
    def generation(self) -> tuple[int, bool]:
        [row] = sql(self.database, "SELECT generation, completed_at FROM sites")
        return row.generation, row.completed_at is not None


@pytest.fixture
def museum(open_ledger: OpenLedger, database: Database) -> Museum:
    return Museum(open_ledger, database)


def test_listings_reopen_when_the_generation_was_complete_and_works_do_not(museum: Museum) -> None:
    assert museum.crawl() == ["/list", "/a", "/b"]
    assert museum.generation == (1, True)
    assert museum.crawl() == ["/list"]
    assert museum.generation == (2, True)


def test_listings_stay_read_while_the_generation_is_incomplete(museum: Museum) -> None:
    assert museum.crawl(most=2) == ["/list", "/a"]
    assert museum.generation == (1, False)
    assert museum.crawl() == ["/b"]
    assert museum.generation == (1, True)


def test_a_killed_run_completes_nothing(museum: Museum) -> None:
    museum.crawl(finish=False)
    assert museum.generation == (1, False)
    assert museum.crawl() == []
    assert museum.generation == (1, True)


def test_a_work_that_is_no_longer_listed_is_gone_and_comes_back(museum: Museum) -> None:
    museum.crawl()
    museum.shown["/list"] = ["/a"]
    museum.crawl()
    assert museum.gone == {"/b"}
    museum.shown["/list"] = ["/a", "/b"]
    assert museum.crawl() == ["/list"]
    assert museum.gone == set()


def test_a_listing_that_did_not_change_still_lists_its_works(museum: Museum) -> None:
    museum.crawl()
    museum.not_modified = {"/list"}
    museum.crawl()
    assert museum.gone == set()


def test_nothing_is_gone_as_long_as_a_listing_could_not_be_read(museum: Museum) -> None:
    museum.shown["/other"] = ["/c"]
    museum.crawl()
    museum.shown["/list"] = ["/a"]
    museum.unreadable = {"/other"}
    museum.crawl()
    assert museum.generation == (2, True)
    assert museum.gone == set()
    museum.unreadable = set()
    museum.crawl()
    assert museum.gone == {"/b"}


def test_a_new_start_page_that_was_not_read_keeps_the_generation_open(museum: Museum) -> None:
    museum.crawl()
    museum.shown["/new"] = ["/n"]
    museum.crawl(most=1)
    assert museum.generation == (2, False)
    museum.crawl()
    assert museum.generation == (2, True)


def test_refresh_reopens_works_that_are_old_enough(museum: Museum) -> None:
    museum.crawl()
    sql(
        museum.database,
        "UPDATE frontier SET updated_at = now() - interval '3 days' WHERE url LIKE '%/a'",
    )
    assert museum.crawl(refresh_days=5) == ["/list"]
    assert museum.crawl(refresh_days=2) == ["/list", "/a"]
    assert museum.crawl(refresh_days=2) == ["/list"]
    assert museum.crawl(refresh_days=0) == ["/list", "/a", "/b"]


def test_failures_that_may_pass_are_tried_again_by_the_next_run(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/passing"), link("/lasting"), link("/private"))
    ledger.record(
        [
            failure(leases["/passing"], "timeout"),
            failure(leases["/lasting"], "not_found"),
            failure(leases["/private"], "robots_disallowed"),
        ]
    )
    assert ledger.lease(10, KINDS) == []
    ledger.abandon()
    again = open_ledger()
    assert [lease.url.rpartition("/")[2] for lease in again.lease(10, KINDS)] == ["passing"]


# Politeness


def test_crawl_delays_are_remembered_per_host(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    assert ledger.crawl_delays() == {}
    ledger.remember_delay("a.example", 2.5)
    assert open_ledger("elsewhere").crawl_delays() == {"a.example": 2.5}
    ledger.remember_delay("a.example", None)
    assert ledger.crawl_delays() == {}


# Rendering


def test_what_was_learned_about_rendering_is_kept_for_the_next_run(
    open_ledger: OpenLedger,
) -> None:
    ledger = open_ledger()
    ledger.learn({"listing /": {"engine": "splash"}, "artwork /*": {"engine": "never"}})
    ledger.learn({"listing /": {"engine": "chromium"}})
    ledger.abandon()
    assert open_ledger().rendering() == {
        "listing /": {"engine": "chromium"},
        "artwork /*": {"engine": "never"},
    }
    assert open_ledger("elsewhere").rendering() == {}


# Order, interruption and size


def graph_works() -> dict[str, dict[str, Any]]:
    """Four works, of which two are one, that share artists, terms and images."""
    ann = {"name": "Ann", "name_key": "ann"}
    return {
        "/a": {
            "source_id": "1",
            "images": ["/1.jpg", "/2.jpg"],
            "artists": [ann],
            "terms": [("tag", "x", "page"), ("style", "s", "page")],
        },
        "/b": {"source_id": "2", "images": ["/2.jpg"], "terms": [("tag", "x", "page")]},
        "/c": {"source_id": "3", "artists": [ann], "terms": [("tag", "y", "page")]},
        "/c2": {"source_id": "3", "artists": [ann], "terms": [("tag", "y", "page")]},
    }


GRAPH_STARTS = [link("/red", "listing", "red"), link("/blue", "listing", "blue")]
GRAPH_LISTINGS = {
    "/red": [link("/a", "artwork"), link("/c", "artwork"), link("/more")],
    "/blue": [link("/b", "artwork"), link("/c2", "artwork"), link("/more")],
    "/more": [link("/b", "artwork"), link("/a", "artwork")],
}


def outcome_of(lease: Lease) -> Item:
    path = lease.url.removeprefix("http://museum.example")
    if path in GRAPH_LISTINGS:
        return listing(lease, *GRAPH_LISTINGS[path])
    if path.endswith(".jpg"):
        return image(lease, "same" if path == "/2.jpg" else "")
    return artwork(lease, **graph_works()[path])


@pytest.fixture(scope="module")
def straight(migrated: Database) -> str:
    """The digest of a run that nothing disturbs."""
    Worker(emptied(migrated), GRAPH_STARTS, outcome_of).finish()
    assert one(migrated, "SELECT count(*) FROM frontier WHERE state = 'done'") == 9
    return digest_of(migrated)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, max_size=40))
def test_whatever_happens_the_collection_ends_as_if_nothing_had(
    migrated: Database, straight: str, steps: list[tuple[int, str]]
) -> None:
    workers = [
        Worker(database, GRAPH_STARTS, outcome_of) for database in (emptied(migrated), migrated)
    ]
    perform(workers, steps)
    # The first run may find the generation half done; one more sees to every listing.
    workers[0].finish()
    assert digest_of(migrated) == straight
    assert one(migrated, "SELECT count(*) FROM frontier WHERE state <> 'done'") == 0
    workers[1].finish()
    assert digest_of(migrated) == straight
    assert one(migrated, "SELECT count(*) FROM artworks WHERE gone_at IS NOT NULL") == 0


@pytest.fixture
def crowded(database: Database) -> Database:
    """100,000 rows, most of them done or failed, on a few hosts, each in two categories."""
    sql(
        database,
        """
        INSERT INTO frontier (site, url, fingerprint, host, kind, state, priority, generation)
        SELECT 'museum', 'http://h' || n % 4 || '.example/' || n, md5(n::text),
               'h' || n % 4 || '.example', (ARRAY['listing', 'artwork', 'image'])[1 + n % 3],
               (ARRAY['done', 'done', 'done', 'failed', 'pending'])[1 + n / 7 % 5],
               10 * (1 + n % 3), 1
        FROM generate_series(1, 100000) n
        """,
    )
    sql(
        database,
        """
        INSERT INTO frontier_categories (frontier_id, category)
        SELECT id, category FROM frontier, unnest(ARRAY['landscape', 'portrait']) category
        """,
    )
    # The planner prefers to read a table whole as long as it takes it for a small one.
    sql(database, "ANALYZE frontier, frontier_categories")
    return database


def test_leasing_reads_the_index_and_not_the_table(
    crowded: Database, open_ledger: OpenLedger
) -> None:
    scope = {"site": "museum", "kinds": list(KINDS), "categories": None, "worker": 1}
    taking = plan_of(crowded, leasing.LEASE, **scope, hosts=["h1.example"], most=16, minutes=60)
    assert "ix_frontier_due" in taking
    assert "Seq Scan" not in taking
    assert "Sort" not in taking
    reclaiming = plan_of(crowded, leasing.RECLAIM, site="museum", worker=1, locks=1)
    assert "ix_frontier_leased" in reclaiming
    assert "Seq Scan" not in reclaiming
    hosts = plan_of(crowded, leasing.DUE_HOSTS, **scope)
    assert "ix_frontier_due" in hosts
    recategorising = plan_of(crowded, recording.ALL_CATEGORIES, ids=[1, 2])
    assert "ix_frontier_artwork_id" in recategorising
    for statement in (recording.LOCK_ROWS, links.CATEGORIES_OF):
        assert "Seq Scan" not in plan_of(crowded, statement, ids=[1, 2])
    inheriting = plan_of(crowded, collection._TOLD, ids=[1, 2])
    assert "ix_frontier_artwork_id" in inheriting
    assert "Seq Scan" not in inheriting

    ledger = open_ledger()
    began = time.perf_counter()
    assert len(ledger.lease(16, KINDS)) == 64
    assert len(ledger.lease(16, KINDS)) == 64
    assert time.perf_counter() - began < 2


def test_releasing_finds_leases_by_their_owner(crowded: Database) -> None:
    assert "ix_frontier_leased" in plan_of(crowded, leasing.RELEASE, worker=1)


def test_the_driver_knows_the_errors_that_are_told_apart() -> None:
    assert psycopg2.errors.DeadlockDetected in session.ANSWERED
    assert issubclass(psycopg2.errors.ProgramLimitExceeded, psycopg2.OperationalError)
