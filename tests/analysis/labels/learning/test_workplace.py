"""Where a training is kept that is cut short: its own, found again, and not for ever."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from analysis.labels.learning.workplace import KEPT_DAYS, feature_cache, workplace

PARAMS = {"method": "transfer", "seed": 0}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home."""
    monkeypatch.setenv("ARTWORKS_HOME", str(tmp_path))
    return tmp_path


def cut_short(params: Mapping[str, Any]) -> Path:
    """The folder of a training that failed when it had got somewhere."""
    given = workplace(params, "examples")
    folder = given.__enter__()
    (folder / "weights.npz").write_bytes(b"1")
    assert not given.__exit__(RuntimeError, RuntimeError(), None)
    return folder


def test_it_is_removed_when_the_training_is_done(home: Path) -> None:
    with workplace(PARAMS, "examples") as folder:
        (folder / "weights.npz").write_bytes(b"1")
        assert folder.parent == home / "cache" / "training"
    assert not folder.exists()
    assert feature_cache() == home / "cache" / "features"


def test_what_was_cut_short_is_found_by_the_same_training_only() -> None:
    first = cut_short(PARAMS)
    for params, examples in ((PARAMS, "others"), ({**PARAMS, "seed": 1}, "examples")):
        with workplace(params, examples) as other:
            assert other != first
            assert not any(other.iterdir())
    with workplace(PARAMS, "examples") as again:
        assert (again / "weights.npz").read_bytes() == b"1"


def test_a_failure_that_left_nothing_leaves_no_folder() -> None:
    with pytest.raises(RuntimeError), workplace(PARAMS, "examples") as folder:
        raise RuntimeError
    assert not folder.exists()


def test_what_nobody_takes_up_is_removed_in_the_end() -> None:
    left = []
    for days, seed in ((KEPT_DAYS - 1, 1), (KEPT_DAYS + 1, 2)):
        folder = cut_short({**PARAMS, "seed": seed})
        then = time.time() - days * 24 * 3600
        for path in (folder / "weights.npz", folder):
            os.utime(path, (then, then))
        left.append(folder)
    with workplace(PARAMS, "examples"):
        assert [folder.exists() for folder in left] == [True, False]
