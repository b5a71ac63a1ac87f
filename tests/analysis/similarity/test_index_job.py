"""The job `index`: built, kept up to date, versioned, and safe to kill."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pgvector import HalfVector
from sqlalchemy import text
from support.databases import one, sql
from support.hung import hang_works, unit_vectors
from support.vectors import add_embeddings

from analysis.embeddings.near import nearest
from analysis.engine import RunSummary, run_jobs
from analysis.registry.cards import read_card
from analysis.registry.models import Model, activate, default_model, find_model
from analysis.registry.removal import remove_model
from analysis.similarity.indexes import crosscheck
from analysis.similarity.indexes import job as indexing
from analysis.similarity.indexes.card import index_card
from analysis.similarity.indexes.crosscheck import Agreement
from analysis.similarity.indexes.index import SimilarityIndex
from analysis.similarity.indexes.job import index_job
from analysis.similarity.indexes.kinds import Kind
from storage.database import Database
from storage.objects import ObjectStore

KINDS: tuple[Kind, ...] = ("flat", "hnsw", "ivfpq")
DIMENSIONS = 24
Vectors = npt.NDArray[np.float32]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def embed(database: Database, ids: Iterable[int], vectors: Vectors) -> Model:
    return add_embeddings(database, dict(zip(ids, vectors, strict=True)))


def embed_anew(database: Database, image_id: int, vector: npt.ArrayLike) -> None:
    with database.begin() as connection:
        connection.execute(
            text("UPDATE image_embeddings SET embedding = :vector WHERE image_id = :id"),
            {"vector": HalfVector(np.asarray(vector)).to_text(), "id": image_id},
        )


def index(
    database: Database,
    store: ObjectStore,
    cache: Path,
    kind: Kind | None = None,
    *,
    redo: bool = False,
    in_database: bool = False,
) -> RunSummary:
    job = index_job(kind, cache, in_database=in_database)
    [summary] = run_jobs(database, store, [job], redo=redo)
    return summary


def versions(database: Database) -> list[str]:
    rows = sql(
        database, "SELECT name || '/' || version FROM models WHERE kind = 'index' ORDER BY id"
    )
    return [label for (label,) in rows]


def folders(store: ObjectStore) -> set[str]:
    return {found.key.split("/", 1)[1].rpartition("/")[0] for found in store.list("models/")}


def answers(
    database: Database, store: ObjectStore, cache: Path, queries: Vectors, k: int = 10
) -> Any:
    with SimilarityIndex.open(database, store, cache=cache) as opened:
        return opened.search(queries, k)


def truth(database: Database, queries: Vectors, k: int = 10) -> list[list[int]]:
    """The nearest images, by looking at each row."""
    rows = sql(database, "SELECT image_id, embedding FROM image_embeddings ORDER BY image_id")
    ids = np.array([image_id for image_id, _ in rows])
    vectors = np.array(
        [json.loads(vector) if isinstance(vector, str) else vector.to_list() for _, vector in rows]
    )
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :k]
    return ids[order].tolist()


def test_embeddings_are_indexed_once(database: Database, store: ObjectStore, cache: Path) -> None:
    ids = hang_works(database, 120)
    model = embed(database, ids, unit_vectors(120, DIMENSIONS))
    told: list[tuple[int, int]] = []
    [summary] = run_jobs(
        database, store, [index_job(cache=cache)], progress=lambda *done: told.append(done)
    )
    assert (summary.done, told[-1]) == (120, (120, 120))
    assert summary.details["kind"] == "flat"
    assert summary.details["images"] == summary.details["added"] == 120
    with database.begin() as connection:
        row = default_model(connection, "index")
    assert row is not None
    assert (row.label, row.params["embedding"]) == ("index-test-network/1", model.label)
    assert (row.metrics["images"], row.metrics["recall_at_10"]) == (120, 1.0)
    assert row.metrics["agreement"] == {"queries": 50, "faiss": 1.0, "pgvector": 1.0}
    document = json.loads(store.get("models/index-test-network/1/index.json"))
    assert document["files"] == row.params["files"]
    assert (document["kind"], document["images"]) == ("flat", 120)

    assert "An index of 120 images by test-network/1" in read_card(store, row)

    again = index(database, store, cache, in_database=True)
    assert (again.images, again.details) == (0, {})
    assert versions(database) == ["index-test-network/1"]
    assert not list(cache.iterdir())


def test_without_embeddings_the_next_step_is_told(
    database: Database, store: ObjectStore, cache: Path
) -> None:
    expected = {"next": "artworks analyze embeddings"}
    assert index(database, store, cache).details == expected
    [image_id] = hang_works(database, 1)
    embed(database, [image_id], unit_vectors(1, DIMENSIONS))
    sql(database, "UPDATE image_sources SET gone_at = now()")
    assert index(database, store, cache).details == expected
    assert versions(database) == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_that_is_kept_up_to_date_answers_as_a_new_one(
    database: Database, store: ObjectStore, cache: Path, kind: Kind
) -> None:
    ids = hang_works(database, 330)
    vectors = unit_vectors(330, DIMENSIONS)
    embed(database, ids[:300], vectors[:300])
    index(database, store, cache, kind)
    embed(database, ids[300:], vectors[300:])
    sql(database, "DELETE FROM images WHERE id = ANY(:ids)", ids=ids[10:15])
    embed_anew(database, ids[20], -vectors[20])
    kept = index(database, store, cache, kind)
    assert (kept.details["added"], kept.details["removed"]) == (31, 6)
    with database.begin() as connection:
        built = find_model(connection, "index-test-network/2").params["built"]
    assert built == 300
    queries = unit_vectors(20, DIMENSIONS, seed=1)
    expected = truth(database, queries)
    distances, found = answers(database, store, cache, queries)
    assert found.tolist() == expected
    _, [[nearest_id]] = answers(database, store, cache, -vectors[20:21], 1)
    assert nearest_id == ids[20]

    anew = index(database, store, cache, kind, redo=True)
    assert (anew.details["images"], anew.details["added"]) == (325, 325)
    again, found = answers(database, store, cache, queries)
    assert found.tolist() == expected
    np.testing.assert_array_equal(again, distances)


def test_when_much_has_changed_it_is_built_anew(
    database: Database, store: ObjectStore, cache: Path
) -> None:
    ids = hang_works(database, 100)
    vectors = unit_vectors(100, DIMENSIONS)
    embed(database, ids[:60], vectors[:60])
    index(database, store, cache)
    for count, built in ((70, 60), (80, 80)):
        embed(database, ids[:count][-10:], vectors[:count][-10:])
        index(database, store, cache)
        with database.begin() as connection:
            row = default_model(connection, "index")
        assert row is not None
        assert (row.metrics["images"], row.params["built"]) == (count, built)


def test_another_kind_takes_over_when_it_suits(
    database: Database, store: ObjectStore, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = hang_works(database, 110)
    vectors = unit_vectors(110, DIMENSIONS)
    embed(database, ids[:100], vectors[:100])
    assert index(database, store, cache).details["kind"] == "flat"
    monkeypatch.setattr(indexing, "kind_for", lambda images: "hnsw" if images > 100 else "flat")
    assert index(database, store, cache).details == {}
    embed(database, ids[100:], vectors[100:])
    assert index(database, store, cache).details["kind"] == "hnsw"


def test_a_killed_run_leaves_the_former_version_in_use(
    database: Database, store: ObjectStore, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = hang_works(database, 50)
    vectors = unit_vectors(50, DIMENSIONS)
    embed(database, ids[:45], vectors[:45])
    index(database, store, cache)
    embed(database, ids[45:], vectors[45:])

    def killed(*_: object, **__: object) -> Model:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(indexing, "register_index", killed)
        with pytest.raises(KeyboardInterrupt):
            index(database, store, cache)
    assert versions(database) == ["index-test-network/1"]
    assert folders(store) == {"index-test-network/1", "index-test-network/2"}
    _, found = answers(database, store, cache, vectors, 1)
    assert found[:, 0].tolist() == ids

    sql(database, "DELETE FROM images WHERE id = :id", id=ids[-1])
    store.put("models/index-of-another-kind/1/model.joblib", b"", content_type="text/plain")
    assert index(database, store, cache).details["images"] == 49
    assert versions(database) == ["index-test-network/1", "index-test-network/2"]
    assert folders(store) == {*versions(database), "index-of-another-kind/1"}
    assert not list(cache.iterdir())


def test_the_last_two_versions_are_kept(
    database: Database, store: ObjectStore, cache: Path
) -> None:
    ids = hang_works(database, 30)
    vectors = unit_vectors(30, DIMENSIONS)
    embed(database, ids, vectors)
    index(database, store, cache)
    with SimilarityIndex.open(database, store, cache=cache) as first:
        for _ in range(2):
            index(database, store, cache, redo=True)
        assert versions(database) == ["index-test-network/2", "index-test-network/3"]
        assert folders(store) == set(versions(database))
        _, found = first.search(vectors, 1)
        assert found[:, 0].tolist() == ids
        assert first.refresh()
        assert first.model.version == "3"
        assert not first.refresh()


def test_a_person_may_go_back_to_the_version_before(
    database: Database, store: ObjectStore, cache: Path
) -> None:
    ids = hang_works(database, 20)
    embed(database, ids, unit_vectors(20, DIMENSIONS))
    for _ in range(2):
        index(database, store, cache, redo=True)
    with database.begin() as connection:
        activate(connection, find_model(connection, "index-test-network/1"))
    with SimilarityIndex.open(database, store, cache=cache) as opened:
        assert opened.model.version == "1"


def test_each_network_has_an_index_of_its_own(
    database: Database, store: ObjectStore, cache: Path
) -> None:
    ids = hang_works(database, 40)
    vectors, others = unit_vectors(40, DIMENSIONS), unit_vectors(40, 7, seed=1)
    embed(database, ids, vectors)
    other = add_embeddings(
        database, dict(zip(ids, others, strict=True)), name="other", is_default=False
    )
    details = index(database, store, cache).details
    assert details["images"] == details["other/1 images"] == 40
    assert versions(database) == ["index-test-network/1", "index-other/1"]
    with database.begin() as connection:
        row = default_model(connection, "index")
    assert row is not None
    assert row.label == "index-test-network/1"
    with SimilarityIndex.open(database, store, "other", cache=cache) as opened:
        assert opened.embedding == other
        _, found = opened.search(others, 1)
    assert found[:, 0].tolist() == ids

    remove_model(database, store, "other/1")
    index(database, store, cache)
    assert versions(database) == ["index-test-network/1"]
    assert folders(store) == {"index-test-network/1"}


def test_faiss_and_postgresql_agree(database: Database, store: ObjectStore, cache: Path) -> None:
    ids = hang_works(database, 400)
    vectors = unit_vectors(400, DIMENSIONS)
    model = embed(database, ids, vectors)
    summary = index(database, store, cache, "hnsw", in_database=True)
    assert summary.details["pgvector_recall_at_10"] == 1.0
    assert summary.details["pgvector_megabytes"] > 0.0
    queries = unit_vectors(15, DIMENSIONS, seed=1)
    distances, found = answers(database, store, cache, queries)
    with database.begin() as connection:
        for query, near, nearest_ids in zip(queries, distances, found, strict=True):
            rows = nearest(connection, model, query, limit=10)
            assert [image_id for image_id, _ in rows] == nearest_ids.tolist()
            # The database rounds what is asked for to 16 bits.
            np.testing.assert_allclose([apart for _, apart in rows], near, atol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_card_says_what_an_index_is(kind: Kind) -> None:
    about = {
        "name": "index-net",
        "version": "3",
        "kind": kind,
        "images": 1234,
        "embedding": "net/1",
        "effort": {"breadth": 64, "shortlist": 6},
        "reduced": 256,
        "recall_at_10": 0.993,
        "recall_between": 0.912,
        "faiss": "1.15.1",
    }
    card = index_card(about)
    assert card.startswith("# index-net 3\n\nAn index of 1,234 images by net/1,")
    assert ("99.3% for stored images, 91.2% for" in card) == (kind != "flat")
    assert ("64" in card) == (kind != "flat")


def test_people_are_told_where_one_of_them_finds_too_little(
    database: Database, store: ObjectStore, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = hang_works(database, 30)
    embed(database, ids, unit_vectors(30, DIMENSIONS))

    def blind(*_: object, limit: int, **__: object) -> list[tuple[int, float]]:
        return [(0, 1.5)] * limit

    monkeypatch.setattr(crosscheck, "nearest", blind)
    details = index(database, store, cache, in_database=True).details
    assert details["pgvector_recall_at_10"] == 0.0
    assert details["complaint"] == "pgvector finds 0% of the ten nearest, less than 95%"
    assert Agreement(50, 0.5, 0.9).complaint == (
        "FAISS finds 50% and pgvector finds 90% of the ten nearest, less than 95%"
    )
    assert one(database, "SELECT metrics->'agreement'->>'faiss' FROM models WHERE kind = 'index'")
