"""`artworks clusters` and the report `clusters`: for scripts, for people, and as pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.databases import emptied, opened, sql
from support.gallery import Gallery, picture
from support.vectors import add_embeddings

from storage.collection import add_terms
from storage.database import Database
from storage.errors import ExitCode
from storage.objects import open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"

SIZE = (96, 72)
STYLES = ("woodcut", "op art")


@pytest.fixture
def groups(command, session_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Works of two styles, eight and six, whose vectors lie in two directions."""
    monkeypatch.setenv("ARTWORKS_DATABASE_URL", session_database)
    store = open_store(load_settings().objects_location, create=True)
    with opened(session_database) as database:
        emptied(database)
        Gallery(database, store).hang(*(picture(number, SIZE) for number in range(1, 15)))
        shown = sql(database, "SELECT artwork_id, image_id FROM image_sources ORDER BY artwork_id")
        said = [STYLES[at >= 8] for at in range(14)]
        with database.begin() as connection:
            add_terms(
                connection,
                [
                    {"artwork_id": row.artwork_id, "kind": "style", "name": style, "source": "page"}
                    for row, style in zip(shown, said, strict=True)
                ],
            )
        rng = np.random.default_rng(4)
        vectors = {
            row.image_id: np.eye(16)[STYLES.index(style)] + 0.05 * rng.normal(size=16)
            for row, style in zip(shown, said, strict=True)
        }
        add_embeddings(database, vectors)
        yield database


def test_groups_for_scripts_and_people(command, groups, monkeypatch: pytest.MonkeyPatch) -> None:
    found = command("clusters", "--json").json
    assert (found["method"], found["k"], found["embedding"]) == (
        "kmeans",
        "auto",
        "test-network/1",
    )
    assert found["run"]["details"]["fitted"] == found["model"] == "clusters-kmeans/1"
    assert [(one["size"], one["theme"]) for one in found["clusters"]] == [
        (8, "woodcut"),
        (6, "op art"),
    ]
    [first, second] = found["clusters"]
    assert first["share"] + second["share"] == pytest.approx(1.0, abs=1e-5)
    assert first["neighbors"] == [{"cluster": 2, "distance": second["neighbors"][0]["distance"]}]
    assert len(first["typical"]) == 8

    header, *lines = (line.split("\t") for line in command("clusters").out.splitlines())
    assert header == ["Group", "Images", "Share", "Cohesion", "Theme", "Typical works"]
    assert [(line[0], line[1], line[4]) for line in lines] == [
        ("1", "8", "woodcut"),
        ("2", "6", "op art"),
    ]

    one = command("clusters", "2", "--json").json
    assert (one["cluster"], one["theme"], len(one["works"])) == (2, "op art", 6)
    assert {work["probability"] for work in one["works"]} == {1.0}
    assert one["atypical"][0]["source_id"] == one["works"][-1]["source_id"]

    for module in ("cli.console", "cli.clusters"):
        monkeypatch.setattr(f"{module}.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "140")
    shown = command("clusters", "2", "--limit", "4")
    for word in ("Group 2: op art", "6 (42.9%)", "nearest groups", "6 of 6", "100%"):
        assert word in shown.out
    assert "2 more images: see --limit" in shown.err
    assert "silhouette" in command("clusters").err


def test_what_a_picture_mixes(
    command, groups, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = command("clusters", "--id", "museum/w12", "--json").json
    assert found["method"] == "gaussian"
    [first, *_] = found["mixture"]
    assert (first["theme"], first["cluster"]) == ("op art", 2)
    assert first["probability"] > 0.9
    lines = command("clusters", "--id", "museum/w1", "--method", "kmeans").out.splitlines()
    assert lines[1].split("\t")[:3] == ["1.000000", "1", "woodcut"]

    # A file is embedded as the pictures in the groups were: here, half way and a little more.
    vector = np.eye(16)[0] * 0.4 + np.eye(16)[1] * 0.6
    embed = lambda *_: lambda _rgb: (vector / np.linalg.norm(vector)).astype(np.float32)  # noqa: E731
    monkeypatch.setattr("analysis.clusters.files.embed_as", embed)
    path = open_folder / "own.png"
    path.write_bytes(picture(99, SIZE))
    mixed = command("clusters", "--image", str(path), "--method", "kmeans", "--json").json
    assert mixed["of"] == "own.png"
    assert mixed["mixture"] == [{"cluster": 2, "theme": "op art", "probability": 1.0}]


def test_pictures(command, groups, open_folder: Path) -> None:
    drawn = command("clusters", "--out", "new/groups.png")
    assert "groups → new/groups.png" in drawn.err
    assert Image.open(open_folder / "new" / "groups.png").width == 2000
    again = command("clusters", "--out", "new/groups.png")
    assert (again.code, "--force" in again.err) == (ExitCode.USAGE, True)
    assert command("clusters", "1", "--out", "new/groups.png", "--force").code == 0

    stored = command("report", "clusters", "--out", "report", "--json").json
    names = [one["name"] for one in stored["pictures"]]
    assert names == ["clusters-variance", "clusters-number", "clusters-sheet", "clusters-style"]
    assert stored["counts"] == {"images": 14, "clusters": 2}
    assert stored["models"] == ["clusters-kmeans 1", "test-network 1"]
    assert len(stored["images"]) == 14
    assert {path.stem for path in (open_folder / "report").iterdir()} == set(names)


WRONG = [
    (("3",), "there is no group 3 in clusters-kmeans/1: choose from 1, 2"),
    (("1", "--id", "museum/w1"), "give one of them"),
    (("--method", "dbscan"), "choose from kmeans, gaussian"),
    (("--k", "40"), "14 images with an embedding, and groups need 40"),
    (("--force",), "--force is for --out"),
    (("--id", "museum/w1", "--out", "x.png"), "leave --id and --image away"),
    (("--id", "museum/w99"), "is not in the collection"),
    (("--model", "other"), 'there is no model "other"'),
    (("--out", "/proc/none/groups.png"), "cannot write /proc/none/groups.png"),
]


def test_wrong_usage(command, groups) -> None:
    for arguments, said in WRONG:
        result = command("clusters", *arguments)
        assert result.code == ExitCode.USAGE, arguments
        assert said in result.err


def test_nothing_is_embedded_yet(sample) -> None:
    open_store(load_settings().objects_location, create=True)
    result = sample("clusters")
    assert result.code == ExitCode.USAGE
    assert "run `artworks analyze embeddings`" in result.err
    assert sample("report", "clusters").code == ExitCode.USAGE
