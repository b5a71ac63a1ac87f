"""`artworks outliers`: what stands out, for scripts and for people."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.databases import opened, sql
from support.hung import hang_works
from support.vectors import add_embeddings

from storage.errors import ExitCode
from storage.objects import open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"

WORKS = 30
HEADER = "\tPercentile\tScore\tCompared with\tTitle\tArtist\tNearest\tWhy\tPage"


@pytest.fixture
def hung(sample, sample_url: str):
    """The command on 30 embedded works, the last of which is like none, with previews."""
    rng = np.random.default_rng(0)
    vectors = np.eye(12)[0] + 0.1 * rng.standard_normal((WORKS, 12))
    vectors[1] = vectors[0]
    vectors[-1] = -np.eye(12)[5]
    buffer = io.BytesIO()
    Image.new("RGB", (90, 60), "#204060").save(buffer, "JPEG")
    store = open_store(load_settings().objects_location, create=True)
    with opened(sample_url) as database:
        ids = hang_works(database, WORKS)
        add_embeddings(database, dict(zip(ids, vectors, strict=True)))
        sql(
            database,
            "UPDATE images SET preview_key = 'previews/512/' || id || '.jpg' WHERE id = ANY(:ids)",
            ids=ids,
        )
    for image in ids:
        store.put(f"previews/512/{image}.jpg", buffer.getvalue(), content_type="image/jpeg")
    return sample


def test_before_anything_is_analysed(sample) -> None:
    for command in (("outliers",), ("duplicates", "--by", "embedding")):
        open_store(load_settings().objects_location, create=True)
        result = sample(*command)
        assert (result.code, result.out) == (ExitCode.USAGE, "")
        assert "run `artworks analyze embeddings`" in result.err


def test_for_scripts_and_people(hung, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = hung("outliers")
    assert missing.code == ExitCode.USAGE
    assert "run `artworks analyze outliers`" in missing.err
    assert hung("analyze", "outliers").code == 0

    found = hung("outliers", "--top", "3", "--json").json
    assert (found["method"], found["images"], len(found["found"])) == ("mahalanobis", WORKS, 3)
    first, second, _ = found["found"]
    assert first["is_outlier"]
    assert first["percentile"] > second["percentile"]
    assert first["works"][0]["title"] == first["works"][0]["source_id"]
    assert len(first["neighbors"]) == 3
    assert first["why"].startswith("near to nothing")
    other = hung("outliers", "--method", "neighbors", "--site", "museum", "--json").json
    assert other["query"]["site"] == "museum"
    assert other["found"][0]["image_id"] == first["image_id"]
    assert other["found"][0]["tail"] is None

    result = hung("outliers", "--top", "2")
    header, line, _ = result.out.splitlines()
    assert header == HEADER
    assert line.startswith("*\t96.7\t")
    monkeypatch.setattr("cli.console.on_terminal", lambda: True)
    monkeypatch.setattr("cli.outliers.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    shown = hung("outliers", "--top", "2")
    assert "Works that stand out" in shown.out
    assert f"of {WORKS} images stand out (*)" in shown.err

    drawn = hung("outliers", "--out", "new/odd.png", "--top", "3")
    assert drawn.code == 0, drawn.err
    assert "3 images → new/odd.png" in drawn.err
    with Image.open("new/odd.png") as sheet:
        assert (sheet.format, sheet.width) == ("PNG", 2000)
    report = hung("report", "outliers", "--json").json
    assert report["counts"] == {"images": WORKS, "outliers": found["outliers"], "shown": 16}
    assert len(report["images"]) >= 16

    for arguments, said in {
        ("--method", "guessing"): "choose from mahalanobis, neighbors, isolation",
        ("--site", "gamma"): "has not been crawled",
        ("--term", "style"): "write KIND=NAME",
        ("--top", "0"): "--top",
        ("--force",): "--force is for --out",
        ("--out", "new/odd.png"): "exists already: add --force",
        ("--out", "/proc/none/odd.png"): "cannot write /proc/none/odd.png",
    }.items():
        result = hung("outliers", *arguments)
        assert result.code == ExitCode.USAGE, arguments
        assert said in result.err, arguments


def test_look_alikes(hung, sample_url: str) -> None:
    """Flat pictures say nothing; painted ones are the same where their pixels are."""
    nothing = hung("duplicates", "--by", "embedding")
    assert (nothing.code, nothing.out) == (0, "")
    assert "no two images show the same picture" in nothing.err
    rng = np.random.default_rng(1)
    patches = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    store = open_store(load_settings().objects_location)
    with opened(sample_url) as database:
        keys = [
            row.preview_key
            for row in sql(
                database,
                "SELECT preview_key FROM images WHERE preview_key LIKE 'prev%' ORDER BY id",
            )
        ][:2]
    for key, size in zip(keys, ((480, 360), (400, 300)), strict=True):
        buffer = io.BytesIO()
        patches.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=80)
        store.put(key, buffer.getvalue(), content_type="image/jpeg")
    found = hung("duplicates", "--by", "embedding", "--redo", "--json").json
    assert (found["by"], found["groups_total"], found["images_total"]) == ("embedding", 1, 2)
    assert found["embedding"] == "test-network/1"
    assert found["run"]["details"]["pairs"] == 1
    lines = hung("duplicates", "--by", "embedding").out.splitlines()
    assert lines[0].split("\t")[:2] == ["Group", "Distance"]
    assert lines[1].split("\t")[:2] == ["1", "0.000"]
    assert hung("duplicates", "--by", "embedding", "--out", "alike.png").code == 0
    assert Path("alike.png").exists()
    refused = hung("duplicates", "--by", "embedding", "--radius", "3")
    assert refused.code == ExitCode.USAGE
    assert "--radius is for --by hash" in refused.err
