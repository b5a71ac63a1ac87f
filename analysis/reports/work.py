"""One work with its palette: found by its name, the hash of its image, or as a file on disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from analysis.colors.conversion import Bytes, hex_to_rgb
from analysis.colors.file import describe_file
from analysis.errors import NothingToShow
from analysis.plots.lettering import Color
from analysis.reports.query import SHOWN, Selection, years
from storage.database import Database
from storage.errors import ImageRejected, ObjectNotFound, UsageError
from storage.images import decode_rgb
from storage.objects import ObjectStore

SIDE = 1300
"""Pixels that the shorter side of a picture is decoded to at least, where there are as many."""

_COLUMNS = """
    SELECT a.site, a.source_id, a.title, a.date_text, a.year_from, a.year_to, a.page_url,
           a.institution, a.medium, i.id AS image_id, i.sha256, i.object_key, i.preview_key,
           makers.artist
    FROM artworks a
    JOIN image_sources s ON s.artwork_id = a.id AND s.gone_at IS NULL
    JOIN images i ON i.id = s.image_id
    LEFT JOIN LATERAL (
        SELECT string_agg(concat_ws(' ', aa.qualifier, ar.name), ', ' ORDER BY aa.position)
               AS artist
        FROM artwork_artists aa JOIN artists ar ON ar.id = aa.artist_id WHERE aa.artwork_id = a.id
    ) makers ON true
"""
_BY_NAME = text(f"""
    {_COLUMNS} WHERE a.site = :site AND a.source_id = :source_id AND NOT i.placeholder
    ORDER BY s.position, s.id LIMIT 1
""")
_BY_HASH = text(f"""
    {_COLUMNS} WHERE i.sha256 = :sha256 ORDER BY a.gone_at IS NOT NULL, a.id LIMIT 1
""")
_KNOWN_NAME = text("SELECT 1 FROM artworks WHERE site = :site AND source_id = :source_id")
_KNOWN_HASH = text("SELECT 1 FROM images WHERE sha256 = :sha256")
# The same work every time, and none that stands out by its place in the table.
_ANY = text(f"""
    WITH {SHOWN}
    SELECT w.site, w.source_id FROM shown w
    WHERE EXISTS (
        SELECT FROM image_colors k WHERE k.image_id = w.image_id AND k.model_id = :model_id)
    ORDER BY md5(w.site || ' ' || w.source_id) LIMIT 1
""")  # noqa: S608 - the fragment is a constant
_PALETTE = text("""
    SELECT k.hex, k.fraction, k.name, m.name AS model, m.version
    FROM image_colors k JOIN models m ON m.id = k.model_id
    WHERE k.image_id = :image_id AND m.kind = 'palette' AND m.is_default ORDER BY k.rank
""")


@dataclass(frozen=True)
class NamedColor:
    """A colour of a palette as it is labelled."""

    hex: str
    name: str
    """Name of the nearest CSS colour."""
    fraction: float
    """Share of the picture, 0 to 1."""

    @property
    def rgb(self) -> Color:
        """The colour in sRGB."""
        return hex_to_rgb(self.hex)


@dataclass(frozen=True)
class ShownWork:
    """A work with its palette, the largest share first."""

    picture: Bytes
    """(h, w, 3) uint8 sRGB."""
    title: str
    artist: str | None
    date: str | None
    source: tuple[str, ...]
    """Lines that say where the picture comes from."""
    palette: tuple[NamedColor, ...]
    model: str | None
    """Name and version of the model that found the palette; None: found just now."""
    sha256: str | None = None
    """Names the stored image; None: it is a file."""


def find_work(database: Database, store: ObjectStore, said: str) -> ShownWork:
    """Return the work that people name: SITE/SOURCE_ID, the sha256 of an image, or a file.

    Raises UsageError where there is none, ImageRejected for a file that is no image, and
    NothingToShow for works without a picture or a palette.
    """
    with database.begin() as connection:
        found = _stored(connection, said)
        if found is None:
            path = Path(said)
            if path.is_file():
                return _from_file(path)
            raise UsageError(
                f'"{said}" is no work, no stored image and no file: give SITE/SOURCE_ID (`artworks '
                "export` and the view artwork_overview have them), the sha256 of an image, or the "
                "path of a file."
            )
        palette = connection.execute(_PALETTE, {"image_id": found.image_id}).all()
    if not palette:
        raise NothingToShow(f"{said} has no palette yet: run `artworks analyze colors`.")
    return ShownWork(
        picture=_decoded(store, found),
        title=_in_one_line(found.title),
        artist=_in_one_line(found.artist) or None,
        date=_in_one_line(found.date_text) or _years(found),
        source=tuple(
            " · ".join(_in_one_line(part) for part in parts if part)
            for parts in (
                (found.medium, found.institution),
                (f"{found.site} / {found.source_id}", found.page_url),
            )
            if any(parts)
        ),
        palette=tuple(NamedColor(row.hex, row.name, row.fraction) for row in palette),
        model=f"{palette[0].model} {palette[0].version}",
        sha256=found.sha256,
    )


def choose_work(connection: Connection, selection: Selection) -> str:
    """Return SITE/SOURCE_ID of one work of a selection, drawn by its name."""
    row = connection.execute(_ANY, selection.parameters).one()
    return f"{row.site}/{row.source_id}"


def _stored(connection: Connection, said: str) -> Any:
    site, slash, source_id = said.partition("/")
    if re.fullmatch("[0-9a-f]{64}", said.lower()):
        parameters = {"sha256": said.lower()}
        query, known = _BY_HASH, _KNOWN_HASH
    elif slash:
        parameters = {"site": site, "source_id": source_id}
        query, known = _BY_NAME, _KNOWN_NAME
    else:
        return None
    found = connection.execute(query, parameters).first()
    if found is None and connection.execute(known, parameters).first() is not None:
        raise NothingToShow(f"{said} is known, and no picture of it is shown: see its page.")
    return found


def _in_one_line(said: str | None) -> str:
    return " ".join((said or "").split())


def _years(found: Any) -> str | None:
    return None if found.year_from is None else years(found.year_from, found.year_to)


def _decoded(store: ObjectStore, found: Any) -> Bytes:
    for key in (found.object_key, found.preview_key):
        try:
            return decode_rgb(store.get(key), size=SIDE)
        except (ObjectNotFound, ImageRejected):
            continue
    raise NothingToShow(
        f"the picture of {found.site}/{found.source_id} cannot be read: run `artworks verify`."
    )


def _from_file(path: Path) -> ShownWork:
    palette = describe_file(path)
    return ShownWork(
        picture=decode_rgb(path.read_bytes(), size=SIDE),
        title=path.name,
        artist=None,
        date=None,
        source=(),
        palette=tuple(
            NamedColor(swatch.hex, swatch.name, swatch.fraction) for swatch in palette.swatches
        ),
        model=None,
    )
