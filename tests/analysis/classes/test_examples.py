"""What is learned from: which images, under which class, and which belong together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.databases import one, sql

from analysis.colors.classes import examples
from analysis.colors.classes.examples import Examples, balanced, connected, read_examples
from analysis.engine import run_jobs
from analysis.errors import NothingToTrain
from storage.database import Database
from storage.objects import ObjectStore

# mypy: disable-error-code="no-untyped-def"

AddColored = Callable[..., list[int]]


def read(database: Database) -> Examples:
    with database.begin() as connection:
        return read_examples(connection)


def labels(found: Examples) -> list[str]:
    return sorted(found.labels.tolist())


@pytest.fixture
def measured(database: Database, store: ObjectStore, add_colored: AddColored) -> list[int]:
    """Two works of each of three colours, with their features; the ids of the images."""
    ids = add_colored(2)
    run_jobs(database, store, ["features"])
    return ids


def test_an_image_a_class_and_its_features(database: Database, measured) -> None:
    found = read(database)
    assert labels(found) == ["blue", "blue", "green", "green", "red", "red"]
    assert found.classes == ["blue", "green", "red"]
    assert found.features.shape == (6, 18)
    for sha256, label, values in zip(found.sha256, found.labels, found.features, strict=True):
        [row] = sql(
            database,
            "SELECT f.values, t.name FROM images i JOIN image_features f ON f.image_id = i.id "
            "JOIN image_sources s ON s.image_id = i.id "
            "JOIN artwork_terms at ON at.artwork_id = s.artwork_id "
            "JOIN terms t ON t.id = at.term_id WHERE i.sha256 = :sha256",
            sha256=sha256,
        )
        assert row.name == label
        assert row.values == values.tolist()
    assert found.feature_model == "channel-statistics/1"
    assert list(found.sha256) == sorted(found.sha256)
    assert found.left_out.as_dict() == {
        "two_classes": 0,
        "without_features": 0,
        "small_classes": {},
        "more_than_enough": 0,
    }


def test_what_is_no_example(database: Database, measured, add_work) -> None:
    gone, hidden, inherited, stand_in, unseen, *_ = measured
    sql(
        database,
        "UPDATE artworks SET gone_at = now() FROM image_sources s "
        "WHERE s.artwork_id = artworks.id AND s.image_id = :id",
        id=gone,
    )
    sql(database, "UPDATE image_sources SET gone_at = now() WHERE image_id = :id", id=hidden)
    sql(
        database,
        "UPDATE artwork_terms at SET source = 'artist' FROM image_sources s "
        "WHERE s.artwork_id = at.artwork_id AND s.image_id = :id",
        id=inherited,
    )
    sql(database, "UPDATE images SET placeholder = true WHERE id = :id", id=stand_in)
    sql(database, "DELETE FROM image_features WHERE image_id = :id", id=unseen)
    add_work(99, terms={"style": "red"})
    found = read(database)
    assert labels(found) == ["blue"]
    assert found.left_out.without_features == 1


def test_words_of_one_class_are_spelled_alike(database: Database, measured) -> None:
    sql(database, "INSERT INTO terms (kind, name) VALUES ('color', ' Red ')")
    sql(
        database,
        "UPDATE artwork_terms SET term_id = (SELECT id FROM terms WHERE name = ' Red ') "
        "WHERE artwork_id = 1",
    )
    assert labels(read(database)) == ["blue", "blue", "green", "green", "red", "red"]


def test_an_image_of_two_classes_is_left_out(database: Database, measured) -> None:
    sql(
        database,
        "INSERT INTO artwork_terms (artwork_id, term_id, source) "
        "SELECT 1, id, 'person' FROM terms WHERE name = 'blue'",
    )
    found = read(database)
    assert labels(found) == ["blue", "blue", "green", "green", "red"]
    assert found.left_out.two_classes == 1


def test_only_the_first_image_shows_the_whole_work(
    database: Database, store: ObjectStore, measured, add_work
) -> None:
    detail = add_work(50)
    run_jobs(database, store, ["features"])
    sql(database, "UPDATE image_sources SET artwork_id = 1, position = 1 WHERE image_id = :id",
        id=detail)  # fmt: skip
    assert len(read(database).sha256) == 6
    # The first that is there, where the page no longer shows the one before.
    sql(database, "UPDATE image_sources SET gone_at = now() WHERE image_id = :id", id=measured[0])
    sha256 = one(database, "SELECT sha256 FROM images WHERE id = :id", id=detail)
    assert sha256 in read(database).sha256


def test_look_alikes_and_artists_belong_together(
    database: Database, store: ObjectStore, measured, add_work
) -> None:
    run_jobs(database, store, ["duplicates"])
    between = add_work(50)
    sql(database, "DELETE FROM image_duplicates")
    # Two examples that look like a third image, which is none.
    for lower in (measured[0], measured[5]):
        sql(
            database,
            "INSERT INTO image_duplicates (image_id, other_id, model_id, distance, kind) "
            "SELECT :lower, :other, id, 4, 'near' FROM models WHERE kind = 'duplicates'",
            lower=lower,
            other=between,
        )
    found = read(database)
    ids = [
        one(database, "SELECT id FROM images WHERE sha256 = :sha", sha=sha) for sha in found.sha256
    ]
    group = dict(zip(ids, found.groups.tolist(), strict=True))
    assert group[measured[0]] == group[measured[5]]
    assert len(set(group.values())) == 5
    assert found.not_compared == 0
    # The first three are by one artist, the others by another; look-alikes join them all.
    assert len(set(found.artists.tolist())) == 1
    sql(database, "DELETE FROM image_duplicates")
    assert len(set(read(database).artists.tolist())) == 2


def test_without_a_search_for_look_alikes_it_is_said(database: Database, measured) -> None:
    found = read(database)
    assert found.not_compared == 6
    assert len(set(found.groups.tolist())) == 6


def test_the_fixed_class_of_each(database: Database, store: ObjectStore, measured) -> None:
    assert read(database).rules == (None,) * 6
    run_jobs(database, store, ["colors"])
    found = read(database)
    assert list(found.rules) == found.labels.tolist()


def test_fingerprints_follow_what_is_learned(database: Database, measured) -> None:
    before = read(database)
    assert before.fingerprint == read(database).fingerprint
    sql(database, "UPDATE terms SET name = 'teal' WHERE name = 'green'")
    assert read(database).fingerprint != before.fingerprint
    assert read(database).split_fingerprint == before.split_fingerprint
    sql(database, "UPDATE terms SET name = 'green' WHERE name = 'teal'")
    sql(database, "UPDATE artwork_artists SET artist_id = (SELECT min(id) FROM artists)")
    assert read(database).fingerprint == before.fingerprint
    assert read(database).split_fingerprint != before.split_fingerprint


def test_nothing_to_learn_from_is_said_with_the_cure(
    database: Database, store: ObjectStore, add_work, add_colored: AddColored
) -> None:
    add_work(1)
    with pytest.raises(NothingToTrain, match=r"no stored work has a term.*artworks demo"):
        read(database)
    add_colored(1, labels=["red"], first=2)
    with pytest.raises(NothingToTrain, match=r"1 images have one.*run `artworks analyze features`"):
        read(database)
    sql(
        database,
        "WITH blue AS (INSERT INTO terms (kind, name) VALUES ('color', 'blue') RETURNING id) "
        "INSERT INTO artwork_terms (artwork_id, term_id, source) SELECT 2, id, 'page' FROM blue",
    )
    with pytest.raises(NothingToTrain, match=r"has several.*\[artwork\.terms\]"):
        read(database)


def made(sizes: dict[str, int], groups: list[int] | None = None) -> Examples:
    """Examples without pixels, so many of each class."""
    said = [label for label, size in sizes.items() for _ in range(size)]
    count = len(said)
    numbers = np.arange(count) if groups is None else np.array(groups)
    return Examples(
        sha256=tuple(f"{at:064x}" for at in range(count)),
        features=np.zeros((count, 18)),
        labels=np.array(said),
        groups=numbers,
        artists=numbers,
        rules=(None,) * count,
        feature_model="channel-statistics/1",
        not_compared=0,
        left_out=examples.LeftOut(),
    )


def test_classes_too_small_for_the_folds_are_left_out() -> None:
    found = balanced(made({"red": 9, "blue": 8, "pink": 6, "teal": 4}), folds=7)
    assert found.classes == ["blue", "red"]
    assert found.left_out.small_classes == {"pink": 6, "teal": 4}
    assert balanced(made({"red": 9, "blue": 8, "pink": 6, "teal": 4}), folds=3).classes == [
        "blue",
        "pink",
        "red",
    ]


def test_copies_do_not_make_a_class_larger() -> None:
    copies = made({"red": 5, "blue": 5, "teal": 8}, [*range(10), *[10] * 8])
    assert balanced(copies, folds=5).left_out.small_classes == {"teal": 8}


def test_too_few_examples_are_said_with_the_cure() -> None:
    with pytest.raises(NothingToTrain, match=r"need 8 images.*blue 3, red 9.*fewer --folds"):
        balanced(made({"red": 9, "blue": 3}), folds=8)


def test_a_large_class_gives_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "MOST_IMAGES", 6)
    found = balanced(made({"red": 9, "blue": 6}), folds=3)
    assert labels(found) == ["blue"] * 6 + ["red"] * 6
    assert found.left_out.more_than_enough == 3


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=12, unique=True),
    st.lists(st.tuples(st.integers(-3, 15), st.integers(-3, 15)), max_size=15),
)
def test_groups_are_chains_of_pairs(ids: list[int], pairs: list[tuple[int, int]]) -> None:
    reached = {one: {one} for one in range(-3, 16)}
    for left, right in pairs:
        joined = reached[left] | reached[right]
        for member in joined:
            reached[member] = joined
    groups = connected(ids, pairs)
    for at, left in enumerate(ids):
        for other, right in enumerate(ids):
            assert (groups[at] == groups[other]) == (right in reached[left])


@given(
    st.permutations(range(12)),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=12),
)
def test_groups_do_not_depend_on_the_numbers_of_rows(
    order: list[int], pairs: list[tuple[int, int]]
) -> None:
    # Another crawl stores the same images in another order, so their ids are others.
    ids = list(range(12))
    renumbered = [(order[one], order[other]) for one, other in pairs]
    there = connected([order[one] for one in ids], renumbered)
    assert there.tolist() == connected(ids, pairs).tolist()
    firsts = list(dict.fromkeys(there.tolist()))
    assert firsts == sorted(firsts)
