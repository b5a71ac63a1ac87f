"""A collection with real images in a real store, as a crawl leaves it, and ways to damage it."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import text

from storage.collection import store_artworks, store_image_sources, store_images
from storage.database import Database
from storage.images import CheckedImage, check_image
from storage.objects import ObjectStore
from storage.objects.protocol import implied_content_type
from support.databases import one, sql
from support.samples import work

SITE = "museum"


@functools.cache
def picture(number: int, size: tuple[int, int] = (600, 450), image_format: str = "PNG") -> bytes:
    """The bytes of a picture of its own."""
    pixels = np.random.default_rng(number).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(file, image_format)
    return file.getvalue()


@functools.cache
def checked(body: bytes) -> CheckedImage:
    """Check a picture, once."""
    return check_image(body)


@dataclass
class Gallery:
    """Works with an image each. `offers` is what the site gives at each address."""

    database: Database
    store: ObjectStore
    offers: dict[str, bytes] = field(default_factory=dict)

    def hang(self, *pictures: bytes) -> list[CheckedImage]:
        """Store a work for each picture, with its page and image done."""
        return [self._hang(body) for body in pictures]

    def _hang(self, body: bytes) -> CheckedImage:
        number = len(self.offers) + 1
        url = f"http://museum.example/image/{number}"
        self.offers[url] = body
        image = self._put(body)
        with self.database.begin() as connection:
            record = work(f"w{number}", SITE)
            [artwork_id] = store_artworks(connection, [record])
            image_id = store_images(connection, [row_of(image)])[image.sha256]
            page, frontier_id = (
                connection.execute(
                    text(
                        "INSERT INTO frontier (site, url, fingerprint, host, kind, state, "
                        "artwork_id, image_id, etag, http_status) VALUES (:site, :url, :url, "
                        "'museum.example', :kind, 'done', :artwork, :image, 'tag', 200) "
                        "RETURNING id"
                    ),
                    {"site": SITE, **values},
                ).scalar_one()
                for values in (
                    {"url": record["page_url"], "kind": "artwork", "artwork": artwork_id,
                     "image": None},
                    {"url": url, "kind": "image", "artwork": None, "image": image_id},
                )
            )  # fmt: skip
            assert page
            source = {
                "artwork_id": artwork_id,
                "position": 0,
                "url": url,
                "frontier_id": frontier_id,
                "image_id": image_id,
            }
            store_image_sources(connection, [source])
        return image

    def _put(self, body: bytes) -> CheckedImage:
        image = checked(body)
        self.put(image.object_key, body)
        if image.preview is not None:
            self.put(image.preview_key, image.preview)
        return image

    def put(self, key: str, data: bytes) -> None:
        """Put an object; nobody pulls the plug of a test."""
        content_type = implied_content_type(key)
        self.store.put(key, data, content_type=content_type, durable=False)

    def crawl(self) -> None:
        """What the next crawl does: read pending pages, fetch pending images, store them."""
        sql(
            self.database,
            "UPDATE frontier f SET state = 'done', artwork_id = a.id FROM artworks a "
            "WHERE f.state = 'pending' AND f.kind = 'artwork' "
            "AND f.url = a.page_url",
        )
        sql(
            self.database,
            "INSERT INTO frontier (site, url, fingerprint, host, kind) "
            "SELECT a.site, s.url, s.url, 'museum.example', 'image' "
            "FROM image_sources s JOIN artworks a ON a.id = s.artwork_id "
            "WHERE s.frontier_id IS NULL ON CONFLICT DO NOTHING",
        )
        sql(
            self.database,
            "UPDATE image_sources s SET frontier_id = f.id, image_id = f.image_id FROM frontier f "
            "WHERE f.url = s.url AND s.frontier_id IS NULL",
        )
        for row in sql(
            self.database, "SELECT * FROM frontier WHERE state = 'pending' AND kind = 'image'"
        ):
            assert (row.etag, row.last_modified) == (None, None), "it would be told: not modified"
            image = self._put(self.offers[row.url])
            with self.database.begin() as connection:
                image_id = store_images(connection, [row_of(image)])[image.sha256]
                scope = {"id": row.id, "image": image_id}
                connection.execute(
                    text("UPDATE frontier SET state = 'done', image_id = :image WHERE id = :id"),
                    scope,
                )
                connection.execute(
                    text("UPDATE image_sources SET image_id = :image WHERE frontier_id = :id"),
                    scope,
                )

    def image_id(self, image: CheckedImage) -> int:
        found: int = one(
            self.database, "SELECT id FROM images WHERE sha256 = :hash", hash=image.sha256
        )
        return found

    def states(self) -> list[str]:
        rows: Sequence[Any] = sql(
            self.database, "SELECT state FROM frontier WHERE kind = 'image' ORDER BY id"
        )
        return [row.state for row in rows]

    def keep_version(self, changed: dict[str, Any]) -> None:
        """Say that a work showed something else before."""
        sql(
            self.database,
            "INSERT INTO artwork_versions (artwork_id, content_hash, changed) "
            "SELECT min(id), 'x', CAST(:changed AS jsonb) FROM artworks",
            changed=json.dumps(changed),
        )


def row_of(image: CheckedImage) -> dict[str, Any]:
    """The row of an image, as image workers reply with it."""
    return {
        "sha256": image.sha256,
        "object_key": image.object_key,
        "preview_key": image.preview_key,
        "format": image.format.value,
        "width": image.width,
        "height": image.height,
        "bytes": image.bytes,
        "phash": image.phash,
    }
