"""Vectors out of the table `image_embeddings`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import text
from support.vectors import add_embeddings

from analysis.embeddings import stored
from analysis.embeddings.stored import embedding_model, read_embeddings
from analysis.errors import NoEmbeddings
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
