"""The frontier in PostgreSQL: what a worker asks of it, put together from its parts."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import text

from crawler.frontier import hosts
from crawler.frontier.generations import (
    complete_generation,
    open_generation,
    reopen_stopped,
    retry_failed,
)
from crawler.frontier.leasing import Leasing
from crawler.frontier.links import Links
from crawler.frontier.protocol import Outlook
from crawler.frontier.recording import Recorder
from crawler.frontier.session import LedgerSession
from crawler.frontier.takedowns import TakedownGuard
from crawler.items import Item, Lease, Link
from crawler.opt_outs import Rule
from crawler.pauses import Pause
from storage.database import Database
from storage.objects import ObjectStore
from storage.placeholders import mark_placeholders

_REGISTER = text("""
    INSERT INTO crawl_runs (site, settings) VALUES (:site, CAST(:settings AS jsonb)) RETURNING id
""")
_END_RUN = text("""
    UPDATE crawl_runs
    SET finished_at = now(), finish_reason = :reason, stats = CAST(:stats AS jsonb)
    WHERE id = :worker
""")
_RETRYABLE = text("""
    SELECT count(*) FROM failures
    WHERE site = :site AND resolved_at IS NULL AND retryable AND stage <> 'analysis'
""")
_COUNTS = text("""
    SELECT kind, count(*) FILTER (WHERE state NOT IN ('pending', 'leased')) AS settled,
           count(*) AS known
    FROM frontier WHERE site = :site GROUP BY kind
""")
_KNOWS_CATEGORIES = text("""
    SELECT EXISTS (
        SELECT FROM frontier_categories c JOIN frontier f ON f.id = c.frontier_id
        WHERE f.site = :site AND lower(c.category) = ANY(:categories))
""")
_RENDERING = text("SELECT rendering FROM sites WHERE name = :site")
_LEARN = text("""
    UPDATE sites SET rendering = coalesce(rendering, '{}') || CAST(:entries AS jsonb)
    WHERE name = :site
""")


class Ledger:
    """One worker's view of the frontier of one site. Not thread-safe: call it from one thread."""

    def __init__(
        self,
        database: Database,
        *,
        site: str,
        categories: Collection[str] = (),
        refresh_days: float | None = None,
        full: bool = False,
        store: ObjectStore | None = None,
    ) -> None:
        """Say what the crawl is limited to, and what it reads again.

        `refresh_days`: works and images that were had longer ago; `full`: listings to their end.
        `store`: where images are, so that those go again that were taken down; None: they stay.
        """
        self.session = LedgerSession(
            database, site=site, categories=categories, refresh_days=refresh_days, full=full
        )
        self.links = Links(self.session)
        self.recorder = Recorder(self.session, self.links, TakedownGuard(self.session, store))
        self._leasing = Leasing(self.session)
        self._starts: list[Link] = []

    @property
    def worker(self) -> int:
        """Number of the run, which owns the leases."""
        return self.session.worker

    @property
    def generation(self) -> int:
        """Number of the current pass over the site's listings."""
        return self.session.generation

    # Opening and closing

    def open(self, *, profile_hash: str, settings: Mapping[str, Any]) -> int:
        """Register the run, take its lock, free the leases of the dead; return the run's id."""
        session = self.session
        session.connect()
        with session.transaction() as connection:
            session.worker = connection.execute(
                _REGISTER,
                {"site": session.site, "settings": json.dumps(dict(settings), default=str)},
            ).scalar_one()
            session.hold_worker_lock(connection)
            session.generation = open_generation(connection, session.site, profile_hash)
            self._leasing.reclaim(connection)
            retry_failed(connection, session.site)
            if session.full:
                reopen_stopped(connection, session.site, session.generation)
        return session.worker

    def seed(self, starts: Iterable[Link]) -> None:
        """Make sure that the start pages are in the frontier, open in this generation."""
        self._starts = list(starts)
        with self.session.transaction() as connection:
            self.links.add(connection, self._starts, depth=0, discovered_from=None)

    def close(self, *, finish_reason: str, stats: Mapping[str, Any]) -> int:
        """Give back what is still leased, complete the generation if it is, end the run.

        Returns how many unresolved failures the next run will try again.
        """
        session = self.session
        with session.transaction() as connection:
            self._leasing.release(connection)
            complete_generation(
                connection,
                session.site,
                session.generation,
                self._starts,
                whole=session.categories is None,
            )
            mark_placeholders(connection, session.site)
            connection.execute(
                _END_RUN,
                {
                    "reason": finish_reason,
                    "worker": session.worker,
                    "stats": json.dumps(dict(stats), default=str),
                },
            )
            retryable: int = connection.execute(_RETRYABLE, {"site": session.site}).scalar_one()
        return retryable

    def abandon(self) -> None:
        """Drop the connection, and with it all locks; leases become free to take."""
        self.session.abandon()

    # Leasing and recording

    def lease(self, most: int, kinds: Sequence[str]) -> list[Lease]:
        """Lease up to `most` due rows per host, of hosts that no other worker has."""
        return self._leasing.lease(most, kinds)

    def outlook(self, kinds: Sequence[str]) -> Outlook:
        """Say whether anything is due, when the next thing is, and who else is at work."""
        return self._leasing.outlook(kinds)

    def record(self, items: Sequence[Item]) -> None:
        """Make a batch of outcomes durable in one transaction; see `Recorder.record`."""
        self.recorder.record(items)

    # What is known

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return (settled, known) rows by kind."""
        with self.session.transaction() as connection:
            rows = connection.execute(_COUNTS, {"site": self.session.site})
            return {row.kind: (row.settled, row.known) for row in rows}

    def knows_categories(self) -> bool:
        """Whether anything was found under the categories that the crawl is limited to."""
        scope = {"site": self.session.site, "categories": self.session.categories}
        if self.session.categories is None:
            return True
        with self.session.transaction() as connection:
            known: bool = connection.execute(_KNOWS_CATEGORIES, scope).scalar_one()
        return known

    # Politeness

    def crawl_delays(self) -> dict[str, float]:
        """Return the Crawl-delays that robots.txt files asked for last time, in seconds by host."""
        with self.session.transaction() as connection:
            return hosts.crawl_delays(connection)

    def remember_delay(self, host: str, seconds: float | None) -> None:
        """Keep a host's Crawl-delay, in seconds."""
        with self.session.transaction() as connection:
            hosts.remember_delay(connection, host, seconds)

    def pauses(self) -> dict[str, Pause]:
        """Return the pauses that are in effect, by host."""
        with self.session.transaction() as connection:
            return hosts.pauses(connection)

    def pause(self, host: str, pause: Pause) -> None:
        """Leave a host alone, every worker of every site; a longer pause in effect stays."""
        with self.session.transaction() as connection:
            hosts.pause(connection, host, pause)

    # Reservations

    def tdm_rules(self) -> dict[str, tuple[Rule, ...]]:
        """Return the rules of the hosts' `tdmrep.json` files, as they were last read."""
        with self.session.transaction() as connection:
            return hosts.tdm_rules(connection)

    def remember_tdm_rules(self, host: str, rules: Sequence[Rule]) -> None:
        """Keep the rules of a host's `tdmrep.json`; none: it has no such file."""
        with self.session.transaction() as connection:
            hosts.remember_tdm_rules(connection, host, rules)

    # Rendering

    def rendering(self) -> dict[str, Any]:
        """Return what earlier runs learned about rendering the site's pages."""
        with self.session.transaction() as connection:
            learned: dict[str, Any] | None = connection.execute(
                _RENDERING, {"site": self.session.site}
            ).scalar()
        return learned or {}

    def learn(self, entries: Mapping[str, Any]) -> None:
        """Keep entries of `sites.rendering`; those of other names stay."""
        with self.session.transaction() as connection:
            connection.execute(
                _LEARN, {"site": self.session.site, "entries": json.dumps(dict(entries))}
            )
