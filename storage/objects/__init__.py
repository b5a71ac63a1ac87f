"""Object stores: a folder, or an S3 server, behind one protocol."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from storage.errors import SettingError
from storage.objects.folder import FolderObjectStore
from storage.objects.protocol import ObjectInfo, ObjectStore
from storage.objects.s3 import S3ObjectStore

__all__ = ["FolderObjectStore", "ObjectInfo", "ObjectStore", "S3ObjectStore", "open_store"]

_FORMS = "`file:///path` or `minio://KEY:SECRET@host:port/bucket?secure=0|1&region=`"


def open_store(url: str, *, create: bool = False) -> ObjectStore:
    """Return the object store that `url` names; see `ARTWORKS_OBJECTS_URL`.

    An S3 server is first asked when the store is used. `create` makes the bucket or folder.
    Raises SettingError for a malformed URL, never repeating the secret in it, and, with
    `create`, ObjectStoreUnavailable.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        _refuse("it is no URL", f"write {_FORMS}")
    store: ObjectStore
    if parts.scheme == "file":
        store = _folder(parts)
    elif parts.scheme == "minio":
        store = _s3(parts)
    else:
        _refuse("it does not begin with file:// or minio://", f"write {_FORMS}")
    if create:
        store.ensure_bucket()
    return store


def _refuse(problem: str, cure: str) -> NoReturn:
    # `from None`: the errors of URL parsing quote pieces of it, the secret among them.
    raise SettingError(f"ARTWORKS_OBJECTS_URL is wrong: {problem}; {cure}") from None


def _folder(parts: SplitResult) -> FolderObjectStore:
    path = unquote(parts.path)
    if parts.netloc not in ("", "localhost") or not path.startswith("/"):
        _refuse("its folder is not absolute", "write three slashes, as in file:///srv/artworks")
    if parts.query or parts.fragment:
        _refuse("a folder takes no options", "percent-encode '?' as %3F and '#' as %23")
    if "\0" in path:
        _refuse("its folder holds a NUL", "name an ordinary folder")
    return FolderObjectStore(Path(path))


def _s3(parts: SplitResult) -> S3ObjectStore:
    encode = "percent-encode them, for example '/' as %2F, '@' as %40 and ':' as %3A"
    credentials, separator, _ = parts.netloc.rpartition("@")
    key, colon, secret = credentials.partition(":")
    if not (separator and colon and key and secret):
        _refuse("it lacks KEY:SECRET@ before the host", f"write {_FORMS}; {encode}")
    if ":" in secret or "@" in credentials or parts.fragment:
        _refuse("KEY or SECRET holds a sign that ends it", encode)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        _refuse("its port is not a number from 0 to 65535", f"write {_FORMS}; {encode}")
    if not host or not re.fullmatch(r"[\w.:-]+", host, re.ASCII):
        _refuse("it lacks a valid host", f"write {_FORMS}; {encode}")
    bucket = unquote(parts.path.strip("/"))
    if not re.fullmatch(r"[a-z0-9](?!.*(\.\.|\.-|-\.))[a-z0-9.-]{1,61}[a-z0-9]", bucket):
        _refuse(
            "its path is not the name of a bucket",
            "end the address with /bucket: 3 to 63 of a-z, 0-9, '.' and '-'",
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(set(options) - {"secure", "region"}):
        _refuse(f"it has the unknown option {unknown[0]!r}", "use secure= and region= only")
    secure = options.get("secure", "1")
    if secure not in ("0", "1"):
        _refuse("secure= is neither 0 nor 1", "write secure=1 for HTTPS, secure=0 for HTTP")
    address = f"[{host}]" if ":" in host else host
    try:
        return S3ObjectStore(
            address if port is None else f"{address}:{port}",
            bucket,
            access_key=unquote(key),
            secret_key=unquote(secret),
            secure=secure == "1",
            region=options.get("region") or None,
        )
    except ValueError:
        _refuse("its host, bucket or region is not acceptable", f"write {_FORMS}")
