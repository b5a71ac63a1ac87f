"""Search by colour: the same as looking at every palette, and much faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from support.databases import emptied, one, sql

from analysis.colors.asked import AskedColor, ColorSearch
from analysis.colors.conversion import hex_to_rgb, rgb_to_lab
from analysis.colors.difference import ciede2000
from analysis.colors.harmony import HARMONIES, partners
from analysis.colors.search import find_images
from analysis.errors import NoSuchModel, NotAColor, NothingToShow, WrongSearch
from benchmarks.analysing import palettes as large
from storage.database import Database
from tests.analysis.colors import palettes as made
from tests.analysis.colors.palettes import Stored, add_images, add_model, add_palette

VIOLET = "#8a2be2"
WHEAT = "#f5deb3"
MANY = 200


def like_color(database: Database, hex_color: str, **arguments: Any) -> list[tuple[Any, ...]]:
    named = "".join(f", {name} => :{name}" for name in arguments)
    statement = f"SELECT * FROM images_like_color(:hex{named})"
    return [tuple(row) for row in sql(database, statement, hex=hex_color, **arguments)]


def like_colors(database: Database, hexes: list[str], **arguments: Any) -> list[tuple[Any, ...]]:
    named = "".join(f", {name} => :{name}" for name in arguments)
    statement = f"SELECT * FROM images_like_colors(:hexes{named})"
    return [tuple(row) for row in sql(database, statement, hexes=hexes, **arguments)]


def in_harmony(database: Database, kind: str, **arguments: Any) -> list[tuple[Any, ...]]:
    named = "".join(f", {name} => :{name}" for name in arguments)
    statement = f"SELECT image_id, score, shares FROM images_in_harmony(:kind{named})"
    return [tuple(row) for row in sql(database, statement, kind=kind, **arguments)]


def found(database: Database, search: ColorSearch) -> list[Any]:
    with database.begin() as connection:
        return find_images(connection, search)


def asked(*said: str) -> tuple[AskedColor, ...]:
    return tuple(AskedColor.parse(color) for color in said)


def ids(images: list[Any]) -> list[int]:
    """Ids of images that `add_images` made: their hash is their number."""
    return [int(image.sha256) + 1 for image in images]


@pytest.fixture(scope="module")
def many(migrated: Database) -> Callable[[], tuple[Database, list[Stored]]]:
    """A few hundred random palettes, made when the first test asks for them again."""
    palettes = made.random_palettes(MANY, seed=3)
    stored: list[Stored] = []

    def fill() -> tuple[Database, list[Stored]]:
        present = one(migrated, "SELECT count(*) FROM images WHERE preview_key <> ''")
        if present != MANY or not stored:
            emptied(migrated)
            model_id = add_model(migrated)
            stored[:] = [
                add_palette(migrated, model_id, image_id, *colors)
                for image_id, colors in zip(add_images(migrated, MANY), palettes, strict=True)
            ]
        return migrated, stored

    return fill


@settings(max_examples=30)
@given(data=st.data())
def test_one_color_finds_what_looking_at_all_finds(
    many: Callable[[], tuple[Database, list[Stored]]], data: st.DataObject
) -> None:
    database, stored = many()
    pick = st.sampled_from(stored).flatmap(lambda one: st.sampled_from(one.hexes))
    hex_color = data.draw(st.one_of(pick, st.sampled_from(["#000", VIOLET, "#808080"])))
    lab = rgb_to_lab(hex_to_rgb(hex_color))
    # On the border: exactly the distance of some stored colour.
    border = float(np.min(ciede2000(lab, data.draw(st.sampled_from(stored)).lab)))
    tolerance = data.draw(st.sampled_from([0.0, 5.0, 12.0, border]))
    min_share = data.draw(st.sampled_from([0.0, 0.125, 0.5]))
    expected = made.like_color(stored, hex_color, tolerance, min_share)
    arguments = {"tolerance": tolerance, "min_share": min_share}
    assert like_color(database, hex_color, **arguments) == expected
    for most in (1, 3, 24):
        assert like_color(database, hex_color, most=most, **arguments) == expected[:most]
    search = ColorSearch(asked(hex_color), limit=5, **arguments)
    images = found(database, search)
    assert [
        (image_id, image.score, image.matches[0].distance)
        for image_id, image in zip(ids(images), images, strict=True)
    ] == expected[:5]


@settings(max_examples=25)
@given(data=st.data())
def test_several_colors_find_what_looking_at_all_finds(
    many: Callable[[], tuple[Database, list[Stored]]], data: st.DataObject
) -> None:
    database, stored = many()
    pick = st.sampled_from(stored).flatmap(lambda one: st.sampled_from(one.hexes))
    hexes = data.draw(st.lists(pick, min_size=1, max_size=3, unique=True))
    tolerance = data.draw(st.sampled_from([8.0, 12.0, 30.0]))
    parts = None
    if data.draw(st.booleans()):
        parts = [data.draw(st.sampled_from([0.05, 0.2, 0.3])) for _ in hexes]
    expected = made.like_colors(stored, hexes, tolerance, parts)
    arguments = {"parts": parts, "tolerance": tolerance}
    assert like_colors(database, hexes, **arguments) == expected
    assert like_colors(database, hexes, most=2, **arguments) == expected[:2]


@settings(max_examples=30)
@given(data=st.data())
def test_harmonies_find_what_looking_at_all_finds(
    many: Callable[[], tuple[Database, list[Stored]]], data: st.DataObject
) -> None:
    database, stored = many()
    kind = data.draw(st.sampled_from(sorted(HARMONIES)))
    hex_color = data.draw(st.sampled_from([None, VIOLET, "#cc5533", "#2f8f4f", "#c0a020"]))
    expected = made.in_harmony(stored, kind, hex_color)
    assert in_harmony(database, kind, hex=hex_color) == expected
    assert in_harmony(database, kind, hex=hex_color, most=2) == expected[:2]


def test_a_common_color_finds_the_nearest_of_many_that_it_fills(database: Database) -> None:
    """Several hundred images are filled by it; what is found is what looking at all finds."""
    model_id = add_model(database)
    rng = np.random.default_rng(1)
    stored = []
    for image_id in add_images(database, 700):
        red, green, blue = np.add((0x6B, 0x53, 0x35), rng.integers(-4, 5, 3)).tolist()
        colors = [(f"#{red:02x}{green:02x}{blue:02x}", 0.75), ("#6c5537", 0.25)]
        if image_id % 3 == 0:
            colors[1] = ("#f5deb3", 0.25)
        stored.append(add_palette(database, model_id, image_id, *colors))
    sql(database, "UPDATE images SET placeholder = true WHERE id = 7")
    expected = made.like_color([one for one in stored if one.image_id != 7], "#6b5335", 12.0)
    assert expected[400][1] == 1.0
    for most in (1, 24, 440, 600, None):
        assert like_color(database, "#6b5335", most=most) == expected[:most]


def test_the_share_comes_first_and_then_the_distance(database: Database) -> None:
    model_id = add_model(database)
    small, far, near, both = add_images(database, 4)
    add_palette(database, model_id, small, (WHEAT, 0.75), (VIOLET, 0.25))
    add_palette(database, model_id, far, ("#8f35e5", 0.5), (WHEAT, 0.5))
    add_palette(database, model_id, near, (VIOLET, 0.5), (WHEAT, 0.5))
    add_palette(database, model_id, both, (WHEAT, 0.4), (VIOLET, 0.3), ("#8f35e5", 0.3))
    images = found(database, ColorSearch(asked(VIOLET)))
    assert ids(images) == [both, near, far, small]
    assert [image.share for image in images] == [0.6, 0.5, 0.5, 0.25]
    assert [image.matches[0].hex for image in images] == [VIOLET, VIOLET, "#8f35e5", VIOLET]
    assert images[2].matches[0].distance == pytest.approx(2.0, abs=1.0)
    assert ids(found(database, ColorSearch(asked(VIOLET), min_share=0.5))) == [both, near, far]


def test_proportions_are_met_best_by_what_is_asked(database: Database) -> None:
    model_id = add_model(database)
    exact, more, less, lacking = add_images(database, 4)
    green = "#2e8b57"
    add_palette(database, model_id, more, (VIOLET, 0.6), (WHEAT, 0.4))
    add_palette(database, model_id, exact, (WHEAT, 0.5), (VIOLET, 0.3), (green, 0.2))
    add_palette(database, model_id, less, (green, 0.8), (VIOLET, 0.1), (WHEAT, 0.1))
    add_palette(database, model_id, lacking, (VIOLET, 0.3), (green, 0.7))
    images = found(database, ColorSearch(asked(f"{VIOLET}:30", f"{WHEAT}:50%")))
    assert ids(images) == [exact, more, less]
    assert [image.score for image in images] == pytest.approx([1.0, 0.7, 0.4])
    assert [match.share for match in images[0].matches] == [0.3, 0.5]
    # Without proportions: as much as possible of the one there is least of.
    images = found(database, ColorSearch(asked(VIOLET, WHEAT)))
    assert [(at, image.score) for at, image in zip(ids(images), images, strict=True)] == [
        (more, 0.8),
        (exact, 0.6),
        (less, 0.2),
    ]


def test_a_color_counts_once_for_the_nearest_that_is_asked(database: Database) -> None:
    model_id = add_model(database)
    one_violet, two_violets = add_images(database, 2)
    add_palette(database, model_id, one_violet, (VIOLET, 1.0))
    add_palette(database, model_id, two_violets, (VIOLET, 0.5), ("#9432e5", 0.5))
    [image] = found(database, ColorSearch(asked(VIOLET, "#9934e6")))
    assert ids([image]) == [two_violets]
    assert [match.hex for match in image.matches] == [VIOLET, "#9432e5"]


def test_harmony_around_a_color_and_around_any(database: Database) -> None:
    model_id = add_model(database)
    [even, uneven, other, dull] = add_images(database, 4)
    blue = "#2f6fc0"
    [orange] = partners(blue, "complementary")
    red = "#c03060"
    [green] = partners(red, "complementary")
    add_palette(database, model_id, uneven, (blue, 0.9), (orange, 0.1))
    add_palette(database, model_id, even, (blue, 0.5), (orange, 0.5))
    add_palette(database, model_id, other, (red, 0.5), (green, 0.5))
    add_palette(database, model_id, dull, (blue, 0.98), (orange, 0.02))
    around = found(database, ColorSearch(asked(blue), harmony="complementary"))
    assert ids(around) == [even, uneven]
    assert [match.hex for match in around[1].matches] == [blue, orange]
    assert [match.distance for match in around[1].matches] == [0.0, None]
    assert around[1].score == pytest.approx(0.2)
    any_color = found(database, ColorSearch(harmony="complementary"))
    assert set(ids(any_color)) == {even, uneven, other}
    assert any_color[0].matches[0].distance is None
    assert len(found(database, ColorSearch(harmony="complementary", min_share=0.01))) == 4


def test_stand_ins_and_what_no_page_shows_are_not_found(database: Database) -> None:
    model_id = add_model(database)
    shown, placeholder, gone = add_images(database, 3)
    [green] = partners(VIOLET, "complementary")
    for image_id in (shown, placeholder, gone):
        add_palette(database, model_id, image_id, (VIOLET, 0.6), (green, 0.4))
    sql(database, "UPDATE images SET placeholder = true WHERE id = :id", id=placeholder)
    sql(database, "UPDATE image_sources SET gone_at = now() WHERE image_id = :id", id=gone)
    for search in (
        ColorSearch(asked(VIOLET)),
        ColorSearch(asked(VIOLET), limit=1),
        ColorSearch(asked(VIOLET), limit=None),
        ColorSearch(asked(f"{VIOLET}:60")),
        ColorSearch(asked(VIOLET), harmony="complementary"),
        ColorSearch(harmony="complementary"),
    ):
        assert ids(found(database, search)) == [shown]


def test_site_category_and_model_narrow_the_search(database: Database) -> None:
    default, other = add_model(database), add_model(database, "others", is_default=False)
    first, second = add_images(database, 2)
    sql(database, "UPDATE artworks SET site = 'gallery' WHERE source_id = '1'")
    sql(
        database,
        "WITH t AS (INSERT INTO terms (kind, name) VALUES ('category', 'Sunsets'), "
        "('style', 'Sunrises') RETURNING id, name) "
        "INSERT INTO artwork_terms (artwork_id, term_id, source) "
        "SELECT a.id, t.id, 'page' FROM artworks a, t "
        "WHERE (a.source_id = '1') = (t.name = 'Sunsets')",
    )
    add_palette(database, default, first, (VIOLET, 1.0))
    add_palette(database, default, second, (VIOLET, 0.5), (WHEAT, 0.5))
    add_palette(database, other, second, (WHEAT, 1.0))
    assert ids(found(database, ColorSearch(asked(VIOLET)))) == [first, second]
    assert ids(found(database, ColorSearch(asked(VIOLET), site="gallery"))) == [second]
    assert ids(found(database, ColorSearch(asked(VIOLET), category="Sunsets"))) == [second]
    assert ids(found(database, ColorSearch(asked(WHEAT), model="others/1"))) == [second]
    assert found(database, ColorSearch(asked(VIOLET), model="others/1")) == []
    for search, message in (
        (ColorSearch(asked(VIOLET), site="nowhere"), "choose from gallery, museum"),
        (ColorSearch(asked(VIOLET), category="Sunrises"), "choose from Sunsets"),
    ):
        with pytest.raises(WrongSearch, match=message):
            found(database, search)
    with pytest.raises(NoSuchModel, match="palettes/1"):
        found(database, ColorSearch(asked(VIOLET), model="none/1"))


def test_an_image_of_several_works_tells_them_all(database: Database) -> None:
    model_id = add_model(database)
    image_id, other = add_images(database, 2)
    sql(database, "UPDATE image_sources SET image_id = :id", id=image_id)
    sql(database, "UPDATE artworks SET gone_at = now() WHERE source_id = '1'")
    add_palette(database, model_id, image_id, (VIOLET, 1.0))
    add_palette(database, model_id, other, (VIOLET, 1.0))
    [image] = found(database, ColorSearch(asked(VIOLET)))
    assert [(work.title, work.gone) for work in image.works] == [
        ("Work 0", False),
        ("Work 1", True),
    ]
    assert image.palette[0].hex == VIOLET
    assert image.as_dict()["works"][0]["page_url"] == "https://museum.example/0"


def test_without_palettes_the_cure_is_told(database: Database) -> None:
    with pytest.raises(NothingToShow, match="run `artworks analyze colors`"):
        found(database, ColorSearch(asked(VIOLET)))
    add_model(database)
    with pytest.raises(NothingToShow, match="run `artworks analyze colors`"):
        found(database, ColorSearch(asked(VIOLET)))


def test_colors_are_named_by_hex_or_css() -> None:
    assert AskedColor.parse("violet") == AskedColor("#ee82ee")
    assert AskedColor.parse(" DarkSlateGrey : 12.5 % ") == AskedColor("#2f4f4f", 0.125)
    assert AskedColor.parse("8A2BE2:100") == AskedColor(VIOLET, 1.0)
    with pytest.raises(NotAColor, match="a name that CSS knows"):
        AskedColor.parse("ultraviolet")
    for wrong in ("violet:", "violet:0", "violet:101", "violet:half", "violet:nan"):
        with pytest.raises(WrongSearch, match="write it in percent"):
            AskedColor.parse(wrong)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing is searched for"),
        ({"colors": asked(VIOLET, "blueviolet")}, "asked for twice"),
        ({"colors": asked(VIOLET, "wheat:10")}, "give all of them one"),
        ({"colors": asked("violet:60", "wheat:50")}, "add up to 110%"),
        ({"harmony": "golden"}, "choose from complementary"),
        ({"harmony": "triadic", "colors": asked("violet:30")}, "without a share"),
        ({"harmony": "triadic", "colors": asked("violet", "wheat")}, "name one or none"),
        ({"harmony": "triadic", "colors": asked("gray")}, "too gray"),
        ({"colors": asked(VIOLET), "tolerance": -1.0}, "from 0"),
        ({"colors": asked(VIOLET), "tolerance": float("nan")}, "from 0"),
    ],
)
def test_contradictions_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(WrongSearch, match=message):
        ColorSearch(**arguments)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("images_like_color('#123456', -1)", "give a number from 0"),
        ("images_like_color('#123456', NULL)", "give a number from 0"),
        ("images_like_color('blue')", "is not a colour"),
        ("images_like_colors(ARRAY['#123456'], ARRAY[0.5, 0.1])", "one share above 0 for each"),
        ("images_like_colors(ARRAY['#123456'], ARRAY[1.5])", "together at most 1"),
        ("images_in_harmony('golden')", "is no harmony"),
        ("images_in_harmony('split', '#777777')", "too gray to have a hue"),
    ],
)
def test_the_database_refuses_them_too(database: Database, statement: str, message: str) -> None:
    with pytest.raises(DBAPIError, match=message):
        sql(database, f"SELECT * FROM {statement}")


def test_the_view_tells_hue_and_chroma(database: Database) -> None:
    model_id = add_model(database)
    [image_id] = add_images(database, 1)
    add_palette(database, model_id, image_id, ("#0000ff", 0.6), ("#808080", 0.4))
    [blue, gray] = sql(database, "SELECT hue, chroma FROM artwork_palette ORDER BY rank")
    assert (blue.hue, blue.chroma) == pytest.approx((306.3, 133.8), abs=0.05)
    assert gray.chroma == pytest.approx(0.0, abs=1e-6)


SCANS = text("""
    SELECT pg_stat_get_xact_numscans('image_colors'::regclass) AS whole,
           pg_stat_get_xact_numscans('pk_image_colors'::regclass) AS measured,
           pg_stat_get_xact_numscans('ix_image_colors_cell'::regclass) AS lookups,
           pg_stat_get_xact_tuples_returned('ix_image_colors_cell'::regclass) AS entries
""")


def test_large_collections_are_searched_by_the_index_alone(database: Database) -> None:
    """100,000 palettes: what each search reads, told by the server's own counters.

    The best are also the beginning of all.
    """
    images = 100_000
    with database.begin() as connection:
        large.fill(connection, images, seed=5)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE image_colors"))
    for search in (
        ColorSearch(asked(VIOLET)),
        ColorSearch(asked("violet:30", "wheat:50")),
        ColorSearch(asked(VIOLET), harmony="complementary"),
    ):
        with database.begin() as connection:
            before = connection.execute(SCANS).one()
            assert len(find_images(connection, search)) > 0
            after = connection.execute(SCANS).one()
        whole, measured, lookups, entries = np.subtract(after, before)
        assert whole == 0, search
        assert 0 < lookups < 1500, search
        # Of 500,000 colours few are looked at, and the palettes of few images.
        assert entries < 60_000, search
        assert measured < 6_000, search
    for hex_color in (VIOLET, "#3060c0", "#6b5335"):
        best = like_color(database, hex_color, most=24)
        assert len(best) == 24
        assert best == like_color(database, hex_color)[:24]
    pair = ["#6b5335", VIOLET]
    assert like_colors(database, pair, most=9) == like_colors(database, pair)[:9]
    # What stands in for others is no reason to ask less of the rest.
    hidden = [row[0] for row in like_color(database, "#3060c0", most=40)]
    sql(database, "UPDATE images SET placeholder = true WHERE id = ANY(:ids)", ids=hidden)
    best = like_color(database, "#3060c0", most=24)
    assert not {row[0] for row in best} & set(hidden)
    assert best == like_color(database, "#3060c0")[:24]
