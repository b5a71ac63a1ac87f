"""`artworks colors`: searching for images, and making palettes."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from PIL import Image
from support.databases import opened, sql
from support.samples import fill

from storage.database import Database
from storage.errors import ExitCode
from storage.objects import open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"

VIOLET, ORANGE = "#8a2be2", "#c08020"
GREEN = "#3d7d1e"
"""Complement of the violet, about."""


def paint(database: Database) -> None:
    """Give the two images of the sample collection palettes."""
    sql(database, "DELETE FROM image_colors")
    for image, rank, hex_, fraction in (
        (1, 1, VIOLET, 0.6),
        (1, 2, GREEN, 0.4),
        (2, 1, ORANGE, 0.7),
        (2, 2, "#8f35e5", 0.3),
    ):
        sql(
            database,
            "INSERT INTO image_colors "
            "(image_id, model_id, rank, hex, lab_l, lab_a, lab_b, fraction, name) "
            "SELECT :image, m.id, :rank, :hex, q.lab_l, q.lab_a, q.lab_b, :fraction, 'x' "
            "FROM models m, hex_to_lab(:hex) q",
            image=image,
            rank=rank,
            hex=hex_,
            fraction=fraction,
        )


@pytest.fixture(scope="module")
def painted_url(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """The sample collection with palettes, for tests that only look."""
    with new_database() as url, opened(url) as database:
        database.migrate()
        with database.begin() as connection:
            fill(connection)
        paint(database)
        yield url


@pytest.fixture
def painted(command, painted_url: str, monkeypatch: pytest.MonkeyPatch):
    """The command, on that collection."""
    monkeypatch.setenv("ARTWORKS_DATABASE_URL", painted_url)
    return command


@pytest.fixture
def pictures(command) -> None:
    """The objects of the two images."""
    store = open_store(load_settings().objects_location, create=True)
    for number, color in ((1, VIOLET), (2, ORANGE)):
        buffer = io.BytesIO()
        Image.new("RGB", (300, 200), color).save(buffer, "JPEG")
        sha256 = f"{number:064x}"
        key = f"images/{sha256[:2]}/{sha256[2:4]}/{sha256}.jpg"
        store.put(key, buffer.getvalue(), content_type="image/jpeg")


def test_for_scripts(painted) -> None:
    found = painted("colors", "--like", VIOLET, "--tolerance", "12", "--json").json
    assert found["colors"] == [{"hex": VIOLET, "part": None}]
    assert found["tolerance"] == 12.0
    first, second = found["images"]
    assert (first["share"], first["matches"][0]["distance"]) == (0.6, 0.0)
    assert {(work["site"], work["source_id"]) for work in first["works"]} == {
        ("alpha", "2"),
        ("beta", "7"),
    }
    assert second["matches"][0]["hex"] == "#8f35e5"
    assert [color["hex"] for color in second["palette"]] == [ORANGE, "#8f35e5"]

    def count(*arguments: str) -> int:
        return len(painted("colors", *arguments, "--json").json["images"])

    assert count("--like", "blueviolet") == 2
    assert count("--like", VIOLET, "--tolerance", "0") == 1
    assert count("--like", VIOLET, "--limit", "1") == 1
    assert count("--like", VIOLET, "--min-share", "50") == 1
    assert count("--like", VIOLET, "--site", "beta") == 1
    assert count("--like", VIOLET, "--category", "Sunsets") == 2
    assert count("--like", VIOLET, "--model", "palette-test/1") == 2
    assert count("--harmony", "complementary") == 1
    assert count("--harmony", "complementary", "--like", VIOLET) == 1
    assert count("--harmony", "complementary", "--min-share", "41") == 0


def test_proportions(painted) -> None:
    asked = ("colors", "--like", f"{VIOLET}:30", "--like", f"{ORANGE}:70", "--json")
    found = painted(*asked).json
    assert [color["part"] for color in found["colors"]] == [0.3, 0.7]
    [image] = found["images"]
    assert image["score"] == 1.0
    assert [match["share"] for match in image["matches"]] == [0.3, 0.7]


def test_lines_are_tab_separated(painted) -> None:
    header, first, second = painted("colors", "--like", VIOLET).out.splitlines()
    assert header.split("\t") == ["Share", "ΔE", "Colors", "Title", "Artist", "Site", "Page"]
    assert first.split("\t")[:3] == ["0.600000", "0.0", VIOLET]
    assert second.split("\t")[-1] == "http://alpha.example/work/2"
    scored = painted("colors", "--harmony", "complementary").out.splitlines()
    assert scored[0].split("\t")[:3] == ["Score", "Share", "Colors"]
    assert scored[1].split("\t")[:3] == ["0.800", "1.000000", f"{VIOLET} {GREEN}"]


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        (("--like", "#00ff00"), "no image with #00ff00 within ΔE 12; try a larger --tolerance"),
        (
            ("--like", VIOLET, "--min-share", "90", "--site", "alpha"),
            "a larger --tolerance or a smaller --min-share or no --site or --category",
        ),
        (("--like", VIOLET, "--like", "#00ff00"), "fewer colours"),
        (("--harmony", "triadic"), "in triadic harmony; try a smaller --min-share"),
    ],
)
def test_nothing_found_tells_how_to_find_more(painted, arguments, cure: str) -> None:
    result = painted("colors", *arguments)
    assert (result.code, result.out) == (ExitCode.DONE, "")
    assert cure in result.err
    assert painted("colors", *arguments, "--json").json["images"] == []


def test_more_than_the_limit_is_told(painted) -> None:
    assert "see --limit" in painted("colors", "--like", VIOLET, "--limit", "1").err
    assert "see --limit" not in painted("colors", "--like", VIOLET).err


def test_the_sheet_shows_what_was_found(painted, pictures, open_folder: Path) -> None:
    sheet = open_folder / "found" / "violet.png"
    result = painted("colors", "--like", VIOLET, "--out", str(sheet))
    assert result.code == 0, result.err
    assert f"2 images → {sheet}" in result.err
    with Image.open(sheet) as drawn:
        shown = {color for _, color in drawn.convert("RGB").getcolors(1 << 24) or ()}
        assert drawn.width == 2000
    assert {(0x8A, 0x2B, 0xE2), (0xC0, 0x80, 0x20)} <= shown
    again = painted("colors", "--like", VIOLET, "--out", str(sheet))
    assert again.code == ExitCode.USAGE
    assert "--force" in again.err
    forced = painted("colors", "--harmony", "complementary", "--out", str(sheet), "--force")
    assert forced.code == 0
    with Image.open(sheet) as drawn:
        assert drawn.height > 300


def test_pictures_that_cannot_be_read_are_told(painted, open_folder: Path) -> None:
    open_store(load_settings().objects_location, create=True)
    result = painted("colors", "--like", VIOLET, "--out", "violet.png")
    assert result.code == ExitCode.USAGE
    assert "none of the pictures that were found can be read" in result.err
    assert not (open_folder / "violet.png").exists()


def test_without_palettes_the_cure_is_told(sample, sample_url: str) -> None:
    with opened(sample_url) as database:
        sql(database, "DELETE FROM image_colors")
    result = sample("colors", "--like", VIOLET)
    assert result.code == ExitCode.USAGE
    assert "artworks analyze colors" in result.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--like", "ultraviolet"), "#rrggbb"),
        (("--like", "violet:x"), "percent"),
        (("--like", "violet", "--like", "#ee82ee"), "twice"),
        (("--harmony", "golden"), "complementary, analogous, triadic, split"),
        (("--harmony", "split", "--like", "gray"), "too gray"),
        (("--harmony", "split", "--tolerance", "3"), "--tolerance"),
        (("--like", "violet", "picture.jpg"), "IMAGE"),
        (("--like", "violet", "--k", "3"), "--k"),
        (("--like", "violet", "--method", "kmeans"), "--method"),
        (("--like", "violet", "--accents"), "--accents"),
        (("--like", "violet", "--redo"), "--redo"),
        (("--like", "violet", "--force"), "--force"),
        (("--like", "violet", "--site", "nowhere"), "alpha, beta"),
        (("--like", "violet", "--category", "nothing"), "Sunsets"),
        (("--like", "violet", "--model", "nothing/1"), "palette-test/1"),
        (("--out", "x.png"), "--like"),
        (("--site", "alpha"), "--like"),
        (("picture.jpg", "--min-share", "3"), "--like"),
        (("picture.jpg", "--limit", "3"), "IMAGE"),
        (("picture.jpg", "--method", "octree"), "kmeans, dbscan"),
        (("--method", "octree"), "kmeans, dbscan"),
    ],
)
def test_what_does_not_go_together_is_refused(painted, arguments, word: str) -> None:
    result = painted("colors", *arguments)
    assert result.code == ExitCode.USAGE, result.err
    assert (result.out, result.err.count("\n")) == ("", 1)
    assert word in result.err


def test_palettes_of_files_and_of_stored_images(
    sample, sample_url: str, pictures, open_folder: Path
) -> None:
    with opened(sample_url) as database:
        paint(database)
    image = Image.new("RGB", (90, 90), VIOLET)
    image.paste(ORANGE, (0, 0, 30, 90))
    image.save(open_folder / "two.png")
    for method in ("kmeans", "dbscan"):
        options = ("--method", method, "--k", "2", "--accents")
        shown = sample("colors", "two.png", *options, "--json").json["palette"]
        assert [color["hex"] for color in shown] == [VIOLET, ORANGE]
    [made] = sample("colors", "--k", "3", "--method", "dbscan", "--json").json
    assert made["done"] == 2
    found = sample(
        "colors", "--like", ORANGE, "--model", f"{made['model']}/{made['version']}", "--json"
    ).json
    assert [image["share"] for image in found["images"]] == [1.0]
    # What is searched without --model is what it was.
    assert sample("colors", "--like", ORANGE, "--json").json["images"][0]["share"] == 0.7


def documented(pattern: str) -> list[str]:
    """What the section on searching shows, by a regular expression."""
    page = (Path(__file__).parents[2] / "docs" / "colors.md").read_text(encoding="utf-8")
    section = page.split("\n## Search\n")[1].split("\n## ")[0]
    return re.findall(pattern, section, re.DOTALL | re.MULTILINE)


def test_documented_commands_work(painted, pictures) -> None:
    commands = documented(r"^    artworks (colors .*?)$")
    assert len(commands) >= 5
    for line in commands:
        result = painted(*shlex.split(line))
        assert (result.code, "error" in result.err) == (0, False), (line, result.err)


def test_documented_sql_works(painted_url: str) -> None:
    [block] = documented(r"```sql\n(.*?)```")
    with opened(painted_url) as database:
        found = [sql(database, statement) for statement in block.split(";")[:-1]]
    assert [row.image_id for row in found[0]] == [1, 2]
    assert len(found) == 5


def test_documented_functions_are_those_of_the_database(painted_url: str) -> None:
    with opened(painted_url) as database:
        known = {
            row.proname
            for row in sql(
                database, "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            )
        }
    named = documented(r"`((?:images|hex|lab)_\w+|ciede2000)\(")
    assert len(set(named)) == 6
    assert set(named) <= known
