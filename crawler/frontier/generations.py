"""Generations: passes over the listings of a site, and what a complete one tells."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, text

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
                            AND generation = :generation) AS unread,
           count(*) FILTER (WHERE fingerprint = ANY(:starts) AND generation = :generation) AS begun
    FROM frontier WHERE site = :site
""")

_COMPLETE = text("""
    UPDATE sites SET completed_at = now()
    WHERE name = :site AND generation = :generation AND completed_at IS NULL
""")

_SEEN = """EXISTS (SELECT FROM frontier f
                   WHERE f.artwork_id = artworks.id AND f.generation = :generation)"""

_STILL_THERE = text(f"""
    UPDATE artworks SET last_seen_at = now(), gone_at = NULL WHERE site = :site AND {_SEEN}
""")  # noqa: S608 - the fragment is the constant above

_GONE = text(f"""
    UPDATE artworks SET gone_at = now()
    WHERE site = :site AND gone_at IS NULL AND NOT {_SEEN}
""")  # noqa: S608 - the fragment is the constant above


def open_generation(connection: Connection, site: str, profile_hash: str) -> int:
    """Return the number of the site's generation: the one under way, or a new one."""
    scope = {"site": site, "profile_hash": profile_hash}
    generation: int = connection.execute(_OPEN_GENERATION, scope).scalar_one()
    return generation


def retry_failed(connection: Connection, site: str) -> None:
    """Take up what failed and may pass."""
    connection.execute(_RETRY_FAILED, {"site": site})


def complete_generation(
    connection: Connection, site: str, generation: int, starts: Collection[str]
) -> None:
    """Complete the generation when nothing is open and every start page was part of it.

    Works that no listing led to are gone, unless a listing could not be read. `starts` are the
    fingerprints of the start pages.
    """
    scope = {"site": site, "generation": generation}
    row = connection.execute(_UNFINISHED, {**scope, "starts": sorted(starts)}).one()
    if row.open or row.begun < len(set(starts)):
        return
    if connection.execute(_COMPLETE, scope).rowcount:
        connection.execute(_STILL_THERE, scope)
        if not row.unread:
            connection.execute(_GONE, scope)
