"""`artworks train` and `artworks models`: for people, for scripts, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from support.databases import opened, sql

from analysis.colors.features import FEATURE_NAMES
from storage.collection import as_json
from storage.errors import ExitCode
from storage.objects import open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"

CLASSES = ("blue", "green", "red")


def fill(url: str, each: int) -> None:
    """Write works of three colours into the database, with features that tell them apart."""
    rng = np.random.default_rng(4)
    values = rng.normal(size=(each * 3, len(FEATURE_NAMES)))
    values[:, 0] += np.arange(each * 3) % 3 * 40
    rows = [
        {"n": n + 1, "label": CLASSES[n % 3], "values": row.tolist()}
        for n, row in enumerate(values)
    ]
    given = "jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(n bigint, label text, values float8[])"
    with opened(url) as database:
        for statement in (
            "INSERT INTO models (name, version, kind, is_default) "
            "VALUES ('channel-statistics', '1', 'features', true)",
            "INSERT INTO terms (kind, name) SELECT DISTINCT 'color', label FROM {given} ORDER BY 2",
            "INSERT INTO artworks (site, source_id, page_url, title, content_hash) "
            "SELECT 'museum', n::text, 'http://museum.example/' || n, 'Work', n::text FROM {given}",
            "INSERT INTO images (sha256, object_key, preview_key, format, width, height, bytes, "
            "phash) SELECT lpad(n::text, 64, '0'), 'images/' || n, 'previews/' || n, 'jpeg', 9, 9, "
            "9, n FROM {given}",
            "INSERT INTO image_sources (artwork_id, position, url, image_id) "
            "SELECT a.id, 0, a.page_url, i.id FROM artworks a "
            "JOIN images i ON i.sha256 = lpad(a.source_id, 64, '0')",
            "INSERT INTO artwork_terms (artwork_id, term_id, source) SELECT a.id, t.id, 'page' "
            "FROM {given} JOIN artworks a ON a.source_id = n::text JOIN terms t ON t.name = label",
            "INSERT INTO image_features (image_id, model_id, values) SELECT i.id, m.id, r.values "
            "FROM {given} JOIN images i ON i.sha256 = lpad(n::text, 64, '0') CROSS JOIN models m",
            "INSERT INTO image_results (image_id, model_id, state) "
            "SELECT image_id, model_id, 'done' FROM image_features",
        ):
            used = {"rows": as_json(rows)} if "{given}" in statement else {}
            sql(database, statement.replace("{given}", given), **used)


@pytest.fixture
def empty_store(sample) -> None:
    """The folder of objects, with nothing in it."""
    open_store(load_settings().objects_location, create=True)


@pytest.fixture
def labelled(sample, sample_url: str, empty_store):
    """The command on works of three colours."""
    with opened(sample_url) as database:
        sql(database, "TRUNCATE sites, artworks, images, terms, models CASCADE")
    fill(sample_url, each=5)
    return sample


def test_from_nothing_to_labels(labelled, sample_url: str, open_folder: Path) -> None:
    trained = labelled("train", "color", "--folds", "3")
    assert trained.code == 0
    header, *lines = (line.split("\t") for line in trained.out.splitlines() if "\t" in line)
    assert header == ["Classifier", "Accuracy", "Macro-F1"]
    assert {line[0] for line in lines} == {
        "logistic regression",
        "support vector machine",
        "multilayer perceptron",
        "random forest",
        "gradient boosting",
        "fixed classes, untrained",
        "the commonest class, always",
    }
    assert ["the commonest class, always", "0.333", ""] in lines
    assert "15 images of 3 classes, 3 folds × 2, seed 0" in trained.out
    assert "stored: color-class/1, models/color-class/1/model.joblib" in trained.out
    assert "next: artworks analyze color-class" in trained.err
    assert (open_folder / "objects/models/color-class/1/model.joblib").is_file()

    again = labelled("train", "color", "--folds", "3", "--json").json
    assert (again["new"], again["activated"]) == (False, False)
    metrics = again["model"]["metrics"]
    assert metrics["classes"] == list(CLASSES)
    assert set(metrics["models"]) >= {metrics["selected"], "random forest"}
    assert "nothing was trained" in labelled("train", "color", "--folds", "3").err

    [run] = labelled("analyze", "color-class", "--json").json
    assert (run["model"], run["done"]) == ("color-class", 15)
    with opened(sample_url) as database:
        assert sql(database, "SELECT DISTINCT head FROM image_labels") == [("color",)]

    card = labelled("models", "card", "color-class")
    assert card.out.startswith("# color-class 1\n")
    removed = labelled("models", "remove", "color-class/1", "--json")
    assert removed.code == ExitCode.USAGE
    assert "is the default classifier of color" in removed.err
    removed = labelled("models", "remove", "color-class/1", "--force", "--json").json
    assert removed["rows"]["image_labels"] >= 15
    assert len(removed["objects"]) == 2
    assert not (open_folder / "objects/models/color-class/1/model.joblib").exists()


def test_models_are_listed_shown_and_chosen(labelled, sample_url: str) -> None:
    with opened(sample_url) as database:
        sql(
            database,
            "INSERT INTO models (name, version, kind, head, metrics, artifact_key) VALUES "
            "('color-class', '1', 'classifier', 'color', "
            '\'{"accuracy": 0.97123, "classes": ["red"], "confusion": [[1]], '
            '"baselines": {"rules": 0.5}}\', '
            "'models/color-class/1/model.joblib')",
        )
    header, *rows = (line.split("\t") for line in labelled("models", "list").out.splitlines())
    assert header == ["Model", "Version", "Kind", "Head", "Default", "Measure", "Registered"]
    assert [row[:6] for row in rows] == [
        ["color-class", "1", "classifier", "color", "", "accuracy 0.971"],
        ["channel-statistics", "1", "features", "", "default", ""],
    ]
    listed = labelled("models", "list", "--json").json
    assert [one["measure"] for one in listed] == ["accuracy 0.971", ""]
    shown = labelled("models", "show", "color-class").out
    assert "metric baselines: rules 0.5" in shown
    assert "metric confusion: 1 rows (--json shows them)" in shown
    assert labelled("models", "show", "color-class", "--json").json["version"] == "1"
    chosen = labelled("models", "activate", "color-class/1")
    assert "color-class/1 is the classifier of color from now on" in chosen.out
    assert labelled("models", "activate", "color-class", "--json").json["is_default"]
    assert '"accuracy": 0.97123' in labelled("models", "card", "color-class").out


def test_the_page_about_models_tells_the_truth(labelled, sample_url: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    with opened(sample_url) as database:
        sql(
            database,
            "INSERT INTO models (name, version, kind, head, metrics, is_default) VALUES "
            "('color-rules', '1-palette-1', 'classifier', 'color', '{}', false), "
            "('color-class', '1', 'classifier', 'color', '{\"accuracy\": 0.9}', true)",
        )
        sql(
            database,
            "INSERT INTO image_labels (image_id, model_id, head, label, score, accepted) "
            "SELECT i.id, m.id, 'color', 'red', 0.75, true FROM images i, models m "
            "WHERE m.name = 'color-class'",
        )
    first, second = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    assert labelled("sql", first).out.splitlines()[-1].split("\t")[:3] == [
        "color-class",
        "1",
        "0.9",
    ]
    assert labelled("sql", second).out.splitlines()[1:] == ["red\t15\t0.750"]
    commands = re.findall(r"^    artworks (models .*?) +#", page, re.MULTILINE)
    assert len(commands) == 6
    for line in commands:
        assert labelled(*line.split()).code == 0, line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "smell"), 'nothing can be trained for "smell": choose from style, genre, '),
        (("train", "color", "--folds", "2"), "greater than or equal to 3"),
        (("train", "color", "--folds", "8"), "need 8 images"),
        (("models", "show", "nothing"), 'no model "nothing": choose from channel-statistics/1'),
        (("models", "activate", "color-class/7"), 'no model "color-class/7"'),
        (("models", "remove", "channel-statistics"), "which version is to be removed"),
    ],
)
def test_what_is_refused(labelled, arguments: tuple[str, ...], said: str) -> None:
    result = labelled(*arguments)
    assert (result.code, result.out) == (ExitCode.USAGE, "")
    assert said in result.err
    assert result.err.count("\n") == 1


def test_before_there_is_anything(sample, empty_store) -> None:
    assert "no stored work has a term of kind `color`" in sample("train", "color").err
