"""Running image jobs: what is pending is computed and written, whatever happens in between."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from analysis.catalog import image_job
from analysis.jobs import ImageJob
from analysis.local import STAGES, LocalEngine, Results, Written, add_seconds
from analysis.results import (
    count_pending,
    finish_run,
    job_lock,
    pending_images,
    register_model,
    start_run,
    write_outcomes,
)
from storage.database import Database
from storage.errors import DatabaseUnavailable
from storage.objects import ObjectStore

Progress = Callable[[int, int], None]
"""Called with how many images are done and how many there are in all."""


@dataclass(frozen=True)
class RunSummary:
    """What one run of one job did."""

    job: str
    model: str
    version: str
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
    """Seconds by stage: read, decode, compute, write, threads added up; and `total`, by the clock.
    Jobs of one pass share them."""

    def as_dict(self) -> dict[str, Any]:
        """Return the summary for JSON."""
        return {
            "job": self.job,
            "model": self.model,
            "version": self.version,
            "run_id": self.run_id,
            "done": self.done,
            "empty": self.empty,
            "failed": self.failed,
            "retryable": self.retryable,
            "reasons": dict(self.reasons),
            "seconds": {stage: round(value, 4) for stage, value in self.seconds.items()},
        }


@dataclass
class _Tally:
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    retryable: int = 0


def run_jobs(
    database: Database,
    store: ObjectStore,
    jobs: Sequence[str | ImageJob],
    *,
    limit: int | None = None,
    redo: bool = False,
    progress: Progress | None = None,
    engine: LocalEngine | None = None,
) -> list[RunSummary]:
    """Run image jobs, by name, over every stored image that they have not seen.

    Jobs that need the same input share one read and one decode of each image. An image that
    cannot be read, decoded or computed is written down with its reason, and the run goes on;
    whatever stops the run, what was written stays, and the next run continues.

    Args:
        database: an open, migrated database.
        store: where the images are.
        jobs: names of jobs (see `analysis.catalog`), or jobs.
        limit: most images that are looked at.
        redo: look at all images again, those that failed included.
        progress: called after each batch.
        engine: how the work is scheduled; by default, in this process.

    Returns one summary for each job, in their order.

    Raises UnknownJob, JobRunning where another process runs one of the jobs, ModelChanged,
    ObjectStoreUnavailable and DatabaseUnavailable.
    """
    chosen = {job.name: job for job in (_resolved(job) for job in jobs)}
    engine = engine or LocalEngine()
    summaries: dict[str, RunSummary] = {}
    with ExitStack() as locks:
        # In the order of names, so that two runs of several jobs cannot wait for each other.
        for name in sorted(chosen):
            locks.enter_context(job_lock(database, name))
        inputs: dict[object, list[ImageJob]] = {}
        for job in chosen.values():
            key = "preview" if job.reads_preview else job.input_px
            inputs.setdefault(key, []).append(job)
        for together in inputs.values():
            one_pass = _Pass(database, store, together, engine, limit=limit, redo=redo)
            summaries |= one_pass.run(progress)
    return [summaries[name] for name in chosen]


def _resolved(job: str | ImageJob) -> ImageJob:
    return image_job(job) if isinstance(job, str) else job


class _Pass:
    """One walk over the pending images of jobs that need the same input."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        jobs: Sequence[ImageJob],
        engine: LocalEngine,
        *,
        limit: int | None,
        redo: bool,
    ) -> None:
        self.database = database
        self.store = store
        self.engine = engine
        self.limit = limit
        self.redo = redo
        self.jobs: dict[int, ImageJob] = {}
        self.runs: dict[int, int] = {}
        self.tallies: dict[int, _Tally] = {}
        self.seconds: dict[str, float] = dict.fromkeys(STAGES, 0.0)
        with database.begin() as connection:
            for job in jobs:
                model_id = register_model(connection, job.model)
                self.jobs[model_id] = job
                self.tallies[model_id] = _Tally()
                self.runs[model_id] = start_run(connection, job.name, model_id, engine.name)

    def run(self, progress: Progress | None) -> dict[str, RunSummary]:
        """Do the work; return the summaries by the jobs' names."""
        started = time.perf_counter()
        try:
            self._walk(progress)
        except BaseException as error:
            state = "failed" if isinstance(error, Exception) else "interrupted"
            # Without a database there is nowhere to say so; the next run will.
            with suppress(DatabaseUnavailable):
                self._finish(state, started)
            raise
        self._finish("done", started)
        return {job.name: self._summary(model_id, job) for model_id, job in self.jobs.items()}

    def _walk(self, progress: Progress | None) -> None:
        model_ids = sorted(self.jobs)
        total = count_pending(self.database, model_ids, redo=self.redo)
        total = total if self.limit is None else min(total, self.limit)
        done = 0
        if progress is not None:
            progress(done, total)
        images = islice(pending_images(self.database, model_ids, redo=self.redo), self.limit)
        # Closed here and now, so that its threads are gone before the run is logged as ended.
        with closing(self.engine.run(images, self.store, self.jobs, self._write)) as batches:
            for written in batches:
                self._count(written)
                done += written.images
                if progress is not None:
                    # Images that came in meanwhile are done as well.
                    progress(done, max(done, total))

    def _write(self, results: Results) -> None:
        with self.database.begin() as connection:
            for model_id, outcomes in sorted(results.items()):
                if outcomes:
                    job, run_id = self.jobs[model_id], self.runs[model_id]
                    write_outcomes(connection, job, model_id, run_id, outcomes)

    def _count(self, written: Written) -> None:
        add_seconds(self.seconds, written.seconds)
        for model_id, outcomes in written.results.items():
            tally = self.tallies[model_id]
            for outcome in outcomes:
                tally.states[outcome.state] += 1
                if outcome.fault is not None:
                    tally.reasons[outcome.fault.reason] += 1
                    tally.retryable += outcome.fault.retryable

    def _finish(self, state: str, started: float) -> None:
        self.seconds["total"] = time.perf_counter() - started
        with self.database.begin() as connection:
            for run_id in self.runs.values():
                finish_run(connection, run_id, state, self.seconds)

    def _summary(self, model_id: int, job: ImageJob) -> RunSummary:
        tally = self.tallies[model_id]
        return RunSummary(
            job=job.name,
            model=job.model.name,
            version=job.model.version,
            run_id=self.runs[model_id],
            done=tally.states["done"],
            empty=tally.states["empty"],
            failed=tally.states["failed"],
            retryable=tally.retryable,
            reasons=dict(tally.reasons),
            seconds=dict(self.seconds),
        )
