"""Rows of the frontier that pages lead to, and the categories that they are found under."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from crawler.frontier.session import LedgerSession
from crawler.items import PRIORITIES, Link
from storage import collection
from storage.collection import as_json
from storage.inheritance import told_in

# What was taken down stays as it is. Listings reopen once per generation. Works and images, whether
# they were had or are missing for good, reopen only when a refresh is asked for, and were not asked
# for in this generation yet.
_REOPEN = """CASE
    WHEN jsonb_exists(frontier.meta, 'forgotten') THEN frontier.state
    WHEN frontier.kind IN ('listing', 'artist') AND frontier.generation < :generation
         AND frontier.state IN ('done', 'failed', 'skipped') THEN 'pending'
    WHEN frontier.kind IN ('artwork', 'image') AND frontier.state IN ('done', 'failed')
         AND frontier.updated_at < now() - make_interval(secs => :refresh_s)
         AND frontier.updated_at < (SELECT started_at FROM sites WHERE name = :site) THEN 'pending'
    ELSE frontier.state END"""

_ADD_LINKS = text(f"""
    INSERT INTO frontier (site, url, fingerprint, host, kind, priority, depth, generation,
                          discovered_from, meta)
    SELECT DISTINCT ON (fingerprint) :site, url, fingerprint, host, kind, priority, depth,
           :generation, discovered_from, coalesce(meta, '{{}}')
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(url text, fingerprint text, host text,
        kind text, priority int, depth int, discovered_from bigint, meta jsonb)
    ORDER BY fingerprint
    ON CONFLICT (site, fingerprint) DO UPDATE
    SET state = {_REOPEN}, generation = greatest(frontier.generation, excluded.generation),
        meta = CASE WHEN jsonb_exists(frontier.meta, 'forgotten') THEN frontier.meta
                    ELSE frontier.meta || excluded.meta END
    RETURNING id, fingerprint, kind, artwork_id, image_id
""")  # noqa: S608 - the fragment is the constant above

_SEE_AGAIN = text(f"""
    UPDATE frontier SET state = {_REOPEN}, generation = greatest(generation, :generation)
    WHERE site = :site AND id = ANY(:ids)
""")  # noqa: S608 - the fragment is the constant above

_ADD_CATEGORIES = text("""
    INSERT INTO frontier_categories (frontier_id, category)
    SELECT DISTINCT frontier_id, category
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(frontier_id bigint, category text)
    ORDER BY frontier_id, category
    ON CONFLICT DO NOTHING
    RETURNING frontier_id
""")

CATEGORIES_OF = text("""
    SELECT frontier_id, array_agg(category ORDER BY category) AS categories
    FROM frontier_categories WHERE frontier_id = ANY(:ids) GROUP BY frontier_id
""")

# A page that was finished before it was found under this category: a listing is read again, so
# that its children inherit it; an artwork's row is enough.
_REOPEN_LISTINGS = text("""
    UPDATE frontier SET state = 'pending'
    WHERE id = ANY(:ids) AND kind IN ('listing', 'artist') AND state = 'done'
""")

_FINISHED_ARTWORKS = text("""
    SELECT f.artwork_id, 'category' AS kind, c.category AS name, 'page' AS source
    FROM frontier f JOIN frontier_categories c ON c.frontier_id = f.id
    WHERE f.id = ANY(:ids) AND f.artwork_id IS NOT NULL
""")

# A work may have several pages, each found under categories, and by way of artists, of its own.
LOCK_PAGES = text("SELECT id FROM frontier WHERE artwork_id = ANY(:ids) ORDER BY id FOR UPDATE")

_KNOWN_BEFORE = text("""
    SELECT count(*) FROM frontier f JOIN sites s ON s.name = f.site
    WHERE f.site = :site AND f.fingerprint = ANY(:fingerprints) AND f.created_at < s.started_at
""")
_WORKS_AMONG = text("""
    SELECT fingerprint FROM frontier WHERE id = ANY(:ids) AND kind = 'artwork'
""")


class Links:
    """Adds what pages lead to; what is known already is seen again."""

    def __init__(self, session: LedgerSession) -> None:
        self._session = session

    def add(
        self,
        connection: Connection,
        links: Sequence[Link],
        *,
        depth: int,
        discovered_from: int | None,
    ) -> dict[str, int]:
        """Add pages with their categories, and what they are told.

        Returns the ids of their rows, by fingerprint.
        """
        rows = self.upsert(connection, [link_row(link, depth, discovered_from) for link in links])
        said = [
            {"frontier_id": rows[link.fingerprint].id, "category": category}
            for link in links
            for category in link.categories
        ]
        self._categorise(connection, said)
        told = [rows[link.fingerprint] for link in links if told_in(link.meta)]
        self._inherit_anew(connection, told)
        return {fingerprint: row.id for fingerprint, row in rows.items()}

    def pass_on(self, connection: Connection, page: int, children: Sequence[int]) -> None:
        """Find the children of a page that did not change under its categories, new ones too."""
        inherited = self.categories_of(connection, [page]).get(page, [])
        self._categorise(
            connection,
            [
                {"frontier_id": child, "category": category}
                for child in children
                for category in inherited
            ],
        )

    def show_nothing_new(self, connection: Connection, works: Collection[str]) -> bool:
        """Whether a page shows works, and all of them were known before this generation began.

        `works` are the fingerprints of their pages. The answer is the same until the generation
        ends, however often the page is read.
        """
        distinct = sorted(set(works))
        scope = {"site": self._session.site, "fingerprints": distinct}
        known: int = connection.execute(_KNOWN_BEFORE, scope).scalar_one()
        return known == len(distinct) > 0

    def works_among(self, connection: Connection, ids: Sequence[int]) -> list[str]:
        """Return the fingerprints of the pages of works among rows."""
        return list(connection.execute(_WORKS_AMONG, {"ids": sorted(ids)}).scalars())

    def _categorise(self, connection: Connection, said: Sequence[Mapping[str, Any]]) -> None:
        """Add categories to pages: mappings of `frontier_id` and `category`."""
        if not said:
            return
        added = connection.execute(_ADD_CATEGORIES, {"rows": as_json(said)})
        changed = sorted({row.frontier_id for row in added})
        if changed:
            connection.execute(_REOPEN_LISTINGS, {"ids": changed})
            terms = self._finished_categories(connection, changed)
            collection.add_terms(connection, terms)

    def upsert(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Add rows, or see them again; return them by fingerprint."""
        if not rows:
            return {}
        found = connection.execute(
            _ADD_LINKS,
            {
                "site": self._session.site,
                "generation": self._session.generation,
                "refresh_s": self._session.refresh_s,
                "rows": as_json(rows),
            },
        )
        return {row.fingerprint: row for row in found}

    def _inherit_anew(self, connection: Connection, rows: Iterable[Any]) -> None:
        """Tell finished works what the page of an artist left with one of their pages."""
        works = sorted({row.artwork_id for row in rows if row.artwork_id is not None})
        if works:
            connection.execute(LOCK_PAGES, {"ids": works})
            collection.inherit(connection, works)

    def see_again(self, connection: Connection, ids: Sequence[int]) -> None:
        """Say that the pages that led here last time do so still."""
        connection.execute(
            _SEE_AGAIN,
            {
                "site": self._session.site,
                "ids": sorted(ids),
                "generation": self._session.generation,
                "refresh_s": self._session.refresh_s,
            },
        )

    def categories_of(self, connection: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
        """Return the categories that pages were found under, by their rows' ids."""
        rows = connection.execute(CATEGORIES_OF, {"ids": list(ids)})
        return {row.frontier_id: row.categories for row in rows}

    def _finished_categories(
        self, connection: Connection, ids: Sequence[int]
    ) -> list[Mapping[str, Any]]:
        rows = connection.execute(_FINISHED_ARTWORKS, {"ids": list(ids)})
        return [dict(row) for row in rows.mappings()]


def link_row(link: Link, depth: int, discovered_from: int | None) -> dict[str, Any]:
    """Return a link as `Links.upsert` takes it."""
    return {
        "url": link.url,
        "fingerprint": link.fingerprint,
        "host": link.host,
        "kind": link.kind,
        "priority": PRIORITIES[link.kind],
        "depth": depth,
        "discovered_from": discovered_from,
        "meta": dict(link.meta),
    }
