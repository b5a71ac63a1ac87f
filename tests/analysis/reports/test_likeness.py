"""The reports `map` and `influence`, drawn from a real database."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import text
from support.vectors import add_embeddings

from analysis.engine import run_jobs
from analysis.errors import NothingToShow
from analysis.influence.works import BY
from analysis.reports import mapped
from analysis.reports.drawing import Options, Sources
from analysis.reports.kinds import make_report
from analysis.reports.places import read_map
from analysis.reports.query import Query
from storage.database import Database
from storage.errors import UsageError
from storage.objects import ObjectStore

AddWork = Callable[..., int]
STYLES = ("realism", "rococo", "op art")


@pytest.fixture
def collection(database: Database, add_work: AddWork) -> list[int]:
    """48 works of three styles, of which each is like itself, in two periods."""
    rng = np.random.default_rng(0)
    ids, vectors = [], {}
    for number in range(48):
        style = number % 3
        ids.append(
            add_work(
                number,
                size=(48, 32),
                year=1830 if number < 24 else 1880,
                artist=f"Artist {number}",
                terms={"style": STYLES[style]},
            )
        )
        vectors[ids[-1]] = 3 * np.eye(16)[style] + 0.3 * rng.standard_normal(16)
    add_embeddings(database, vectors)
    return ids


def test_the_map_of_a_collection(
    database: Database, store: ObjectStore, collection: list[int]
) -> None:
    with pytest.raises(NothingToShow, match="run `artworks analyze map`"):
        make_report(database, store, "map", Options())
    run_jobs(database, store, ["map"])
    plain = make_report(database, store, "map", Options())
    assert plain.counts == {"works": 48, "shown": 48, "unplaced": 0}
    assert (plain.settings["by"], plain.settings["named_by"]) == (None, "style")
    assert plain.settings["embedding"] == "test-network/1"
    assert len(plain.images) == 48
    by_style = make_report(database, store, "map", Options(by="style"))
    [one], [other] = plain.pictures, by_style.pictures
    assert one.name == "map"
    # The legend needs room.
    assert other.image.height > one.image.height
    some = make_report(database, store, "map", Options(Query(terms=(("style", "rococo"),))))
    assert some.counts["works"] == 16
    for asked, said in (
        (Options(by="genre"), "none of these works has a genre: choose another --by"),
        (Options(by="cluster"), "run `artworks analyze clusters`"),
        (Options(Query(year_from=2000)), "ask for less"),
    ):
        with pytest.raises(NothingToShow, match=said):
            make_report(database, store, "map", asked)
    with pytest.raises(UsageError, match=r"choose category, style, .*artist, site, cluster"):
        make_report(database, store, "map", Options(by="size"))


def test_a_map_of_some_works_of_which_some_are_missing(
    database: Database, store: ObjectStore, collection: list[int], add_work: AddWork
) -> None:
    run_jobs(database, store, ["map"])
    add_work(90, size=(48, 32))
    with database.begin() as connection:
        key = connection.scalar(
            text("SELECT preview_key FROM images WHERE id = :i"), {"i": collection[0]}
        )
        places = read_map(connection, Query(), by="artist", most=12)
        again = read_map(connection, Query(), by="site", most=12)
    assert (len(places.works), places.of, places.unplaced) == (12, 48, 1)
    assert [work.sha256 for work in places.works] == [work.sha256 for work in again.works]
    assert again.a_site == "museum"
    assert {work.group for work in again.works} == {"museum"}
    assert places.missing == "1 work without a place yet: see artworks analyze embeddings map."
    store.delete(str(key))
    drawn = mapped.draw_map(Sources(database, store), Options(by="style"))
    assert (drawn.counts["works"], len(drawn.images)) == (48, 47)


def test_clusters_name_the_parts_of_a_map(
    database: Database, store: ObjectStore, collection: list[int]
) -> None:
    run_jobs(database, store, ["map"])
    with database.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO models (name, version, kind, params, is_default) VALUES
                    ('other', '1', 'clusters', '{"embedding": "another/1"}', true),
                    ('mine', '1', 'clusters', '{"embedding": "test-network/1"}', false);
                INSERT INTO clusters (model_id, cluster, size, theme)
                SELECT m.id, c, 10, CASE c WHEN 1 THEN 'quiet' END
                FROM models m, generate_series(1, 3) c WHERE m.name = 'mine';
                INSERT INTO image_clusters (image_id, model_id, cluster, probability)
                SELECT i.id, m.id, 1 + i.id % 3, 0.8 FROM images i, models m WHERE m.name = 'mine'
            """)
        )
        places = read_map(connection, Query(), by="cluster")
    assert {work.group for work in places.works} == {"1 · quiet", "cluster 2", "cluster 3"}
    report = make_report(database, store, "map", Options())
    assert report.settings["named_by"] == "cluster"


def test_influence_is_drawn_with_its_numbers(
    database: Database, store: ObjectStore, collection: list[int]
) -> None:
    report = make_report(database, store, "influence", Options(by="style", step=50))
    [picture] = report.pictures
    assert picture.name == "influence-style"
    assert report.images == ()
    assert report.counts == {
        "works": 48, "of": 48, "undated": 0, "vague": 0, "ungrouped": 0,
        "cohorts": 6, "pairs": 9, "found": 3,
    }  # fmt: skip
    # Each style goes on, and no one in another.
    told = report.settings["pairs"]
    assert {(row["earlier"], row["later"]) for row in told if row["found"]} == {
        (style, style) for style in STYLES
    }
    plain = make_report(database, store, "influence", Options())
    assert plain.settings == report.settings
    assert (plain.pictures[0].image.size) == picture.image.size
    assert report.settings["step"] == 50
    with pytest.raises(NothingToShow, match="take longer periods with --step"):
        make_report(database, store, "influence", Options(by="period"))
    with database.begin() as connection:
        connection.execute(
            text(
                "UPDATE artworks SET year_from = 1780, year_to = 1780 "
                "WHERE source_id::int % 3 = 0 AND source_id::int < 24"
            )
        )
    by_period = make_report(database, store, "influence", Options(by="period"))
    assert by_period.pictures[0].name == "influence-period"
    assert by_period.counts["cohorts"] == 3
    for by in sorted(set(BY) - {"style", "period"}):
        with pytest.raises(NothingToShow, match=f"has a year and a {by}"):
            make_report(database, store, "influence", Options(by=by))
