"""The cache of converted networks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.embeddings import converted
from analysis.embeddings.converted import (
    CARD,
    EXPECTED,
    FROZEN,
    Converted,
    network_folder,
    read_converted,
    write_converted,
)
from analysis.embeddings.sources import Source

# mypy: disable-error-code="no-untyped-def"

EXPECTED_VECTORS = np.arange(12, dtype=np.float32).reshape(3, 4)


def write(folder: Path, frozen: bytes | str = "TypeError: no graph") -> Converted:
    return write_converted(folder, size=32, expected=EXPECTED_VECTORS, frozen=frozen)


def source(weights: Path) -> Source:
    def load() -> Any:
        raise AssertionError("nothing is loaded here")

    return Source("some:pooled", "some", "pooled", weights, "tf", load)


def test_what_was_written_is_read(tmp_path) -> None:
    folder = tmp_path / "networks" / "some"
    assert read_converted(folder) is None
    written = write(folder)
    found = read_converted(folder)
    assert found == written == Converted(folder, 32, (4,), "TypeError: no graph")
    assert (found.expected == EXPECTED_VECTORS).all()
    assert [path.name for path in folder.parent.iterdir()] == ["some"]


def test_a_graph_that_openvino_cannot_read_is_kept_for_the_others(tmp_path) -> None:
    found = write(tmp_path / "some", b"no graph at all")
    assert found.unfrozen is None
    assert {path.name for path in found.folder.iterdir()} == {CARD, EXPECTED, FROZEN}


@pytest.mark.parametrize("name", [CARD, EXPECTED])
@pytest.mark.parametrize(
    "damage", [lambda data: data[:-7], lambda _: b"", lambda data: bytes(len(data))]
)
def test_damage_is_found_and_mended(tmp_path, name, damage) -> None:
    folder = tmp_path / "some"
    write(folder)
    file = folder / name
    file.write_bytes(damage(file.read_bytes()))
    assert read_converted(folder) is None
    assert read_converted(write(folder).folder) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["some"]


def test_a_lost_file_is_damage(tmp_path) -> None:
    folder = write(tmp_path / "some").folder
    (folder / EXPECTED).unlink()
    assert read_converted(folder) is None


def test_a_card_of_something_else_is_damage(tmp_path) -> None:
    folder = write(tmp_path / "some").folder
    for card in ("[]", "{}", json.dumps({"files": {}, "size": 3}), "null"):
        (folder / CARD).write_text(card)
        assert read_converted(folder) is None


def test_who_comes_second_leaves_what_is_there(tmp_path) -> None:
    folder = write(tmp_path / "some").folder
    before = (folder / EXPECTED).stat().st_ino
    write(folder)
    assert (folder / EXPECTED).stat().st_ino == before


def test_a_folder_is_named_by_all_that_it_depends_on(tmp_path, monkeypatch) -> None:
    weights = tmp_path / "weights.h5"
    weights.write_bytes(b"one")
    first = source(weights)
    assert first.sha256 == hashlib.sha256(b"one").hexdigest()
    other = tmp_path / "other.h5"
    other.write_bytes(b"two")
    folders = {
        network_folder(one, tmp_path)
        for one in (
            first,
            source(other),
            replace(first, layer="logits"),
            replace(first, preprocessing="caffe"),
            replace(first, name="another"),
        )
    }
    monkeypatch.setattr(converted, "version", lambda package: f"{package} of tomorrow")
    folders.add(network_folder(first, tmp_path))
    assert len(folders) == 6
    assert all(folder.parent == tmp_path for folder in folders)
