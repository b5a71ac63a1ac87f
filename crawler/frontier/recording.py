"""Recording outcomes: a batch of them in one transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg2
from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from crawler.frontier.links import LOCK_PAGES, Links, link_row
from crawler.frontier.session import LedgerSession
from crawler.items import (
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


class Recorder:
    """Settles leased rows by their outcomes."""

    def __init__(self, session: LedgerSession, links: Links) -> None:
        self._session = session
        self._links = links

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
                with self._session.transaction() as connection:
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
                    succeeded = [i.lease.url for i in items if not isinstance(i, FailureItem)]
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
        records = [
            {**i.record, "site": self._session.site, "run_id": self._session.worker} for i in items
        ]
        ids = collection.store_artworks(connection, records)
        # The row must name its artwork before its categories are read: a listing that adds one
        # meanwhile waits for the row, and then finds the artwork.
        self._settle(
            connection,
            (
                {
                    "id": item.lease.id,
                    **_head(item.answer),
                    "artwork_id": artwork_id,
                    "meta": _engine(item.answer),
                }
                for item, artwork_id in zip(items, ids, strict=True)
            ),
        )
        distinct = sorted(set(ids))
        connection.execute(LOCK_PAGES, {"ids": distinct})
        categories = connection.execute(ALL_CATEGORIES, {"ids": distinct}).mappings()
        said = [
            {"artwork_id": artwork_id, "kind": kind, "name": name, "source": source}
            for artwork_id, record in dict(zip(ids, records, strict=True)).items()
            for kind, name, source in record["terms"]
        ]
        collection.replace_page_terms(connection, distinct, [*said, *map(dict, categories)])
        collection.inherit(connection, distinct)
        self._record_sources(connection, items, ids)

    def _record_sources(
        self, connection: Connection, items: Sequence[ArtworkItem], ids: Sequence[int]
    ) -> None:
        links: dict[str, Link] = {}
        origin: dict[str, Lease] = {}
        for item in items:
            for link in item.image_links():
                links[link.fingerprint] = link
                origin[link.fingerprint] = item.lease
        rows = self._links.upsert(
            connection,
            [link_row(link, origin[key].depth + 1, origin[key].id) for key, link in links.items()],
        )
        collection.store_image_sources(
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

    def _record_images(self, connection: Connection, items: Sequence[ImageItem]) -> None:
        if not items:
            return
        stored = [item.stored for item in items if item.stored is not None]
        ids = collection.store_images(connection, stored)
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
        self._settle(connection, rows)
        connection.execute(_LINK_IMAGES, {"rows": as_json(rows)})

    def _record_listings(self, connection: Connection, items: Sequence[ListingItem]) -> None:
        for item in items:
            inherited = self._links.categories_of(connection, [item.lease.id]).get(
                item.lease.id, []
            )
            if (artist := item.told_of) is not None:
                collection.store_artist(connection, artist)
            children = self._links.add(
                connection,
                item.children(inherited),
                depth=item.lease.depth + 1,
                discovered_from=item.lease.id,
            )
            meta = {**item.meta, **_engine(item.answer), "children": children}
            self._settle(connection, [{"id": item.lease.id, **_head(item.answer), "meta": meta}])

    def _record_unchanged(self, connection: Connection, items: Sequence[UnchangedItem]) -> None:
        for item in items:
            children = list(item.lease.meta.get("children", []))
            self._links.see_again(connection, children)
            head = {
                "status": item.answer.status,
                "etag": item.lease.etag,
                "last_modified": item.lease.last_modified,
            }
            self._settle(connection, [{"id": item.lease.id, **head}])

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
        connection.execute(
            _FAILURES,
            {
                "site": self._session.site,
                "worker": self._session.worker,
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

    def _settle(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        connection.execute(_DONE, {"rows": as_json(rows)})


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
