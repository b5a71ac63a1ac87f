"""Generations: passes over the listings of a site, and what a complete one tells."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, text

from crawler.frontier.links import LOCK_PAGES
from crawler.frontier.pages import reopen_unheard
from crawler.items import Link
from storage import collection
from storage.collection import as_json
from storage.inheritance import TOLD_BY

_RETRY_FAILED = text("""
    UPDATE frontier f SET state = 'pending', not_before = NULL
    FROM failures x
    WHERE f.site = :site AND f.state = 'failed' AND x.site = f.site AND x.url = f.url
      AND x.resolved_at IS NULL AND x.retryable AND x.stage <> 'analysis'
""")

_OPEN_GENERATION = text("""
    INSERT INTO sites (name, profile_hash, generation, started_at)
    VALUES (:site, :profile_hash, 1, now())
    ON CONFLICT (name) DO UPDATE
    SET profile_hash = excluded.profile_hash,
        generation = sites.generation + (sites.completed_at IS NOT NULL)::int,
        started_at = CASE WHEN sites.completed_at IS NULL THEN sites.started_at ELSE now() END,
        completed_at = NULL
    RETURNING generation
""")

_UNFINISHED = text("""
    SELECT count(*) FILTER (WHERE state IN ('pending', 'leased')) AS open,
           count(*) FILTER (WHERE kind IN ('listing', 'artist') AND state IN ('failed', 'skipped')
                            AND generation = :generation
                            AND NOT jsonb_exists(meta, 'forgotten')) AS unread,
           count(*) FILTER (WHERE kind = 'listing' AND generation = :generation
                            AND meta->>'stopped_early' = CAST(:generation AS text)) AS stopped,
           count(*) FILTER (WHERE kind IN ('listing', 'artist') AND generation = :generation
                            AND artwork_id IS NULL AND NOT jsonb_exists(meta, 'named')
                            AND NOT jsonb_exists(meta, 'forgotten')) AS untold,
           count(*) FILTER (WHERE fingerprint = ANY(:starts) AND generation = :generation) AS begun
    FROM frontier WHERE site = :site
""")

_COMPLETE = text("""
    UPDATE sites SET completed_at = now()
    WHERE name = :site AND generation = :generation AND completed_at IS NULL
""")

# A page that is listed and not there does not show the work.
_SEEN = """EXISTS (SELECT FROM frontier f
                   WHERE f.artwork_id = artworks.id AND f.generation = :generation
                     AND NOT (f.state = 'failed' AND coalesce(f.http_status, 0) IN (404, 410)))"""

_STILL_THERE = text(f"""
    UPDATE artworks SET last_seen_at = now(), gone_at = NULL WHERE site = :site AND {_SEEN}
""")  # noqa: S608 - the fragment is the constant above

_GONE = text(f"""
    UPDATE artworks SET gone_at = now()
    WHERE site = :site AND gone_at IS NULL AND NOT {_SEEN}
""")  # noqa: S608 - the fragment is the constant above

# Categories as the pages of this generation say them: start pages have theirs from the profile,
# discovered listings theirs from the page that names them, and what a page leads to has the page's.
# Those that nobody says any more are from former generations. What is gone stays as it was.
#
# Nobody can tell the planner how many rows a page leads to. So here and below there is EXCEPT in
# place of NOT EXISTS, which it might answer by comparing each with each; what pages lead to is
# followed from page to page first, and spread over their children once; and JSON is taken apart
# before it is multiplied.
_FORGET_CATEGORIES = text("""
    WITH RECURSIVE page AS MATERIALIZED (
        SELECT id, meta->'children' AS children, meta->'named' AS named FROM frontier
        WHERE site = :site AND kind IN ('listing', 'artist') AND generation = :generation
          AND state = 'done' AND jsonb_exists(meta, 'children')
    ), onward AS MATERIALIZED (
        SELECT page.id, f.id AS next
        FROM page CROSS JOIN LATERAL jsonb_array_elements(page.children) child
        JOIN frontier f ON f.id = CAST(child AS bigint) AND f.kind IN ('listing', 'artist')
    ), named AS MATERIALIZED (
        SELECT f.id, s.category
        FROM jsonb_to_recordset(CAST(:named AS jsonb)) AS s(fingerprint text, category text)
        JOIN frontier f ON f.site = :site AND f.fingerprint = s.fingerprint
        UNION
        SELECT CAST(n.key AS bigint), category
        FROM page, jsonb_each(page.named) n, jsonb_array_elements_text(n.value) category
    ), listed (id, category) AS (
        SELECT id, category FROM named
        UNION
        SELECT onward.next, listed.category FROM listed JOIN onward ON onward.id = listed.id
    ), said AS (
        SELECT id, category FROM named
        UNION ALL
        SELECT CAST(child AS bigint), listed.category
        FROM listed JOIN page ON page.id = listed.id, jsonb_array_elements(page.children) child
    ), former AS (
        SELECT c.frontier_id, c.category
        FROM frontier_categories c JOIN frontier f ON f.id = c.frontier_id
        LEFT JOIN artworks a ON a.id = f.artwork_id
        WHERE f.site = :site AND a.gone_at IS NULL
        EXCEPT SELECT id, category FROM said
    )
    DELETE FROM frontier_categories c USING former
    WHERE c.frontier_id = former.frontier_id AND c.category = former.category
""")
# Where the pages of works name categories themselves, nobody knows who said one: these stay until
# the page is read again.
_FORGET_CATEGORY_TERMS = text("""
    WITH former AS (
        SELECT w.artwork_id, t.name
        FROM artwork_terms w JOIN terms t ON t.id = w.term_id JOIN artworks a ON a.id = w.artwork_id
        WHERE t.kind = 'category' AND w.source = 'page' AND a.site = :site AND a.gone_at IS NULL
          AND NOT jsonb_exists(a.raw, 'terms.category')
        EXCEPT
        SELECT f.artwork_id, c.category
        FROM frontier f JOIN frontier_categories c ON c.frontier_id = f.id WHERE f.site = :site
    )
    DELETE FROM artwork_terms w USING former, terms t
    WHERE t.kind = 'category' AND t.name = former.name
      AND w.artwork_id = former.artwork_id AND w.term_id = t.id
    RETURNING w.artwork_id
""")
_FORGET_ARTISTS = text(f"""
    WITH page AS MATERIALIZED (
        SELECT '{TOLD_BY}' || coalesce(meta->>'artist_key', fingerprint) AS key,
               meta->'children' AS children
        FROM frontier
        WHERE site = :site AND kind = 'artist' AND generation = :generation
          AND state = 'done' AND jsonb_exists(meta, 'children')
    ), told AS (
        SELECT CAST(child AS bigint) AS id, key FROM page, jsonb_array_elements(children) child
    ), former AS (
        SELECT f.id, key
        FROM frontier f CROSS JOIN LATERAL jsonb_object_keys(f.meta) key
        LEFT JOIN artworks a ON a.id = f.artwork_id
        WHERE f.site = :site AND f.kind = 'artwork' AND a.gone_at IS NULL
          AND starts_with(key, '{TOLD_BY}')
        EXCEPT SELECT id, key FROM told
    ), keys AS (
        SELECT id, array_agg(key) AS keys FROM former GROUP BY id
    )
    UPDATE frontier f SET meta = f.meta - keys.keys
    FROM keys WHERE f.id = keys.id RETURNING f.artwork_id
""")  # noqa: S608 - the fragment is the constant above

_REOPEN_STOPPED = text("""
    UPDATE frontier SET state = 'pending'
    WHERE site = :site AND kind = 'listing' AND state = 'done' AND generation = :generation
      AND meta->>'stopped_early' = CAST(:generation AS text)
""")


def open_generation(connection: Connection, site: str, profile_hash: str) -> int:
    """Return the number of the site's generation: the one under way, or a new one."""
    scope = {"site": site, "profile_hash": profile_hash}
    generation: int = connection.execute(_OPEN_GENERATION, scope).scalar_one()
    return generation


def retry_failed(connection: Connection, site: str) -> None:
    """Take up what failed and may pass."""
    connection.execute(_RETRY_FAILED, {"site": site})


def reopen_stopped(connection: Connection, site: str, generation: int) -> None:
    """Read again the listings that this generation left early."""
    connection.execute(_REOPEN_STOPPED, {"site": site, "generation": generation})


def complete_generation(
    connection: Connection, site: str, generation: int, starts: Collection[Link], *, whole: bool
) -> None:
    """Complete the generation when nothing is open and every start page was part of it.

    If all listings were read to their end, works that none of them led to are gone, and the others
    lose the categories and artists that only listings of former generations gave them. `whole`:
    whether `starts` are all start pages of the site, not only those of some categories.
    """
    scope = {"site": site, "generation": generation}
    fingerprints = {link.fingerprint for link in starts}
    row = connection.execute(_UNFINISHED, {**scope, "starts": sorted(fingerprints)}).one()
    if row.open or row.begun < len(fingerprints):
        return
    if connection.execute(_COMPLETE, scope).rowcount:
        connection.execute(_STILL_THERE, scope)
        if whole and not row.unread and not row.stopped:
            connection.execute(_GONE, scope)
            reopen_unheard(connection, site, generation)
            # Pages that an older version of the crawler read do not tell what they named.
            if not row.untold:
                _forget_former(connection, scope, starts)


def _forget_former(
    connection: Connection, scope: Mapping[str, Any], starts: Collection[Link]
) -> None:
    """Take from works what only listings and artists' pages of former generations gave them."""
    named = [
        {"fingerprint": link.fingerprint, "category": category}
        for link in starts
        for category in link.categories
    ]
    connection.execute(_FORGET_CATEGORIES, {**scope, "named": as_json(named)})
    works = {row.artwork_id for row in connection.execute(_FORGET_CATEGORY_TERMS, scope)}
    works |= {row.artwork_id for row in connection.execute(_FORGET_ARTISTS, scope)}
    if changed := sorted(works - {None}):
        connection.execute(LOCK_PAGES, {"ids": changed})
        collection.inherit(connection, changed)
