"""How far each job is: images by state, what is pending, and the last run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from analysis.catalog import JOBS, make_jobs
from analysis.errors import NetworkUnavailable
from analysis.jobs import CollectionJob, Job
from analysis.pending import count_pending
from storage.database import Database

_MODEL = text("SELECT id FROM models WHERE name = :name AND version = :version")
_STATES = text("""
    SELECT state, count(*) AS images FROM image_results WHERE model_id = :model_id GROUP BY state
""")
_LAST_RUN = text("""
    SELECT id, state, started_at, finished_at, processed, failed,
           CAST(seconds ->> 'total' AS float8) AS seconds
    FROM analysis_runs WHERE job = :job ORDER BY id DESC LIMIT 1
""")


@dataclass(frozen=True)
class LastRun:
    """The last run of a job, of whatever model."""

    id: int
    state: str
    """running, done, failed or interrupted; a killed run is `running` until the next one."""
    started_at: datetime
    finished_at: datetime | None
    processed: int
    failed: int
    seconds: float | None
    """From beginning to end, by the clock; None while it goes on, or where it was killed."""

    @property
    def rate(self) -> float | None:
        """Images for each second; None where there were none."""
        images = self.processed + self.failed
        return images / self.seconds if images and self.seconds else None


@dataclass(frozen=True)
class JobState:
    """A job, with the images that its present model has seen."""

    job: str
    model: str
    version: str
    done: int | None
    """None, as the two and `pending` below: it looks at the collection as a whole."""
    empty: int | None
    failed: int | None
    pending: int | None
    """Images of works that it has not looked at."""
    last: LastRun | None
    unavailable: str | None = None
    """Why the job cannot run on this machine, and what helps; None: it can."""

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON; times in ISO 8601."""
        last = self.last
        return {
            "job": self.job,
            "model": self.model,
            "version": self.version,
            "done": self.done,
            "empty": self.empty,
            "failed": self.failed,
            "pending": self.pending,
            "unavailable": self.unavailable,
            "last_run": last
            and {
                "id": last.id,
                "state": last.state,
                "started_at": last.started_at.isoformat(),
                "finished_at": last.finished_at and last.finished_at.isoformat(),
                "processed": last.processed,
                "failed": last.failed,
                "seconds": last.seconds,
                "images_per_second": last.rate,
            },
        }


def job_states(database: Database, names: Sequence[str] = ()) -> list[JobState]:
    """Return how far jobs are, by name or all of them, in the order in which they run.

    Raises UnknownJob, and NoClassifier where the labels of a head are named that has none.
    """
    states: dict[str, JobState] = {}
    for name in names or JOBS:
        try:
            jobs = make_jobs(name, database)
        except NetworkUnavailable as error:
            # Which version it would be, the weights say that are not here.
            states[name] = _state(database, name, None, str(error))
            continue
        states |= {job.name: _state(database, job.name, job) for job in jobs}
    return list(states.values())


def _state(
    database: Database, name: str, job: Job | None, unavailable: str | None = None
) -> JobState:
    model, version = ("", "") if job is None else (job.model.name, job.model.version)
    by_image = not isinstance(job, CollectionJob) or job.by_image
    with database.begin() as connection:
        model_id = connection.scalar(_MODEL, {"name": model, "version": version})
        images = {} if model_id is None else _images(connection, model_id)
        last = connection.execute(_LAST_RUN, {"job": name}).mappings().one_or_none()
    return JobState(
        job=name,
        model=model,
        version=version,
        done=images.get("done", 0) if by_image else None,
        empty=images.get("empty", 0) if by_image else None,
        failed=images.get("failed", 0) if by_image else None,
        pending=_pending(database, model_id) if by_image else None,
        last=None if last is None else LastRun(**last),
        unavailable=unavailable,
    )


def _images(connection: Connection, model_id: int) -> dict[str, int]:
    found = connection.execute(_STATES, {"model_id": model_id})
    return {row.state: row.images for row in found}


def _pending(database: Database, model_id: int | None) -> int:
    """Count what a model has not seen, which is everything where it has no row yet."""
    seen_by = () if model_id is None else (model_id,)
    return count_pending(database, seen_by, redo=model_id is None)
