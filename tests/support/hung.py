"""Works with images that have no pixels, for what looks at stored vectors only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from storage.database import Database
from support.databases import one, sql


def hang_works(database: Database, count: int) -> list[int]:
    """Add `count` works with an image each; return the ids of the images, ascending."""
    first = one(database, "SELECT 1 + coalesce(max(id), 0) FROM images")
    numbers = f"generate_series({first}, {first + count - 1}) n"
    sql(
        database,
        "INSERT INTO images (sha256, object_key, preview_key, format, width, height, bytes, phash) "
        f"SELECT n, n, n, 'jpeg', 1, 1, 1, n FROM {numbers}",
    )
    sql(
        database,
        "INSERT INTO artworks (site, source_id, page_url, title, content_hash, raw) "
        f"SELECT 'museum', n, 'https://museum.example/' || n, n, n, '{{}}' FROM {numbers}",
    )
    sql(
        database,
        "INSERT INTO image_sources (artwork_id, position, url, image_id) "
        "SELECT a.id, 0, a.page_url || '.jpg', i.id FROM artworks a "
        f"JOIN images i ON i.sha256 = a.source_id WHERE i.id >= {first}",
    )
    rows = sql(database, f"SELECT id FROM images WHERE id >= {first} ORDER BY id")
    return [int(image_id) for (image_id,) in rows]


def unit_vectors(count: int, dimensions: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """(count, dimensions) of length 1, in loose groups, rounded as the database rounds them."""
    groups = np.random.default_rng(dimensions).standard_normal((12, dimensions))
    rng = np.random.default_rng(seed)
    vectors = groups[rng.integers(0, 12, count)] + rng.standard_normal((count, dimensions))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float16).astype(np.float32)
