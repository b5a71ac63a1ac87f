"""What the statements of the collection keep, whoever writes first."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import Connection
from support.databases import emptied, one, sql
from support.plans import plan_of
from support.samples import artist, image, work

from storage import collection
from storage.collection import (
    add_terms,
    replace_page_terms,
    store_artist,
    store_artworks,
    store_image_sources,
    store_images,
)
from storage.database import Database


def term(artwork_id: int, source: str, name: str = "op art") -> dict[str, Any]:
    return {"artwork_id": artwork_id, "kind": "style", "name": name, "source": source}


@pytest.mark.parametrize(
    ("sources", "kept"),
    [
        (("person", "import", "page", "artist"), "person"),
        (("import", "page", "artist"), "import"),
        (("page", "artist"), "page"),
    ],
)
def test_a_terms_strongest_source_is_kept_in_whatever_order(
    migrated: Database, sources: tuple[str, ...], kept: str
) -> None:
    for order in permutations(sources):
        database = emptied(migrated)
        with database.begin() as connection:
            [number] = store_artworks(connection, [work("1")])
            for source in order:
                add_terms(connection, [term(number, source)])
        assert one(database, "SELECT source FROM artwork_terms") == kept
    database = emptied(migrated)
    with database.begin() as connection:
        [number] = store_artworks(connection, [work("1")])
        add_terms(connection, [term(number, source) for source in sources[::-1]])
    assert one(database, "SELECT source FROM artwork_terms") == kept


def test_what_was_imported_stays_when_pages_say_it_no_more(database: Database) -> None:
    with database.begin() as connection:
        [number] = store_artworks(connection, [work("1")])
        add_terms(connection, [term(number, "import")])
        replace_page_terms(connection, [number], [term(number, "page"), term(number, "page", "x")])
        replace_page_terms(connection, [number], [])
    assert sql(database, "SELECT source FROM artwork_terms") == [("import",)]


def test_what_the_page_says_of_a_maker_is_kept_beside_who_it_is(database: Database) -> None:
    with database.begin() as connection:
        store_artworks(connection, [work("1", artists=[artist("Ann", nationality="Dutch")])])
    assert one(database, "SELECT said FROM artwork_artists") == {
        "name": "Ann",
        "name_key": "ann",
        "nationality": "Dutch",
        "birth_year": None,
        "death_year": None,
        "page_url": None,
    }


def test_the_page_of_an_artist_completes_the_artist_and_adds_its_words(database: Database) -> None:
    ann = {"name": "Ann", "name_key": "ann", "birth_year": 1850}
    with database.begin() as connection:
        store_artworks(connection, [work("1", artists=[artist("Ann", birth_year=1850)])])
        for _ in range(2):
            store_artist(connection, {**ann, "death_year": 1910, "terms": [["style", "op art"]]})
        store_artist(connection, {"name": None, "name_key": None, "terms": []})
        # A work that names the artist again does not undo that the page was read.
        store_artworks(connection, [work("2", artists=[artist("Ann", birth_year=1850)])])
    assert sql(database, "SELECT name, birth_year, death_year, has_page FROM artists") == [
        ("Ann", 1850, 1910, True)
    ]
    assert sql(database, "SELECT kind, name FROM terms") == [("style", "op art")]


def page_of_image(connection: Connection, url: str) -> int:
    number: int = connection.exec_driver_sql(
        "INSERT INTO frontier (site, url, fingerprint, host, kind) "
        "VALUES ('alpha', %s, %s, 'alpha.example', 'image') RETURNING id",
        (url, url),
    ).scalar_one()
    return number


def test_a_second_work_with_a_known_image_knows_where_its_bytes_came_from(
    database: Database,
) -> None:
    with database.begin() as connection:
        first, second = store_artworks(connection, [work("1"), work("2")])
        page = page_of_image(connection, "http://alpha.example/full.jpg")
        [image_id] = store_images(connection, [image(1)]).values()
        source = {"position": 0, "url": "http://alpha.example/full.jpg", "frontier_id": page}
        known = {**source, "artwork_id": first, "image_id": image_id}
        store_image_sources(connection, [known])
        connection.exec_driver_sql(
            "UPDATE image_sources SET fetched_url = 'http://alpha.example/small.jpg', "
            "content_type = 'image/jpeg', fetched_at = now()"
        )
        # Recording the work again keeps it too, whether or not the image is known by then.
        store_image_sources(connection, [{**known, "image_id": None}])
        store_image_sources(connection, [known])
        store_image_sources(connection, [{**known, "artwork_id": second}])
    rows = sql(database, "SELECT artwork_id, fetched_url, content_type FROM image_sources")
    assert sorted(map(tuple, rows)) == [
        (number, "http://alpha.example/small.jpg", "image/jpeg") for number in (first, second)
    ]


@pytest.fixture
def large(database: Database) -> Database:
    """20,000 works of 2,000 artists, with 200 words and 40,000 addresses of images."""
    for statement in (
        "INSERT INTO artworks (site, source_id, page_url, title, content_hash) "
        "SELECT 'alpha', n, 'u', 't', 'x' FROM generate_series(1, 20000) n",
        "INSERT INTO artists (name, name_key) SELECT n, n FROM generate_series(1, 2000) n",
        "INSERT INTO artwork_artists (artwork_id, position, artist_id) "
        "SELECT n, 0, 1 + n % 2000 FROM generate_series(1, 20000) n",
        "INSERT INTO terms (kind, name) SELECT 'style', n FROM generate_series(1, 200) n",
        "INSERT INTO artwork_terms (artwork_id, term_id, source) "
        "SELECT n, 1 + (n + k) % 200, 'artist' FROM generate_series(1, 20000) n, "
        "generate_series(0, 2) k",
        "INSERT INTO frontier (site, url, fingerprint, host, kind) "
        "SELECT 'alpha', n, n, 'h', 'image' FROM generate_series(1, 40000) n",
        "INSERT INTO images (sha256, object_key, preview_key, format, width, height, bytes, phash) "
        "SELECT n, n, n, 'png', 1, 1, 1, n FROM generate_series(1, 400) n",
        "INSERT INTO image_sources (artwork_id, position, url, frontier_id, image_id) "
        "SELECT 1 + n / 2, n % 2, n, n, 1 + n % 400 FROM generate_series(1, 39999) n",
        # The planner prefers to read a table whole as long as it takes it for a small one.
        "ANALYZE",
    ):
        sql(database, statement)
    return database


def test_inheriting_and_storing_sources_read_indexes_and_no_large_table(large: Database) -> None:
    works = {"ids": [1, 2, 3]}
    plans = {
        "ix_artwork_artists_artist_id": plan_of(large, collection._FORGET_ARTISTS, **works),
        "pk_artwork_artists": plan_of(large, collection._KNOWN_MAKERS, **works),
        "pk_artworks": plan_of(large, collection._LOCK_WORKS, **works),
        "pk_artists": plan_of(large, collection._LOCK_ARTISTS, **works),
        "pk_artwork_terms": plan_of(large, collection._KEEP_INHERITED, **works, rows="[]"),
        "ix_image_sources_frontier_id": plan_of(
            large, collection._SOURCES, rows='[{"artwork_id": 1, "frontier_id": 1}]'
        ),
    }
    for index, plan in plans.items():
        assert index in plan, plan
        assert "Seq Scan" not in plan.replace("Seq Scan terms", ""), plan
