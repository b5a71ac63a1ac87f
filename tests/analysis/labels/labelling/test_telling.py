"""What is said of one picture: stored or a file, by models and by people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.databases import sql
from support.labellers import add_labeller
from support.vectors import add_embeddings

from analysis.embeddings import descriptors
from analysis.engine import run_jobs
from analysis.errors import (
    NetworkUnavailable,
    NoClassifier,
    NoSuchFile,
    PictureMissing,
    WrongHead,
)
from analysis.labels.labelling.telling import HeadTold, Told, tell_image
from analysis.labels.learning.probe import ProbeScorer
from analysis.labels.people.corrections import record_verdict
from storage.database import Database
from storage.errors import UsageError
from storage.objects import ObjectStore

# mypy: disable-error-code="no-untyped-def"

STYLES = ("cubism", "fauvism", "realism")


@pytest.fixture
def works(database: Database, add_work) -> list[int]:
    """Three works with vectors, the last of which is like none of the styles."""
    ids = [add_work(number) for number in (1, 2, 3)]
    add_embeddings(database, {1: (1, 0, 0), 2: (0, 1, 0), 3: (1, 1, 1)})
    return ids


def say(database: Database, image_id: int, head: str, label: str, verdict) -> None:
    with database.begin() as connection:
        record_verdict(connection, image_id, head, label, verdict, "Ada")


def test_stored_and_computed_are_the_same(database: Database, store: ObjectStore, works) -> None:
    add_labeller(database, store, "style", STYLES)
    add_labeller(database, store, "subject", ("cat", "dog", "owl"), mode="multi")
    computed = [tell_image(database, store, image_id) for image_id in works]
    assert sql(database, "SELECT * FROM image_labels") == []
    run_jobs(database, store, ["labels"])
    assert [tell_image(database, store, image_id) for image_id in works] == computed
    sql(database, "UPDATE image_labels SET score = score / 2")
    assert [tell_image(database, store, image_id) for image_id in works] != computed

    first, _, last = computed
    assert [(one.head, one.model) for one in first] == [
        ("style", "probe-style/1"),
        ("subject", "probe-subject/1"),
    ]
    style, subject = first
    assert style.said == (Told("cubism", style.said[0].score, True, "model", None),)
    assert (style.said[0].score > 0.99, style.unfamiliar, subject.unfamiliar) == (
        True,
        False,
        False,
    )
    assert [one.unfamiliar for one in last] == [True, True]
    assert all(one.oddness is not None and one.oddness > 1 for one in last)
    assert HeadTold(**first[0].__dict__).as_dict()["said"][0]["label"] == "cubism"


@pytest.mark.parametrize("labelled", [True, False])
def test_people_come_first_as_the_view_has_it(
    database: Database, store: ObjectStore, works, labelled: bool
) -> None:
    add_labeller(database, store, "style", STYLES)
    add_labeller(database, store, "subject", ("cat", "dog", "owl"), mode="multi")
    if labelled:
        run_jobs(database, store, ["labels"])
    say(database, 3, "style", "tachism", "yes")
    say(database, 3, "style", "cubism", "no")
    say(database, 3, "subject", "owl", "no")
    style, subject = tell_image(database, store, 3)
    assert [(one.label, one.accepted, one.author) for one in style.said] == [
        ("tachism", True, "Ada"),
        ("fauvism", False, None),
        ("realism", False, None),
        ("cubism", False, "Ada"),
    ]
    assert [(one.label, one.accepted, one.said_by) for one in subject.said] == [
        ("cat", True, "model"),
        ("dog", True, "model"),
        ("owl", False, "person"),
    ]
    if labelled:
        for one in (style, subject):
            rows = sql(
                database,
                "SELECT label, score, accepted, said_by, author FROM current_labels "
                "WHERE image_id = 3 AND head = :head",
                head=one.head,
            )
            assert {Told(*row) for row in rows} == set(one.said)


def test_what_only_people_say(database: Database, store: ObjectStore, works) -> None:
    say(database, 1, "genre", "portrait", "yes")
    [told] = tell_image(database, store, 1)
    assert (told.head, told.model, told.oddness, told.unfamiliar) == ("genre", None, None, False)
    assert told.said == (Told("portrait", 1.0, True, "person", "Ada"),)
    with pytest.raises(NoClassifier, match="train style"):
        tell_image(database, store, 2)


def test_heads_that_are_asked_for(database: Database, store: ObjectStore, works) -> None:
    add_labeller(database, store, "style", STYLES)
    add_labeller(database, store, "genre", STYLES)
    told = tell_image(database, store, 1, ["genre", "style", "genre"])
    assert [one.head for one in told] == ["genre", "style"]
    with pytest.raises(NoClassifier, match=r"no classifier of place .* `artworks train place`"):
        tell_image(database, store, 1, ["style", "place"])
    with pytest.raises(NoClassifier, match="artworks analyze colors color-class"):
        tell_image(database, store, 1, ["color"])
    with pytest.raises(WrongHead, match='no head "mood"'):
        tell_image(database, store, 1, ["mood"])
    with pytest.raises(UsageError, match="no image 99"):
        tell_image(database, store, 99)


def test_colours_are_told_like_the_rest(
    database: Database, store: ObjectStore, works, tmp_path: Path
) -> None:
    run_jobs(database, store, ["colors", "color-class"])
    [stored] = tell_image(database, store, 1, ["color"])
    assert stored.model is not None
    assert stored.model.startswith("color-rules/")
    sql(database, "DELETE FROM image_results")
    assert tell_image(database, store, 1, ["color"]) == [stored]
    file = tmp_path / "picture"
    [key] = [row.object_key for row in sql(database, "SELECT object_key FROM images WHERE id = 1")]
    file.write_bytes(store.get(key))
    assert tell_image(database, store, file) == [stored]


def test_files_are_embedded_as_stored_images_were(
    database: Database, store: ObjectStore, add_work, tmp_path: Path
) -> None:
    ids = [add_work(number) for number in (1, 2)]
    run_jobs(database, store, ["embeddings"])
    label = f"{descriptors.NAME}/{descriptors.VERSION}"
    weights = np.random.default_rng(7).normal(size=(3, descriptors.DIMENSIONS))
    scorer = ProbeScorer(weights.astype(np.float32), np.zeros(3, np.float32))
    add_labeller(database, store, "style", STYLES, embedding=label, scorer=scorer)
    run_jobs(database, store, ["labels"])
    for image_id in ids:
        [stored] = tell_image(database, store, image_id)
        [(key,)] = sql(database, "SELECT object_key FROM images WHERE id = :id", id=image_id)
        (tmp_path / "picture").write_bytes(store.get(key))
        [told] = tell_image(database, store, tmp_path / "picture")
        assert [one.label for one in told.said] == [one.label for one in stored.said]
        # Stored vectors are rounded to 16 bits.
        assert told.said[0].score == pytest.approx(stored.said[0].score, abs=2e-3)
        assert told.oddness == pytest.approx(stored.oddness, abs=2e-2)


def test_what_cannot_be_read_is_said_in_one_sentence(
    database: Database, store: ObjectStore, works, add_work, tmp_path: Path
) -> None:
    add_labeller(database, store, "style", STYLES)
    new = add_work(4)
    with pytest.raises(NetworkUnavailable, match="test-network/1"):
        tell_image(database, store, new)
    with pytest.raises(NoSuchFile, match="give the path of an image"):
        tell_image(database, store, tmp_path / "nothing")
    (tmp_path / "words.jpg").write_text("words")
    with pytest.raises(NoSuchFile, match="no image that can be read"):
        tell_image(database, store, tmp_path / "words.jpg")
    run_jobs(database, store, ["colors", "color-class"])
    sql(database, "DELETE FROM image_results")
    sql(database, "UPDATE images SET preview_key = 'previews/nothing.jpg' WHERE id = 1")
    with pytest.raises(PictureMissing, match="verify --full-hash --repair"):
        tell_image(database, store, 1, ["color"])
