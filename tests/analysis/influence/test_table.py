"""The table of influence from a real database: who is in it, and who is left out and counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from support.vectors import add_embeddings

from analysis.errors import NoEmbeddings, NothingToShow
from analysis.influence import works
from analysis.influence.table import find_influence
from analysis.reports.query import Query
from storage.database import Database
from storage.errors import UsageError

AddWork = Callable[..., int]


@pytest.fixture
def gallery(database: Database, add_work: AddWork) -> Callable[..., list[int]]:
    """Store works of a style and a year, about the points of a manner."""
    vectors: dict[int, Any] = {}

    def add(style: str, year: int | None, manner: int, *, count: int = 8) -> list[int]:
        center = np.zeros(24)
        center[manner] = 4.0
        ids = []
        for _ in range(count):
            number = len(vectors)
            image = add_work(
                number, size=(24, 18), year=year, artist=f"Artist {number // 2}",
                terms={"style": style} if style else None,
            )  # fmt: skip
            rng = np.random.default_rng(number)
            vectors[image] = center + rng.standard_normal(24)
            ids.append(image)
        add_embeddings(database, {image: vectors[image] for image in ids})
        return ids

    return add


def execute(database: Database, statement: str, **values: Any) -> None:
    with database.begin() as connection:
        connection.execute(text(statement), values)


def test_a_style_that_lives_on_in_another_is_found(
    database: Database, gallery: Callable[..., list[int]]
) -> None:
    gallery("realism", 1840, 0)
    gallery("rococo", 1820, 1)
    gallery("impressionism", 1880, 0)
    gallery("symbolism", 1890, 2)
    gallery("", 1890, 2, count=1)
    gallery("realism", None, 0, count=2)
    [vague] = gallery("symbolism", 1890, 2, count=1)
    execute(
        database,
        "UPDATE artworks SET year_from = 1700 WHERE id = "
        "(SELECT artwork_id FROM image_sources WHERE image_id = :i)",
        i=vague,
    )
    with database.begin() as connection:
        found = find_influence(connection)
        gathered = found.gathered
        assert (len(gathered.works), gathered.of) == (32, 32)
        assert (gathered.undated, gathered.vague, gathered.ungrouped) == (2, 1, 1)
        assert [found.name(one.later) for one in found.found] == ["impressionism 1850–99"]
        table = found.frame()
        assert find_influence(connection).rows() == found.rows()
    assert len(table) == 4
    first = table.iloc[0]
    assert (first["earlier"], first["later"]) == ("realism", "impressionism")
    assert (first["earlier_year"], first["later_year"]) == (1800, 1850)
    assert (first["earlier_works"], first["earlier_artists"]) == (8, 4)
    assert first["share"] > 3 * first["chance"]
    assert first["found"]
    assert first["p_corrected"] <= 0.05 < table["p_corrected"].iloc[1]


def test_queries_periods_and_nationalities(
    database: Database, gallery: Callable[..., list[int]]
) -> None:
    for year, manner in ((1810, 0), (1860, 1), (1910, 0)):
        gallery("realism", year, manner)
    execute(database, "UPDATE artists SET nationality = 'Dutch'")
    with database.begin() as connection:
        by_period = find_influence(connection, by="period", step=50)
        assert {(p["earlier"], p["later"]) for p in by_period.rows()} == {
            ("1800–49", "1900–49"),
            ("1850–99", "1900–49"),
        }
        assert by_period.rows()[0]["earlier"] == "1800–49"
        nations = find_influence(connection, by="nationality")
        assert {nations.name(cohort) for cohort in nations.table.cohorts} == {
            "Dutch 1800–49", "Dutch 1850–99", "Dutch 1900–49",
        }  # fmt: skip
        some = find_influence(connection, Query(year_from=1850), by="style")
        assert len(some.table.pairs) == 1
        with pytest.raises(NothingToShow, match="take longer periods with --step"):
            find_influence(connection, step=500)
        with pytest.raises(NothingToShow, match="has a year and a genre: choose another --by"):
            find_influence(connection, by="genre")
        with pytest.raises(UsageError, match=r"choose style, nationality, genre, category, period"):
            find_influence(connection, by="size")
    execute(database, "UPDATE artworks SET year_from = NULL, year_to = NULL")
    with (
        database.begin() as connection,
        pytest.raises(NothingToShow, match="the site's profile reads dates"),
    ):
        find_influence(connection)


def test_small_groups_and_large_collections(
    database: Database, gallery: Callable[..., list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.begin() as connection, pytest.raises(NoEmbeddings):
        find_influence(connection)
    gallery("realism", 1840, 0, count=9)
    gallery("rococo", 1820, 1)
    gallery("impressionism", 1880, 0, count=9)
    monkeypatch.setattr(works, "MOST_GROUPS", 2)
    monkeypatch.setattr(works, "MOST_WORKS", 25)
    with database.begin() as connection:
        found = find_influence(connection, least=6)
    assert (found.gathered.groups, found.gathered.further) == (("impressionism", "realism"), 1)
    assert (len(found.gathered.works), found.gathered.of) == (25, 26)
    # The third group is among the works that chance deals with, and is compared with nobody.
    assert {found.group(cohort) for cohort in found.table.cohorts} == {"impressionism", "realism"}
    assert len(found.table.pairs) == 1
