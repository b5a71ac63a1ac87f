"""`artworks label`: what is said of a picture, corrections, and the queue."""

from __future__ import annotations

import getpass
import io

import numpy as np
import pytest
from PIL import Image
from support.databases import opened, sql
from support.hung import hang_works
from support.labellers import add_labeller
from support.vectors import add_embeddings

from storage.errors import ExitCode
from storage.objects import open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"

VECTORS = ((1, 0, 0), (0.72, 0.69, 0), (0, 1, 0), (0.2, 0.9, 0.38))
"""The second is nearly as much of the first style as of the second one."""


@pytest.fixture
def hung(sample, sample_url: str):
    """The command on four embedded works, a classifier of style that has told them, and one of
    colours."""
    store = open_store(load_settings().objects_location, create=True)
    with opened(sample_url) as database:
        ids = hang_works(database, len(VECTORS))
        add_embeddings(database, dict(zip(ids, VECTORS, strict=True)))
        add_labeller(database, store, "style", ("cubism", "baroque", "rococo"))
        sql(
            database,
            "UPDATE images SET preview_key = 'previews/512/' || id || '.jpg' WHERE id = ANY(:ids)",
            ids=ids,
        )
    for image in ids:
        buffer = io.BytesIO()
        Image.new("RGB", (90, 60), (200, 20 + image, 30)).save(buffer, "JPEG")
        store.put(f"previews/512/{image}.jpg", buffer.getvalue(), content_type="image/jpeg")
    assert sample("analyze", "labels").code == 0
    return lambda *arguments: sample("label", *arguments), [f"museum/{one}" for one in ids]


def said(result) -> dict[str, tuple[str, str]]:
    """Label to whether it counts and who says so."""
    lines = [line.split("\t") for line in result.out.splitlines()[1:]]
    return {line[1]: (line[3], line[4]) for line in lines}


def test_telling_and_correcting(hung, monkeypatch: pytest.MonkeyPatch) -> None:
    label, (first, *_) = hung
    told = label(first)
    assert told.code == 0, told.err
    assert told.out.splitlines()[0] == "Head\tLabel\tScore\tAccepted\tSays\tNote"
    assert said(told) == {"cubism": ("yes", "probe-style/1")}

    corrected = label(first, "--yes", "style= Barok", "--no", "genre=portrait", "--author", "Ada")
    assert corrected.code == 0, corrected.err
    assert 'the style "barok" is new' in corrected.err
    assert "spelled like it: baroque" in corrected.err
    assert "recorded: style=barok yes, says Ada" in corrected.err
    assert said(corrected) == {
        "barok": ("yes, by a person", "Ada"),
        "cubism": ("", "probe-style/1"),
        "portrait": ("no, by a person", "Ada"),
    }
    again = label(first, "--yes", "style=baroque", "--json").json
    assert [(one["label"], one["verdict"]) for one in again["recorded"]] == [
        ("barok", "no"),
        ("baroque", "yes"),
    ]
    assert {one["author"] for one in again["recorded"]} == {getpass.getuser()}
    assert again["image"]["said"] == first
    [style] = again["heads"]
    assert (style["head"], style["said"][0]["label"]) == ("style", "baroque")
    monkeypatch.setattr("cli.console.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    assert "yes, by a person" in label(first, "--head", "style").out


def test_a_file_is_told_and_not_corrected(hung, sample, monkeypatch: pytest.MonkeyPatch) -> None:
    label, _ = hung
    Image.fromarray(np.full((64, 64, 3), (190, 20, 20), np.uint8)).save("red.png")
    untold = label("red.png", "--head", "color")
    assert untold.code == ExitCode.USAGE
    assert "run `artworks analyze colors color-class` first" in untold.err
    sample("analyze", "colors", "color-class")
    told = label("red.png", "--head", "color", "--json").json
    assert told["image"] == {"said": "red.png"}
    assert told["heads"][0]["said"][0]["label"] == "red"
    refused = label("red.png", "--yes", "color=red")
    assert refused.code == ExitCode.USAGE
    assert "red.png is a file, and people correct stored pictures" in refused.err


def test_the_queue(hung, monkeypatch: pytest.MonkeyPatch) -> None:
    label, (_, second, *_) = hung
    result = label("--queue", "--limit", "3")
    assert result.code == 0, result.err
    header, line, *rest = result.out.splitlines()
    assert header == "Image\tWork\tTitle\tHead\tIn doubt\tMargin\tSays\tPage"
    assert len(rest) == 2
    image, work, title, head, about, _, line_said, page = line.split("\t")
    assert (work, head, about) == (second, "style", "cubism or baroque")
    assert (title, page) == (image, f"https://museum.example/{image}")
    assert line_said.startswith("cubism* 0.5")
    drawn = label("--queue", "--sheet", "new/queue.png", "--json")
    assert drawn.code == 0, drawn.err
    assert len(drawn.json["queue"]) == 4
    assert "4 images → new/queue.png" in drawn.err
    with Image.open("new/queue.png") as sheet:
        assert (sheet.format, sheet.width) == ("PNG", 2000)
    # What a person has said is not asked again.
    label(second, "--yes", "style=cubism")
    left = label("--queue", "--head", "style", "--json").json["queue"]
    assert len(left) == 3
    assert second not in {f"museum/{one['works'][0]['source_id']}" for one in left}
    nothing = label("--queue", "--head", "style", "--site", "alpha")
    assert (nothing.code, nothing.out) == (0, "")
    assert "nothing is left to look at" in nothing.err
    monkeypatch.setattr("cli.console.on_terminal", lambda: True)
    monkeypatch.setattr("cli.label.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    assert "least sure first" in label("--queue").err


def test_what_is_refused(hung) -> None:
    label, (first, *_) = hung
    for arguments, message in {
        (): "label what?",
        ("nowhere/1",): "is not in the collection",
        ("nothing.jpg",): "or the path of a file",
        (first, "--yes", "style"): "write HEAD=LABEL",
        (first, "--yes", "shape=round"): "choose from style",
        (first, "--yes", "style=a", "--no", "style=A"): "said to be so and not so",
        (first, "--yes", "style=a", "--yes", "style=b"): "an image has one style, and 2 are said",
        (first, "--author", "Ada"): "--author is for --yes and --no",
        (first, "--limit", "3", "--site", "museum"): "--limit and --site are for --queue",
        (first, "--force"): "--force is for --queue",
        (first, "--queue"): "leave IMAGE",
        (first, "--head", "genre"): "artworks train genre",
        ("--queue", "--head", "genre"): "run `artworks train genre`",
        ("--queue", "--force"): "--force is for --sheet",
        ("--queue", "--limit", "0"): "--limit",
        ("--queue", "--sheet", "/proc/none/queue.png"): "cannot write /proc/none/queue.png",
    }.items():
        result = label(*arguments)
        assert result.code == ExitCode.USAGE, arguments
        assert message in result.err, arguments
    # Nothing was recorded on the way.
    assert label(first, "--head", "style", "--json").json["heads"][0]["said"][0]["score"] < 1
