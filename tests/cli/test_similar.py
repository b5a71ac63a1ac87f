"""`artworks similar` and `artworks compare`: likes and distances, for scripts and for people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.databases import emptied, opened, sql
from support.gallery import Gallery, picture
from support.vectors import add_embeddings

from analysis.engine import run_jobs
from storage.database import Database
from storage.errors import ExitCode
from storage.objects import open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"

SIZE = (96, 72)


@pytest.fixture
def likes(command, session_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Four works, embedded and analysed, which the command finds."""
    monkeypatch.setenv("ARTWORKS_DATABASE_URL", session_database)
    store = open_store(load_settings().objects_location, create=True)
    with opened(session_database) as database:
        emptied(database)
        Gallery(database, store).hang(*(picture(number, SIZE) for number in range(1, 5)))
        run_jobs(database, store, ["colors", "layout"])
        ids = [row.id for row in sql(database, "SELECT id FROM images ORDER BY id")]
        rng = np.random.default_rng(0)
        add_embeddings(database, {image_id: rng.normal(size=8) for image_id in ids})
        yield database


@pytest.fixture
def files(open_folder: Path) -> tuple[str, str]:
    """Two pictures: one that is stored, and one that is not."""
    paths = [open_folder / "stored.png", open_folder / "other.png"]
    for path, number in zip(paths, (1, 99), strict=True):
        path.write_bytes(picture(number, SIZE))
    return str(paths[0]), str(paths[1])


def test_likes_for_scripts_and_people(command, likes, open_folder: Path) -> None:
    found = command("similar", "--id", "museum/w1", "--json").json
    assert (found["engine"], found["notes"]) == ("pgvector", [])
    assert found["weights"] == {"meaning": 0.8, "color": 0.1, "composition": 0.1}
    assert found["query"]["said"] == "museum/w1"
    names = [answer["works"][0]["source_id"] for answer in found["answers"]]
    assert sorted(names) == ["w2", "w3", "w4"]
    distances = [answer["distance"] for answer in found["answers"]]
    assert distances == sorted(distances)
    first = found["answers"][0]["parts"]
    assert set(first) == {"meaning", "color", "composition"}
    assert first["color"]["unit"] == "ΔE"

    printed = command("similar", "--id", "museum/w1", "--top", "2")
    lines = printed.out.splitlines()
    assert lines[0].split("\t")[:4] == ["Distance", "Meaning", "Color", "Composition"]
    assert [line.split("\t")[0] for line in lines[1:]] == [f"{d:.3f}" for d in distances[:2]]
    exact = command("similar", "--id", "museum/w1", "--exact", "--json").json
    assert exact["engine"] == "exact"
    assert [answer["distance"] for answer in exact["answers"]] == pytest.approx(distances, abs=1e-5)

    drawn = command("similar", "--id", "museum/w1", "--out", "likes.png")
    assert "3 works → likes.png" in drawn.err
    assert Image.open(open_folder / "likes.png").width == 2000
    again = command("similar", "--id", "museum/w1", "--out", "likes.png")
    assert (again.code, "--force" in again.err) == (ExitCode.USAGE, True)


def test_a_file_is_compared_by_what_is_seen_in_it(command, likes, files) -> None:
    found = command("similar", "--image", files[0], "--weights", "color=1,composition=1", "--json")
    answers = found.json["answers"]
    assert answers[0]["works"][0]["source_id"] == "w1"
    assert answers[0]["distance"] == pytest.approx(0.0, abs=1e-3)
    printed = command("similar", "--image", files[0], "--weights", "color=1")
    assert "(the same picture)" in printed.out.splitlines()[1]


WRONG = [
    ((), "like what? Give one of --id, --image and --text."),
    (("--id", "1", "--text", "sea"), "and no other"),
    (("--id", "museum/w9"), "is not in the collection: give an artwork's id"),
    (("--id", "museum/w1", "--weights", "size=1"), "meaning, color, composition"),
    (("--id", "museum/w1", "--site", "louvre"), "known: museum"),
    (("--id", "museum/w1", "--term", "genre:sea"), 'no work has the genre "sea"'),
    (("--id", "museum/w1", "--term", "sea"), "write KIND=NAME"),
    (("--id", "museum/w1", "--engine", "annoy"), "choose from faiss, pgvector"),
    (("--id", "museum/w1", "--engine", "faiss"), "artworks analyze index"),
    (("--id", "museum/w1", "--engine", "faiss", "--exact"), "leave one of them away"),
    (("--id", "museum/w1", "--model", "none"), 'there is no model "none"'),
    (("--id", "museum/w1", "--model", "layout-lab-edges"), "makes no embeddings"),
    (("--id", "museum/w1", "--force"), "--force is for --out"),
    (("--image", "none.jpg", "--weights", "color=1"), "cannot read none.jpg"),
    (("--image", "none.jpg"), "cannot read none.jpg"),
    (("--image", "other.png"), "the network that made test-network/1 cannot be had"),
    (("--text", "sea", "--weights", "color=1"), "leave --weights away"),
]


def test_wrong_questions_are_answered_with_the_cure(command, likes, files) -> None:
    for arguments, cure in WRONG:
        refused = command("similar", *arguments)
        assert (refused.code, refused.out) == (ExitCode.USAGE, "")
        assert cure in refused.err


def test_networks_that_know_no_words_say_so(command, likes) -> None:
    sql(likes, "UPDATE models SET name = 'descriptors' WHERE kind = 'embedding'")
    refused = command("similar", "--text", "a calm sea")
    assert refused.code == ExitCode.USAGE
    assert "descriptors/1 knows no words: install artworks[clip]" in refused.err


def test_without_embeddings_the_cure_is_told(command, likes) -> None:
    sql(likes, "DELETE FROM models WHERE kind = 'embedding'")
    refused = command("similar", "--id", "museum/w1")
    assert refused.code == ExitCode.USAGE
    assert "run `artworks analyze embeddings`, or compare by what there is" in refused.err
    assert command("similar", "--id", "museum/w1", "--weights", "color=1").code == ExitCode.DONE


def test_two_pictures_are_compared(command, likes, files, open_folder: Path) -> None:
    found = command("compare", "museum/w1", "museum/w2", "--json").json
    assert set(found["parts"]) == {"meaning", "color", "composition"}
    assert 0.0 < found["distance"] <= 1.0
    assert found["pairs_of"] == "paintings"  # four works say nothing
    assert found["second"]["page_url"].endswith("w2")
    printed = command("compare", files[0], "museum/w2", "--weights", "color=1", "--out", "both.png")
    lines = printed.out.splitlines()
    assert lines[0].split("\t") == [
        "Part", "Distance", "Measured", "Unit", "Weight", "Nearer pairs",
    ]  # fmt: skip
    assert "Differing bits: " in printed.out
    assert "2 pictures → both.png" in printed.err
    assert Image.open(open_folder / "both.png").width > 1000
    wrong = command("compare", "museum/w1", "museum/w9")
    assert (wrong.code, "is not in the collection" in wrong.err) == (ExitCode.USAGE, True)


def test_two_files_are_compared_without_a_collection(
    command, files, monkeypatch: pytest.MonkeyPatch, open_folder: Path
) -> None:
    monkeypatch.setenv("ARTWORKS_EMBEDDING", "mobilenet_v2")
    monkeypatch.setenv("KERAS_HOME", str(open_folder / "none"))
    found = command("compare", *files, "--json")
    assert found.code == ExitCode.DONE
    assert found.json["parts"]["meaning"] is None
    assert "meaning is left out" in found.json["notes"][0]
    drawn = command("compare", *files, "--weights", "color=1", "--out", "both.png")
    assert (drawn.code, (open_folder / "both.png").exists()) == (ExitCode.DONE, True)
    assert not (open_folder / "postgres").exists()
    missing = command("compare", files[0], "museum/w1")
    assert missing.code == ExitCode.UNREACHABLE
