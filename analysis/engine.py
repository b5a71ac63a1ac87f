"""Running jobs: what is pending is computed and written, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from analysis.catalog import make_jobs
from analysis.jobs import CollectionJob, ImageJob, Job
from analysis.local import LocalEngine
from analysis.passes import ImagePass, passes_of
from analysis.results import job_lock, register_model
from analysis.run_log import JobRun, RunSummary, logged, start_run
from analysis.runs import CollectionRun, Progress
from storage.database import Database
from storage.objects import ObjectStore

__all__ = ["Announce", "Progress", "RunSummary", "run_jobs"]

Announce = Callable[[Sequence[str]], None]
"""Called with the names of the jobs that begin now."""


def run_jobs(
    database: Database,
    store: ObjectStore,
    jobs: Sequence[str | Job],
    *,
    limit: int | None = None,
    redo: bool = False,
    progress: Progress | None = None,
    announce: Announce | None = None,
    engine: LocalEngine | None = None,
) -> list[RunSummary]:
    """Run jobs over what they have not seen yet: image jobs first, then collection jobs.

    Image jobs share one read of each image (see `analysis.passes`). An image that cannot be read,
    decoded or computed is written down with its reason, and the run goes on; whatever stops the
    run, what was written stays, and the next run continues.

    Args:
        database: an open, migrated database.
        store: where the images are.
        jobs: names of jobs (see `analysis.catalog`), or jobs.
        limit: most images that are looked at.
        redo: look at all images again, those that failed included.
        progress: called with images done and images in all after each batch; several times from
            the beginning where jobs cannot go together.
        announce: called before with the names of the jobs that `progress` speaks of.
        engine: how the work is scheduled; by default, in this process.

    Returns one summary for each job, in their order; `labels` may stand for none.

    Raises UnknownJob, NoClassifier, JobRunning where another process runs one of the jobs,
    JobBroken where a job fails on image after image, ModelChanged, ObjectStoreUnavailable and
    DatabaseUnavailable.
    """
    made = [make_jobs(job, database) if isinstance(job, str) else (job,) for job in jobs]
    chosen = {job.name: job for several in made for job in several}
    engine = engine or LocalEngine()
    summaries: dict[str, RunSummary] = {}
    with ExitStack() as locks:
        # In the order of names, so that two runs of several jobs cannot wait for each other.
        for name in sorted(chosen):
            locks.enter_context(job_lock(database, name))
        for together in passes_of([job for job in chosen.values() if isinstance(job, ImageJob)]):
            if announce is not None:
                announce([job.name for job in together])
            one_pass = ImagePass(database, store, together, engine, limit=limit, redo=redo)
            summaries |= {summary.job: summary for summary in one_pass.run(progress)}
        for job in chosen.values():
            if isinstance(job, CollectionJob):
                if announce is not None:
                    announce([job.name])
                summaries[job.name] = _run_collection_job(
                    database, store, job, engine.name, limit=limit, redo=redo, progress=progress
                )
    return [summaries[name] for name in chosen]


def _run_collection_job(
    database: Database,
    store: ObjectStore,
    job: CollectionJob,
    engine: str,
    *,
    limit: int | None,
    redo: bool,
    progress: Progress | None,
) -> RunSummary:
    with database.begin() as connection:
        model_id = register_model(connection, job.model)
        run_id = start_run(connection, job.name, model_id, engine)
    run = CollectionRun(database, store, model_id, run_id, redo, limit, progress)
    row = JobRun(
        job=job.name,
        model=job.model,
        model_id=model_id,
        run_id=run_id,
        seconds=run.seconds,
        states=run.states,
        details=run.details,
    )
    with logged(database, [row]):
        job.walk(run)
    return row.summary()
