"""A crawl, damage of every kind, a repair, and the crawl that mends the rest."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from support.crawls import Workspace
from support.databases import sql

from crawler.frontier.ledger import Ledger
from storage.database import Database
from storage.images import image_key
from storage.locks import GARBAGE_LOCK, is_storing, may_delete
from storage.objects import open_store
from storage.verify import Scope, verify

FULL = Scope(full_hash=True)


def other_picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (90, 90), "#123456").save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize("objects", ["folder", "s3"])
def test_what_is_damaged_is_whole_again_after_a_repair_and_a_crawl(
    demo: Workspace, truth: dict[str, Any], objects: str, request: pytest.FixtureRequest
) -> None:
    if objects == "s3":
        url = request.getfixturevalue("s3_url")
        demo.environment["ARTWORKS_OBJECTS_URL"] = url
        demo.store = open_store(url, create=True)
    # A part of the museum is enough, and has no listing that needs a browser.
    enough = {name: len(c["works"]) for name, c in truth["categories"].items()}
    name = min((name for name in enough if enough[name] >= 12), key=lambda name: enough[name])
    demo.crawl(f"category={name}", expect=0)
    digest = demo.digest()
    before = verify(demo.database, demo.store, FULL)
    assert before.counts == {}
    assert before.originals.rows == before.read.images >= 12

    # Each of another work, at an address of its own.
    images = demo.sql(
        "SELECT i.id, i.object_key, i.preview_key, min(s.id) AS source, min(f.id) AS address "
        "FROM images i JOIN image_sources s ON s.image_id = i.id JOIN frontier f ON f.image_id = "
        "i.id WHERE i.preview_key <> i.object_key GROUP BY i.id "
        "HAVING count(DISTINCT s.id) = 1 AND count(DISTINCT f.id) = 1 ORDER BY i.sha256 LIMIT 10"
    )
    lost, short, changed, without, empty, spoiled, unknown, unlinked, unqueued, leased = images
    store = demo.store
    whole = {row.id: store.get(row.object_key) for row in images}

    def put(key: str, data: bytes) -> None:
        store.put(key, data, content_type="image/jpeg")

    store.delete(lost.object_key)
    put(short.object_key, whole[short.id][:-1])
    put(changed.object_key, whole[changed.id][:-1] + b"!")
    store.delete(without.preview_key)
    put(empty.preview_key, b"")
    put(spoiled.preview_key, other_picture())
    put(image_key("0" * 64, "png"), b"nobody's")
    sql(demo.database, "UPDATE frontier SET image_id = NULL WHERE image_id = :id", id=unknown.id)
    sql(
        demo.database,
        "UPDATE image_sources SET image_id = NULL WHERE image_id = :id",
        id=unlinked.id,
    )
    sql(
        demo.database,
        "UPDATE frontier SET artwork_id = NULL WHERE id = "
        "(SELECT min(id) FROM frontier WHERE kind = 'artwork' AND artwork_id IS NOT NULL)",
    )
    sql(
        demo.database,
        "UPDATE image_sources SET frontier_id = NULL, image_id = NULL WHERE id = :id",
        id=unqueued.source,
    )
    sql(
        demo.database,
        "UPDATE frontier SET state = 'leased', lease_owner = 999 WHERE id = :id",
        id=leased.address,
    )
    sql(demo.database, "INSERT INTO crawl_runs (site) VALUES ('demo')")
    wrong = {
        "hash_differs": 1,
        "image_unreferenced": 1,  # what the address that was lost gave
        "image_unlinked": 2,
        "lease_stuck": 1,
        "object_missing": 1,
        "object_orphaned": 1,
        "page_unlinked": 1,
        "preview_damaged": 2,
        "preview_missing": 1,
        "run_unfinished": 1,
        "size_differs": 1,
        "source_unqueued": 1,
    }
    assert verify(demo.database, store, FULL).counts == wrong

    repaired = verify(demo.database, store, FULL, repair=True)
    assert repaired.is_clean
    assert repaired.sites == {"demo"}
    demo.crawl(f"category={name}", expect=0)
    assert verify(demo.database, store, FULL).counts == {}
    for row in images:
        assert store.get(row.object_key) == whole[row.id]
    assert not store.exists(image_key("0" * 64, "png"))
    assert demo.one("SELECT count(*) FROM frontier WHERE state = 'leased'") == 0
    assert demo.digest() == digest


def test_nothing_is_deleted_while_a_worker_lives(workspace: Workspace) -> None:
    def free(database: Database) -> tuple[bool, bool]:
        with database.begin() as connection:
            return is_storing(connection), may_delete(connection)

    ledger = Ledger(workspace.database, site="museum")
    assert free(workspace.database) == (False, True)
    ledger.open(profile_hash="p", settings={})
    assert free(workspace.database) == (True, False)
    ledger.close(finish_reason="finished", stats={})
    assert free(workspace.database) == (True, False)
    ledger.abandon()
    # The server notices a moment later.
    sql(workspace.database, "SELECT pg_advisory_xact_lock(:key)", key=GARBAGE_LOCK)
    assert free(workspace.database) == (False, True)
