"""The writer's batches, with a ledger in memory that writes down what it is asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from support.outcomes import failure, unchanged

from crawler.frontier import writer as module
from crawler.frontier.writer import Writer
from crawler.items import Item, Lease


def lease(number: int) -> Lease:
    return Lease(number, f"http://x/{number}", str(number), "x", "listing", 0, 0, 1, None, None, {})


class FakeLedger:
    """Keeps batches; `hold` lets a test decide when a commit ends, `broken` makes it fail."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.threads: set[int] = set()
        self.hold = threading.Event()
        self.hold.set()
        self.broken: Exception | None = None

    def record(self, items: Sequence[Item]) -> None:
        assert self.hold.wait(10)
        self.threads.add(threading.get_ident())
        self.batches.append([item.lease.id for item in items])
        if self.broken is not None:
            raise self.broken

    def add(self, a: int, b: int = 0) -> int:
        self.threads.add(threading.get_ident())
        return a + b


def make() -> tuple[FakeLedger, Writer]:
    ledger = FakeLedger()
    return ledger, Writer(ledger)  # type: ignore[arg-type]


def test_outcomes_of_a_moment_are_one_batch_in_order() -> None:
    async def run() -> None:
        await asyncio.gather(*(writer.record(unchanged(lease(number))) for number in range(10)))
        assert writer.waiting == 0
        await writer.record(failure(lease(10)))

    ledger, writer = make()
    asyncio.run(run())
    writer.close()
    assert ledger.batches == [list(range(10)), [10]]
    assert writer.batches == 2


def test_batches_are_bounded_and_gather_while_one_is_committed() -> None:
    async def run() -> None:
        ledger.hold.clear()
        first = asyncio.ensure_future(writer.record(unchanged(lease(0))))
        await asyncio.sleep(2 * module.LINGER_S)
        rest = [
            asyncio.ensure_future(writer.record(unchanged(lease(number))))
            for number in range(1, 2 * module.BATCH_ITEMS)
        ]
        await asyncio.sleep(0)
        assert writer.waiting == 2 * module.BATCH_ITEMS
        assert not first.done()
        ledger.hold.set()
        await asyncio.gather(first, *rest)

    ledger, writer = make()
    asyncio.run(run())
    writer.close()
    assert [len(batch) for batch in ledger.batches] == [1, 64, 63]
    assert [number for batch in ledger.batches for number in batch] == list(range(128))


def test_an_outcome_is_acknowledged_only_when_its_batch_is_committed() -> None:
    async def run() -> None:
        ledger.hold.clear()
        recording = asyncio.ensure_future(writer.record(unchanged(lease(1))))
        await asyncio.sleep(3 * module.LINGER_S)
        assert not recording.done()
        ledger.hold.set()
        await recording
        assert ledger.batches == [[1]]

    ledger, writer = make()
    asyncio.run(run())
    writer.close()


def test_what_the_database_raised_reaches_all_of_the_batch_and_none_of_the_next() -> None:
    async def run() -> list[Any]:
        ledger.broken = RuntimeError("no room")
        failed = await asyncio.gather(
            *(writer.record(unchanged(lease(number))) for number in range(3)),
            return_exceptions=True,
        )
        ledger.broken = None
        await writer.record(unchanged(lease(3)))
        return failed

    ledger, writer = make()
    failed = asyncio.run(run())
    writer.close()
    assert [str(error) for error in failed] == ["no room"] * 3
    assert ledger.batches == [[0, 1, 2], [3]]


def test_an_outcome_that_nobody_waits_for_any_more_is_still_recorded() -> None:
    async def run() -> None:
        impatient = asyncio.ensure_future(writer.record(unchanged(lease(1))))
        patient = asyncio.ensure_future(writer.record(unchanged(lease(2))))
        await asyncio.sleep(0)
        impatient.cancel()
        await patient

    ledger, writer = make()
    asyncio.run(run())
    writer.close()
    assert ledger.batches == [[1, 2]]


def test_calls_run_on_the_one_thread_that_records() -> None:
    async def run() -> int:
        recording = asyncio.ensure_future(writer.record(unchanged(lease(1))))
        found = await writer.call(ledger.add, 2, b=3)
        await recording
        return found

    ledger, writer = make()
    assert asyncio.run(run()) == 5
    writer.close()
    assert len(ledger.threads) == 1
    assert threading.get_ident() not in ledger.threads


def test_closing_waits_for_what_was_begun_and_takes_nothing_more() -> None:
    async def run() -> None:
        ledger.hold.clear()
        calling = asyncio.ensure_future(writer.call(ledger.record, [unchanged(lease(1))]))
        await asyncio.sleep(0.02)
        threading.Timer(0.05, ledger.hold.set).start()
        writer.close()
        assert ledger.batches == [[1]]
        await calling
        with pytest.raises(RuntimeError):
            await writer.call(ledger.add, 1)

    ledger, writer = make()
    asyncio.run(run())
