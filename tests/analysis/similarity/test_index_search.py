"""Searching an index: as the collection is now, and only files that are what was written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support.databases import sql
from support.hung import hang_works, unit_vectors
from support.vectors import add_embeddings

from analysis.engine import run_jobs
from analysis.errors import ArtifactDamaged, NoEmbeddings, NoIndex
from analysis.similarity.indexes import files
from analysis.similarity.indexes import index as searching
from analysis.similarity.indexes.files import STALE
from analysis.similarity.indexes.index import SimilarityIndex
from analysis.similarity.indexes.job import index_job
from storage.database import Database
from storage.objects import ObjectStore

COUNT = 60
DIMENSIONS = 16
FOLDER = "models/index-test-network/1"
Vectors = npt.NDArray[np.float32]


class Remote:
    """A store that is no folder of this machine, as far as anybody can tell."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.opened: list[str] = []

    def open(self, key: str, **options: Any) -> Any:
        self.opened.append(key)
        return self.store.open(key, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def vectors() -> Vectors:
    return unit_vectors(COUNT + 5, DIMENSIONS)


@pytest.fixture
def ids(database: Database, store: ObjectStore, cache: Path, vectors: Vectors) -> list[int]:
    """Images that are indexed."""
    ids = hang_works(database, COUNT)
    add_embeddings(database, dict(zip(ids, vectors, strict=False)))
    index(database, store, cache)
    return ids


def index(database: Database, store: ObjectStore, cache: Path, *, redo: bool = False) -> None:
    run_jobs(database, store, [index_job(cache=cache, in_database=False)], redo=redo)


def test_what_came_later_is_found_and_what_went_is_not(
    database: Database, store: ObjectStore, cache: Path, vectors: Vectors, ids: list[int]
) -> None:
    with SimilarityIndex.open(database, store, cache=cache) as opened:
        assert (len(opened), opened.fresh) == (COUNT, 0)
        more = hang_works(database, 5)
        add_embeddings(database, dict(zip(more, vectors[COUNT:], strict=True)))
        sql(database, "UPDATE image_sources SET gone_at = now() WHERE image_id = :id", id=ids[0])
        sql(database, "UPDATE images SET placeholder = true WHERE id = :id", id=ids[1])
        sql(database, "DELETE FROM images WHERE id = :id", id=ids[2])
        _, found = opened.search(vectors[:3], COUNT)
        assert sorted(found[0, :-3].tolist()) == ids[3:]
        assert found[0, -3:].tolist() == [-1] * 3

        assert opened.refresh()
        assert (len(opened), opened.fresh) == (COUNT + 4, 5)
        distances, found = opened.search(vectors[COUNT:], 1)
        assert found[:, 0].tolist() == more
        np.testing.assert_allclose(distances, 0.0, atol=1e-6)
        sql(database, "UPDATE image_sources SET gone_at = NULL")
        _, found = opened.search(vectors[0], 1)
        assert found.tolist() == [[ids[0]]]
    index(database, store, cache)
    with SimilarityIndex.open(database, store, cache=cache) as opened:
        assert (len(opened), opened.fresh) == (COUNT + 3, 0)


def test_enough_is_found_however_much_is_gone(
    database: Database, store: ObjectStore, cache: Path, vectors: Vectors, ids: list[int]
) -> None:
    order = np.argsort(-(vectors[0] @ vectors[:COUNT].T))
    nearest = [ids[place] for place in order]
    sql(
        database,
        "UPDATE image_sources SET gone_at = now() WHERE image_id = ANY(:ids)",
        ids=nearest[:40],
    )
    with SimilarityIndex.open(database, store, cache=cache) as opened:
        _, found = opened.search(vectors[0], 3)
    assert found.tolist() == [nearest[40:43]]


def test_only_some_images_may_be_asked_for(
    database: Database, store: ObjectStore, cache: Path, vectors: Vectors, ids: list[int]
) -> None:
    some = ids[::7]
    with SimilarityIndex.open(database, store, cache=cache) as opened:
        distances, found = opened.search(vectors[:2], 20, among=[*some, 999_999])
        assert all(sorted(row[row > 0].tolist()) == some for row in found)
        assert np.isfinite(distances).sum() == 2 * len(some)
        _, found = opened.search(vectors[0], 2, among=[])
        assert found.tolist() == [[-1, -1]]


def test_the_length_of_what_is_asked_plays_no_part(
    database: Database, store: ObjectStore, cache: Path, vectors: Vectors, ids: list[int]
) -> None:
    with SimilarityIndex.open(database, store, cache=cache) as opened:
        query = unit_vectors(1, DIMENSIONS, seed=1)[0]
        near, found = opened.search(query, 5)
        farther, same = opened.search(4.0 * query, 5)
        np.testing.assert_array_equal(found, same)
        np.testing.assert_allclose(near, farther, atol=1e-6)
        products, same = opened.search(query, 5, metric="inner_product")
        np.testing.assert_array_equal(found, same)
        np.testing.assert_allclose(products, near - 1.0, atol=2e-3)
        apart, same = opened.search(query, 5, metric="l2")
        np.testing.assert_array_equal(found, same)
        np.testing.assert_allclose(apart**2, 2.0 * near, atol=5e-3)


@pytest.mark.parametrize(
    ("query", "k", "message"),
    [
        (np.ones(3), 1, "no vectors of test-network/1, which have 16 dimensions"),
        (np.zeros(DIMENSIONS), 1, "is zero"),
        (np.full(DIMENSIONS, np.nan), 1, "not all of it are numbers"),
        (np.ones(DIMENSIONS), 0, "ask for 1 at least"),
    ],
    ids=["length", "zero", "nan", "none"],
)
def test_what_cannot_be_searched_for_is_refused(
    database: Database,
    store: ObjectStore,
    cache: Path,
    ids: list[int],
    query: Vectors,
    k: int,
    message: str,
) -> None:
    with (
        SimilarityIndex.open(database, store, cache=cache) as opened,
        pytest.raises(ValueError, match=message),
    ):
        opened.search(query, k)


def test_without_an_index_the_cure_is_told(
    database: Database, store: ObjectStore, cache: Path
) -> None:
    with pytest.raises(NoEmbeddings, match="artworks analyze embeddings"):
        SimilarityIndex.open(database, store, cache=cache)
    [image_id] = hang_works(database, 1)
    add_embeddings(database, {image_id: [1.0, 2.0]})
    with pytest.raises(NoIndex, match="artworks analyze index"):
        SimilarityIndex.open(database, store, cache=cache)


def replaced(store: ObjectStore, key: str) -> None:
    store.put(key, b"something else", content_type="application/octet-stream")


def cut_short(store: ObjectStore, key: str) -> None:
    store.put(key, store.get(key)[:-1], content_type="application/octet-stream")


def deleted(store: ObjectStore, key: str) -> None:
    store.delete(key)


@pytest.mark.parametrize("remote", [False, True], ids=["folder", "remote"])
@pytest.mark.parametrize("file", ["index.faiss", "ids.npy"])
@pytest.mark.parametrize("damage", [replaced, cut_short, deleted])
def test_files_that_are_not_what_was_written_are_not_opened(
    database: Database,
    store: ObjectStore,
    cache: Path,
    vectors: Vectors,
    ids: list[int],
    damage: Callable[[ObjectStore, str], None],
    file: str,
    remote: bool,
) -> None:
    damage(store, f"{FOLDER}/{file}")
    seen: Any = Remote(store) if remote else store
    with pytest.raises(ArtifactDamaged, match=rf"{FOLDER}/{file}.*analyze index --redo"):
        SimilarityIndex.open(database, seen, cache=cache)
    # Adding to it, too, finds out, and builds it anew.
    sql(database, "DELETE FROM images WHERE id = :id", id=ids[0])
    index(database, store, cache)
    with SimilarityIndex.open(database, seen, cache=cache) as opened:
        _, found = opened.search(vectors[1:COUNT], 1)
    assert found[:, 0].tolist() == ids[1:]


def test_what_another_faiss_wrote_is_told(
    database: Database,
    store: ObjectStore,
    cache: Path,
    ids: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_: object) -> None:
        raise RuntimeError("Index type 0x00 not recognized")

    monkeypatch.setattr(files.faiss, "read_index", unknown)
    with pytest.raises(ArtifactDamaged, match="cannot read the index index-test-network/1"):
        SimilarityIndex.open(database, store, cache=cache)


def test_a_copy_is_fetched_once_and_old_ones_go(
    database: Database, store: ObjectStore, cache: Path, vectors: Vectors, ids: list[int]
) -> None:
    remote: Any = Remote(store)
    for _ in range(2):
        with SimilarityIndex.open(database, remote, cache=cache) as opened:
            _, found = opened.search(vectors[:COUNT], 1)
        assert found[:, 0].tolist() == ids
    assert remote.opened == [f"{FOLDER}/index.faiss"]
    [first] = cache.iterdir()
    first.write_bytes(first.read_bytes()[:-7])  # as a full disk leaves it
    SimilarityIndex.open(database, remote, cache=cache).close()
    assert len(remote.opened) == 2

    left = cache / "tmp-1-1"
    left.write_bytes(b"of a process that was killed")
    long_ago = left.stat().st_mtime - STALE.total_seconds() - 60
    os.utime(left, (long_ago, long_ago))
    with SimilarityIndex.open(database, remote, cache=cache) as opened:
        for number in range(2):
            more = hang_works(database, 1)
            add_embeddings(database, {more[0]: vectors[COUNT + number]})
            index(database, remote, cache)
        assert first not in cache.iterdir()
        assert left not in cache.iterdir()
        _, found = opened.search(vectors[:COUNT], 1)
        assert found[:, 0].tolist() == ids


def test_a_large_file_is_checked_once_where_it_lies(
    database: Database,
    store: ObjectStore,
    cache: Path,
    ids: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files, "REMEMBERED", 1)
    checked: list[Path] = []
    real = files._sha256

    def counted(path: Path) -> str:
        checked.append(path)
        return real(path)

    monkeypatch.setattr(files, "_sha256", counted)
    for _ in range(3):
        SimilarityIndex.open(database, store, cache=cache).close()
    assert len(checked) == 1
    replaced(store, f"{FOLDER}/index.faiss")
    with pytest.raises(ArtifactDamaged, match="was replaced"):
        SimilarityIndex.open(database, store, cache=cache)


def test_a_version_that_is_retired_while_it_is_opened_is_let_go(
    database: Database,
    store: ObjectStore,
    cache: Path,
    vectors: Vectors,
    ids: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = searching.read_rows

    def overtaken(*arguments: Any) -> Any:
        monkeypatch.setattr(searching, "read_rows", real)
        for _ in range(2):
            index(database, store, cache, redo=True)
        return real(*arguments)

    monkeypatch.setattr(searching, "read_rows", overtaken)
    with SimilarityIndex.open(database, store, cache=cache) as opened:
        assert opened.model.version == "3"
        _, found = opened.search(vectors[:COUNT], 1)
    assert found[:, 0].tolist() == ids
