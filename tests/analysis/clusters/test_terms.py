"""What is said of works in groups, counted in SQL."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text
from support.databases import one, sql

from analysis.clusters.terms import count_terms
from storage.database import Database

AddWork = Callable[..., int]


def put(database: Database, model: int, image: int, shares: dict[int, float]) -> None:
    for cluster, share in shares.items():
        sql(
            database,
            "INSERT INTO image_clusters (image_id, model_id, cluster, probability) "
            "VALUES (:image, :model, :cluster, :share)",
            image=image, model=model, cluster=cluster, share=share,
        )  # fmt: skip


def test_each_work_counts_once(database: Database, add_work: AddWork) -> None:
    model = one(
        database, "INSERT INTO models (name, version, kind) VALUES ('c', '1', 'x') RETURNING id"
    )
    cubist = add_work(1, size=(40, 30), year=1912, terms={"style": "Cubism", "tag": "left out"})
    second = add_work(2, size=(40, 30), year=1905, terms={"style": "Cubism", "medium": "oil"})
    early = add_work(3, size=(40, 30), year=-40, terms={"style": "Hellenism"})
    gone = add_work(4, size=(40, 30), terms={"style": "Cubism"})
    with database.begin() as connection:
        # The first work shows the second picture as well.
        connection.execute(
            text(
                "INSERT INTO image_sources (artwork_id, position, url, image_id) "
                "SELECT artwork_id, 1, 'http://x.example/2', :image FROM image_sources "
                "WHERE image_id = :first"
            ),
            {"image": second, "first": cubist},
        )
        connection.execute(text("UPDATE artists SET nationality = 'Dutch'"))
    sql(
        database,
        "UPDATE artworks SET gone_at = now() WHERE id = "
        "(SELECT artwork_id FROM image_sources WHERE image_id = :id)",
        id=gone,
    )
    put(database, model, cubist, {1: 0.9, 2: 0.1})
    put(database, model, second, {1: 1.0})
    put(database, model, early, {2: 0.7, 1: 0.3})
    put(database, model, gone, {1: 1.0})
    with database.begin() as connection:
        said, works = count_terms(connection, model)
    assert {(one.cluster, one.kind, one.name): one.works for one in said} == {
        (1, "style", "Cubism"): 2,
        (1, "medium", "oil"): 1,
        (1, "nationality", "Dutch"): 2,
        (1, "decade", "1910s"): 1,
        (1, "decade", "1900s"): 1,
        (1, "century", "20th century"): 2,
        (2, "style", "Hellenism"): 1,
        (2, "nationality", "Dutch"): 1,
    }
    assert works == {
        (1, "style"): 2, (1, "medium"): 1, (1, "nationality"): 2, (1, "decade"): 2,
        (1, "century"): 2, (2, "style"): 1, (2, "nationality"): 1,
    }  # fmt: skip
