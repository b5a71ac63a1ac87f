"""A small collection in a real database and a folder."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import SecretStr
from support import databases

from storage.collection import (
    add_terms,
    store_artworks,
    store_image_sources,
    store_images,
)
from storage.database import Database
from storage.images import check_image
from storage.objects import ObjectStore, open_store
from storage.settings import StorageSettings

AddWork = Callable[..., int]


@pytest.fixture(scope="package")
def migrated(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[Database]:
    """One database for these tests, since migrating takes longer than most of them."""
    with new_database() as url:
        settings = StorageSettings(database_url=SecretStr(url))
        with Database.open(settings) as opened:
            opened.migrate()
            yield opened


@pytest.fixture
def database(migrated: Database) -> Database:
    """A migrated database without rows."""
    return databases.emptied(migrated)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """An empty folder of objects."""
    return open_store((tmp_path / "objects").as_uri(), create=True)


@pytest.fixture
def add_work(database: Database, store: ObjectStore) -> AddWork:
    """Store a work with a picture drawn from its number; return the id of the image."""

    def add(
        number: int,
        *,
        size: tuple[int, int] = (640, 480),
        title: str | None = None,
        artist: str = "Ada Möller",
        year: int | None = 1921,
        terms: dict[str, str] | None = None,
        site: str = "museum",
        data: bytes | None = None,
    ) -> int:
        data = data or picture(number, size)
        checked = check_image(data)
        store.put(checked.object_key, data, content_type=checked.content_type)
        if checked.preview is not None:
            store.put(checked.preview_key, checked.preview, content_type="image/jpeg")
        image = {
            "sha256": checked.sha256,
            "object_key": checked.object_key,
            "preview_key": checked.preview_key,
            "format": checked.format.value,
            "width": checked.width,
            "height": checked.height,
            "bytes": checked.bytes,
            "phash": checked.phash,
        }
        work = {
            "site": site,
            "source_id": str(number),
            "page_url": f"https://museum.example/{number}",
            "title": title or f"Composition {number}",
            "year_from": year,
            "year_to": year,
            "date_text": None if year is None else str(year),
            "content_hash": str(number),
            "raw": {},
            "artists": [{"name": artist, "name_key": artist.lower(), "role": "artist"}],
        }
        with database.begin() as connection:
            image_id = store_images(connection, [image])[checked.sha256]
            (artwork_id,) = store_artworks(connection, [work])
            source = {
                "artwork_id": artwork_id,
                "position": 0,
                "url": f"https://museum.example/{number}.jpg",
                "image_id": image_id,
            }
            store_image_sources(connection, [source])
            said = [
                {"artwork_id": artwork_id, "kind": kind, "name": name, "source": "page"}
                for kind, name in (terms or {}).items()
            ]
            add_terms(connection, said)
        return image_id

    return add


def picture(number: int, size: tuple[int, int] = (640, 480)) -> bytes:
    """A JPEG of soft patches, different for every number."""
    rng = np.random.default_rng(number)
    patches = Image.fromarray(rng.integers(10, 245, (4, 5, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    patches.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
