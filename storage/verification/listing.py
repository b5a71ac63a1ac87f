"""Rows beside the store's listing, both in the order of their keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final, Literal, TypeVar

from sqlalchemy import text

from storage.database import Database
from storage.errors import ObjectNotFound
from storage.images import PREVIEW_SIDE
from storage.locks import is_storing
from storage.objects import ObjectInfo, ObjectStore
from storage.verification.findings import Finding

Side = Literal["originals", "previews"]

PREFIXES: Final[dict[Side, str]] = {"originals": "images/", "previews": "previews/"}
GRACE: Final = timedelta(hours=1)
"""How long an object may be without a row while a crawl is running: it puts objects first."""

ROWS_AT_ONCE: Final = 2000
SUSPECTS_AT_ONCE: Final = 200
# Requests to the object store that are under way at once.
THREADS: Final = 8

_SHA256 = r"(?P<a>[0-9a-f]{2})/(?P<b>[0-9a-f]{2})/(?P<sha256>(?P=a)(?P=b)[0-9a-f]{60})"
_OUR_KEY: Final = re.compile(
    rf"images/{_SHA256}\.(?:jpg|png|webp|avif|gif|tif)"
    f"|previews/{PREVIEW_SIDE}/{_SHA256.replace('<', '<p_').replace('=', '=p_')}\\.jpg"
)

# In the order of bytes, as stores list; the key that serves as its own preview is an original's.
_ROWS: Final = {
    "originals": text("""
        SELECT id, object_key AS key, bytes FROM images ORDER BY object_key COLLATE "C"
    """),
    "previews": text("""
        SELECT id, preview_key AS key, CAST(NULL AS bigint) AS bytes FROM images
        WHERE preview_key <> object_key ORDER BY preview_key COLLATE "C"
    """),
}
_STILL_THERE: Final = text("SELECT id FROM images WHERE id = ANY(:ids)")
_OWNED: Final = text("""
    SELECT key FROM images i CROSS JOIN LATERAL (VALUES (i.object_key), (i.preview_key)) k(key)
    WHERE i.sha256 = ANY(:hashes)
""")
_NAMED: Final = text("""
    SELECT key FROM images i CROSS JOIN LATERAL (VALUES (i.object_key), (i.preview_key)) k(key)
    WHERE i.object_key = ANY(:keys) OR i.preview_key = ANY(:keys)
""")

Item = TypeVar("Item")


@dataclass(slots=True)
class Compared:
    """How much was compared: rows, objects, and objects too young to be judged."""

    rows: int = 0
    objects: int = 0
    object_bytes: int = 0
    young: int = 0


def pieces(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield lists of up to `size` items."""
    following = iter(items)
    while piece := list(islice(following, size)):
        yield piece


def sha256_in(key: str) -> str | None:
    """Return the hash in the key of an image or preview; None where artworks makes no such key."""
    match = _OUR_KEY.fullmatch(key)
    return match and (match["sha256"] or match["p_sha256"])


def merged(
    rows: Iterable[Any], objects: Iterable[ObjectInfo]
) -> Iterator[tuple[Any | None, ObjectInfo | None]]:
    """Yield rows with their objects, and those of either that have no counterpart.

    Both come sorted by key. Strings compare by code points, which is the order of their UTF-8.
    """
    rows, objects = iter(rows), iter(objects)
    row, found, is_named = next(rows, None), next(objects, None), False
    while row is not None or found is not None:
        if found is not None and (row is None or found.key < row.key):
            if not is_named:
                yield None, found
            found, is_named = next(objects, None), False
        else:
            # Another row may name the same object: it stays until the rows are past it.
            is_named = found is not None and row is not None and row.key == found.key
            yield row, found if is_named else None
            row = next(rows, None)


class Listing:
    """Compares one side of the store with the rows."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        *,
        grace: timedelta = GRACE,
    ) -> None:
        self._database = database
        self._store = store
        self._grace = grace

    def findings(
        self, side: Side, compared: Compared, tell: Callable[[int], None]
    ) -> Iterator[Finding]:
        """Yield what is wrong on one side; counts go into `compared`.

        `tell` is called with the number of keys seen, now and then.
        """
        suspects: list[tuple[Any | None, ObjectInfo | None]] = []
        for row, found in self._pairs(side):
            compared.rows += row is not None
            compared.objects += found is not None
            compared.object_bytes += found.size if found is not None else 0
            if (compared.rows + compared.objects) % ROWS_AT_ONCE == 0:
                tell(max(compared.rows, compared.objects))
            if row is not None and found is not None and _agree(row, found):
                continue
            suspects.append((row, found))
            if len(suspects) >= SUSPECTS_AT_ONCE:
                yield from self._confirmed(side, suspects, compared)
                suspects.clear()
        yield from self._confirmed(side, suspects, compared)
        tell(max(compared.rows, compared.objects))

    def _pairs(self, side: Side) -> Iterator[tuple[Any | None, ObjectInfo | None]]:
        # The rows are of the moment when they are asked for, the listing is of later ones: what
        # has a row had its object before.
        with self._database.begin() as connection:
            rows = connection.execute(
                _ROWS[side], execution_options={"stream_results": True, "max_row_buffer": 5000}
            )
            yield from merged(rows.yield_per(ROWS_AT_ONCE), self._store.list(PREFIXES[side]))

    # A listing may lag behind, and a crawl or a take-down may be at work.

    def _confirmed(
        self, side: Side, suspects: Sequence[tuple[Any | None, ObjectInfo | None]], seen: Compared
    ) -> Iterator[Finding]:
        yield from self._wrong(side, [row for row, _ in suspects if row is not None])
        strangers = [found for row, found in suspects if row is None and found is not None]
        if strangers:
            yield from self._without_row(strangers, seen)

    def _wrong(self, side: Side, rows: Sequence[Any]) -> Iterator[Finding]:
        """Yield the rows whose object is not there, or has another size, when it is asked for."""
        if not rows:
            return
        with ThreadPoolExecutor(THREADS, thread_name_prefix="verify") as threads:
            sizes = list(threads.map(self._size, [row.key for row in rows]))
        # Whoever takes an image down deletes its row before its objects.
        with self._database.begin() as connection:
            there = set(
                connection.execute(_STILL_THERE, {"ids": [row.id for row in rows]}).scalars()
            )
        for row, size in zip(rows, sizes, strict=True):
            if row.id not in there or (size is not None and size_fits(row, size)):
                continue
            code, told = _told(side, row, size)
            yield Finding(code, row.key, told, image_id=row.id)

    def _size(self, key: str) -> int | None:
        try:
            return self._store.stat(key).size
        except ObjectNotFound:
            return None

    def _without_row(self, objects: Sequence[ObjectInfo], seen: Compared) -> Iterator[Finding]:
        # First whether a crawl is running, then the rows: one that ended between the two has
        # committed what it had.
        with self._database.begin() as connection:
            storing = is_storing(connection)
        owned = owned_keys(self._database, [found.key for found in objects])
        oldest = datetime.now(UTC) - self._grace
        for found in objects:
            if found.key in owned:
                continue
            if sha256_in(found.key) is None:
                yield Finding("object_unknown", found.key, f"{found.size} bytes")
            elif storing and found.modified is not None and found.modified > oldest:
                seen.young += 1
            else:
                when = "" if found.modified is None else f" of {found.modified:%Y-%m-%d %H:%M %Z}"
                yield Finding("object_orphaned", found.key, f"{found.size} bytes{when}")


def owned_keys(database: Database, keys: Sequence[str]) -> set[str]:
    """Return those of the keys that a row refers to now."""
    with database.begin() as connection:
        return owned_within(connection, keys)


def owned_within(connection: Any, keys: Sequence[str]) -> set[str]:
    """Return those of the keys that a row refers to, as the transaction sees it."""
    hashes = {key: sha256_in(key) for key in keys}
    known = sorted({sha256 for sha256 in hashes.values() if sha256 is not None})
    owned = set(connection.execute(_OWNED, {"hashes": known}).scalars())
    if others := [key for key, sha256 in hashes.items() if sha256 is None]:
        owned |= set(connection.execute(_NAMED, {"keys": others}).scalars())
    return owned & set(keys)


def size_fits(row: Any, size: int) -> bool:
    """Whether an object's size is the row's; nobody knows a preview's, but that it has bytes."""
    return size > 0 if row.bytes is None else bool(size == row.bytes)


def _agree(row: Any, found: ObjectInfo) -> bool:
    return size_fits(row, found.size)


def _told(side: Side, row: Any, size: int | None) -> tuple[str, str]:
    if side == "previews":
        if size is None:
            return "preview_missing", "the store holds no such object"
        return "preview_damaged", "it has no bytes"
    if size is None:
        return "object_missing", f"the store holds no such object; it had {row.bytes} bytes"
    return "size_differs", f"it has {size} bytes instead of {row.bytes}"
