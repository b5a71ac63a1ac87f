"""The thread that talks to the database, and the batching of what it writes.

Everything here but the database calls happens on the event loop, so there are no locks. While
one batch is being committed the next one gathers, so batches grow by themselves under load.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from crawler.frontier.protocol import Frontier
from crawler.items import Item

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

BATCH_ITEMS = 64
LINGER_S = 0.05


class Writer:
    """Commits outcomes in batches, and runs the ledger's other calls between them."""

    def __init__(self, ledger: Frontier) -> None:
        self._ledger = ledger
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._gathered: list[tuple[Item, asyncio.Future[None]]] = []
        self._flushing = False
        self.batches = 0

    @property
    def waiting(self) -> int:
        """Outcomes not committed yet."""
        return len(self._gathered)

    async def record(self, item: Item) -> None:
        """Return when the outcome is committed; raise what the database raised otherwise."""
        loop = asyncio.get_running_loop()
        committed: asyncio.Future[None] = loop.create_future()
        self._gathered.append((item, committed))
        if not self._flushing:
            self._flushing = True
            loop.call_later(LINGER_S, self._start_flush, loop)
        await committed

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one of the ledger's methods on its thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: function(*args, **kwargs))

    def close(self) -> None:
        """End the thread; nothing may be waiting."""
        self._thread.shutdown(wait=True)

    def _start_flush(self, loop: asyncio.AbstractEventLoop) -> None:
        batch = self._gathered[:BATCH_ITEMS]
        done = loop.run_in_executor(self._thread, self._ledger.record, [item for item, _ in batch])
        done.add_done_callback(lambda future: self._flushed(loop, batch, future))

    def _flushed(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: list[tuple[Item, asyncio.Future[None]]],
        done: asyncio.Future[None],
    ) -> None:
        del self._gathered[: len(batch)]
        self.batches += 1
        error = done.exception()
        for _, committed in batch:
            if committed.cancelled():
                continue
            if error is None:
                committed.set_result(None)
            else:
                committed.set_exception(error)
        if self._gathered:
            self._start_flush(loop)
        else:
            self._flushing = False
