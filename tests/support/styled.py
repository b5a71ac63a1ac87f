"""Works whose style and genre can be told by their vectors, quickly made: no picture is stored."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from storage.collection import add_terms, store_artworks, store_image_sources, store_images
from storage.database import Database

STYLES = ("baroque", "cubism", "fauvism")
GENRES = ("portrait", "landscape")
BY_ONE = 6
"""Works of each artist."""


def meaning(style: int, number: int) -> Any:
    """A vector that tells the style and, less loudly, the genre."""
    rng = np.random.default_rng([style, number])
    vector = rng.normal(0, 0.25, 16)
    vector[style] += 1.0
    vector[4 + number % 2] += 1.0
    return vector.astype(np.float32)


def add_styled_works(database: Database, count: int = 120) -> dict[int, Any]:
    """Store works of three styles and two genres; return their vectors by image id."""
    numbers = range(count)
    shas = [hashlib.sha256(str(number).encode()).hexdigest() for number in numbers]
    with database.begin() as connection:
        ids = store_images(
            connection,
            [
                {
                    "sha256": sha256,
                    "object_key": f"images/{sha256}.png",
                    "preview_key": f"previews/{sha256}.jpg",
                    "format": "png",
                    "width": 32,
                    "height": 24,
                    "bytes": 100,
                    "phash": number,
                }
                for number, sha256 in enumerate(shas)
            ],
        )
        works = store_artworks(
            connection,
            [
                {
                    "site": "museum",
                    "source_id": str(number),
                    "page_url": f"https://museum.example/{number}",
                    "title": f"Composition {number}",
                    "content_hash": str(number),
                    "raw": {},
                    "artists": [
                        {"name": f"Artist {at}", "name_key": f"artist {at}", "role": "artist"}
                    ],
                }
                for number, at in zip(
                    numbers, (number // BY_ONE for number in numbers), strict=True
                )
            ],
        )
        store_image_sources(
            connection,
            [
                {
                    "artwork_id": work,
                    "position": 0,
                    "url": f"https://museum.example/{number}.png",
                    "image_id": ids[shas[number]],
                }
                for number, work in zip(numbers, works, strict=True)
            ],
        )
        add_terms(
            connection,
            [
                {"artwork_id": work, "kind": kind, "name": name, "source": "page"}
                for number, work in zip(numbers, works, strict=True)
                for kind, name in (
                    ("style", STYLES[number % 3].title()),
                    ("genre", GENRES[number % 2]),
                )
            ],
        )
    return {ids[sha256]: meaning(number % 3, number) for number, sha256 in enumerate(shas)}
