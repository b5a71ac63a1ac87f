"""`artworks sql` asks and changes nothing."""

from __future__ import annotations

import csv
import io

import pytest

COUNT = "SELECT count(*) AS works FROM artworks"


def test_rows_as_lines_json_and_csv(command, sample_url: str) -> None:  # type: ignore[no-untyped-def]
    query = "SELECT title, artist, categories FROM artwork_overview ORDER BY artwork_id LIMIT 2"
    plain = command("sql", query, database_url=sample_url)
    assert plain.code == 0
    lines = plain.out.splitlines()
    assert lines[0].split("\t") == ["title", "artist", "categories"]
    assert len(lines) == 3
    found = command("sql", query, "--json", database_url=sample_url).json
    assert [row["title"] for row in found] == [line.split("\t")[0] for line in lines[1:]]
    rows = list(
        csv.DictReader(io.StringIO(command("sql", query, "--csv", database_url=sample_url).out))
    )
    assert [row["title"] for row in rows] == [row["title"] for row in found]


def test_a_percent_sign_is_one(command, sample_url: str) -> None:  # type: ignore[no-untyped-def]
    found = command(
        "sql", "SELECT '5 %' AS a, 'x' LIKE '%' AS b", "--json", database_url=sample_url
    )
    assert found.json == [{"a": "5 %", "b": True}]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM artworks",
        "DELETE FROM artworks RETURNING id",
        "COMMIT; DELETE FROM artworks; SELECT 1 AS one",
        "SELEC 1",
        "SELECT 1/0",
        "SET search_path TO nowhere",
    ],
)
def test_what_it_cannot_do_is_said(command, sample_url: str, query: str) -> None:  # type: ignore[no-untyped-def]
    before = command("sql", COUNT, "--json", database_url=sample_url).json
    refused = command("sql", query, database_url=sample_url)
    assert refused.code == 2
    assert refused.err.startswith("error: ")
    assert "Traceback" not in refused.err
    assert command("sql", COUNT, "--json", database_url=sample_url).json == before
