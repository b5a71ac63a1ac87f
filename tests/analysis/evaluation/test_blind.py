"""A blind comparison: the page does not tell who answers, the key does, and answers are counted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.databases import sql
from support.vectors import add_embeddings

from analysis.errors import NoEmbeddings, NothingToCompare, WrongAnswers
from analysis.evaluation.blind_answers import Study, make_study
from analysis.evaluation.blind_score import read_document, score_answers
from analysis.evaluation.blind_sheet import blind_key, blind_page
from storage.database import Database
from storage.objects import ObjectStore

AddWork = Callable[..., int]


@pytest.fixture
def study(database: Database, add_work: AddWork) -> Study:
    """Twelve pictures, and two networks that see them differently."""
    rng = np.random.default_rng(2)
    images = [add_work(number, size=(90, 60)) for number in range(12)]
    for name in ("one", "other"):
        vectors = {image: rng.normal(size=6) for image in images}
        add_embeddings(database, vectors, name=name, is_default=name == "one")
    with database.begin() as connection:
        return make_study(connection, None, "other", queries=8, answers=3, seed=1)


def test_answers_are_the_nearest_without_the_query(database: Database, study: Study) -> None:
    assert (study.first, study.second, len(study.questions)) == ("one/1", "other/1", 8)
    nearest = (
        "SELECT o.image_id FROM image_embeddings q JOIN image_embeddings o USING (model_id) "
        "JOIN models m ON m.id = model_id WHERE m.name = :name AND q.image_id = :image "
        "AND o.image_id <> q.image_id ORDER BY q.embedding <=> o.embedding, 1 LIMIT 3"
    )
    for question in study.questions:
        for name, answers in (("one", question.first), ("other", question.second)):
            rows = sql(database, nearest, name=name, image=question.query)
            assert answers == tuple(row.image_id for row in rows)


def test_what_taught_a_projection_is_not_asked(database: Database, study: Study) -> None:
    taught = [question.sha256 for question in study.questions[:5]]
    with database.begin() as connection:
        fresh = make_study(connection, None, "other", queries=8, answers=3, seed=1, without=taught)
    asked = [question.sha256 for question in fresh.questions]
    assert asked[:3] == [question.sha256 for question in study.questions[5:]]
    assert not set(asked) & set(taught)


def test_the_page_is_whole_and_blind(database: Database, store: ObjectStore, study: Study) -> None:
    with database.begin() as connection:
        page = blind_page(connection, store, study)
        assert blind_page(connection, store, study) == page
    assert page.count("data:image/jpeg;base64,") == 8 * 7
    assert len(re.findall(r'type="radio" name="\d+"', page)) == 8 * 3
    assert not re.search(r"https?://|one/1|other/1", page)
    key = blind_key(study)
    assert key["sheet"] in page
    sides = {(one["A"], one["B"]) for one in key["questions"].values()}
    assert sides == {("one/1", "other/1"), ("other/1", "one/1")}
    # Row A holds what the key says.
    store.delete(f"{sql(database, 'SELECT preview_key FROM images LIMIT 1')[0].preview_key}")
    with database.begin() as connection:
        assert "not readable" in blind_page(connection, store, study)


def answered(key: dict[str, Any], choose: Callable[[dict[str, str]], str]) -> dict[str, Any]:
    return {
        "sheet": key["sheet"],
        "answers": {number: choose(sides) for number, sides in key["questions"].items()},
    }


def test_answers_are_counted_by_question(study: Study) -> None:
    key = json.loads(json.dumps(blind_key(study)))

    def prefer(model: str) -> dict[str, Any]:
        return answered(key, lambda sides: "A" if sides["A"] == model else "B")

    clear = score_answers(key, [prefer("one/1"), prefer("one/1"), prefer("other/1")])
    assert (clear.models, clear.people, clear.questions) == (("one/1", "other/1"), 3, 8)
    assert (clear.wins, clear.undecided, clear.votes) == ((8, 0), 0, (16, 8))
    assert clear.p_value == pytest.approx(2 / 2**8)
    even = score_answers(key, [prefer("one/1"), prefer("other/1")])
    assert (even.wins, even.undecided, even.p_value) == ((0, 0), 8, 1)
    nobody = score_answers(key, [answered(key, lambda _: "same")])
    assert (nobody.undecided, nobody.votes) == (8, (0, 0))


def test_what_does_not_belong_is_refused(study: Study, tmp_path: Path) -> None:
    key = blind_key(study)
    with pytest.raises(WrongAnswers, match="give the key that was written with the sheet"):
        score_answers(key, [{"sheet": "0", "answers": {}}])
    with pytest.raises(WrongAnswers, match='no answer "C" to question 1'):
        score_answers(key, [{"sheet": key["sheet"], "answers": {"1": "C"}}])
    with pytest.raises(WrongAnswers, match="cannot read"):
        read_document(tmp_path / "none.json", ("sheet",))
    (tmp_path / "odd.json").write_text("[1]")
    with pytest.raises(WrongAnswers, match="lacks sheet"):
        read_document(tmp_path / "odd.json", ("sheet",))
    (tmp_path / "odd.json").write_text("{")
    with pytest.raises(WrongAnswers, match="is no JSON"):
        read_document(tmp_path / "odd.json", ("sheet",))


def test_nothing_to_choose_is_said(database: Database, add_work: AddWork) -> None:
    images = [add_work(number, size=(30, 20)) for number in range(3)]
    vectors = {image: [1.0, number] for number, image in enumerate(images)}
    for name in ("one", "other"):
        add_embeddings(database, vectors, name=name, is_default=name == "one")
    add_embeddings(database, {images[0]: [1.0]}, name="poor", is_default=False)
    sql(database, "DELETE FROM image_embeddings WHERE model_id = 3")
    with database.begin() as connection:
        with pytest.raises(NothingToCompare, match="cannot be compared with itself"):
            make_study(connection, "one", "one")
        with pytest.raises(NothingToCompare, match="same answers to all of 3 queries"):
            make_study(connection, "one", "other")
        with pytest.raises(
            NoEmbeddings, match="no image that can be asked has vectors of both one/1 and poor/1"
        ):
            make_study(connection, "one", "poor")
