"""Pictures of a report: read from the store, made small, and put into the page itself."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from PIL import Image
from sqlalchemy import Connection, text

from analysis.colors.conversion import Bytes
from analysis.labels.reporting.exhibits import Exhibit
from analysis.showing import WORKS_SHOWING, ShowingWork
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import decode_rgb
from storage.objects import ObjectStore

SIDE: Final = (300, 200)
"""Width and height of a picture at most, in pixels."""
QUALITY: Final = 78
ROOM: Final = 3_200_000
"""Bytes of all pictures of a page, as they are written into it."""

_IMAGES = text("SELECT i.id, i.sha256, i.preview_key FROM images i WHERE i.sha256 = ANY(:sha256)")


@dataclass(frozen=True)
class Shown:
    """A stored image, and the work whose page shows it."""

    preview_key: str
    work: ShowingWork


@dataclass
class Gallery:
    """Stored images by sha256, and what of them was put into a page."""

    store: ObjectStore
    shown: Mapping[str, Shown]
    gone: int = 0
    """Pictures that are in the collection no more, or cannot be read."""
    crowded: int = 0
    """Pictures for which the page had no room left."""
    used: int = field(default=0)
    """Bytes of the pictures in the page."""

    def figure(self, exhibit: Exhibit, caption: str) -> str:
        """Return a picture with its work and a caption (HTML), or nothing where it is gone.

        Raises ObjectStoreUnavailable.
        """
        picture = self._source(exhibit.sha256)
        if picture is None:
            return ""
        source, width, height = picture
        work = self.shown[exhibit.sha256].work
        title = html.escape(" ".join(work.title.split()) or "Untitled")
        if address := page_address(work.page_url):
            title = f'<a href="{address}" rel="noopener noreferrer nofollow">{title}</a>'
        artist = html.escape(work.artist or "Unknown artist")
        return (
            f'<figure data-image="{exhibit.sha256}">'
            f'<img src="{source}" alt="" width="{width}" height="{height}" loading="lazy">'
            f"<figcaption>{caption}<b>{title}</b><span>{artist}</span></figcaption></figure>\n"
        )

    def _source(self, sha256: str) -> tuple[str, int, int] | None:
        """Return the picture as an address that holds its bytes, with its size."""
        if sha256 not in self.shown:
            self.gone += 1
            return None
        if self.used > ROOM:
            self.crowded += 1
            return None
        picture = read_picture(self.store, self.shown[sha256].preview_key)
        if picture is None:
            self.gone += 1
            return None
        small = Image.fromarray(picture)
        small.thumbnail(SIDE, Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=QUALITY)
        source = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
        self.used += len(source)
        return source, small.width, small.height


def find_shown(connection: Connection, sha256: Iterable[str]) -> dict[str, Shown]:
    """Return those of the images that are stored and that a page shows, by sha256."""
    rows = connection.execute(_IMAGES, {"sha256": sorted(set(sha256))}).all()
    works: dict[int, ShowingWork] = {}
    for row in connection.execute(WORKS_SHOWING, {"ids": [row.id for row in rows]}):
        work = ShowingWork(row.site, row.source_id, row.title, row.artist, row.page_url)
        works.setdefault(row.image_id, work)
    return {row.sha256: Shown(row.preview_key, works[row.id]) for row in rows if row.id in works}


def read_picture(store: ObjectStore, key: str) -> Bytes | None:
    """Return a stored picture, (h, w, 3) uint8 sRGB, or None where it cannot be read."""
    try:
        return decode_rgb(store.get(key))
    except (ObjectNotFound, ImageRejected):
        return None


def page_address(url: str) -> str | None:
    """Return the address of a page, escaped for an attribute; None where it is none of the web.

    Addresses come from sites: one that would run a script is not linked.
    """
    try:
        scheme = urlsplit(url).scheme.lower()
    except ValueError:
        return None
    return html.escape(url, quote=True) if scheme in ("http", "https") else None


def chart_source(png: bytes) -> str:
    """Return a chart as an address that holds its bytes."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
