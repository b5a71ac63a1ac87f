"""The log of runs: a row in `analysis_runs` from beginning to end, and a summary for people."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from analysis.errors import JobBroken
from analysis.jobs import ModelSpec
from storage.database import Database
from storage.errors import DatabaseUnavailable

# Whoever holds the job's lock knows that no other run of it is alive.
_BURY_RUNS = text(
    "UPDATE analysis_runs SET state = 'interrupted' WHERE job = :job AND state = 'running'"
)
_START_RUN = text("""
    INSERT INTO analysis_runs (job, model_id, engine, state)
    VALUES (:job, :model_id, :engine, 'running') RETURNING id
""")
_COUNT_RUN = text("""
    UPDATE analysis_runs SET processed = processed + :processed, failed = failed + :failed
    WHERE id = :run_id
""")
_FINISH_RUN = text("""
    UPDATE analysis_runs
    SET state = :state, finished_at = now(), seconds = CAST(:seconds AS jsonb) WHERE id = :run_id
""")


@dataclass(frozen=True)
class RunSummary:
    """What one run of one job did."""

    job: str
    model: str
    version: str
    model_id: int
    run_id: int
    """Row of `analysis_runs`."""
    done: int
    """Images that have rows now."""
    empty: int
    """Images of which the job has nothing to say."""
    failed: int
    retryable: int
    """Failed images for which another try may help."""
    reasons: Mapping[str, int]
    """Failed images by reason."""
    seconds: Mapping[str, float]
    """Seconds by stage: read, decode, compute and write, threads added up; and `total`, by the
    clock."""
    shared_with: Sequence[str] = ()
    """Jobs that went along: read, decode and total are theirs too, compute and write are not."""
    details: Mapping[str, int | float | str] = field(default_factory=dict)
    """What else a job has to tell: `pairs`, `classes`, …"""

    @property
    def images(self) -> int:
        """Images that were looked at."""
        return self.done + self.empty + self.failed

    def as_dict(self) -> dict[str, Any]:
        """Return the summary for JSON."""
        return {
            "job": self.job,
            "model": self.model,
            "version": self.version,
            "run_id": self.run_id,
            "images": self.images,
            "done": self.done,
            "empty": self.empty,
            "failed": self.failed,
            "retryable": self.retryable,
            "reasons": dict(self.reasons),
            "seconds": {stage: round(value, 4) for stage, value in self.seconds.items()},
            "shared_with": list(self.shared_with),
            "details": dict(self.details),
        }


@dataclass
class JobRun:
    """A run of one job while it goes on."""

    job: str
    model: ModelSpec
    model_id: int
    run_id: int
    seconds: dict[str, float]
    shared_with: tuple[str, ...] = ()
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    retryable: int = 0
    details: dict[str, int | float | str] = field(default_factory=dict)

    def summary(self) -> RunSummary:
        """Return what was done so far."""
        return RunSummary(
            job=self.job,
            model=self.model.name,
            version=self.model.version,
            model_id=self.model_id,
            run_id=self.run_id,
            done=self.states["done"],
            empty=self.states["empty"],
            failed=self.states["failed"],
            retryable=self.retryable,
            reasons=dict(self.reasons),
            seconds=dict(self.seconds),
            shared_with=self.shared_with,
            details=dict(self.details),
        )


def start_run(connection: Connection, job: str, model_id: int, engine: str) -> int:
    """Log the beginning of a run, and the end of killed ones; return its id."""
    connection.execute(_BURY_RUNS, {"job": job})
    values = {"job": job, "model_id": model_id, "engine": engine}
    return int(connection.execute(_START_RUN, values).scalar_one())


def count_run(connection: Connection, run_id: int, *, processed: int, failed: int = 0) -> None:
    """Add images to the row of a run."""
    values = {"run_id": run_id, "processed": processed, "failed": failed}
    connection.execute(_COUNT_RUN, values)


def finish_run(
    connection: Connection, run_id: int, state: str, seconds: Mapping[str, object]
) -> None:
    """Log the end of a run: `done`, `failed` or `interrupted`, and seconds by stage."""
    values = {"run_id": run_id, "state": state, "seconds": json.dumps(dict(seconds))}
    connection.execute(_FINISH_RUN, values)


@contextmanager
def logged(database: Database, runs: Sequence[JobRun]) -> Iterator[None]:
    """Log the end of runs that go together, however it comes, and how long they took.

    What ends the program (Ctrl-C) interrupts them; so does the fault of one the others.
    """
    started = time.perf_counter()

    def finish(states: Mapping[int, str]) -> None:
        total = time.perf_counter() - started
        for run in runs:
            run.seconds["total"] = total
        with database.begin() as connection:
            for run in runs:
                seconds: dict[str, object] = dict(run.seconds)
                if run.shared_with:
                    seconds["shared_with"] = run.shared_with
                finish_run(connection, run.run_id, states[run.run_id], seconds)

    try:
        yield
    except BaseException as error:
        # Without a database there is nowhere to say so; the next run will.
        with suppress(DatabaseUnavailable):
            finish({run.run_id: _ending(run, error) for run in runs})
        raise
    finish({run.run_id: "done" for run in runs})


def _ending(run: JobRun, error: BaseException) -> str:
    blameless = isinstance(error, JobBroken) and error.job != run.job
    return "interrupted" if blameless or not isinstance(error, Exception) else "failed"
