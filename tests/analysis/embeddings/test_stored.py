"""Vectors out of the table `image_embeddings`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Connection, text
from support.vectors import add_embeddings

from analysis.embeddings import stored
from analysis.embeddings.copying import copy_embeddings
from analysis.embeddings.stored import embedding_model, pages_of, read_embeddings, vectors_of
from analysis.errors import ModelChanged, NoEmbeddings
from analysis.registry.models import Model
from storage.database import Database

AddWork = Callable[..., int]


def test_vectors_come_back_by_image(
    database: Database, add_work: AddWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "PAGE", 2)
    ids = [add_work(number) for number in range(5)]
    given = np.random.default_rng(0).standard_normal((5, 7))
    model = add_embeddings(database, dict(zip(reversed(ids), given, strict=True)))
    with database.begin() as connection:
        assert embedding_model(connection) == model
        found = read_embeddings(connection, model)
    assert found.ids.tolist() == ids
    expected = given[::-1] / np.linalg.norm(given[::-1], axis=1, keepdims=True)
    np.testing.assert_allclose(found.vectors, expected, atol=5e-4)


def test_what_no_work_shows_is_left_out(database: Database, add_work: AddWork) -> None:
    shown, gone, stand_in = (add_work(number) for number in range(3))
    model = add_embeddings(database, {image_id: [1.0, 2.0] for image_id in (shown, gone, stand_in)})
    with database.begin() as connection:
        values = {"gone": gone, "stand_in": stand_in}
        connection.execute(
            text("UPDATE image_sources SET gone_at = now() WHERE image_id = :gone"), values
        )
        connection.execute(
            text("UPDATE images SET placeholder = true WHERE id = :stand_in"), values
        )
        assert read_embeddings(connection, model).ids.tolist() == [shown]
        connection.execute(text("DELETE FROM image_embeddings"))
        nothing = read_embeddings(connection, model)
    assert len(nothing) == 0
    assert nothing.vectors.shape == (0, 2)


def test_without_embeddings_the_cure_is_told(database: Database) -> None:
    with database.begin() as connection, pytest.raises(NoEmbeddings, match="analyze embeddings"):
        embedding_model(connection)


def test_one_page_is_in_memory_and_the_connection_is_free_meanwhile(
    database: Database, add_work: AddWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "PAGE", 3)
    ids = [add_work(number) for number in range(7)]
    model = add_embeddings(database, {image_id: [image_id, 1.0] for image_id in ids})
    pages = []
    with database.begin() as connection:
        for page, vectors in pages_of(connection, model):
            assert connection.scalar(text("SELECT 1")) == 1
            assert vectors.shape == (len(page), 2)
            pages.append(page.tolist())
            if len(pages) == 1:
                gone = {"id": ids[-1]}
                connection.execute(
                    text("UPDATE images SET placeholder = true WHERE id = :id"), gone
                )
    assert pages == [ids[:3], ids[3:6]]


def test_rows_that_come_while_they_are_read_are_read_too(
    database: Database, add_work: AddWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "PAGE", 2)
    ids = [add_work(number) for number in range(6)]
    model = add_embeddings(database, {image_id: [1.0, image_id] for image_id in ids[:2]})
    whole = stored.pages_of

    def slowly(connection: Connection, model: Model) -> Iterator[tuple[stored.Ids, stored.Vectors]]:
        for page in whole(connection, model):
            yield page
            with database.begin() as another:
                copy_embeddings(another, model.id, ids[2:], [[1.0, 2.0]] * 4)

    monkeypatch.setattr(stored, "pages_of", slowly)
    with database.begin() as connection:
        found = read_embeddings(connection, model)
    assert found.ids.tolist() == ids
    assert found.vectors[-1].tolist() == [1.0, 2.0]


def test_vectors_of_some_images(
    database: Database, add_work: AddWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "PAGE", 2)
    ids = [add_work(number) for number in range(5)]
    model = add_embeddings(database, {image_id: [image_id, 0.0] for image_id in ids[:4]})
    with database.begin() as connection:
        connection.execute(text("UPDATE image_sources SET gone_at = now()"))
        asked = [ids[4], ids[3], ids[0], ids[1], ids[3]]
        found = vectors_of(connection, model, asked)
        assert found.ids.tolist() == [ids[0], ids[1], ids[3]], "those that have one, shown or not"
        assert found.vectors.tolist() == [[1.0, 0.0]] * 3
        assert vectors_of(connection, model, []).vectors.shape == (0, 2)


def test_vectors_of_another_length_than_the_model_says_are_told(
    database: Database, add_work: AddWork
) -> None:
    model = add_embeddings(database, {add_work(1): [1.0, 0.0]})
    longer = replace(model, params={"dimensions": 3})
    with database.begin() as connection, pytest.raises(ModelChanged, match="not 3 numbers long"):
        read_embeddings(connection, longer)


@pytest.mark.parametrize("name", ["_END_OF_PAGE", "_COUNT"])
def test_pages_are_found_by_the_index(database: Database, name: str) -> None:
    values = {"model_id": 1, "after": 0, "rows": 10}
    with database.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        statement = getattr(stored, name)
        used = {key: values[key] for key in statement.compile().params}
        rows = connection.execute(text(f"EXPLAIN {statement.text}"), used).scalars().all()
    assert any("ix_image_embeddings_model_id" in row for row in rows)
    assert not any("Sort" in row for row in rows)
