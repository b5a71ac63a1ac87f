"""Recording outcomes: a batch of them in one transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg2
from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from crawler.frontier.links import LOCK_PAGES, Links, link_row
from crawler.frontier.pages import note_telling, telling_pages
from crawler.frontier.session import LedgerSession
from crawler.frontier.takedowns import TakedownGuard
from crawler.items import (
    Answer,
    ArtworkItem,
    FailureItem,
    ImageItem,
    Item,
    Lease,
    Link,
    ListingItem,
    PostponedItem,
    UnchangedItem,
)
from storage import collection
from storage.collection import as_json
from storage.errors import DatabaseUnavailable

logger = logging.getLogger(__name__)

DEADLOCK_RETRIES = 5

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

LOCK_ROWS = text("""
    SELECT id, lease_owner FROM frontier WHERE id = ANY(:ids) ORDER BY id FOR UPDATE
""")

ALL_CATEGORIES = text("""
    SELECT f.artwork_id, 'category' AS kind, c.category AS name, 'page' AS source
    FROM frontier f JOIN frontier_categories c ON c.frontier_id = f.id
    WHERE f.artwork_id = ANY(:ids)
""")

# What a page no longer shows stays as it was. If nothing shows the address, it was only the image
# that was not there.
_LINK_IMAGES = text("""
    UPDATE image_sources s
    SET image_id = r.image_id, content_type = r.content_type, fetched_url = r.fetched_url,
        fetched_at = now(), opt_out = r.opt_out,
        gone_at = CASE WHEN s.image_id IS NOT NULL THEN NULL ELSE s.gone_at END
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id bigint, image_id bigint, content_type text, fetched_url text, opt_out text[])
    JOIN frontier f ON f.id = r.id
    WHERE s.frontier_id = r.id
      AND (s.gone_at IS NULL OR s.image_id IS NULL
           OR coalesce(f.http_status, 0) IN (404, 410) AND NOT EXISTS (
               SELECT FROM image_sources o WHERE o.frontier_id = r.id AND o.gone_at IS NULL))
""")

_GAVE = text("""
    SELECT id, artwork_id, image_id, etag, last_modified FROM frontier WHERE id = ANY(:ids)
""")
_SEEN_UNCHANGED = text("""
    UPDATE artworks SET last_seen_at = now(), gone_at = NULL WHERE id = ANY(:ids)
""")
_SHOWN_IMAGES = text("""
    SELECT DISTINCT frontier_id FROM image_sources
    WHERE artwork_id = ANY(:ids) AND gone_at IS NULL AND frontier_id IS NOT NULL
""")
_IMAGES_UNCHANGED = text("""
    UPDATE image_sources s SET fetched_at = now(), opt_out = r.opt_out
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id bigint, opt_out text[])
    WHERE s.frontier_id = r.id AND s.image_id IS NOT NULL AND s.gone_at IS NULL
""")

# What was stored before its owner reserved it stays, and says so.
_WORKS_RESERVED = text("""
    UPDATE artworks a SET opt_out = r.opt_out
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id bigint, opt_out text[])
    JOIN frontier f ON f.id = r.id
    WHERE a.id = f.artwork_id
""")
_IMAGES_RESERVED = text("""
    UPDATE image_sources s SET opt_out = r.opt_out
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id bigint, opt_out text[])
    WHERE s.frontier_id = r.id AND s.gone_at IS NULL
""")
# Images that the same page reserved when it was read before, and does not any more.
_IMAGES_RELEASED = text("""
    UPDATE frontier f
    SET meta = f.meta - 'reserved',
        state = CASE WHEN f.state = 'skipped' THEN 'pending' ELSE f.state END
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id bigint, page text)
    WHERE f.id = r.id AND f.meta->'reserved'->>'by' = r.page
""")
# "Not modified", but what was stored then was taken away meanwhile.
_ASK_IN_FULL = text("""
    UPDATE frontier
    SET state = 'pending', lease_owner = NULL, lease_until = NULL, etag = NULL, last_modified = NULL
    WHERE id = ANY(:ids) AND lease_owner = :worker
""")

# A work is gone with the last of its pages; until then another page has to say what it is.
_WORKS_GONE = text("""
    WITH lost AS (
        SELECT DISTINCT artwork_id FROM frontier WHERE id = ANY(:ids) AND artwork_id IS NOT NULL
    ), others AS (
        UPDATE frontier f
        SET state = CASE WHEN f.state = 'done' THEN 'pending' ELSE f.state END,
            etag = NULL, last_modified = NULL
        FROM lost
        WHERE f.artwork_id = lost.artwork_id AND NOT f.id = ANY(:ids)
          AND NOT (f.state = 'failed' AND coalesce(f.http_status, 0) IN (404, 410))
        RETURNING f.artwork_id
    )
    UPDATE artworks SET gone_at = now()
    FROM lost
    WHERE artworks.id = lost.artwork_id AND gone_at IS NULL
      AND NOT EXISTS (SELECT FROM others WHERE others.artwork_id = lost.artwork_id)
""")
_IMAGES_GONE = text("""
    UPDATE image_sources SET gone_at = now()
    WHERE frontier_id = ANY(:ids) AND gone_at IS NULL AND image_id IS NOT NULL
    RETURNING artwork_id
""")
# Pages of works that lack an image are read in full the next time, even if they are the same: only
# they can say that the image is shown.
_READ_IN_FULL = text("""
    UPDATE frontier SET etag = NULL, last_modified = NULL WHERE artwork_id = ANY(:ids)
""")

_FAILED = text("""
    UPDATE frontier f
    SET state = r.state, attempts = f.attempts + 1, lease_owner = NULL, lease_until = NULL,
        http_status = coalesce(r.status, f.http_status), updated_at = now()
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id bigint, state text, status int)
    WHERE f.id = r.id
""")

# The time left, and not the time: the worker's clock may differ from the database's.
_POSTPONED = text("""
    UPDATE frontier f
    SET state = 'pending', attempts = f.attempts + CAST(r.counts AS int), lease_owner = NULL,
        lease_until = NULL, not_before = now() + make_interval(secs => r.seconds),
        http_status = coalesce(r.status, f.http_status), updated_at = now()
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id bigint, seconds double precision, counts boolean, status int)
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


class Recorder:
    """Settles leased rows by their outcomes."""

    def __init__(self, session: LedgerSession, links: Links, guard: TakedownGuard) -> None:
        self._session = session
        self._links = links
        self._guard = guard

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

    def _record(self, given: Sequence[Item]) -> None:
        for attempt in range(DEADLOCK_RETRIES):
            try:
                with self._session.transaction() as connection:
                    screened = self._guard.screen(connection, given)
                    items = screened.items
                    held = self._lock(connection, [item.lease.id for item in items])
                    self._record_artworks(
                        connection, [item for item in items if isinstance(item, ArtworkItem)]
                    )
                    self._record_images(
                        connection, [item for item in items if isinstance(item, ImageItem)]
                    )
                    self._record_listings(
                        connection, [item for item in items if isinstance(item, ListingItem)]
                    )
                    self._record_unchanged(
                        connection, [item for item in items if isinstance(item, UnchangedItem)]
                    )
                    # Who took over a lease says what became of the row, if this worker failed.
                    self._record_failures(
                        connection,
                        [i for i in items if isinstance(i, FailureItem) and i.lease.id in held],
                    )
                    self._record_postponed(
                        connection,
                        [i for i in items if isinstance(i, PostponedItem) and i.lease.id in held],
                    )
                    self._guard.bury(connection, screened, held)
                    succeeded = [
                        i.lease.url for i in items if not isinstance(i, FailureItem | PostponedItem)
                    ]
                    if succeeded:
                        connection.execute(
                            _RESOLVE, {"site": self._session.site, "urls": sorted(succeeded)}
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

    def _lock(self, connection: Connection, ids: Sequence[int]) -> set[int]:
        """Lock rows; return those that this worker still holds the lease of."""
        rows = connection.execute(LOCK_ROWS, {"ids": sorted(ids)})
        return {row.id for row in rows if row.lease_owner == self._session.worker}

    def _record_artworks(self, connection: Connection, items: Sequence[ArtworkItem]) -> None:
        if not items:
            return
        known, telling = telling_pages(connection, self._session, items)
        records = [
            {**i.record, "site": self._session.site, "run_id": self._session.worker}
            for i in telling
        ]
        stored = collection.store_artworks(connection, records)
        known |= {i.record["source_id"]: one for i, one in zip(telling, stored, strict=True)}
        ids = [known[item.record["source_id"]] for item in items]
        told = {item.lease.id for item in telling}
        # The row must name its artwork before its categories are read: a listing that adds one
        # meanwhile waits for the row, and then finds the artwork.
        self._settle(
            connection,
            (
                {
                    "id": item.lease.id,
                    **_head(item.answer),
                    "artwork_id": artwork_id,
                    "meta": {
                        **item.meta,
                        **_engine(item.answer),
                        "tells": item.lease.id in told,
                    },
                }
                for item, artwork_id in zip(items, ids, strict=True)
            ),
        )
        distinct = sorted(set(ids))
        connection.execute(LOCK_PAGES, {"ids": distinct})
        note_telling(connection, stored, told)
        categories = connection.execute(ALL_CATEGORIES, {"ids": distinct}).mappings()
        said = [
            {"artwork_id": artwork_id, "kind": kind, "name": name, "source": source}
            for artwork_id, record in zip(stored, records, strict=True)
            for kind, name, source in record["terms"]
        ]
        collection.replace_page_terms(connection, sorted(stored), said)
        collection.add_terms(connection, [dict(row) for row in categories])
        collection.inherit(connection, distinct)
        self._record_sources(connection, telling, stored)

    def _record_sources(
        self, connection: Connection, items: Sequence[ArtworkItem], ids: Sequence[int]
    ) -> None:
        links: dict[str, Link] = {}
        origin: dict[str, Lease] = {}
        for item in items:
            for link in item.image_links():
                known = links.get(link.fingerprint, link)
                links[link.fingerprint] = replace(link, meta={**known.meta, **link.meta})
                origin[link.fingerprint] = item.lease
        rows = self._links.upsert(
            connection,
            [link_row(link, origin[key].depth + 1, origin[key].id) for key, link in links.items()],
        )
        released = [
            {"id": rows[image["fingerprint"]].id, "page": item.lease.fingerprint}
            for item in items
            if not item.record.get("opt_out")
            for image in item.record["images"]
        ]
        if released:
            connection.execute(_IMAGES_RELEASED, {"rows": as_json(released)})
        lacking = collection.store_image_sources(
            connection,
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
        self._read_in_full(connection, lacking)
        collection.note_images_gone(
            connection,
            {
                artwork_id: {image["url"] for image in item.record["images"]}
                for item, artwork_id in zip(items, ids, strict=True)
            },
        )

    def _read_in_full(self, connection: Connection, works: Collection[int]) -> None:
        if works:
            connection.execute(_READ_IN_FULL, {"ids": sorted(works)})

    def _record_images(self, connection: Connection, items: Sequence[ImageItem]) -> None:
        if not items:
            return
        stored = [item.stored for item in items if item.stored is not None]
        ids = collection.store_images(connection, stored)
        rows = [
            {
                "id": item.lease.id,
                **_head(item.answer, own=item.fetched_url in (None, item.lease.url)),
                "image_id": ids[item.stored["sha256"]],
                "content_type": item.answer.content_type,
                "fetched_url": None if item.fetched_url == item.lease.url else item.fetched_url,
                "opt_out": item.opt_out or None,
            }
            for item in items
            if item.stored is not None
        ]
        collection.note_new_bytes(connection, rows)
        connection.execute(_LINK_IMAGES, {"rows": as_json(rows)})
        self._settle(connection, rows)

    def _record_listings(self, connection: Connection, items: Sequence[ListingItem]) -> None:
        for item in items:
            inherited = self._links.categories_of(connection, [item.lease.id]).get(
                item.lease.id, []
            )
            if (artist := item.told_of) is not None:
                collection.store_artist(connection, artist)
            works = [link.fingerprint for link in item.links if link.kind == "artwork"]
            item.stopped_early = bool(item.following) and self._may_stop(connection, works)
            passed = item.following if item.stopped_early else frozenset()
            links = [link for link in item.children(inherited) if link.fingerprint not in passed]
            children = self._links.add(
                connection, links, depth=item.lease.depth + 1, discovered_from=item.lease.id
            )
            named: dict[int, list[str]] = {}
            for link in item.links:
                if link.categories and link.fingerprint in children:
                    named.setdefault(children[link.fingerprint], []).extend(link.categories)
            meta = {
                **item.meta,
                **_engine(item.answer),
                "children": sorted(children.values()),
                "named": named,
                "following": sorted(children[key] for key in item.following if key in children),
                "stopped_early": self._session.generation if item.stopped_early else None,
            }
            self._settle(connection, [{"id": item.lease.id, **_head(item.answer), "meta": meta}])

    def _may_stop(self, connection: Connection, works: Sequence[str]) -> bool:
        """Whether a listing that begins with the newest may be left at a page with these works."""
        return not self._session.full and self._links.show_nothing_new(connection, works)

    def _record_unchanged(self, connection: Connection, items: Sequence[UnchangedItem]) -> None:
        if not items:
            return
        gave = {
            row.id: row
            for row in connection.execute(_GAVE, {"ids": [item.lease.id for item in items]})
        }
        settled: list[dict[str, Any]] = []
        lost: list[int] = []
        for item in items:
            lease, row = item.lease, gave[item.lease.id]
            if lease.is_stored and row.artwork_id is None and row.image_id is None:
                lost.append(lease.id)
                continue
            # If they were taken back meanwhile, the row is to be read in full the next time.
            is_valid = row.etag is not None or row.last_modified is not None
            head = {
                "status": item.answer.status,
                "etag": (item.answer.etag or row.etag) if is_valid else None,
                "last_modified": (item.answer.last_modified or row.last_modified)
                if is_valid
                else None,
            }
            meta = self._see_children(connection, item) if "children" in lease.meta else {}
            settled.append({"id": lease.id, **head, "meta": meta})
        works = sorted({row.artwork_id for row in gave.values() if row.artwork_id is not None})
        if works:
            connection.execute(_SEEN_UNCHANGED, {"ids": works})
            images = connection.execute(_SHOWN_IMAGES, {"ids": works}).scalars()
            self._links.see_again(connection, list(images))
        images_seen = [
            {"id": item.lease.id, "opt_out": item.opt_out or None}
            for item in items
            if gave[item.lease.id].image_id is not None
        ]
        if images_seen:
            connection.execute(_IMAGES_UNCHANGED, {"rows": as_json(images_seen)})
        self._settle(connection, settled)
        if lost:
            connection.execute(_ASK_IN_FULL, {"ids": lost, "worker": self._session.worker})

    def _see_children(self, connection: Connection, item: UnchangedItem) -> dict[str, Any]:
        """See again what a listing that did not change leads to; return what its row keeps."""
        meta = item.lease.meta
        children, following = set(meta["children"]), set(meta.get("following") or ())
        # Where it was left at this page the last time, it does not even know what comes next.
        item.stopped_early = bool(meta.get("stopped_early") or following) and self._may_stop(
            connection, self._links.works_among(connection, sorted(children))
        )
        if item.stopped_early:
            children -= following
        self._links.see_again(connection, sorted(children))
        self._links.pass_on(connection, item.lease.id, sorted(children))
        return {"stopped_early": self._session.generation} if item.stopped_early else {}

    def _record_failures(self, connection: Connection, items: Sequence[FailureItem]) -> None:
        if not items:
            return
        connection.execute(
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
        if gone := sorted(item.lease.id for item in items if item.answer.status in (404, 410)):
            connection.execute(_WORKS_GONE, {"ids": gone})
            lacking = set(connection.execute(_IMAGES_GONE, {"ids": gone}).scalars())
            self._read_in_full(connection, lacking)
        reserved = [
            {"id": item.lease.id, "opt_out": item.opt_out} for item in items if item.opt_out
        ]
        if reserved:
            connection.execute(_WORKS_RESERVED, {"rows": as_json(reserved)})
            connection.execute(_IMAGES_RESERVED, {"rows": as_json(reserved)})
        self._tell_failures(
            connection,
            (
                {
                    "url": item.lease.url,
                    "stage": item.stage,
                    "reason": item.reason,
                    "detail": _storable(item.detail)[:2000],
                    "retryable": item.retryable,
                }
                for item in items
            ),
        )

    def _record_postponed(self, connection: Connection, items: Sequence[PostponedItem]) -> None:
        """Make rows pending again; what the server answered itself is told as a failure."""
        if not items:
            return
        now = datetime.now(UTC)
        connection.execute(
            _POSTPONED,
            {
                "rows": as_json(
                    {
                        "id": item.lease.id,
                        "seconds": max(0.0, (item.until - now).total_seconds()),
                        "counts": item.counts,
                        "status": item.answer.status or None,
                    }
                    for item in items
                )
            },
        )
        if answered := [item for item in items if item.counts]:
            self._tell_failures(
                connection,
                (
                    {
                        "url": item.lease.url,
                        "stage": "fetch",
                        "reason": item.reason,
                        "detail": _storable(item.detail)[:2000],
                        "retryable": True,
                    }
                    for item in answered
                ),
            )

    def _tell_failures(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        connection.execute(
            _FAILURES,
            {
                "site": self._session.site,
                "worker": self._session.worker,
                "rows": as_json(rows),
            },
        )

    def _settle(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        connection.execute(_DONE, {"rows": as_json(rows)})


def _storable(words: str) -> str:
    """Return `words` without what PostgreSQL's text cannot hold, so that a failure can be told."""
    return words.replace("\0", "").encode(errors="replace").decode()


def _engine(answer: Answer) -> dict[str, Any]:
    """Return what the row of a page keeps of how it was read."""
    return {"engine": answer.rendered_by or "never"}


def _head(answer: Answer, *, own: bool = True) -> dict[str, Any]:
    """Return what a row keeps of an answer: nothing that another address says of itself."""
    return {
        "status": answer.status,
        "etag": answer.etag if own else None,
        "last_modified": answer.last_modified if own else None,
    }
