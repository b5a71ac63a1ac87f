"""Search by colour: images whose palettes have a colour, several in proportion, or a harmony.

The searching itself is done by functions in the database (`images_like_color`,
`images_like_colors`, `images_in_harmony`, described there), so that SQL and the command line give
the same answers. This asks them, and adds the works and palettes that people want to see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from analysis.colors.asked import ColorSearch
from analysis.colors.conversion import Floats, hex_to_rgb, rgb_to_lab
from analysis.colors.difference import ciede2000
from analysis.colors.harmony import members
from analysis.errors import NothingToShow, WrongSearch
from analysis.registry.models import default_model, find_model

KIND = "palette"
"""What models of palettes are, in the registry."""

_LIKE_COLOR = text("""
    SELECT image_id, share AS score, ARRAY[share] AS shares, ARRAY[distance] AS distances,
           CAST(NULL AS float8) AS hue
    FROM images_like_color(:hex, :tolerance, :min_share, :limit, :site, :category, :model)
""")
_LIKE_COLORS = text("""
    SELECT image_id, score, shares, distances, CAST(NULL AS float8) AS hue
    FROM images_like_colors(:hexes, CAST(:parts AS float8[]), :tolerance, :min_share, :limit,
                            :site, :category, :model)
""")
_IN_HARMONY = text("""
    SELECT image_id, score, shares, CAST(NULL AS float8[]) AS distances, hue
    FROM images_in_harmony(:kind, :hex, :tolerance, :min_share, :limit, :site, :category, :model)
""")

# By the index, since other models may have millions of rows before the first of this one.
_FIRST_PALETTE = text(
    "SELECT cell FROM image_colors WHERE model_id = :model_id ORDER BY model_id, cell LIMIT 1"
)
_SITES = text("SELECT DISTINCT site FROM artworks ORDER BY site")
_CATEGORIES = text("SELECT name FROM terms WHERE kind = 'category' ORDER BY name")

_IMAGES = text("SELECT id, sha256, preview_key FROM images WHERE id = ANY(:ids)")
_PALETTES = text("""
    SELECT image_id, hex, name, fraction, lab_l, lab_a, lab_b FROM image_colors
    WHERE image_id = ANY(:ids) AND model_id = :model_id ORDER BY image_id, rank
""")
# A work may show an image at several addresses.
_WORKS = text("""
    SELECT DISTINCT ON (s.image_id, a.id)
           s.image_id, a.site, a.source_id, a.title, a.date_text, a.page_url, a.gone_at, maker.name
    FROM image_sources s JOIN artworks a ON a.id = s.artwork_id
    LEFT JOIN LATERAL (
        SELECT ar.name FROM artwork_artists aa JOIN artists ar ON ar.id = aa.artist_id
        WHERE aa.artwork_id = a.id ORDER BY aa.position LIMIT 1
    ) maker ON true
    WHERE s.image_id = ANY(:ids) AND s.gone_at IS NULL
      AND (CAST(:site AS text) IS NULL OR a.site = :site)
      AND (CAST(:category AS text) IS NULL OR EXISTS (
          SELECT FROM artwork_terms at JOIN terms t ON t.id = at.term_id
          WHERE at.artwork_id = a.id AND t.kind = 'category' AND t.name = :category))
    ORDER BY s.image_id, a.id
""")


@dataclass(frozen=True)
class PaletteColor:
    """A colour of a palette that was found."""

    hex: str
    name: str
    fraction: float
    """Share of the image."""


@dataclass(frozen=True)
class Match:
    """How an image has one of the colours or hues that were asked for."""

    hex: str
    """The colour of its palette that fits best: the nearest, or the largest of the hue."""
    share: float
    """Share of the image of all its colours that fit."""
    distance: float | None
    """CIEDE2000 between the nearest of them and the colour asked for; None for a hue."""


@dataclass(frozen=True)
class FoundWork:
    """A work that shows an image."""

    site: str
    source_id: str
    title: str
    artist: str | None
    date: str | None
    page_url: str
    gone: bool
    """Whether its site no longer lists it."""


@dataclass(frozen=True)
class FoundImage:
    """An image that was found."""

    sha256: str
    preview_key: str
    score: float
    """How well it fits, 0 to 1: what results are ordered by."""
    matches: tuple[Match, ...]
    """One for each colour asked for, in that order; of a harmony, the base and its partners."""
    palette: tuple[PaletteColor, ...]
    works: tuple[FoundWork, ...]

    @property
    def share(self) -> float:
        """Share of the image that matches, all colours asked for together."""
        return min(1.0, sum(match.share for match in self.matches))

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return {
            "sha256": self.sha256,
            "score": self.score,
            "share": round(self.share, 6),
            "matches": [vars(match) for match in self.matches],
            "palette": [vars(color) for color in self.palette],
            "works": [vars(work) for work in self.works],
        }


def find_images(connection: Connection, search: ColorSearch) -> list[FoundImage]:
    """Return the images that fit, the best first.

    Pictures that stand in for others, and those that no page shows any more, are not found.
    Raises NothingToShow where there are no palettes yet, NoSuchModel and WrongSearch for a site
    or category that there is not.
    """
    model_id = _palette_model(connection, search)
    _require(connection, _SITES, "site", search.site)
    _require(connection, _CATEGORIES, "category", search.category)
    rows = connection.execute(*_statement(search, model_id)).all()
    ids = [row.image_id for row in rows]
    images = {row.id: row for row in connection.execute(_IMAGES, {"ids": ids})}
    palettes = _palettes(connection, ids, model_id, search)
    scope = {"ids": ids, "site": search.site, "category": search.category}
    works = _grouped(connection.execute(_WORKS, scope))
    return [
        FoundImage(
            sha256=images[row.image_id].sha256,
            preview_key=images[row.image_id].preview_key,
            score=row.score,
            matches=tuple(_matches(search, row, palettes[row.image_id])),
            palette=tuple(
                PaletteColor(color.hex, color.name, color.fraction)
                for color in palettes[row.image_id].colors
            ),
            works=tuple(
                FoundWork(
                    site=work.site,
                    source_id=work.source_id,
                    title=work.title,
                    artist=work.name,
                    date=work.date_text,
                    page_url=work.page_url,
                    gone=work.gone_at is not None,
                )
                for work in works[row.image_id]
            ),
        )
        for row in rows
    ]


def _statement(search: ColorSearch, model_id: int) -> tuple[Any, dict[str, Any]]:
    values: dict[str, Any] = {
        "tolerance": search.tolerance,
        "min_share": search.least_share,
        "limit": search.limit,
        "site": search.site,
        "category": search.category,
        "model": model_id,
    }
    if search.harmony is not None:
        hex_color = search.colors[0].hex if search.colors else None
        return _IN_HARMONY, {**values, "kind": search.harmony, "hex": hex_color}
    if len(search.colors) == 1 and search.colors[0].part is None:
        return _LIKE_COLOR, {**values, "hex": search.colors[0].hex}
    parts = [color.part for color in search.colors]
    hexes = [color.hex for color in search.colors]
    return _LIKE_COLORS, {**values, "hexes": hexes, "parts": None if None in parts else parts}


def _palette_model(connection: Connection, search: ColorSearch) -> int:
    model = (
        default_model(connection, KIND)
        if search.model is None
        else find_model(connection, search.model)
    )
    if model is not None and model.kind != KIND:
        raise WrongSearch(
            f"{model.label} finds no palettes, but is of the kind {model.kind}: name another "
            "--model, or none."
        )
    first = None
    if model is not None:
        first = connection.execute(_FIRST_PALETTE, {"model_id": model.id}).scalar()
    if model is None or first is None:
        raise NothingToShow("no stored image has a palette yet: run `artworks analyze colors`.")
    return model.id


def _require(connection: Connection, statement: Any, kind: str, wanted: str | None) -> None:
    if wanted is None:
        return
    known = list(connection.execute(statement).scalars())
    if wanted not in known:
        listed = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
        raise WrongSearch(f'there is no {kind} "{wanted}": choose from {listed or "none yet"}.')


def _grouped(rows: Any) -> Mapping[int, Sequence[Any]]:
    grouped: dict[int, list[Any]] = {}
    for row in rows:
        grouped.setdefault(row.image_id, []).append(row)
    return grouped


@dataclass(frozen=True)
class _Palette:
    colors: Sequence[Any]
    """Rows of image_colors, the largest share first."""
    lab: Floats
    """(n, 3) CIE L*a*b* D65."""
    distances: Floats
    """(asked, n) CIEDE2000 to each colour asked for."""


def _palettes(
    connection: Connection, ids: Sequence[int], model_id: int, search: ColorSearch
) -> Mapping[int, _Palette]:
    rows = connection.execute(_PALETTES, {"ids": ids, "model_id": model_id}).all()
    lab = np.array([(row.lab_l, row.lab_a, row.lab_b) for row in rows]).reshape(-1, 3)
    asked = np.array([rgb_to_lab(hex_to_rgb(color.hex)) for color in search.colors])
    distances = ciede2000(asked.reshape(-1, 1, 3), lab)
    found: dict[int, _Palette] = {}
    start = 0
    for image_id, colors in _grouped(rows).items():
        end = start + len(colors)
        found[image_id] = _Palette(colors, lab[start:end], distances[:, start:end])
        start = end
    return found


def _matches(search: ColorSearch, row: Any, palette: _Palette) -> Iterator[Match]:
    distances = palette.distances
    if search.harmony is None:
        # A colour counts for the nearest of those asked for; with one, that is the only one.
        own = np.argmin(np.round(distances, 9), axis=0)
        for at, (share, distance) in enumerate(zip(row.shares, row.distances, strict=True)):
            best = int(np.argmin(np.where(own == at, distances[at], np.inf)))
            yield Match(palette.colors[best].hex, share, distance)
        return
    parts = members(palette.lab, row.hue, search.harmony)
    if search.colors:
        base = distances[0] <= search.tolerance + 1e-9
        parts = np.vstack([base, parts[1:] & ~base])
    for at, (part, share) in enumerate(zip(parts, row.shares, strict=True)):
        if at == 0 and search.colors:
            best = int(np.argmin(distances[0]))
            nearest = round(float(distances[0, best]), 6)
            yield Match(palette.colors[best].hex, share, nearest)
        else:
            yield Match(palette.colors[int(np.argmax(part))].hex, share, None)
