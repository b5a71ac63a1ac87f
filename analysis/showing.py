"""Which works show images, asked of the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

WORKS_SHOWING: Final = text("""
    SELECT DISTINCT ON (s.image_id, a.site, a.source_id)
           s.image_id, a.site, a.source_id, a.title, a.page_url, maker.name AS artist
    FROM image_sources s JOIN artworks a ON a.id = s.artwork_id
    LEFT JOIN LATERAL (
        SELECT ar.name FROM artwork_artists aa JOIN artists ar ON ar.id = aa.artist_id
        WHERE aa.artwork_id = a.id ORDER BY aa.position LIMIT 1
    ) maker ON true
    WHERE s.image_id = ANY(:ids) AND s.gone_at IS NULL AND a.gone_at IS NULL
    ORDER BY s.image_id, a.site, a.source_id
""")
"""The works that show images `ids` now, by image: their names, addresses and first makers."""


@dataclass(frozen=True, slots=True)
class ShowingWork:
    """A work whose page shows an image."""

    site: str
    source_id: str
    title: str
    artist: str | None
    page_url: str
