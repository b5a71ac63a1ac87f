"""Collection jobs: run by the engine under a lock, logged, and after the image jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg2
import pytest
from sqlalchemy import text
from support.databases import one, sql

from analysis.colors.job import COLORS
from analysis.engine import run_jobs
from analysis.errors import JobRunning
from analysis.jobs import CollectionJob, ModelSpec
from analysis.results import job_lock
from analysis.runs import CollectionRun
from storage.database import Database
from storage.embedded.postgres import EmbeddedPostgres
from storage.errors import DatabaseUnavailable, ExitCode
from storage.objects import ObjectStore

AddWork = Callable[..., int]

SPEC = ModelSpec(name="counter", version="1", kind="counts", params={"from": "image_results"})


def counter(walk: Callable[[CollectionRun], None], name: str = "counter") -> CollectionJob:
    return CollectionJob(name, ModelSpec(name, "1", "counts"), walk)


def count_results(run: CollectionRun) -> None:
    with run.timed("read"), run.database.begin() as connection:
        found = connection.execute(text("SELECT count(*) FROM image_results")).scalar_one()
    run.details["results"] = found
    run.tell(0, found)
    with run.timed("write"), run.database.begin() as connection:
        run.count(connection, done=found, empty=2, failed=1)
    run.tell(found, found)


def test_a_collection_job_is_run_and_logged(database: Database, store: ObjectStore) -> None:
    seen: list[CollectionRun] = []
    told: list[tuple[int, int]] = []

    def walk(run: CollectionRun) -> None:
        seen.append(run)
        count_results(run)

    [summary] = run_jobs(
        database,
        store,
        [CollectionJob("counter", SPEC, walk)],
        limit=7,
        redo=True,
        progress=lambda *done: told.append(done),
    )
    [run] = seen
    assert (run.database, run.store, run.limit, run.redo) == (database, store, 7, True)
    assert (summary.run_id, summary.model_id) == (run.run_id, run.model_id)
    assert (summary.done, summary.empty, summary.failed, summary.images) == (0, 2, 1, 3)
    assert summary.details == {"results": 0}
    assert told == [(0, 0), (0, 0)]
    [row] = sql(
        database,
        "SELECT job, engine, state, processed, failed, finished_at, seconds, m.params "
        "FROM analysis_runs r JOIN models m ON m.id = r.model_id",
    )
    assert tuple(row)[:5] == ("counter", "local", "done", 2, 1)
    assert row.finished_at is not None
    assert set(row.seconds) == {"read", "compute", "write", "total"}
    assert row.seconds["read"] > 0.0
    assert row.params == {"from": "image_results"}
    document = summary.as_dict()
    assert (document["details"], document["images"]) == ({"results": 0}, 3)


def test_they_see_what_image_jobs_of_the_same_run_wrote(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    for number in range(3):
        add_work(number)
    announced: list[list[str]] = []
    before, colors, after = run_jobs(
        database,
        store,
        [counter(count_results), "colors", counter(count_results, "another")],
        announce=lambda names: announced.append(list(names)),
    )
    assert (before.job, colors.job, after.job) == ("counter", "colors", "another")
    assert (before.details, after.details) == ({"results": 3}, {"results": 3})
    assert announced == [["colors"], ["counter"], ["another"]]


def test_two_runs_of_one_job_are_kept_apart(database: Database, store: ObjectStore) -> None:
    inside: list[str] = []

    def walk(run: CollectionRun) -> None:
        with pytest.raises(JobRunning, match='"counter" is being run by another process'):
            run_jobs(database, store, [counter(count_results)])
        [other] = run_jobs(database, store, [counter(count_results, "another")])
        inside.append(other.job)

    run_jobs(database, store, [counter(walk)])
    assert inside == ["another"]
    with job_lock(database, "counter"), pytest.raises(JobRunning):
        run_jobs(database, store, [counter(count_results)])


@pytest.mark.parametrize(
    ("error", "state"), [(ValueError("no"), "failed"), (KeyboardInterrupt(), "interrupted")]
)
def test_how_a_run_ends_is_logged(
    database: Database, store: ObjectStore, error: BaseException, state: str
) -> None:
    def walk(run: CollectionRun) -> None:
        with run.timed("compute"), run.database.begin() as connection:
            run.count(connection, done=5)
        raise error

    with pytest.raises(type(error)):
        run_jobs(database, store, [counter(walk)])
    [row] = sql(database, "SELECT state, processed, finished_at, seconds FROM analysis_runs")
    assert (row.state, row.processed) == (state, 5)
    assert row.finished_at is not None
    assert row.seconds["compute"] > 0.0

    run_jobs(database, store, [counter(count_results)])
    assert one(database, "SELECT state FROM analysis_runs ORDER BY id DESC LIMIT 1") == "done"


class Outage:
    """A server that lets nobody into the database of a test, until it is over."""

    def __init__(self, server: EmbeddedPostgres, database: Database) -> None:
        self.url = server.url_of("postgres").replace("postgresql+psycopg2", "postgresql", 1)
        self.name = database.engine.url.database

    def begin(self) -> None:
        self._say(f'ALTER DATABASE "{self.name}" ALLOW_CONNECTIONS false')
        self._say(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            f"WHERE datname = '{self.name}'"
        )

    def end(self) -> None:
        self._say(f'ALTER DATABASE "{self.name}" ALLOW_CONNECTIONS true')

    def _say(self, statement: str) -> None:
        connection = psycopg2.connect(self.url)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()


def test_a_lost_database_ends_the_run_and_the_next_one_continues(
    database: Database, store: ObjectStore, add_work: AddWork, postgres_server: EmbeddedPostgres
) -> None:
    for number in range(12):
        add_work(number)
    outage = Outage(postgres_server, database)
    batches = 0

    def compute(images: Any) -> Any:
        nonlocal batches
        batches += 1
        if batches == 3:
            outage.begin()
        return COLORS.compute(images)

    try:
        with pytest.raises(DatabaseUnavailable) as lost:
            run_jobs(database, store, [replace(COLORS, batch=2, compute=compute), "features"])
    finally:
        outage.end()
    assert lost.value.exit_code == ExitCode.UNREACHABLE
    written = one(database, "SELECT count(*) FROM image_results WHERE model_id = 1")
    assert 2 <= written <= 4
    assert sql(database, "SELECT DISTINCT state FROM analysis_runs") == [("running",)]
    assert one(database, "SELECT count(*) FROM failures") == 0

    summaries = run_jobs(database, store, ["colors", "features"])
    assert [summary.done for summary in summaries] == [12 - written] * 2
    states = sql(database, "SELECT state, count(*) FROM analysis_runs GROUP BY 1 ORDER BY 1")
    assert states == [("done", 2), ("interrupted", 2)]
    assert one(database, "SELECT count(DISTINCT image_id) FROM image_colors") == 12
    assert one(database, "SELECT count(*) FROM image_features") == 12
