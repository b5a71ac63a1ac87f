"""`artworks evaluate` and `artworks train similarity`: for people, for scripts, and refusals."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.databases import opened, sql
from support.vectors import add_embeddings

from analysis.embeddings.stored import Vectors
from analysis.evaluation.relevance import Labels
from analysis.similarity.learned import training
from analysis.similarity.learned.fitting import Fit, Recipe
from analysis.similarity.learned.projection import Projection
from storage.collection import as_json
from storage.errors import ExitCode
from storage.objects import open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"

WORKS = 72
STYLES = ("baroque", "cubism", "fauvism")


def fill(url: str) -> None:
    """Write works of three styles by twelve artists into the database, and their vectors."""
    rng = np.random.default_rng(4)
    rows = [
        {"n": n + 1, "style": STYLES[n % 3], "artist": f"Artist {n // 3 % 12}"}
        for n in range(WORKS)
    ]
    given = "jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(n bigint, style text, artist text)"
    with opened(url) as database:
        for statement in (
            "INSERT INTO terms (kind, name) SELECT DISTINCT 'style', style FROM {given}",
            "INSERT INTO artists (name, name_key) SELECT DISTINCT artist, lower(artist) "
            "FROM {given}",
            "INSERT INTO artworks (site, source_id, page_url, title, content_hash) "
            "SELECT 'museum', n::text, 'http://museum.example/' || n, 'Work', n::text FROM {given}",
            "INSERT INTO images (sha256, object_key, preview_key, format, width, height, bytes, "
            "phash) SELECT lpad(n::text, 64, '0'), 'images/' || n, 'previews/' || n, 'jpeg', 9, 9, "
            "9, n FROM {given}",
            "INSERT INTO image_sources (artwork_id, position, url, image_id) "
            "SELECT a.id, 0, a.page_url, i.id FROM artworks a "
            "JOIN images i ON i.sha256 = lpad(a.source_id, 64, '0')",
            "INSERT INTO artwork_terms (artwork_id, term_id, source) SELECT a.id, t.id, 'page' "
            "FROM {given} JOIN artworks a ON a.source_id = n::text JOIN terms t ON t.name = style",
            "INSERT INTO artwork_artists (artwork_id, artist_id, role, position) "
            "SELECT a.id, m.id, 'artist', 0 FROM {given} "
            "JOIN artworks a ON a.source_id = n::text JOIN artists m ON m.name = artist",
        ):
            used = {"rows": as_json(rows)} if "{given}" in statement else {}
            sql(database, statement.replace("{given}", given), **used)
        images = sql(database, "SELECT id, sha256 FROM images")
        vectors = {}
        for image in images:
            vector = rng.normal(0, 1.0, 12)
            vector[(int(image.sha256) - 1) % 3] += 2.0
            vectors[image.id] = vector
        add_embeddings(database, vectors)


@pytest.fixture
def museum(sample, sample_url: str):
    """The command on works of three styles that are embedded."""
    with opened(sample_url) as database:
        sql(database, "TRUNCATE sites, artworks, artists, images, terms, models CASCADE")
    fill(sample_url)
    store = open_store(load_settings().objects_location, create=True)
    for number in range(1, WORKS + 1):
        buffer = io.BytesIO()
        Image.new("RGB", (30, 20), (number * 3, 90, 120)).save(buffer, "JPEG")
        store.put(f"previews/{number}", buffer.getvalue(), content_type="image/jpeg")
    return sample


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fitting that needs no TensorFlow: the numbers that tell the style are taken."""

    def fit(recipe: Recipe, train: tuple[Labels, Vectors], *_: Any, **__: Any) -> Fit:
        kernel = np.zeros((train[1].shape[1], recipe.dimensions), np.float32)
        kernel[(0, 1, 2), (0, 1, 2)] = 1
        layer = (kernel,), (np.zeros(recipe.dimensions, np.float32),)
        return Fit(Projection(*layer, recipe.keep), epochs=1, validation=(0.9,))

    monkeypatch.setattr(training, "fit_projection", fit)


def test_by_terms(museum) -> None:
    found = museum("evaluate", "similarity", "--k", "5")
    assert found.code == 0
    header, *rows = (line.split("\t") for line in found.out.splitlines() if "\t" in line)
    assert header == ["Ranked by", "precision@5", "recall@5", "MAP", "NDCG@5", "… style alone"]
    assert [row[0] for row in rows] == ["test-network/1", "perceptual hash alone", "chance"]
    assert " ± " in rows[0][1]
    assert "asked: 72 works among 72, seed 0" in found.out
    assert "not known: colour alone: run `artworks analyze features`" in found.out
    document = museum("evaluate", "similarity", "--terms", "style", "--json").json["terms"]
    measures = document["measures"]
    assert measures["test-network/1"]["ndcg"]["mean"] > measures["chance"]["ndcg"]["mean"]
    assert document["differences"] == {}

    page = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    [query] = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    [row] = museum("sql", query).out.splitlines()[1:]
    assert row.split("\t")[:3] == ["test-network", "1", "10"]
    assert float(row.split("\t")[3]) == pytest.approx(measures["test-network/1"]["ndcg"]["mean"])


def test_trained_applied_and_compared(museum, fitted, open_folder: Path) -> None:
    trained = museum("train", "similarity", "--terms", "style")
    assert trained.code == 0
    header, *rows = (line.split("\t") for line in trained.out.splitlines() if "\t" in line)
    assert header == ["Measure", "Projection", "Embedding", "Difference", "Chance"]
    assert rows[0][0] == "NDCG@10"
    assert "reads: test-network/1" in trained.out
    assert "works by one artist" in trained.out
    assert "stored: projection-test-network/1, models/projection-test-network/1/" in trained.out
    assert "next: artworks analyze projection" in trained.err
    again = museum("train", "similarity", "--terms", "style")
    assert "nothing was trained (see --force)" in again.err
    assert museum("train", "similarity", "--terms", "style", "--json").json["new"] is False
    card = museum("models", "card", "projection-test-network").out
    assert "Brings works nearer together that share style." in card

    [run] = museum("analyze", "projection", "--json").json
    assert (run["model"], run["done"]) == ("projection-test-network", WORKS)
    found = museum("evaluate", "similarity", "--terms", "style")
    assert "Measure\tDifference\tfrom\tto" in found.out
    assert "that a projection has learned from" in found.out

    page = open_folder / "study.html"
    written = museum("evaluate", "similarity", "--blind", str(page), "--questions", "3", "--json")
    assert set(written.json) == {"blind"}
    key = json.loads((open_folder / "study.key.json").read_text())
    assert key["models"] == ["projection-test-network/1", "test-network/1"]
    refused = museum("evaluate", "similarity", "--blind", str(page))
    assert (refused.code, refused.err.count("\n")) == (ExitCode.USAGE, 1)
    assert museum("evaluate", "similarity", "--blind", str(page), "--force").code == 0
    key = json.loads((open_folder / "study.key.json").read_text())
    chosen = dict.fromkeys(key["questions"], "A")
    (open_folder / "one.json").write_text(json.dumps({"sheet": key["sheet"], "answers": chosen}))
    files = ("--answers", "one.json", "--key", "study.key.json")
    scored = museum("evaluate", "similarity", *files, "--json").json["blind_score"]
    assert sum(scored["votes"]) == len(key["questions"])
    told = museum("evaluate", "similarity", *files)
    assert "by 1 person" in told.out
    assert "sign test: p = " in told.out


REFUSED = (
    (("evaluate", "color"), 'nothing can be measured for "color": choose from style, genre,'),
    (("evaluate", "similarity", "--terms", "x"), "there is no kind of term x: choose from"),
    (("evaluate", "similarity", "--key", "k.json"), "--answers and --key belong together"),
    (("evaluate", "similarity", "--force"), "--force is for --blind"),
    (("evaluate", "similarity", "--blind", "a.html"), "name them with --against"),
    (("evaluate", "similarity", "--model", "none"), 'there is no model "none"'),
    (("evaluate", "similarity", "--self-retrieval", "2"), "test-network/1 cannot be had"),
    (("train", "similarity", "--folds", "5"), "--folds is for"),
    (("train", "similarity", "--keep", "1"), "--keep 1.0 cannot be: give 0 to 1"),
    (("train", "color", "--terms", "style"), "--terms is for `artworks train similarity`"),
    (("train", "similarity", "--terms", "genre"), "--terms from style (72 works)"),
)


def test_what_is_refused(museum) -> None:
    for arguments, said in REFUSED:
        result = museum(*arguments)
        assert (result.code, result.out) == (ExitCode.USAGE, ""), arguments
        assert said in result.err
        assert result.err.count("\n") == 1


def test_before_there_is_anything(sample) -> None:
    open_store(load_settings().objects_location, create=True)
    assert "artworks analyze embeddings" in sample("evaluate", "similarity").err
    assert "artworks analyze embeddings" in sample("train", "similarity").err
