"""What jobs say of images, in SQL: their models, their locks and their rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, delete, insert, text

from analysis.embeddings.copying import copy_rows, stacked
from analysis.errors import JobRunning, ModelChanged
from analysis.jobs import ImageJob, ModelSpec, Row
from analysis.outcomes import Outcome
from analysis.run_log import count_run
from storage.collection import as_json
from storage.database import Database, told_plainly
from storage.models import ImageEmbedding

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


def write_outcomes(
    connection: Connection, job: ImageJob, model_id: int, run_id: int, outcomes: Sequence[Outcome]
) -> None:
    """Write what a job says of a batch of images; repeating it changes nothing.

    The rows of an image are replaced, since a rerun may have fewer.
    """
    ids = [outcome.image_id for outcome in outcomes]
    there = set(connection.scalars(_STILL_THERE, {"ids": ids}))
    outcomes = [outcome for outcome in outcomes if outcome.image_id in there]
    said = {
        outcome.image_id: outcome.rows
        for outcome in sorted(outcomes, key=lambda outcome: outcome.image_id)
    }
    if job.write is not None:
        job.write(connection, model_id, said)
    else:
        _replace_rows(connection, job, model_id, said)
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
    done = len(outcomes) - len(faults)
    count_run(connection, run_id, processed=done, failed=len(faults))


def _replace_rows(
    connection: Connection, job: ImageJob, model_id: int, said: Mapping[int, Sequence[Row]]
) -> None:
    columns = job.table.c
    connection.execute(
        delete(job.table).where(columns.image_id.in_(said), columns.model_id == model_id)
    )
    rows = [
        {"image_id": image_id, "model_id": model_id, **row}
        for image_id, of_image in said.items()
        for row in of_image
    ]
    if rows and job.table is ImageEmbedding.__table__:
        images = [row["image_id"] for row in rows]
        copy_rows(connection, model_id, images, stacked([row["embedding"] for row in rows]))
    elif rows:
        connection.execute(insert(job.table), rows)
