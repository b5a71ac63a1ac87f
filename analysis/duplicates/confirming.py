"""Looking at the previews of candidate pairs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from analysis.duplicates.details import SIDE, Details, details_of, same_picture
from storage.database import Database
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import decode_rgb
from storage.objects import ObjectStore

KEPT: Final = 600
"""Pictures whose details are kept between batches: about 100 MB."""

_KEYS = text("SELECT id, preview_key FROM images WHERE id = ANY(:ids)")


@dataclass(frozen=True)
class _Sides:
    """A picture and its mirror image."""

    plain: Details
    mirrored: Details


class Pictures:
    """The details of stored pictures, read when they are needed, by the threads of an executor."""

    def __init__(self, database: Database, store: ObjectStore, threads: Executor) -> None:
        self.database = database
        self.store = store
        self.threads = threads
        self.unreadable: set[int] = set()
        """Images whose preview is missing or damaged: they are nobody's look-alikes."""
        self._known: dict[int, _Sides] = {}

    def same(self, pairs: Sequence[tuple[int, int]]) -> list[bool]:
        """Tell of each pair of images whether they show the same, mirrored or not.

        Raises ObjectStoreUnavailable and DatabaseUnavailable.
        """
        needed = {image for pair in pairs for image in pair}
        self._read(needed)
        found = list(self.threads.map(self._alike, pairs))
        for image in [one for one in self._known if one not in needed]:
            if len(self._known) <= KEPT:
                break
            del self._known[image]
        return found

    def _read(self, needed: Collection[int]) -> None:
        wanted = sorted(needed - self._known.keys() - self.unreadable)
        with self.database.begin() as connection:
            keys = {row.id: row.preview_key for row in connection.execute(_KEYS, {"ids": wanted})}
        for image, sides in zip(keys, self.threads.map(self._sides, keys.values()), strict=True):
            if sides is None:
                self.unreadable.add(image)
            else:
                self._known[image] = sides

    def _sides(self, key: str) -> _Sides | None:
        try:
            picture = decode_rgb(self.store.get(key), size=SIDE)
        except (ObjectNotFound, ImageRejected):
            return None
        return _Sides(details_of(picture), details_of(picture, mirrored=True))

    def _alike(self, pair: tuple[int, int]) -> bool:
        # Taken down meanwhile, or unreadable.
        one, other = (self._known.get(image) for image in pair)
        if one is None or other is None:
            return False
        return same_picture(one.plain, other.plain) or same_picture(one.mirrored, other.plain)
