"""Vectors into the database, in its binary format."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pgvector import HalfVector
from sqlalchemy import Connection, text
from support.vectors import add_embeddings

from analysis.embeddings import copying
from analysis.embeddings.copying import copy_embeddings, packed, stacked
from analysis.jobs import ImageJob, ModelSpec
from analysis.outcomes import Outcome
from analysis.results import register_model, write_outcomes
from analysis.run_log import start_run
from storage.database import Database
from storage.models import ImageEmbedding

AddWork = Callable[..., int]
SPEC = ModelSpec("net", "1", "embedding", params={"dimensions": 3}, is_default=True)


def stored(connection: Connection, model_id: int) -> dict[int, list[float]]:
    rows = connection.execute(
        text("SELECT image_id, embedding FROM image_embeddings WHERE model_id = :model_id"),
        {"model_id": model_id},
    )
    return {row.image_id: HalfVector.from_text(row.embedding).to_list() for row in rows}


def test_what_is_copied_is_what_the_server_reads(
    database: Database, add_work: AddWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "ROWS_AT_ONCE", 2)
    ids = [add_work(number) for number in range(5)]
    rng = np.random.default_rng(0)
    vectors = np.vstack([[0.0, -65504.0, 6e-8], rng.standard_normal((4, 3))]).astype(np.float32)
    with database.begin() as connection:
        model_id = register_model(connection, SPEC)
        assert copy_embeddings(connection, model_id, ids[::-1], vectors[::-1]) == 5
        found = stored(connection, model_id)
    expected = vectors.astype(np.float16).tolist()
    assert found == dict(zip(ids, expected, strict=True))


def test_writing_again_replaces_and_other_models_stay(
    database: Database, add_work: AddWork
) -> None:
    ids = [add_work(number) for number in range(3)]
    other = add_embeddings(database, {image_id: [1.0, 0.0] for image_id in ids}, name="other")
    with database.begin() as connection:
        model_id = register_model(connection, SPEC)
        copy_embeddings(connection, model_id, ids, np.eye(3))
    with database.begin() as connection:
        assert copy_embeddings(connection, model_id, ids[:2], -np.eye(3)[:2]) == 2
        expected = [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]
        assert stored(connection, model_id) == dict(zip(ids, expected, strict=True))
        assert stored(connection, other.id) == {image_id: [1.0, 0.0] for image_id in ids}


def test_images_taken_down_meanwhile_are_left_out(database: Database, add_work: AddWork) -> None:
    image_id = add_work(1)
    with database.begin() as connection:
        model_id = register_model(connection, SPEC)
        assert copy_embeddings(connection, model_id, [image_id, image_id + 1], np.eye(3)[:2]) == 1
        assert copy_embeddings(connection, model_id, [], np.empty((0, 3))) == 0
        assert stored(connection, model_id) == {image_id: [1.0, 0.0, 0.0]}


@pytest.mark.parametrize(
    ("ids", "vectors", "says"),
    [
        ([1], [[1.0, float("nan"), 0.0]], "image 1 is not finite"),
        ([1, 2], [[1.0, 0.0, 0.0], [1e5, 0.0, 0.0]], "image 2 .* beyond ±65,504"),
        ([1], [[1.0, 0.0], [1.0, 0.0]], "one row of numbers for each"),
        ([1, 1], [[1.0, 0.0], [1.0, 0.0]], "each id once"),
    ],
)
def test_wrong_vectors_are_refused(
    database: Database, add_work: AddWork, ids: list[int], vectors: list[list[float]], says: str
) -> None:
    for number in range(2):
        add_work(number)
    with database.begin() as connection, pytest.raises(ValueError, match=says):
        copy_embeddings(connection, register_model(connection, SPEC), ids, vectors)


@pytest.mark.parametrize("kind", [list, np.array, HalfVector])
def test_jobs_hand_over_any_kind_of_vector(
    database: Database, add_work: AddWork, kind: Callable[[list[float]], object]
) -> None:
    ids = [add_work(number) for number in range(3)]
    job = ImageJob("net", SPEC, ImageEmbedding.__table__, lambda images: [[] for _ in images])
    outcomes = [
        Outcome(ids[1], [{"embedding": kind([0.0, 1.0, 0.5])}]),
        Outcome(ids[0], [{"embedding": kind([1.0, 0.0, 0.0])}]),
        Outcome(ids[2]),
    ]
    for _ in range(2):
        with database.begin() as connection:
            model_id = register_model(connection, SPEC)
            run_id = start_run(connection, job.name, model_id, "local")
            write_outcomes(connection, job, model_id, run_id, outcomes)
            found = stored(connection, model_id)
            assert found == {ids[0]: [1.0, 0.0, 0.0], ids[1]: [0.0, 1.0, 0.5]}


def test_vectors_of_one_model_are_equally_long() -> None:
    with pytest.raises(ValueError, match="different lengths, 2 and 3"):
        stacked([[1.0, 2.0], np.ones(3)])


@given(
    st.lists(st.integers(1, 2**63 - 1), max_size=5, unique=True),
    st.integers(1, 2**31),
    st.integers(1, 40),
)
def test_the_stream_is_as_long_as_its_parts(ids: list[int], model_id: int, size: int) -> None:
    vectors = np.ones((len(ids), size), np.float32)
    stream = packed(model_id, np.array(ids, np.int64), vectors)
    assert len(stream) == 19 + len(ids) * (2 + 12 + 12 + 8 + 2 * size) + 2
