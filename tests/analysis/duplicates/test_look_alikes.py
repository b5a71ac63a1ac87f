"""Look-alikes in SQL: confirmed by pixels, incremental, and bounded."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps
from support.databases import one, sql
from support.vectors import add_embeddings

from analysis.catalog import make_job
from analysis.duplicates import candidates, look_alikes
from analysis.duplicates.groups import Groups, duplicate_groups
from analysis.duplicates.look_alikes import WITHIN
from analysis.engine import RunSummary, run_jobs
from storage.database import Database
from storage.objects import ObjectStore

from .test_details import painted, part

AddWork = Callable[..., int]
DIMENSIONS = 16


def jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def along(number: int, aside: float = 0.0) -> Any:
    """A vector of direction `number`, turned aside a little."""
    return np.eye(DIMENSIONS)[number] + aside * np.eye(DIMENSIONS)[DIMENSIONS - 1]


def find(database: Database, store: ObjectStore, **options: Any) -> RunSummary:
    [summary] = run_jobs(database, store, [make_job("look-alikes", database)], **options)
    return summary


def pairs(database: Database) -> list[tuple[int, int]]:
    rows = sql(database, "SELECT image_id, other_id FROM image_duplicates ORDER BY 1, 2")
    return [tuple(row) for row in rows]


@pytest.fixture
def collected(database: Database, add_work: AddWork) -> dict[str, int]:
    """A picture, its detail and its mirror image, one of its manner, and another one."""
    pictures = {
        "picture": painted(1),
        "detail": part(painted(1), 0.8),
        "mirrored": ImageOps.mirror(painted(1)),
        "manner": painted(2),
        "other": painted(3),
    }
    ids = {
        name: add_work(number, data=jpeg(picture))
        for number, (name, picture) in enumerate(pictures.items())
    }
    vectors = {
        ids["picture"]: along(0),
        ids["detail"]: along(0, 0.5),
        ids["mirrored"]: along(0, 0.1),
        ids["manner"]: along(0, 0.2),
        ids["other"]: along(5),
    }
    add_embeddings(database, vectors)
    return ids


def test_pairs_are_what_pixels_confirm(
    database: Database, store: ObjectStore, collected: dict[str, int]
) -> None:
    seen: list[tuple[int, int]] = []
    summary = find(database, store, progress=lambda *done: seen.append(done))
    picture, detail, mirrored, manner, other = collected.values()
    assert pairs(database) == [(picture, detail), (picture, mirrored), (detail, mirrored)]
    assert (summary.done, summary.empty) == (3, 2)
    assert summary.details == {"pairs": 3, "candidates": 6}
    assert seen == [(0, 5), (5, 5)]
    [model] = sql(
        database,
        "SELECT name, version, kind, is_default, params ->> 'embedding' FROM models "
        "WHERE kind = 'duplicates'",
    )
    assert tuple(model) == (
        "embedding-look-alikes",
        "1-test-network-1",
        "duplicates",
        False,
        "test-network/1",
    )
    [(kind, distance)] = sql(
        database,
        "SELECT kind, distance FROM image_duplicates WHERE other_id = :other AND image_id = :one",
        one=picture,
        other=detail,
    )
    assert (kind, distance) == ("near", pytest.approx(1 - 1 / 1.25**0.5, abs=1e-3))
    states = dict(
        sql(
            database,
            "SELECT image_id, state FROM image_results r JOIN models m ON m.id = r.model_id "
            "WHERE m.kind = 'duplicates'",
        )
    )
    assert [states[one] for one in (picture, detail, mirrored, manner, other)] == [
        "done",
        "done",
        "done",
        "empty",
        "empty",
    ]


def test_nothing_is_looked_at_twice(
    database: Database, store: ObjectStore, collected: dict[str, int], add_work: AddWork
) -> None:
    find(database, store)
    before = sql(database, "SELECT xmin::text, * FROM image_duplicates")
    again = find(database, store)
    assert (again.images, again.details) == (0, {"pairs": 0})
    assert sql(database, "SELECT xmin::text, * FROM image_duplicates") == before
    new = add_work(20, data=jpeg(painted(3).resize((300, 225))))
    add_embeddings(database, {new: along(5, 0.2)})
    assert find(database, store).images == 1
    assert (collected["other"], new) in pairs(database)
    expected = pairs(database)
    assert find(database, store, redo=True).images == 6
    assert pairs(database) == expected


def test_stopped_and_run_again(
    database: Database,
    store: ObjectStore,
    collected: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find(database, store)
    expected = pairs(database)
    monkeypatch.setattr(look_alikes, "BATCH", 2)

    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find(database, store, redo=True, progress=stop)
    assert find(database, store).images == 3
    assert pairs(database) == expected


def test_what_comes_back_is_looked_at_anew(
    database: Database, store: ObjectStore, collected: dict[str, int]
) -> None:
    hide = "UPDATE image_sources SET gone_at = {} WHERE image_id = :id"
    sql(database, hide.format("now()"), id=collected["mirrored"])
    find(database, store)
    assert pairs(database) == [(collected["picture"], collected["detail"])]
    sql(database, hide.format("NULL"), id=collected["mirrored"])
    assert find(database, store).images == 1
    assert len(pairs(database)) == 3
    sql(database, hide.format("now()"), id=collected["mirrored"])
    find(database, store)
    assert len(pairs(database)) == 1


def test_previews_that_cannot_be_read(
    database: Database, store: ObjectStore, collected: dict[str, int]
) -> None:
    key = one(database, "SELECT preview_key FROM images WHERE id = :id", id=collected["picture"])
    store.delete(key)
    key = one(database, "SELECT preview_key FROM images WHERE id = :id", id=collected["manner"])
    store.put(key, b"no image", content_type="image/jpeg")
    summary = find(database, store)
    assert summary.details["unreadable"] == 2
    assert pairs(database) == [(collected["detail"], collected["mirrored"])]


def test_without_embeddings_it_waits(database: Database, store: ObjectStore) -> None:
    assert find(database, store).details == {"next": "artworks analyze embeddings"}


def test_many_images_go_by_cells(
    database: Database,
    store: ObjectStore,
    collected: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find(database, store)
    expected = pairs(database)
    monkeypatch.setattr(candidates, "MOST_EXACT", 0)
    assert find(database, store, redo=True).images == 5
    assert pairs(database) == expected


def test_groups_tell_cosine_distances(
    database: Database, store: ObjectStore, collected: dict[str, int]
) -> None:
    find(database, store)
    embedding, model = (
        one(database, "SELECT id FROM models WHERE kind = :kind", kind=kind)
        for kind in ("embedding", "duplicates")
    )

    def groups(**options: Any) -> Groups:
        with database.begin() as connection:
            return duplicate_groups(
                connection, model, radius=WITHIN, embedding_id=embedding, **options
            )

    found = groups()
    assert (found.total, found.images) == (1, 3)
    [group] = found.groups
    assert [image.image_id for image in group.images] == list(collected.values())[:3]
    assert [round(image.distance, 2) for image in group.images] == [0, 0.11, 0]
    assert group.told(group.widest) == "0.106"
    assert groups(site="elsewhere").total == 0
