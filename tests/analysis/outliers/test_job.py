"""Scores in SQL: whole, cheap when nothing is new, and what people are told of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.databases import one, sql
from support.hung import hang_works
from support.vectors import add_embeddings

from analysis.catalog import make_job
from analysis.engine import RunSummary, run_jobs
from analysis.errors import NoEmbeddings, NothingToShow
from analysis.outliers import job
from analysis.outliers.methods import DEFAULT_METHOD, METHODS
from analysis.outliers.overview import Outliers, oddest
from analysis.reports.query import Query
from storage.database import Database
from storage.errors import UsageError
from storage.objects import open_store

WORKS, FOREIGN, DIMENSIONS = 60, 2, 24


def find_outliers(database: Database, **options: Any) -> RunSummary:
    """Run the job, which reads no objects: there is not even a folder of them."""
    store = open_store("file:///nonexistent/objects")
    [summary] = run_jobs(database, store, [make_job("outliers", database)], **options)
    return summary


def vectors(count: int, foreign: Sequence[int] = (), seed: int = 0) -> list[Any]:
    """Works of two kinds in turns; those at `foreign` are of neither."""
    rng = np.random.default_rng(seed)
    kinds = np.eye(DIMENSIONS)[:2] * 3
    made = kinds[np.arange(count) % 2] + 0.3 * rng.standard_normal((count, DIMENSIONS))
    for number, at in enumerate(foreign):
        made[at] = -3 * np.eye(DIMENSIONS)[5 + number]
    return list(made)


def call(database: Database, images: Sequence[int], kind: str, name: str) -> None:
    """Give the works of these images a term."""
    sql(
        database,
        "INSERT INTO terms (kind, name) VALUES (:kind, :name) ON CONFLICT DO NOTHING",
        kind=kind,
        name=name,
    )
    sql(
        database,
        "INSERT INTO artwork_terms (artwork_id, term_id, source) SELECT s.artwork_id, t.id, 'page' "
        "FROM image_sources s, terms t WHERE s.image_id = ANY(:ids) AND (t.kind, t.name) = "
        "(:kind, :name)",
        ids=list(images),
        kind=kind,
        name=name,
    )


@pytest.fixture
def hung(database: Database) -> list[int]:
    """Sixty works of two styles and two foreign ones under their names, all embedded."""
    ids = hang_works(database, WORKS + FOREIGN)
    made = vectors(len(ids), foreign=(WORKS, WORKS + 1))
    add_embeddings(database, dict(zip(ids, made, strict=True)))
    call(database, ids[::2], "style", "Fauvism")
    call(database, ids[1::2], "style", "Cubism")
    call(database, ids, "category", "paintings")
    return ids


def told(database: Database, query: Query | None = None, **options: Any) -> Outliers:
    with database.begin() as connection:
        return oddest(connection, query or Query(), **options)


def rows(database: Database) -> list[Any]:
    return sql(
        database,
        "SELECT o.xmin::text, m.head, o.image_id, o.score, o.is_outlier, o.label "
        "FROM image_outliers o JOIN models m ON m.id = o.model_id ORDER BY 2, 3",
    )


def test_planted_works_stand_out(database: Database, hung: list[int]) -> None:
    seen: list[tuple[int, int]] = []
    summary = find_outliers(database, progress=lambda *done: seen.append(done))
    assert (summary.images, summary.done) == (62, 62)
    assert seen[0] == (0, 62)
    assert seen[-1] == (62, 62)
    models = sql(
        database,
        "SELECT name, version, kind, head, is_default, params ->> 'embedding', "
        "metrics ->> 'outliers' FROM models WHERE kind = 'outliers' ORDER BY head",
    )
    assert [row[:6] for row in models] == [
        (f"outliers-{name}", "1-test-network-1", "outliers", name, True, "test-network/1")
        for name in sorted(METHODS)
    ]
    assert summary.details == {
        "outliers": int(next(row[6] for row in models if row.head == DEFAULT_METHOD))
    }
    for method in METHODS:
        found = told(database, method=method, top=5)
        assert {odd.image_id for odd in found.found[:2]} == set(hung[WORKS:]), method
        assert all(odd.is_outlier for odd in found.found[:2]), method
        assert found.images == 62
        assert [odd.percentile for odd in found.found] == sorted(
            (odd.percentile for odd in found.found), reverse=True
        )
        assert found.found[0].percentile == pytest.approx(100 * 61 / 62)
    labels = sql(
        database,
        "SELECT DISTINCT label FROM image_outliers o JOIN models m ON m.id = o.model_id "
        "WHERE m.head = 'mahalanobis' ORDER BY 1",
    )
    assert labels == [("style:Cubism",), ("style:Fauvism",)], "the narrower kind counts"


def test_nothing_is_done_twice(database: Database, hung: list[int]) -> None:
    find_outliers(database)
    before = rows(database)
    again = find_outliers(database)
    assert (again.images, again.details) == (0, {})
    assert rows(database) == before
    assert find_outliers(database, redo=True).images == 62
    assert [row[1:] for row in rows(database)] == [row[1:] for row in before]
    # Other labels are other neighbours.
    call(database, hung[:30], "genre", "landscape")
    assert find_outliers(database).images == 62


def test_what_is_taken_down_has_no_score(database: Database, hung: list[int]) -> None:
    find_outliers(database)
    sql(database, "DELETE FROM images WHERE id = :id", id=hung[0])
    sql(database, "UPDATE image_sources SET gone_at = now() WHERE image_id = :id", id=hung[1])
    assert find_outliers(database).images == 60
    there = {row.image_id for row in rows(database)}
    assert there == set(hung[2:])
    assert (
        one(
            database,
            "SELECT count(*) FROM image_results r JOIN models m ON m.id = r.model_id "
            "WHERE m.name = 'outliers'",
        )
        == 60
    )


def test_interrupted_and_run_again(
    database: Database, hung: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    find_outliers(database)
    expected = [row[1:] for row in rows(database)]
    sql(database, "UPDATE image_outliers SET score = 0")
    monkeypatch.setattr(job, "BATCH", 10)

    def stop(done: int, total: int) -> None:
        if done >= 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_outliers(database, redo=True, progress=stop)
    assert {row.score > 0 for row in rows(database)} == {True, False}
    assert find_outliers(database).images == 62
    assert [row[1:] for row in rows(database)] == expected


def test_too_few_works(database: Database) -> None:
    summary = find_outliers(database)
    assert summary.details == {"next": "artworks analyze embeddings"}
    assert sql(database, "SELECT FROM models WHERE kind = 'outliers'") == []
    ids = hang_works(database, 12)
    add_embeddings(database, dict(zip(ids, vectors(12), strict=True)))
    assert find_outliers(database).details == {"images": 12, "needed": 20}
    with pytest.raises(NothingToShow, match="needs 20 embedded images"):
        told(database)
    more = hang_works(database, 12)
    add_embeddings(database, dict(zip(more, vectors(12, seed=1), strict=True)))
    assert find_outliers(database).images == 24
    sql(database, "DELETE FROM images WHERE id = ANY(:ids)", ids=more)
    assert find_outliers(database).details == {"images": 12, "needed": 20}
    assert rows(database) == []


def test_works_without_labels(database: Database) -> None:
    ids = hang_works(database, 40)
    add_embeddings(database, dict(zip(ids, vectors(40, foreign=(7,)), strict=True)))
    find_outliers(database)
    found = told(database, top=3)
    assert (found.found[0].image_id, found.found[0].label) == (ids[7], None)
    assert found.found[0].why.startswith("near to nothing")
    assert found.found[0].tail is not None
    assert found.found[0].tail < 1e-6
    assert len(found.found[0].neighbors) == 3
    assert [apart.distance for apart in found.found[0].neighbors] == sorted(
        apart.distance for apart in found.found[0].neighbors
    )


def test_queries_choose_and_change_no_score(database: Database, hung: list[int]) -> None:
    find_outliers(database)
    every = {odd.image_id: odd.score for odd in told(database, top=100).found}
    assert len(every) == 62
    cubist = told(database, Query(terms=(("style", "Cubism"),)), top=100).found
    assert {odd.image_id for odd in cubist} == set(hung[1::2])
    assert all(odd.score == every[odd.image_id] for odd in cubist)
    assert told(database, Query(site="museum"), top=2).found[0].works[0].site == "museum"
    assert told(database, method="isolation").found[0].tail is None
    for query, method, said in (
        (Query(site="nowhere"), "isolation", "has not been crawled"),
        (Query(terms=(("style", "Dada"),)), "isolation", 'no work has the style "Dada"'),
        (Query(), "guessing", "choose from mahalanobis, neighbors, isolation"),
    ):
        with pytest.raises(UsageError, match=said):
            told(database, query, method=method)


def test_a_work_among_those_of_another_label(database: Database, hung: list[int]) -> None:
    add = vectors(62, foreign=(60, 61))
    stranger = hang_works(database, 1)
    add_embeddings(database, {stranger[0]: add[0] + 0.25 * np.eye(DIMENSIONS)[9]})
    call(database, stranger, "style", "Cubism")
    find_outliers(database)
    [found] = [odd for odd in told(database, top=63).found if odd.image_id == stranger[0]]
    assert found.is_outlier
    assert found.label == "style:Cubism"
    assert {term for near in found.neighbors for term in near.terms if "style" in term} == {
        "style:Fauvism"
    }


def test_without_embeddings_the_cure_is_told(database: Database) -> None:
    with pytest.raises(NoEmbeddings, match="artworks analyze embeddings"):
        told(database)


def test_the_sql_of_the_guide_works(database: Database, hung: list[int]) -> None:
    find_outliers(database)
    page = (Path(__file__).parents[3] / "docs" / "outliers.md").read_text(encoding="utf-8")
    odd, alike = re.findall(r"^```sql\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(sql(database, odd)) == told(database).outliers
    assert sql(database, alike) == []
