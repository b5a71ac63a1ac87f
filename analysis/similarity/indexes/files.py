"""An index in the object store, and its copy on this machine.

    models/<name>/<version>/index.faiss    the index, as FAISS writes it
    models/<name>/<version>/ids.npy        (n,) int64: the image at each position, -1: none
    models/<name>/<version>/written.npy    (n,) int64: the transaction that wrote its vector
    models/<name>/<version>/index.json     what it is, for programs
    models/<name>/<version>/card.md        what it is, for people

FAISS trusts what it reads: a file that somebody else wrote can crash the process. A file is
therefore opened only where its bytes have the sha256 that the database recorded.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias
from urllib.parse import unquote, urlsplit

import faiss
import numpy as np

from analysis.errors import ArtifactDamaged
from analysis.registry.artifacts import CARD, model_key
from analysis.registry.models import Model
from analysis.similarity.indexes.building import Index
from analysis.similarity.indexes.card import index_card
from analysis.similarity.indexes.freshness import Rows
from storage.errors import ObjectNotFound
from storage.objects import FolderObjectStore, ObjectStore

INDEX: Final = "index.faiss"
IDS: Final = "ids.npy"
WRITTEN: Final = "written.npy"
ABOUT: Final = "index.json"
FILES: Final = (INDEX, IDS, WRITTEN, ABOUT, CARD)
CONTENT_TYPE: Final = "application/octet-stream"
CURE: Final = "Build it anew with `artworks analyze index --redo`."

SUFFIX: Final = ".faiss"
"""Of copies in the cache, whose stem is their sha256."""
CHECKED: Final = ".checked"
"""Of notes that a file of this sha256 was checked where it lies."""
TEMPORARY: Final = "tmp-"
REMEMBERED: Final = 64 * 1024**2
"""Bytes from which it is remembered that a file was checked: a gigabyte takes a second."""
STALE: Final = timedelta(days=1)
"""Age at which a temporary file belongs to a process that was killed."""

Files: TypeAlias = Mapping[str, Mapping[str, Any]]
"""`sha256` and `size` by file name."""


@dataclass(frozen=True)
class Contents:
    """An index and what its positions stand for."""

    index: Index
    rows: Rows


def save_index(
    store: ObjectStore,
    name: str,
    version: str,
    contents: Contents,
    about: Mapping[str, Any],
    cache: Path,
) -> dict[str, dict[str, Any]]:
    """Store an index; return its files, to be recorded with its row.

    What lies there under this version was never registered, and is replaced. `cache` is a folder on
    a disk that has room for the file.
    """
    files: dict[str, dict[str, Any]] = {}
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=cache) as folder:
        path = Path(folder) / INDEX
        faiss.write_index(contents.index, str(path))
        files[INDEX] = {"sha256": _sha256(path), "size": path.stat().st_size}
        with path.open("rb") as file:
            size = files[INDEX]["size"]
            store.put(model_key(name, version, INDEX), file, content_type=CONTENT_TYPE, length=size)
    for file_name, array in ((IDS, contents.rows.ids), (WRITTEN, contents.rows.written)):
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        data = buffer.getvalue()
        store.put(model_key(name, version, file_name), data, content_type=CONTENT_TYPE)
        files[file_name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    document = json.dumps({**about, "files": files}, indent=2, ensure_ascii=False)
    store.put(model_key(name, version, ABOUT), document.encode(), content_type="application/json")
    card = index_card(about).encode()
    store.put(model_key(name, version, CARD), card, content_type="text/markdown")
    return files


def read_rows(store: ObjectStore, model: Model) -> Rows:
    """Return what the positions of an index stand for. Raises ArtifactDamaged."""
    return Rows(_array(store, model, IDS), _array(store, model, WRITTEN))


def map_index(store: ObjectStore, model: Model, cache: Path) -> Index:
    """Return an index whose file is mapped into memory: only what a search touches is read.

    Nothing can be added to it. It stays whole when its file is deleted. Raises ArtifactDamaged.
    """
    with _checked_file(store, model, cache) as path:
        return _read(path, model, faiss.IO_FLAG_MMAP_IFC)


def load_index(store: ObjectStore, model: Model, cache: Path) -> Index:
    """Return an index that is all in memory, and can be added to. Raises ArtifactDamaged."""
    with _checked_file(store, model, cache) as path:
        return _read(path, model, 0)


def prune_cache(cache: Path, keep: set[str]) -> None:
    """Remove copies of indexes that are not among `keep`, and what killed processes left.

    `keep` holds the sha256 of index files. A search that has one of them mapped goes on.
    """
    oldest = time.time() - STALE.total_seconds()
    for path in cache.glob(f"*{SUFFIX}"):
        if path.stem not in keep:
            path.unlink(missing_ok=True)
    for path in cache.glob(f"*{CHECKED}"):
        if path.stem not in keep:
            path.unlink(missing_ok=True)
    for path in cache.glob(f"{TEMPORARY}*"):
        try:
            if path.stat().st_mtime < oldest:
                _remove(path)
        except FileNotFoundError:
            continue  # its process has just removed it


def _remove(path: Path) -> None:
    if path.is_dir():
        for inner in path.iterdir():
            inner.unlink(missing_ok=True)
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _checked_file(store: ObjectStore, model: Model, cache: Path) -> Iterator[Path]:
    """Give a file whose bytes are those that the database recorded."""
    key, expected = _recorded(model, INDEX)
    if isinstance(store, FolderObjectStore):
        # What is in a folder of this machine needs no copy.
        path = _path_in(store, key)
        try:
            _check_in_place(path, model, key, expected["sha256"], cache)
        except FileNotFoundError as error:
            _tell_missing(model, key, error)
        yield path
        return
    path = cache / f"{expected['sha256']}{SUFFIX}"
    try:
        whole = path.stat().st_size == expected["size"]
    except FileNotFoundError:
        whole = False
    if not whole:
        _download(store, model, key, expected["sha256"], path)
    yield path


def _path_in(store: FolderObjectStore, key: str) -> Path:
    return Path(unquote(urlsplit(store.presign_get(key, timedelta(hours=1))).path))


def _check_in_place(path: Path, model: Model, key: str, expected: str, cache: Path) -> None:
    """Check a file of the object store's folder, unless it is the one that was checked before."""
    found = path.stat()
    # Nobody can set the time at which a file was changed last (ctime) back.
    state = f"{found.st_dev} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
    marker = cache / f"{expected}{CHECKED}"
    if found.st_size >= REMEMBERED and marker.is_file() and marker.read_text() == state:
        return
    sha256 = _sha256(path)
    if sha256 != expected:
        _tell_damaged(model, key, sha256, expected)
    if found.st_size >= REMEMBERED:
        cache.mkdir(parents=True, exist_ok=True)
        temporary = cache / f"{TEMPORARY}{os.getpid()}-{time.time_ns()}"
        temporary.write_text(state)
        temporary.replace(marker)


def _download(store: ObjectStore, model: Model, key: str, expected: str, path: Path) -> None:
    """Copy an index to this machine, in place only when it is whole and the right one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{TEMPORARY}{os.getpid()}-{time.time_ns()}"
    digest = hashlib.sha256()
    try:
        with temporary.open("xb") as file, store.open(key) as chunks:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != expected:
            _tell_damaged(model, key, digest.hexdigest(), expected)
        temporary.replace(path)
    except ObjectNotFound as error:
        _tell_missing(model, key, error)
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path, model: Model, flags: int) -> Index:
    try:
        return faiss.read_index(str(path), flags)
    except RuntimeError as error:
        # Its bytes are the ones that were written: another FAISS cannot read them.
        raise ArtifactDamaged(
            f"FAISS {faiss.__version__} cannot read the index {model.label}, which "
            f"{model.params.get('faiss', 'another version')} wrote, from {path}. {CURE}"
        ) from error


def _array(store: ObjectStore, model: Model, file: str) -> Any:
    key, expected = _recorded(model, file)
    try:
        data = store.get(key)
    except ObjectNotFound as error:
        _tell_missing(model, key, error)
    found = hashlib.sha256(data).hexdigest()
    if found != expected["sha256"]:
        _tell_damaged(model, key, found, expected["sha256"])
    return np.load(io.BytesIO(data), allow_pickle=False)


def _recorded(model: Model, file: str) -> tuple[str, Mapping[str, Any]]:
    files = model.params.get("files", {})
    if file not in files:
        raise ArtifactDamaged(
            f"the index {model.label} was registered without its file {file}. {CURE}"
        )
    return model_key(model.name, model.version, file), files[file]


def _tell_missing(model: Model, key: str, error: Exception) -> NoReturn:
    raise ArtifactDamaged(
        f"the object store has no {key}, a file of the index {model.label}: restore it from a "
        f"backup. {CURE}"
    ) from error


def _tell_damaged(model: Model, key: str, found: str, expected: str) -> NoReturn:
    raise ArtifactDamaged(
        f"{key} has the sha256 {found[:16]}…, and the index {model.label} was registered with "
        f"{expected[:16]}…: it is damaged or was replaced, and is not opened. {CURE}"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
