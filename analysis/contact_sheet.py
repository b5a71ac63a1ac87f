"""A contact sheet: works of a collection at a glance, each with its palette."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import Connection, text

from analysis.colors.conversion import Bytes, hex_to_rgb
from analysis.errors import NothingToShow
from analysis.plots.justified import justified_rows
from analysis.plots.lettering import BOLD, Canvas, Color, Type
from analysis.plots.strip import PAPER, draw_strip
from storage.database import Database
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import decode_rgb
from storage.objects import ObjectStore

DEFAULT_WORKS = 48

WIDTH = 2000
MARGIN = 72
GAP = 30
ROW_HEIGHT = 235
LAST_ROW_GROWTH = 1.35
"""How much higher than usual a row may get when few works must fill it."""
STRIP = 12
STRIP_GAP = 7
CAPTION = 64
SHAPES = (0.6, 2.6)
"""Width : height of the frames; a picture beyond is shown whole, in the middle of its frame."""

INK: Color = (28, 27, 25)
GRAY: Color = (122, 118, 111)
RULE: Color = (222, 218, 210)
MAT: Color = (240, 237, 231)

HEADING = Type(46, BOLD)
COUNTS = Type(23)
TITLE = Type(17, BOLD)
MAKER = Type(15)

# The turn of a work within its style (or category, where there is no style) decides first, then a
# number drawn from its own name: every style comes up, and the same works every time.
_WORKS = text("""
    WITH works AS (
        SELECT a.id, a.title, a.site, a.source_id, a.year_from, a.year_to, a.date_text,
               first.image_id, word.name AS style,
               md5(a.site || ' ' || a.source_id) AS drawn
        FROM artworks a
        JOIN LATERAL (
            SELECT s.image_id FROM image_sources s
            WHERE s.artwork_id = a.id AND s.image_id IS NOT NULL AND s.gone_at IS NULL
            ORDER BY s.position, s.id LIMIT 1
        ) first ON true
        LEFT JOIN LATERAL (
            SELECT t.name FROM artwork_terms at JOIN terms t ON t.id = at.term_id
            WHERE at.artwork_id = a.id AND t.kind IN ('style', 'category')
            ORDER BY t.kind DESC, t.name LIMIT 1
        ) word ON true
        WHERE a.gone_at IS NULL AND (CAST(:site AS text) IS NULL OR a.site = :site)
    ), once AS (
        SELECT DISTINCT ON (image_id) * FROM works ORDER BY image_id, drawn
    ), turns AS (
        SELECT *, row_number() OVER (PARTITION BY style ORDER BY drawn) AS turn FROM once
    ), chosen AS (
        SELECT * FROM turns ORDER BY turn, drawn LIMIT :limit
    )
    SELECT c.title, c.year_from, c.year_to, c.date_text, maker.name AS artist, i.preview_key,
           coalesce(palette.hexes, '{}') AS hexes, coalesce(palette.fractions, '{}') AS fractions
    FROM chosen c
    JOIN images i ON i.id = c.image_id
    LEFT JOIN LATERAL (
        SELECT ar.name FROM artwork_artists aa JOIN artists ar ON ar.id = aa.artist_id
        WHERE aa.artwork_id = c.id ORDER BY aa.position LIMIT 1
    ) maker ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(k.hex ORDER BY k.rank) AS hexes,
               array_agg(k.fraction ORDER BY k.rank) AS fractions
        FROM image_colors k JOIN models m ON m.id = k.model_id
        WHERE k.image_id = c.image_id AND m.kind = 'palette' AND m.is_default
    ) palette ON true
    ORDER BY c.turn, c.drawn
""")
_COUNTS = text("""
    SELECT count(*) AS works,
           (SELECT count(DISTINCT aa.artist_id) FROM artwork_artists aa
            JOIN artworks b ON b.id = aa.artwork_id
            WHERE b.gone_at IS NULL AND (CAST(:site AS text) IS NULL OR b.site = :site)) AS artists,
           (SELECT count(DISTINCT s.image_id) FROM image_sources s
            JOIN artworks b ON b.id = s.artwork_id
            WHERE b.gone_at IS NULL AND s.gone_at IS NULL
              AND (CAST(:site AS text) IS NULL OR b.site = :site)) AS images,
           count(DISTINCT a.site) AS sites, min(a.site) AS site,
           min(a.year_from) AS first_year, max(a.year_to) AS last_year
    FROM artworks a WHERE a.gone_at IS NULL AND (CAST(:site AS text) IS NULL OR a.site = :site)
""")
# Some chosen works may turn out to have no readable image.
SPARE = 12


@dataclass(frozen=True)
class SheetWork:
    """A work as it appears on a sheet."""

    picture: Bytes
    """(h, w, 3) uint8 sRGB."""
    title: str
    artist: str | None
    date: str | None
    colors: tuple[Color, ...]
    """Its palette, sRGB, the largest share first; may be empty."""
    fractions: tuple[float, ...]

    @property
    def shape(self) -> float:
        """Width : height of its frame."""
        height, width = self.picture.shape[:2]
        return float(min(max(width / height, SHAPES[0]), SHAPES[1]))


def contact_sheet(
    database: Database,
    store: ObjectStore,
    *,
    site: str | None = None,
    limit: int = DEFAULT_WORKS,
    out: Path | None = None,
) -> bytes:
    """Draw up to `limit` works, spread over the styles of the collection; return a PNG.

    The same collection gives the same works in the same order. Works whose image cannot be read
    make room for others; palettes are those of the default model, where there are any.

    Args:
        database: an open, migrated database.
        store: where the previews are.
        site: works of one site only.
        limit: most works that are shown.
        out: file that the PNG is written to as well; its folder is made.

    Raises NothingToShow where no work has an image, ObjectStoreUnavailable and
    DatabaseUnavailable.
    """
    with database.begin() as connection:
        rows = connection.execute(_WORKS, {"site": site, "limit": limit + SPARE}).all()
        heading, counts = _headlines(connection, site)
    works: list[SheetWork] = []
    for work in _loaded(rows, store):
        works.append(work)
        if len(works) == limit:
            break
    if not works:
        where = "the collection" if site is None else f'the site "{site}"'
        raise NothingToShow(f"{where} has no stored images yet: crawl first.")
    buffer = io.BytesIO()
    draw_sheet(works, heading, counts).save(buffer, "PNG", compress_level=6)
    png = buffer.getvalue()
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(png)
    return png


def _headlines(connection: Connection, site: str | None) -> tuple[str, str]:
    found = connection.execute(_COUNTS, {"site": site}).one()
    heading = site or (found.site if found.sites == 1 else "artworks")
    parts = [
        _counted(found.works, "work", "works"),
        _counted(found.artists, "artist", "artists"),
        _counted(found.images, "image", "images"),
    ]
    if found.sites > 1:
        parts.append(_counted(found.sites, "site", "sites"))
    if found.first_year is not None:
        parts.append(_years(found.first_year, found.last_year) or "")
    return heading, "  ·  ".join(part for part in parts if part)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _years(first: int | None, last: int | None) -> str | None:
    if first is None or last is None:
        return None
    return str(first) if first == last else f"{first}–{last}"


def _loaded(rows: Sequence[Any], store: ObjectStore) -> Iterator[SheetWork]:
    for row in rows:
        try:
            picture = decode_rgb(store.get(row.preview_key))
        except (ObjectNotFound, ImageRejected):
            continue
        yield SheetWork(
            picture=picture,
            title=" ".join(row.title.split()),
            artist=row.artist,
            date=_years(row.year_from, row.year_to) or row.date_text,
            colors=tuple(hex_to_rgb(code) for code in row.hexes),
            fractions=tuple(row.fractions),
        )


def draw_sheet(works: Sequence[SheetWork], heading: str, counts: str) -> Image.Image:
    """Draw works in rows below a heading and a line of counts; returns an RGB image."""
    room = WIDTH - 2 * MARGIN
    rows = justified_rows([work.shape for work in works], room, ROW_HEIGHT, GAP)
    heights = [_row_height([works[at] for at in row], room) for row in rows]
    below = STRIP_GAP + STRIP + CAPTION
    top = MARGIN + 96
    height = (
        top
        + sum(round(row_height) for row_height in heights)
        + len(rows) * (below + GAP // 2)
        + MARGIN
        - GAP
    )
    canvas: Canvas = np.full((height, WIDTH, 3), PAPER, dtype=np.uint8)

    HEADING.draw(canvas, HEADING.fit(heading, room // 2), MARGIN, MARGIN + 34, INK)
    left = WIDTH - MARGIN - COUNTS.width(counts)
    COUNTS.draw(canvas, counts, left, MARGIN + 34, GRAY)
    canvas[MARGIN + 58 : MARGIN + 60, MARGIN : WIDTH - MARGIN] = RULE

    for row, row_height in zip(rows, heights, strict=True):
        # Edges are rounded together, so that every row ends at the margin to the pixel.
        edge = float(MARGIN)
        for at in row:
            right = edge + works[at].shape * row_height
            draw_work(canvas, works[at], round(edge), round(right), top, round(row_height))
            edge = right + GAP
        top += round(row_height) + below + GAP // 2
    return Image.fromarray(canvas)


def _row_height(works: Sequence[SheetWork], room: int) -> float:
    free = room - GAP * (len(works) - 1)
    return min(free / sum(work.shape for work in works), ROW_HEIGHT * LAST_ROW_GROWTH)


def draw_work(
    canvas: Canvas, work: SheetWork, left: int, right: int, top: int, height: int
) -> None:
    """Draw a picture with its palette and caption below it, from `left` to `right`, in place."""
    width = right - left
    frame = canvas[top : top + height, left:right]
    picture = Image.fromarray(work.picture)
    if not SHAPES[0] <= picture.width / picture.height <= SHAPES[1]:
        frame[:] = MAT
        picture.thumbnail((width, height), Image.Resampling.LANCZOS)
    else:
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    x, y = (width - picture.width) // 2, (height - picture.height) // 2
    frame[y : y + picture.height, x : x + picture.width] = np.asarray(picture)

    strip_top = top + height + STRIP_GAP
    if work.colors:
        draw_strip(canvas, work.colors, work.fractions, (left, strip_top, right, strip_top + STRIP))
    baseline = strip_top + STRIP + 25
    TITLE.draw(canvas, TITLE.fit(work.title or "Untitled", width), left, baseline, INK)
    maker = work.artist or "Unknown artist"
    ending = f", {work.date}" if work.date else ""
    MAKER.draw(canvas, MAKER.fit(maker, width, ending), left, baseline + 21, GRAY)
