"""What jobs have seen and said: the models, the run log and the result rows in SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, text

from analysis.errors import JobRunning, ModelChanged
from analysis.jobs import ImageJob, ModelSpec, Row
from storage.collection import as_json
from storage.database import Database, told_plainly

PAGE = 1000
"""Pending images that are fetched at once."""

_LOCK = text("SELECT pg_try_advisory_lock(hashtext('artworks.analysis'), hashtext(:job))")
_UNLOCK = text("SELECT pg_advisory_unlock(hashtext('artworks.analysis'), hashtext(:job))")

# A newer version of the default takes its place; a choice of another model stays.
_STEP_DOWN = text("""
    UPDATE models SET is_default = false
    WHERE :is_default AND is_default AND kind = :kind AND head IS NOT DISTINCT FROM :head
      AND name = :name AND version <> :version
      AND NOT EXISTS (SELECT FROM models WHERE name = :name AND version = :version)
""")
_REGISTER = text("""
    INSERT INTO models (name, version, kind, head, params, is_default)
    SELECT :name, :version, :kind, :head, CAST(:params AS jsonb),
           :is_default AND NOT EXISTS (
               SELECT FROM models
               WHERE is_default AND kind = :kind AND head IS NOT DISTINCT FROM :head)
    WHERE NOT EXISTS (SELECT FROM models WHERE name = :name AND version = :version)
    ON CONFLICT (name, version) DO NOTHING
""")
_MODEL = text("SELECT id, params FROM models WHERE name = :name AND version = :version")

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

# What no work shows any more, at no address, is left alone; its results stay.
_PENDING = """
    FROM images i
    WHERE i.sha256 > :after
      AND EXISTS (SELECT FROM image_sources s WHERE s.image_id = i.id AND s.gone_at IS NULL)
      AND (:redo OR :jobs > (
        SELECT count(*) FROM image_results r
        WHERE r.image_id = i.id AND r.model_id = ANY(CAST(:model_ids AS bigint[]))))
"""
_COUNT_PENDING = text(f"SELECT count(*) {_PENDING}")
_PENDING_PAGE = text(f"""
    SELECT i.id, i.sha256, i.object_key, i.preview_key, ARRAY(
        SELECT m FROM unnest(CAST(:model_ids AS bigint[])) m
        WHERE :redo OR NOT EXISTS (
            SELECT FROM image_results r WHERE r.image_id = i.id AND r.model_id = m)
    ) AS model_ids
    {_PENDING}
    ORDER BY i.sha256 LIMIT :page
""")  # noqa: S608 - the constant above

# An image may be taken down while it is analysed: its results have nowhere to go then.
_STILL_THERE = text("SELECT id FROM images WHERE id = ANY(:ids) ORDER BY id FOR KEY SHARE")
_RESULTS = text("""
    INSERT INTO image_results (image_id, model_id, state, reason)
    SELECT image_id, :model_id, state, reason
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(image_id bigint, state text, reason text)
    ORDER BY image_id
    ON CONFLICT (image_id, model_id) DO UPDATE
    SET state = excluded.state, reason = excluded.reason,
        attempts = image_results.attempts + 1, at = now()
""")
_FAILURES = text("""
    INSERT INTO failures (site, url, image_id, stage, reason, detail, retryable, attempts)
    SELECT DISTINCT ON (1, 2) coalesce(source.site, ''), coalesce(source.url, i.object_key), i.id,
           'analysis', r.reason, r.detail, r.retryable, 1
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        image_id bigint, reason text, detail text, retryable boolean)
    JOIN images i ON i.id = r.image_id
    LEFT JOIN LATERAL (
        SELECT a.site, s.url FROM image_sources s JOIN artworks a ON a.id = s.artwork_id
        WHERE s.image_id = i.id ORDER BY s.id LIMIT 1
    ) source ON true
    ORDER BY 1, 2, i.id
    ON CONFLICT (site, url, stage) DO UPDATE
    SET image_id = excluded.image_id, reason = excluded.reason, detail = excluded.detail,
        retryable = excluded.retryable, attempts = failures.attempts + 1, at = now(),
        resolved_at = NULL
""")
_RESOLVE = text("""
    UPDATE failures f SET resolved_at = now()
    WHERE f.stage = 'analysis' AND f.resolved_at IS NULL AND f.image_id = ANY(:ids)
      AND NOT EXISTS (
          SELECT FROM image_results r WHERE r.image_id = f.image_id AND r.state = 'failed')
""")
_RELEASE = text("""
    DELETE FROM image_results r USING failures f
    WHERE r.state = 'failed' AND f.image_id = r.image_id AND f.stage = 'analysis'
      AND f.resolved_at IS NULL AND f.retryable
""")


@dataclass(frozen=True)
class Fault:
    """Why an image has no result.

    Reasons: `object_missing` (the object store has no such key), `compute_failed` (the job raised
    on this image), and those of `storage.images.check_image`.
    """

    reason: str
    detail: str
    retryable: bool


@dataclass(frozen=True)
class Outcome:
    """What a job says of one image: rows, or a fault."""

    image_id: int
    rows: Sequence[Row] = ()
    fault: Fault | None = None

    @property
    def state(self) -> str:
        """The state in `image_results`: done, empty or failed."""
        if self.fault is not None:
            return "failed"
        return "done" if self.rows else "empty"


@dataclass(frozen=True)
class PendingImage:
    """A stored image that some job has not seen yet."""

    id: int
    object_key: str
    preview_key: str
    model_ids: frozenset[int]
    """The models that want it."""


@contextmanager
def job_lock(database: Database, job: str) -> Iterator[None]:
    """Keep other processes from running `job` on this database; a dead process holds no lock.

    Raises JobRunning where one does.
    """
    with told_plainly(database.engine):
        connection = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        with told_plainly(database.engine):
            taken = connection.scalar(_LOCK, {"job": job})
        if not taken:
            raise JobRunning(
                f'the job "{job}" is being run by another process on {database.name}: '
                "wait until it ends, or stop it first."
            )
        try:
            yield
        finally:
            if not connection.invalidated:
                with told_plainly(database.engine):
                    connection.execute(_UNLOCK, {"job": job})
    finally:
        # Never back into the pool: a lock that was not given up goes with its connection.
        connection.invalidate()
        connection.close()


def register_model(connection: Connection, spec: ModelSpec) -> int:
    """Return the id of the model's row, making it when there is none.

    Raises ModelChanged where the row has other parameters: its results would be mixed.
    """
    params = json.dumps(dict(spec.params))
    values = {
        "name": spec.name,
        "version": spec.version,
        "kind": spec.kind,
        "head": spec.head,
        "params": params,
        "is_default": spec.is_default,
    }
    connection.execute(_STEP_DOWN, values)
    connection.execute(_REGISTER, values)
    row = connection.execute(_MODEL, {"name": spec.name, "version": spec.version}).one()
    if row.params != json.loads(params):
        raise ModelChanged(
            f"the model {spec.name} {spec.version} is registered with the parameters "
            f"{row.params}, and the job has {dict(spec.params)}: give it a new version."
        )
    return int(row.id)


def start_run(connection: Connection, job: str, model_id: int, engine: str) -> int:
    """Log the beginning of a run, and the end of killed ones; return its id."""
    connection.execute(_BURY_RUNS, {"job": job})
    values = {"job": job, "model_id": model_id, "engine": engine}
    return int(connection.execute(_START_RUN, values).scalar_one())


def finish_run(
    connection: Connection, run_id: int, state: str, seconds: Mapping[str, float]
) -> None:
    """Log the end of a run: `done`, `failed` or `interrupted`, and seconds by stage."""
    values = {"run_id": run_id, "state": state, "seconds": json.dumps(dict(seconds))}
    connection.execute(_FINISH_RUN, values)


def count_pending(database: Database, model_ids: Sequence[int], *, redo: bool) -> int:
    """Count images that one of the models has not seen; all images with `redo`."""
    values = {"model_ids": list(model_ids), "jobs": len(model_ids), "redo": redo, "after": ""}
    with database.begin() as connection:
        return int(connection.execute(_COUNT_PENDING, values).scalar_one())


def pending_images(
    database: Database, model_ids: Sequence[int], *, redo: bool, page: int = PAGE
) -> Iterator[PendingImage]:
    """Yield images that one of the models has not seen, in the order of their keys.

    Fetched page by page, each in a transaction of its own, so that neither the list nor a
    transaction grows with the collection.
    """
    values = {"model_ids": list(model_ids), "jobs": len(model_ids), "redo": redo, "page": page}
    after = ""
    while True:
        with database.begin() as connection:
            rows = connection.execute(_PENDING_PAGE, {**values, "after": after}).all()
        for row in rows:
            yield PendingImage(row.id, row.object_key, row.preview_key, frozenset(row.model_ids))
        if len(rows) < page:
            return
        after = rows[-1].sha256


def write_outcomes(
    connection: Connection, job: ImageJob, model_id: int, run_id: int, outcomes: Sequence[Outcome]
) -> None:
    """Write what a job says of a batch of images; repeating it changes nothing.

    The rows of an image are replaced, since a rerun may have fewer.
    """
    ids = [outcome.image_id for outcome in outcomes]
    there = set(connection.scalars(_STILL_THERE, {"ids": ids}))
    outcomes = [outcome for outcome in outcomes if outcome.image_id in there]
    columns = job.table.c
    connection.execute(
        delete(job.table).where(columns.image_id.in_(there), columns.model_id == model_id)
    )
    rows = [
        {"image_id": outcome.image_id, "model_id": model_id, **row}
        for outcome in sorted(outcomes, key=lambda outcome: outcome.image_id)
        for row in outcome.rows
    ]
    if rows:
        connection.execute(insert(job.table), rows)
    results = [
        {
            "image_id": outcome.image_id,
            "state": outcome.state,
            "reason": outcome.fault.reason if outcome.fault else None,
        }
        for outcome in outcomes
    ]
    connection.execute(_RESULTS, {"rows": as_json(results), "model_id": model_id})
    faults = [
        {
            "image_id": outcome.image_id,
            "reason": outcome.fault.reason,
            "detail": f"{job.name}: {outcome.fault.detail}",
            "retryable": outcome.fault.retryable,
        }
        for outcome in outcomes
        if outcome.fault is not None
    ]
    if faults:
        connection.execute(_FAILURES, {"rows": as_json(faults)})
    if len(faults) < len(outcomes):
        connection.execute(_RESOLVE, {"ids": sorted(there)})
    counts = {"run_id": run_id, "processed": len(outcomes) - len(faults), "failed": len(faults)}
    connection.execute(_COUNT_RUN, counts)


def release_failures(connection: Connection) -> int:
    """Make images whose analysis failed retryably pending again; return how many results."""
    return connection.execute(_RELEASE).rowcount
