"""Vectors of views on disk, so that no training computes them twice.

Below a folder, all that the same network made of views of the same kind lies together, in files of
up to some hundred rows that are never changed: a file is written under another name first and then
renamed, so that it is there whole or not at all. Two processes that compute the same write the
same. A file that is damaged is removed, and its rows are computed anew. All of it may be deleted
at any time.

A vector of d numbers takes 2 · d + 34 bytes (2.6 kB for 1,280): 950 pictures in 3 views beside
their own take 7.4 MB.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

log = logging.getLogger(__name__)

FORMAT: Final = 1
"""Of the files, and of how views are drawn: raised whenever either changes."""
MOST_BYTES: Final = 2_000_000_000
"""Of all folders together: beyond, those that were used least recently are removed."""
STALE_SECONDS: Final = 86_400
"""Age from which a file under another name was left by a process that was killed."""
ENDING: Final = ".npz"
PART: Final = ".part-"

Halves: TypeAlias = npt.NDArray[np.float16]
"""(n, d) float16."""
Row: TypeAlias = tuple[str, int]
"""The sha256 of an image, and the number of a view."""


class ViewCache:
    """The vectors that one network made of views of one kind."""

    def __init__(self, root: Path, made_by: Mapping[str, Any], dimensions: int) -> None:
        """Open the folder for what `made_by` says, all of which vectors depend on."""
        said = json.dumps({"format": FORMAT, **made_by}, sort_keys=True, default=str)
        self.root = root
        self.folder = root / hashlib.sha256(said.encode()).hexdigest()[:24]
        self.dimensions = dimensions

    def read(self) -> Iterator[tuple[list[Row], Halves]]:
        """Yield what is there, file by file; files that are damaged are removed."""
        try:
            # What is used now is removed last.
            os.utime(self.folder)
        except FileNotFoundError:
            return
        for file in sorted(self.folder.glob(f"*{ENDING}")):
            if not file.name.startswith(PART):
                found = self._rows(file)
                if found is not None:
                    yield found

    def write(self, rows: Sequence[Row], vectors: Halves) -> None:
        """Keep the vectors of rows, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(json.dumps(list(rows)).encode()).hexdigest()[:24]
        part = self.folder / f"{PART}{os.getpid()}-{name}{ENDING}"
        digests = b"".join(bytes.fromhex(sha256) for sha256, _ in rows)
        try:
            np.savez(
                part,
                sha256=np.frombuffer(digests, np.uint8).reshape(-1, 32),
                views=np.array([view for _, view in rows], np.uint16),
                vectors=vectors.astype(np.float16),
            )
            part.replace(self.folder / f"{name}{ENDING}")
        finally:
            part.unlink(missing_ok=True)

    def make_room(self, most: int = MOST_BYTES) -> None:
        """Remove what killed processes left, and folders until at most so many bytes are left.

        This folder stays, and of the others those that were used most recently.
        """
        if not self.root.is_dir():
            return
        _sweep(self.folder)
        folders = [one for one in self.root.iterdir() if one.is_dir() and one != self.folder]
        room = most - _bytes_of(self.folder)
        for folder in sorted(folders, key=lambda one: one.stat().st_mtime, reverse=True):
            room -= _bytes_of(folder)
            if room < 0:
                log.info("%s is removed from the cache of views, which is full", folder)
                shutil.rmtree(folder, ignore_errors=True)

    def _rows(self, file: Path) -> tuple[list[Row], Halves] | None:
        try:
            with np.load(file, allow_pickle=False) as stored:
                sha256, views, vectors = (stored[name] for name in ("sha256", "views", "vectors"))
            whole = (
                sha256.shape == (len(views), 32)
                and vectors.shape == (len(views), self.dimensions)
                and (sha256.dtype, vectors.dtype) == (np.uint8, np.float16)
            )
        except FileNotFoundError:
            # Another process needed the room.
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            log.warning("%s is damaged (%s): its views are computed anew", file, error)
            whole = False
        if not whole:
            file.unlink(missing_ok=True)
            return None
        rows = [
            (digest.tobytes().hex(), int(view)) for digest, view in zip(sha256, views, strict=True)
        ]
        return rows, vectors


def _sweep(folder: Path) -> None:
    """Remove files that a killed process was writing."""
    for file in folder.glob(f"{PART}*"):
        try:
            if time.time() - file.stat().st_mtime > STALE_SECONDS:
                file.unlink()
        except FileNotFoundError:
            continue


def _bytes_of(folder: Path) -> int:
    total = 0
    for file in folder.glob("*"):
        try:
            total += file.stat().st_size
        except FileNotFoundError:
            continue
    return total
