"""Who may be alike: the best of each part, united, to be compared by all parts together.

Embeddings and palettes have an index; layouts have none. Where few enough images are looked at,
each part looks at all of them. Beyond, the index of palettes proposes the images that have the
largest colours of the query, and layouts are read through only where composition counts most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from sqlalchemy import Connection, text

from analysis.colors.conversion import Floats, lab_to_rgb, rgb_to_hex
from analysis.embeddings.stored import Ids
from analysis.similarity.measures import Measured, Models, raw_distances
from analysis.similarity.neighbours import Neighbours
from analysis.similarity.palettes import PaletteColors
from analysis.similarity.scope import Scope, ids_to_scan
from analysis.similarity.score import Part, Weights, combined, scaled

PER_ANSWER: Final = 10
"""Candidates of each part for every answer that is wanted …"""
LEAST: Final = 500
"""… and at least so many."""
SCANNED: Final = 10_000
"""Images up to which colour and composition look at every one: about 0.3 s of one core."""
PAGE: Final = 4096
"""Images that are compared at once where all are."""
ASKED_COLORS: Final = 2
"""Largest colours of a palette that its index is asked for: each must be there."""
ASKED_WITHIN: Final = 20.0
"""CIEDE2000 within which they must be."""

_LIKE = text("""
    SELECT image_id FROM images_like_colors(
        CAST(:hexes AS text[]), CAST(:parts AS float8[]), :within, 0, :most, :site, NULL, :model)
""")
_PAGE_END = text("""
    SELECT max(id) FROM (SELECT id FROM images WHERE id > :after ORDER BY id LIMIT :page) p
""")
_SHOWN_BETWEEN = text("""
    SELECT i.id FROM images i
    WHERE i.id > :after AND i.id <= :until AND NOT i.placeholder AND EXISTS (
        SELECT FROM image_sources s WHERE s.image_id = i.id AND s.gone_at IS NULL)
    ORDER BY i.id
""")


@dataclass(frozen=True)
class Scored:
    """Images with their distances from the query: arrays of one length, the best first."""

    ids: Ids
    score: Floats
    """The combined distance, 0 to 1."""
    parts: Mapping[Part, Floats]
    """Each 0 to 1, NaN where it is unknown."""
    raw: Mapping[Part, Floats]
    """Each in its own unit."""

    def __len__(self) -> int:
        return len(self.ids)

    def taken(self, places: Ids) -> Scored:
        """Return some of them, in the order of `places`."""
        return Scored(
            self.ids[places],
            self.score[places],
            {part: values[places] for part, values in self.parts.items()},
            {part: values[places] for part, values in self.raw.items()},
        )

    def and_(self, other: Scored) -> Scored:
        """Return these and others, one after the other; both know the same parts."""
        return Scored(
            np.concatenate((self.ids, other.ids)),
            np.concatenate((self.score, other.score)),
            {part: np.concatenate((self.parts[part], other.parts[part])) for part in self.parts},
            {part: np.concatenate((self.raw[part], other.raw[part])) for part in self.raw},
        )

    def best_first(self, leading: Part) -> Scored:
        """Return those that have any part, the nearest first.

        What lacks the leading part, which counts most, comes after all that have it. Of equal
        ones, the nearer in its own unit is first, then the lower id.
        """
        raw = self.raw.get(leading, np.zeros(len(self)))
        order = np.lexsort((self.ids, np.nan_to_num(raw), self.score, np.isnan(raw)))
        return self.taken(order[~np.isnan(self.score[order])])


@dataclass(frozen=True)
class Search:
    """Compares stored images with one picture."""

    connection: Connection
    models: Models
    query: Measured
    weights: Weights
    medians: Mapping[Part, float]
    scope: Scope

    def among_candidates(self, neighbours: Neighbours, count: int) -> tuple[Scored, list[str]]:
        """Return the candidates for `count` answers, and what people should know about them."""
        most = max(LEAST, PER_ANSWER * count)
        few = ids_to_scan(self.connection, self.scope, SCANNED)
        found: list[Ids] = []
        notes: list[str] = []
        for part in self.weights.shares:
            if part is Part.MEANING and self.query.vector is not None:
                found.append(neighbours.nearest(self.query.vector, most, self.scope)[0])
            elif few is not None:
                found.append(self._nearest(part, few, most))
            elif part is Part.COLOR and self.query.palette is not None:
                found.append(self._like_colors(self.query.palette, most))
            elif part is self.weights.leading:
                found.append(self._walked(Weights.make({part: 1.0}), most).ids)
            else:
                notes.append(
                    f"{part} has no index, and proposed none of so many images; --exact looks at "
                    "all of them"
                )
        ids = np.unique(np.concatenate([np.empty(0, np.int64), *found]))
        return self.score(ids), notes

    def among_all(self, count: int) -> Scored:
        """Return the best of all images, at least as many as `count` answers may need."""
        most = max(LEAST, PER_ANSWER * count)
        return self._walked(self.weights, most)

    def score(self, ids: Ids, weights: Weights | None = None) -> Scored:
        """Compare images, ascending ids, by all parts, and return the nearest first."""
        weights = weights or self.weights
        raw = raw_distances(self.connection, self.models, self.query, ids, weights.shares)
        parts = {part: scaled(values, self.medians[part]) for part, values in raw.items()}
        score = combined(parts, weights) if parts else np.full(len(ids), np.nan)
        return Scored(ids, score, parts, raw).best_first(weights.leading)

    def _nearest(self, part: Part, ids: Ids, most: int) -> Ids:
        raw = raw_distances(self.connection, self.models, self.query, ids, [part])
        if part not in raw:
            return np.empty(0, np.int64)
        order = np.argsort(raw[part], kind="stable")[:most]
        return ids[order[~np.isnan(raw[part][order])]]

    def _like_colors(self, palette: PaletteColors, most: int) -> Ids:
        """Ask the index of palettes for images with the largest colours, in proportion."""
        order = np.argsort(-palette.shares, kind="stable")[:ASKED_COLORS]
        hexes = [rgb_to_hex(color) for color in lab_to_rgb(palette.lab[order])]
        found = self.connection.scalars(
            _LIKE,
            {
                "hexes": hexes,
                "parts": (palette.shares[order] / palette.shares.sum() * 0.999999).tolist(),
                "within": ASKED_WITHIN,
                # What is filtered out afterwards is asked for as well.
                "most": most if self.scope.ids is None else 4 * most,
                "site": self.scope.site,
                "model": self.models[Part.COLOR].id,
            },
        )
        ids = np.fromiter(found, dtype=np.int64)
        return ids if self.scope.ids is None else ids[np.isin(ids, self.scope.ids)][:most]

    def _walked(self, weights: Weights, most: int) -> Scored:
        """Return the best of all images in the scope, with a page of them in memory at a time."""
        best: Scored | None = None
        for ids in self._pages():
            page = self.score(ids, weights)
            both = page if best is None else best.and_(page).best_first(weights.leading)
            best = both.taken(np.arange(min(len(both), most)))
        return self.score(np.empty(0, np.int64), weights) if best is None else best

    def _pages(self) -> Iterator[Ids]:
        if self.scope.ids is not None:
            for start in range(0, len(self.scope.ids), PAGE):
                yield self.scope.ids[start : start + PAGE]
            return
        after = 0
        while True:
            until = self.connection.scalar(_PAGE_END, {"after": after, "page": PAGE})
            if until is None:
                return
            found = self.connection.scalars(_SHOWN_BETWEEN, {"after": after, "until": until})
            yield np.fromiter(found, dtype=np.int64)
            after = until
