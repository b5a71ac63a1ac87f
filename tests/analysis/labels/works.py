"""Works with what their pages say, without pictures: datasets read rows alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from support.databases import sql

from storage.collection import add_terms, store_artworks, store_image_sources, store_images
from storage.database import Database


@dataclass(frozen=True)
class Work:
    """A work with an image of its own."""

    number: int
    terms: Sequence[str] = ()
    """KIND=NAME; with a star at the end: inherited from the artist's page."""
    artist: str | None = "Ada"
    qualifier: str | None = None
    role: str = "artist"
    nationality: str | None = None
    years: tuple[int, int] | None = None
    medium: str | None = None
    place: str | None = None
    site: str = "museum"
    details: Sequence[int] = field(default=())
    """Numbers of further images."""


def sha256_of(number: int) -> str:
    """Of an image; the order of images is another one than that of works."""
    return hashlib.sha256(f"image {number}".encode()).hexdigest()


def store_works(database: Database, *works: Work) -> dict[int, int]:
    """Store works, and return the ids of images by their numbers."""
    with database.begin() as connection:
        numbers = [number for work in works for number in (work.number, *work.details)]
        ids = store_images(connection, [_image(number) for number in dict.fromkeys(numbers)])
        stored = store_artworks(connection, [_artwork(work) for work in works])
        sources = [
            {
                "artwork_id": artwork_id,
                "position": position,
                "url": f"https://museum.example/{number}.jpg",
                "image_id": ids[sha256_of(number)],
            }
            for artwork_id, work in zip(stored, works, strict=True)
            for position, number in enumerate((work.number, *work.details))
        ]
        store_image_sources(connection, sources)
        said = []
        for artwork_id, work in zip(stored, works, strict=True):
            for term in work.terms:
                kind, name = term.rstrip("*").split("=")
                source = "artist" if term.endswith("*") else "page"
                said.append(
                    {"artwork_id": artwork_id, "kind": kind, "name": name, "source": source}
                )
        add_terms(connection, said)
    return {number: ids[sha256_of(number)] for number in numbers}


def alike(database: Database, *pairs: tuple[int, int]) -> None:
    """Say that images look the same, by their ids."""
    sql(
        database,
        "INSERT INTO models (name, version, kind, is_default) "
        "VALUES ('look-alikes', '1', 'duplicates', true) ON CONFLICT DO NOTHING",
    )
    for pair in pairs:
        sql(
            database,
            "INSERT INTO image_duplicates (image_id, other_id, model_id, distance, kind) "
            "SELECT :one, :other, id, 0, 'near' FROM models WHERE kind = 'duplicates'",
            one=min(pair),
            other=max(pair),
        )


def correct(database: Database, image_id: int, head: str, **labels: str) -> None:
    """Say yes or no to labels; blanks of a label are written as _."""
    for label, verdict in labels.items():
        sql(
            database,
            "INSERT INTO corrections (image_id, head, label, verdict, author) "
            "VALUES (:image_id, :head, :label, :verdict, 'Bo')",
            image_id=image_id,
            head=head,
            label=label.replace("_", " "),
            verdict=verdict,
        )


def _image(number: int) -> dict[str, object]:
    sha256 = sha256_of(number)
    return {
        "sha256": sha256,
        "object_key": f"images/{sha256}.jpg",
        "preview_key": f"previews/{sha256}.jpg",
        "format": "jpeg",
        "width": 640,
        "height": 480,
        "bytes": 1000,
        "phash": number,
    }


def _artwork(work: Work) -> dict[str, object]:
    year_from, year_to = work.years or (None, None)
    artist = {
        "name": work.artist,
        "name_key": (work.artist or "").lower(),
        "nationality": work.nationality,
        "role": work.role,
        "qualifier": work.qualifier,
    }
    return {
        "site": work.site,
        "source_id": str(work.number),
        "page_url": f"https://museum.example/{work.number}",
        "title": f"Composition {work.number}",
        "year_from": year_from,
        "year_to": year_to,
        "medium": work.medium,
        "place": work.place,
        "content_hash": str(work.number),
        "raw": {},
        "artists": [] if work.artist is None else [artist],
    }
