"""How many works have which labels: exact counts, corrected by people, as datasets have them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.databases import sql

from analysis.errors import NothingToShow, WrongHead
from analysis.labels.dataset import DatasetQuery
from analysis.labels.datasets.reading import read_dataset
from analysis.labels.distribution.counts import HeadLabels, effective_classes, find_labels
from analysis.labels.distribution.together import Together, find_together
from analysis.labels.people.corrections import record_verdict
from analysis.reports.query import Query
from storage.collection import add_terms
from storage.database import Database
from storage.errors import UsageError

AddWork = Callable[..., int]


def count(database: Database, head: str, **asked: int) -> HeadLabels:
    with database.begin() as connection:
        [found] = find_labels(connection, heads=[head], **asked)
        return found


def works(labels: HeadLabels) -> dict[str, int]:
    return {label.name: label.works for label in labels.labels}


def say(database: Database, image: int, head: str, label: str, verdict: str) -> None:
    with database.begin() as connection:
        record_verdict(connection, image, head, label, verdict, "Ada")  # type: ignore[arg-type]


def add_term(database: Database, number: int, kind: str, name: str, source: str = "page") -> None:
    [(artwork_id,)] = sql(
        database, "SELECT id FROM artworks WHERE source_id = :number", number=str(number)
    )
    said = {"artwork_id": artwork_id, "kind": kind, "name": name, "source": source}
    with database.begin() as connection:
        add_terms(connection, [said])


@pytest.fixture
def styled(database: Database, add_work: AddWork) -> list[int]:
    """Six works: Cubism of three by two artists, baroque of two, one inherited; and one of none."""
    styles = ("Cubism", "cubism ", "Cubism", "baroque", None, None)
    ids = [
        add_work(
            number,
            size=(8, 8),
            terms={"style": style} if style else {},
            artist="Ada Möller" if number < 2 else "Ben Okri",
        )
        for number, style in enumerate(styles)
    ]
    add_term(database, 4, "style", "Baroque", "artist")
    return ids


def test_counts_are_exact(database: Database, styled: list[int]) -> None:
    found = count(database, "style")
    assert (found.works, found.labelled, found.unlabelled) == (6, 5, 1)
    cubism, baroque = found.labels
    assert (cubism.name, cubism.works, cubism.images, cubism.artists) == ("cubism", 3, 3, 2)
    assert (cubism.inherited, cubism.people) == (0, 0)
    assert (baroque.name, baroque.works, baroque.artists, baroque.inherited) == ("baroque", 2, 1, 1)
    assert found.share(cubism) == 0.6
    assert found.per_work == {1: 5}
    assert (found.imbalance, found.classes, found.further, found.dropped) == (1.5, 2, 0, 0)
    assert found.as_dict()["labels"][1]["share"] == 0.4


def test_people_outrank_pages(database: Database, styled: list[int]) -> None:
    say(database, styled[0], "style", "baroque", "yes")
    say(database, styled[1], "style", "cubism", "no")
    say(database, styled[4], "style", "baroque", "yes")
    say(database, styled[5], "style", "collage", "yes")
    found = count(database, "style")
    assert works(found) == {"baroque": 3, "collage": 1, "cubism": 1}
    assert [label.people for label in found.labels] == [2, 1, 0]
    # A person says what was inherited before.
    assert found.labels[0].inherited == 0
    assert found.several == 0
    add_term(database, 3, "style", "baroque", "person")
    assert count(database, "style").labels[0].people == 3


def test_few_and_many(database: Database, styled: list[int]) -> None:
    add_term(database, 3, "style", "mannerism")
    found = count(database, "style", min_support=2)
    assert works(found) == {"cubism": 3, "baroque": 2}
    assert (found.dropped, found.classes, found.labelled) == (1, 2, 5)
    first = count(database, "style", top=1)
    assert (works(first), first.further, first.classes) == ({"cubism": 3}, 2, 3)
    assert first.imbalance == 3.0
    with database.begin() as connection, pytest.raises(NothingToShow, match="lower --min-support"):
        find_labels(connection, heads=["style"], min_support=4)


def test_every_source_of_labels(database: Database, add_work: AddWork) -> None:
    for number, year in enumerate((1900, 1901, 2000)):
        add_work(number, size=(8, 8), year=year, terms={"color": "Red", "tag": "sea"})
    add_term(database, 0, "tag", "boat")
    sql(database, "UPDATE artists SET nationality = 'Danish'")
    sql(database, "UPDATE artworks SET place = 'Odense', medium = 'Oil on canvas'")
    with database.begin() as connection:
        found = {one.head: one for one in find_labels(connection)}
    assert list(found) == ["artist", "period", "nationality", "place", "medium", "tag", "color"]
    assert works(found["period"]) == {"20th century": 2, "19th century": 1}
    assert works(found["medium"]) == {"oil": 3}
    assert works(found["nationality"]) == {"danish": 3}
    assert works(found["color"]) == {"red": 3}
    assert found["tag"].per_work == {1: 2, 2: 1}
    assert found["tag"].several == 1


def test_a_dataset_has_the_same(database: Database, styled: list[int]) -> None:
    """What is counted here and not inherited is what a training would read."""
    say(database, styled[5], "style", "baroque", "yes")
    found = count(database, "style")
    with database.begin() as connection:
        dataset = read_dataset(connection, DatasetQuery("style", "single", min_support=1))
    sizes = dict(zip(dataset.classes, dataset.targets.sum(axis=0).tolist(), strict=True))
    assert {label.name: label.works - label.inherited for label in found.labels} == sizes


def test_what_cannot_be_counted(database: Database, add_work: AddWork) -> None:
    with database.begin() as connection, pytest.raises(NothingToShow, match="crawl first"):
        find_labels(connection)
    add_work(1, size=(8, 8), terms={"style": "cubism"})
    with database.begin() as connection:
        with pytest.raises(NothingToShow, match="none of 1 work has a genre"):
            find_labels(connection, heads=["style", "genre"])
        with pytest.raises(WrongHead, match="choose from style"):
            find_labels(connection, heads=["shape"])
        with pytest.raises(UsageError, match="has not been crawled"):
            find_labels(connection, Query(site="nowhere"))
        with pytest.raises(NothingToShow, match="ask for less"):
            find_labels(connection, Query(year_from=1990))


def together(database: Database, head: str, by: str) -> Together:
    with database.begin() as connection:
        found = find_labels(connection, heads=[head, by])
        return find_together(connection, found[0], found[-1])


def test_what_goes_together(database: Database, add_work: AddWork) -> None:
    pairs = [("cubism", "portrait")] * 3 + [("cubism", "landscape"), ("baroque", "landscape")]
    for number, (style, genre) in enumerate(pairs):
        add_work(number, size=(8, 8), terms={"style": style, "genre": genre})
    add_work(9, size=(8, 8), terms={"style": "rococo"})
    found = together(database, "style", "genre")
    assert (found.works, found.rows) == (5, ("cubism", "baroque", "rococo"))
    assert found.columns == ("portrait", "landscape")
    assert found.counts.tolist() == [[3, 1], [0, 1], [0, 0]]
    assert found.row_works.tolist() == [4, 1, 0]
    assert found.of_row.tolist() == [[0.75, 0.25], [0, 1], [0, 0]]
    assert found.of_column[0].tolist() == [1, 0.5]
    assert found.lift[0].tolist() == pytest.approx([3 / 2.4, 1 / 1.6])
    assert found.as_dict()["lift"][1] == [0, 2.5]


def test_labels_of_one_head_go_together(database: Database, add_work: AddWork) -> None:
    for number in range(3):
        add_work(number, size=(8, 8), terms={"category": "prints", "style": "cubism"})
    add_term(database, 0, "category", "flowers")
    found = together(database, "category", "category")
    assert found.counts.tolist() == [[3, 1], [1, 1]]
    assert np.array_equal(found.lift, found.lift.T)
    with pytest.raises(WrongHead, match="no two go together"):
        together(database, "style", "style")
    # Each has labels, and no work has both.
    add_work(5, size=(8, 8), terms={"genre": "portrait"})
    with pytest.raises(NothingToShow, match="both a style and a genre"):
        together(database, "style", "genre")


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=30))
def test_effective_classes_are_between_one_and_all(sizes: list[int]) -> None:
    effective = effective_classes(sizes)
    assert 1 - 1e-9 <= effective <= len(sizes) + 1e-9
    assert effective == pytest.approx(effective_classes([3 * size for size in sizes]))


def test_effective_classes() -> None:
    assert effective_classes([7, 7, 7]) == pytest.approx(3)
    assert effective_classes([]) == 0
    assert effective_classes([3, 1]) == pytest.approx(
        math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    )
