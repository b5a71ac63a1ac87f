"""Palettes straight into the tables, and searches by looking at each of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import text

from analysis.colors.conversion import Floats, hex_to_rgb, lab_to_rgb, rgb_to_hex, rgb_to_lab
from analysis.colors.difference import ciede2000
from analysis.colors.harmony import HARMONIES, chromas, hues, members
from storage.database import Database

_MODEL = text("""
    INSERT INTO models (name, version, kind, is_default)
    VALUES (:name, '1', 'palette', :is_default) RETURNING id
""")
_ROWS = text("""
    INSERT INTO image_colors (image_id, model_id, rank, hex, lab_l, lab_a, lab_b, fraction, name)
    SELECT :image_id, :model_id, n, h, l, a, b, f, 'gray'
    FROM unnest(CAST(:hexes AS text[]), CAST(:ls AS float8[]), CAST(:as_ AS float8[]),
                CAST(:bs AS float8[]), CAST(:fractions AS float8[]))
         WITH ORDINALITY AS u(h, l, a, b, f, n)
""")
_IMAGES = text("""
    WITH work AS (
        INSERT INTO artworks (site, source_id, page_url, title, content_hash)
        VALUES (:site, :number, 'https://museum.example/' || :number, 'Work ' || :number, 'x')
        RETURNING id
    ), image AS (
        INSERT INTO images
            (sha256, object_key, preview_key, format, width, height, bytes, phash)
        VALUES (:number, :number, :number, 'jpeg', 640, 480, 90000, 0) RETURNING id
    ), source AS (
        INSERT INTO image_sources (artwork_id, position, url, image_id)
        SELECT work.id, 0, 'https://museum.example/' || :number || '.jpg', image.id
        FROM work, image
    )
    SELECT id FROM image
""")


@dataclass(frozen=True)
class Stored:
    """A palette as it is stored."""

    image_id: int
    hexes: tuple[str, ...]
    lab: Floats
    """(n, 3) CIE L*a*b* D65."""
    fractions: Floats
    """(n,)"""


def palette(image_id: int, colors: Iterable[tuple[str, float]]) -> Stored:
    """A palette of colours, `#rrggbb`, and their shares."""
    hexes, fractions = zip(*colors, strict=True)
    lab = rgb_to_lab([hex_to_rgb(color) for color in hexes])
    return Stored(image_id, hexes, lab, np.array(fractions, dtype=np.float64))


def add_model(database: Database, name: str = "palettes", *, is_default: bool = True) -> int:
    """Register a palette model; return its id."""
    with database.begin() as connection:
        values = {"name": name, "is_default": is_default}
        return int(connection.execute(_MODEL, values).scalar_one())


def add_palette(
    database: Database, model_id: int, image_id: int, *colors: tuple[str, float]
) -> Stored:
    """Store a palette of colours, `#rrggbb`, and their shares."""
    stored = palette(image_id, colors)
    values = {
        "image_id": image_id,
        "model_id": model_id,
        "hexes": list(stored.hexes),
        "ls": stored.lab[:, 0].tolist(),
        "as_": stored.lab[:, 1].tolist(),
        "bs": stored.lab[:, 2].tolist(),
        "fractions": stored.fractions.tolist(),
    }
    with database.begin() as connection:
        connection.execute(_ROWS, values)
    return stored


def add_images(database: Database, count: int, site: str = "museum") -> list[int]:
    """Store works with an image each that has no bytes; return the ids of the images."""
    with database.begin() as connection:
        return [
            int(connection.execute(_IMAGES, {"site": site, "number": str(number)}).scalar_one())
            for number in range(count)
        ]


def random_palettes(count: int, seed: int) -> list[list[tuple[str, float]]]:
    """Palettes of one to seven colours around few centres, so that many are alike."""
    rng = np.random.default_rng(seed)
    centers = rgb_to_lab(rng.integers(0, 256, (12, 3)))
    made = []
    for _ in range(count):
        size = int(rng.integers(1, 8))
        lab = centers[rng.integers(0, len(centers), size)] + rng.normal(0, 6, (size, 3))
        hexes = {rgb_to_hex(rgb): None for rgb in lab_to_rgb(lab)}
        # Sixteenths are exact, so that shares tie.
        fractions = rng.multinomial(16, np.ones(len(hexes)) / len(hexes)) / 16
        kept = [(hex_, float(f)) for hex_, f in zip(hexes, fractions, strict=True) if f > 0]
        made.append(sorted(kept, key=lambda color: -color[1]))
    return made


def _millionths(fractions: Floats) -> int:
    return min(1_000_000, (int(np.rint(fractions * 1e9).sum()) + 500) // 1000)


def like_color(
    stored: Sequence[Stored], hex_color: str, tolerance: float, min_share: float = 0.0
) -> list[tuple[int, float, float]]:
    """What `images_like_color` is to find: (image_id, share, distance), the best first."""
    asked = rgb_to_lab(hex_to_rgb(hex_color))
    found = []
    for one in stored:
        distances = ciede2000(asked, one.lab)
        near = distances <= tolerance + 1e-9
        share = _millionths(one.fractions[near])
        if near.any() and share / 1e6 >= min_share:
            found.append((-share, round(float(distances[near].min()), 6), one.image_id))
    return [(image_id, -share / 1e6, distance) for share, distance, image_id in sorted(found)]


def like_colors(
    stored: Sequence[Stored],
    hexes: Sequence[str],
    tolerance: float,
    parts: Sequence[float] | None = None,
) -> list[tuple[int, float, list[float], list[float]]]:
    """What `images_like_colors` is to find: (image_id, score, shares, distances)."""
    asked = rgb_to_lab([hex_to_rgb(color) for color in hexes])
    found = []
    for one in stored:
        distances = ciede2000(asked[:, np.newaxis], one.lab)
        near = distances <= tolerance + 1e-9
        own = np.where(near, np.round(distances, 9), np.inf).argmin(axis=0)
        mine = near & (own == np.arange(len(hexes))[:, np.newaxis])
        if not mine.any(axis=1).all():
            continue
        shares = [_millionths(one.fractions[row]) for row in mine]
        nearest = [round(float(distances[at][row].min()), 6) for at, row in enumerate(mine)]
        if parts is None:
            score = min(1_000_000, len(hexes) * min(shares))
        else:
            wanted = [round(part * 1e6) for part in parts]
            score = sum(map(min, shares, wanted))
            score += min(1_000_000 - sum(wanted), max(0, 1_000_000 - sum(shares)))
        found.append((-score, round(sum(nearest), 6), one.image_id, shares, nearest))
    return [
        (image_id, -score / 1e6, [share / 1e6 for share in shares], nearest)
        for score, _, image_id, shares, nearest in sorted(found)
    ]


def in_harmony(
    stored: Sequence[Stored],
    kind: str,
    hex_color: str | None = None,
    tolerance: float = 12.0,
    min_share: float = 0.05,
) -> list[tuple[int, float, list[float]]]:
    """What `images_in_harmony` is to find: (image_id, score, shares)."""
    found = []
    for one in stored:
        candidates = []
        if hex_color is not None:
            asked = rgb_to_lab(hex_to_rgb(hex_color))
            base = ciede2000(asked, one.lab) <= tolerance + 1e-9
            parts = members(one.lab, float(hues(asked)), kind)
            candidates.append(np.vstack([base, parts[1:] & ~base]))
        else:
            colorful = chromas(one.lab) >= 15.0
            candidates = [members(one.lab, float(hue), kind) for hue in hues(one.lab)[colorful]]
        shares = [[_millionths(one.fractions[row]) for row in parts] for parts in candidates]
        fitting = [each for each in shares if min(each) > 0 and min(each) / 1e6 >= min_share]
        if fitting:
            best = max(fitting, key=min)
            score = min(1_000_000, (1 + len(HARMONIES[kind])) * min(best))
            found.append((-score, -sum(best), one.image_id, best))
    return [
        (image_id, -score / 1e6, [share / 1e6 for share in shares])
        for score, _, image_id, shares in sorted(found)
    ]
