"""What people say of labels: rows are added, the last word counts, and one yes ends another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from support.databases import sql

from analysis.errors import WrongHead
from analysis.labels.people.corrections import (
    known_labels,
    mode_of,
    novelty,
    record_verdict,
    to_label,
    verdicts,
)
from storage.database import Database
from storage.errors import UsageError

AddWork = Callable[..., int]


def classifier(database: Database, head: str, labels: str, classes: str = "[]") -> None:
    sql(
        database,
        "INSERT INTO models (name, version, kind, head, params, is_default) VALUES (:name, '1', "
        "'classifier', :head, CAST(:params AS jsonb), true)",
        name=f"probe-{head}",
        head=head,
        params=f'{{"labels": "{labels}", "classes": {classes}}}',
    )


def say(database: Database, image: int, head: str, label: str, verdict: str) -> list[Any]:
    with database.begin() as connection:
        return [
            (one.label, one.verdict)
            for one in record_verdict(connection, image, head, label, verdict, "Ada")  # type: ignore[arg-type]
        ]


def accepted(database: Database, head: str) -> list[str]:
    rows = sql(
        database,
        "SELECT label FROM current_labels WHERE head = :head AND accepted ORDER BY label",
        head=head,
    )
    return [label for (label,) in rows]


def test_of_one_label_a_yes_ends_another(database: Database, add_work: AddWork) -> None:
    image = add_work(1, size=(8, 8))
    assert say(database, image, "style", "Cubism ", "yes") == [("cubism", "yes")]
    assert say(database, image, "style", "baroque", "yes") == [("cubism", "no"), ("baroque", "yes")]
    assert accepted(database, "style") == ["baroque"]
    # A no ends nothing but itself, and what was said stays on record.
    assert say(database, image, "style", "rococo", "no") == [("rococo", "no")]
    assert say(database, image, "style", "baroque", "no") == [("baroque", "no")]
    assert accepted(database, "style") == []
    assert sql(database, "SELECT count(*) FROM corrections")[0][0] == 5
    with database.begin() as connection:
        found = verdicts(connection, image_id=image)
        assert [one.label for one in found] == ["baroque", "rococo", "cubism"]
        assert {one.verdict for one in found} == {"no"}
        assert verdicts(connection, head="genre") == []
        assert found[0].as_dict()["at"] == found[0].at.isoformat()


def test_of_several_labels_a_yes_leaves_the_others(database: Database, add_work: AddWork) -> None:
    image = add_work(1, size=(8, 8))
    say(database, image, "category", "prints", "yes")
    assert say(database, image, "category", "flowers", "yes") == [("flowers", "yes")]
    assert accepted(database, "category") == ["flowers", "prints"]


def test_the_classifier_says_whether_there_are_several(
    database: Database, add_work: AddWork
) -> None:
    image = add_work(1, size=(8, 8))
    classifier(database, "style", "multi")
    classifier(database, "tag", "single")
    with database.begin() as connection:
        assert [mode_of(connection, head) for head in ("style", "tag", "category", "color")] == [
            "multi", "single", "multi", "single"
        ]  # fmt: skip
    say(database, image, "style", "cubism", "yes")
    assert say(database, image, "style", "collage", "yes") == [("collage", "yes")]


def test_two_people_at_once_leave_one_label(database: Database, add_work: AddWork) -> None:
    """The second waits for the first, and sees what it said."""
    image = add_work(1, size=(8, 8))
    started = threading.Event()

    def second() -> None:
        started.set()
        say(database, image, "style", "baroque", "yes")

    other = threading.Thread(target=second)
    with database.begin() as connection:
        record_verdict(connection, image, "style", "cubism", "yes", "Ada")
        other.start()
        started.wait()
    other.join(30)
    assert not other.is_alive()
    assert accepted(database, "style") == ["baroque"]


def test_what_cannot_be_recorded(database: Database, add_work: AddWork) -> None:
    image = add_work(1, size=(8, 8))
    with database.begin() as connection:
        with pytest.raises(WrongHead, match=r'no head "shape": choose from style.*color'):
            record_verdict(connection, image, "shape", "round", "yes", "Ada")
        with pytest.raises(UsageError, match="a label has no letters"):
            record_verdict(connection, image, "style", "  ", "yes", "Ada")
        with pytest.raises(UsageError, match="--author"):
            record_verdict(connection, image, "style", "cubism", "yes", " ")
        with pytest.raises(UsageError, match="there is no image 999"):
            record_verdict(connection, 999, "style", "cubism", "yes", "Ada")
    assert to_label(" Op  Art ") == "op  art"
    assert sql(database, "SELECT count(*) FROM corrections")[0][0] == 0


def test_known_and_new_labels(database: Database, add_work: AddWork) -> None:
    add_work(1, size=(8, 8), terms={"style": "Cubism", "genre": "portrait"}, artist="Ada Möller")
    classifier(database, "style", "single", '["baroque"]')
    with database.begin() as connection:
        connection.execute(text("UPDATE artists SET nationality = 'Danish'"))
        connection.execute(text("UPDATE artworks SET place = 'Odense'"))
        assert known_labels(connection, "style") == {"cubism", "baroque"}
        assert known_labels(connection, "artist") == {"ada möller"}
        assert known_labels(connection, "nationality") == {"danish"}
        assert known_labels(connection, "place") == {"odense"}
        assert novelty(connection, "style", "baroque") == ""
        said = novelty(connection, "style", "barok")
        assert said.startswith('the style "barok" is new')
        assert "spelled like it: baroque" in said
        assert "spelled" not in novelty(connection, "genre", "xxxx")
