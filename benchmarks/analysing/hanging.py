"""Works of a benchmark's own in the database, as a crawl would have left them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.analysing.collection import Workshop
from storage.collection import add_terms, store_artworks, store_image_sources, store_images
from storage.images import check_image


@dataclass(frozen=True)
class Exhibit:
    """A work with one picture, and what its page says."""

    name: str
    picture: bytes
    title: str
    site: str = "museum"
    artist: str | None = None
    year: int | None = None
    terms: Sequence[tuple[str, str]] = ()
    """(kind, name)."""


def hang(workshop: Workshop, exhibit: Exhibit) -> None:
    """Store a work, its picture, its maker and its terms."""
    checked = check_image(exhibit.picture)
    workshop.store.put(
        checked.object_key, exhibit.picture, content_type=checked.content_type, durable=False
    )
    if checked.preview is not None:
        workshop.store.put(
            checked.preview_key, checked.preview, content_type="image/jpeg", durable=False
        )
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
    page = f"https://{exhibit.site}.example/work/{exhibit.name}"
    maker = exhibit.artist
    artwork = {
        "site": exhibit.site,
        "source_id": exhibit.name,
        "page_url": page,
        "title": exhibit.title,
        "content_hash": exhibit.name,
        "raw": {},
        "year_from": exhibit.year,
        "year_to": exhibit.year,
        "artists": []
        if maker is None
        else [{"name": maker, "name_key": maker.casefold(), "role": "artist"}],
    }
    with workshop.database.begin() as connection:
        image_id = store_images(connection, [image])[checked.sha256]
        (artwork_id,) = store_artworks(connection, [artwork])
        source = {"artwork_id": artwork_id, "position": 0, "url": f"{page}.jpg"}
        store_image_sources(connection, [source | {"image_id": image_id}])
        add_terms(
            connection,
            [
                {"artwork_id": artwork_id, "kind": kind, "name": name, "source": "page"}
                for kind, name in exhibit.terms
            ],
        )
