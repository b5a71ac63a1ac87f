"""The job `embeddings`, with vectors that need no network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from analysis.catalog import make_job
from analysis.config import AnalysisSettings
from analysis.embeddings import converting, descriptors
from analysis.embeddings import job as embeddings
from analysis.embeddings.embedder import Embedder, embedder_of
from analysis.embeddings.job import BATCH, embeddings_job, job_of
from analysis.embeddings.stored import embedding_model, read_embeddings
from analysis.engine import run_jobs
from analysis.errors import NetworkUnavailable
from analysis.overview import job_states
from storage.images import decode_rgb

# mypy: disable-error-code="no-untyped-def"


def means(images: Any) -> Any:
    """The mean colour of each image as a vector; nothing for black."""
    found = np.stack([image.mean(axis=(0, 1), dtype=np.float32) for image in images])
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.where(lengths > 1, found / np.maximum(lengths, 1), np.nan).astype(np.float32)


def embedder(**changes: Any) -> Embedder:
    choice: dict[str, Any] = {
        "name": "mean-color",
        "version": "1",
        "params": {"dimensions": 3},
        "open": lambda: means,
    }
    return Embedder(**choice | changes)


@pytest.fixture
def no_weights(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("ARTWORKS_EMBEDDING", "mobilenet_v2")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))


def test_the_job_of_the_settings() -> None:
    job = embeddings_job(AnalysisSettings(embedding="descriptors"))
    assert (job.name, job.batch, job.reads_preview) == ("embeddings", BATCH, True)
    assert (job.model.name, job.model.kind, job.model.is_default) == (
        "descriptors",
        "embedding",
        True,
    )
    assert job.model.params["dimensions"] == descriptors.DIMENSIONS


def test_it_is_in_the_catalog(monkeypatch, database) -> None:
    monkeypatch.setenv("ARTWORKS_EMBEDDING", "descriptors")
    assert make_job("embeddings", database).model.name == "descriptors"


def test_nothing_is_loaded_before_the_first_batch_and_then_once() -> None:
    opened: list[int] = []

    def opening() -> Any:
        opened.append(1)
        return means

    job = job_of(embedder(open=opening))
    assert opened == []
    image = np.full((4, 6, 3), 50, np.uint8)
    for _ in range(3):
        [[row]] = job.compute([image])
        np.testing.assert_allclose(row["embedding"], [3**-0.5] * 3, rtol=1e-6)
    assert opened == [1]


def test_an_image_without_a_vector_has_no_row() -> None:
    images = [np.full((4, 6, 3), value, np.uint8) for value in (0, 90)]
    rows = job_of(embedder()).compute(images)
    assert [len(row) for row in rows] == [0, 1]


def test_from_the_store_to_rows(database, store, add_work) -> None:
    ids = [add_work(number) for number in range(3)]
    job = embeddings_job(AnalysisSettings(embedding="descriptors"))
    [summary] = run_jobs(database, store, [job])
    assert (summary.done, summary.failed) == (3, 0)
    with database.begin() as connection:
        found = read_embeddings(connection, embedding_model(connection))
        keys = dict(connection.execute(text("SELECT id, preview_key FROM images")).all())
    assert found.ids.tolist() == ids
    pixels = [decode_rgb(store.get(keys[image_id])) for image_id in ids]
    np.testing.assert_allclose(found.vectors, descriptors.describe_all(pixels), atol=1e-3)
    [again] = run_jobs(database, store, [job])
    assert again.images == 0


def test_results_of_two_networks_lie_side_by_side(database, store, add_work) -> None:
    add_work(1)
    run_jobs(database, store, [job_of(embedder())])
    run_jobs(database, store, [job_of(embedder(name="other"))])
    with database.begin() as connection:
        assert embedding_model(connection).label == "mean-color/1"
        assert embedding_model(connection, "other").label == "other/1"
        assert len(read_embeddings(connection, embedding_model(connection, "other"))) == 1


@pytest.mark.usefixtures("no_weights")
def test_the_list_says_why_a_job_cannot_run(database, add_work) -> None:
    add_work(1)
    states = {state.job: state for state in job_states(database, ["colors", "embeddings"])}
    assert states["colors"].unavailable is None
    assert "mobilenet_v2" in str(states["embeddings"].unavailable)
    assert (states["embeddings"].version, states["embeddings"].pending) == ("", 1)
    assert states["embeddings"].as_dict()["unavailable"] == states["embeddings"].unavailable


@pytest.mark.usefixtures("no_weights")
def test_weights_are_fetched_only_when_somebody_asks(monkeypatch) -> None:
    asked: list[list[str]] = []

    def refused(arguments: list[str], _doing: str) -> None:
        asked.append(arguments)
        raise NetworkUnavailable("no way out")

    monkeypatch.setattr(converting, "_in_a_process", refused)
    with pytest.raises(NetworkUnavailable, match="are not on this machine"):
        embeddings.prepare(fetching=False)
    assert asked == []
    with pytest.raises(NetworkUnavailable, match="no way out"):
        embeddings.prepare(fetching=True)
    assert asked == [["--fetch", "mobilenet_v2"]]


def test_what_needs_no_weights_needs_no_preparation(monkeypatch) -> None:
    monkeypatch.setenv("ARTWORKS_EMBEDDING", "descriptors")
    embeddings.prepare(fetching=True)
    assert embedder_of("descriptors").label == f"descriptors/{descriptors.VERSION}"
