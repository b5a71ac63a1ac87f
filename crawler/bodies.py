"""Bodies on their way: how many bytes of them the crawl holds at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_AGAIN_S = 0.05


class Body:
    """A body that is being received."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.size = 0

    async def grow(self, count: int) -> None:
        """Note that bytes arrived; wait for room before more are asked for."""
        self.size += count
        while self._bodies.must_wait(self):
            await asyncio.sleep(LOOK_AGAIN_S)


class Bodies:
    """Lets bodies grow side by side up to a limit; beyond it, only the oldest one.

    The byte limit of one answer does not bound a crawl: dozens are under way. What waits is not
    read, so its server waits too.
    """

    def __init__(self, limit: int, held: Callable[[], int]) -> None:
        """`limit` is in bytes; `held` tells how many were received and are not dealt with yet."""
        self._limit = limit
        self._held = held
        self._growing: dict[Body, None] = {}

    @contextmanager
    def body(self) -> Iterator[Body]:
        """Give a body its place for the time of the block."""
        body = Body(self)
        self._growing[body] = None
        try:
            yield body
        finally:
            del self._growing[body]

    def must_wait(self, body: Body) -> bool:
        """Whether a body may not grow for now."""
        if body is next(iter(self._growing)):
            return False
        return sum(one.size for one in self._growing) + self._held() > self._limit
