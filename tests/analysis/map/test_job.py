"""The job `map`: every image has a place, new ones find theirs, and the map stays where it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from support.databases import one, sql
from support.vectors import add_embeddings

from analysis.engine import run_jobs
from analysis.errors import NothingToShow
from analysis.map import job, stored
from analysis.map.stored import map_model
from analysis.registry.models import activate
from storage.database import Database
from storage.objects import ObjectStore

AddWork = Callable[..., int]
Places = dict[int, tuple[float, float]]


@pytest.fixture
def images(database: Database) -> Callable[[int], list[int]]:
    """Store so many more images, each shown by a work; nothing reads their pixels."""

    def add(count: int) -> list[int]:
        with database.begin() as connection:
            rows = connection.execute(
                text("""
                    WITH added AS (
                        INSERT INTO images (sha256, object_key, preview_key, format, width, height,
                                            bytes, phash)
                        SELECT 'sha' || n, 'images/' || n, 'previews/' || n, 'jpeg', 9, 9, 9, n
                        FROM generate_series(
                            (SELECT count(*) FROM images) + 1,
                            (SELECT count(*) FROM images) + :count) n
                        RETURNING id, sha256
                    ), works AS (
                        INSERT INTO artworks (site, source_id, page_url, title, content_hash, raw)
                        SELECT 'museum', sha256, 'https://museum.example/' || sha256, '', '', '{}'
                        FROM added RETURNING id, source_id
                    )
                    INSERT INTO image_sources (artwork_id, position, url, image_id)
                    SELECT w.id, 0, 'https://museum.example/' || w.source_id || '.jpg', a.id
                    FROM works w JOIN added a ON a.sha256 = w.source_id
                    RETURNING image_id
                """),
                {"count": count},
            )
            return sorted(row.image_id for row in rows)

    return add


def vectors(ids: list[int], *, seed: int = 0) -> dict[int, Any]:
    """Vectors of three groups, by turns."""
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(99).standard_normal((3, 16))
    noise = 0.25 * rng.standard_normal((len(ids), 16))
    return {image: centers[at % 3] + noise[at] for at, image in enumerate(ids)}


def places(database: Database) -> Places:
    rows = sql(database, "SELECT image_id, x, y FROM image_positions ORDER BY image_id")
    return {row.image_id: (row.x, row.y) for row in rows}


def metrics(database: Database) -> dict[str, Any]:
    found: dict[str, Any] = one(database, "SELECT metrics FROM models WHERE kind = 'map'")
    return found


def moved(one_map: Places, other: Places) -> float:
    """How far images lie from where they lay before, on average."""
    common = sorted(one_map.keys() & other.keys())
    return float(np.mean([np.hypot(*np.subtract(one_map[i], other[i])) for i in common]))


def test_without_embeddings_the_next_step_is_told(database: Database, store: ObjectStore) -> None:
    [summary] = run_jobs(database, store, ["map"])
    assert summary.details == {"next": "artworks analyze embeddings"}
    assert one(database, "SELECT count(*) FROM models WHERE kind = 'map'") == 0
    with database.begin() as connection, pytest.raises(NothingToShow, match="artworks analyze map"):
        map_model(connection)


def test_a_map_grows_without_moving_and_is_laid_out_anew_in_time(
    database: Database, store: ObjectStore, images: Callable[[int], list[int]]
) -> None:
    first = images(60)
    twins = dict(vectors(first))
    twins[first[3]] = twins[first[0]] * 1.0001
    model = add_embeddings(database, twins)
    [summary] = run_jobs(database, store, ["map"])
    assert (summary.done, summary.details) == (60, {"placed": 60, "anew": 1})
    before = places(database)
    assert list(before) == first
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in before.values())
    ranked = sorted(first, key=lambda i: np.hypot(*np.subtract(before[i], before[first[0]])))
    assert first[3] in ranked[:4]
    said = metrics(database)
    assert (said["images"], said["laid_out"], said["placed_later"]) == (60, 60, 0)
    assert said["trustworthiness"] > 0.9
    assert said["neighbors_kept"] > said["neighbors_kept_by_chance"]
    with database.begin() as connection:
        on_map = map_model(connection)
    assert (on_map.kind, on_map.params["embedding"], on_map.is_default) == (
        "map",
        model.label,
        True,
    )

    # Nothing is new: nothing is done.
    [summary] = run_jobs(database, store, ["map"])
    assert (summary.done, summary.details) == (0, {"placed": 0, "anew": 0})
    assert places(database) == before

    # A few are placed among the others, each in its group.
    few = images(6)
    add_embeddings(database, vectors(few, seed=1))
    [summary] = run_jobs(database, store, ["map"])
    assert (summary.done, summary.details) == (6, {"placed": 6, "anew": 0})
    now = places(database)
    assert {image: now[image] for image in first} == before
    assert metrics(database)["placed_later"] == 6
    middles = [np.mean([before[i] for i in first[group::3]], axis=0) for group in range(3)]
    for at, image in enumerate(few):
        distances = [np.hypot(*(middle - now[image])) for middle in middles]
        assert np.argmin(distances) == at % 3

    # With these, more than a fifth came later.
    add_embeddings(database, vectors(images(9), seed=2))
    [summary] = run_jobs(database, store, ["map"])
    assert (summary.done, summary.details) == (75, {"placed": 75, "anew": 1})
    assert metrics(database)["placed_later"] == 0
    assert moved(now, places(database)) < 0.25

    # Begun anew it does not flip, whichever way the map before lay.
    with database.begin() as connection:
        connection.execute(text("UPDATE image_positions SET x = 1 - x, y = 1 - y"))
    turned = places(database)
    [summary] = run_jobs(database, store, ["map"], redo=True)
    assert summary.details == {"placed": 75, "anew": 1}
    assert moved(turned, places(database)) < 0.05


def test_of_many_a_sample_is_laid_out_and_the_rest_is_placed_beside(
    database: Database,
    store: ObjectStore,
    images: Callable[[int], list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job, "SAMPLE", 30)
    monkeypatch.setattr(stored, "BATCH", 17)
    ids = images(90)
    add_embeddings(database, vectors(ids))
    [summary] = run_jobs(database, store, ["map"])
    assert summary.details == {"placed": 90, "anew": 1}
    found = places(database)
    assert list(found) == ids
    said = metrics(database)
    assert (said["images"], said["laid_out"], said["measured"]) == (90, 30, 30)
    table = np.array([found[image] for image in ids])
    distance = np.linalg.norm(table[:, None] - table[None], axis=2) + np.eye(90) * 9
    assert (distance.argmin(axis=1) % 3 == np.arange(90) % 3).mean() > 0.95
    run_jobs(database, store, ["map"], redo=True)
    assert moved(found, places(database)) < 1e-6


def test_what_is_gone_is_not_on_a_map_that_is_laid_out_anew(
    database: Database, store: ObjectStore, images: Callable[[int], list[int]]
) -> None:
    ids = images(4)
    add_embeddings(database, vectors(ids))
    run_jobs(database, store, ["map"])
    with database.begin() as connection:
        connection.execute(text("DELETE FROM image_sources WHERE image_id = :i"), {"i": ids[0]})
        connection.execute(
            text("UPDATE images SET placeholder = true WHERE id = :i"), {"i": ids[1]}
        )
    run_jobs(database, store, ["map"], redo=True)
    assert list(places(database)) == ids[2:]
    with database.begin() as connection:
        connection.execute(text("DELETE FROM image_sources"))
    [summary] = run_jobs(database, store, ["map"], redo=True)
    assert summary.details == {"placed": 0, "anew": 1, "next": "artworks analyze embeddings"}
    assert places(database) == {}


def test_maps_of_two_networks_do_not_mix(
    database: Database, store: ObjectStore, images: Callable[[int], list[int]]
) -> None:
    ids = images(4)
    first = add_embeddings(database, vectors(ids), name="first")
    run_jobs(database, store, ["map"])
    second = add_embeddings(database, vectors(ids[:3], seed=5), name="second", is_default=False)
    with database.begin() as connection:
        activate(connection, second)
    run_jobs(database, store, ["map"])
    counts = sql(
        database,
        "SELECT m.params->>'embedding' AS of, count(*) AS images FROM image_positions p "
        "JOIN models m ON m.id = p.model_id GROUP BY 1 ORDER BY 1",
    )
    assert [tuple(row) for row in counts] == [("first/1", 4), ("second/1", 3)]
    with database.begin() as connection:
        assert map_model(connection).params["embedding"] == "second/1"
        activate(connection, first)
        assert map_model(connection).params["embedding"] == "first/1"
