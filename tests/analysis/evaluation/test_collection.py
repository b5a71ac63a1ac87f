"""What the collection says of its images, as measuring and learning read it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from support.databases import sql
from support.vectors import add_embeddings

from analysis.engine import run_jobs
from analysis.errors import NoEmbeddings, NothingToTrain, WrongTerms
from analysis.evaluation.collection import (
    chosen_kinds,
    look_alikes,
    read_features,
    read_hashes,
    read_labels,
    read_vectors,
)
from storage.database import Database
from storage.objects import ObjectStore

AddWork = Callable[..., int]

HALF = 0x5555_5555_5555_5555
"""A hash with half of its bits set, as pictures have."""


def test_terms_artists_and_copies(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    first = add_work(1, terms={"style": " Cubism "}, artist="Ada")
    again = add_work(2, terms={"style": "cubism", "genre": "portrait"}, artist="Ada")
    other = add_work(3, terms={"genre": "portrait"}, artist="Bo")
    add_work(4, terms={"tag": "blue"}, artist="Bo")
    same = "UPDATE images SET phash = :phash WHERE id IN (:a, :b)"
    sql(database, same, phash=HALF, a=first, b=other)
    run_jobs(database, store, ["duplicates"])
    rng = np.random.default_rng(0)
    model = add_embeddings(database, {one: rng.normal(size=4) for one in (first, again, other)})
    with database.begin() as connection:
        labels = read_labels(connection, ("style", "genre"), [model.id])
        at = {one: place for place, one in enumerate(labels.ids.tolist())}
        vectors = read_vectors(connection, model, labels.ids)
        assert read_features(connection, labels.ids) is None
        hashes = read_hashes(connection, labels.ids)
        alike = look_alikes(connection, [first, again])
        few = read_labels(connection, ("style", "genre"), [model.id], most=2)
    assert set(at) == {first, again, other}
    assert list(labels.sha256) == sorted(labels.sha256)
    assert labels.kinds == ("style", "genre")
    assert labels.terms["style"][at[first]] == labels.terms["style"][at[again]] == ("cubism",)
    assert labels.terms["genre"][at[first]] == ()
    # Two look the same, so that all three are by one hand, or by hands that cannot be told apart.
    assert labels.groups[at[first]] == labels.groups[at[other]] != labels.groups[at[again]]
    assert len(set(labels.artists.tolist())) == 1
    assert alike == {first: [first, other], again: [again]}
    assert hashes[at[first]] == hashes[at[other]] == HALF
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-3)
    assert few.sha256 == labels.sha256[:2]
    run_jobs(database, store, ["features"])
    with database.begin() as connection:
        features = read_features(connection, labels.ids)
    assert features is not None
    assert features.shape == (3, 18)


def test_what_says_nothing_of_a_picture_is_left_out(database: Database, add_work: AddWork) -> None:
    kept, inherited, placeholder, gone, hidden, plain = (
        add_work(number, terms={"style": "cubism"}) for number in range(6)
    )
    for statement, image in (
        ("UPDATE artwork_terms SET source = 'artist' WHERE artwork_id = :work", inherited),
        ("UPDATE images SET placeholder = true WHERE id = :image", placeholder),
        ("UPDATE artworks SET gone_at = now() WHERE id = :work", gone),
        ("UPDATE image_sources SET gone_at = now() WHERE image_id = :image", hidden),
    ):
        [row] = sql(
            database, "SELECT artwork_id FROM image_sources WHERE image_id = :image", image=image
        )
        values = {"work": row.artwork_id} if ":work" in statement else {"image": image}
        sql(database, statement, **values)
    everything = (kept, inherited, placeholder, gone, hidden)
    model = add_embeddings(database, {one: [1.0, 0.0] for one in everything})
    with database.begin() as connection:
        labels = read_labels(connection, ("style",), [model.id])
        assert labels.ids.tolist() == [kept]
        with pytest.raises(NoEmbeddings, match="1 images have no vector of test-network/1"):
            read_vectors(connection, model, np.array([kept, plain]))


def test_nothing_to_read_is_said_with_the_cure(database: Database, add_work: AddWork) -> None:
    with database.begin() as connection, pytest.raises(NothingToTrain, match="artworks demo"):
        read_labels(connection, ("style",), [1])
    add_work(1, terms={"category": "drawings"})
    with database.begin() as connection:
        with pytest.raises(NothingToTrain, match=r"kind style.*--terms from category \(1 works\)"):
            read_labels(connection, ("style",), [1])
        with pytest.raises(NothingToTrain, match="artworks analyze embeddings"):
            read_labels(connection, ("category",), [1])


def test_kinds_are_named_with_commas() -> None:
    assert chosen_kinds(" style, genre,style ") == ("style", "genre")
    with pytest.raises(WrongTerms, match="no kind of term styles: choose from category, style"):
        chosen_kinds("styles")
    with pytest.raises(WrongTerms, match="no kind is named"):
        chosen_kinds(",")
