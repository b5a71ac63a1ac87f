"""Pictures that stand in for others: "no image available", at the address of each work."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

LEAST_WORKS = 5
"""Works that show the same bytes, and addresses that give them, before they count as a stand-in."""

# A series photographed on one sheet has one address. Where each record has its own copy of such a
# photograph, the works are by one maker; what a site shows for want of a picture is shown for
# works of several. Works whose maker is unknown count as by different ones.
_STANDS_IN = """
    SELECT 1 FROM image_sources s
    JOIN artworks a ON a.id = s.artwork_id
    LEFT JOIN artwork_artists m ON m.artwork_id = a.id AND m.position = 0
    WHERE s.image_id = i.id AND s.gone_at IS NULL AND a.gone_at IS NULL
    GROUP BY a.site
    HAVING count(DISTINCT s.artwork_id) >= :least AND count(DISTINCT s.url) >= :least
       AND count(DISTINCT coalesce(m.artist_id, -a.id)) > 1
"""
# Few images are shown by several works, and fewer are marked: only these are looked at.
_MARK = text(f"""
    WITH often AS MATERIALIZED (
        SELECT s.image_id
        FROM artworks a JOIN image_sources s ON s.artwork_id = a.id
        WHERE a.site = :site AND s.image_id IS NOT NULL
        GROUP BY s.image_id HAVING count(DISTINCT s.artwork_id) >= :least
    ), asked AS (
        SELECT i.id, i.placeholder AS before, EXISTS ({_STANDS_IN}) AS after
        FROM images i
        WHERE i.placeholder OR i.id IN (SELECT image_id FROM often)
    ), changed AS (
        SELECT i.id, asked.after FROM images i JOIN asked ON asked.id = i.id
        WHERE asked.before <> asked.after ORDER BY i.id FOR NO KEY UPDATE OF i
    )
    UPDATE images i SET placeholder = changed.after FROM changed WHERE i.id = changed.id
    RETURNING i.placeholder
""")  # noqa: S608 - the fragment is the constant above


@dataclass(frozen=True, slots=True)
class Marked:
    """How many images changed."""

    marked: int
    unmarked: int


def mark_placeholders(connection: Connection, site: str) -> Marked:
    """Mark images that stand in for pictures which `site` does not show; unmark what does no more.

    An image stands in where at least 5 works that the site shows, of more than one maker, have it
    at as many different addresses. What is marked is looked at again whichever site it is of.
    Repeating it changes nothing; it reads the site's image addresses once.
    """
    found = connection.execute(_MARK, {"site": site, "least": LEAST_WORKS}).scalars().all()
    return Marked(marked=sum(found), unmarked=len(found) - sum(found))
