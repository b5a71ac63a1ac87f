"""Altered copies find themselves, among all that is stored, and look-alikes are no rivals."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.databases import one, sql

from analysis.engine import run_jobs
from analysis.errors import NetworkUnavailable, NoEmbeddings
from analysis.evaluation.alterations import ALTERATIONS
from analysis.evaluation.self_retrieval import measure_self_retrieval
from storage.database import Database
from storage.objects import ObjectStore

AddWork = Callable[..., int]


def test_copies_find_themselves(
    database: Database,
    store: ObjectStore,
    add_work: AddWork,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ARTWORKS_EMBEDDING", "descriptors")
    with pytest.raises(NoEmbeddings, match="artworks analyze embeddings"):
        measure_self_retrieval(database, store)
    for number in range(24):
        add_work(number, size=(96, 72))
    run_jobs(database, store, ["embeddings"])
    told: list[tuple[int, int]] = []
    found = measure_self_retrieval(
        database, store, images=20, progress=lambda *step: told.append(step)
    )
    assert (found.images, found.among, found.unreadable) == (20, 24, 0)
    assert told == [(16, 20), (20, 20)]
    assert set(found.ranks) == set(ALTERATIONS)
    assert found.recall("JPEG of quality 30", 1) == 1
    assert found.recall("crop to 50 %", 1) < 1
    for ranks in found.ranks.values():
        assert ranks.min() >= 1
        assert ranks.max() <= 24
    kept = one(database, "SELECT metrics FROM models WHERE name = 'descriptors'")
    assert kept["self_retrieval"] == found.as_dict()

    # Where all are pairs of look-alikes, whoever is found is right.
    sql(
        database,
        "INSERT INTO models (name, version, kind, is_default) "
        "VALUES ('phash', '1', 'duplicates', true)",
    )
    sql(
        database,
        "INSERT INTO image_duplicates (image_id, other_id, model_id, distance, kind) "
        "SELECT a.id, b.id, m.id, 1, 'near' FROM images a, images b, models m "
        "WHERE a.id < b.id AND m.name = 'phash'",
    )
    sure = measure_self_retrieval(database, store, images=5)
    assert all(sure.recall(name, 1) == 1 for name in ALTERATIONS)

    # An object that is gone is counted, and a network that is not here is refused.
    [image] = sql(database, "SELECT preview_key FROM images ORDER BY id LIMIT 1")
    store.delete(image.preview_key)
    assert measure_self_retrieval(database, store, images=24).unreadable == 1
    sql(database, "UPDATE models SET version = 'other' WHERE name = 'descriptors'")
    with pytest.raises(NetworkUnavailable, match="ARTWORKS_EMBEDDING"):
        measure_self_retrieval(database, store)
