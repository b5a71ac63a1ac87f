import csv
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from support.samples import AWKWARD_TITLE, FORMULA, fill, image

from storage.database import Database
from storage.errors import UsageError
from storage.export import (
    CSV_COLUMNS,
    artwork_records,
    replacing,
    write_csv,
    write_jsonl,
)
from storage.settings import StorageSettings


@pytest.fixture(scope="module")
def database(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[Database]:
    with (
        new_database() as url,
        Database.open(StorageSettings(database_url=SecretStr(url))) as opened,
    ):
        opened.migrate()
        with opened.begin() as connection:
            fill(connection)
        yield opened


def exported(database: Database, write=write_jsonl, **choice: str | None) -> str:  # type: ignore[no-untyped-def]
    out = io.StringIO(newline="")
    with database.begin() as connection:
        write(artwork_records(connection, **choice), out)
    return out.getvalue()


def as_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_jsonl_nests_makers_terms_images_and_palettes(database: Database) -> None:
    lines = exported(database).split("\n")
    assert lines.pop() == ""
    records = [json.loads(line) for line in lines]
    assert [(r["site"], r["source_id"]) for r in records] == [
        ("alpha", "1"),
        ("alpha", "10"),
        ("alpha", "2"),
        ("beta", "7"),
    ]
    work = records[2]
    assert work["title"] == AWKWARD_TITLE
    assert work["opt_out"] == ["noimageai", "tdm-reservation"]
    assert [(a["name"], a["qualifier"]) for a in work["artists"]] == [
        ("Ann Example", None),
        ("Bo Sample", "workshop of"),
    ]
    assert {(t["kind"], t["name"]) for t in work["terms"]} == {
        ("category", "Sunsets"),
        ("category", "prints"),
        ("style", "Ukiyo-e"),
    }
    first, missing, second = work["images"]
    assert first["object_key"] == image(1)["object_key"]
    assert first["fetched_url"] is None, "its bytes came from its own address"
    assert [color["hex"] for color in first["palette"]] == ["#ff0000", "#000000"]
    assert missing["sha256"] is None
    assert missing["url"] == "http://alpha.example/missing.jpg"
    assert second["palette"] is None


def test_csv_has_one_row_per_artwork_whatever_the_text_holds(database: Database) -> None:
    text = exported(database, write_csv)
    rows = as_rows(text)
    assert tuple(rows[0]) == CSV_COLUMNS
    assert len(rows) == 4
    work = rows[2]
    assert work["title"] == AWKWARD_TITLE
    assert work["description"] == "tab\there, carriage\rreturn"
    assert work["artists"] == "Ann Example; workshop of Bo Sample"
    assert work["artist_years"] == "1850–1910; "
    assert work["categories"] == "Sunsets; prints"
    assert work["images"] == "2"
    assert work["image_sha256"] == f"{image(1)['sha256']}; {image(2)['sha256']}"
    assert work["palette"] == "#ff0000; #000000"
    assert work["height_cm"] == "30.5"
    assert work["license"] == "CC0-1.0"
    assert work["opt_out"] == "noimageai; tdm-reservation"
    assert rows[1]["gone_at"]
    assert rows[0]["gone_at"] == ""


def test_only_safe_csv_defuses_formulas(database: Database) -> None:
    as_it_is = as_rows(exported(database, write_csv))
    safe = as_rows(exported(database, lambda r, out: write_csv(r, out, safe=True)))
    assert as_it_is[1]["title"] == FORMULA
    assert safe[1]["title"] == f"'{FORMULA}"
    assert safe[1]["medium"] == "'-1+1"
    assert safe[2]["title"] == AWKWARD_TITLE
    assert safe[0]["page_url"] == as_it_is[0]["page_url"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"site": "beta"}, ["7"]),
        ({"category": "PRINTS"}, ["1", "2", "7"]),
        ({"category": "prints", "site": "alpha"}, ["1", "2"]),
        ({"category": "nothing such"}, []),
    ],
)
def test_site_and_category_choose(
    database: Database, choice: dict[str, str], expected: list[str]
) -> None:
    lines = exported(database, **choice).splitlines()
    assert [json.loads(line)["source_id"] for line in lines] == expected


def test_exports_of_the_same_collection_are_equal(database: Database) -> None:
    assert exported(database) == exported(database)


def test_memory_does_not_grow_with_the_collection(
    new_database: Callable[[], AbstractContextManager[str]],
) -> None:
    def peak(database: Database, most: int) -> int:
        with database.begin() as connection:
            records = artwork_records(connection)
            tracemalloc.start()
            for _, _record in zip(range(most), records, strict=False):
                pass
            _, highest = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        return highest

    with (
        new_database() as url,
        Database.open(StorageSettings(database_url=SecretStr(url))) as database,
    ):
        database.migrate()
        with database.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO artworks (site, source_id, page_url, title, content_hash, "
                    "description) SELECT 'big', i, 'u', 't', 'h', repeat('x', 2000) || i "
                    "FROM generate_series(1, 8000) i"
                )
            )
        few = peak(database, 1500)
        assert peak(database, 8000) < few * 1.5


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"

    def fail_half_way() -> None:
        with replacing(path) as out:
            out.write("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []
    with replacing(path) as out:
        out.write("whole\r\n")
        assert not path.exists()
    assert path.read_bytes() == b"whole\r\n"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("precious")

    def replace(where: Path, *, force: bool = False) -> None:
        with replacing(where, force=force) as out:
            out.write("new")

    with pytest.raises(UsageError, match="--force"):
        replace(path)
    with pytest.raises(UsageError, match="folder"):
        replace(tmp_path, force=True)
    with pytest.raises(UsageError, match="no ordinary file"):
        replace(Path("/dev/null"), force=True)
    with pytest.raises(UsageError, match="cannot write"):
        replace(tmp_path / "no such folder" / "out.csv")
    assert path.read_text() == "precious"
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    replace(link, force=True)
    assert link.is_symlink()
    assert path.read_text() == "new"


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"

    def race() -> None:
        with replacing(path) as out:
            out.write("ours")
            path.write_text("theirs")

    with pytest.raises(UsageError, match="exists already"):
        race()
    assert path.read_text() == "theirs"
