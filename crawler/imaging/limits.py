"""What the threads of an image worker share: its memory, and its patience with decoders."""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

PATIENCE_S = 120.0
"""Seconds of CPU for one image: the largest take 20, and what takes more might never end."""


class Memory:
    """Bytes that may be taken at once; who needs more than is left waits, first come first served.

    What needs more than there is at all has it alone.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Take `size` bytes for the time of the block."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: self._waiting[0] is ticket and self._has(size))
            self._waiting.popleft()
            self._taken += size
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._taken -= size
                self._changed.notify_all()

    def _has(self, size: int) -> bool:
        return not self._taken or self._taken + size <= self._limit


class Patience:
    """Ends the process when a block takes longer than `limit` seconds of its CPU.

    The kernel does: a decoder that never returns may never let another thread run. It is the CPU
    time of all threads, so a machine that is busy with other things takes nothing from it.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._begun: dict[int, float] = {}
        self._numbers = count()
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        number = next(self._numbers)
        with self._lock:
            self._begun[number] = time.process_time()
            self._arm()
        try:
            yield
        finally:
            with self._lock:
                del self._begun[number]
                self._arm()

    def _arm(self) -> None:
        """Set the timer by the block that is under way for the longest."""
        left = 0.0
        if self._begun:
            left = self._limit - (time.process_time() - min(self._begun.values()))
            if left <= 0:  # the timer is set anew so often that it never rings
                signal.raise_signal(signal.SIGPROF)
        signal.setitimer(signal.ITIMER_PROF, left)
