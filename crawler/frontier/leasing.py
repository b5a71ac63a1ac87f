"""Leasing rows of the frontier: which are due, whose hosts are free, what the dead left."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from crawler.frontier.protocol import Outlook
from crawler.frontier.session import LedgerSession
from crawler.items import Lease
from storage.locks import WORKER_LOCKS

logger = logging.getLogger(__name__)

# First key of the two-key advisory locks on hosts ("arth" in ASCII).
HOST_LOCKS = 0x61727468
LEASE_MINUTES = 60

# Images belong to whatever work asked for them, and pages that discover categories to none yet.
IN_SCOPE = """(CAST(:categories AS text[]) IS NULL OR f.kind = 'image'
    OR jsonb_exists(f.meta, 'discover') OR EXISTS (
        SELECT FROM frontier_categories c
        WHERE c.frontier_id = f.id AND lower(c.category) = ANY(:categories)))"""

# A host that wants to be left alone is so by every worker.
PAUSED = "SELECT FROM hosts p WHERE p.host = {host} AND p.not_before > now()"

LEASE = text(f"""
    WITH taken AS (
        SELECT due.id FROM (
            SELECT host FROM unnest(CAST(:hosts AS text[])) AS own(host)
            WHERE NOT EXISTS ({PAUSED.format(host="own.host")})
        ) h
        CROSS JOIN LATERAL (
            SELECT f.id FROM frontier f
            WHERE f.site = :site AND f.host = h.host AND f.state = 'pending'
              AND f.kind = ANY(:kinds) AND (f.not_before IS NULL OR f.not_before <= now())
              AND {IN_SCOPE}
            ORDER BY f.priority DESC, f.id LIMIT :most FOR UPDATE SKIP LOCKED
        ) due
    )
    UPDATE frontier f
    SET state = 'leased', lease_owner = :worker,
        lease_until = now() + make_interval(mins => :minutes), updated_at = now()
    FROM taken WHERE f.id = taken.id
    RETURNING f.id, f.url, f.fingerprint, f.host, f.kind, f.depth, f.attempts, f.generation,
              f.etag, f.last_modified, f.meta, f.priority,
              coalesce(f.artwork_id, f.image_id) IS NOT NULL AS is_stored
""")  # noqa: S608 - the fragment is the constant above

DUE_HOSTS = text(f"""
    SELECT DISTINCT host FROM frontier f
    WHERE site = :site AND state = 'pending' AND (not_before IS NULL OR not_before <= now())
      AND kind = ANY(:kinds)
      AND NOT EXISTS ({PAUSED.format(host="f.host")})
      AND {IN_SCOPE}
    ORDER BY host
""")  # noqa: S608 - the fragment is the constant above

RECLAIM = text("""
    UPDATE frontier f SET state = 'pending', lease_owner = NULL, lease_until = NULL
    WHERE f.site = :site AND f.state = 'leased' AND f.lease_owner <> :worker
      AND (f.lease_until < now() OR NOT EXISTS (
          SELECT FROM pg_locks l
          WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND l.classid = :locks AND l.objid = CAST(f.lease_owner AS bigint)))
""")

RELEASE = text("""
    UPDATE frontier SET state = 'pending', lease_owner = NULL, lease_until = NULL
    WHERE lease_owner = :worker AND state = 'leased'
""")

OUTLOOK = text(f"""
    SELECT bool_or(state = 'pending' AND (due_at IS NULL OR due_at <= now())) AS due,
           extract(epoch FROM min(due_at) FILTER (
               WHERE state = 'pending' AND due_at > now()) - now()) AS next_due_in,
           count(*) FILTER (WHERE state = 'pending' AND due_at > now()) AS waiting,
           count(*) FILTER (WHERE state = 'leased' AND lease_owner <> :worker) AS elsewhere
    FROM frontier f
    LEFT JOIN hosts p ON p.host = f.host
    CROSS JOIN LATERAL (SELECT greatest(f.not_before, p.not_before) AS due_at) d
    WHERE site = :site AND state IN ('pending', 'leased') AND kind = ANY(:kinds)
      AND {IN_SCOPE}
""")  # noqa: S608 - the fragment is the constant above


class Leasing:
    """Takes rows for a worker, and hosts: a host belongs to one worker at a time."""

    def __init__(self, session: LedgerSession) -> None:
        self._session = session
        self._hosts: set[str] = set()

    def lease(self, most: int, kinds: Sequence[str]) -> list[Lease]:
        """Lease up to `most` due rows per host, of hosts that no other worker has."""
        with self._session.transaction() as connection:
            rows = self._lease(connection, most, kinds)
            if not rows:
                self.reclaim(connection)
                if self._claim_hosts(connection, kinds):
                    rows = self._lease(connection, most, kinds)
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
                is_stored=row.is_stored,
            )
            for row in rows
        ]

    def outlook(self, kinds: Sequence[str]) -> Outlook:
        """Say whether anything is due, when the next thing is, and who else is at work."""
        with self._session.transaction() as connection:
            row = connection.execute(OUTLOOK, self._session.scope(kinds)).one()
        wait = None if row.next_due_in is None else float(row.next_due_in)
        return Outlook(bool(row.due), wait, row.elsewhere, row.waiting)

    def _lease(self, connection: Connection, most: int, kinds: Sequence[str]) -> list[Any]:
        if not self._hosts:
            return []
        return list(
            connection.execute(
                LEASE,
                {
                    **self._session.scope(kinds),
                    "hosts": sorted(self._hosts),
                    "most": most,
                    "minutes": LEASE_MINUTES,
                },
            )
        )

    def _claim_hosts(self, connection: Connection, kinds: Sequence[str]) -> bool:
        due = connection.execute(DUE_HOSTS, self._session.scope(kinds)).scalars()
        claimed = False
        for host in [host for host in due if host not in self._hosts]:
            if connection.execute(
                text("SELECT pg_try_advisory_lock(:locks, hashtext(:host))"),
                {"locks": HOST_LOCKS, "host": host},
            ).scalar_one():
                self._hosts.add(host)
                claimed = True
        return claimed

    def reclaim(self, connection: Connection) -> None:
        """Free the leases of workers that are gone."""
        session = self._session
        freed = connection.execute(
            RECLAIM, {"site": session.site, "worker": session.worker, "locks": WORKER_LOCKS}
        ).rowcount
        if freed:
            logger.info(
                "took over %d leases of a worker that is gone (site %s)", freed, session.site
            )

    def release(self, connection: Connection) -> None:
        """Give back what this worker still has leased."""
        connection.execute(RELEASE, {"worker": self._session.worker})
