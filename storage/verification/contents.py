"""Reading what is stored: whether originals have their hash, and previews show something."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text

from storage.database import Database
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import PREVIEW_SIDE, ImageFormat, decode_rgb, sniff
from storage.objects import ObjectStore
from storage.verification.findings import Finding
from storage.verification.listing import ROWS_AT_ONCE, THREADS

# Images handed to the threads ahead of those that are judged.
AHEAD: Final = 4 * THREADS
CHUNK_BYTES: Final = 1 << 20

_COLUMNS: Final = "id, sha256, object_key, preview_key, width, height"
_ALL: Final = text(f"SELECT {_COLUMNS} FROM images ORDER BY id")  # noqa: S608 - a constant
# The same images for the same seed, however their rows are numbered.
_SAMPLE: Final = text(f"""
    SELECT {_COLUMNS} FROM images ORDER BY md5(sha256 || CAST(:seed AS text)), sha256 LIMIT :most
""")  # noqa: S608 - the fragment is the constant above
_STILL_THERE: Final = text("SELECT EXISTS (SELECT FROM images WHERE id = :id)")


@dataclass(slots=True)
class Read:
    """How much was read."""

    images: int = 0
    image_bytes: int = 0


class Contents:
    """Reads images and their previews, several at once."""

    def __init__(
        self, database: Database, store: ObjectStore, *, sample: int | None = None, seed: int = 0
    ) -> None:
        """Without `sample`, all images are read; with it, as many, chosen by `seed`."""
        self._database = database
        self._store = store
        self._sample = sample
        self._seed = seed

    def findings(
        self, known: Collection[int], read: Read, tell: Callable[[int], None]
    ) -> Iterator[Finding]:
        """Yield what is wrong with the bytes.

        `known` are images that are known to be missing or of a wrong size; counts go into `read`;
        `tell` is called with the number of images read.
        """
        waiting: deque[Future[tuple[int, list[Finding]]]] = deque()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="verify") as threads:
            try:
                for row in self._rows():
                    waiting.append(threads.submit(self._judge, row, row.id in known))
                    if len(waiting) > AHEAD:
                        yield from self._judged(waiting.popleft(), read)
                    tell(read.images)
                while waiting:
                    yield from self._judged(waiting.popleft(), read)
                    tell(read.images)
            finally:
                threads.shutdown(cancel_futures=True)

    def _judged(self, reading: Future[tuple[int, list[Finding]]], read: Read) -> Iterator[Finding]:
        size, found = reading.result()
        read.images += 1
        read.image_bytes += size
        for finding in found:
            # An image that was taken down meanwhile is not missed.
            with self._database.begin() as connection:
                there = connection.execute(_STILL_THERE, {"id": finding.image_id}).scalar_one()
            if there:
                yield finding

    def _rows(self) -> Iterator[Any]:
        statement = _ALL if self._sample is None else _SAMPLE
        scope = {} if self._sample is None else {"seed": self._seed, "most": self._sample}
        with self._database.begin() as connection:
            rows = connection.execute(statement, scope, execution_options={"stream_results": True})
            yield from rows.yield_per(ROWS_AT_ONCE)

    def _judge(self, row: Any, is_known: bool) -> tuple[int, list[Finding]]:
        """Return the size of the original, and what is wrong with it and its preview."""
        found: list[Finding] = []
        size = 0
        if not is_known:
            try:
                sha256, size = hash_of(self._store, row.object_key)
            except ObjectNotFound:
                told = "the store holds no such object"
                found.append(Finding("object_missing", row.object_key, told, image_id=row.id))
            else:
                if sha256 != row.sha256:
                    told = f"its bytes have the sha256 {sha256}"
                    found.append(Finding("hash_differs", row.object_key, told, image_id=row.id))
        if row.preview_key != row.object_key and (problem := self._preview_problem(row)):
            found.append(Finding("preview_damaged", row.preview_key, problem, image_id=row.id))
        return size, found

    def _preview_problem(self, row: Any) -> str | None:
        try:
            preview = self._store.get(row.preview_key)
        except ObjectNotFound:
            return None  # the listing tells
        if not preview:
            return None
        return preview_problem(preview, row.width, row.height)


def hash_of(store: ObjectStore, key: str) -> tuple[str, int]:
    """Return the sha256 and the size of an object. Raises ObjectNotFound."""
    digest, size = hashlib.sha256(), 0
    with store.open(key, chunk_bytes=CHUNK_BYTES) as chunks:
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def preview_problem(preview: bytes, width: int, height: int) -> str | None:
    """Return what is wrong with the preview of an image of that size; None where nothing is."""
    if sniff(preview) is not ImageFormat.JPEG:
        return "it is no JPEG"
    try:
        pixels = decode_rgb(preview, max_pixels=PREVIEW_SIDE * PREVIEW_SIDE)
    except ImageRejected as error:
        return f"it cannot be decoded ({error.detail})"
    scale = min(1.0, PREVIEW_SIDE / max(width, height))
    found = (pixels.shape[1], pixels.shape[0])
    expected = (max(1, round(width * scale)), max(1, round(height * scale)))
    if any(abs(one - other) > 1 for one, other in zip(found, expected, strict=True)):
        shown, wanted = ("×".join(map(str, size)) for size in (found, expected))
        return f"it has {shown} pixels instead of {wanted}"
    return None
