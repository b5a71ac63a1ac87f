"""What a collection job is given while it runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection

from analysis.run_log import count_run
from storage.database import Database
from storage.objects import ObjectStore

Progress = Callable[[int, int], None]
"""Called with how many images are done and how many there are in all."""


@dataclass
class CollectionRun:
    """One run of one collection job, under its lock, with its row in `analysis_runs`."""

    database: Database
    store: ObjectStore
    model_id: int
    run_id: int
    redo: bool = False
    """Whether to begin anew: what the model wrote before is to go."""
    limit: int | None = None
    """Most images to look at, for jobs that go image by image."""
    progress: Progress | None = None
    states: Counter[str] = field(default_factory=Counter)
    """Images by what became of them: done, empty, failed."""
    details: dict[str, int | float | str] = field(default_factory=dict)
    """What people should know besides: `pairs`, `clusters`, …"""
    seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("read", "compute", "write"), 0.0)
    )

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the time inside as spent in `stage`: read, compute or write."""
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - started
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent

    def count(
        self, connection: Connection, *, done: int = 0, empty: int = 0, failed: int = 0
    ) -> None:
        """Count images of this transaction in the run's row and in the summary."""
        count_run(connection, self.run_id, processed=done + empty, failed=failed)
        self.states.update({"done": done, "empty": empty, "failed": failed})

    def tell(self, done: int, total: int) -> None:
        """Tell people how far the run is."""
        if self.progress is not None:
            self.progress(done, total)
