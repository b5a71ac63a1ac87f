"""`artworks evaluate HEAD` for labels, its report, and two classifiers side by side."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.classifiers import add_classifier
from support.databases import opened, sql
from support.vectors import add_embeddings

from storage.collection import store_images
from storage.errors import ExitCode
from storage.objects import open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"

STYLES = ("baroque", "cubism", "fauvism")
WORKS = 120


@pytest.fixture
def museum(sample, sample_url: str):
    """The command on images of three styles, with a good classifier and a poor one."""
    store = open_store(load_settings().objects_location, create=True)
    rng = np.random.default_rng(3)
    with opened(sample_url) as database:
        sql(database, "TRUNCATE sites, artworks, artists, images, terms, models CASCADE")
        rows = [
            {
                "sha256": f"{number:064x}", "object_key": f"images/{number}",
                "preview_key": f"previews/{number}", "format": "jpeg", "width": 9, "height": 9,
                "bytes": 9, "phash": number,
            }
            for number in range(WORKS)
        ]  # fmt: skip
        with database.begin() as connection:
            ids = store_images(connection, rows)
        style = {ids[row["sha256"]]: at // 4 % 3 for at, row in enumerate(rows)}
        add_embeddings(
            database,
            {one: rng.normal(0, 0.15, 8) + 1.4 * np.eye(8)[at] for one, at in style.items()},
        )
        labels = {one: (STYLES[at],) for one, at in style.items()}
        add_classifier(database, store, labels)
        add_classifier(database, store, labels, version="2", is_default=False, blur=1.5)
    return sample


def test_a_classifier_is_asked_again(museum, sample_url: str, open_folder: Path) -> None:
    found = museum("evaluate", "style")
    assert found.code == 0
    lines = [line.split("\t") for line in found.out.splitlines()]
    assert lines[0] == ["Said by", "Accuracy", "Macro-F1", "mAP", "AUC", "Log loss"]
    assert lines[1][0] == "probe-style/1"
    assert lines[2][0] == "always the commonest"
    assert ["Label", "Images", "Precision", "Recall", "F1", "AP", "AUC"] in lines
    assert "asked again: it says the same of all 30 images that measured it" in found.out
    assert "corrected" not in found.out

    with opened(sample_url) as database:
        sql(
            database,
            "INSERT INTO corrections (image_id, head, label, verdict, author) "
            "SELECT id, 'style', 'rococo', 'yes', 'ada' FROM images WHERE id % 4 = 3 LIMIT 1",
        )
        sql(
            database,
            "DELETE FROM images WHERE id = (SELECT max(id) FROM images WHERE id % 4 = 3)",
        )
    out = open_folder / "pages" / "style.html"
    found = museum("evaluate", "style", "--against", "probe-style/2", "--out", str(out))
    assert found.code == 0
    assert "… now, 29 images" in found.out
    assert "people have changed the labels of 1 image that measured; 1 of these" in found.out
    assert "verdict: probe-style/1 is better beyond chance" in found.out
    assert "1 of the images that measured are stored no more" in found.out
    assert out.read_bytes().startswith(b"<!doctype html>")
    assert museum("evaluate", "style", "--out", str(out)).code == ExitCode.USAGE
    document = museum("evaluate", "style", "--out", str(out), "--force", "--json").json
    assert document["model"] == "probe-style/1"
    assert document["asked_again"]["gone"] == 1
    assert document["corrected"]["unknown"] == 1
    assert document["comparison"] is None
    json.dumps(document, allow_nan=False)


def test_two_are_shown_side_by_side(museum, sample_url: str) -> None:
    found = museum("models", "show", "probe-style/2", "--with", "probe-style/1")
    assert found.code == 0
    lines = [line.split("\t") for line in found.out.splitlines()]
    assert lines[0] == ["", "", "probe-style/2", "probe-style/1"]
    rows = {line[1]: line for line in lines if len(line) == 4}
    assert rows["param method"] == ["", "param method", "probe", "probe"]
    assert rows["metric accuracy"][0] == "≠"
    assert "verdict: probe-style/2 is worse beyond chance" in found.out
    document = museum("models", "show", "probe-style/2", "--with", "probe-style/1", "--json").json
    assert document["second"]["version"] == "1"
    assert "metric accuracy" in document["different"]
    assert document["comparison"]["worse"]

    other = museum("models", "show", "probe-style/1", "--with", "test-network")
    assert other.code == 0
    assert "verdict" not in other.out
    with opened(sample_url) as database:
        sql(
            database,
            "UPDATE models SET params = jsonb_set(params, '{labels}', '\"multi\"') "
            "WHERE name = 'probe-style' AND version = '1'",
        )
    refused = museum("models", "show", "probe-style/1", "--with", "probe-style/2")
    assert refused.code == 0
    assert "not compared: probe-style/1 tells several labels" in refused.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("style", "--k", "5"), "--k is for similarity: leave it away"),
        (("style", "--blind", "x.html"), "--blind is for similarity: leave it away"),
        (("similarity", "--out", "x.html"), "--out is for labels: leave it away"),
        (("style", "--force"), "--force is for --out"),
        (("smell",), 'nothing can be measured for "smell": choose from style, genre,'),
    ],
)
def test_options_of_something_else_are_refused(command, arguments: tuple[str], said: str) -> None:
    refused = command("evaluate", *arguments)
    assert refused.code == ExitCode.USAGE
    assert said in refused.err


def test_what_is_not_there_is_said_in_a_sentence(museum) -> None:
    refused = museum("evaluate", "genre")
    assert refused.code == ExitCode.USAGE
    assert "artworks train genre" in refused.err
    refused = museum("evaluate", "style", "--model", "test-network")
    assert refused.code == ExitCode.USAGE
    assert "is a model of kind embedding, not style" in refused.err
    store = open_store(load_settings().objects_location)
    store.put("models/probe-style/1/classifier.npz", b"x", content_type="text/plain")
    assert museum("evaluate", "style").code == ExitCode.MISMATCH
