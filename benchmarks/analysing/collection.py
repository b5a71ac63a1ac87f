"""A collection to analyse: a real PostgreSQL and a folder of objects, both temporary."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import text

from benchmarks.analysing.pictures import ROOT, distinct
from storage.collection import store_artworks, store_image_sources, store_images
from storage.database import Database
from storage.embedded.accounts import public_temporary_folder
from storage.images import check_image, image_key, preview_key
from storage.models import Base
from storage.objects import ObjectStore, open_store
from storage.settings import StorageSettings
from storage.vector_indexes import PREFIX

AT_ONCE = 500


@dataclass(frozen=True)
class Workshop:
    """An open, migrated database and an object store, and what names them to a command."""

    database: Database
    store: ObjectStore
    objects_url: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which `artworks` works on this collection."""
        mine = {
            name: value for name, value in os.environ.items() if not name.startswith("ARTWORKS_")
        }
        url = self.database.engine.url.render_as_string(hide_password=False)
        return mine | {
            "ARTWORKS_DATABASE_URL": url,
            "ARTWORKS_OBJECTS_URL": self.objects_url,
            "PYTHONPATH": str(ROOT),
        }

    @property
    def home(self) -> Path:
        """Folder for what is cached."""
        return Path(self.objects_url.removeprefix("file://")).parent / "home"

    @contextmanager
    def at_home(self) -> Iterator[None]:
        """Have this process cache below `home`, where nothing is left of earlier runs."""
        with patch.dict(os.environ, {"ARTWORKS_HOME": str(self.home)}):
            yield

    def empty(self) -> None:
        """Forget everything, and the indexes of vectors, which are named after models."""
        tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
        with self.database.begin() as connection:
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
            of_vectors = text("SELECT relname FROM pg_class WHERE starts_with(relname, :prefix)")
            for name in connection.scalars(of_vectors, {"prefix": PREFIX}).all():
                connection.execute(text(f"DROP INDEX {name}"))

    def forget_results(self) -> None:
        """Forget what analysis found, so that everything is pending again."""
        with self.database.begin() as connection:
            connection.execute(text("TRUNCATE models, analysis_runs CASCADE"))

    def settle(self) -> None:
        """Bring what the planner knows up to date, as autovacuum does in time."""
        with self.database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(
                text("VACUUM ANALYZE")
            )

    def hang(self, jpegs: Sequence[bytes], count: int) -> None:
        """Store `count` works with an image each: the JPEGs in turn, each an image of its own."""
        checked = [check_image(data) for data in jpegs]
        records: list[dict[str, object]] = []
        for number in range(count):
            base = checked[number % len(jpegs)]
            data = distinct(jpegs[number % len(jpegs)], number)
            sha256 = hashlib.sha256(data).hexdigest()
            key = image_key(sha256, base.format)
            self.store.put(key, data, content_type=base.content_type, durable=False)
            small = key
            if base.preview is not None:
                small = preview_key(sha256)
                self.store.put(small, base.preview, content_type="image/jpeg", durable=False)
            records.append(
                {
                    "sha256": sha256,
                    "object_key": key,
                    "preview_key": small,
                    "format": base.format.value,
                    "width": base.width,
                    "height": base.height,
                    "bytes": len(data),
                    "phash": base.phash,
                }
            )
        for start in range(0, count, AT_ONCE):
            self._store(records[start : start + AT_ONCE], start)
        self.settle()

    def _store(self, records: Sequence[dict[str, object]], start: int) -> None:
        works = [
            {
                "site": "museum",
                "source_id": str(start + at),
                "page_url": f"https://museum.example/work/{start + at}",
                "title": f"Work {start + at}",
                "content_hash": str(start + at),
                "raw": {},
                "artists": [],
            }
            for at in range(len(records))
        ]
        with self.database.begin() as connection:
            images = store_images(connection, records)
            artworks = store_artworks(connection, works)
            sources = [
                {
                    "artwork_id": artwork,
                    "position": 0,
                    "url": f"https://museum.example/image/{start + at}.jpg",
                    "image_id": images[str(records[at]["sha256"])],
                }
                for at, artwork in enumerate(artworks)
            ]
            store_image_sources(connection, sources)


@contextmanager
def workshop() -> Iterator[Workshop]:
    """Open an empty collection on an embedded server of its own, and remove it at the end."""
    with tempfile.TemporaryDirectory(
        prefix="artworks-bench-", dir=public_temporary_folder(), ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        folder.chmod(0o755)  # the embedded PostgreSQL may run as another user
        url = (folder / "objects").as_uri()
        settings = StorageSettings(home=folder / "home", objects_url=url, _env_file=None)
        store = open_store(url, create=True)
        with Database.open(settings) as database:
            database.migrate()
            yield Workshop(database, store, url)
