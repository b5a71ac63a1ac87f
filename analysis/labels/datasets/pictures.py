"""Pictures of a dataset, read when a method looks at pixels."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Final

from sqlalchemy import text

from analysis.errors import PictureMissing
from analysis.jobs import RGB
from analysis.labels.dataset import Dataset
from analysis.labels.task import Pictures
from analysis.showing import WORKS_SHOWING
from storage.database import Database
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import decode_rgb
from storage.objects import ObjectStore

READERS: Final = 4
"""Pictures that are read and decoded at once."""

_KEYS = text("SELECT id, preview_key FROM images WHERE id = ANY(:ids)")


def open_pictures(database: Database, store: ObjectStore, dataset: Dataset) -> Pictures:
    """Return what reads pictures by their places in a dataset; nothing is read yet.

    Previews are read: the longer side is at most 512 px. What it returns raises PictureMissing for
    a picture that is no longer there or cannot be decoded, ObjectStoreUnavailable and
    DatabaseUnavailable.
    """
    return _Pictures(database, store, dataset)


class _Pictures:
    def __init__(self, database: Database, store: ObjectStore, dataset: Dataset) -> None:
        self._database = database
        self._store = store
        self._dataset = dataset

    def __call__(self, places: Sequence[int]) -> Sequence[RGB]:
        ids = [int(self._dataset.ids[at]) for at in places]
        keys = [self._key(image_id) for image_id in ids]
        if len(ids) < 2:
            return list(map(self._read, ids, keys))
        with ThreadPoolExecutor(READERS, thread_name_prefix="pictures") as readers:
            return list(readers.map(self._read, ids, keys))

    @cached_property
    def _keys(self) -> dict[int, str]:
        """Keys of the previews, by image: most methods never ask."""
        with self._database.begin() as connection:
            rows = connection.execute(_KEYS, {"ids": self._dataset.ids.tolist()})
            return {row.id: row.preview_key for row in rows}

    def _key(self, image_id: int) -> str:
        if image_id not in self._keys:
            raise PictureMissing(
                f"image {image_id} was taken out of the collection after it was chosen to learn "
                "from: run the command again."
            )
        return self._keys[image_id]

    def _read(self, image_id: int, key: str) -> RGB:
        try:
            return decode_rgb(self._store.get(key))
        except ObjectNotFound as error:
            what, cure = "is not in the object store", "verify --repair"
            raise self._missing(image_id, key, what, cure) from error
        except ImageRejected as error:
            what, cure = f"cannot be decoded ({error})", "verify --full-hash --repair"
            raise self._missing(image_id, key, what, cure) from error

    def _missing(self, image_id: int, key: str, what: str, cure: str) -> PictureMissing:
        with self._database.begin() as connection:
            work = connection.execute(WORKS_SHOWING, {"ids": [image_id]}).first()
        shown = f"{work.site}/{work.source_id}, {work.page_url}" if work else "no work shows it"
        return PictureMissing(
            f"{key}, which image {image_id} ({shown}) is learned from, {what}: run `artworks "
            f"{cure}`, `artworks failures --retry` and the crawl of its site, which fetch it anew."
        )
