"""What is pending: exactly what has no result, found quickly in a large collection."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from support.databases import one, sql

from analysis import pending
from analysis.pending import count_pending, pending_images, proven_models
from storage.database import Database

# Keys as unlike each other as real ones, all shown by one work.
FILL = (
    """INSERT INTO artworks (site, source_id, page_url, title, content_hash, raw)
       VALUES ('museum', '1', 'https://museum.example/1', 'All', '1', '{}')""",
    """INSERT INTO images (sha256, object_key, preview_key, format, width, height, bytes, phash)
       SELECT encode(sha256(CAST(n AS text)::bytea), 'hex'), 'images/' || n, 'previews/' || n,
              'jpeg', 800, 600, 100000, n
       FROM generate_series(1, :images) n""",
    """INSERT INTO image_sources (artwork_id, position, url, image_id)
       SELECT 1, id, 'https://museum.example/' || id, id FROM images""",
    """INSERT INTO models (name, version, kind)
       SELECT 'model ' || n, '1', 'test' FROM generate_series(1, 3) n""",
)


def fill(database: Database, images: int) -> None:
    with database.begin() as connection:
        for statement in FILL:
            values = {"images": images} if ":images" in statement else {}
            connection.execute(text(statement), values)


def see(database: Database, model_id: int, condition: str, state: str = "done") -> None:
    sql(
        database,
        "INSERT INTO image_results (image_id, model_id, state) "
        f"SELECT id, {model_id}, '{state}' FROM images WHERE {condition}",
    )


@pytest.mark.parametrize("page", [1, 2, 7, 1000])
def test_exactly_what_a_model_has_not_seen_is_pending_for_it(database: Database, page: int) -> None:
    fill(database, 60)
    chosen = random.Random(page)
    ids = range(1, 61)
    seen = {1: set(ids), 2: set(chosen.sample(ids, 31)), 3: set(chosen.sample(ids, 57))}
    for model_id, images in seen.items():
        see(database, model_id, f"id IN ({', '.join(map(str, images))})", "empty")
    sql(database, "UPDATE image_sources SET gone_at = now() WHERE image_id % 10 = 0")
    shown = {image for image in ids if image % 10}
    keys = {row.id: row.sha256 for row in sql(database, "SELECT id, sha256 FROM images")}

    for models in ([1], [2], [1, 2], [2, 3], [1, 2, 3]):
        expected = {
            image: wanted
            for image in shown
            if (wanted := frozenset(model for model in models if image not in seen[model]))
        }
        found = list(pending_images(database, models, redo=False, page=page))
        assert {image.id: image.model_ids for image in found} == expected
        assert [image.id for image in found] == sorted(expected, key=keys.__getitem__)
        assert count_pending(database, models, redo=False) == len(expected)
        again = list(pending_images(database, models, redo=True, page=page))
        assert [image.id for image in again] == sorted(shown, key=keys.__getitem__)
        assert {image.model_ids for image in again} == {frozenset(models)}
        assert count_pending(database, models, redo=True) == len(shown)


def test_images_come_with_what_they_take(database: Database) -> None:
    fill(database, 1)
    [image] = pending_images(database, [1], redo=False)
    assert (image.object_key, image.preview_key) == ("images/1", "previews/1")
    assert (image.format, image.width, image.height, image.bytes) == ("jpeg", 800, 600, 100000)


def test_a_model_is_proven_by_an_image_that_it_went_through_on(database: Database) -> None:
    fill(database, 4)
    see(database, 1, "id = 1", "failed")
    see(database, 2, "id = 2", "empty")
    see(database, 2, "id = 3", "failed")
    with database.begin() as connection:
        assert proven_models(connection, [1, 2, 3]) == {2}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def explained(database: Database, statement: Any, **values: Any) -> list[dict[str, Any]]:
    with database.begin() as connection:
        query = text(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement.text}")
        [found] = connection.execute(query, values).scalar_one()
    return list(nodes(found["Plan"]))


def test_a_large_collection(database: Database) -> None:
    """One job has seen nearly all, one all, one nothing; before and after statistics are there."""
    fill(database, 100_000)
    see(database, 1, "true")
    see(database, 2, "id % 12500 <> 1")
    last = one(database, "SELECT max(sha256) FROM images WHERE id % 12500 = 1")
    half = one(database, "SELECT max(sha256) FROM images WHERE sha256 < '8'")

    for statistics in (False, True):
        if statistics:
            sql(database, "ANALYZE images, image_sources, image_results")
        assert count_pending(database, [1], redo=False) == 0
        assert list(pending_images(database, [1], redo=False)) == []
        few = list(pending_images(database, [1, 2], redo=False))
        assert len(few) == count_pending(database, [1, 2], redo=False) == 8
        assert few[-1].sha256 == last
        several = pending_images(database, [1, 2, 3], redo=False)
        assert sum(1 for _, _ in zip(several, range(2_500), strict=False)) == 2_500

        # No query of its own for each image; and where much is pending, no walk through all of it.
        counting = explained(database, pending._COUNT_PENDING, model_ids=[1, 2])
        end = explained(database, pending._END_OF_PAGE, after=half, images=pending.PAGE)
        until = one(
            database,
            "SELECT sha256 FROM images WHERE sha256 > :after ORDER BY sha256 OFFSET 1999 LIMIT 1",
            after=half,
        )
        page = explained(database, pending._PENDING_PAGE, after=half, until=until, model_id=3)
        rest = explained(database, pending._PENDING_PAGE, after="", until=None, model_id=2)
        for plan in (counting, end, page, rest):
            assert not [node for node in plan if "SubPlan" in node.get("Parent Relationship", "")]
        assert page[0]["Actual Rows"] == 2000
        for plan in (end, page):
            images = [node for node in plan if node.get("Relation Name") == "images"]
            assert [node["Actual Rows"] * node["Actual Loops"] for node in images] == [2000]
            assert "Index" in images[0]["Node Type"] or "Bitmap" in images[0]["Node Type"]
