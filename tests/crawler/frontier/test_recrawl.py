"""Crawling again: what changed is taken over, what vanished is marked, nothing else is touched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.databases import emptied, one, sql
from support.outcomes import artwork, failure, image, link, listing, unchanged
from support.workers import KINDS, OpenLedger, begin, digest_of, lease_one, state_of

from crawler.frontier.ledger import Ledger
from crawler.items import Answer, Item, Lease, Link, ListingItem
from storage.database import Database

HOST = "http://museum.example"


@dataclass
class Site:
    """What a site shows now. Paths of works are also their source_id; what is in none is a 404.

    Its server knows which state of a page somebody has, and then says that it did not change.
    """

    listings: dict[str, list[Link]] = field(default_factory=dict)
    works: dict[str, dict[str, Any]] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    artists: dict[str, tuple[dict[str, Any], list[Link]]] = field(default_factory=dict)
    starts: list[Link] = field(default_factory=list)
    newest_first: bool = False

    def outcome_of(self, lease: Lease) -> Item:
        """What fetching a row gives now."""
        path = lease.url.removeprefix(HOST)
        every: tuple[dict[str, Any], ...] = (self.listings, self.works, self.images, self.artists)
        shown = next((pages[path] for pages in every if path in pages), None)
        if shown is None:
            return replace(failure(lease, "not_found"), answer=Answer(404))
        state = hashlib.sha256(repr(shown).encode()).hexdigest()
        if (lease.is_stored or "children" in lease.meta) and lease.etag == state:
            return unchanged(lease)
        item: Item
        if path in self.images:
            item = image(lease, self.images[path])
        elif path in self.works:
            item = artwork(lease, **{"source_id": path, **self.works[path]})
        else:
            about, links = self.artists.get(path, (None, self.listings.get(path, [])))
            item = listing(lease, *links)
            item.artist = about
            if self.newest_first:
                pages = (one.fingerprint for one in links if one.kind == "listing")
                item.following = frozenset(pages)
        item.answer = Answer(200, etag=state, content_type="text/html")
        return item

    def crawl(
        self, database: Database, *, most: int = 1000, finish: bool = True, **scope: Any
    ) -> list[str]:
        """Run once, or until so many rows were asked for; return their paths."""
        ledger = Ledger(database, site="museum", **scope)
        ledger.open(profile_hash="p", settings={})
        asked: list[str] = []
        try:
            ledger.seed(self.starts)
            while len(asked) < most and (leases := ledger.lease(1, KINDS)):
                asked += [lease.url.removeprefix(HOST) for lease in leases]
                ledger.record([self.outcome_of(lease) for lease in leases])
            if finish:
                ledger.close(finish_reason="finished", stats={})
        finally:
            ledger.abandon()
        return asked


def works(*paths: str) -> list[Link]:
    return [link(path, "artwork") for path in paths]


@pytest.fixture
def site() -> Site:
    return Site(
        listings={"/list": works("/a", "/b")},
        works={"/a": {"images": ["/1.jpg", "/2.jpg"]}, "/b": {"images": ["/2.jpg"]}},
        images={"/1.jpg": "one", "/2.jpg": "two"},
        starts=[link("/list", "listing", "red")],
    )


@pytest.fixture
def fresh_digest(database: Database) -> Callable[[Site], str]:
    """The digest of a first crawl; what was stored before is lost."""

    def crawl(site: Site) -> str:
        site.crawl(emptied(database))
        return digest_of(database)

    return crawl


def versions(database: Database) -> list[dict[str, Any]]:
    return [
        row.changed for row in sql(database, "SELECT changed FROM artwork_versions ORDER BY id")
    ]


def gone(database: Database) -> dict[str, set[Any]]:
    return {
        "works": {
            row.source_id
            for row in sql(database, "SELECT source_id FROM artworks WHERE gone_at IS NOT NULL")
        },
        "images": {
            (row.source_id, row.url.removeprefix(HOST))
            for row in sql(
                database,
                "SELECT a.source_id, s.url FROM image_sources s "
                "JOIN artworks a ON a.id = s.artwork_id WHERE s.gone_at IS NOT NULL",
            )
        },
    }


# What is asked for again


def test_without_refresh_listings_alone_are_asked_and_with_it_everything_once(
    site: Site, database: Database
) -> None:
    assert sorted(site.crawl(database)) == ["/1.jpg", "/2.jpg", "/a", "/b", "/list"]
    assert site.crawl(database) == ["/list"]
    # Two works show the same image, which is asked for once all the same.
    assert sorted(site.crawl(database, refresh_days=0)) == [
        *("/1.jpg", "/2.jpg", "/a", "/b", "/list")
    ]
    assert versions(database) == []
    assert one(database, "SELECT count(*) FROM frontier WHERE state <> 'done'") == 0


def test_images_are_refreshed_by_their_own_age_when_their_work_is(
    site: Site, database: Database
) -> None:
    site.crawl(database)
    sql(
        database,
        "UPDATE frontier SET updated_at = now() - interval '3 days' "
        "WHERE url LIKE '%/a' OR url LIKE '%/2.jpg'",
    )
    assert sorted(site.crawl(database, refresh_days=2)) == ["/2.jpg", "/a", "/list"]


@pytest.mark.parametrize("path", ["/b", "/1.jpg"])
def test_what_was_missing_for_good_is_asked_for_again_by_a_refresh(
    site: Site, database: Database, fresh_digest: Callable[[Site], str], path: str
) -> None:
    shown = site.works if path in site.works else site.images
    kept: Any = shown.pop(path)
    site.crawl(database)
    assert state_of(database, path) == "failed"
    shown[path] = kept
    assert path not in site.crawl(database)
    assert path in site.crawl(database, refresh_days=0)
    assert digest_of(database) == fresh_digest(site)


def test_a_page_that_did_not_change_is_seen_and_keeps_what_the_server_said(
    site: Site, database: Database
) -> None:
    site.crawl(database)
    sql(database, "UPDATE artworks SET last_seen_at = now() - interval '1 day', gone_at = now()")
    sql(database, "UPDATE image_sources SET fetched_at = now() - interval '1 day'")
    before = sql(database, "SELECT url, etag FROM frontier ORDER BY id")
    site.crawl(database, refresh_days=0)
    assert sql(database, "SELECT url, etag FROM frontier ORDER BY id") == before
    assert one(database, "SELECT count(*) FROM frontier WHERE http_status = 304") == 5
    assert one(database, "SELECT min(last_seen_at) > now() - interval '1 hour' FROM artworks")
    assert one(database, "SELECT min(fetched_at) > now() - interval '1 hour' FROM image_sources")
    assert gone(database)["works"] == set()


def test_not_modified_is_worth_nothing_when_what_was_stored_is_lost(
    site: Site, database: Database
) -> None:
    site.crawl(database)
    ledger = Ledger(database, site="museum", refresh_days=0)
    ledger.open(profile_hash="p", settings={})
    try:
        ledger.seed(site.starts)
        ledger.record([site.outcome_of(lease) for lease in ledger.lease(10, KINDS)])
        taken = {lease.url.removeprefix(HOST): lease for lease in ledger.lease(10, ("artwork",))}
        sql(database, "DELETE FROM artworks WHERE source_id = '/a'")
        ledger.record([unchanged(lease) for lease in taken.values()])
        again = lease_one(ledger, "/a", ("artwork",))
        assert (again.etag, again.is_stored) == (None, False)
        ledger.record([site.outcome_of(again)])
    finally:
        ledger.abandon()
    assert one(database, "SELECT count(*) FROM artworks") == 2


def test_the_validators_of_another_address_are_not_kept(
    database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/1.jpg", "image"), link("/2.jpg", "image"))
    for path, elsewhere in (("/1.jpg", None), ("/2.jpg", f"{HOST}/small.jpg")):
        item = image(leases[path])
        item.answer, item.fetched_url = Answer(200, etag='"x"'), elsewhere
        ledger.record([item])
    assert sql(database, "SELECT etag FROM frontier ORDER BY id") == [('"x"',), (None,)]


# What changed


def test_what_changed_on_a_page_is_told_field_by_field(site: Site, database: Database) -> None:
    ann, bob = ({"name": name, "name_key": name.lower()} for name in ("Ann", "Bob"))
    site.works["/a"] |= {"artists": [ann], "terms": [("style", "x", "page"), ("tag", "y", "page")]}
    site.crawl(database)
    sql(
        database,
        "WITH t AS (INSERT INTO terms (kind, name) VALUES ('tag', 'mine') RETURNING id) "
        "INSERT INTO artwork_terms SELECT a.id, t.id, 'person' FROM artworks a, t",
    )
    site.works["/a"] = {
        "title": "Another",
        "artists": [ann, {**bob, "role": "engraver", "qualifier": "after"}],
        "terms": [("style", "x", "page"), ("tag", "mine", "page")],
        "images": ["/2.jpg", "/3.jpg"],
    }
    site.images["/3.jpg"] = "three"
    site.crawl(database, refresh_days=0)
    assert versions(database) == [
        {
            "title": ["Work /a", "Another"],
            "artists": [
                [["Ann", "artist", None]],
                [["Ann", "artist", None], ["Bob", "engraver", "after"]],
            ],
            # What a person says of the work already is no news, and its category is the listing's.
            "terms": [["style:x", "tag:y"], ["style:x"]],
            "images": [[f"{HOST}/1.jpg", f"{HOST}/2.jpg"], [f"{HOST}/2.jpg", f"{HOST}/3.jpg"]],
        }
    ]
    assert gone(database)["images"] == {("/a", "/1.jpg")}


def test_new_bytes_are_a_version_of_every_work_that_shows_them(
    site: Site, database: Database, fresh_digest: Callable[[Site], str]
) -> None:
    site.crawl(database)
    former = one(
        database,
        "SELECT sha256 FROM images i WHERE id = (SELECT image_id FROM "
        "image_sources WHERE url LIKE '%/2.jpg' LIMIT 1)",
    )
    site.images["/2.jpg"] = "new"
    site.crawl(database, refresh_days=0)
    [now] = {
        row.sha256
        for row in sql(
            database,
            "SELECT i.sha256 FROM images i JOIN image_sources s ON s.image_id = i.id "
            "WHERE s.url LIKE '%/2.jpg'",
        )
    }
    assert now != former
    assert versions(database) == [{"image": {f"{HOST}/2.jpg": [former, now]}}] * 2
    # The former bytes stay until `artworks verify --repair` collects what nothing refers to.
    assert one(database, "SELECT count(*) FROM images") == 3
    assert digest_of(database) == fresh_digest(site)


def test_a_page_and_its_image_may_change_in_one_transaction(
    site: Site, database: Database, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger()
    leases = begin(ledger, link("/a", "artwork"), link("/1.jpg", "image"))
    ledger.record([artwork(leases["/a"], "1", images=["/1.jpg"]), image(leases["/1.jpg"], "old")])
    both = [
        artwork(leases["/a"], "1", images=["/1.jpg"], title="New"),
        image(leases["/1.jpg"], "new"),
    ]
    ledger.record(both)
    ledger.record(both)
    [changed] = versions(database)
    assert changed.keys() == {"title", "image"}


# What vanished


def test_an_image_that_its_page_no_longer_shows_is_gone_and_may_return(
    site: Site, database: Database, fresh_digest: Callable[[Site], str]
) -> None:
    site.crawl(database)
    site.works["/a"]["images"] = ["/2.jpg"]
    site.crawl(database, refresh_days=0)
    assert gone(database)["images"] == {("/a", "/1.jpg")}
    site.works["/a"]["images"] = ["/1.jpg", "/2.jpg"]
    asked = site.crawl(database, refresh_days=0)
    assert asked.count("/1.jpg") == 1
    assert gone(database)["images"] == set()
    assert digest_of(database) == fresh_digest(site)


def test_failures_of_an_image_go_with_it_and_it_is_asked_for_again_if_it_returns(
    site: Site, database: Database
) -> None:
    del site.images["/1.jpg"]
    site.crawl(database)
    unresolved = "SELECT count(*) FROM failures WHERE resolved_at IS NULL"
    assert one(database, unresolved) == 1
    site.works["/a"]["images"] = ["/2.jpg"]
    site.crawl(database, refresh_days=0)
    assert one(database, unresolved) == 0
    site.works["/a"]["images"] = ["/1.jpg"]
    site.images["/1.jpg"] = "one"
    sql(database, "UPDATE frontier SET updated_at = now() - interval '2 days' WHERE url LIKE '%/a'")
    assert "/1.jpg" in site.crawl(database, refresh_days=1)
    assert one(database, "SELECT image_id FROM image_sources WHERE url LIKE '%/1.jpg'") is not None


@pytest.mark.parametrize("path", ["/1.jpg", "/2.jpg"])
def test_an_image_that_is_not_there_any_more_is_gone_wherever_it_was_shown(
    site: Site, database: Database, path: str, fresh_digest: Callable[[Site], str]
) -> None:
    site.crawl(database)
    kept = site.images.pop(path)
    site.crawl(database, refresh_days=0)
    shown_by = {"/1.jpg": {"/a"}, "/2.jpg": {"/a", "/b"}}[path]
    assert gone(database)["images"] == {(work, path) for work in shown_by}
    # Its page says no less than before: the image stays gone until it can be had.
    site.works["/a"]["title"] = "New"
    sql(database, "UPDATE frontier SET updated_at = now() - interval '2 days' WHERE url LIKE '%/a'")
    assert path not in site.crawl(database, refresh_days=1)
    assert len(gone(database)["images"]) == len(shown_by)
    refreshed = digest_of(database)
    site.images[path] = kept
    site.crawl(database, refresh_days=0)
    assert gone(database)["images"] == set()
    del site.images[path]
    assert refreshed == fresh_digest(site)


def test_a_work_whose_page_is_not_there_any_more_is_gone_though_it_is_listed(
    site: Site, database: Database, fresh_digest: Callable[[Site], str]
) -> None:
    site.crawl(database)
    kept = site.works.pop("/a")
    site.crawl(database, refresh_days=0)
    assert gone(database)["works"] == {"/a"}
    assert one(database, "SELECT reason FROM failures") == "not_found"
    site.crawl(database)
    assert gone(database)["works"] == {"/a"}
    refreshed = digest_of(database)
    site.works["/a"] = kept
    site.crawl(database, refresh_days=0)
    assert gone(database)["works"] == set()
    del site.works["/a"]
    assert refreshed == fresh_digest(site)


def test_a_work_with_another_page_stays_and_that_page_says_what_it_is(
    site: Site, database: Database, fresh_digest: Callable[[Site], str]
) -> None:
    site.works["/a/again"] = {"source_id": "/a", "title": "As told elsewhere"}
    site.listings["/list"] = works("/a/again", "/a")
    site.crawl(database)
    assert one(database, "SELECT title FROM artworks") == "Work /a"
    del site.works["/a"]
    site.crawl(database, refresh_days=0)
    assert gone(database)["works"] == set()
    assert one(database, "SELECT title FROM artworks") == "As told elsewhere"
    assert digest_of(database) == fresh_digest(site)


def test_a_page_that_is_no_longer_listed_leaves_it_to_another_to_tell(
    site: Site, database: Database, fresh_digest: Callable[[Site], str]
) -> None:
    site.works["/a/again"] = {"source_id": "/a", "title": "As told elsewhere"}
    site.listings["/list"] = works("/a/again", "/a")
    site.crawl(database)
    site.listings["/list"] = works("/a/again")
    assert site.crawl(database) == ["/list"]
    assert "/a/again" in site.crawl(database)
    assert one(database, "SELECT title FROM artworks") == "As told elsewhere"
    assert site.crawl(database) == ["/list"]
    assert digest_of(database) == fresh_digest(site)


def test_of_two_pages_the_shorter_address_tells_in_whatever_order(
    database: Database, open_ledger: OpenLedger
) -> None:
    told = {"/a": "Short", "/a/again": "Long", "/b/again": "Long too"}
    digests = set()
    for order in (list(told), list(told)[::-1]):
        ledger = open_ledger()
        leases = begin(ledger, *(link(path, "artwork", path) for path in told))
        pages = {
            path: artwork(leases[path], "1", title=told[path], images=[f"{path}.jpg"])
            for path in told
        }
        for path in order:
            ledger.record([pages[path]])
        assert sql(database, "SELECT title, page_url FROM artworks") == [("Short", f"{HOST}/a")]
        # All of them are pages of the work, and their categories its.
        assert one(database, "SELECT count(DISTINCT artwork_id) FROM frontier") == 1
        assert one(database, "SELECT count(*) FROM artwork_terms") == 3
        for path in order:
            ledger.record([pages[path]])
        ledger.record([pages[path] for path in order])
        digests.add(digest_of(database))
        ledger.abandon()
        emptied(database)
    assert len(digests) == 1


def test_categories_and_artists_that_nobody_gives_a_work_any_more_are_taken_from_it(
    site: Site, database: Database, fresh_digest: Callable[[Site], str]
) -> None:
    ann = {"name": "Ann", "name_key": "ann", "birth_year": 1850, "terms": [["style", "op art"]]}
    site.listings = {
        "/list": [*works("/a", "/b"), link("/ann", "artist"), link("/named", "listing", "blue")],
        "/named": works("/a", "/b"),
    }
    site.artists["/ann"] = (ann, works("/a", "/b"))
    site.crawl(database)
    site.listings["/named"] = works("/b")
    site.artists["/ann"] = (ann, works("/b"))
    site.crawl(database)
    terms = sql(
        database,
        "SELECT t.name FROM artwork_terms w JOIN terms t ON t.id = w.term_id "
        "JOIN artworks a ON a.id = w.artwork_id WHERE a.source_id = '/a'",
    )
    assert terms == [("red",)]
    makers = sql(
        database,
        "SELECT a.source_id FROM artwork_artists m JOIN artworks a ON a.id = m.artwork_id",
    )
    assert makers == [("/b",)]
    assert digest_of(database) == fresh_digest(site)


def test_a_crawl_of_some_categories_takes_nothing_from_the_others(
    site: Site, database: Database
) -> None:
    site.listings = {"/list": works("/a"), "/blue": works("/a", "/b")}
    site.starts = [link("/list", "listing", "red"), link("/blue", "listing", "blue")]
    site.crawl(database)
    whole = digest_of(database)
    site.starts = site.starts[:1]
    assert site.crawl(database, categories=["red"]) == ["/list"]
    assert gone(database)["works"] == set()
    assert digest_of(database) == whole


def test_a_listing_that_did_not_change_passes_on_a_category_that_it_was_found_under_since(
    site: Site, database: Database, fresh_digest: Callable[[Site], str]
) -> None:
    site.listings = {"/list": [link("/more")], "/more": works("/a", "/b"), "/blue": works("/b")}
    site.starts = [link("/list", "listing", "red"), link("/blue", "listing", "blue")]
    site.crawl(database)
    site.listings["/blue"] = [*works("/b"), link("/more")]
    site.crawl(database)
    assert digest_of(database) == fresh_digest(site)


# Listings that begin with the newest


@pytest.fixture
def chain(site: Site) -> Site:
    """Three pages of two works each, the newest first."""
    site.newest_first = True
    site.works = {f"/{number}": {} for number in range(9)}
    site.listings = {
        "/list": [*works("/1", "/2"), link("/p2")],
        "/p2": [*works("/3", "/4"), link("/p3")],
        "/p3": works("/5", "/6"),
    }
    return site


PAGES = ["/list", "/p2", "/p3"]


def test_a_listing_is_left_where_all_is_known(chain: Site, database: Database) -> None:
    first = chain.crawl(database)
    assert [path for path in first if path in PAGES] == PAGES
    # The server says that nothing changed.
    assert chain.crawl(database) == ["/list"]
    # One work is new: page 1 shows it, page 2 is the first that shows nothing new.
    chain.listings["/list"] = [*works("/0", "/1"), link("/p2")]
    chain.listings["/p2"] = [*works("/2", "/3"), link("/p3")]
    assert sorted(chain.crawl(database)) == ["/0", "/list", "/p2"]
    # And again, as pages that say something else than before.
    chain.listings["/list"] = [*works("/1", "/0"), link("/p2")]
    assert chain.crawl(database) == ["/list"]
    assert chain.crawl(database) == ["/list"]


def test_what_lies_below_is_not_gone_until_everything_is_read(
    chain: Site, database: Database, fresh_digest: Callable[[Site], str]
) -> None:
    chain.crawl(database)
    chain.listings["/p3"] = works("/5")
    chain.crawl(database)
    assert gone(database)["works"] == set()
    assert one(database, "SELECT completed_at IS NOT NULL FROM sites")
    assert chain.crawl(database, full=True) == PAGES
    assert gone(database)["works"] == {"/6"}
    assert digest_of(database) == fresh_digest(chain)


def test_a_generation_that_was_left_early_may_be_read_in_full_after_all(
    chain: Site, database: Database
) -> None:
    chain.crawl(database)
    chain.works["/0"] = {}
    chain.listings["/list"] = [*works("/1"), link("/p2")]
    assert chain.crawl(database, most=1, finish=False) == ["/list"]
    chain.listings["/list"] = [*works("/1"), link("/p2"), *works("/0")]
    assert sorted(chain.crawl(database, full=True)) == ["/0", *PAGES]
    assert gone(database)["works"] == {"/2"}


def test_whether_a_listing_is_left_is_told_and_is_the_same_whenever_it_is_read(
    chain: Site, database: Database, open_ledger: OpenLedger
) -> None:
    chain.crawl(database)
    ledger = open_ledger()
    ledger.seed(chain.starts)
    lease = lease_one(ledger)
    told = chain.outcome_of(lease)
    ledger.record([told])
    assert told.stopped_early  # type: ignore[attr-defined]
    chain.listings["/list"] = [*works("/0", "/1"), link("/p2")]
    for _ in range(2):
        told = chain.outcome_of(lease)
        ledger.record([told])
        assert isinstance(told, ListingItem)
        assert not told.stopped_early
    assert state_of(database, "/p2") == "pending"


# Whatever changes

PATHS = ["/a", "/b", "/c", "/c/again"]
IMAGES = ["/1.jpg", "/2.jpg", "/3.jpg"]
ANN = {"name": "Ann", "name_key": "ann", "birth_year": 1850, "terms": [["style", "op art"]]}
SOME_WORKS = st.lists(st.sampled_from(PATHS), unique=True)
EDITS = st.one_of(
    st.tuples(st.sampled_from(["/red", "/blue", "/ann"]), SOME_WORKS),
    st.tuples(
        st.sampled_from(["/a", "/b", "/c"]),
        st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {
                    "title": st.sampled_from("xyz"),
                    "images": st.lists(st.sampled_from(IMAGES), unique=True),
                    "terms": st.lists(
                        st.sampled_from([("tag", "t", "page"), ("style", "op art", "page")]),
                        unique=True,
                    ),
                    "artists": st.sampled_from([[], [{"name": "Ann", "name_key": "ann"}]]),
                }
            ),
        ),
    ),
    st.tuples(st.sampled_from(IMAGES), st.one_of(st.none(), st.sampled_from("mn"))),
)


def edited(site: Site, path: str, now: Any) -> None:
    """Show something else at a path, or nothing."""
    if path == "/ann":
        site.artists[path] = (ANN, works(*now))
        return
    if path in ("/red", "/blue"):
        onward = [link("/ann", "artist")] if path == "/blue" else [link("/blue", "listing", "blue")]
        site.listings[path] = [*works(*now), *onward]
        return
    pages: dict[str, Any] = site.images if path in IMAGES else site.works
    # The second page of a work says what the first one says.
    names = ["/c", "/c/again"] if path == "/c" else [path]
    for name in names:
        pages.pop(name, None)
        if now is not None:
            pages[name] = now if path in IMAGES else {"source_id": path, **now}


@settings(
    max_examples=20,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    first=st.lists(EDITS, max_size=8),
    rounds=st.lists(
        st.tuples(st.lists(EDITS, min_size=1, max_size=5), st.integers(0, 20)), max_size=3
    ),
)
def test_a_refreshed_collection_is_that_of_a_first_crawl(
    migrated: Database,
    first: list[tuple[str, Any]],
    rounds: list[tuple[list[tuple[str, Any]], int]],
) -> None:
    site = Site(starts=[link("/red", "listing", "red")])
    for path in ("/red", "/blue", "/ann"):
        edited(site, path, PATHS[:2])
    for path, now in first:
        edited(site, path, now)
    site.crawl(emptied(migrated))
    for edits, most in rounds:
        for path, now in edits:
            edited(site, path, now)
        # Killed somewhere, or not.
        site.crawl(migrated, most=most, finish=most > 15, refresh_days=0)
    # What was read before the site changed is read again by the generation after the one under way;
    # that another page of a work is to tell what it is, is known when that one is complete.
    for _ in range(3):
        site.crawl(migrated, refresh_days=0)
    refreshed = digest_of(migrated)
    site.crawl(emptied(migrated))
    assert refreshed == digest_of(migrated)
