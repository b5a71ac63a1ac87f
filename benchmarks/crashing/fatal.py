"""Dying at the count'th passage, once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path


def at_passage(number: int, die: Callable[[], None]) -> Callable[[], None]:
    """Return a hook that calls `die` when it is called for the `number`th time."""
    passages = count(1)
    counting = threading.Lock()

    def hook() -> None:
        with counting:
            if next(passages) == number:
                die()

    return hook


def die() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_with(crawl: int) -> None:
    """End the crawl of that pid and this worker of it, as a machine that stops does."""
    if os.getppid() == crawl:  # else it is gone, and its pid may be another's
        os.kill(crawl, signal.SIGKILL)
    die()


def die_once(mark: Path) -> None:
    """End this process unless another one left the mark before: its successor lives."""
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    die()
