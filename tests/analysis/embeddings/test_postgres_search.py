"""benchmarks/likening: the vectors, and the section on PostgreSQL at a size that takes no time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.analysing.collection import Workshop
from benchmarks.likening import postgres_search, vectors
from benchmarks.likening.vectors import (
    DIMENSIONS,
    exact_among,
    exact_neighbors,
    expanded,
    made_up,
    queries,
)
from storage.database import Database
from storage.objects import open_store

BASE = made_up(60)


def test_vectors_come_in_chunks_and_are_the_same_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vectors, "CHUNK", 50)
    first, second = expanded(53, of=BASE)
    assert first.shape == (50, DIMENSIONS)
    assert second.shape == (3, DIMENSIONS)
    assert first.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1.0, rtol=1e-5)
    assert (first >= 0).all()
    again = next(expanded(50, of=BASE))
    assert np.array_equal(first, again)
    assert not np.array_equal(next(expanded(3, seed=1, of=BASE)), second)


def test_queries_are_none_of_the_collection() -> None:
    asked = queries(20, of=BASE)
    assert np.array_equal(asked, queries(20, of=BASE))
    distances, _ = exact_neighbors(asked, expanded(500, of=BASE), 1)
    assert (distances > 0.01).all()


def test_exact_neighbors_of_all_and_of_some() -> None:
    asked, chunk = queries(7, of=BASE), next(expanded(90, of=BASE))
    parts = [chunk[:40], chunk[40:41], chunk[41:]]
    fits = np.arange(90) % 30 == 1
    (near, numbers), (some, named) = exact_among(asked, parts, 5, [None, fits])
    distances = 1.0 - asked @ chunk.T
    order = np.argsort(distances, axis=1)[:, :5]
    assert np.array_equal(numbers, order)
    np.testing.assert_allclose(near, np.take_along_axis(distances, order, 1), atol=1e-6)
    assert sorted(named[0]) == [-1, -1, 1, 31, 61]
    assert np.isinf(some[:, 3:]).all()


def test_the_section_measures_what_it_says(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_search, "base", lambda: BASE)
    url = (tmp_path / "objects").as_uri()
    place = Workshop(database, open_store(url, create=True), url)
    [section] = postgres_search.measure(place, images=400, asked=5, rows=4)
    found = {figure.name: figure.value for figure in section.figures}
    assert len(found) == len(section.figures), "two figures have one name"
    for name in ("pg", "pg_half", "pg_twentieth", "pg_rare", "pg_kindred"):
        assert found[f"{name}_recall_at_10"] >= 0.9
        assert found[f"{name}_search_p95_ms"] > 0
    assert found["pg_build_fits"] == 1.0
    assert found["ratio_pg_write"] > 0
    place.empty()
    assert database.schema_differences() == []


def test_what_does_not_fit_on_the_disk_is_left_out(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_search, "base", lambda: BASE)
    url = (tmp_path / "objects").as_uri()
    place = Workshop(database, open_store(url, create=True), url)
    [section] = postgres_search.measure(place, images=10**12)
    assert not section.figures
    assert "are left out: 16000000 GB of disk are needed" in section.title
