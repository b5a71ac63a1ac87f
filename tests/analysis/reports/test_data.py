"""What pictures are drawn from: exact numbers out of a real database, and only what is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Connection, text

from analysis.errors import NothingToShow
from analysis.reports.classes import trained_classes
from analysis.reports.distribution import color_distribution
from analysis.reports.periods import color_timeline
from analysis.reports.query import Query, Selection, parse_term, select_works
from analysis.reports.shares import TermShare
from analysis.reports.wall import palette_wall
from analysis.reports.work import choose_work, find_work
from storage.database import Database
from storage.errors import ImageRejected, UsageError
from storage.objects import ObjectStore

Paint = Callable[..., int]

RED, GREEN, BLUE = "#c02020", "#208040", "#2040b0"


def execute(database: Database, statement: str, **values: Any) -> None:
    with database.begin() as connection:
        connection.execute(text(statement), values)


def parts(shares: tuple[TermShare, ...]) -> dict[str, float]:
    return {share.term: round(share.share, 6) for share in shares}


def select(connection: Connection, **asked: Any) -> Selection:
    return select_works(connection, Query(**asked))


# --- Which works ------------------------------------------------------------------------------


@pytest.fixture
def hidden(database: Database, paint: Paint) -> None:
    """A work that is shown, and four that are not."""
    paint(1, {RED: 1.0})
    gone = paint(2, {BLUE: 1.0})
    stand_in = paint(3, {BLUE: 1.0})
    paint(4, {BLUE: 1.0})
    execute(database, "UPDATE image_sources SET gone_at = now() WHERE image_id = :i", i=gone)
    execute(database, "UPDATE images SET placeholder = true WHERE id = :i", i=stand_in)
    execute(database, "UPDATE artworks SET gone_at = now() WHERE source_id = '4'")


@pytest.mark.usefixtures("hidden")
def test_only_what_is_shown_counts(reading: Connection, store: ObjectStore) -> None:
    selection = select(reading)
    assert (selection.works, selection.palettes) == (1, 1)
    assert parts(palette_wall(reading, store, selection).together) == {"red": 1}
    assert parts(color_timeline(reading, selection).together) == {"red": 1}
    by_site = color_distribution(reading, selection, by="site")
    assert [(group.name, group.works, parts(group.shares)) for group in by_site.groups] == [
        ("museum", 1, {"red": 1})
    ]
    assert choose_work(reading, selection) == "museum/1"


def test_of_a_work_the_first_picture_counts(
    database: Database, paint: Paint, reading: Connection
) -> None:
    paint(1, {RED: 1.0})
    other = paint(2, {BLUE: 1.0})
    execute(
        database,
        "UPDATE image_sources SET artwork_id = (SELECT id FROM artworks WHERE source_id = '1'), "
        "position = 1 WHERE image_id = :i",
        i=other,
    )
    selection = select(reading)
    assert (selection.works, parts(color_timeline(reading, selection).together)) == (1, {"red": 1})


def test_palettes_of_other_models_do_not_count(
    database: Database, paint: Paint, reading: Connection
) -> None:
    paint(1, {RED: 0.5, BLUE: 0.5})
    execute(
        database,
        "INSERT INTO models (name, version, kind) VALUES ('other', '1', 'palette');"
        "INSERT INTO image_colors SELECT image_id, (SELECT id FROM models WHERE name = 'other'), "
        "rank, '#208040', 47, -40, 25, fraction, 'green' FROM image_colors",
    )
    assert parts(color_timeline(reading, select(reading)).together) == {"red": 0.5, "blue": 0.5}


def test_terms_sites_and_years(paint: Paint, reading: Connection) -> None:
    paint(1, {RED: 1.0}, year=1900, terms={"category": "prints", "style": "op art"})
    paint(2, {RED: 1.0}, year=1950, terms={"category": "prints"})
    paint(3, {RED: 1.0}, year=None, site="other", terms={"style": "op art"})
    paint(4, None, year=1960)

    def found(**asked: Any) -> tuple[int, int]:
        selection = select(reading, **asked)
        return selection.works, selection.palettes

    prints, op_art = ("category", "prints"), ("style", "op art")
    assert found() == (4, 3)
    assert found(terms=(prints,)) == (2, 2)
    assert found(terms=(prints, op_art)) == (1, 1)
    assert found(site="other") == (1, 1)
    assert found(year_from=1950) == (2, 1)
    assert found(year_from=1950, year_to=1950) == (1, 1)
    assert found(year_to=1949) == (1, 1)
    everything = select(reading)
    assert (everything.first_year, everything.last_year, everything.sites) == (1900, 1960, 2)
    assert everything.missing.startswith("1 work without a palette yet")
    assert everything.heading == "The collection"
    assert select(reading, site="other").heading == "other"
    assert select(reading, terms=(prints,), year_to=1949).heading == "prints, until 1949"


def test_wrong_questions_are_refused_with_what_is_known(paint: Paint, reading: Connection) -> None:
    paint(1, {RED: 1.0}, terms={"category": "landscapes"})
    for asked, said in (
        ({"site": "museums"}, 'site "museums" has not been crawled; known: museum'),
        ({"terms": (("category", "landscape"),)}, 'category "landscape"; known: landscapes'),
        ({"terms": (("style", "op art"),)}, 'style "op art"; none is known so far'),
        ({"year_from": 1950, "year_to": 1900}, "exchange --from and --to"),
    ):
        with pytest.raises(UsageError, match=said):
            select(reading, **asked)
    with pytest.raises(NothingToShow, match="ask for fewer terms or more years"):
        select(reading, year_from=2000)
    assert parse_term(" style = op art=2 ") == ("style", "op art=2")
    for said in ("landscapes", "category=", "kind=landscapes", "=x"):
        with pytest.raises(UsageError, match=r"write KIND=NAME.*category, style, genre"):
            parse_term(said)


def test_nothing_to_show_says_what_to_do(reading: Connection, paint: Paint) -> None:
    with pytest.raises(NothingToShow, match="crawl first"):
        select(reading)
    paint(1, None)
    with pytest.raises(NothingToShow, match="run `artworks analyze colors`"):
        select(reading)
    with pytest.raises(NothingToShow, match="run `artworks train color`"):
        trained_classes(reading)


# --- A wall -----------------------------------------------------------------------------------


def test_a_wall_of_works(paint: Paint, reading: Connection, store: ObjectStore) -> None:
    paint(1, {BLUE: 0.75, "#f0f0f0": 0.25}, title="Blue", year=1950)
    paint(2, {RED: 1.0}, title="Red", year=None)
    paint(3, {GREEN: 1.0}, title="Green", year=1900)
    selection = select(reading)
    wall = palette_wall(reading, store, selection)
    assert [column.title for column in wall.columns] == ["Red", "Green", "Blue"]
    assert all(column.picture is not None for column in wall.columns)
    assert wall.columns[2].fractions == (0.25, 0.75)
    assert parts(wall.together) == {
        "red": pytest.approx(1 / 3, abs=1e-6),
        "green": pytest.approx(1 / 3, abs=1e-6),
        "blue": 0.25,
        "white": pytest.approx(0.25 / 3, abs=1e-6),
    }
    by_year = palette_wall(reading, store, selection, order="year")
    assert ([column.year for column in by_year.columns], by_year.of) == ([1900, 1950], 2)
    some = palette_wall(reading, store, selection, most=2)
    assert (len(some.columns), some.of) == (2, 3)
    again = palette_wall(reading, store, selection, most=2)
    assert [column.title for column in some.columns] == [column.title for column in again.columns]
    with pytest.raises(UsageError, match="choose from hue, lightness, year"):
        palette_wall(reading, store, selection, order="size")


def test_a_picture_that_is_lost_leaves_its_palette(
    paint: Paint, reading: Connection, store: ObjectStore
) -> None:
    paint(1, {RED: 1.0}, year=None)
    for info in list(store.list()):
        store.delete(info.key)
    selection = select(reading)
    (column,) = palette_wall(reading, store, selection).columns
    assert (column.picture, column.year) == (None, None)
    with pytest.raises(NothingToShow, match="sort by hue or lightness"):
        palette_wall(reading, store, selection, order="year")


# --- Colours over time ------------------------------------------------------------------------


def test_colors_of_each_period(database: Database, paint: Paint, reading: Connection) -> None:
    paint(1, {RED: 0.6, BLUE: 0.4}, year=1901)
    paint(2, {RED: 1.0}, year=1909)
    paint(3, {GREEN: 1.0}, year=1925)
    paint(4, {GREEN: 1.0}, year=None)
    paint(5, {GREEN: 1.0}, year=1600)
    paint(6, {BLUE: 1.0}, year=1910)
    execute(database, "UPDATE artworks SET year_to = 1800 WHERE source_id = '5'")
    execute(database, "UPDATE artworks SET year_from = 1905 WHERE source_id = '6'")
    selection = select(reading)
    found = color_timeline(reading, selection, step=10)
    assert [(one.label, one.works, parts(one.shares)) for one in found.periods] == [
        ("1900s", 3, {"red": 0.533333, "blue": 0.466667}),
        ("1920s", 1, {"green": 1}),
    ]
    assert (found.works, found.undated, found.vague) == (4, 1, 1)
    assert parts(found.together) == {"red": 0.4, "green": 0.25, "blue": 0.35}
    assert color_timeline(reading, selection).step == 2
    assert color_timeline(reading, selection, step=500).vague == 0


def test_years_before_our_era(database: Database, paint: Paint, reading: Connection) -> None:
    paint(1, {RED: 1.0}, year=-450)
    paint(2, {RED: 1.0}, year=-1)
    paint(3, {RED: 1.0}, year=1)
    found = color_timeline(reading, select(reading), step=100)
    assert [(one.first_year, one.works) for one in found.periods] == [(-500, 1), (-100, 1), (0, 1)]


def test_works_without_years(paint: Paint, reading: Connection) -> None:
    paint(1, {RED: 1.0}, year=None)
    with pytest.raises(NothingToShow, match="none of these works has a year"):
        color_timeline(reading, select(reading))


# --- Dominant colours -------------------------------------------------------------------------


def test_dominant_colors_of_each_group(paint: Paint, reading: Connection) -> None:
    paint(1, {RED: 0.6, BLUE: 0.4}, terms={"category": "prints"})
    paint(2, {BLUE: 0.6, RED: 0.4}, terms={"category": "prints"})
    paint(3, {BLUE: 1.0}, terms={"category": "maps"}, site="other")
    paint(4, {GREEN: 1.0})
    selection = select(reading)
    found = color_distribution(reading, selection)
    assert [(group.name, group.works, parts(group.shares)) for group in found.groups] == [
        ("prints", 2, {"red": 0.5, "blue": 0.5}),
        ("maps", 1, {"blue": 1}),
    ]
    everything = {share.term: share.weight for share in found.everything.shares}
    assert (found.everything.works, everything) == (4, {"red": 1, "green": 1, "blue": 2})
    one = color_distribution(reading, selection, most=1)
    assert ([group.name for group in one.groups], one.further) == (["prints"], 1)
    by_site = color_distribution(reading, selection, by="site")
    assert [(group.name, group.works) for group in by_site.groups] == [("museum", 3), ("other", 1)]
    with pytest.raises(NothingToShow, match="has a style: choose another kind with --by"):
        color_distribution(reading, selection, by="style")
    with pytest.raises(UsageError, match=r"choose category, style, .*, site"):
        color_distribution(reading, selection, by="title")


# --- A work -----------------------------------------------------------------------------------


def test_a_work_is_found_by_its_names(
    database: Database, store: ObjectStore, paint: Paint, reading: Connection
) -> None:
    paint(7, {RED: 0.75, "#ffffff": 0.25}, title="  Étude\n7 ", artist="Ada Möller", year=1921)
    sha256 = reading.execute(text("SELECT sha256 FROM images")).scalar_one()
    work = find_work(database, store, "museum/7")
    assert (work.title, work.artist, work.date) == ("Étude 7", "Ada Möller", "1921")
    assert [(color.hex, color.fraction) for color in work.palette] == [
        (RED, 0.75),
        ("#ffffff", 0.25),
    ]
    assert work.palette[1].name == "white"
    assert work.source == ("museum / 7 · https://museum.example/7",)
    assert work.model == "palette-known 1"
    assert work.picture.shape == (48, 64, 3)
    by_hash = find_work(database, store, sha256.upper())
    assert by_hash.source == work.source


def test_a_file_is_a_work_too(database: Database, store: ObjectStore, tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    Image.new("RGB", (40, 30), RED).save(path)
    work = find_work(database, store, str(path))
    assert (work.title, work.artist, work.model) == ("red.png", None, None)
    assert [(color.hex, color.fraction) for color in work.palette] == [(RED, 1)]
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ImageRejected):
        find_work(database, store, str(tmp_path / "text.png"))


def test_works_that_cannot_be_shown(database: Database, store: ObjectStore, paint: Paint) -> None:
    for said in ("museum/7", "7", "0" * 64, "/no/such/file.png"):
        with pytest.raises(UsageError, match="no work, no stored image and no file"):
            find_work(database, store, said)
    image = paint(7, None)
    with pytest.raises(NothingToShow, match="run `artworks analyze colors`"):
        find_work(database, store, "museum/7")
    execute(database, "UPDATE images SET placeholder = true WHERE id = :i", i=image)
    with pytest.raises(NothingToShow, match="no picture of it is shown"):
        find_work(database, store, "museum/7")
    paint(8, {RED: 1.0})
    for info in list(store.list()):
        store.delete(info.key)
    with pytest.raises(NothingToShow, match="artworks verify"):
        find_work(database, store, "museum/8")


# --- Classes of colour ------------------------------------------------------------------------


METRICS = {
    "selected": "b",
    "models": {"a": {"accuracy": [0.5, 0.7]}, "b": {"accuracy": [0.9, 1.0]}},
    "baselines": {"majority": 0.5, "rules": None},
    "classes": ["blue", "red"],
    "confusion": [[3, 1], [0, 4]],
    "support": {"red": 4, "blue": 4},
    "per_class": {"red": {"f1": 0.8}, "blue": {"f1": 0.9}},
    "importance": {"x": {"mean": 0.1, "std": 0.01}, "y": {"mean": 0.2, "std": 0.02}},
    "split": {"policy": "by artist"},
}


def test_the_classifier_in_use_is_shown(database: Database, reading: Connection) -> None:
    for version, metrics, default in (
        ("1", METRICS, True),
        ("2", METRICS, False),
        ("3", {}, False),
    ):
        execute(
            database,
            "INSERT INTO models (name, version, kind, head, metrics, is_default) "
            "VALUES ('color', :version, 'classifier', 'color', CAST(:metrics AS jsonb), :default)",
            version=version,
            metrics=json.dumps(metrics),
            default=default,
        )
    trained = trained_classes(reading)
    assert trained.model == "color 1"
    assert [(scores.name, scores.mean) for scores in trained.accuracy] == [
        ("b", pytest.approx(0.95)),
        ("a", pytest.approx(0.6)),
    ]
    assert trained.accuracy[0].deviation == pytest.approx(0.05)
    assert trained.baselines == {"majority": 0.5}
    assert (trained.classes, trained.support, trained.f1) == (("blue", "red"), (4, 4), (0.9, 0.8))
    assert trained.confusion.tolist() == METRICS["confusion"]
    assert trained.importance == (("y", 0.2, 0.02), ("x", 0.1, 0.01))
    assert trained.examples == 8
    execute(database, "UPDATE models SET is_default = false")
    assert trained_classes(reading).model == "color 2"
