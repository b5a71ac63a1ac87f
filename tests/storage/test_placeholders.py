"""Images that stand in for others are told by their works, makers and addresses."""

from __future__ import annotations

from typing import Any

import pytest
from support.databases import one, sql
from support.samples import artist, image, work

from storage.collection import store_artworks, store_image_sources, store_images
from storage.database import Database
from storage.placeholders import LEAST_WORKS, Marked, mark_placeholders

SITE = "alpha"
NOTHING = Marked(marked=0, unmarked=0)


def show(
    database: Database,
    number: int,
    works: int,
    *,
    address: str = "https://alpha.example/{}/none.jpg",
    makers: int = LEAST_WORKS,
    site: str = SITE,
) -> int:
    """Let `works` works show an image at their addresses; return the id of the image."""
    with database.begin() as connection:
        stored = image(number)
        image_id = store_images(connection, [stored])[stored["sha256"]]
        ids = store_artworks(
            connection,
            [
                work(
                    f"{number}-{at}",
                    site,
                    artists=[artist(f"Maker {at % makers}")] if makers else [],
                )
                for at in range(works)
            ],
        )
        sources: list[dict[str, Any]] = [
            {
                "artwork_id": artwork_id,
                "position": 0,
                "url": address.format(f"{number}-{at}"),
                "image_id": image_id,
            }
            for at, artwork_id in enumerate(ids)
        ]
        store_image_sources(connection, sources)
    return image_id


def mark(database: Database, site: str = SITE) -> Marked:
    with database.begin() as connection:
        return mark_placeholders(connection, site)


def marked(database: Database) -> list[int]:
    return [row.id for row in sql(database, "SELECT id FROM images WHERE placeholder ORDER BY id")]


def test_the_same_picture_at_many_addresses_stands_in(database: Database) -> None:
    stand_in = show(database, 1, LEAST_WORKS)
    show(database, 2, 1)
    assert mark(database) == Marked(marked=1, unmarked=0)
    assert marked(database) == [stand_in]
    assert mark(database) == NOTHING
    assert one(database, "SELECT count(*) FROM artwork_overview WHERE images = 1") == 1


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param({"works": LEAST_WORKS - 1}, id="few works"),
        pytest.param(
            {"works": LEAST_WORKS + 3, "address": "https://alpha.example/sheet.jpg"},
            id="a series on one sheet has one address",
        ),
        pytest.param(
            {"works": LEAST_WORKS + 3, "makers": 1}, id="a series of one maker, copied per record"
        ),
    ],
)
def test_what_does_not_stand_in(database: Database, shown: dict[str, Any]) -> None:
    show(database, 1, **shown)
    assert mark(database) == NOTHING
    assert marked(database) == []


def test_works_of_unknown_makers_are_of_different_ones(database: Database) -> None:
    stand_in = show(database, 1, LEAST_WORKS, makers=0)
    assert mark(database) == Marked(marked=1, unmarked=0)
    assert marked(database) == [stand_in]


def test_one_work_with_many_copies_does_not_stand_in(database: Database) -> None:
    image_id = show(database, 1, 1)
    with database.begin() as connection:
        [artwork_id] = store_artworks(connection, [work("1-0", artists=[artist("Maker 0")])])
        store_image_sources(
            connection,
            [
                {"artwork_id": artwork_id, "position": at, "url": f"/{at}", "image_id": image_id}
                for at in range(LEAST_WORKS + 1)
            ],
        )
    assert mark(database) == NOTHING


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE image_sources SET gone_at = now() WHERE id IN (SELECT min(id) FROM image_sources)",
        "UPDATE artworks SET gone_at = now() WHERE id IN (SELECT min(id) FROM artworks)",
        "DELETE FROM artworks",
        "UPDATE image_sources SET image_id = NULL",
    ],
    ids=["an address is gone", "a work is gone", "all works are gone", "other pictures came"],
)
def test_what_stands_in_no_longer_is_unmarked(database: Database, change: str) -> None:
    show(database, 1, LEAST_WORKS)
    mark(database)
    sql(database, change)
    assert mark(database) == Marked(marked=0, unmarked=1)
    assert marked(database) == []


def test_sites_are_counted_apart_and_one_is_enough(database: Database) -> None:
    image_id = show(database, 1, LEAST_WORKS - 1)
    show(database, 1, LEAST_WORKS - 1, site="beta", address="https://beta.example/{}.jpg")
    assert mark(database) == NOTHING
    assert mark(database, "beta") == NOTHING
    show(database, 1, LEAST_WORKS, site="gamma", address="https://gamma.example/{}.jpg")
    assert mark(database, "gamma") == Marked(marked=1, unmarked=0)
    assert marked(database) == [image_id]
    # Another site that shows it rarely does not take the mark away.
    assert mark(database, "beta") == NOTHING
