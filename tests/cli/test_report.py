"""`artworks report`: pictures in the object store, and in files."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pytest
from PIL import Image
from support.databases import opened, sql

from storage.errors import ExitCode
from storage.objects import ObjectStore, open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"

OF_COLORS = {"work", "palette-wall", "color-time", "color-distribution", "color-classes", "colors"}
OF_LIKENESS = {"similar", "clusters", "map", "influence", "outliers"}
KINDS = OF_COLORS | OF_LIKENESS | {"augmentation", "classifier", "labels"}


@pytest.fixture
def objects(sample) -> ObjectStore:
    """The store of the sample collection, with the picture of the image that has a palette."""
    store = open_store(load_settings().objects_location, create=True)
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), "#ff0000").save(buffer, "JPEG")
    sha256 = f"{1:064x}"
    key = f"images/{sha256[:2]}/{sha256[2:4]}/{sha256}.jpg"
    store.put(key, buffer.getvalue(), content_type="image/jpeg")
    return store


@pytest.fixture
def report(sample, objects: ObjectStore):
    return lambda *arguments, **environment: sample("report", *arguments, **environment)


def test_a_picture_is_stored_and_written(report, objects: ObjectStore) -> None:
    result = report("work", "alpha/2", "--out", "new/work.png", "--json")
    assert result.code == 0, result.err
    assert "1 picture → new/work.png" in result.err
    document = result.json
    (picture,) = document["pictures"]
    assert picture["key"] == f"reports/work/{document['run']}/work.png"
    png = objects.get(picture["key"])
    assert Path("new/work.png").read_bytes() == png
    assert picture["sha256"] == hashlib.sha256(png).hexdigest()
    assert json.loads(objects.get(f"reports/work/{document['run']}/report.json")) == document
    assert document["query"]["work"] == "alpha/2"
    assert document["models"] == ["palette-test 1"]
    assert document["images"] == [f"{1:064x}"]

    refused = report("work", "alpha/2", "--out", "new/work.png")
    assert refused.code == ExitCode.USAGE
    assert "exists already: add --force to replace it" in refused.err
    assert len(report("--list", "--json").json["reports"]) == 1
    assert report("work", f"{1:064x}", "--out", "new/work.png", "--force").code == 0
    assert report("work", "new/work.png").code == 0


def test_all_that_the_collection_allows(report) -> None:
    result = report("colors", "--out", "pictures")
    assert result.code == 0, result.err
    header, *lines = (line.split("\t") for line in result.out.splitlines())
    assert header == ["Picture", "Pixels", "Size", "Key"]
    names = [
        "work",
        "palette-wall",
        "color-time",
        "color-distribution-category",
        "color-distribution-style",
    ]
    assert [line[0] for line in lines] == names
    assert {path.name for path in Path("pictures").iterdir()} == {f"{name}.png" for name in names}
    assert "no color-classes: no classifier of colours was trained yet" in result.err
    assert "5 pictures → pictures" in result.err
    for path in Path("pictures").iterdir():
        with Image.open(path) as image:
            assert image.format == "PNG"
    refused = report("colors", "--out", "pictures/all.png")
    assert refused.code == ExitCode.USAGE
    assert "has 5 pictures, and pictures/all.png is one file: name a folder" in refused.err
    assert "add --force" in report("colors", "--out", "pictures").err
    assert report("colors", "--out", "pictures/work.png/x").code == ExitCode.USAGE


def test_filters_and_settings_are_told(report) -> None:
    wall = report("palette-wall", "--term", "category=prints", "--sort", "lightness", "--json").json
    assert wall["query"]["terms"] == ["category=prints"]
    assert wall["counts"] == {"works": 2, "palettes": 2, "shown": 2}
    assert wall["settings"] == {"sort": "lightness"}
    assert wall["images"] == [f"{1:064x}"]
    one = report("palette-wall", "--site", "beta", "--json").json
    assert one["counts"]["works"] == 1
    time = report("color-time", "--from", "1800", "--step", "50", "--json").json
    assert (time["settings"], time["counts"]["dated"]) == ({"step": 50}, 1)
    by_site = report("color-distribution", "--by", "site", "--json").json
    assert [picture["name"] for picture in by_site["pictures"]] == ["color-distribution-site"]
    assert by_site["counts"]["groups_site"] == 2


def test_the_list(report, sample, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = report("--list")
    assert (empty.code, empty.out.splitlines()[0]) == (0, "Kind\tShows\tOptions")
    assert "no report is stored yet" in empty.err
    assert set(report("--list", "--json").json["kinds"]) == KINDS
    report("palette-wall")
    (listed,) = report("--list", "--json").json["reports"]
    assert (listed["kind"], len(listed["keys"])) == ("palette-wall", 1)
    lines = report("--list").out.splitlines()
    assert f"reports/palette-wall/{listed['run']}/" in lines[-1]

    monkeypatch.setattr("cli.console.on_terminal", lambda: True)
    monkeypatch.setattr("cli.report.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "140")
    shown = report("--list").out
    for word in ("Kinds of reports", "Stored reports", listed["run"], "--term", "KB"):
        assert word in shown


def test_every_kind_is_described() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
    for kind in KINDS:
        assert f"| `{kind}` |" in page


def test_wrong_usage(report, sample_url: str) -> None:
    for arguments, said in {
        (): "which report? Choose from work, palette-wall",
        ("walls",): 'there is no report "walls": choose from work',
        ("work",): "which work? Add SITE/SOURCE_ID",
        ("work", "alpha/none"): '"alpha/none" is no work, no stored image and no file',
        ("work", "alpha/1"): "no picture of it is shown",
        ("palette-wall", "alpha/2"): "takes --from, --site, --sort, --term, --to: leave WORK away",
        ("color-classes", "--site", "beta"): "takes no options: leave --site away",
        ("color-classes",): "run `artworks train color`",
        ("palette-wall", "--sort", "size"): "choose from hue, lightness, year",
        ("palette-wall", "--site", "gamma"): "known: alpha, beta",
        ("palette-wall", "--term", "prints"): "write KIND=NAME, as in category=landscapes",
        ("palette-wall", "--term", "category=print"): "known: Sunsets, prints",
        ("color-distribution", "--by", "size"): "choose category, style",
        ("color-distribution", "--by", "genre"): "choose another kind with --by",
        ("color-time", "--step", "0"): "--step",
        ("color-time", "--from", "2000"): "ask for fewer terms or more years",
        ("colors", "--list"): "--list goes with --json only",
        ("colors", "--force"): "--force is for --out",
        ("work", "alpha/2", "--out", "/proc/none/a.png"): "cannot write /proc/none/a.png",
    }.items():
        result = report(*arguments)
        assert result.code == ExitCode.USAGE, (arguments, result.out)
        assert said in result.err, arguments
    Path("text.png").write_text("no picture")
    assert "text.png is no image that can be read" in report("work", "text.png").err
    with opened(sample_url) as database:
        sql(database, "DELETE FROM image_colors")
    for kind in sorted(OF_COLORS - {"work", "color-classes"}):
        result = report(kind)
        assert result.code == ExitCode.USAGE
        assert "run `artworks analyze colors`" in result.err, kind
    for kind in sorted(OF_LIKENESS):
        result = report(kind, *(["alpha/2"] if kind == "similar" else []))
        assert result.code == ExitCode.USAGE
        assert "artworks analyze" in result.err, kind
