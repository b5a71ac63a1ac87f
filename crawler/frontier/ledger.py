"""The frontier in PostgreSQL: leasing rows and recording what became of them.

A worker is a crawl run. While it lives it holds a session-level advisory lock named after the
run, and one for each host that it fetches from; when its connection ends, however it ends, the
locks are free and its leases are up for anybody to take.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import psycopg2
from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError

from crawler.frontier.protocol import Outlook
from crawler.items import (
    PRIORITIES,
    Answer,
    ArtworkItem,
    FailureItem,
    ImageItem,
    Item,
    Lease,
    Link,
    ListingItem,
    UnchangedItem,
)
from storage import collection
from storage.collection import as_json
from storage.database import Database, unavailable_message
from storage.errors import DatabaseUnavailable
from storage.inheritance import told_in

logger = logging.getLogger(__name__)

# First keys of the two-key advisory locks ("artw", "arth" in ASCII).
WORKER_LOCKS = 0x61727477
HOST_LOCKS = 0x61727468
LEASE_MINUTES = 60
DEADLOCK_RETRIES = 5
LOOK_AHEAD_S = 60.0

# What the driver calls operational although the server is well: another writer was in the way, or
# a value is too large for an index.
ANSWERED = (psycopg2.errors.DeadlockDetected, psycopg2.errors.ProgramLimitExceeded)


# Images belong to whatever work asked for them, and pages that discover categories to none yet.
_IN_SCOPE = """(CAST(:categories AS text[]) IS NULL OR f.kind = 'image'
    OR jsonb_exists(f.meta, 'discover') OR EXISTS (
        SELECT FROM frontier_categories c
        WHERE c.frontier_id = f.id AND lower(c.category) = ANY(:categories)))"""

_LEASE = text(f"""
    WITH taken AS (
        SELECT due.id FROM unnest(CAST(:hosts AS text[])) AS h(host)
        CROSS JOIN LATERAL (
            SELECT f.id FROM frontier f
            WHERE f.site = :site AND f.host = h.host AND f.state = 'pending'
              AND f.kind = ANY(:kinds) AND (f.not_before IS NULL OR f.not_before <= now())
              AND {_IN_SCOPE}
            ORDER BY f.priority DESC, f.id LIMIT :most FOR UPDATE SKIP LOCKED
        ) due
    )
    UPDATE frontier f
    SET state = 'leased', lease_owner = :worker,
        lease_until = now() + make_interval(mins => :minutes), updated_at = now()
    FROM taken WHERE f.id = taken.id
    RETURNING f.id, f.url, f.fingerprint, f.host, f.kind, f.depth, f.attempts, f.generation,
              f.etag, f.last_modified, f.meta, f.priority
""")  # noqa: S608 - the fragment is the constant above

_DUE_HOSTS = text(f"""
    SELECT DISTINCT host FROM frontier f
    WHERE site = :site AND state = 'pending' AND (not_before IS NULL OR not_before <= now())
      AND kind = ANY(:kinds)
      AND {_IN_SCOPE}
    ORDER BY host
""")  # noqa: S608 - the fragment is the constant above

_RECLAIM = text("""
    UPDATE frontier f SET state = 'pending', lease_owner = NULL, lease_until = NULL
    WHERE f.site = :site AND f.state = 'leased' AND f.lease_owner <> :worker
      AND (f.lease_until < now() OR NOT EXISTS (
          SELECT FROM pg_locks l
          WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND l.classid = :locks AND l.objid = CAST(f.lease_owner AS bigint)))
""")

_RELEASE = text("""
    UPDATE frontier SET state = 'pending', lease_owner = NULL, lease_until = NULL
    WHERE lease_owner = :worker AND state = 'leased'
""")

_OUTLOOK = text(f"""
    SELECT bool_or(state = 'pending' AND (not_before IS NULL OR not_before <= now())) AS due,
           extract(epoch FROM min(not_before) FILTER (
               WHERE state = 'pending' AND not_before > now()) - now()) AS next_due_in,
           count(*) FILTER (WHERE state = 'leased' AND lease_owner <> :worker) AS elsewhere
    FROM frontier f
    WHERE site = :site AND state IN ('pending', 'leased') AND kind = ANY(:kinds)
      AND {_IN_SCOPE}
""")  # noqa: S608 - the fragment is the constant above

# Listings reopen once per generation. Finished artworks reopen only when a refresh is asked for.
_REOPEN = """CASE
    WHEN frontier.kind IN ('listing', 'artist') AND frontier.generation < :generation
         AND frontier.state IN ('done', 'failed', 'skipped') THEN 'pending'
    WHEN frontier.kind = 'artwork' AND frontier.state = 'done'
         AND frontier.updated_at < now() - make_interval(secs => :refresh_s) THEN 'pending'
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
        meta = frontier.meta || excluded.meta
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

_CATEGORIES_OF = text("""
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

_DONE = text("""
    UPDATE frontier f
    SET state = 'done', lease_owner = NULL, lease_until = NULL, not_before = NULL,
        http_status = r.status, etag = r.etag, last_modified = r.last_modified,
        artwork_id = coalesce(r.artwork_id, f.artwork_id),
        image_id = coalesce(r.image_id, f.image_id), meta = f.meta || coalesce(r.meta, '{}'),
        updated_at = now()
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id bigint, status int, etag text,
        last_modified text, artwork_id bigint, image_id bigint, meta jsonb)
    WHERE f.id = r.id
""")

_LOCK_ROWS = text("""
    SELECT id, lease_owner FROM frontier WHERE id = ANY(:ids) ORDER BY id FOR UPDATE
""")

# A work may have several pages, each found under categories, and by way of artists, of its own.
_LOCK_PAGES = text("SELECT id FROM frontier WHERE artwork_id = ANY(:ids) ORDER BY id FOR UPDATE")
_ALL_CATEGORIES = text("""
    SELECT f.artwork_id, 'category' AS kind, c.category AS name, 'page' AS source
    FROM frontier f JOIN frontier_categories c ON c.frontier_id = f.id
    WHERE f.artwork_id = ANY(:ids)
""")

_LINK_IMAGES = text("""
    UPDATE image_sources s
    SET image_id = r.image_id, content_type = r.content_type, fetched_url = r.fetched_url,
        fetched_at = now()
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id bigint, image_id bigint, content_type text, fetched_url text)
    WHERE s.frontier_id = r.id
""")

_FAILED = text("""
    UPDATE frontier f
    SET state = r.state, attempts = f.attempts + 1, lease_owner = NULL, lease_until = NULL,
        http_status = coalesce(r.status, f.http_status), updated_at = now()
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id bigint, state text, status int)
    WHERE f.id = r.id
""")

_FAILURES = text("""
    INSERT INTO failures (run_id, site, url, stage, reason, detail, retryable, attempts)
    SELECT DISTINCT ON (url, stage) :worker, :site, url, stage, reason, detail, retryable, 1
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        url text, stage text, reason text, detail text, retryable boolean)
    ORDER BY url, stage
    ON CONFLICT (site, url, stage) DO UPDATE
    SET run_id = excluded.run_id, reason = excluded.reason, detail = excluded.detail,
        retryable = excluded.retryable, attempts = failures.attempts + 1, at = now(),
        resolved_at = NULL
""")

_RESOLVE = text("""
    UPDATE failures SET resolved_at = now()
    WHERE site = :site AND url = ANY(:urls) AND resolved_at IS NULL AND stage <> 'analysis'
""")

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


class Ledger:
    """One worker's view of the frontier of one site. Not thread-safe: call it from one thread."""

    def __init__(
        self,
        database: Database,
        *,
        site: str,
        categories: Collection[str] = (),
        refresh_days: float | None = None,
    ) -> None:
        self._database = database
        self._site = site
        self._categories = sorted(name.lower() for name in categories) or None
        self._refresh_s = 1e10 if refresh_days is None else refresh_days * 86400
        self._hosts: set[str] = set()
        self._starts: list[str] = []
        self._open: Connection | None = None
        self.worker = 0
        self.generation = 0

    # Opening and closing

    def open(self, *, profile_hash: str, settings: Mapping[str, Any]) -> int:
        """Register the run, take its lock, free the leases of the dead; return the run's id."""
        with self._told_plainly():
            self._open = self._database.engine.connect()
        with self._told_plainly(), self._connection.begin():
            self.worker = self._connection.execute(
                text(
                    "INSERT INTO crawl_runs (site, settings) VALUES (:site, CAST(:settings AS "
                    "jsonb)) RETURNING id"
                ),
                {"site": self._site, "settings": json.dumps(dict(settings), default=str)},
            ).scalar_one()
            self._connection.execute(
                text("SELECT pg_advisory_lock(:locks, :worker)"),
                {"locks": WORKER_LOCKS, "worker": self.worker},
            )
            self.generation = self._connection.execute(
                _OPEN_GENERATION, {"site": self._site, "profile_hash": profile_hash}
            ).scalar_one()
            self._reclaim()
            self._connection.execute(_RETRY_FAILED, {"site": self._site})
        return self.worker

    def seed(self, starts: Iterable[Link]) -> None:
        """Make sure that the start pages are in the frontier, open in this generation."""
        links = list(starts)
        self._starts = [link.fingerprint for link in links]
        with self._told_plainly(), self._connection.begin():
            self._add_links(links, depth=0, discovered_from=None)

    def close(self, *, finish_reason: str, stats: Mapping[str, Any]) -> int:
        """Give back what is still leased, complete the generation if it is, end the run.

        Returns how many unresolved failures the next run will try again.
        """
        with self._told_plainly(), self._connection.begin():
            self._connection.execute(_RELEASE, {"worker": self.worker})
            self._complete()
            self._connection.execute(
                text(
                    "UPDATE crawl_runs SET finished_at = now(), finish_reason = :reason, "
                    "stats = CAST(:stats AS jsonb) WHERE id = :worker"
                ),
                {
                    "reason": finish_reason,
                    "worker": self.worker,
                    "stats": json.dumps(dict(stats), default=str),
                },
            )
            retryable: int = self._connection.execute(
                text(
                    "SELECT count(*) FROM failures "
                    "WHERE site = :site AND resolved_at IS NULL AND retryable "
                    "AND stage <> 'analysis'"
                ),
                {"site": self._site},
            ).scalar_one()
        return retryable

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return (settled, known) rows by kind."""
        with self._told_plainly(), self._connection.begin():
            rows = self._connection.execute(
                text(
                    "SELECT kind, count(*) FILTER (WHERE state NOT IN ('pending', 'leased')) AS "
                    "settled, count(*) AS known FROM frontier WHERE site = :site GROUP BY kind"
                ),
                {"site": self._site},
            )
            return {row.kind: (row.settled, row.known) for row in rows}

    def knows_categories(self) -> bool:
        """Whether anything was found under the categories that the crawl is limited to."""
        if self._categories is None:
            return True
        with self._told_plainly(), self._connection.begin():
            known: bool = self._connection.execute(
                text(
                    "SELECT EXISTS (SELECT FROM frontier_categories c JOIN frontier f "
                    "ON f.id = c.frontier_id WHERE f.site = :site "
                    "AND lower(c.category) = ANY(:categories))"
                ),
                {"site": self._site, "categories": self._categories},
            ).scalar_one()
        return known

    def abandon(self) -> None:
        """Drop the connection, and with it all locks; leases become free to take."""
        if self._open is not None:
            # Back into the pool, the connection would keep the session and its locks.
            self._open.invalidate()
            self._open.close()
            self._open = None

    # Leasing

    def lease(self, most: int, kinds: Sequence[str]) -> list[Lease]:
        """Lease up to `most` due rows per host, of hosts that no other worker has."""
        with self._told_plainly(), self._connection.begin():
            rows = self._lease(most, kinds)
            if not rows:
                self._reclaim()
                if self._claim_hosts(kinds):
                    rows = self._lease(most, kinds)
        rows.sort(key=lambda row: (-row.priority, row.id))
        return [
            Lease(
                id=row.id,
                url=row.url,
                fingerprint=row.fingerprint,
                host=row.host,
                kind=row.kind,
                depth=row.depth,
                attempts=row.attempts,
                generation=row.generation,
                etag=row.etag,
                last_modified=row.last_modified,
                meta=row.meta,
            )
            for row in rows
        ]

    def outlook(self, kinds: Sequence[str]) -> Outlook:
        """Say whether anything is due, when the next thing is, and who else is at work."""
        with self._told_plainly(), self._connection.begin():
            row = self._connection.execute(_OUTLOOK, self._scope(kinds)).one()
        wait = None if row.next_due_in is None else float(row.next_due_in)
        return Outlook(bool(row.due), wait, row.elsewhere)

    def _lease(self, most: int, kinds: Sequence[str]) -> list[Any]:
        if not self._hosts:
            return []
        return list(
            self._connection.execute(
                _LEASE,
                {
                    **self._scope(kinds),
                    "hosts": sorted(self._hosts),
                    "most": most,
                    "minutes": LEASE_MINUTES,
                },
            )
        )

    def _claim_hosts(self, kinds: Sequence[str]) -> bool:
        due = self._connection.execute(_DUE_HOSTS, self._scope(kinds)).scalars()
        claimed = False
        for host in [host for host in due if host not in self._hosts]:
            if self._connection.execute(
                text("SELECT pg_try_advisory_lock(:locks, hashtext(:host))"),
                {"locks": HOST_LOCKS, "host": host},
            ).scalar_one():
                self._hosts.add(host)
                claimed = True
        return claimed

    def _reclaim(self) -> None:
        freed = self._connection.execute(
            _RECLAIM, {"site": self._site, "worker": self.worker, "locks": WORKER_LOCKS}
        ).rowcount
        if freed:
            logger.info("took over %d leases of a worker that is gone (site %s)", freed, self._site)

    # Recording

    def record(self, items: Sequence[Item]) -> None:
        """Make a batch of outcomes durable in one transaction.

        A record that PostgreSQL refuses for its content does not take the others down: the batch
        is then written one by one, and that record becomes a failure.
        """
        try:
            self._record(items)
        except (DataError, IntegrityError, OperationalError) as error:
            if len(items) > 1:
                for item in items:
                    self.record([item])
                return
            [item] = items
            if isinstance(item, FailureItem):
                raise
            detail = " ".join(str(error.orig).split())[:500]
            logger.error("PostgreSQL refuses what %s gave: %s", item.lease.url, detail)
            self._record(
                [
                    FailureItem(
                        lease=item.lease,
                        answer=item.answer,
                        stage="store",
                        reason="record_refused",
                        detail=detail,
                        retryable=False,
                    )
                ]
            )

    def _record(self, items: Sequence[Item]) -> None:
        for attempt in range(DEADLOCK_RETRIES):
            try:
                with self._told_plainly(), self._connection.begin():
                    held = self._lock([item.lease.id for item in items])
                    self._record_artworks([item for item in items if isinstance(item, ArtworkItem)])
                    self._record_images([item for item in items if isinstance(item, ImageItem)])
                    self._record_listings([item for item in items if isinstance(item, ListingItem)])
                    self._record_unchanged(
                        [item for item in items if isinstance(item, UnchangedItem)]
                    )
                    # Who took over a lease says what became of the row, if this worker failed.
                    self._record_failures(
                        [i for i in items if isinstance(i, FailureItem) and i.lease.id in held]
                    )
                    succeeded = [i.lease.url for i in items if not isinstance(i, FailureItem)]
                    if succeeded:
                        self._connection.execute(
                            _RESOLVE, {"site": self._site, "urls": sorted(succeeded)}
                        )
                return
            except OperationalError as error:
                if not isinstance(error.orig, psycopg2.errors.DeadlockDetected):
                    raise
                logger.warning("deadlock with another writer, trying again (%d)", attempt + 1)
                time.sleep(0.05 * 2**attempt)
        raise DatabaseUnavailable(
            f"writing failed {DEADLOCK_RETRIES} times for deadlocks with other writers: run again."
        )

    def _lock(self, ids: Sequence[int]) -> set[int]:
        """Lock rows; return those that this worker still holds the lease of."""
        rows = self._connection.execute(_LOCK_ROWS, {"ids": sorted(ids)})
        return {row.id for row in rows if row.lease_owner == self.worker}

    def _record_artworks(self, items: Sequence[ArtworkItem]) -> None:
        if not items:
            return
        records = [{**i.record, "site": self._site, "run_id": self.worker} for i in items]
        ids = collection.store_artworks(self._connection, records)
        # The row must name its artwork before its categories are read: a listing that adds one
        # meanwhile waits for the row, and then finds the artwork.
        self._settle(
            {
                "id": item.lease.id,
                **_head(item.answer),
                "artwork_id": artwork_id,
                "meta": _engine(item.answer),
            }
            for item, artwork_id in zip(items, ids, strict=True)
        )
        distinct = sorted(set(ids))
        self._connection.execute(_LOCK_PAGES, {"ids": distinct})
        categories = self._connection.execute(_ALL_CATEGORIES, {"ids": distinct}).mappings()
        said = [
            {"artwork_id": artwork_id, "kind": kind, "name": name, "source": source}
            for artwork_id, record in dict(zip(ids, records, strict=True)).items()
            for kind, name, source in record["terms"]
        ]
        collection.replace_page_terms(self._connection, distinct, [*said, *map(dict, categories)])
        collection.inherit(self._connection, distinct)
        self._record_sources(items, ids)

    def _record_sources(self, items: Sequence[ArtworkItem], ids: Sequence[int]) -> None:
        links: dict[str, Link] = {}
        origin: dict[str, Lease] = {}
        for item in items:
            for link in item.image_links():
                links[link.fingerprint] = link
                origin[link.fingerprint] = item.lease
        rows = self._upsert(
            [_link_row(link, origin[key].depth + 1, origin[key].id) for key, link in links.items()]
        )
        collection.store_image_sources(
            self._connection,
            [
                {
                    **image,
                    "artwork_id": artwork_id,
                    "frontier_id": rows[image["fingerprint"]].id,
                    "image_id": rows[image["fingerprint"]].image_id,
                }
                for item, artwork_id in zip(items, ids, strict=True)
                for image in item.record["images"]
            ],
        )

    def _record_images(self, items: Sequence[ImageItem]) -> None:
        if not items:
            return
        stored = [item.stored for item in items if item.stored is not None]
        ids = collection.store_images(self._connection, stored)
        rows = [
            {
                "id": item.lease.id,
                **_head(item.answer),
                "image_id": ids[item.stored["sha256"]],
                "content_type": item.answer.content_type,
                "fetched_url": None if item.fetched_url == item.lease.url else item.fetched_url,
            }
            for item in items
            if item.stored is not None
        ]
        self._settle(rows)
        self._connection.execute(_LINK_IMAGES, {"rows": as_json(rows)})

    def _record_listings(self, items: Sequence[ListingItem]) -> None:
        for item in items:
            inherited = self._categories_of([item.lease.id]).get(item.lease.id, [])
            if (artist := item.told_of) is not None:
                collection.store_artist(self._connection, artist)
            children = self._add_links(
                item.children(inherited),
                depth=item.lease.depth + 1,
                discovered_from=item.lease.id,
            )
            meta = {**item.meta, **_engine(item.answer), "children": children}
            self._settle([{"id": item.lease.id, **_head(item.answer), "meta": meta}])

    def _record_unchanged(self, items: Sequence[UnchangedItem]) -> None:
        for item in items:
            children = list(item.lease.meta.get("children", []))
            self._connection.execute(
                _SEE_AGAIN,
                {
                    "site": self._site,
                    "ids": sorted(children),
                    "generation": self.generation,
                    "refresh_s": self._refresh_s,
                },
            )
            head = {
                "status": item.answer.status,
                "etag": item.lease.etag,
                "last_modified": item.lease.last_modified,
            }
            self._settle([{"id": item.lease.id, **head}])

    def _record_failures(self, items: Sequence[FailureItem]) -> None:
        if not items:
            return
        self._connection.execute(
            _FAILED,
            {
                "rows": as_json(
                    {
                        "id": item.lease.id,
                        "state": "skipped" if item.skipped else "failed",
                        "status": item.answer.status or None,
                    }
                    for item in items
                )
            },
        )
        self._connection.execute(
            _FAILURES,
            {
                "site": self._site,
                "worker": self.worker,
                "rows": as_json(
                    {
                        "url": item.lease.url,
                        "stage": item.stage,
                        "reason": item.reason,
                        "detail": _storable(item.detail)[:2000],
                        "retryable": item.retryable,
                    }
                    for item in items
                ),
            },
        )

    # Rows and categories

    def _settle(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._connection.execute(_DONE, {"rows": as_json(rows)})

    def _upsert(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        if not rows:
            return {}
        found = self._connection.execute(
            _ADD_LINKS,
            {
                "site": self._site,
                "generation": self.generation,
                "refresh_s": self._refresh_s,
                "rows": as_json(rows),
            },
        )
        return {row.fingerprint: row for row in found}

    def _add_links(
        self, links: Sequence[Link], *, depth: int, discovered_from: int | None
    ) -> list[int]:
        rows = self._upsert([_link_row(link, depth, discovered_from) for link in links])
        said = [
            {"frontier_id": rows[link.fingerprint].id, "category": category}
            for link in links
            for category in link.categories
        ]
        if said:
            added = self._connection.execute(_ADD_CATEGORIES, {"rows": as_json(said)})
            changed = sorted({row.frontier_id for row in added})
            if changed:
                self._connection.execute(_REOPEN_LISTINGS, {"ids": changed})
                collection.add_terms(self._connection, self._finished_categories(changed))
        self._inherit_anew(rows[link.fingerprint] for link in links if told_in(link.meta))
        return sorted(row.id for row in rows.values())

    def _inherit_anew(self, rows: Iterable[Any]) -> None:
        """Tell finished works what the page of an artist left with one of their pages."""
        works = sorted({row.artwork_id for row in rows if row.artwork_id is not None})
        if works:
            self._connection.execute(_LOCK_PAGES, {"ids": works})
            collection.inherit(self._connection, works)

    def _categories_of(self, ids: Sequence[int]) -> dict[int, list[str]]:
        rows = self._connection.execute(_CATEGORIES_OF, {"ids": list(ids)})
        return {row.frontier_id: row.categories for row in rows}

    def _finished_categories(self, ids: Sequence[int]) -> list[Mapping[str, Any]]:
        rows = self._connection.execute(_FINISHED_ARTWORKS, {"ids": list(ids)})
        return [dict(row) for row in rows.mappings()]

    # Politeness

    def crawl_delays(self) -> dict[str, float]:
        """Return the Crawl-delays that robots.txt files asked for last time, in seconds by host."""
        with self._told_plainly(), self._connection.begin():
            rows = self._connection.execute(
                text("SELECT host, crawl_delay FROM hosts WHERE crawl_delay IS NOT NULL")
            )
            return {row.host: row.crawl_delay for row in rows}

    def remember_delay(self, host: str, seconds: float | None) -> None:
        """Keep a host's Crawl-delay, in seconds."""
        with self._told_plainly(), self._connection.begin():
            self._connection.execute(
                text(
                    "INSERT INTO hosts (host, crawl_delay) VALUES (:host, :seconds) "
                    "ON CONFLICT (host) DO UPDATE SET crawl_delay = excluded.crawl_delay"
                ),
                {"host": host, "seconds": seconds},
            )

    # Rendering

    def rendering(self) -> dict[str, Any]:
        """Return what earlier runs learned about rendering the site's pages."""
        with self._told_plainly(), self._connection.begin():
            learned: dict[str, Any] | None = self._connection.execute(
                text("SELECT rendering FROM sites WHERE name = :site"), {"site": self._site}
            ).scalar()
        return learned or {}

    def learn(self, entries: Mapping[str, Any]) -> None:
        """Keep entries of `sites.rendering`; those of other names stay."""
        with self._told_plainly(), self._connection.begin():
            self._connection.execute(
                text(
                    "UPDATE sites SET rendering = coalesce(rendering, '{}') "
                    "|| CAST(:entries AS jsonb) WHERE name = :site"
                ),
                {"site": self._site, "entries": json.dumps(dict(entries))},
            )

    # Generations

    def _complete(self) -> None:
        """Complete the generation when nothing is open and every start page was part of it.

        Works that no listing led to are gone, unless a listing could not be read.
        """
        scope = {"site": self._site, "generation": self.generation}
        row = self._connection.execute(_UNFINISHED, {**scope, "starts": self._starts}).one()
        if row.open or row.begun < len(set(self._starts)):
            return
        if self._connection.execute(_COMPLETE, scope).rowcount:
            self._connection.execute(_STILL_THERE, scope)
            if not row.unread:
                self._connection.execute(_GONE, scope)

    # Plumbing

    @property
    def _connection(self) -> Connection:
        if self._open is None:
            raise RuntimeError("the ledger is closed")
        if self._open.invalidated:
            # SQLAlchemy would connect anew, and go on without the locks that the session held.
            raise DatabaseUnavailable(
                f"cannot use the database {self._database.name} (the connection was lost): check "
                "ARTWORKS_DATABASE_URL and that the server runs, and start the crawl again."
            )
        return self._open

    def _scope(self, kinds: Sequence[str]) -> dict[str, Any]:
        return {
            "site": self._site,
            "worker": self.worker,
            "kinds": list(kinds),
            "categories": self._categories,
        }

    def _told_plainly(self) -> _ToldPlainly:
        return _ToldPlainly(self._database)


class _ToldPlainly:
    """Turns a lost connection into DatabaseUnavailable; what the server said of a record passes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        lost = isinstance(error, OperationalError | InterfaceError) or (
            isinstance(error, DBAPIError) and error.connection_invalidated
        )
        if not lost or not isinstance(error, DBAPIError):
            return
        if not isinstance(error.orig, ANSWERED):
            message = unavailable_message(self._database.engine, error)
            raise DatabaseUnavailable(message) from error


def _link_row(link: Link, depth: int, discovered_from: int | None) -> dict[str, Any]:
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


def _storable(words: str) -> str:
    """Return `words` without what PostgreSQL's text cannot hold, so that a failure can be told."""
    return words.replace("\0", "").encode(errors="replace").decode()


def _engine(answer: Answer) -> dict[str, Any]:
    """Return what the row of a page keeps of how it was read."""
    return {"engine": answer.rendered_by or "never"}


def _head(answer: Answer) -> dict[str, Any]:
    return {
        "status": answer.status,
        "etag": answer.etag,
        "last_modified": answer.last_modified,
    }
