"""`artworks duplicates`: what looks the same, for scripts and for people."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from support.databases import opened, sql

from storage.errors import ExitCode
from storage.objects import open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"

HASH = 0x5A5A_5A5A_5A5A_5A5A


@pytest.fixture
def alike(sample, sample_url: str):
    """The command on the sample collection, whose two images differ in four bits."""
    with opened(sample_url) as database:
        for number, phash in ((1, HASH), (2, HASH ^ 0b1111)):
            sql(database, "UPDATE images SET phash = :h WHERE id = :id", h=phash, id=number)
    return sample


@pytest.fixture
def pictures(alike) -> None:
    """The objects of the two images."""
    store = open_store(load_settings().objects_location, create=True)
    for number, color in ((1, "#204060"), (2, "#224466")):
        buffer = io.BytesIO()
        Image.new("RGB", (300, 200), color).save(buffer, "JPEG")
        sha256 = f"{number:064x}"
        key = f"images/{sha256[:2]}/{sha256[2:4]}/{sha256}.jpg"
        store.put(key, buffer.getvalue(), content_type="image/jpeg")


def test_for_scripts(alike, sample_url: str) -> None:
    found = alike("duplicates", "--json").json
    assert (found["radius"], found["groups_total"], found["images_total"]) == (6, 1, 2)
    assert (found["run"]["images"], found["run"]["details"]) == (2, {"pairs": 1, "flat": 0})
    [group] = found["groups"]
    assert [image["distance"] for image in group["images"]] == [0, 4]
    first, second = group["images"]
    assert {(work["site"], work["source_id"]) for work in first["works"]} == {
        ("alpha", "2"),
        ("beta", "7"),
    }
    assert second["works"][0]["page_url"] == "http://alpha.example/work/2"
    again = alike("duplicates", "--json").json
    assert again["run"]["images"] == 0
    assert again["groups"] == found["groups"]
    assert alike("duplicates", "--redo", "--json").json["run"]["images"] == 2
    assert alike("duplicates", "--radius", "3", "--json").json["groups"] == []
    assert alike("duplicates", "--radius", "12", "--json").json["groups_total"] == 1
    assert alike("duplicates", "--site", "beta", "--json").json["groups_total"] == 1
    with_limit = alike("duplicates", "--limit", "1")
    assert "more groups" not in with_limit.err
    with opened(sample_url) as database:
        assert sql(database, "SELECT DISTINCT kind, distance FROM image_duplicates") == [
            ("near", 4)
        ]


def test_for_people(alike, monkeypatch: pytest.MonkeyPatch) -> None:
    result = alike("duplicates")
    header, *lines = (line.split("\t") for line in result.out.splitlines())
    assert header == ["Group", "Bits", "Title", "Artist", "Site", "Size", "Page"]
    assert [line[:2] + line[4:] for line in lines] == [
        ["1", "0", "alpha", "640 × 480", "http://alpha.example/work/2"],
        ["1", "0", "beta", "640 × 480", "http://beta.example/work/7"],
        ["1", "4", "alpha", "640 × 480", "http://alpha.example/work/2"],
    ]
    assert "looked at 2 new images" in result.err
    assert "looked at" not in alike("duplicates").err

    monkeypatch.setattr("cli.console.on_terminal", lambda: True)
    monkeypatch.setattr("cli.duplicates.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "140")
    result = alike("duplicates")
    for word in ("Images that look the same", "Ann Example", "http://beta.example/work/7"):
        assert word in result.out
    assert "2 images in 1 group;" in result.err


def test_nothing_is_alike(sample) -> None:
    result = sample("duplicates")
    assert (result.code, result.out) == (0, "")
    assert "no two images are within 6 bits of 64" in result.err
    assert "2 of them too flat to compare" in result.err
    assert sample("duplicates", "--json").json["groups"] == []
    assert sample("duplicates", "--out", "sheet.png").code == 0
    assert not Path("sheet.png").exists()


@pytest.mark.usefixtures("pictures")
def test_a_sheet(alike) -> None:
    result = alike("duplicates", "--out", "new/sheet.png")
    assert result.code == 0, result.err
    assert "1 group → new/sheet.png" in result.err
    with Image.open("new/sheet.png") as sheet:
        assert (sheet.format, sheet.width) == ("PNG", 2000)
    refused = alike("duplicates", "--out", "new/sheet.png")
    assert refused.code == ExitCode.USAGE
    assert "exists already: add --force to replace it" in refused.err
    assert alike("duplicates", "--out", "new/sheet.png", "--force").code == 0


@pytest.mark.usefixtures("pictures")
def test_wrong_usage(alike) -> None:
    for arguments, said in {
        ("--radius", "13"): "--radius",
        ("--limit", "0"): "--limit",
        ("--force",): "--force is for --out",
        ("--site", "gamma"): "crawled so far: alpha, beta",
        ("--out", "/proc/none/sheet.png"): "cannot write /proc/none/sheet.png",
    }.items():
        result = alike("duplicates", *arguments)
        assert result.code == ExitCode.USAGE, arguments
        assert said in result.err
