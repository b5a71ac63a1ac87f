"""What the commands print, for scripts and for people."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import SecretStr
from sqlalchemy import create_engine, text
from support.crawls import REPOSITORY
from support.samples import AWKWARD_TITLE, fill

from storage.database import Database
from storage.errors import ExitCode
from storage.objects import open_store
from storage.settings import StorageSettings, load_settings

# mypy: disable-error-code="no-untyped-def"

STATUS_KEYS = {
    "artworks",
    "images",
    "image_bytes",
    "artists",
    "pages",
    "failures",
    "results",
    "digest",
    "categories",
    "runs",
    "schema",
    "home",
}


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """Run the command on a terminal of 120 columns; return what it shows."""
    expected = int(environment.pop("expect", "0"))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from cli.main import main; main()", *arguments],
        cwd=environment.pop("cwd", REPOSITORY),
        env=os.environ
        | {"COLUMNS": "120", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        | environment,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait() == expected, shown.decode()
    return shown.decode()


def test_init_makes_tables_and_folder_and_may_be_repeated(command, database_url: str) -> None:
    first = command("init", "--json", database_url=database_url).json
    assert first["migrated"] is True
    assert Path(first["objects"].removeprefix("file://")).is_dir()
    second = command("init", "--json", database_url=database_url).json
    assert second == first | {"migrated": False}
    plain = command("init", database_url=database_url)
    assert plain.code == 0
    assert f"schema: {first['schema']} (kept)" in plain.out


def test_init_hides_secrets(command, database_url: str, s3_url: str) -> None:
    result = command("init", database_url=database_url, objects_url=s3_url)
    assert result.code == 0, result.err
    secret = s3_url.split("@")[0].split(":")[-1]
    assert secret not in result.out + result.err
    assert ":***@" in result.out


def test_the_embedded_database_is_made_by_init_alone(command) -> None:
    made = command("init", "--json").json
    assert made["embedded"] is True
    assert command("status", "--json").json["artworks"] == 0


def test_status_keeps_its_contract(sample) -> None:
    status = sample("status", "--json").json
    assert set(status) >= STATUS_KEYS
    assert status["artworks"] == 4
    assert status["pages"]["failed"] == 3
    assert status["failures"]["not_found"] == 2
    assert status["results"]["image_colors"] == 2
    assert len(status["digest"]) == 64
    assert sample("status", "--json", "--site", "beta").json["artworks"] == 1


def test_status_in_plain_lines(sample) -> None:
    lines = dict(line.split(": ", 1) for line in sample("status").out.splitlines())
    assert lines["artworks"] == "4"
    assert lines["failures not_found"] == "2"
    assert lines["pages done"] == "2"
    assert len(lines["digest"]) == 64


def test_status_of_a_site_that_was_not_crawled(sample) -> None:
    result = sample("status", "--site", "gamma")
    assert result.code == ExitCode.USAGE
    assert "alpha, beta" in result.err


def test_status_on_a_terminal(sample_url: str, open_folder: Path) -> None:
    shown = on_a_terminal(
        "status", ARTWORKS_DATABASE_URL=sample_url, ARTWORKS_HOME=str(open_folder)
    )
    for word in ("artworks", "Categories", "Sunsets", "Pages", "Failures", "not_found", "#1"):
        assert word in shown


def test_csv_round_trip(sample) -> None:
    result = sample("export", "works.csv", "--site", "alpha")
    assert (result.code, result.out) == (0, "")
    with Path("works.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["source_id"] for row in rows] == ["1", "10", "2"]
    assert rows[2]["title"] == AWKWARD_TITLE


def test_jsonl_to_stdout_is_nothing_but_jsonl(sample) -> None:
    result = sample("export", "-", "--category", "prints")
    assert [json.loads(line)["source_id"] for line in result.out.splitlines()] == ["1", "2", "7"]
    as_csv = sample("export", "-", "--format", "csv")
    assert len(list(csv.reader(io.StringIO(as_csv.out)))) == 5


def test_export_replaces_only_with_force(sample) -> None:
    Path("works.jsonl").write_text("mine")
    refused = sample("export", "works.jsonl")
    assert refused.code == ExitCode.USAGE
    assert "--force" in refused.err
    assert Path("works.jsonl").read_text() == "mine"
    assert sample("export", "works.jsonl", "--force").code == 0
    assert len(Path("works.jsonl").read_text().splitlines()) == 4


def test_export_does_not_depend_on_the_locale(sample_url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from cli.main import main; main()", "export", "-"],
        cwd=REPOSITORY,
        env=os.environ | {"ARTWORKS_DATABASE_URL": sample_url, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    titles = [json.loads(line)["title"] for line in done.stdout.decode().splitlines()]
    assert AWKWARD_TITLE in titles


def test_failures_are_explained(sample) -> None:
    found = sample("failures", "--json").json
    assert found["total"] == 5
    first = found["reasons"][0]
    assert (first["reason"], first["count"], first["sites"]) == ("not_found", 2, {"alpha": 2})
    assert first["meaning"] == "The server answered 404."
    assert len(found["failures"]) == 5
    assert len(sample("failures", "--json", "--limit", "2").json["failures"]) == 2
    assert sample("failures", "--json", "--all").json["total"] == 6
    assert sample("failures", "--json", "--site", "beta").json["total"] == 1
    plain = sample("failures").out.splitlines()
    assert plain[0].split("\t")[:3] == ["Reason", "Site", "URL"]
    assert len(plain) == 6


def test_failures_on_a_terminal(sample_url: str, open_folder: Path) -> None:
    shown = on_a_terminal(
        "failures", ARTWORKS_DATABASE_URL=sample_url, ARTWORKS_HOME=str(open_folder)
    )
    assert "The server answered 404." in shown
    assert "renderer_unavailable" in shown


def test_retrying_failures_says_how_many_and_what_to_run(sample, sample_url: str) -> None:
    result = sample("failures", "--retry", "--json")
    assert result.json == {
        "dry_run": False,
        "retried": 4,
        "sites": {"alpha": 3, "beta": 1},
        "analyses": 0,
        "commands": ["scrapy crawl artworks -a site=alpha", "scrapy crawl artworks -a site=beta"],
    }
    with create_engine(sample_url).connect() as connection:
        states = connection.execute(text("SELECT state, count(*) AS rows FROM frontier GROUP BY 1"))
        assert {row.state: row.rows for row in states} == {"pending": 4, "skipped": 1, "done": 3}
    again = sample("failures", "--retry")
    assert (again.code, "0" in again.out) == (0, True)
    assert sample("failures", "--json").json["total"] == 5


def test_sites_are_listed_without_a_database(command) -> None:
    result = command("sites", "--json")
    assert result.code == 0
    found = {site["name"]: site for site in result.json}
    assert found["demo"]["error"] is None
    assert found["demo"]["artworks"] is None
    unreachable = command("sites", "--json", database_url="postgresql://x@127.0.0.1:1/x")
    assert unreachable.code == 0
    assert unreachable.json == result.json
    assert "without counts" in unreachable.err


def test_a_broken_profile_is_shown_with_its_error(command) -> None:
    Path("sites").mkdir()
    Path("sites/broken.toml").write_text('base_url = "http://x.example"\n[listing]\nartwork = 1\n')
    result = command("sites", "--json")
    assert result.code == 0
    [broken] = [site for site in result.json if site["name"] == "broken"]
    assert "broken.toml" in broken["error"]
    assert "✗" in command("sites").out
    alone = command("sites", "broken")
    assert alone.code == ExitCode.USAGE
    assert "broken.toml" in alone.err
    assert alone.err.count("\n") == 1


def test_sites_show_their_counts(sample) -> None:
    Path("sites").mkdir()
    profile = (
        '[categories]\na = "http://alpha.example/"\n[listing]\nartworks = "css:a"\n'
        '[artwork]\ntitle = "css:h1"\nimages = "css:img"\n'
    )
    Path("sites/alpha.toml").write_text(profile)
    [alpha] = [site for site in sample("sites", "--json").json if site["name"] == "alpha"]
    assert alpha["artworks"] == 3
    assert alpha["completed_at"]


def test_a_site_in_detail(command) -> None:
    result = command("sites", "demo")
    assert result.code == 0
    assert "crawl it: scrapy crawl artworks -a site=demo" in result.out
    assert command("sites", "demo", "--json").json["name"] == "demo"


def picture(path: Path) -> Path:
    image = Image.new("RGB", (100, 100), "#ff0000")
    image.paste("#0000ff", (0, 0, 25, 100))
    image.save(path)
    return path


def test_colors_of_a_file(command, open_folder: Path) -> None:
    path = picture(open_folder / "red and blue.png")
    palette = command("colors", str(path), "--json").json["palette"]
    assert [color["hex"] for color in palette] == ["#ff0000", "#0000ff"]
    assert palette[0]["fraction"] == pytest.approx(0.75, abs=0.01)
    plain = command("colors", path.name).out.splitlines()
    assert plain == ["#ff0000: 0.7500 red", "#0000ff: 0.2500 blue"]
    assert len(command("colors", path.name, "--k", "1", "--json").json["palette"]) == 1
    assert list(open_folder.iterdir()) == [path]


def test_colors_of_a_file_on_a_terminal(open_folder: Path) -> None:
    path = picture(open_folder / "p.png")
    shown = on_a_terminal("colors", str(path))
    assert "48;2;255;0;0" in shown
    assert "75.0%" in shown


def test_colors_of_stored_images(command, database_url: str, open_folder: Path) -> None:
    settings: dict[str, Any] = {"database_url": database_url}
    assert command("init", **settings).code == 0
    with (
        Database.open(StorageSettings(database_url=SecretStr(database_url))) as database,
        database.begin() as connection,
    ):
        fill(connection)
        keys = connection.execute(text("SELECT object_key FROM images ORDER BY 1")).scalars().all()
    store = open_store(load_settings().objects_location)
    store.put(keys[0], picture(open_folder / "p.png").read_bytes(), content_type="image/png")
    [summary] = command("colors", "--json", **settings).json
    assert (summary["done"], summary["failed"]) == (1, 1)
    again = command("colors", **settings)
    assert "\t0\t" in again.out
    [redone] = command("analyze", "colors", "--redo", "--limit", "1", "--json", **settings).json
    assert redone["done"] + redone["failed"] == 1


def test_services_that_do_not_run(command) -> None:
    found = {one["name"]: one for one in command("services", "status", "--json").json}
    assert set(found) == {"splash", "s3", "chromium"}
    assert found["s3"]["state"] in ("down", "unavailable")
    assert command("services", "status", "s3").code == ExitCode.UNREACHABLE
    assert command("services", "down", "--json").json == {"stopped": []}


def test_verify_on_a_terminal(sample_url: str, open_folder: Path) -> None:
    open_store((open_folder / "objects").as_uri(), create=True)
    shown = on_a_terminal(
        "verify",
        "--repair",
        ARTWORKS_DATABASE_URL=sample_url,
        ARTWORKS_HOME=str(open_folder),
        expect="5",
    )
    for word in ("Findings by code", "object_missing", "no address", "left"):
        assert word in shown
