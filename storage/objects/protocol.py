"""What an object store is, whatever holds the bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO, Final, Protocol, runtime_checkable
from urllib.parse import quote, unquote

MAX_KEY_BYTES: Final = 1024
"""Longest key, in bytes of UTF-8 (the limit of S3)."""

MAX_METADATA_BYTES: Final = 2048
"""Most metadata of one object, names and encoded values together (the limit of S3)."""

MAX_METADATA_VALUE_BYTES: Final = 256
"""Longest encoded metadata value (the limit of OpenStack Swift)."""

CHUNK_BYTES: Final = 256 * 1024
"""Size of the pieces in which objects are streamed."""

DEFAULT_CONTENT_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store knows about an object without its bytes.

    `size` is in bytes, `modified` in UTC. `etag` is opaque: it changes when the object is
    replaced by other bytes, and says nothing else. Listings carry neither content type (None)
    nor metadata (empty): `stat` does.
    """

    key: str
    size: int
    content_type: str | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    modified: datetime | None = None
    etag: str = ""


@runtime_checkable
class ObjectStore(Protocol):
    """Bytes under keys. Safe to use from several threads at once.

    Keys are Unicode paths without a leading slash (`images/ab/cd/….jpg`), at most 1,024 bytes
    of UTF-8. Metadata names are lower-case ASCII (`a-z0-9-`), values any text of moderate
    length.

    Every method raises ValueError for a key or metadata outside of these rules, and
    `storage.errors.ObjectStoreUnavailable` where the store does not answer, refuses the
    credentials, has no bucket, or cannot write. ObjectNotFound always means that the store
    answered, and holds no such object.
    """

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
        """Store `data` under `key`, replacing what was there; readers see all of it or none.

        `length` is the number of bytes to take from a stream (all of it by default); ValueError
        where it ends earlier. `durable=False` is faster for what can be derived again: when
        the machine loses power (not when a process is killed), the object may be lost or empty.
        """
        ...

    def get(self, key: str) -> bytes:
        """Return the bytes of an object. Raises ObjectNotFound."""
        ...

    def open(
        self, key: str, *, chunk_bytes: int = CHUNK_BYTES
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Stream an object: `with store.open(key) as chunks: …`.

        Chunks have at most `chunk_bytes` bytes. Entering raises ObjectNotFound.
        """
        ...

    def stat(self, key: str) -> ObjectInfo:
        """Describe an object. Raises ObjectNotFound."""
        ...

    def exists(self, key: str) -> bool:
        """Whether the store holds an object under `key`."""
        ...

    def list(self, prefix: str = "", *, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects whose key begins with `prefix`, sorted by key.

        `prefix` need not end at a slash. `start_after` leaves out the keys up to and including
        it, to take a listing up where it ended.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        ...

    def presign_get(self, key: str, expires: timedelta) -> str:
        """Return a URL that reads the object for at most `expires` (one second to seven days).

        Whether the object exists is not asked. A folder answers with a `file://` URL, which
        does not expire.
        """
        ...

    def ensure_bucket(self) -> None:
        """Make the bucket (or folder) unless it exists."""
        ...

    def check(self) -> None:
        """Raise ObjectStoreUnavailable, saying what is wrong and the cure, unless all is well."""
        ...


# What object keys of this project end in. The standard library's table depends on the machine.
_CONTENT_TYPES: Final = {
    "avif": "image/avif",
    "csv": "text/csv",
    "gif": "image/gif",
    "html": "text/html",
    "jpg": "image/jpeg",
    "json": "application/json",
    "md": "text/markdown",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "txt": "text/plain",
    "webp": "image/webp",
    "zip": "application/zip",
}


def implied_content_type(key: str) -> str:
    """Return the content type that the key's extension stands for."""
    return _CONTENT_TYPES.get(key.rpartition(".")[2], DEFAULT_CONTENT_TYPE)


def check_key(key: str) -> str:
    """Return `key`, or raise ValueError saying which rule it breaks."""
    problem = _key_problem(key)
    if problem is None and not key:
        problem = "it is empty"
    if problem is None and any(part in ("", ".", "..") for part in key.split("/")):
        problem = "a part between slashes is empty, '.' or '..'"
    if problem is not None:
        raise ValueError(f"{key[:100]!r} is not an object key: {problem}")
    return key


def check_prefix(prefix: str) -> str:
    """Return `prefix`, or raise ValueError where no key could begin with it."""
    problem = _key_problem(prefix)
    if problem is None and any(part in ("", ".", "..") for part in prefix.split("/")[:-1]):
        problem = "a part between slashes is empty, '.' or '..'"
    if problem is not None:
        raise ValueError(f"{prefix[:100]!r} is not a prefix of object keys: {problem}")
    return prefix


def _key_problem(key: str) -> str | None:
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return "it holds a lone surrogate"
    if size > MAX_KEY_BYTES:
        return f"it has {size} bytes, the limit is {MAX_KEY_BYTES}"
    # XML, in which S3 lists keys, cannot carry these at all.
    if re.search("[\x00-\x1f\x7f\ufffe\uffff]", key):
        return "it holds a control character"
    return None


def encode_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Return metadata with its values as printable ASCII, as HTTP headers carry them.

    Raises ValueError for a name outside of `a-z0-9-`, and for more than the stores take.
    """
    encoded = {}
    for name, value in (metadata or {}).items():
        if not re.fullmatch("[a-z0-9][a-z0-9-]*", name):
            raise ValueError(f"{name!r} is not a metadata name: use a-z, 0-9 and '-'")
        # Stores drop empty headers, so the empty value is a lone percent sign, which encoding
        # never yields.
        encoded[name] = quote(value, safe="!#$&'()*+,/:;<=>?@[]^`{|}~-._") or "%"
        if len(encoded[name]) > MAX_METADATA_VALUE_BYTES:
            raise ValueError(
                f"the metadata value of {name!r} takes {len(encoded[name])} bytes, "
                f"the limit is {MAX_METADATA_VALUE_BYTES}"
            )
    size = sum(len(name) + len(value) for name, value in encoded.items())
    if size > MAX_METADATA_BYTES:
        raise ValueError(f"the metadata takes {size} bytes, the limit is {MAX_METADATA_BYTES}")
    return encoded


def decode_metadata(encoded: Mapping[str, str]) -> dict[str, str]:
    """Undo `encode_metadata`."""
    return {name.lower(): "" if value == "%" else unquote(value) for name, value in encoded.items()}


def check_expiry(expires: timedelta) -> timedelta:
    """Return `expires`, or raise ValueError where S3 would refuse it."""
    if not timedelta(seconds=1) <= expires <= timedelta(days=7):
        raise ValueError(f"a presigned URL lasts from one second to seven days, not {expires}")
    return expires
