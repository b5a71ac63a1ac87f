"""Taking something down: a work, everything of an artist or a site, or one image.

Rows go in one transaction, and what was taken down is remembered in `forgotten`; then the objects
go. Killed between the two, the objects are found again by the hashes that are remembered, so the
same request, given again, ends what it began. Nobody may store these bytes meanwhile (see
`storage.forgotten`), so they can be deleted at any time.

Pages and images that led there stay in the frontier as tombstones: state `skipped`, and nothing in
`meta` but the number of the request. They are never asked for, and no link opens them again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg2
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from storage import collection
from storage.database import Database, told_plainly
from storage.errors import DatabaseUnavailable, UsageError
from storage.forgettable import Target
from storage.forgotten import take_over
from storage.images import preview_key
from storage.inheritance import TOLD_BY
from storage.objects import ObjectStore
from storage.status import result_tables

logger = logging.getLogger(__name__)

DEADLOCK_RETRIES = 5
# Requests to the object store that are under way at once.
THREADS = 8

# Whether a person may be the one who goes: years that are not known agree with all.
_ONE = "(CAST(:year AS int) IS NULL OR {year} IS NULL OR {year} = :year)"
_TOLD_OF = f"""starts_with(e.key, '{TOLD_BY}') AND e.value->>'name_key' = :name_key
    AND {_ONE.format(year="CAST(e.value->>'birth_year' AS int)")}"""

# What goes, in temporary tables that end with the transaction; each needs those before it.
_GOING = {
    "going_people": f"""
        SELECT r.id, r.page_url FROM artists r
        WHERE :kind = 'artist' AND r.name_key = :name_key AND {_ONE.format(year="r.birth_year")}
    """,  # noqa: S608 - the fragment is the constant above
    "going_works": """
        SELECT id FROM artworks WHERE :kind = 'site' AND site = :key
        UNION
        SELECT id FROM artworks WHERE :kind = 'artwork' AND site = :site AND source_id = :key
        UNION
        SELECT m.artwork_id FROM artwork_artists m JOIN going_people p ON p.id = m.artist_id
    """,
    # An image that another work shows, or showed, is that work's too.
    "going_images": """
        SELECT i.id, i.sha256, i.bytes, i.object_key, i.preview_key
        FROM images i WHERE :kind = 'image' AND i.sha256 = :key
        UNION
        SELECT i.id, i.sha256, i.bytes, i.object_key, i.preview_key
        FROM images i JOIN image_sources s ON s.image_id = i.id
        JOIN going_works w ON w.id = s.artwork_id
        WHERE NOT EXISTS (
            SELECT FROM image_sources o WHERE o.image_id = i.id
              AND NOT EXISTS (SELECT FROM going_works v WHERE v.id = o.artwork_id))
    """,
    # The artist's own pages, and the works that they led to and that were not read yet.
    "going_pages_of_artists": f"""
        WITH told AS MATERIALIZED (
            SELECT f.id, f.artwork_id, substr(e.key, {len(TOLD_BY) + 1}) AS page
            FROM frontier f CROSS JOIN LATERAL jsonb_each(f.meta) e
            WHERE :kind = 'artist' AND {_TOLD_OF}
        )
        SELECT id FROM told WHERE artwork_id IS NULL
        UNION
        SELECT f.id FROM frontier f
        WHERE :kind = 'artist' AND f.kind = 'artist'
          AND (f.fingerprint IN (SELECT page FROM told)
               OR f.meta->>'artist_key' IN (SELECT page FROM told)
               OR f.url IN (SELECT page_url FROM going_people))
    """,  # noqa: S608 - the fragments are constants
    # An address under which another work shows something stays.
    "going_rows": """
        SELECT f.id FROM frontier f WHERE :kind = 'site' AND f.site = :key
        UNION SELECT f.id FROM frontier f JOIN going_works w ON w.id = f.artwork_id
        UNION SELECT f.id FROM frontier f JOIN going_images i ON i.id = f.image_id
        UNION SELECT s.frontier_id FROM image_sources s JOIN going_images i ON i.id = s.image_id
        WHERE s.frontier_id IS NOT NULL
        UNION SELECT s.frontier_id FROM image_sources s JOIN going_works w ON w.id = s.artwork_id
        WHERE s.frontier_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM image_sources o WHERE o.frontier_id = s.frontier_id
              AND NOT EXISTS (SELECT FROM going_works v WHERE v.id = o.artwork_id))
        UNION SELECT id FROM going_pages_of_artists
    """,
    "going_addresses": """
        SELECT f.site, f.url, f.kind FROM frontier f JOIN going_rows g ON g.id = f.id
    """,
    # Artists whose page was read stay without works, unless their page goes.
    "going_artists": """
        SELECT id FROM going_people
        UNION
        SELECT r.id FROM (
            SELECT a.id FROM artists a
            JOIN going_addresses g ON g.kind = 'artist' AND g.url = a.page_url
            UNION
            SELECT a.id FROM artists a JOIN artwork_artists m ON m.artist_id = a.id
            JOIN going_works w ON w.id = m.artwork_id WHERE NOT a.has_page
        ) r
        WHERE NOT EXISTS (
            SELECT FROM artwork_artists m WHERE m.artist_id = r.id
              AND NOT EXISTS (SELECT FROM going_works w WHERE w.id = m.artwork_id))
    """,
    "going_terms": """
        SELECT DISTINCT t.term_id AS id FROM artwork_terms t
        JOIN going_works w ON w.id = t.artwork_id
    """,
}
_EXTENT = text("""
    SELECT (SELECT count(*) FROM going_works) AS works,
           (SELECT count(*) FROM going_artists) AS artists,
           (SELECT count(*) FROM going_images) AS images,
           (SELECT coalesce(sum(bytes), 0) FROM going_images) AS image_bytes,
           (SELECT count(DISTINCT key) FROM going_images i
            CROSS JOIN LATERAL (VALUES (i.object_key), (i.preview_key)) k(key)) AS objects,
           (SELECT count(*) FROM going_rows) AS pages,
           (SELECT count(DISTINCT s.image_id) FROM image_sources s
            JOIN going_works w ON w.id = s.artwork_id
            WHERE NOT EXISTS (
                SELECT FROM going_images i WHERE i.id = s.image_id)) AS shared_images,
           (SELECT count(DISTINCT p.other) FROM (
                SELECT d.other_id AS other FROM image_duplicates d
                JOIN going_images g ON g.id = d.image_id
                UNION ALL
                SELECT d.image_id FROM image_duplicates d JOIN going_images g ON g.id = d.other_id
            ) p WHERE NOT EXISTS (
                SELECT FROM going_images i WHERE i.id = p.other)) AS look_alikes
""")
_LOCK_ROWS = text("""
    SELECT id FROM frontier WHERE id IN (SELECT id FROM going_rows) ORDER BY id FOR UPDATE
""")
_REMEMBER = text("""
    INSERT INTO forgotten (kind, site, key, label, reason, at)
    VALUES (:kind, :site, :key, :label, :reason, clock_timestamp())
    ON CONFLICT (kind, site, key) DO UPDATE
    SET label = excluded.label, reason = coalesce(excluded.reason, forgotten.reason)
    RETURNING id, at
""")
_REMEMBER_IMAGES = text("""
    INSERT INTO forgotten (kind, key, label, at)
    SELECT 'image', sha256, '', :at FROM going_images ORDER BY sha256
    ON CONFLICT (kind, site, key) DO NOTHING
""")
_HASHES = text("SELECT key FROM forgotten WHERE at = :at AND kind = 'image' ORDER BY key")
_BURY = text("""
    UPDATE frontier
    SET state = 'skipped', meta = jsonb_build_object('forgotten', CAST(:id AS bigint)),
        artwork_id = NULL, image_id = NULL, lease_owner = NULL, lease_until = NULL,
        not_before = NULL, etag = NULL, last_modified = NULL, updated_at = now()
    WHERE id IN (SELECT id FROM going_rows)
""")
# What the page of the artist left with works that name somebody else.
_TAKE_BACK = text(f"""
    UPDATE frontier f SET meta = f.meta - left_behind.keys
    FROM (
        SELECT o.id, array_agg(e.key) AS keys
        FROM frontier o CROSS JOIN LATERAL jsonb_each(o.meta) e
        WHERE {_TOLD_OF}
        GROUP BY o.id
    ) left_behind
    WHERE f.id = left_behind.id RETURNING f.artwork_id
""")  # noqa: S608 - the fragment is a constant
_LOCK_PAGES = text("SELECT id FROM frontier WHERE artwork_id = ANY(:ids) ORDER BY id FOR UPDATE")
_FORGET = tuple(
    text(statement)
    for statement in (
        "DELETE FROM failures WHERE (site, url) IN (SELECT site, url FROM going_addresses)",
        "DELETE FROM failures WHERE image_id IN (SELECT id FROM going_images)",
        "DELETE FROM artworks WHERE id IN (SELECT id FROM going_works)",
        "DELETE FROM images WHERE id IN (SELECT id FROM going_images)",
        "DELETE FROM artists WHERE id IN (SELECT id FROM going_artists)",
        """DELETE FROM terms WHERE id IN (SELECT id FROM going_terms)
           AND NOT EXISTS (SELECT FROM artwork_terms w WHERE w.term_id = terms.id)""",
        """UPDATE artists SET page_url = NULL, has_page = false
           WHERE page_url IN (SELECT url FROM going_addresses WHERE kind = 'artist')""",
    )
)
_FORGET_SITE = (
    text("DELETE FROM failures WHERE site = :key"),
    text("DELETE FROM sites WHERE name = :key"),
)

_REQUEST = text("SELECT id, kind, site, key, label, at FROM forgotten WHERE id = :id")
_REMEMBERED = text("SELECT id FROM forgotten WHERE id = :id OR (:all AND at = :at)")
_FREE = text("""
    UPDATE frontier
    SET state = 'pending', meta = '{}', attempts = 0, updated_at = now(),
        generation = CASE WHEN :whole_site THEN 0 ELSE generation END
    WHERE state = 'skipped' AND CAST(meta->>'forgotten' AS bigint) = ANY(:ids)
    RETURNING site
""")
# Pages of artists hand what they say to their works when they are read whole.
_READ_AGAIN = text("""
    UPDATE frontier SET etag = NULL, last_modified = NULL
    WHERE site = ANY(:sites) AND kind = 'artist'
""")
_RESOLVE = text("""
    DELETE FROM failures x WHERE x.reason = 'forgotten' AND EXISTS (
        SELECT FROM frontier f WHERE f.site = x.site AND f.url = x.url
          AND CAST(f.meta->>'forgotten' AS bigint) = ANY(:ids))
""")
_UNDO = text("DELETE FROM forgotten WHERE id = ANY(:ids)")


@dataclass(frozen=True, slots=True)
class Extent:
    """What goes with a target, and what stays.

    `pages` are addresses that are never asked for again, `results` rows of analysis;
    `shared_images` stay because other works show them, `look_alikes` are stored pictures that look
    like those that go.
    """

    works: int
    artists: int
    images: int
    image_bytes: int
    objects: int
    results: int
    pages: int
    shared_images: int
    look_alikes: int


@dataclass(frozen=True, slots=True)
class Takedown:
    """What was taken down, under which number, and the hashes whose objects are to go now."""

    id: int
    extent: Extent
    hashes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Undone:
    """What may come back: the request, and how many addresses are pending again, by site."""

    target: Target
    pages: dict[str, int]


# Taking down


def survey(database: Database, target: Target) -> Extent:
    """Return what would go; nothing changes."""
    with database.begin() as connection:
        return _gather(connection, target)


def forget(database: Database, target: Target, *, reason: str | None, label: str) -> Takedown:
    """Take the rows of a target down and remember it, in one transaction.

    Repeating it is safe. `label` is kept for people; empty where the name is to go, too.
    """
    with told_plainly(database.engine):
        for attempt in range(DEADLOCK_RETRIES):
            try:
                with database.engine.begin() as connection:
                    return _forget(connection, target, reason=reason, label=label)
            except OperationalError as error:
                if not isinstance(error.orig, psycopg2.errors.DeadlockDetected):
                    raise
                logger.warning("deadlock with another writer, trying again (%d)", attempt + 1)
                time.sleep(0.05 * 2**attempt)
    raise DatabaseUnavailable(
        f"taking {target} down failed {DEADLOCK_RETRIES} times for deadlocks with other writers: "
        "run the command again."
    )


def _forget(connection: Connection, target: Target, *, reason: str | None, label: str) -> Takedown:
    scope = target.scope()
    take_over(connection)
    extent = _gather(connection, target)
    connection.execute(_LOCK_ROWS)
    row = connection.execute(_REMEMBER, {**scope, "label": label, "reason": reason}).one()
    connection.execute(_REMEMBER_IMAGES, {"at": row.at})
    _remove_rows(connection, scope, row.id)
    hashes = connection.execute(_HASHES, {"at": row.at}).scalars().all()
    return Takedown(row.id, extent, hashes)


def _gather(connection: Connection, target: Target) -> Extent:
    scope = target.scope()
    for name, query in _GOING.items():
        connection.execute(
            text(f"CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS {query}"),
            scope,
        )
        connection.execute(text(f"ANALYZE {name}"))
    results = 0
    for table in result_tables():
        count = f"SELECT count(*) FROM {table} WHERE image_id IN (SELECT id FROM going_images)"  # noqa: S608
        results += connection.execute(text(count)).scalar_one()
    row = connection.execute(_EXTENT).mappings().one()
    return Extent(**{**row, "image_bytes": int(row["image_bytes"])}, results=results)


def _remove_rows(connection: Connection, scope: dict[str, Any], number: int) -> None:
    for statement in _FORGET:
        connection.execute(statement)
    connection.execute(_BURY, {"id": number})
    if scope["kind"] == "site":
        for statement in _FORGET_SITE:
            connection.execute(statement, scope)
    if scope["kind"] == "artist":
        told = connection.execute(_TAKE_BACK, scope).scalars()
        if works := sorted({artwork_id for artwork_id in told if artwork_id is not None}):
            connection.execute(_LOCK_PAGES, {"ids": works})
            collection.inherit(connection, works)


def remove_objects(
    store: ObjectStore, hashes: Iterable[str], told: Callable[[], None] = lambda: None
) -> int:
    """Delete the originals and previews of images that were taken down; return how many objects.

    What is gone already is no error. `told` is called after each image.
    """

    def remove(sha256: str) -> int:
        keys = list(keys_of(store, sha256))
        for key in keys:
            store.delete(key)
        told()
        return len(keys)

    with ThreadPoolExecutor(THREADS, thread_name_prefix="forget") as threads:
        return sum(threads.map(remove, hashes))


def keys_of(store: ObjectStore, sha256: str) -> Iterator[str]:
    """Yield the keys of the objects that are stored of an image."""
    original = f"images/{sha256[:2]}/{sha256[2:4]}/{sha256}."
    for prefix in (original, preview_key(sha256)):
        yield from (info.key for info in store.list(prefix))


# Letting it come back


def undo(database: Database, store: ObjectStore, number: int) -> Undone:
    """Forget that something was taken down: the next crawl may store it again.

    Nothing is restored. Objects that were left by a request that was killed go first: later, they
    could not be told from those of the next crawl.
    """
    with database.begin() as connection:
        row = connection.execute(_REQUEST, {"id": number}).first()
        if row is None:
            raise UsageError(
                f"nothing was taken down under number {number}: `artworks forget --list` shows "
                "the numbers."
            )
        hashes = connection.execute(_HASHES, {"at": row.at}).scalars().all()
    remove_objects(store, [row.key] if row.kind == "image" else hashes)
    with database.begin() as connection:
        take_over(connection)
        scope = {"id": number, "at": row.at, "all": row.kind != "image"}
        ids = sorted(connection.execute(_REMEMBERED, scope).scalars())
        connection.execute(_RESOLVE, {"ids": ids})
        freed: dict[str, int] = {}
        whole_site = row.kind == "site"
        for page in connection.execute(_FREE, {"ids": ids, "whole_site": whole_site}):
            freed[page.site] = freed.get(page.site, 0) + 1
        connection.execute(_READ_AGAIN, {"sites": sorted(freed)})
        connection.execute(_UNDO, {"ids": ids})
    return Undone(Target(row.kind, row.site, row.key, row.label), dict(sorted(freed.items())))
