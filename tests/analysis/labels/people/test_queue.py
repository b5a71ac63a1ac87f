"""The queue: what models are least sure of, less what people have said."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from sqlalchemy import text
from support.databases import sql
from support.hung import hang_works

from analysis.errors import NoClassifier, NothingToShow, WrongHead
from analysis.labels.people.corrections import record_verdict
from analysis.labels.people.queue import RUNGS, find_doubts
from analysis.plots.queue_sheet import queue_sheet
from analysis.reports.query import Query
from storage.database import Database
from storage.errors import UsageError
from storage.objects import ObjectStore

AddWork = Callable[..., int]


def label(
    database: Database,
    head: str,
    scores: Mapping[int, Mapping[str, float]],
    *,
    thresholds: Mapping[str, float] | None = None,
) -> None:
    """Store scores by image, as the job of a default classifier would have."""
    several = thresholds is not None
    per_class = [{"label": one, "threshold": at} for one, at in (thresholds or {}).items()]
    with database.begin() as connection:
        model = connection.execute(
            text(
                "INSERT INTO models (name, version, kind, head, params, metrics, is_default) "
                "VALUES (:name, '1', 'classifier', :head, CAST(:params AS jsonb), "
                "CAST(:metrics AS jsonb), true) RETURNING id"
            ),
            {
                "name": f"probe-{head}",
                "head": head,
                "params": json.dumps({"labels": "multi" if several else "single"}),
                "metrics": json.dumps({"per_class": per_class}),
            },
        ).scalar_one()
        rows = [
            {
                "i": image,
                "m": model,
                "h": head,
                "l": name,
                "s": score,
                "a": score >= (thresholds or {}).get(name, 0.5)
                if several
                else score == max(said.values()),
            }
            for image, said in scores.items()
            for name, score in said.items()
        ]
        connection.execute(
            text(
                "INSERT INTO image_labels (image_id, model_id, head, label, score, accepted) "
                "VALUES (:i, :m, :h, :l, :s, :a)"
            ),
            rows,
        )


def found(
    database: Database, *heads: str, query: Query | None = None, limit: int = 20
) -> list[int]:
    with database.begin() as connection:
        doubts = find_doubts(connection, heads=heads, query=query, limit=limit)
        return [doubt.image_id for doubt in doubts]


def test_one_label_by_the_margin_of_the_two_likeliest(
    database: Database, add_work: AddWork
) -> None:
    ids = [add_work(number, size=(8, 8)) for number in range(5)]
    sure, split, alone, near, said = ids
    scores = {
        sure: {"cubism": 0.99},
        split: {"cubism": 0.45, "baroque": 0.44, "rococo": 0.1},
        alone: {"cubism": 0.4},
        near: {"baroque": 0.55, "cubism": 0.4},
        said: {"baroque": 0.5, "cubism": 0.5 - 1e-9},
    }
    label(database, "style", scores)
    with database.begin() as connection:
        record_verdict(connection, said, "style", "rococo", "no", "Ada")
        doubts = find_doubts(connection)
    assert [doubt.image_id for doubt in doubts] == [split, near, alone, sure]
    assert [round(doubt.margin, 6) for doubt in doubts] == [0.01, 0.15, 0.4, 0.99]
    assert doubts[0].about == ("cubism", "baroque")
    assert doubts[0].line == "cubism* 0.45, baroque 0.44, rococo 0.10"
    assert doubts[2].about == ("cubism",)
    assert doubts[0].works[0].page_url == "https://museum.example/1"
    # A verdict on another head leaves it in the queue.
    with database.begin() as connection:
        record_verdict(connection, split, "genre", "portrait", "yes", "Ada")
    assert found(database, "style", limit=1) == [split]


def test_the_least_sure_are_the_same_however_few_are_asked_for(database: Database) -> None:
    """Looking at the unsure ones only finds what looking at all of them does."""
    rng = np.random.default_rng(3)
    scores = {}
    for image in hang_works(database, 40):
        shares = rng.dirichlet([0.3, 0.3, 0.3])
        kept = {name: float(share) for name, share in zip("abc", shares, strict=True)}
        scores[image] = {name: share for name, share in kept.items() if share >= 0.05}
    label(database, "style", scores)

    def margin(image: int) -> float:
        first, second = [*sorted(scores[image].values(), reverse=True), 0.0][:2]
        return first - second

    expected = sorted(scores, key=margin)
    assert margin(expected[0]) < RUNGS[1] < margin(expected[-1])
    for limit in (1, 3, 10, 40):
        assert found(database, "style", limit=limit) == expected[:limit]


def test_several_labels_by_the_nearest_threshold(database: Database, add_work: AddWork) -> None:
    far, over, under, unsaid = (add_work(number, size=(8, 8)) for number in range(4))
    label(
        database,
        "category",
        {
            far: {"prints": 0.9, "flowers": 0.06},
            over: {"prints": 0.45, "flowers": 0.9},
            under: {"flowers": 0.38},
            unsaid: {"new": 0.55},
        },
        thresholds={"prints": 0.2, "flowers": 0.4},
    )
    with database.begin() as connection:
        doubts = find_doubts(connection, heads=["category"])
    assert [doubt.image_id for doubt in doubts] == [under, unsaid, over, far]
    assert doubts[0].margin == pytest.approx(0.02 / 0.4)
    assert doubts[1].margin == pytest.approx(0.1)
    assert doubts[2].margin == pytest.approx(0.25 / 0.8)
    assert [doubt.about for doubt in doubts] == [("flowers",), ("new",), ("prints",), ("flowers",)]


def test_each_head_has_its_turn_and_colour_none(database: Database, add_work: AddWork) -> None:
    ids = [add_work(number, size=(8, 8)) for number in range(3)]
    label(database, "style", {image: {"cubism": 0.9 - image / 100} for image in ids})
    label(database, "tag", {image: {"blue": 0.5} for image in ids}, thresholds={"blue": 0.5})
    label(database, "color", {image: {"red": 0.4, "blue": 0.39} for image in ids})
    with database.begin() as connection:
        heads = [doubt.head for doubt in find_doubts(connection, limit=4)]
        assert heads == ["tag", "style", "tag", "style"]
        assert {doubt.head for doubt in find_doubts(connection, heads=["color"])} == {"color"}


def test_only_what_is_shown_and_fits(database: Database, add_work: AddWork) -> None:
    here = add_work(1, size=(8, 8), site="museum", terms={"genre": "portrait"})
    there = add_work(2, size=(8, 8), site="gallery")
    gone, stand_in, taken = (add_work(number, size=(8, 8)) for number in (3, 4, 5))
    label(
        database,
        "style",
        {image: {"cubism": 0.5} for image in (here, there, gone, stand_in, taken)},
    )
    sql(database, "UPDATE image_sources SET gone_at = now() WHERE image_id = :i", i=gone)
    sql(database, "UPDATE images SET placeholder = true WHERE id = :i", i=stand_in)
    sql(database, "UPDATE artworks SET gone_at = now() WHERE source_id = '5'")
    assert sorted(found(database)) == [here, there]
    assert found(database, query=Query(site="gallery")) == [there]
    assert found(database, query=Query(terms=(("genre", "portrait"),))) == [here]
    with database.begin() as connection, pytest.raises(UsageError, match="has not been crawled"):
        find_doubts(connection, query=Query(site="nowhere"))


def test_a_detail_is_named_by_its_hash(database: Database, add_work: AddWork) -> None:
    """A verdict on a work is one on its first picture."""
    first, detail = add_work(1, size=(8, 8)), add_work(2, size=(8, 8))
    sql(
        database,
        "UPDATE image_sources SET position = 1, artwork_id = (SELECT id FROM artworks WHERE "
        "source_id = '1') WHERE image_id = :i",
        i=detail,
    )
    label(database, "style", {first: {"cubism": 0.5}, detail: {"cubism": 0.6}})
    with database.begin() as connection:
        whole, part = find_doubts(connection)
    assert whole.name == "museum/1"
    assert part.name == part.sha256
    assert [work.source_id for work in part.works] == ["1"]


def test_without_a_classifier(database: Database) -> None:
    with database.begin() as connection:
        with pytest.raises(NoClassifier, match="run `artworks train style`"):
            find_doubts(connection)
        with pytest.raises(NoClassifier, match="tells the genre of images: run `artworks train"):
            find_doubts(connection, heads=["genre"])
        with pytest.raises(NoClassifier, match="run `artworks analyze color-class`"):
            find_doubts(connection, heads=["color"])
        with pytest.raises(WrongHead):
            find_doubts(connection, heads=["shape"])


def test_a_sheet_shows_what_can_be_read(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    ids = [add_work(number, size=(80, 60)) for number in range(3)]
    label(database, "style", {image: {"cubism": 0.5, "baroque": 0.45} for image in ids})
    with database.begin() as connection:
        doubts = find_doubts(connection)
    assert queue_sheet(store, doubts, "museum").width == 2000
    store.delete(doubts[0].preview_key)
    assert queue_sheet(store, doubts[:2]).width == 2000
    with pytest.raises(NothingToShow, match="artworks verify"):
        queue_sheet(store, doubts[:1])
