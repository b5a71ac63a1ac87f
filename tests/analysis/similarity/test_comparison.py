"""Two pictures beside each other, and pictures as people name them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.databases import sql
from support.vectors import add_embeddings

from analysis.engine import run_jobs
from analysis.errors import NoSuchFile, NothingToCompare, NothingToShow
from analysis.similarity import sample
from analysis.similarity.finding import compare_files, compare_in
from analysis.similarity.measures import models_of, raw_between
from analysis.similarity.sample import medians_of, pairs_of, random_pairs
from analysis.similarity.score import MEDIANS, Part, Weights
from analysis.similarity.subjects import file_subject, find_subject
from storage.errors import UsageError

# mypy: disable-error-code="no-untyped-def"

LOOKS = Weights.parse("color=1,composition=1")


@pytest.fixture
def works(database, store, add_work) -> list[int]:
    """Six works that are analysed by all parts; the ids of their images."""
    ids = [add_work(number, size=(96, 72)) for number in range(1, 7)]
    run_jobs(database, store, ["colors", "layout"])
    rng = np.random.default_rng(0)
    add_embeddings(database, {image_id: rng.normal(size=8) for image_id in ids})
    return ids


@pytest.fixture
def file_of(database, store, tmp_path):
    """Write a stored picture into a file."""

    def write(image_id: int) -> Path:
        [row] = sql(database, "SELECT object_key FROM images WHERE id = :i", i=image_id)
        path = tmp_path / f"{image_id}.jpg"
        path.write_bytes(store.get(row.object_key))
        return Path(path)

    return write


def test_pictures_are_found_by_every_name_that_they_have(database, works) -> None:
    with database.begin() as connection:
        models = models_of(connection)
        [row] = sql(
            database,
            "SELECT a.id, a.page_url, i.sha256 FROM artworks a "
            "JOIN image_sources s ON s.artwork_id = a.id JOIN images i ON i.id = s.image_id "
            "WHERE i.id = :i",
            i=works[2],
        )
        names = (str(row.id), row.page_url, row.sha256, row.sha256.upper(), "museum/3")
        for said in names:
            subject = find_subject(connection, models, said)
            assert (subject.image_id, subject.title) == (works[2], "Composition 3")
            assert subject.measured.parts == tuple(Part)
        for said in ("999", "museum/999", "https://museum.example/none", "0" * 64):
            with pytest.raises(UsageError, match="is not in the collection: give an artwork's id"):
                find_subject(connection, models, said)
        with pytest.raises(UsageError, match="names no work and no image"):
            find_subject(connection, models, "Composition")
    sql(database, "UPDATE image_sources SET gone_at = now() WHERE image_id = :i", i=works[2])
    with database.begin() as connection, pytest.raises(NothingToShow, match="no picture of it"):
        find_subject(connection, models, "museum/3")


def test_a_file_gets_what_the_jobs_give_stored_pictures(database, works, file_of) -> None:
    with database.begin() as connection:
        stored = find_subject(connection, models_of(connection), "museum/1")
    other = file_subject(file_of(works[0]))
    assert other.sha256 == stored.sha256
    assert other.phash == stored.phash
    raw = raw_between(stored.measured, other.measured)
    assert raw == pytest.approx({Part.COLOR: 0.0, Part.COMPOSITION: 0.0}, abs=1e-3)


def test_files_that_are_no_images_are_refused(tmp_path) -> None:
    with pytest.raises(NoSuchFile, match=r"none\.jpg"):
        file_subject(tmp_path / "none.jpg")
    (tmp_path / "page.jpg").write_bytes(b"<html>not here</html>")
    with pytest.raises(NoSuchFile, match=r"page\.jpg is no image that can be read"):
        file_subject(tmp_path / "page.jpg")


def test_two_files_need_no_collection(works, file_of) -> None:
    first, second = file_of(works[0]), file_of(works[1])
    same = compare_files(first, first, LOOKS)
    assert (same.distance, same.bits) == (pytest.approx(0.0, abs=1e-3), 0)
    assert same.verdict == "They are the same file."
    found = compare_files(first, second, LOOKS)
    assert 0.0 < found.distance <= 1.0
    assert (found.pairs, found.nearer) == (None, None)
    assert found.verdict.startswith("Of random pairs of paintings, they are ")
    assert found.as_dict()["pairs_of"] == "paintings"
    assert compare_files(second, first, LOOKS).distance == pytest.approx(found.distance, abs=1e-3)


def test_without_its_network_meaning_is_left_out(
    database, store, works, file_of, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARTWORKS_EMBEDDING", "mobilenet_v2")
    monkeypatch.setenv("KERAS_HOME", str(file_of(works[0]).parent / "nothing"))
    first, second = file_of(works[0]), file_of(works[1])
    found = compare_files(first, second, Weights.parse("meaning=8,color=1"))
    assert list(found.parts) == [Part.COLOR]
    assert found.notes[0].startswith("meaning is left out: ")
    with pytest.raises(NothingToCompare, match="meaning is left out"):
        compare_files(first, second, Weights.parse("meaning=1"))
    with database.begin() as connection:
        mixed = compare_in(
            connection, store, str(first), "museum/2", Weights.parse("meaning=1,color=1")
        )
    assert list(mixed.parts) == [Part.COLOR]
    assert any("the network that made test-network/1 cannot be had" in n for n in mixed.notes)


def test_stored_pictures_are_measured_against_pairs_of_the_collection(
    database, store, works, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.begin() as connection:
        few = compare_in(connection, store, "museum/1", "museum/2", Weights.parse("meaning=1"))
        assert "too few to say what a distance is worth" in few.notes[0]
        assert few.nearer is None
        monkeypatch.setattr("analysis.similarity.comparison.ENOUGH", 3)
        found = compare_in(
            connection, store, "museum/1", "museum/2", Weights.parse("meaning=1,color=1")
        )
        pairs = pairs_of(connection, models_of(connection), found.weights, MEDIANS)
    assert found.pairs is not None
    assert found.pairs.pictures == 6
    assert found.nearer == pairs.share_nearer({p: known.raw for p, known in found.parts.items()})
    # The pair itself is among the 15, so that their shares step by that.
    assert found.nearer is not None
    assert found.nearer * 15 == pytest.approx(round(found.nearer * 15))
    assert "of random pairs of this collection (6 pictures drawn)" in found.verdict
    assert found.as_dict()["parts"]["composition"] is None


def test_the_scale_of_other_networks_is_that_of_the_collection(
    database, works, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.begin() as connection:
        models = models_of(connection)
        assert medians_of(connection, models) == MEDIANS
        monkeypatch.setattr(sample, "ENOUGH", 3)
        medians = medians_of(connection, models)
        known = [find_subject(connection, models, f"museum/{n}").measured for n in range(1, 7)]
    apart = [
        raw_between(known[one], known[other])[Part.MEANING]
        for one in range(6)
        for other in range(one)
    ]
    assert medians[Part.MEANING] == pytest.approx(float(np.median(apart)))
    assert medians[Part.COLOR] == MEDIANS[Part.COLOR]


@pytest.mark.parametrize("count", [0, 1, 2, 5, 300])
def test_random_pairs_are_of_different_pictures(count: int) -> None:
    one, other = random_pairs(count, 100)
    assert len(one) == len(other) == min(100, count * (count - 1) // 2)
    assert (one < other).all()
    assert len(set(zip(one.tolist(), other.tolist(), strict=True))) == len(one)
