"""Works that are like a picture: found by parts, ordered by all of them, and explained."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Connection
from support.databases import sql
from support.vectors import add_embeddings

from analysis.engine import run_jobs
from analysis.errors import NoEmbeddings, NothingToCompare, NothingToShow
from analysis.reports.query import Query
from analysis.similarity import candidates
from analysis.similarity.answers import Likes
from analysis.similarity.finding import Asked, find_in
from analysis.similarity.measures import JOBS, measure, models_of, raw_between
from analysis.similarity.score import MEDIANS, Part, Weights, combined, scaled
from storage.database import Database
from storage.errors import UsageError
from storage.objects import ObjectStore

# mypy: disable-error-code="no-untyped-def"

DIMENSIONS = 8
Ask = Callable[..., Likes]


def vector(number: int) -> np.ndarray:
    return np.abs(np.random.default_rng(number).normal(size=DIMENSIONS)) + 0.01


@pytest.fixture
def works(database: Database, store: ObjectStore, add_work) -> list[int]:
    """Ten works of two sites that are analysed by all parts; the ids of their images."""
    ids = [
        add_work(
            number,
            size=(96, 72),
            site="museum" if number % 2 else "gallery",
            terms={"genre": "landscape" if number < 5 else "portrait"},
        )
        for number in range(1, 11)
    ]
    run_jobs(database, store, ["colors", "layout"])
    add_embeddings(database, {image_id: vector(image_id) for image_id in ids})
    return ids


@pytest.fixture
def reading(database: Database) -> Iterator[Connection]:
    with database.begin() as connection:
        yield connection


@pytest.fixture
def ask(database: Database, store: ObjectStore) -> Ask:
    def ask(said: str = "museum/1", weights: str | None = None, **more) -> Likes:
        chosen = {} if weights is None else {"weights": Weights.parse(weights)}
        with database.begin() as connection:
            return find_in(database, store, connection, Asked(said=said, **chosen, **more))

    return ask


def found(likes: Likes) -> list[int]:
    return [answer.image_id for answer in likes.answers]


def test_every_way_gives_the_order_of_comparing_all(database, store, works, ask: Ask) -> None:
    run_jobs(database, store, ["index"])
    with database.begin() as connection:
        known = measure(connection, models_of(connection), np.array(works))
    for weights in ("meaning=1", "color=1", "composition=1", "meaning=2,color=1,composition=1"):
        expected = {}
        for other in works[1:]:
            raw = raw_between(known[works[0]], known[other])
            parts = {part: scaled(np.array([raw[part]]), MEDIANS[part]) for part in raw}
            expected[other] = combined(parts, Weights.parse(weights))[0]
        for way in ({"exact": True}, {"engine": "pgvector"}, {"engine": "faiss"}):
            likes = ask(weights=weights, **way)
            told = {answer.image_id: answer.distance for answer in likes.answers}
            assert told == pytest.approx(expected, abs=1e-4)
            assert list(told.values()) == sorted(told.values())
            assert likes.notes == ()


def test_the_index_is_used_where_there_is_one(database, store, works, ask: Ask) -> None:
    assert ask().engine == "pgvector"
    run_jobs(database, store, ["index"])
    assert ask().engine == "faiss"
    assert ask(exact=True).engine == "exact"
    with pytest.raises(UsageError, match="choose from faiss, pgvector"):
        ask(engine="annoy")


def test_large_collections_are_not_read_through(
    works, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Palettes have an index; layouts are read only where they lead."""
    monkeypatch.setattr(candidates, "SCANNED", 3)
    monkeypatch.setattr(candidates, "PAGE", 4)
    everything = ask(exact=True)
    likes = ask()
    assert found(likes) == found(everything)
    assert likes.notes == (
        "composition has no index, and proposed none of so many images; --exact looks at all of "
        "them",
    )
    assert found(ask(weights="composition=1")) == found(ask(weights="composition=1", exact=True))
    assert ask(weights="composition=1").notes == ()
    # What the index of palettes proposes has the largest colours of the query.
    alike = ask(said="gallery/2", weights="color=1", query=Query(site="gallery"))
    assert set(found(alike)) <= set(
        found(ask(said="gallery/2", weights="color=1", query=Query(site="gallery"), exact=True))
    )


def test_palettes_propose_by_their_index(
    database, store, add_work, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    red, like_red, blue = ((200, 30, 30), (190, 40, 35), (30, 30, 200))
    ids = [add_work(n, data=flat(c)) for n, c in enumerate((red, like_red, blue), start=1)]
    run_jobs(database, store, ["colors"])
    monkeypatch.setattr(candidates, "SCANNED", 2)
    likes = ask(weights="color=1")
    assert found(likes) == [ids[1]]
    assert likes.answers[0].parts[Part.COLOR].distance < 0.5


def flat(color: tuple[int, int, int]) -> bytes:
    pixels = np.full((60, 80, 3), color, np.uint8)
    # Gray somewhere else in each: perceptual hashes see no colour, and are not to be equal.
    pixels[color[1] // 5 : color[1] // 5 + 20, color[0] // 5 : color[0] // 5 + 30] = 128
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_filters_hold_for_every_part(works, ask: Ask) -> None:
    portraits = ask(query=Query(terms=(("genre", "portrait"),)))
    assert set(found(portraits)) == set(works[4:])
    both = ask(query=Query(site="gallery", terms=(("genre", "portrait"),)), weights="color=1")
    assert {answer.works[0].source_id for answer in both.answers} == {"6", "8", "10"}
    assert len(ask(limit=2).answers) == 2
    with pytest.raises(UsageError, match="known: gallery, museum"):
        ask(query=Query(site="louvre"))
    with pytest.raises(UsageError, match='no work has the genre "still life"'):
        ask(query=Query(terms=(("genre", "still life"),)))
    with pytest.raises(NothingToShow, match="no work with a stored image is in"):
        ask(query=Query(terms=(("genre", "portrait"), ("genre", "landscape"))))


def test_own_work_and_the_same_picture_are_left_out_and_near_ones_marked(
    database, store, works, ask: Ask
) -> None:
    hashes = {
        works[0]: 0x5A5A_5A5A_5A5A_5A5A,
        works[1]: 0x5A5A_5A5A_5A5A_5A5A,
        works[2]: 0x5A5A_5A5A_5A5A_5A5A ^ 0b111,
        works[3]: 0x5A5A_5A5A_5A5A_5A5A ^ (2**20 - 1),
    }
    for image_id, phash in hashes.items():
        sql(database, "UPDATE images SET phash = :h WHERE id = :i", h=phash, i=image_id)
    # The first work shows the picture of the last one, too.
    sql(
        database,
        "INSERT INTO image_sources (artwork_id, position, url, image_id) "
        "SELECT id, 1, 'https://museum.example/detail.jpg', :i FROM artworks "
        "WHERE source_id = '1'",
        i=works[9],
    )
    answers = {answer.image_id: answer for answer in ask().answers}
    assert set(answers) == set(works[2:9])
    assert (answers[works[2]].bits, answers[works[2]].near_duplicate) == (3, True)
    assert answers[works[2]].mark == "near-duplicate"
    assert (answers[works[3]].bits, answers[works[3]].near_duplicate) == (20, False)


def test_a_work_is_one_answer(database, works, ask: Ask) -> None:
    """Its nearest picture stands for it."""
    sql(
        database,
        "INSERT INTO image_sources (artwork_id, position, url, image_id) "
        "SELECT id, 1, 'https://museum.example/detail.jpg', :i FROM artworks "
        "WHERE source_id = '3'",
        i=works[3],
    )
    ordered = found(ask(exact=True))
    first = min((works[2], works[3]), key=[*ordered, works[2], works[3]].index)
    assert first in ordered
    assert len({works[2], works[3]} & set(ordered)) == 1
    assert len(ordered) == len(works) - 2


def test_pictures_that_nobody_shows_are_no_answers(database, works, ask: Ask) -> None:
    sql(database, "UPDATE image_sources SET gone_at = now() WHERE image_id = :i", i=works[1])
    sql(database, "UPDATE images SET placeholder = true WHERE id = :i", i=works[2])
    for way in ({"exact": True}, {}, {"weights": "composition=1"}):
        assert set(found(ask(**way))) == set(works[3:])


def test_parts_that_are_missing_are_told(database, works, ask: Ask) -> None:
    sql(
        database,
        "DELETE FROM image_embeddings WHERE image_id = ANY(:ids)",
        ids=[works[4], works[5]],
    )
    sql(database, "DELETE FROM image_features WHERE image_id = :i", i=works[6])
    likes = ask(limit=9)
    # What lacks the part that counts most comes last, whatever else it has.
    assert set(found(likes)[-2:]) == {works[4], works[5]}
    by_id = {answer.image_id: answer for answer in likes.answers}
    assert set(by_id[works[4]].parts) == {Part.COLOR, Part.COMPOSITION}
    assert set(by_id[works[6]].parts) == {Part.MEANING, Part.COLOR}
    assert likes.notes == (
        "2 of the answers have no meaning yet: run `artworks analyze embeddings`",
        "1 of the answers have no composition yet: run `artworks analyze layout`",
    )
    assert likes.as_dict()["answers"][-1]["parts"]["meaning"] is None

    lacking = ask(said="gallery/6", weights="color=2,meaning=1")
    assert lacking.weights.as_dict()["meaning"] == 0.0
    assert lacking.notes[0] == (
        "meaning is left out, since gallery/6 has not been analysed for it: run `artworks "
        "analyze embeddings`"
    )
    with pytest.raises(NothingToCompare, match="gallery/6 has not been analysed for meaning"):
        ask(said="gallery/6")


def test_without_results_the_cure_is_told(database, store, add_work, ask: Ask) -> None:
    add_work(1)
    for part in Part:
        with pytest.raises(NoEmbeddings, match=f"run `artworks analyze {JOBS[part]}`"):
            ask(weights=f"{part}=1")
    run_jobs(database, store, ["colors"])
    with pytest.raises(NoEmbeddings, match="or compare by what there is with --weights color=1"):
        ask()
    likes = ask(weights="color=3,meaning=1")
    assert likes.answers == ()
    assert "meaning is left out, since no image has been analysed for it" in likes.notes[0]


def test_embeddings_of_other_networks_are_compared_by_name(database, works, ask: Ask) -> None:
    add_embeddings(
        database,
        {image_id: vector(1000 - image_id) for image_id in works},
        name="other-network",
        is_default=False,
    )
    default, other = ask(weights="meaning=1"), ask(weights="meaning=1", model="other-network")
    assert (default.models[Part.MEANING].name, other.models[Part.MEANING].name) == (
        "test-network",
        "other-network",
    )
    assert [a.distance for a in default.answers] != [a.distance for a in other.answers]


def test_a_file_is_measured_as_stored_pictures_are(
    database, store, works, ask: Ask, tmp_path, monkeypatch
) -> None:
    from analysis.similarity import embedding

    key = sql(database, "SELECT object_key FROM images WHERE id = :i", i=works[0])[0].object_key
    path = tmp_path / "mine.jpg"
    path.write_bytes(store.get(key))
    monkeypatch.setattr(embedding, "embed_as", lambda *_: lambda rgb: vector(works[0]))
    likes = ask(said=None, image=path, limit=10)
    assert found(likes)[1:] == found(ask())
    # Nothing is left out for a file: whoever asks wants to know that it is there.
    assert found(likes)[0] == works[0]
    assert likes.answers[0].distance == pytest.approx(0.0, abs=1e-3)
    assert likes.subject.sha256 == likes.answers[0].sha256


def test_words_find_what_lies_near_them(
    database, works, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from analysis.embeddings import embedder as embedders
    from analysis.similarity import embedding

    def speaking(_inference: str) -> embedders.Embedder:
        def words(said: list[str]) -> np.ndarray:
            return np.stack([vector(works[len(one)]) for one in said])

        return embedders.Embedder(
            "test-network",
            "1",
            {"dimensions": DIMENSIONS},
            open=pytest.fail,
            open_words=lambda: words,
        )

    makers = {**embedders.MAKERS, "test-network": speaking}
    monkeypatch.setattr(embedders, "MAKERS", makers)
    monkeypatch.setattr(embedding, "MAKERS", makers)
    likes = ask(said=None, words="dog")
    assert found(likes)[0] == works[3]
    assert list(likes.weights.shares) == [Part.MEANING]
    assert likes.as_dict()["query"]["said"] == "dog"
    # The scale is that of the words: half of the pictures are nearer than 1.
    assert sum(answer.distance < 1.0 for answer in likes.answers) == len(works) // 2
