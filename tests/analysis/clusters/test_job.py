"""The job `clusters`: rows that appear at once, new images without a fit, numbers that stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.databases import one, sql
from support.vectors import add_embeddings

from analysis.catalog import JOBS
from analysis.clusters.fitting import Settings
from analysis.clusters.job import clusters_job
from analysis.clusters.overview import (
    find_group,
    list_groups,
    members_of,
    mixture_of,
    shown_model,
)
from analysis.engine import RunSummary, run_jobs
from analysis.errors import NoEmbeddings, NothingToShow, WrongClusters
from benchmarks.likening.groups import agreement
from storage.database import Database
from storage.objects import ObjectStore

Hang = Callable[..., list[int]]
Planted = Callable[..., tuple[np.ndarray, np.ndarray]]

STYLES = ("Cubism", "Rococo", "Dada")


@pytest.fixture
def run(database: Database, store: ObjectStore) -> Callable[..., RunSummary]:
    def run_it(*, redo: bool = False, **asked: Any) -> RunSummary:
        [summary] = run_jobs(database, store, [clusters_job(**asked)], redo=redo)
        return summary

    return run_it


@pytest.fixture
def styles(database: Database, hang: Hang, planted: Planted) -> tuple[list[int], np.ndarray]:
    """Three styles of 9, 7 and 6 works, each a direction of its own; and all vectors of 42."""
    vectors, labels = planted(3, 14, dimensions=12)
    chosen = np.concatenate([np.flatnonzero(labels == at)[:n] for at, n in enumerate((9, 7, 6))])
    ids = hang([{"style": STYLES[at]} for at in labels[chosen]])
    add_embeddings(database, dict(zip(ids, vectors[chosen], strict=True)))
    return ids, vectors


def placed(database: Database, model: str = "clusters-kmeans/1") -> dict[int, int]:
    rows = sql(
        database,
        "SELECT image_id, cluster FROM image_clusters c JOIN models m ON m.id = c.model_id "
        "WHERE m.name || '/' || m.version = :model AND probability >= 0.5",
        model=model,
    )
    return {row.image_id: row.cluster for row in rows}


def test_it_is_in_the_catalogue_before_the_map() -> None:
    names = list(JOBS)
    assert names.index("embeddings") < names.index("clusters") < names.index("map")


def test_groups_with_their_themes(
    database: Database, store: ObjectStore, styles: Any, run: Callable[..., RunSummary]
) -> None:
    ids, _ = styles
    summary = run()
    assert summary.details == {"placed": 22, "clusters": 3, "fitted": "clusters-kmeans/1"}
    assert summary.done == 22
    assert placed(database) == dict(zip(ids, [1] * 9 + [2] * 7 + [3] * 6, strict=True))
    with database.begin() as connection:
        model = shown_model(connection, Settings("kmeans"))
        groups = list_groups(connection, model)
        first = find_group(connection, model, 1)
        members = members_of(connection, model, first, 5)
        with pytest.raises(WrongClusters, match=r"no group 4 in .*: choose from 1, 2, 3"):
            find_group(connection, model, 4)
        [mixed] = mixture_of(connection, model, ids[-1])
    assert [(g.size, g.theme) for g in groups] == [(9, "Cubism"), (7, "Rococo"), (6, "Dada")]
    assert (model.kind, model.head, model.is_default) == ("clusters", "kmeans", True)
    assert model.params["embedding"] == "test-network/1"
    assert model.metrics["images"] == model.metrics["fitted_images"] == 22
    assert [one["k"] for one in model.metrics["tried"]] == [2, 3, 4]
    assert first.cohesion > 0.9
    assert first.metrics["diameter"] < 0.2 < first.metrics["neighbors"][0]["distance"]
    assert [work.image_id for work, _ in members] == [w.image_id for w in first.typical[:5]]
    assert {share for _, share in members} == {1.0}
    [style, *_] = first.metrics["terms"]
    assert (style["name"], style["works"], style["of"]) == ("Cubism", 9, 9)
    assert (mixed.group.cluster, mixed.probability) == (3, 1.0)

    section = agreement(database, store)
    found = {figure.name: figure for figure in section.figures}
    assert found["clusters_rand_kmeans"].value == 1.0
    assert not any(figure.missed for figure in section.figures)


def test_nothing_new_and_a_few_new_images(
    database: Database, hang: Hang, styles: Any, run: Callable[..., RunSummary]
) -> None:
    _, vectors = styles
    run()
    before = placed(database)
    again = run()
    assert (again.details, again.images) == ({"placed": 0, "clusters": 3}, 0)

    new = hang([{"style": "Dada"}, {"style": "Rococo"}], first=100)
    add_embeddings(database, {new[0]: vectors[40], new[1]: vectors[26]})
    some = run()
    assert some.details == {"placed": 2, "clusters": 3}
    assert placed(database) == before | {new[0]: 3, new[1]: 2}
    assert sql(database, "SELECT size FROM clusters ORDER BY cluster") == [(9,), (8,), (7,)]
    metrics = one(database, "SELECT metrics FROM clusters WHERE cluster = 3")
    assert metrics["counted"] == 7
    assert metrics["terms"][0]["works"] == 7
    assert one(database, "SELECT count(*) FROM models WHERE kind = 'clusters'") == 1

    # With these, more than a fifth is new since the fit.
    new = hang([{"style": "Dada"}] * 4, first=200)
    add_embeddings(database, dict(zip(new, vectors[36:40], strict=True)))
    many = run()
    assert many.details["fitted"] == "clusters-kmeans/2"
    after = placed(database, "clusters-kmeans/2")
    assert {after[image] == number for image, number in before.items()} == {True}
    assert {after[image] for image in new} == {3}
    # 3 has outgrown the others and keeps its number.
    assert sql(
        database,
        "SELECT size FROM clusters c JOIN models m ON m.id = c.model_id AND m.is_default "
        "ORDER BY cluster",
    ) == [(9,), (8,), (11,)]


def test_versions_that_are_not_needed_any_more_go(
    database: Database, store: ObjectStore, styles: Any, run: Callable[..., RunSummary]
) -> None:
    run()
    first = placed(database)
    for _ in range(2):
        assert run(redo=True).done == 22
    assert sql(
        database, "SELECT version, is_default FROM models WHERE kind = 'clusters' ORDER BY id"
    ) == [("2", False), ("3", True)]
    assert placed(database, "clusters-kmeans/3") == first
    assert [info.key for info in store.list("models/")] == [
        f"models/clusters-kmeans/{version}/model.joblib" for version in (2, 3)
    ]


def test_a_damaged_fit_is_replaced(
    database: Database,
    store: ObjectStore,
    hang: Hang,
    styles: Any,
    run: Callable[..., RunSummary],
) -> None:
    _, vectors = styles
    run()
    store.put("models/clusters-kmeans/1/model.joblib", b"other", content_type="x/y")
    [new] = hang([{"style": "Dada"}], first=100)
    add_embeddings(database, {new: vectors[40]})
    summary = run()
    assert "sha256" in str(summary.details["anew"])
    assert summary.details["fitted"] == "clusters-kmeans/2"
    assert placed(database, "clusters-kmeans/2")[new] == 3


def test_a_mixture_calls_groups_as_kmeans_does(
    database: Database, styles: Any, run: Callable[..., RunSummary]
) -> None:
    run()
    assert run(method="gaussian").details["fitted"] == "clusters-gaussian/1"
    assert placed(database, "clusters-gaussian/1") == placed(database)
    heads = sql(database, "SELECT head FROM models WHERE is_default AND kind = 'clusters'")
    assert sorted(heads) == [("gaussian",), ("kmeans",)]
    sums = sql(database, "SELECT sum(probability) FROM image_clusters GROUP BY image_id, model_id")
    assert all(total == pytest.approx(1.0, abs=0.2) for (total,) in sums)


def test_a_number_of_ones_own_is_kept_beside(
    database: Database, styles: Any, run: Callable[..., RunSummary]
) -> None:
    run()
    assert run(k=2).details["fitted"] == "clusters-kmeans-2/1"
    with database.begin() as connection:
        assert shown_model(connection, Settings("kmeans")).name == "clusters-kmeans"
        assert shown_model(connection, Settings("kmeans", 2)).metrics["clusters"] == 2
        with pytest.raises(NothingToShow, match="artworks clusters --method gaussian"):
            shown_model(connection, Settings("gaussian"))


def test_other_embeddings_have_groups_of_their_own(
    database: Database, styles: Any, run: Callable[..., RunSummary]
) -> None:
    ids, vectors = styles
    run()
    add_embeddings(
        database, dict(zip(ids, vectors[::-1], strict=False)), name="other", is_default=False
    )
    assert run(embedding="other").details["fitted"] == "clusters-kmeans/2"
    with database.begin() as connection:
        assert shown_model(connection, Settings("kmeans")).version == "1"
        assert shown_model(connection, Settings("kmeans"), "other").version == "2"


def test_what_it_cannot_work_with(
    database: Database, hang: Hang, planted: Planted, run: Callable[..., RunSummary]
) -> None:
    assert run().details == {"next": "artworks analyze embeddings"}
    with database.begin() as connection, pytest.raises(NoEmbeddings):
        shown_model(connection, Settings("kmeans"))
    ids = hang([{}] * 9)
    add_embeddings(database, dict(zip(ids, planted(3, 3)[0], strict=True)))
    assert run().details == {"placed": 0, "images": 9, "needed": 10}
    with pytest.raises(WrongClusters, match="choose from kmeans, gaussian"):
        clusters_job("dbscan")
    with pytest.raises(WrongClusters, match="ask for 2 or more"):
        clusters_job(k=1)


def test_what_is_not_shown_has_no_group(
    database: Database, hang: Hang, styles: Any, run: Callable[..., RunSummary]
) -> None:
    ids, _ = styles
    sql(database, "UPDATE images SET placeholder = true WHERE id = :id", id=ids[0])
    sql(database, "UPDATE image_sources SET gone_at = now() WHERE image_id = :id", id=ids[1])
    assert run().done == 20
    assert not {ids[0], ids[1]} & set(placed(database))
