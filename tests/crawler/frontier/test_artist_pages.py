"""What pages of artists hand down to works: the same, whichever page was recorded first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.databases import emptied, one, sql
from support.outcomes import artwork, link, listing
from support.workers import (
    KINDS,
    STEPS,
    OpenLedger,
    Worker,
    begin,
    digest_of,
    held_before,
    lease_one,
    perform,
    state_of,
)

from crawler.frontier.ledger import Ledger
from crawler.items import Item, Lease, Link, ListingItem
from storage.database import Database

ANN = {
    "name": "Ann",
    "name_key": "ann",
    "nationality": "Dutch",
    "birth_year": 1850,
    "death_year": 1910,
    "page_url": "http://museum.example/ann",
    "terms": [["style", "op art"]],
}
NAMED = {"name": "Ann", "name_key": "ann"}


def about(name: str, born: int | None = None, *terms: Sequence[str]) -> dict[str, Any]:
    return {
        "name": name,
        "name_key": name.lower(),
        "nationality": None,
        "birth_year": born,
        "death_year": None,
        "page_url": f"http://museum.example/about/{name.lower()}",
        "terms": [list(term) for term in terms],
    }


def artist_page(lease: Lease, artist: dict[str, Any] | None, *links: Link) -> ListingItem:
    item = listing(lease, *links)
    item.artist = artist
    return item


def terms_of(database: Database, source_id: str = "1") -> set[tuple[str, str, str]]:
    rows = sql(
        database,
        "SELECT t.kind, t.name, w.source FROM artworks a JOIN artwork_terms w "
        "ON w.artwork_id = a.id JOIN terms t ON t.id = w.term_id WHERE a.source_id = :id",
        id=source_id,
    )
    return {tuple(row) for row in rows}


def makers_of(database: Database, source_id: str = "1") -> list[tuple[str, int | None]]:
    rows = sql(
        database,
        "SELECT r.name, r.birth_year FROM artworks a JOIN artwork_artists m "
        "ON m.artwork_id = a.id JOIN artists r ON r.id = m.artist_id "
        "WHERE a.source_id = :id ORDER BY m.position",
        id=source_id,
    )
    return [tuple(row) for row in rows]


def artists_in(database: Database) -> list[tuple[str, int | None]]:
    rows = sql(database, "SELECT name, birth_year FROM artists ORDER BY 1, 2")
    return [tuple(row) for row in rows]


@pytest.fixture
def leases(open_ledger: OpenLedger) -> tuple[Ledger, dict[str, Lease]]:
    """A ledger, and leases of pages of artists and of works."""
    ledger = open_ledger()
    return ledger, begin(
        ledger,
        link("/ann", "artist", "red"),
        link("/bob", "artist"),
        link("/a", "artwork"),
        link("/a2", "artwork"),
        link("/b", "artwork"),
    )


# One work


@pytest.mark.parametrize("order", list(permutations(["artist", "work", "other"])))
def test_a_work_inherits_words_years_and_categories_of_its_artist(
    database: Database, leases: tuple[Ledger, dict[str, Lease]], order: Sequence[str]
) -> None:
    ledger, rows = leases
    work, other = link("/a", "artwork"), link("/b", "artwork")
    outcomes: dict[str, Item] = {
        "artist": artist_page(rows["/ann"], ANN, work, other),
        "work": artwork(
            rows["/a"],
            "1",
            artists=[{**NAMED, "qualifier": "after"}, {"name": "Bob", "name_key": "bob"}],
            terms=[("tag", "x", "page")],
        ),
        "other": artwork(rows["/b"], "2", terms=[("style", "op art", "page")]),
    }
    for name in order:
        ledger.record([outcomes[name]])
    assert terms_of(database) == {
        ("style", "op art", "artist"),
        ("tag", "x", "page"),
        ("category", "red", "page"),
    }
    assert makers_of(database) == [("Ann", 1850), ("Bob", None)]
    qualifiers = sql(database, "SELECT qualifier FROM artwork_artists ORDER BY 1 LIMIT 1")
    assert qualifiers == [("after",)]
    # What its own page says is the page's word; a work whose page names nobody is by the artist.
    assert ("style", "op art", "page") in terms_of(database, "2")
    assert makers_of(database, "2") == [("Ann", 1850)]
    # The artist without years was nobody else.
    assert artists_in(database) == [("Ann", 1850), ("Bob", None)]
    assert one(database, "SELECT death_year FROM artists WHERE name = 'Ann'") == 1910


def test_a_page_that_names_the_year_itself_is_believed(
    database: Database, leases: tuple[Ledger, dict[str, Lease]]
) -> None:
    ledger, rows = leases
    ledger.record([artwork(rows["/a"], "1", artists=[{**NAMED, "birth_year": 1849}])])
    ledger.record([artist_page(rows["/ann"], ANN, link("/a", "artwork"))])
    assert makers_of(database) == [("Ann", 1849)]


def test_what_the_page_of_an_artist_says_no_more_is_taken_back(
    database: Database, leases: tuple[Ledger, dict[str, Lease]]
) -> None:
    ledger, rows = leases
    work = link("/a", "artwork")
    ledger.record([artwork(rows["/a"], "1", artists=[NAMED])])
    ledger.record([artist_page(rows["/ann"], ANN, work)])
    ledger.record([artist_page(rows["/bob"], about("Bob", 1900, ("tag", "bob")), work)])
    changed = {**ANN, "birth_year": 1851, "terms": [["style", "fauvism"]]}
    ledger.record([artist_page(rows["/ann"], changed, work)])
    assert {name for _, name, source in terms_of(database) if source == "artist"} == {
        "fauvism",
        "bob",
    }
    assert makers_of(database) == [("Ann", 1851)]
    # Under another name it is another artist, and the work is again by whom its page names.
    ledger.record([artist_page(rows["/ann"], about("Eve", 1851), work)])
    assert makers_of(database) == [("Ann", None)]
    ledger.record([artwork(rows["/a"], "1", artists=[])])
    assert sorted(makers_of(database)) == [("Bob", 1900), ("Eve", 1851)]
    ledger.record([artwork(rows["/a"], "1", artists=[NAMED])])
    assert makers_of(database) == [("Ann", None)]


def test_artists_stay_that_a_page_is_about_or_that_people_identified(
    database: Database, leases: tuple[Ledger, dict[str, Lease]]
) -> None:
    ledger, rows = leases
    work = link("/a", "artwork")
    ledger.record([artist_page(rows["/bob"], about("Bob"), link("/b", "artwork"))])
    ledger.record([artwork(rows["/a"], "1", artists=[NAMED, {"name": "Bob", "name_key": "bob"}])])
    sql(database, "UPDATE artists SET wikidata_id = 'Q1' WHERE name = 'Ann'")
    ledger.record([artist_page(rows["/ann"], ANN, work)])
    ledger.record([artist_page(rows["/bob"], about("Bob", 1900), work)])
    assert makers_of(database) == [("Ann", 1850), ("Bob", 1900)]
    assert artists_in(database) == [("Ann", 1850), ("Ann", None), ("Bob", 1900), ("Bob", None)]


def test_an_artist_of_another_work_stays(
    database: Database, leases: tuple[Ledger, dict[str, Lease]]
) -> None:
    ledger, rows = leases
    ledger.record([artwork(rows["/a"], "1", artists=[NAMED])])
    ledger.record([artwork(rows["/b"], "2", artists=[NAMED])])
    ledger.record([artist_page(rows["/ann"], ANN, link("/a", "artwork"))])
    assert (makers_of(database), makers_of(database, "2")) == ([("Ann", 1850)], [("Ann", None)])
    ledger.record([artist_page(rows["/ann"], ANN, link("/b", "artwork"))])
    assert artists_in(database) == [("Ann", 1850)]


def test_a_page_that_does_not_name_the_artist_hands_down_its_words_only(
    database: Database, leases: tuple[Ledger, dict[str, Lease]]
) -> None:
    ledger, rows = leases
    nobody = {**dict.fromkeys(ANN), "terms": [["style", "op art"]]}
    ledger.record([artist_page(rows["/ann"], nobody, link("/a", "artwork"))])
    ledger.record([artwork(rows["/a"], "1")])
    assert ("style", "op art", "artist") in terms_of(database)
    assert makers_of(database) == []
    assert artists_in(database) == []


def test_a_listing_hands_nothing_down(database: Database, open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    rows = begin(ledger, link("/list"), link("/a", "artwork"))
    ledger.record([artist_page(rows["/list"], ANN, link("/a", "artwork"))])
    ledger.record([artwork(rows["/a"], "1", artists=[NAMED])])
    assert makers_of(database) == [("Ann", None)]
    assert terms_of(database) == set()


@pytest.mark.parametrize("wrong", [["nonsense", "x"], ["style", "NUL \0 inside"]])
def test_words_that_cannot_be_stored_are_the_failure_of_the_artists_page(
    database: Database, leases: tuple[Ledger, dict[str, Lease]], wrong: list[str]
) -> None:
    ledger, rows = leases
    page = artist_page(rows["/ann"], {**ANN, "terms": [wrong]}, link("/a", "artwork"))
    ledger.record([artwork(rows["/a"], "1"), page])
    assert sql(database, "SELECT url, reason FROM failures") == [
        ("http://museum.example/ann", "record_refused")
    ]
    assert (state_of(database, "/ann"), state_of(database, "/a")) == ("failed", "done")


# Several pages of an artist


def test_all_pages_of_an_artist_say_what_the_first_one_says(
    database: Database, leases: tuple[Ledger, dict[str, Lease]]
) -> None:
    ledger, rows = leases
    first = artist_page(rows["/ann"], ANN, link("/a", "artwork"), link("/ann/2", "artist"))
    ledger.record([first])
    second = lease_one(ledger, "/ann/2")
    # It leads back to the first page, as pages do, and says less of the artist itself.
    back = [link("/b", "artwork"), link("/ann/3", "artist"), link("/ann", "artist")]
    ledger.record([artist_page(second, {**ANN, "birth_year": None, "terms": []}, *back)])
    third = lease_one(ledger, "/ann/3")
    ledger.record([artist_page(third, None, link("/a2", "artwork"))])
    for path, source_id in (("/a", "1"), ("/b", "2"), ("/a2", "3")):
        ledger.record([artwork(rows[path], source_id)])
        assert makers_of(database, source_id) == [("Ann", 1850)]
        assert ("style", "op art", "artist") in terms_of(database, source_id)
    # Read again, the first page says what it says now.
    again = replace(
        rows["/ann"],
        meta=one(database, "SELECT meta FROM frontier WHERE url LIKE '%/ann'"),
    )
    now = artist_page(again, {**ANN, "terms": []}, link("/a", "artwork"))
    ledger.record([now])
    assert ("style", "op art", "artist") not in terms_of(database, "1")


# Two workers, step by step


@pytest.fixture
def rivals(open_ledger: OpenLedger) -> tuple[Ledger, Ledger, dict[str, Lease]]:
    """Two workers; the first one's leases are handled by whoever a test says."""
    first, second = open_ledger(), open_ledger()
    leases = begin(
        first,
        link("/ann", "artist"),
        link("/bob", "artist"),
        link("/a", "artwork"),
        link("/a2", "artwork"),
    )
    return first, second, leases


@pytest.mark.parametrize("stop", ["_settle", "_record_sources", "_record_listings"])
def test_an_artist_recorded_during_a_works_transaction_is_not_lost(
    rivals: tuple[Ledger, Ledger, dict[str, Lease]], database: Database, stop: str
) -> None:
    works, artists, leases = rivals
    with held_before(works, stop) as interleave:
        page = artist_page(leases["/ann"], ANN, link("/a", "artwork"))
        interleave([artwork(leases["/a"], "1", artists=[NAMED])], artists, [page])
    assert makers_of(database) == [("Ann", 1850)]
    assert terms_of(database) == {("style", "op art", "artist")}


@pytest.mark.parametrize("stop", ["_inherit_anew", "_settle", "_record_unchanged"])
def test_a_work_recorded_while_its_artist_is_recorded_inherits(
    rivals: tuple[Ledger, Ledger, dict[str, Lease]], database: Database, stop: str
) -> None:
    works, artists, leases = rivals
    with held_before(artists, stop) as interleave:
        page = artist_page(leases["/ann"], ANN, link("/a", "artwork"))
        interleave([page], works, [artwork(leases["/a"], "1", artists=[NAMED])])
    assert makers_of(database) == [("Ann", 1850)]
    assert terms_of(database) == {("style", "op art", "artist")}
    assert artists_in(database) == [("Ann", 1850)]


@pytest.mark.parametrize("stop", ["_settle", "_record_sources", "_record_listings"])
def test_an_artist_recorded_for_a_works_other_page_is_not_lost(
    rivals: tuple[Ledger, Ledger, dict[str, Lease]], database: Database, stop: str
) -> None:
    works, artists, leases = rivals
    works.session.connection.exec_driver_sql("SET deadlock_timeout = '20ms'")
    works.session.connection.commit()
    works.record([artwork(leases["/a2"], "1", artists=[NAMED])])
    with held_before(works, stop) as interleave:
        page = artist_page(leases["/ann"], ANN, link("/a2", "artwork"))
        interleave([artwork(leases["/a"], "1", artists=[NAMED])], artists, [page])
    assert makers_of(database) == [("Ann", 1850)]
    assert terms_of(database) == {("style", "op art", "artist")}


@pytest.mark.parametrize("stop", ["_inherit_anew", "_settle", "_record_unchanged"])
@pytest.mark.parametrize("named", [{}, {"name": "Bob", "name_key": "bob", "birth_year": None}])
def test_a_works_other_page_recorded_while_its_artist_is_recorded_inherits(
    rivals: tuple[Ledger, Ledger, dict[str, Lease]],
    database: Database,
    stop: str,
    named: dict[str, Any],
) -> None:
    works, artists, leases = rivals
    works.record([artwork(leases["/a2"], "1", artists=[NAMED])])
    with held_before(artists, stop) as interleave:
        page = artist_page(leases["/ann"], ANN, link("/a2", "artwork"))
        interleave([page], works, [artwork(leases["/a"], "1", artists=[{**NAMED, **named}])])
    assert makers_of(database) == [(named.get("name", "Ann"), named.get("birth_year", 1850))]
    assert terms_of(database) == {("style", "op art", "artist")}
    assert sql(database, "SELECT * FROM failures") == []


@pytest.mark.parametrize("stop", ["_inherit_anew", "_settle", "_record_unchanged"])
def test_artists_recorded_at_once_for_two_pages_of_a_work_are_both_told(
    rivals: tuple[Ledger, Ledger, dict[str, Lease]], database: Database, stop: str
) -> None:
    first, second, leases = rivals
    for ledger in (first, second):
        ledger.session.connection.exec_driver_sql("SET deadlock_timeout = '20ms'")
        ledger.session.connection.commit()
    for path in ("/a", "/a2"):
        first.record([artwork(leases[path], "1")])
    with held_before(first, stop) as interleave:
        interleave(
            [artist_page(leases["/ann"], ANN, link("/a", "artwork"))],
            second,
            [artist_page(leases["/bob"], about("Bob", 1900, ("tag", "y")), link("/a2", "artwork"))],
        )
    assert sorted(makers_of(database)) == [("Ann", 1850), ("Bob", 1900)]
    assert terms_of(database) == {("style", "op art", "artist"), ("tag", "y", "artist")}


# Any order, and interruptions

STARTS = [link("/red", "listing", "red"), link("/blue", "listing", "blue")]
LISTINGS = {
    "/red": [link("/ann", "artist"), link("/bob", "artist"), link("/a", "artwork")],
    "/blue": [
        link("/ann", "artist"),
        link("/namesake", "artist"),
        link("/c2", "artwork"),
        link("/d", "artwork"),
    ],
}
PAGES = {
    "/ann": (ANN, [link("/a", "artwork"), link("/c", "artwork"), link("/ann2", "artist")]),
    "/ann2": (about("Ann"), [link("/d", "artwork"), link("/e", "artwork"), link("/ann", "artist")]),
    "/bob": (
        about("Bob", None, ("nationality", "Dutch"), ("style", "op art")),
        [link("/e", "artwork"), link("/a", "artwork"), link("/f", "artwork")],
    ),
    "/namesake": (
        about("Ann", 1900, ("tag", "x"), ("style", "op art")),
        [link("/c2", "artwork"), link("/f", "artwork")],
    ),
}
WORKS: dict[str, dict[str, Any]] = {
    "/a": {"source_id": "1", "artists": [NAMED], "terms": [("tag", "x", "page")]},
    "/c": {"source_id": "2", "artists": [NAMED], "terms": [("tag", "y", "page")]},
    "/c2": {"source_id": "2", "artists": [NAMED], "terms": [("tag", "y", "page")]},
    "/d": {"source_id": "3"},
    "/e": {"source_id": "4", "terms": [("style", "op art", "page")]},
    "/f": {"source_id": "5", "artists": [{**NAMED, "birth_year": 1850}]},
}


def outcome_of(lease: Lease) -> Item:
    path = lease.url.removeprefix("http://museum.example")
    if path in LISTINGS:
        return listing(lease, *LISTINGS[path])
    if path in PAGES:
        artist, links = PAGES[path]
        return artist_page(lease, artist, *links)
    return artwork(lease, **WORKS[path])


def collected(database: Database) -> dict[str, Any]:
    """All that works and artists are in the end."""
    return {
        "digest": digest_of(database),
        "terms": {number: terms_of(database, number) for number in "12345"},
        "makers": {number: makers_of(database, number) for number in "12345"},
        "artists": sorted(
            map(repr, sql(database, "SELECT name, birth_year, death_year, has_page FROM artists"))
        ),
    }


@pytest.fixture(scope="module")
def straight(migrated: Database) -> dict[str, Any]:
    """What a run gives that nothing disturbs."""
    Worker(emptied(migrated), STARTS, outcome_of).finish()
    found = collected(migrated)
    # All three artists that pages are about, and nobody else.
    assert artists_in(migrated) == [("Ann", 1850), ("Ann", 1900), ("Bob", None)]
    assert found["makers"]["3"] == [("Ann", 1850)]
    assert sorted(found["makers"]["4"]) == [("Ann", 1850), ("Bob", None)]
    assert found["terms"]["1"] >= {("tag", "x", "page"), ("nationality", "Dutch", "artist")}
    assert ("style", "op art", "page") in found["terms"]["4"]
    return found


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, max_size=40))
def test_whatever_happens_works_inherit_the_same(
    migrated: Database, straight: dict[str, Any], steps: list[tuple[int, str]]
) -> None:
    workers = [Worker(database, STARTS, outcome_of) for database in (emptied(migrated), migrated)]
    perform(workers, steps)
    workers[0].finish()
    assert collected(migrated) == straight
    workers[1].finish()
    assert collected(migrated) == straight


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations([*PAGES, *WORKS]))
def test_in_whatever_order_pages_are_recorded_works_inherit_the_same(
    migrated: Database, straight: dict[str, Any], order: list[str]
) -> None:
    """Every page is known from the start, so that any may be read before the one it belongs to."""
    ledger = Ledger(emptied(migrated), site="museum")
    ledger.open(profile_hash="p", settings={})
    try:
        ledger.seed(STARTS)
        for lease in ledger.lease(10, KINDS):
            ledger.record([outcome_of(lease)])
        [ann] = [one_of for one_of in ledger.lease(10, ("artist",)) if one_of.url.endswith("/ann")]
        ledger.seed([link(path, "artwork") for path in WORKS])
        # Its second page is known from the first one only, as on sites.
        ledger.record([artist_page(ann, ANN, link("/ann2", "artist"))])
        ledger.seed([])
        rows = {
            row.url.removeprefix("http://museum.example"): row.id
            for row in sql(migrated, "SELECT id, url FROM frontier")
        }
        for path in order:
            found = sql(migrated, "SELECT * FROM frontier WHERE id = :id", id=rows[path])
            fields = dict(found[0]._mapping)
            known = {name: fields[name] for name in Lease.__slots__ if name in fields}
            ledger.record([outcome_of(Lease(**known))])
    finally:
        ledger.abandon()
    assert collected(migrated) == straight
