"""What only the folder does: files under their keys, survival of kills, full disks."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.errors import ObjectNotFound, ObjectStoreUnavailable
from storage.objects import FolderObjectStore, open_store

from .test_objects import keys, names, values


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def store(root: Path) -> FolderObjectStore:
    store = FolderObjectStore(root)
    store.ensure_bucket()
    return store


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_ordinary_keys_are_ordinary_paths(store: FolderObjectStore, root: Path) -> None:
    ordinary = ["images/ab/cd/abcd.jpg", "models/colors/1.0/weights.json", "reports/a_b/x=1/r.csv"]
    for key in ordinary:
        store.put(key, b"1", content_type="image/jpeg" if key.endswith("jpg") else "text/csv")
    assert files(root) == {
        *ordinary,
        "models/colors/1.0/weights.json%meta",  # not what its extension implies
    }


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(entries=st.dictionaries(keys, st.dictionaries(names, values, max_size=2), max_size=5))
def test_any_set_of_keys_lists_in_order(
    tmp_path_factory: pytest.TempPathFactory, entries: dict[str, dict[str, str]]
) -> None:
    store = FolderObjectStore(tmp_path_factory.mktemp("keys"))
    store.ensure_bucket()
    for key, metadata in entries.items():
        store.put(key, key.encode(), content_type="x/y", metadata=metadata, durable=False)
    assert [info.key for info in store.list()] == sorted(entries)
    for key, metadata in entries.items():
        assert store.get(key) == key.encode()
        assert store.stat(key).metadata == metadata


@pytest.mark.parametrize("fill", ["x", "é", "春", "😀"])
def test_long_names_list_in_order(store: FolderObjectStore, fill: str) -> None:
    keys = [fill * n + tail for n in range(30, 120, 3) for tail in ("", "a", "\u00e9", "/b")]
    for key in set(keys):
        store.put(key, b"", content_type="text/plain", durable=False)
    assert [info.key for info in store.list()] == sorted(set(keys))


WRITER = """
import os, sys
from pathlib import Path
from storage.objects import FolderObjectStore
store = FolderObjectStore(Path(sys.argv[1]))
print("ready", flush=True)
for n in range(1_000_000):
    store.put(f"k/{n % 7}.bin", bytes([n % 251]) * 3_000_000, content_type="x/y",
              metadata={"n": str(n)})
"""


def test_a_killed_put_leaves_no_half_object(store: FolderObjectStore, root: Path) -> None:
    for pause in (0.02, 0.05, 0.11):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            time.sleep(pause)
            writer.send_signal(signal.SIGKILL)
        for info in store.list():
            data = store.get(info.key)
            assert len(data) == 3_000_000
            assert len(set(data)) == 1
            assert store.stat(info.key).content_type == "x/y"


def test_stale_temporary_files_are_swept(store: FolderObjectStore, root: Path) -> None:
    old, young = root / ".tmp" / "old", root / ".tmp" / "young"
    for path in (old, young):
        path.write_bytes(b"half")
    two_days_ago = time.time() - 2 * 86400
    os.utime(old, (two_days_ago, two_days_ago))
    assert list(store.list()) == []
    open_store(root.as_uri())
    assert not old.exists()
    assert young.exists()


def test_failed_puts_leave_no_temporary_file(store: FolderObjectStore, root: Path) -> None:
    with pytest.raises(ValueError, match="ended"):
        store.put("a", BytesIO(b"abc"), content_type="x/y", length=5)
    assert files(root) == set()


def test_an_unmounted_disk_is_not_a_missing_object(store: FolderObjectStore, root: Path) -> None:
    store.put("a.jpg", b"1", content_type="image/jpeg")
    root.rename(root.with_name("elsewhere"))
    root.mkdir()  # the bare mount point
    for use in (store.get, store.stat, store.exists, store.delete):
        with pytest.raises(ObjectStoreUnavailable, match="artworks init"):
            use("a.jpg")
    with pytest.raises(ObjectStoreUnavailable):
        list(store.list())


@pytest.mark.parametrize(
    ("number", "cure"),
    [(errno.ENOSPC, "free some space"), (errno.EROFS, "mount it writable"), (errno.EIO, "disk")],
)
def test_disk_errors_are_told_with_the_cure(
    store: FolderObjectStore, root: Path, monkeypatch: pytest.MonkeyPatch, number: int, cure: str
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ObjectStoreUnavailable, match=cure) as caught:
        store.put("a", b"1", content_type="x/y")
    assert os.strerror(number) in str(caught.value)
    assert files(root) == set()
    with pytest.raises(ObjectNotFound):
        store.get("a")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_really_full_disk(store: FolderObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def full(path: Path, mode: str = "r", buffering: int = -1) -> object:
        return opened(Path("/dev/full"), "wb", buffering) if "x" in mode else opened(path, mode)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(ObjectStoreUnavailable, match="free some space"):
        store.put("a", b"1", content_type="x/y")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_durable_puts_flush_file_and_folder(
    store: FolderObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    really = os.fsync

    def fsync(descriptor: int) -> None:
        flushed.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store.put("previews/x.jpg", b"1", content_type="image/jpeg", durable=False)
    assert flushed == []
    store.put("images/ab/x.jpg", b"1", content_type="image/jpeg")
    root = str(store.root)
    assert flushed[0].startswith(f"{root}/.tmp/")
    assert set(flushed[1:]) == {root, f"{root}/images", f"{root}/images/ab"}
