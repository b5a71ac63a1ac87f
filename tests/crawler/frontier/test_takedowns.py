"""What was taken down does not come back, whatever a crawl finds and whenever it finds it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from support.databases import one, sql
from support.outcomes import artwork, failure, image, link, listing
from support.plans import plan_of
from support.workers import KINDS, OpenLedger, begin, digest_of, lease_one, state_of

from crawler.frontier.ledger import Ledger
from crawler.items import ArtworkItem, ImageItem, Lease, ListingItem
from storage import forgettable, forgetting, forgotten
from storage.database import Database
from storage.errors import UsageError
from storage.failures import Choice, retry_failures
from storage.forgettable import Target
from storage.forgetting import Takedown, forget, keys_of, remove_objects, survey, undo
from storage.objects import FolderObjectStore

ANN = {"name": "Ann", "name_key": "ann", "birth_year": 1900}
BO = {"name": "Bo", "name_key": "bo"}
ELSEWHERE = "http://elsewhere.example"
WORK = Target("artwork", "museum", "1", "Work 1")


@pytest.fixture
def store(tmp_path: Path) -> FolderObjectStore:
    made = FolderObjectStore(tmp_path / "objects")
    made.ensure_bucket()
    return made


def put(store: FolderObjectStore, item: ImageItem) -> ImageItem:
    """Store the bytes as an image worker does, with a preview."""
    assert item.stored is not None
    sha256 = item.stored["sha256"]
    item.stored["preview_key"] = f"previews/512/{sha256[:2]}/{sha256[2:4]}/{sha256}.jpg"
    for key in (item.stored["object_key"], item.stored["preview_key"]):
        store.put(key, b"bytes", content_type="image/jpeg")
    return item


def stored_keys(store: FolderObjectStore) -> set[str]:
    return {info.key for info in store.list()}


def take_down(database: Database, target: Target) -> Takedown:
    expected = survey(database, target)
    taken = forget(database, target, reason="asked for", label=target.label)
    assert taken.extent == expected
    return taken


def works(database: Database) -> list[str]:
    return [row.source_id for row in sql(database, "SELECT source_id FROM artworks ORDER BY 1")]


def images(database: Database) -> int:
    found: int = one(database, "SELECT count(*) FROM images")
    return found


def reasons(database: Database) -> dict[str, str]:
    rows = sql(database, "SELECT url, reason FROM failures WHERE resolved_at IS NULL")
    return {row.url.removeprefix("http://museum.example"): row.reason for row in rows}


def collect(
    ledger: Ledger, store: FolderObjectStore, pages: Mapping[str, Callable[[Lease], ArtworkItem]]
) -> dict[str, Lease]:
    """Record works and their images: `pages` make the outcome of a page from its lease."""
    leases = begin(ledger, link("/list"), *(link(path, "artwork") for path in pages))
    ledger.record([listing(leases["/list"], *(link(path, "artwork") for path in pages))])
    ledger.record([make(leases[path]) for path, make in pages.items()])
    found = ledger.lease(1000, ["image"])
    ledger.record([put(store, image(lease)) for lease in found])
    return leases


@pytest.fixture
def ledger(open_ledger: OpenLedger, store: FolderObjectStore) -> Ledger:
    """Work 1 by Ann shows /1.jpg, /shared.jpg; work 2 by Bo shows /shared.jpg, /2.jpg."""
    made = open_ledger(store=store)
    collect(
        made,
        store,
        {
            "/work/1": lambda lease: artwork(
                lease, "1", images=["/1.jpg", "/shared.jpg"], artists=[ANN],
                terms=[("tag", "only here", "page"), ("tag", "common", "page")],
            ),
            "/work/2": lambda lease: artwork(
                lease, "2", images=["/shared.jpg", "/2.jpg"], artists=[BO],
                terms=[("tag", "common", "page")],
            ),
        },
    )  # fmt: skip
    return made


def test_a_work_goes_with_all_that_is_its_own(
    database: Database, ledger: Ledger, store: FolderObjectStore
) -> None:
    before = stored_keys(store)
    taken = take_down(database, WORK)
    extent = taken.extent
    assert (extent.works, extent.artists, extent.images, extent.objects) == (1, 1, 1, 2)
    assert (extent.shared_images, extent.pages, extent.look_alikes) == (1, 2, 0)
    assert works(database) == ["2"]
    assert images(database) == 2
    assert sql(database, "SELECT name FROM artists") == [("Bo",)]
    assert sql(database, "SELECT name FROM terms") == [("common",)]
    for path in ("/work/1", "/1.jpg"):
        [row] = sql(
            database,
            "SELECT state, meta, artwork_id, image_id, etag FROM frontier WHERE url LIKE :end",
            end=f"%{path}",
        )
        assert tuple(row) == ("skipped", {"forgotten": taken.id}, None, None, None)
    assert state_of(database, "/shared.jpg") == "done"
    assert stored_keys(store) == before
    assert remove_objects(store, taken.hashes) == 2
    assert stored_keys(store) < before
    assert len(stored_keys(store)) == 4
    # The same request ends what a killed one left.
    again = take_down(database, WORK)
    assert (again.id, again.hashes) == (taken.id, taken.hashes)
    assert remove_objects(store, again.hashes) == 0


@pytest.mark.parametrize("refresh_days", [None, 0])
def test_no_link_and_no_retry_opens_what_was_taken_down(
    database: Database, ledger: Ledger, open_ledger: OpenLedger, refresh_days: float | None
) -> None:
    take_down(database, WORK)
    ledger.close(finish_reason="finished", stats={})
    ledger.abandon()
    again = open_ledger(refresh_days=refresh_days)
    again.seed([link("/list"), link("/work/1", "artwork", "new")])
    lease = lease_one(again, "/list", ["listing"])
    told = {"artist:key": {"name": "Ann", "name_key": "ann", "terms": []}}
    handed = replace(link("/work/1", "artwork"), meta=told)
    again.record([listing(lease, handed, link("/work/2", "artwork"))])
    with database.begin() as connection:
        retry_failures(connection)
        retry_failures(connection, Choice(reason="forgotten"))
    urls = {lease.url.rpartition("/")[2] for lease in again.lease(100, KINDS)}
    assert urls <= {"2", "2.jpg", "shared.jpg"}
    assert ("2" in urls) is (refresh_days is not None)
    [row] = sql(database, "SELECT state, meta FROM frontier WHERE url LIKE '%/work/1'")
    assert (row.state, set(row.meta)) == ("skipped", {"forgotten"})


def test_a_site_without_gaps_is_complete_although_something_was_taken_down(
    database: Database, ledger: Ledger, open_ledger: OpenLedger
) -> None:
    ledger.close(finish_reason="finished", stats={})
    take_down(database, WORK)
    ledger.abandon()
    again = open_ledger()
    again.seed([link("/list")])
    again.record([listing(lease_one(again, "/list"), link("/work/1", "artwork"))])
    again.close(finish_reason="finished", stats={})
    gone = dict(map(tuple, sql(database, "SELECT source_id, gone_at IS NOT NULL FROM artworks")))
    assert gone == {"2": True}
    assert one(database, "SELECT completed_at IS NOT NULL FROM sites") is True


def test_another_page_of_the_work_is_refused(database: Database, ledger: Ledger) -> None:
    taken = take_down(database, WORK)
    leases = begin(ledger, link("/other", "artwork"), link("/fine", "artwork"))
    ledger.record([artwork(leases["/other"], "1"), artwork(leases["/fine"], "3")])
    assert works(database) == ["2", "3"]
    assert reasons(database) == {"/other": "forgotten"}
    assert state_of(database, "/other") == "skipped"
    assert one(database, "SELECT detail FROM failures").startswith(
        f"taken down as number {taken.id}: `artworks forget --undo {taken.id}`"
    )


def test_a_work_of_another_site_is_another_work(
    database: Database, ledger: Ledger, open_ledger: OpenLedger
) -> None:
    take_down(database, WORK)
    elsewhere = open_ledger("elsewhere")
    [lease] = begin(elsewhere, link(f"{ELSEWHERE}/work/1", "artwork")).values()
    elsewhere.record([artwork(lease, "1")])
    assert one(database, "SELECT count(*) FROM artworks WHERE site = 'elsewhere'") == 1


def test_bytes_that_were_taken_down_are_refused_wherever_they_are(
    database: Database, open_ledger: OpenLedger, ledger: Ledger, store: FolderObjectStore
) -> None:
    remove_objects(store, take_down(database, WORK).hashes)
    before = stored_keys(store)
    elsewhere = open_ledger("elsewhere", store=store)
    [lease] = begin(elsewhere, link(f"{ELSEWHERE}/work", "artwork")).values()
    shows = [f"{ELSEWHERE}/copy.jpg", f"{ELSEWHERE}/new.jpg"]
    elsewhere.record([artwork(lease, "w", images=shows)])
    found = {lease.url.rpartition("/")[2]: lease for lease in elsewhere.lease(10, ["image"])}
    same_bytes = put(store, image(found["copy.jpg"], "http://museum.example/1.jpg"))
    elsewhere.record([same_bytes, image(found["new.jpg"])])
    assert stored_keys(store) == before
    shown = "SELECT s.url LIKE '%new.jpg' FROM image_sources s JOIN images i ON i.id = s.image_id"
    assert sql(
        database, f"{shown} JOIN artworks a ON a.id = s.artwork_id AND a.source_id = 'w'"
    ) == [(True,)]
    assert reasons(database) == {f"{ELSEWHERE}/copy.jpg": "forgotten"}


def test_pictures_that_look_alike_are_counted_and_stay(database: Database, ledger: Ledger) -> None:
    sql(database, "INSERT INTO models (name, version, kind) VALUES ('phash', '1', 'duplicates')")
    sql(
        database,
        "INSERT INTO image_duplicates (image_id, other_id, model_id, distance, kind) "
        "SELECT least(a.id, b.id), greatest(a.id, b.id), m.id, 2, 'near' "
        "FROM models m, images a, images b WHERE a.id < b.id",
    )
    assert take_down(database, WORK).extent.look_alikes == 2
    assert images(database) == 2
    assert one(database, "SELECT count(*) FROM image_duplicates") == 1


def test_bytes_that_another_work_shows_stay(database: Database, ledger: Ledger) -> None:
    take_down(database, WORK)
    second = Target("artwork", "museum", "2", "")
    assert take_down(database, second).extent.images == 2
    assert images(database) == 0


def test_an_image_goes_and_its_works_stay(
    database: Database, ledger: Ledger, store: FolderObjectStore
) -> None:
    sha256 = one(database, "SELECT i.sha256 FROM images i JOIN image_sources s ON "
                 "s.image_id = i.id WHERE s.url LIKE '%/shared.jpg' LIMIT 1")  # fmt: skip
    with database.begin() as connection:
        target = forgettable.find_image(connection, sha256.upper())
        number = one(database, "SELECT id FROM images WHERE sha256 = :it", it=sha256)
        assert forgettable.find_image(connection, str(number)) == target
    taken = take_down(database, target)
    assert (taken.extent.works, taken.extent.images, taken.extent.pages) == (0, 1, 1)
    assert taken.hashes == [sha256]
    assert works(database) == ["1", "2"]
    assert one(database, "SELECT count(image_id) FROM image_sources") == 2
    assert state_of(database, "/shared.jpg") == "skipped"
    assert remove_objects(store, taken.hashes) == 2
    assert list(keys_of(store, sha256)) == []


# Artists


def artist_page(lease: Lease, about: Mapping[str, Any], *paths: str) -> ListingItem:
    item = listing(lease, *(link(path, "artwork") for path in paths))
    item.artist = {"terms": [("nationality", "Danish")], "page_url": lease.url, **about}
    return item


def test_an_artist_goes_with_all_works_and_pages(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/ann", "artist"), link("/w1", "artwork"), link("/w2", "artwork"))
    ledger.record([artist_page(leases["/ann"], ANN, "/w1", "/w2", "/unread", "/w3")])
    both = lease_one(ledger, "/w3")
    ledger.record(
        [
            artwork(leases["/w1"], "1"),
            artwork(leases["/w2"], "2", artists=[{"name": "Ann", "name_key": "ann"}, BO]),
            artwork(both, "3", artists=[BO]),
        ]
    )
    with database.begin() as connection:
        target = forgettable.find_artist(connection, "ann", "ann")
    assert target.key == "ann/1900"
    taken = take_down(database, target)
    assert (taken.extent.works, taken.extent.artists) == (2, 1)
    # Work 3 names somebody else: it stays, without what the page of the artist said.
    assert works(database) == ["3"]
    assert sql(database, "SELECT name FROM artists") == [("Bo",)]
    assert (
        sql(database, "SELECT t.name FROM artwork_terms w JOIN terms t ON t.id = w.term_id") == []
    )
    assert (
        one(database, "SELECT meta::text LIKE '%Ann%' FROM frontier WHERE url LIKE '%/w3'") is False
    )
    assert {path: state_of(database, path) for path in ("/ann", "/w1", "/w2", "/unread")} == (
        dict.fromkeys(("/ann", "/w1", "/w2", "/unread"), "skipped")
    )


def test_pages_of_an_artist_who_was_taken_down_are_not_read_again(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/list"), link("/ann", "artist"), link("/w2", "artwork"))
    ledger.record([artist_page(leases["/ann"], ANN, "/w1"), artwork(leases["/w2"], "2")])
    ledger.record([artwork(lease_one(ledger, "/w1"), "1")])
    take_down(database, Target("artist", None, "ann/1900", "Ann"))
    ledger.record([listing(leases["/list"], link("/ann", "artist"))])
    ledger.close(finish_reason="finished", stats={})
    ledger.abandon()
    again = open_ledger(refresh_days=0)
    again.seed([link("/list")])
    again.record([listing(lease_one(again), link("/ann", "artist"), link("/w1", "artwork"))])
    assert again.lease(100, KINDS) == []
    assert state_of(database, "/ann") == "skipped"
    # A page that was taken down is no gap: what no other leads to is known to be gone.
    again.close(finish_reason="finished", stats={})
    gone = sql(database, "SELECT source_id FROM artworks WHERE gone_at IS NOT NULL")
    assert gone == [("2",)]


@pytest.mark.parametrize(
    ("maker", "stays_away"),
    [
        ({"name": "ANN", "name_key": "ann", "birth_year": 1900}, True),
        ({"name": "Ann", "name_key": "ann"}, True),
        ({"name": "Ann", "name_key": "ann", "birth_year": 1970}, False),
        ({"name": "Anna", "name_key": "anna", "birth_year": 1900}, False),
    ],
)
def test_new_works_of_an_artist_who_was_taken_down(
    database: Database, ledger: Ledger, maker: dict[str, Any], stays_away: bool
) -> None:
    take_down(database, Target("artist", None, "ann/1900", "Ann"))
    leases = begin(ledger, link("/new", "artwork"), link("/page", "artist"))
    ledger.record(
        [
            artwork(leases["/new"], "9", artists=[BO, maker]),
            artist_page(leases["/page"], maker, "/more"),
        ]
    )
    assert ("9" in works(database)) is not stays_away
    expected = dict.fromkeys(("/new", "/page"), "forgotten") if stays_away else {}
    assert reasons(database) == expected
    assert one(database, "SELECT count(*) FROM frontier WHERE url LIKE '%/more'") == (
        0 if stays_away else 1
    )
    named = one(database, "SELECT count(*) FROM artists WHERE name_key = 'ann'")
    assert named == (1 if maker.get("birth_year") == 1970 else 0)


def test_whose_page_was_read_stays_without_works(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/ann", "artist"), link("/w1", "artwork"))
    ledger.record([artist_page(leases["/ann"], ANN, "/w1"), artwork(leases["/w1"], "1")])
    assert take_down(database, WORK).extent.artists == 0
    assert sql(database, "SELECT name FROM artists") == [("Ann",)]
    assert take_down(database, Target("site", None, "museum", "museum")).extent.artists == 1
    assert sql(database, "SELECT name FROM artists") == []


# Sites


def test_a_site_goes_whole_and_a_crawl_of_it_stores_nothing_more(
    database: Database, ledger: Ledger, open_ledger: OpenLedger, store: FolderObjectStore
) -> None:
    elsewhere = open_ledger("elsewhere")
    [lease] = begin(elsewhere, link(f"{ELSEWHERE}/work", "artwork")).values()
    elsewhere.record([artwork(lease, "1", artists=[ANN])])
    leases = begin(ledger, link("/late", "artwork"), link("/bad"), link("/more"))
    ledger.record([failure(leases["/bad"])])
    with database.begin() as connection:
        target = forgettable.find_site(connection, "museum")
    taken = take_down(database, target)
    assert (taken.extent.works, taken.extent.artists, taken.extent.images) == (2, 1, 3)
    assert remove_objects(store, taken.hashes) == 6
    assert stored_keys(store) == set()
    assert sql(database, "SELECT site FROM artworks") == [("elsewhere",)]
    assert sql(database, "SELECT name FROM sites") == [("elsewhere",)]
    with database.begin() as connection:
        assert forgotten.site_taken_down(connection, "museum") == taken.id
        assert forgotten.site_taken_down(connection, "elsewhere") is None
    # The crawl that was under way goes on, and then ends.
    ledger.record(
        [artwork(leases["/late"], "5"), listing(leases["/more"], link("/new", "artwork"))]
    )
    ledger.seed([link("/list"), link("/unheard")])
    unheard = lease_one(ledger, "/unheard")
    ledger.record([listing(unheard, link("/new", "artwork"))])
    assert ledger.lease(100, KINDS) == []
    assert ledger.outlook(KINDS).due is False
    assert sql(database, "SELECT url FROM frontier WHERE url LIKE '%/new'") == []
    assert works(database) == ["1"]
    assert reasons(database) == {"/unheard": "forgotten"}
    ledger.close(finish_reason="finished", stats={})


# Two at once


def test_what_a_crawl_has_in_flight_is_dropped(
    database: Database, ledger: Ledger, store: FolderObjectStore
) -> None:
    sql(database, "UPDATE frontier SET state = 'pending' WHERE url NOT LIKE '%/list'")
    leases = {lease.url.rpartition("/")[2]: lease for lease in ledger.lease(100, KINDS)}
    remove_objects(store, take_down(database, WORK).hashes)
    before = stored_keys(store)
    ledger.record(
        [
            artwork(leases["1"], "1", images=["/1.jpg"]),
            put(store, image(leases["1.jpg"])),
            failure(leases["shared.jpg"]),
        ]
    )
    assert works(database) == ["2"]
    assert stored_keys(store) == before
    # Other bytes of the address are those of the work as well.
    ledger.record([image(leases["1.jpg"], "new bytes")])
    assert images(database) == 2
    assert state_of(database, "/work/1") == state_of(database, "/1.jpg") == "skipped"
    assert reasons(database) == {"/shared.jpg": "timeout"}


@contextlib.contextmanager
def stopped_in(owner: Any, method: str) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Have a call of `method` wait: yields an event for its begin, and one that lets it go on."""
    reached, go_on = threading.Event(), threading.Event()
    original = getattr(owner, method)

    def stop(*args: Any, **keywords: Any) -> Any:
        reached.set()
        assert go_on.wait(30)
        return original(*args, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, method, stop)
        try:
            yield reached, go_on
        finally:
            go_on.set()


def wait_until_somebody_waits(database: Database) -> None:
    """Wait until a transaction asks for the lock on `forgotten` that another one holds."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'forgotten'::regclass"
    until = time.monotonic() + 30
    while not one(database, waiting):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_what_is_just_being_stored_goes_too(database: Database, open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/work/1", "artwork"))
    stopped = stopped_in(ledger.recorder, "_record_sources")
    with ThreadPoolExecutor(2) as threads, stopped as (reached, go_on):
        storing = threads.submit(ledger.record, [artwork(leases["/work/1"], "1")])
        assert reached.wait(30)
        going = threads.submit(forget, database, WORK, reason=None, label="")
        wait_until_somebody_waits(database)
        go_on.set()
        storing.result(timeout=30)
        assert going.result(timeout=30).extent.works == 1
    assert works(database) == []
    assert state_of(database, "/work/1") == "skipped"


def test_what_is_just_being_taken_down_is_not_stored_after_it(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/work/1", "artwork"), link("/work/2", "artwork"))
    stopped = stopped_in(forgetting, "_remove_rows")
    with ThreadPoolExecutor(2) as threads, stopped as (reached, go_on):
        going = threads.submit(forget, database, WORK, reason=None, label="")
        assert reached.wait(30)
        both = [artwork(leases["/work/1"], "1"), artwork(leases["/work/2"], "2")]
        storing = threads.submit(ledger.record, both)
        wait_until_somebody_waits(database)
        go_on.set()
        going.result(timeout=30)
        storing.result(timeout=30)
    assert works(database) == ["2"]
    assert reasons(database) == {"/work/1": "forgotten"}


# Coming back


def test_after_undoing_the_next_crawl_brings_it_back(
    database: Database, ledger: Ledger, open_ledger: OpenLedger, store: FolderObjectStore
) -> None:
    before = digest_of(database)
    taken = take_down(database, WORK)
    other = begin(ledger, link("/other", "artwork"))
    ledger.record([artwork(other["/other"], "1")])
    ledger.close(finish_reason="finished", stats={})
    ledger.abandon()
    # Killed before the objects went: these are not left for the next crawl to trip over.
    undone = undo(database, store, taken.id)
    assert (undone.target, undone.pages) == (WORK, {"museum": 3})
    assert len(stored_keys(store)) == 4
    assert sql(database, "SELECT * FROM forgotten") == []
    assert reasons(database) == {}
    assert works(database) == ["2"]
    again = open_ledger(store=store)
    found = {lease.url.rpartition("/")[2]: lease for lease in again.lease(100, KINDS)}
    assert set(found) == {"1", "other", "1.jpg"}
    again.record(
        [
            artwork(
                found["1"], "1", images=["/1.jpg", "/shared.jpg"], artists=[ANN],
                terms=[("tag", "only here", "page"), ("tag", "common", "page")],
            ),
            put(store, image(found["1.jpg"])),
        ]
    )  # fmt: skip
    assert digest_of(database) == before
    assert len(stored_keys(store)) == 6


def test_a_work_that_comes_back_is_told_of_its_artist_again(
    database: Database, open_ledger: OpenLedger, store: FolderObjectStore
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/ann", "artist"), link("/w1", "artwork"))
    ledger.record([artist_page(leases["/ann"], ANN, "/w1"), artwork(leases["/w1"], "1")])
    etag = "SELECT etag FROM frontier WHERE kind = 'artist'"
    assert one(database, etag) == '"1"'
    undo(database, store, take_down(database, WORK).id)
    # "Not modified" would tell nothing: the next crawl reads the page of the artist whole.
    assert one(database, etag) is None


def test_a_site_may_be_crawled_to_its_end_again(
    database: Database, ledger: Ledger, open_ledger: OpenLedger, store: FolderObjectStore
) -> None:
    ledger.close(finish_reason="finished", stats={})
    ledger.abandon()
    second = open_ledger()
    second.seed([link("/list")])
    second.record([listing(lease_one(second, "/list"), link("/work/1", "artwork"))])
    second.close(finish_reason="finished", stats={})
    second.abandon()
    taken = take_down(database, Target("site", None, "museum", "museum"))
    undo(database, store, taken.id)
    again = open_ledger()
    again.seed([link("/list")])
    found = {lease.url.rpartition("/")[2]: lease for lease in again.lease(100, KINDS)}
    assert set(found) == {"list", "1", "2", "1.jpg", "2.jpg", "shared.jpg"}
    again.record(
        [
            listing(found.pop("list"), link("/work/1", "artwork"), link("/work/2", "artwork")),
            artwork(found.pop("1"), "1"),
            artwork(found.pop("2"), "2"),
            *(image(lease) for lease in found.values()),
        ]
    )
    again.close(finish_reason="finished", stats={})
    assert one(database, "SELECT completed_at IS NOT NULL FROM sites") is True
    assert works(database) == ["1", "2"]


def test_one_image_of_a_work_may_come_back_alone(
    database: Database, ledger: Ledger, store: FolderObjectStore
) -> None:
    taken = take_down(database, WORK)
    with database.begin() as connection:
        [request] = forgotten.requests(connection)
    assert (request.id, request.images, request.reason) == (taken.id, 1, "asked for")
    number = one(database, "SELECT id FROM forgotten WHERE kind = 'image'")
    undo(database, store, number)
    assert sql(database, "SELECT id FROM forgotten") == [(taken.id,)]
    with pytest.raises(UsageError, match="--list"):
        undo(database, store, number)


# How PostgreSQL finds what refers to a row that goes


@pytest.mark.parametrize(
    ("table", "index"),
    [("frontier", "ix_frontier_image_id"), ("failures", "ix_failures_image_id")],
)
def test_rows_that_refer_to_an_image_are_found_by_an_index(
    database: Database, table: str, index: str
) -> None:
    columns = {
        "frontier": "(site, url, fingerprint, host, kind) "
        "SELECT 's', i::text, i::text, 'h', 'image'",
        "failures": "(site, url, stage, reason, detail, retryable) "
        "SELECT 's', i::text, 'image', 'corrupt', '', false",
    }[table]
    sql(database, f"INSERT INTO {table} {columns} FROM generate_series(1, 5000) i")
    sql(database, f"ANALYZE {table}")
    # The statement of the foreign key, which runs for each image that goes.
    plan = plan_of(database, text(f"UPDATE {table} SET image_id = NULL WHERE image_id = :id"), id=1)
    assert index in plan
