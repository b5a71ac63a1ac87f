"""Which of a work's pages tells what the work is.

A work may have several pages, and they may say different things. The one with the shortest address
tells (of equally short ones, the first in the alphabet), whichever was read first or last; the
others lead to the work, and add categories. A page that is not there any more, or that no listing
leads to any more, does not tell. The row of a page keeps in `meta.tells` whether it did.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, text

from crawler.frontier.session import LedgerSession
from crawler.items import ArtworkItem, page_rank

# Whether a page is listed still is known when the generation is complete: until then those count
# that were listed in the last one.
_PAGES_OF = text("""
    SELECT f.url, a.id AS artwork_id, a.source_id,
           f.generation >= :generation - 1
           AND NOT (f.state = 'failed' AND coalesce(f.http_status, 0) IN (404, 410)) AS counts
    FROM artworks a JOIN frontier f ON f.artwork_id = a.id
    WHERE a.site = :site AND a.source_id = ANY(:source_ids)
""")
_TELL_NO_MORE = text("""
    UPDATE frontier SET meta = meta || '{"tells": false}'
    WHERE artwork_id = ANY(:works) AND NOT id = ANY(:ids) AND meta->'tells' = 'true'
""")
_REOPEN = text("""
    WITH best AS (
        SELECT DISTINCT ON (artwork_id) id, state, meta->'tells' AS tells FROM frontier
        WHERE site = :site AND artwork_id IS NOT NULL AND generation = :generation
          AND NOT (state = 'failed' AND coalesce(http_status, 0) IN (404, 410))
        ORDER BY artwork_id, length(url), url COLLATE "C"
    )
    UPDATE frontier f SET state = 'pending', etag = NULL, last_modified = NULL
    FROM best WHERE f.id = best.id AND best.state = 'done' AND best.tells = 'false'
""")


def telling_pages(
    connection: Connection, session: LedgerSession, items: Sequence[ArtworkItem]
) -> tuple[dict[str, int], list[ArtworkItem]]:
    """Return the works that are known, by source_id, and of the items those that tell."""
    scope = {
        "site": session.site,
        "generation": session.generation,
        "source_ids": sorted({item.record["source_id"] for item in items}),
    }
    known: dict[str, int] = {}
    best: dict[str, tuple[int, str]] = {}
    for row in connection.execute(_PAGES_OF, scope):
        known[row.source_id] = row.artwork_id
        if row.counts:
            rank = page_rank(row.url)
            best[row.source_id] = min(rank, best.get(row.source_id, rank))
    telling: dict[str, ArtworkItem] = {}
    for item in items:
        key = item.record["source_id"]
        if item.rank <= best.get(key, item.rank):
            best[key], telling[key] = item.rank, item
    return known, list(telling.values())


def note_telling(connection: Connection, works: Collection[int], ids: Collection[int]) -> None:
    """Say that of all pages of works those with these rows' ids told what they are."""
    connection.execute(_TELL_NO_MORE, {"works": sorted(works), "ids": sorted(ids)})


def reopen_unheard(connection: Connection, site: str, generation: int) -> None:
    """Have pages read that ought to tell and did not, now that it is known which are listed."""
    connection.execute(_REOPEN, {"site": site, "generation": generation})
