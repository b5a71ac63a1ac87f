"""Vectors of views, by the hand-made descriptors: computed once, and kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from analysis.embeddings.descriptors import describe, describe_all
from analysis.errors import NetworkUnavailable, PictureMissing, WrongDataset
from analysis.jobs import RGB
from analysis.labels.dataset import Dataset, DatasetQuery, Split
from analysis.labels.networks import views
from analysis.labels.networks.augmentation import PRESETS, augment
from analysis.labels.networks.view_cache import PART, STALE_SECONDS, ViewCache
from analysis.labels.networks.views import CHUNK, view_vectors
from analysis.labels.task import Task
from analysis.registry.models import Model

LIGHT = PRESETS["light"]
COUNT = CHUNK + 6
"""Images: two chunks."""
ROOT = Path(__file__).parents[4]


def picture(number: int) -> RGB:
    rng = np.random.default_rng(number)
    return rng.integers(0, 256, (8 + number % 3, 9, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)


class Album:
    """Pictures, and which of them were asked for."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def __call__(self, places: Sequence[int]) -> Sequence[RGB]:
        self.read += places
        return [picture(place) for place in places]


def model_of(**params: object) -> Model:
    return Model(
        id=1,
        name="descriptors",
        version="1",
        kind="embedding",
        head=None,
        params={"dimensions": 10, "input": "preview", **params},
        metrics={},
        artifact_key=None,
        data_fingerprint=None,
        active=True,
        is_default=True,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def task_of(cache: Path, count: int = COUNT) -> Task:
    empty = np.empty(0, np.int64)
    return Task(
        dataset=Dataset(
            query=DatasetQuery("style", "single"),
            classes=("one",),
            ids=np.arange(count),
            sha256=tuple(f"{number:064x}" for number in range(count)),
            targets=np.ones((count, 1), np.uint8),
            weak=np.zeros(count, np.bool_),
            groups=np.arange(count),
            artists=np.arange(count),
            sites=("museum",) * count,
            artists_known=False,
        ),
        split=Split(np.arange(count), empty, empty, empty, "random", 0, ""),
        balance="none",
        seed=0,
        embedding=model_of(),
        vectors=describe_all([picture(number) for number in range(count)]),
        pictures=Album(),
        folder=cache / "training",
        cache=cache,
    )


def asked_of(task: Task) -> list[int]:
    assert isinstance(task.pictures, Album)
    return task.pictures.read


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return task_of(tmp_path)


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> npt.NDArray[np.float32]:
    """Three views of all pictures."""
    return view_vectors(task_of(tmp_path_factory.mktemp("views")), None, LIGHT, 3, 0)


def test_views_are_what_the_network_makes_of_altered_pictures(
    computed: npt.NDArray[np.float32], task: Task
) -> None:
    assert task.vectors is not None
    assert computed.shape == (COUNT, 3, task.vectors.shape[1])
    assert computed.dtype == np.float32
    np.testing.assert_array_equal(computed[:, 0], task.vectors)
    assert np.linalg.norm(computed, axis=2) == pytest.approx(1, abs=1e-5)
    for place, view in ((0, 1), (5, 2), (COUNT - 1, 2)):
        expected = describe(augment(picture(place), task.dataset.sha256[place], view, LIGHT, 0))
        assert computed[place, view] == pytest.approx(expected, abs=1e-3)
        assert computed[place, view] @ computed[place, 0] < 0.9999


def test_a_second_training_computes_nothing(
    task: Task, computed: npt.NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int, int]] = []
    task = replace(task, progress=lambda *now: told.append(now))
    np.testing.assert_array_equal(view_vectors(task, "descriptors", LIGHT, 3, 0), computed)
    assert told == [("views", done, 2 * COUNT) for done in (0, 2 * CHUNK, 2 * COUNT)]
    assert asked_of(task) == [*range(COUNT)]

    def nothing(*_: object) -> None:
        pytest.fail("a view was computed again")

    monkeypatch.setattr(views, "augment", nothing)
    told.clear()
    np.testing.assert_array_equal(view_vectors(task, None, LIGHT, 3, 0), computed)
    assert told == [("views", 2 * COUNT, 2 * COUNT)]
    # Other images, in another order and fewer views, are found as well.
    some = np.array([9, 2, COUNT - 1])
    assert task.vectors is not None
    fewer = replace(task, dataset=task.dataset.subset(some), vectors=task.vectors[some])
    np.testing.assert_array_equal(view_vectors(fewer, None, LIGHT, 2, 0), computed[some, :2])
    assert len(asked_of(task)) == COUNT


def test_only_what_is_missing_is_computed(tmp_path: Path) -> None:
    view_vectors(task_of(tmp_path, 5), None, LIGHT, 2, 0)
    larger = task_of(tmp_path, 8)
    found = view_vectors(larger, None, LIGHT, 2, 0)
    assert asked_of(larger) == [5, 6, 7]
    more = task_of(tmp_path, 8)
    both = view_vectors(more, None, LIGHT, 3, 0)
    assert asked_of(more) == [*range(8)]
    np.testing.assert_array_equal(both[:, :2], found)
    other = task_of(tmp_path, 8)
    assert not np.array_equal(view_vectors(other, None, LIGHT, 2, seed=1), found)
    assert not np.array_equal(view_vectors(other, None, PRESETS["strong"], 2, 0), found)
    assert asked_of(other) == [*range(8)] * 2


def test_what_needs_no_network_asks_for_none(task: Task) -> None:
    unknown = replace(task, embedding=replace(model_of(), name="gone"))
    assert task.vectors is not None
    np.testing.assert_array_equal(view_vectors(unknown, None, LIGHT, 1, 0)[:, 0], task.vectors)
    same = view_vectors(unknown, None, PRESETS["none"], 4, 0)
    assert (same == task.vectors[:, None]).all()
    assert asked_of(task) == []
    assert list(task.cache.iterdir()) == []


def test_a_damaged_file_is_computed_anew(
    task: Task, computed: npt.NDArray[np.float32], caplog: pytest.LogCaptureFixture
) -> None:
    view_vectors(task, None, LIGHT, 3, 0)
    files = sorted(task.cache.rglob("*.npz"))
    assert len(files) == 2
    for damage in (
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: data[:-400] + bytes([data[-400] ^ 1]) + data[-399:],
        lambda data: data[:3000] + bytes([data[3000] ^ 64]) + data[3001:],
    ):
        files[0].write_bytes(damage(files[0].read_bytes()))
        caplog.clear()
        before = len(asked_of(task))
        np.testing.assert_array_equal(view_vectors(task, None, LIGHT, 3, 0), computed)
        assert f"{files[0]} is damaged" in caplog.text
        assert 0 < len(asked_of(task)) - before < COUNT
    # Whole, but with vectors of another length.
    with np.load(files[0]) as stored:
        arrays = {**stored, "vectors": stored["vectors"][:, 1:]}
    np.savez(files[0], **arrays)
    np.testing.assert_array_equal(view_vectors(task, None, LIGHT, 3, 0), computed)


def test_a_picture_of_which_the_network_makes_nothing_stands_for_itself(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    black = replace(task, pictures=lambda places: [np.zeros((9, 9, 3), np.uint8)] * len(places))
    real = describe_all([picture(0)])[0]

    def embed(images: list[RGB]) -> npt.NDArray[np.float32]:
        nothing = np.full_like(real, np.nan)
        return np.stack([real if image.any() else nothing for image in images])

    monkeypatch.setattr("analysis.embeddings.descriptors.describe_all", embed)
    found = view_vectors(black, None, LIGHT, 2, 0)
    np.testing.assert_array_equal(found[:, 1], found[:, 0])
    again = view_vectors(task, None, LIGHT, 2, 0)
    np.testing.assert_array_equal(again, found)
    assert asked_of(task) == []


def test_refusals(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WrongDataset, match="0 views of a picture cannot be had: give 1 to 64"):
        view_vectors(task, None, LIGHT, 0, 0)
    other = replace(task, embedding=model_of(weights="ab" * 32))
    with pytest.raises(NetworkUnavailable, match=r"made by descriptors/1 with weights abab.* None"):
        view_vectors(other, None, LIGHT, 2, 0)
    unknown = replace(task, embedding=replace(model_of(), version="0"))
    with pytest.raises(NetworkUnavailable, match="what is on this machine is descriptors/1"):
        view_vectors(unknown, "descriptors", LIGHT, 2, 0)
    with pytest.raises(NetworkUnavailable, match="that made descriptors/0 cannot be had"):
        view_vectors(unknown, None, LIGHT, 2, 0)
    projected = replace(model_of(embedding="descriptors/1"), artifact_key="models/p/1/p.npz")
    with pytest.raises(NetworkUnavailable, match="learn from descriptors/1 with --model"):
        view_vectors(replace(task, embedding=projected), None, LIGHT, 2, 0)

    def missing(places: Sequence[int]) -> Sequence[RGB]:
        raise PictureMissing("it is gone")

    with pytest.raises(PictureMissing):
        view_vectors(replace(task, pictures=missing), None, LIGHT, 2, 0)


_SLOW = """
import sys, time
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[2]]
from test_views import CHUNK, LIGHT, task_of, view_vectors
from dataclasses import replace

task = task_of(Path(sys.argv[3]))
album = task.pictures

def pictures(places):
    if places[0] >= CHUNK:
        print("the second chunk", flush=True)
        time.sleep(600)
    return album(places)

view_vectors(replace(task, pictures=pictures), None, LIGHT, 3, 0)
"""


def test_a_kill_loses_at_most_a_chunk(task: Task, computed: npt.NDArray[np.float32]) -> None:
    here = str(Path(__file__).parent)
    process = subprocess.Popen(
        [sys.executable, "-c", _SLOW, str(ROOT), here, str(task.cache)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "the second chunk\n"
        process.send_signal(signal.SIGKILL)
    np.testing.assert_array_equal(view_vectors(task, None, LIGHT, 3, 0), computed)
    assert asked_of(task) == [*range(CHUNK, COUNT)]


def test_a_file_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = ViewCache(tmp_path, {"network": "any"}, 2)
    rows = [(f"{number:064x}", 1) for number in range(3)]

    def full(file: Path, **arrays: object) -> None:
        file.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(np, "savez", full)
        with pytest.raises(OSError, match="No space left"):
            cache.write(rows, np.ones((3, 2), np.float16))
    assert list(cache.folder.iterdir()) == []
    # Another process is writing the same rows.
    (cache.folder / f"{PART}1-other.npz").write_bytes(b"half of it")
    assert list(cache.read()) == []
    cache.write(rows, np.ones((3, 2), np.float16))
    cache.write(rows, np.ones((3, 2), np.float16))
    ((found, vectors),) = cache.read()
    assert (found, vectors.tolist()) == (rows, [[1, 1]] * 3)


def test_the_cache_is_bounded(tmp_path: Path) -> None:
    caches = [ViewCache(tmp_path, {"seed": seed}, 100) for seed in range(4)]
    for age, cache in enumerate(caches[::-1]):
        cache.write([("ab" * 32, 1)], np.ones((1, 100), np.float16))
        os.utime(cache.folder, (time.time() - 100 - age,) * 2)
    (size,) = {file.stat().st_size for file in tmp_path.rglob("*.npz")}
    # Reading is using: the first one was the least recently used of the others.
    assert len(list(caches[0].read())) == 1
    old = caches[3].folder / f"{PART}1-old.npz"
    new = caches[3].folder / f"{PART}2-new.npz"
    for file in (old, new):
        file.write_bytes(b"half of it")
    os.utime(old, (time.time() - STALE_SECONDS - 60,) * 2)
    caches[3].make_room(3 * size + 50)
    assert [cache.folder.is_dir() for cache in caches] == [True, False, True, True]
    assert (old.exists(), new.exists()) == (False, True)
    caches[3].make_room(0)
    assert [cache.folder.is_dir() for cache in caches] == [False, False, False, True]
