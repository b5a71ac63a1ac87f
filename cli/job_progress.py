"""How jobs get on: a bar with rate and time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.console import ACCENT, duration, remark, stderr

if TYPE_CHECKING:
    from rich.progress import Progress, Task, TaskID

EVERY = 30.0
"""Seconds between two lines."""


@dataclass
class Lines:
    """Progress in lines, for logs: what takes less than EVERY seconds says nothing."""

    say: Callable[[str], None] = remark
    clock: Callable[[], float] = time.monotonic
    names: str = ""
    started: float = 0.0
    last: float = 0.0

    def announce(self, names: Sequence[str]) -> None:
        """Say of which jobs the following is."""
        self.names = ", ".join(names)
        self.started = self.last = self.clock()

    def tell(self, done: int, total: int) -> None:
        """Say how many images are done, when it is time to."""
        now = self.clock()
        if now - self.last < EVERY:
            return
        self.last = now
        rate = done / (now - self.started)
        left = f", about {duration((total - done) / rate)} left" if done else ""
        self.say(f"{self.names}: {done} of {total} images, {rate:,.0f}/s{left}")


@dataclass
class Bar:
    """Progress as a bar."""

    bars: Progress
    task: TaskID | None = None

    def announce(self, names: Sequence[str]) -> None:
        """Begin a bar for these jobs in the place of the last one."""
        if self.task is not None:
            self.bars.remove_task(self.task)
        self.task = self.bars.add_task(", ".join(names), total=None)

    def tell(self, done: int, total: int) -> None:
        """Move the bar."""
        if self.task is not None:
            self.bars.update(self.task, completed=done, total=total)


@contextmanager
def job_progress() -> Iterator[Bar | Lines]:
    """Show people on standard error how jobs get on."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    with _bars() as bars:
        yield Bar(bars)


def _bars() -> Progress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class RateColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f} images/s", style="dim")

    return Progress(
        SpinnerColumn(style=ACCENT),
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(compact=True),
        console=stderr(),
        transient=True,
    )
