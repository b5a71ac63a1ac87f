"""Workers on the frontier whose every step a test decides."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from hypothesis import strategies as st

from crawler.frontier.ledger import Ledger
from crawler.items import PRIORITIES, Item, Lease, Link
from storage.collection import digest
from storage.database import Database
from support.databases import one
from support.outcomes import failure

KINDS = tuple(PRIORITIES)
OpenLedger = Callable[..., Ledger]


def digest_of(database: Database, site: str | None = None) -> str:
    with database.begin() as connection:
        return digest(connection, site)


def lease_one(ledger: Ledger, url_end: str = "", kinds: Sequence[str] = KINDS) -> Lease:
    """Lease everything that is due; return the row whose address ends so."""
    [found] = [lease for lease in ledger.lease(100, kinds) if lease.url.endswith(url_end)]
    return found


def begin(ledger: Ledger, *links: Link) -> dict[str, Lease]:
    """Make rows and lease them all; by the path of their addresses."""
    ledger.seed(links)
    leases = ledger.lease(1000, KINDS)
    return {lease.url.removeprefix("http://museum.example"): lease for lease in leases}


def state_of(database: Database, path: str) -> str:
    found: str = one(database, "SELECT state FROM frontier WHERE url LIKE :end", end=f"%{path}")
    return found


# Two workers, step by step


@contextlib.contextmanager
def held_before(ledger: Ledger, method: str) -> Iterator[Callable[..., None]]:
    """Stop `ledger` in the middle of its transaction, before `method`.

    Yields a function that records outcomes with another ledger meanwhile, and waits until that is
    done or blocked by a lock that `ledger` holds; then `ledger` goes on.
    """
    reached, go_on = threading.Event(), threading.Event()
    part = part_of(ledger, method)
    original = getattr(part, method)

    def stop(*args: Any, **keywords: Any) -> Any:
        reached.set()
        assert go_on.wait(20)
        return original(*args, **keywords)

    setattr(part, method, stop)
    with ThreadPoolExecutor(2) as threads:
        running: list[Future[None]] = []

        def interleave(first: Sequence[Item], other: Ledger, second: Sequence[Item]) -> None:
            running.append(threads.submit(ledger.record, first))
            assert reached.wait(20)
            running.append(threads.submit(other.record, second))
            wait_until_done_or_blocked(other, running[1])

        try:
            yield interleave
        finally:
            go_on.set()
        for one_of_both in running:
            one_of_both.result(timeout=30)


def part_of(ledger: Ledger, method: str) -> Any:
    return ledger.recorder if hasattr(ledger.recorder, method) else ledger.links


def driver_of(ledger: Ledger) -> Any:
    return ledger.session.connection.connection.dbapi_connection


def wait_until_done_or_blocked(ledger: Ledger, recording: Future[None]) -> None:
    pid = driver_of(ledger).info.backend_pid
    until = time.monotonic() + 20
    while time.monotonic() < until and not recording.done():
        if one(ledger.session.database, "SELECT cardinality(pg_blocking_pids(:pid)) > 0", pid=pid):
            return
        time.sleep(0.01)
    assert recording.done()


class Worker:
    """A worker of the site `museum` whose every step a test decides.

    `starts` are the site's start pages, and `outcome_of` says what fetching a row gives.
    """

    def __init__(
        self, database: Database, starts: Sequence[Link], outcome_of: Callable[[Lease], Item]
    ) -> None:
        self.database, self.starts, self.outcome_of = database, starts, outcome_of
        self.held: list[Lease] = []
        self.ledger: Ledger | None = None

    def lease(self, most: int = 2) -> None:
        if self.ledger is None:
            self.ledger = Ledger(self.database, site="museum")
            self.ledger.open(profile_hash="p", settings={})
            self.ledger.seed(self.starts)
        self.held += self.ledger.lease(most, KINDS)

    def record(self, count: int, *, twice: bool = False) -> None:
        batch, self.held = self.held[:count], self.held[count:]
        if batch and self.ledger is not None:
            for _ in range(1 + twice):
                self.ledger.record([self.outcome_of(lease) for lease in batch])

    def fail(self) -> None:
        if self.held and self.ledger is not None:
            self.ledger.record([failure(self.held.pop())])

    def crash(self) -> None:
        if self.ledger is not None:
            self.ledger.abandon()
        self.ledger, self.held = None, []

    def finish(self) -> None:
        self.crash()
        for _ in range(100):
            self.lease()
            if not self.held:
                assert self.ledger is not None
                self.ledger.close(finish_reason="finished", stats={})
                self.crash()
                return
            self.record(2)
        raise AssertionError("it does not end")


STEPS = st.tuples(
    st.integers(0, 1),
    st.sampled_from(["lease", "lease", "record", "record", "all", "twice", "fail", "crash"]),
)


def perform(workers: Sequence[Worker], steps: Sequence[tuple[int, str]]) -> None:
    """Have the workers take their steps, and end them where they are."""
    for number, step in steps:
        worker = workers[number]
        match step:
            case "lease":
                worker.lease()
            case "record":
                worker.record(1)
            case "all":
                worker.record(1000)
            case "twice":
                worker.record(2, twice=True)
            case "fail":
                worker.fail()
            case "crash":
                worker.crash()
    for worker in workers:
        worker.crash()
