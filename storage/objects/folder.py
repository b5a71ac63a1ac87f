"""An object store that is a folder, in which people find the images under their keys."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import quote, unquote_to_bytes

from storage.errors import ObjectNotFound, ObjectStoreUnavailable
from storage.objects.protocol import (
    CHUNK_BYTES,
    DEFAULT_CONTENT_TYPE,
    ObjectInfo,
    check_expiry,
    check_key,
    check_prefix,
    decode_metadata,
    encode_metadata,
    implied_content_type,
)

TEMPORARY: Final = ".tmp"
STALE: Final = timedelta(days=1)
"""Age at which a temporary file belongs to a process that was killed."""

# A percent sign that no two hexadecimal digits follow is never the result of encoding, so these
# marks cannot be part of a key.
_OTHER_KIND: Final = "%~"
_CONTINUED: Final = "%+"
_SIDECAR: Final = "%meta"

_MAX_NAME: Final = 200
_LOOKS_LIKE_FILE: Final = re.compile(r"\.[A-Za-z][A-Za-z0-9]*$")


class FolderObjectStore:
    """Objects as files below `root`.

    A put writes a temporary file, flushes it, and renames it: whatever is killed, a key holds
    all of its bytes or does not exist. With `durable`, file and folder entries are flushed
    (fsync) before the put returns, so that the database never points to an object that a power
    cut took. Without it a killed process still leaves nothing torn, but a power cut may leave the
    object missing or empty.

    Content type and metadata lie in a sidecar beside the object, only where they differ from
    what the key's extension implies. It is renamed first, so that an object never shows up
    without its description.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._temporary = self.root / TEMPORARY
        self._serial = itertools.count()
        self._sweep()

    def __repr__(self) -> str:
        return f"FolderObjectStore({str(self.root)!r})"

    def put(
        self,
        key: str,
        data: bytes | BinaryIO,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
        length: int | None = None,
        durable: bool = True,
    ) -> ObjectInfo:
        """Store an object; see `ObjectStore.put`."""
        path = self._path(key)
        sidecar = _sidecar(path)
        description = _description(key, content_type, encode_metadata(metadata))
        with self._told("write", key):
            temporary = self._write(data, length, durable=durable)
            try:
                found = temporary.stat()
                if description is not None:
                    self._move(self._write(description, None, durable=durable), sidecar, durable)
                self._move(temporary, path, durable)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            if description is None:
                sidecar.unlink(missing_ok=True)
        return _info(key, found, content_type, dict(metadata or {}))

    def get(self, key: str) -> bytes:
        """Return an object's bytes; see `ObjectStore.get`."""
        path = self._path(key)
        with self._told("read", key):
            return path.read_bytes()

    @contextmanager
    def open(self, key: str, *, chunk_bytes: int = CHUNK_BYTES) -> Iterator[Iterator[bytes]]:
        """Stream an object; see `ObjectStore.open`."""
        path = self._path(key)
        with self._told("read", key):
            file = path.open("rb")
        with file:
            yield self._chunks(key, file, chunk_bytes)

    def _chunks(self, key: str, file: BinaryIO, chunk_bytes: int) -> Iterator[bytes]:
        while True:
            with self._told("read", key):
                chunk = file.read(chunk_bytes)
            if not chunk:
                return
            yield chunk

    def stat(self, key: str) -> ObjectInfo:
        """Describe an object; see `ObjectStore.stat`."""
        path = self._path(key)
        with self._told("read", key):
            found = path.stat()
            try:
                description = json.loads(_sidecar(path).read_bytes())
            except FileNotFoundError:
                return _info(key, found, implied_content_type(key), {})
            except ValueError as error:
                raise ObjectStoreUnavailable(
                    f"the description of {key!r} in {_sidecar(path)} is not JSON: delete that "
                    "file, or store the object again"
                ) from error
        return _info(
            key,
            found,
            description.get("content_type", implied_content_type(key)),
            decode_metadata(description.get("metadata", {})),
        )

    def exists(self, key: str) -> bool:
        """Whether there is such an object; see `ObjectStore.exists`."""
        path = self._path(key)
        try:
            with self._told("read", key):
                path.stat()
        except ObjectNotFound:
            return False
        return True

    def list(self, prefix: str = "", *, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield objects sorted by key; see `ObjectStore.list`."""
        wanted, after = check_prefix(prefix).encode(), start_after.encode()
        with self._told("read", None):
            self._check_folder()
            yield from self._walk(self.root, b"", wanted, after)

    def _walk(
        self, folder: Path, above: bytes, wanted: bytes, after: bytes
    ) -> Iterator[ObjectInfo]:
        """Yield the objects below `folder`, whose keys begin with `above`.

        Bytes of UTF-8 sort as S3 sorts. A folder sorts with its slash: `a-b` before `a/b`.
        """
        for name, path, is_folder in sorted(_entries(folder, "")):
            key = above + name
            if is_folder:
                # Only a folder that leads to the prefix, or lies under it, can hold matches.
                inside = key.startswith(wanted) or wanted.startswith(key)
                if inside and (key > after or after.startswith(key)):
                    yield from self._walk(path, key, wanted, after)
            elif key.startswith(wanted) and key > after:
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    yield _info(key.decode(), path.stat(), None, {})

    def delete(self, key: str) -> None:
        """Remove an object; see `ObjectStore.delete`."""
        path = self._path(key)
        with contextlib.suppress(ObjectNotFound), self._told("delete", key):
            path.unlink()
        with self._told("delete", key):
            _sidecar(path).unlink(missing_ok=True)

    def presign_get(self, key: str, expires: timedelta) -> str:
        """Return the object's `file://` URL; see `ObjectStore.presign_get`."""
        check_expiry(expires)
        return self._path(key).as_uri()

    def ensure_bucket(self) -> None:
        """Make the folder unless it exists."""
        with self._told("make", None):
            self._temporary.mkdir(parents=True, exist_ok=True)

    def check(self) -> None:
        """Raise ObjectStoreUnavailable unless the folder exists and can be written."""
        with self._told("write", None):
            self._check_folder()
            self._write(b"", None, durable=False).unlink()

    # -- files ----------------------------------------------------------------------------------

    def _path(self, key: str) -> Path:
        *folders, name = check_key(key).split("/")
        path = self.root
        for folder in folders:
            path = _joined(path, _encode(folder), marked=_looks_like_file(folder))
        return _joined(path, _encode(name), marked=not _looks_like_file(name))

    def _write(self, data: bytes | BinaryIO, length: int | None, *, durable: bool) -> Path:
        name = f"{os.getpid()}-{threading.get_ident()}-{next(self._serial)}-{time.time_ns()}"
        path = self._temporary / name
        try:
            with path.open("xb", buffering=0) as file:
                for chunk in _pieces(data, length):
                    view = memoryview(chunk)
                    while view:
                        view = view[file.write(view) :]
                if durable:
                    os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path

    def _move(self, temporary: Path, path: Path, durable: bool) -> None:
        try:
            temporary.replace(path)
        except FileNotFoundError:
            self._check_folder()
            new = [folder for folder in path.parents if not folder.exists()]
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(path)
            if durable:
                # The entries of new folders lie in the folders above them.
                for folder in new:
                    _flush_folder(folder.parent)
        if durable:
            _flush_folder(path.parent)

    def _sweep(self) -> None:
        """Remove what killed processes left behind."""
        oldest = time.time() - STALE.total_seconds()
        with contextlib.suppress(OSError):
            for path in self._temporary.iterdir():
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime < oldest:
                        path.unlink()

    def _check_folder(self) -> None:
        # The folder of temporary files tells a store from an empty mount point: a disk that is
        # not mounted must not read as "no such object".
        if not self._temporary.is_dir():
            raise ObjectStoreUnavailable(
                f"the object folder {self.root} does not exist or is no object store: mount it, "
                "correct ARTWORKS_OBJECTS_URL, or run `artworks init` to make it"
            )

    @contextmanager
    def _told(self, doing: str, key: str | None) -> Iterator[None]:
        """Translate the errors of the file system."""
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            self._check_folder()
            if key is not None and doing != "write":
                raise ObjectNotFound(f"{self.root} holds no object {key!r}") from error
            raise self._unavailable(doing, error) from error
        except OSError as error:
            raise self._unavailable(doing, error) from error

    def _unavailable(self, doing: str, error: OSError) -> ObjectStoreUnavailable:
        cure = {
            errno.ENOSPC: "free some space",
            errno.EDQUOT: "raise the quota",
            errno.EROFS: "mount it writable",
            errno.EACCES: "give this user access",
            errno.EPERM: "give this user access",
            errno.EMFILE: "raise the limit of open files (ulimit -n)",
        }.get(error.errno or 0, "check the disk")
        return ObjectStoreUnavailable(
            f"cannot {doing} in the object folder {self.root}: {error.strerror or error}; {cure}, "
            "or set ARTWORKS_OBJECTS_URL to another store"
        )


def _pieces(data: bytes | BinaryIO, length: int | None) -> Iterator[bytes]:
    if isinstance(data, bytes):
        if length is not None and length > len(data):
            raise ValueError(f"the data ends after {len(data)} of {length} bytes")
        yield data if length is None else data[:length]
        return
    left = length
    while left is None or left > 0:
        piece = data.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
        if not piece:
            break
        yield piece
        if left is not None:
            left -= len(piece)
    if left:
        raise ValueError(f"the stream ended {left} bytes before its {length} bytes")


def _info(
    key: str, found: os.stat_result, content_type: str | None, metadata: dict[str, str]
) -> ObjectInfo:
    return ObjectInfo(
        key=key,
        size=found.st_size,
        content_type=content_type,
        metadata=metadata,
        modified=datetime.fromtimestamp(found.st_mtime, UTC),
        # A replaced object is another file: the inode tells two writes of one clock tick apart.
        etag=f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}",
    )


def _description(key: str, content_type: str, metadata: dict[str, str]) -> bytes | None:
    description: dict[str, object] = {}
    if (content_type or DEFAULT_CONTENT_TYPE) != implied_content_type(key):
        description["content_type"] = content_type
    if metadata:
        description["metadata"] = metadata
    return json.dumps(description).encode() if description else None


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- Keys as file names --------------------------------------------------------------------------
# `a` and `a/b` are both keys, but not both files: a name is marked where its kind (file or
# folder) is not the one that it looks like. Ordinary keys are therefore ordinary paths.


def _looks_like_file(segment: str) -> bool:
    return _LOOKS_LIKE_FILE.search(segment) is not None


def _encode(segment: str) -> str:
    """Encode one part of a key: ASCII only, as file systems differ about the rest."""
    name = quote(segment, safe=" !#$&'()+,;=@[]^_`{}~-.")
    return "%2E" + name[1:] if name.startswith(".") else name


def _joined(folder: Path, name: str, *, marked: bool) -> Path:
    """Append an encoded name, as nested folders where it is longer than file names may be."""
    while len(name) > _MAX_NAME:
        cut = _MAX_NAME
        if "%" in name[cut - 2 : cut]:
            cut = name.rindex("%", 0, cut)
        folder, name = folder / (name[:cut] + _CONTINUED), name[cut:]
    return folder / (name + _OTHER_KIND if marked else name)


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + _SIDECAR)


def _entries(folder: Path, above: str) -> Iterator[tuple[bytes, Path, bool]]:
    """Yield `(part of the key, path, is a folder)`; folders' parts end in a slash."""
    try:
        with os.scandir(folder) as scan:
            found = [(entry.name, entry.is_dir()) for entry in scan]
    except FileNotFoundError:
        return  # deleted meanwhile
    for name, is_folder in found:
        path = folder / name
        if name.startswith(".") or name.endswith(_SIDECAR):
            continue
        if name.endswith(_CONTINUED):
            yield from _entries(path, above + name.removesuffix(_CONTINUED))
            continue
        segment = unquote_to_bytes(above + name.removesuffix(_OTHER_KIND))
        yield (segment + b"/" if is_folder else segment), path, is_folder
