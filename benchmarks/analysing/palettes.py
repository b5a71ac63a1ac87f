"""Palettes of a made-up collection, by the million, and the rows around them in the database.

How dark, how brown and how vivid they are follows five kinds of work. The numbers of the first are
those of the palettes of 500 old-master paintings; the others are drawn from it by eye: painting
since about 1870, works on toned paper, monochrome photographs, and posters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import psycopg2.extensions
from sqlalchemy import Connection, text

from analysis.colors.conversion import Floats, lab_to_rgb, rgb_to_lab

COLORS = 5
PART = 100_000
"""Images that are made and sent at a time."""


@dataclass(frozen=True)
class Kind:
    """One kind of work: its share, and how its colours spread in CIE L*a*b*."""

    share: float
    mean: tuple[float, float, float]
    """Mean colour of all images."""
    between: tuple[float, float, float]
    """Standard deviation of the mean colours of images."""
    within: tuple[float, float, float]
    """Standard deviation of the colours of an image."""


KINDS = (
    Kind(0.45, (38, 1, 12), (13.5, 3.3, 6.7), (23, 4, 10)),
    Kind(0.25, (55, 3, 10), (12, 9, 14), (20, 18, 24)),
    Kind(0.15, (72, 3, 16), (12, 3, 7), (18, 3, 6)),
    Kind(0.08, (50, 0, 2), (15, 1, 3), (28, 1, 2)),
    Kind(0.07, (58, 8, 12), (14, 22, 26), (26, 30, 36)),
)
SHARES = (0.38, 0.25, 0.17, 0.12, 0.08)
"""Mean shares of the colours of an image, the largest first."""

# What a row of image_colors is in PostgreSQL's binary COPY: the length of each value before it.
_ROW = np.dtype(
    [
        ("columns", ">i2"),
        *(
            part
            for name, kind, length in (
                ("image_id", ">i8", 8),
                ("model_id", ">i8", 8),
                ("rank", ">i4", 4),
                ("hex", "S7", 7),
                ("lab_l", ">f8", 8),
                ("lab_a", ">f8", 8),
                ("lab_b", ">f8", 8),
                ("fraction", ">f8", 8),
                ("name", "S4", 4),
            )
            for part in ((f"{name}_length", ">i4"), (name, kind))
        ),
    ]
)
_COLUMNS = ("image_id", "model_id", "rank", "hex", "lab_l", "lab_a", "lab_b", "fraction", "name")
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER = b"\xff\xff"

_IMAGES = """
    INSERT INTO images (sha256, object_key, preview_key, format, width, height, bytes, phash)
    SELECT lpad(n::text, 64, '0'), n::text, n::text, 'jpeg', 640, 480, 90000, n
    FROM generate_series(1, :images) n
"""
_WORKS = """
    INSERT INTO artworks (site, source_id, page_url, title, content_hash)
    SELECT 'museum ' || n % 10, n::text, 'https://museum.example/' || n, 'Work ' || n, n::text
    FROM generate_series(1, :images) n
"""
_SOURCES = """
    INSERT INTO image_sources (artwork_id, position, url, image_id)
    SELECT a.id, 0, 'https://museum.example/' || a.id || '.jpg', a.id FROM artworks a
"""
_MODEL = """
    INSERT INTO models (name, version, kind, is_default)
    VALUES ('palette-made-up', '1', 'palette', true) RETURNING id
"""
_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename = 'image_colors' AND indexname LIKE 'ix_%'
"""


@dataclass(frozen=True)
class Palettes:
    """Palettes of `n` images."""

    rgb: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
    """(n, 5, 3) sRGB."""
    lab: Floats
    """(n, 5, 3) CIE L*a*b* D65, exactly those of `rgb`."""
    fractions: Floats
    """(n, 5), the largest first; they add up to 1."""


def made_up_palettes(count: int, rng: np.random.Generator) -> Palettes:
    """Return the palettes of `count` images."""
    kinds = rng.choice(len(KINDS), count, p=[kind.share for kind in KINDS])
    mean, between, within = (
        np.array([getattr(kind, name) for kind in KINDS], dtype=np.float64)[kinds]
        for name in ("mean", "between", "within")
    )
    centers = mean + between * rng.standard_normal((count, 3))
    lab = centers[:, np.newaxis] + within[:, np.newaxis] * rng.standard_normal((count, COLORS, 3))
    rgb = lab_to_rgb(lab)
    fractions = rng.dirichlet(40.0 * np.array(SHARES), count)
    fractions[:, ::-1].sort(axis=1)
    return Palettes(rgb, rgb_to_lab(rgb), fractions)


def fill(connection: Connection, images: int, seed: int) -> int:
    """Fill an empty database with works that have a picture and a palette each; return the model.

    Indexes of the palettes are made when the rows are there, and foreign keys are not checked:
    the user must be a superuser, as that of the embedded server is.
    """
    for statement in (_IMAGES, _WORKS, _SOURCES):
        connection.execute(text(statement), {"images": images})
    model_id = int(connection.execute(text(_MODEL)).scalar_one())
    indexes = connection.execute(text(_INDEXES)).all()
    for index in indexes:
        connection.execute(text(f"DROP INDEX {index.indexname}"))
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg2.extensions.connection)
    with driver.cursor() as cursor:
        for rows in _rows(images, model_id, seed):
            cursor.copy_expert(
                f"COPY image_colors ({', '.join(_COLUMNS)}) FROM STDIN (FORMAT binary)",
                BytesIO(_COPY_HEADER + rows + _COPY_TRAILER),
            )
    for index in indexes:
        connection.execute(text(index.indexdef))
    return model_id


def _rows(images: int, model_id: int, seed: int) -> Iterator[bytes]:
    rng = np.random.default_rng(seed)
    for start in range(0, images, PART):
        count = min(PART, images - start)
        palettes = made_up_palettes(count, rng)
        rows = np.empty((count, COLORS), dtype=_ROW)
        rows["columns"] = len(_COLUMNS)
        for name in _COLUMNS:
            rows[f"{name}_length"] = _ROW[name].itemsize
        rows["image_id"] = np.arange(start + 1, start + count + 1)[:, np.newaxis]
        rows["model_id"] = model_id
        rows["rank"] = np.arange(1, COLORS + 1)
        rows["hex"] = _hexes(palettes.rgb)
        rows["lab_l"], rows["lab_a"], rows["lab_b"] = np.moveaxis(palettes.lab, -1, 0)
        rows["fraction"] = palettes.fractions
        rows["name"] = b"gray"
        yield rows.tobytes()


def _hexes(rgb: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> np.ndarray:
    """Write colours, (…, 3) uint8, as `#rrggbb`, (…) of 7 bytes."""
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    written = np.empty((*rgb.shape[:-1], 7), dtype=np.uint8)
    written[..., 0] = ord("#")
    written[..., 1::2] = digits[rgb >> 4]
    written[..., 2::2] = digits[rgb & 15]
    return written.view("S7")[..., 0]
