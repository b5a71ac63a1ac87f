"""Passes: image jobs that go over the stored images together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from itertools import islice

from analysis.jobs import ImageJob
from analysis.local import LocalEngine, Results, Seconds, Written
from analysis.pending import count_pending, pending_images, proven_models
from analysis.results import register_model, write_outcomes
from analysis.run_log import JobRun, RunSummary, logged, start_run
from analysis.runs import Progress
from storage.database import Database
from storage.objects import ObjectStore


def passes_of(jobs: Sequence[ImageJob]) -> list[list[ImageJob]]:
    """Sort jobs into those that share a read of each image: of its preview, or of the original.

    Of originals, jobs that want different sizes share what is read, and what is decoded wherever
    the image is shrunk alike for them; a preview is decoded once.
    """
    kinds = (
        [job for job in jobs if job.reads_preview],
        [job for job in jobs if not job.reads_preview],
    )
    return [together for together in kinds if together]


STAGES = ("read", "decode", "compute", "write")


class ImagePass:
    """One walk over the images that are pending for one of several jobs."""

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
        self.runs: dict[int, JobRun] = {}
        with database.begin() as connection:
            for job in jobs:
                model_id = register_model(connection, job.model)
                self.jobs[model_id] = job
                self.runs[model_id] = JobRun(
                    job=job.name,
                    model=job.model,
                    model_id=model_id,
                    run_id=start_run(connection, job.name, model_id, engine.name),
                    seconds=dict.fromkeys(STAGES, 0.0),
                    shared_with=tuple(other.name for other in jobs if other is not job),
                )
            self.proven = proven_models(connection, list(self.jobs))

    def run(self, progress: Progress | None) -> list[RunSummary]:
        """Do the work; return a summary for each job."""
        runs = list(self.runs.values())
        with logged(self.database, runs):
            self._walk(progress)
        return [run.summary() for run in runs]

    def _walk(self, progress: Progress | None) -> None:
        model_ids = sorted(self.jobs)
        total = count_pending(self.database, model_ids, redo=self.redo)
        total = total if self.limit is None else min(total, self.limit)
        done = 0
        if progress is not None:
            progress(done, total)
        if not total:
            return
        self.jobs = {model_id: job.loaded(self.store) for model_id, job in self.jobs.items()}
        images = islice(pending_images(self.database, model_ids, redo=self.redo), self.limit)
        # Closed here and now, so that its threads are gone before the run is logged as ended.
        batches = self.engine.run(images, self.store, self.jobs, self._write, proven=self.proven)
        with closing(batches):
            for written in batches:
                self._count(written)
                done += written.images
                if progress is not None:
                    # Images that came in meanwhile are done as well.
                    progress(done, max(done, total))

    def _write(self, results: Results) -> Seconds:
        seconds: dict[int, float] = {}
        started = time.perf_counter()
        with self.database.begin() as connection:
            for model_id, outcomes in sorted(results.items()):
                began = time.perf_counter()
                if outcomes:
                    job, run_id = self.jobs[model_id], self.runs[model_id].run_id
                    write_outcomes(connection, job, model_id, run_id, outcomes)
                seconds[model_id] = time.perf_counter() - began
        # The transaction's own time, most of it the commit, is everybody's.
        rest = time.perf_counter() - started - sum(seconds.values())
        return {model_id: own + rest / len(seconds) for model_id, own in seconds.items()}

    def _count(self, written: Written) -> None:
        for model_id, outcomes in written.results.items():
            run = self.runs[model_id]
            run.seconds["read"] += written.read
            run.seconds["decode"] += written.decode
            run.seconds["compute"] += written.compute[model_id]
            run.seconds["write"] += written.write[model_id]
            for outcome in outcomes:
                run.states[outcome.state] += 1
                if outcome.fault is not None:
                    run.reasons[outcome.fault.reason] += 1
                    run.retryable += outcome.fault.retryable
