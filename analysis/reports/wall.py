"""The palettes of many works, in the order in which a wall shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from analysis.colors.conversion import Bytes, hex_to_rgb
from analysis.errors import NothingToShow
from analysis.plots.lettering import Color
from analysis.reports.query import SHOWN, Selection
from analysis.reports.shares import CELL_KEYS, Cell, TermShare, cell_columns, term_shares
from storage.errors import ImageRejected, ObjectNotFound, UsageError
from storage.images import decode_rgb
from storage.objects import ObjectStore

ORDERS = ("hue", "lightness", "year")
MOST_WORKS = 4000
"""Palettes that a wall has room for; of more works, as many are drawn by their names."""
PICTURED = 48
"""Works up to which each is shown with its picture."""
FAINT_CHROMA = 8.0
"""Works whose mean colour has less chroma than this (CIE L*a*b*) have no hue to go by."""
FIRST_HUE = -15.0
"""Hue, in degrees of the a*b* plane, at which a wall begins: between purple and pink."""

_WORKS = text(f"""
    WITH {SHOWN}, drawn AS (
        SELECT w.* FROM shown w
        WHERE (NOT :dated OR w.year_from IS NOT NULL) AND EXISTS (
            SELECT FROM image_colors k WHERE k.image_id = w.image_id AND k.model_id = :model_id)
        ORDER BY md5(w.site || ' ' || w.source_id), w.id LIMIT :most
    )
    SELECT a.title, w.site, w.source_id, w.year_from, w.year_to, i.preview_key, i.sha256, p.*
    FROM drawn w
    JOIN artworks a ON a.id = w.id
    JOIN images i ON i.id = w.image_id
    JOIN LATERAL (
        SELECT array_agg(k.hex ORDER BY k.rank) AS hexes,
               array_agg(k.fraction ORDER BY k.rank) AS fractions,
               array_agg(ARRAY[k.lab_l, k.lab_a, k.lab_b] ORDER BY k.rank) AS labs
        FROM image_colors k WHERE k.image_id = w.image_id AND k.model_id = :model_id
    ) p ON true
    ORDER BY w.site, w.source_id
""")  # noqa: S608 - the fragment is the constant above
_DATED = text(f"""
    WITH {SHOWN}
    SELECT count(*) FROM shown w
    WHERE w.year_from IS NOT NULL AND EXISTS (
        SELECT FROM image_colors k WHERE k.image_id = w.image_id AND k.model_id = :model_id)
""")  # noqa: S608 - the fragment is the constant above
_TOGETHER = text(f"""
    WITH {SHOWN}
    SELECT {cell_columns("k.fraction")}
    FROM shown w JOIN image_colors k ON k.image_id = w.image_id AND k.model_id = :model_id
    GROUP BY {CELL_KEYS} ORDER BY l, a, b
""")  # noqa: S608 - the fragments are constants


@dataclass(frozen=True)
class WallColumn:
    """One work on a wall."""

    title: str
    year: int | None
    """The middle of its years."""
    colors: tuple[Color, ...]
    """Its palette, sRGB, from light to dark."""
    fractions: tuple[float, ...]
    lab: tuple[float, float, float]
    """The mean of its palette, CIE L*a*b*."""
    picture: Bytes | None = None
    """(h, w, 3) uint8 sRGB, on walls of few works."""
    sha256: str | None = None
    """Names that picture."""

    @property
    def chroma(self) -> float:
        """Chroma of its mean colour."""
        return float(np.hypot(self.lab[1], self.lab[2]))

    @property
    def hue(self) -> float:
        """Hue of its mean colour in degrees, counted from where a wall begins."""
        degrees = float(np.degrees(np.arctan2(self.lab[2], self.lab[1])))
        return (degrees - FIRST_HUE) % 360.0


@dataclass(frozen=True)
class Wall:
    """Palettes in order, and the colours of all works together."""

    columns: tuple[WallColumn, ...]
    together: tuple[TermShare, ...]
    order: str
    of: int
    """Works from which the columns were drawn."""


def palette_wall(
    connection: Connection,
    store: ObjectStore,
    selection: Selection,
    *,
    order: str = "hue",
    most: int = MOST_WORKS,
) -> Wall:
    """Return the palettes of a selection, sorted by hue, lightness or year.

    Raises UsageError for another order, and NothingToShow where works without years are to be
    sorted by year.
    """
    if order not in ORDERS:
        raise UsageError(f'a wall cannot be sorted by "{order}": choose from {", ".join(ORDERS)}.')
    dated = order == "year"
    there = selection.palettes
    if dated:
        there = connection.execute(_DATED, selection.parameters).scalar_one()
    if not there:
        raise NothingToShow("none of these works has a year: sort by hue or lightness.")
    parameters = {**selection.parameters, "dated": dated, "most": most}
    rows = connection.execute(_WORKS, parameters).all()
    cells = connection.execute(_TOGETHER, selection.parameters)
    pictured = len(rows) <= PICTURED
    return Wall(
        tuple(sorted_columns([_column(row, store if pictured else None) for row in rows], order)),
        together=term_shares(Cell(row.weight, (row.l, row.a, row.b)) for row in cells),
        order=order,
        of=there,
    )


def sorted_columns(columns: Iterable[WallColumn], order: str) -> list[WallColumn]:
    """Return columns by hue, lightness or year; works of equal rank keep their order.

    By hue, those without much colour come last, from light to dark.
    """
    if order == "year":
        return sorted(columns, key=lambda column: (column.year or 0, column.hue))
    if order == "lightness":
        return sorted(columns, key=lambda column: -column.lab[0])
    return sorted(
        columns,
        key=lambda column: (
            (0, column.hue) if column.chroma >= FAINT_CHROMA else (1, -column.lab[0])
        ),
    )


def column_of(
    hexes: Sequence[str],
    fractions: Sequence[float],
    labs: Sequence[Sequence[float]],
    *,
    title: str = "",
    year: int | None = None,
    picture: Bytes | None = None,
    sha256: str | None = None,
) -> WallColumn:
    """Return the column of a palette: hex, share and L*a*b* of each colour."""
    lab = np.asarray(labs, dtype=np.float64)
    shares = np.asarray(fractions, dtype=np.float64) / sum(fractions)
    by_lightness = sorted(range(len(hexes)), key=lambda at: -lab[at, 0])
    lightness, a, b = (float(value) for value in shares @ lab)
    return WallColumn(
        title=title,
        year=year,
        colors=tuple(hex_to_rgb(hexes[at]) for at in by_lightness),
        fractions=tuple(float(shares[at]) for at in by_lightness),
        lab=(lightness, a, b),
        picture=picture,
        sha256=sha256,
    )


def _column(row: Any, store: ObjectStore | None) -> WallColumn:
    picture = None
    if store is not None:
        try:
            picture = decode_rgb(store.get(row.preview_key))
        except (ObjectNotFound, ImageRejected):
            picture = None
    return column_of(
        row.hexes,
        row.fractions,
        row.labs,
        title=" ".join(row.title.split()),
        year=None if row.year_from is None else (row.year_from + row.year_to) // 2,
        picture=picture,
        sha256=None if picture is None else row.sha256,
    )
