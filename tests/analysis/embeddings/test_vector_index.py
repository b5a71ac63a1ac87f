"""One index of vectors for each model: made once, made again where it is not as it should be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psycopg2
import pytest
from sqlalchemy import TextClause, text
from support.vectors import add_embeddings

from analysis.embeddings import vector_index
from analysis.embeddings.copying import copy_embeddings
from analysis.embeddings.vector_index import (
    VectorIndex,
    drop_vector_index,
    ensure_vector_index,
    index_name,
)
from analysis.jobs import ModelSpec
from analysis.registry.models import Model, find_model
from analysis.registry.removal import remove_model
from analysis.results import register_model
from storage.database import Database
from storage.objects import ObjectStore

REPOSITORY = Path(__file__).parents[3]
AddWork = Callable[..., int]
INDEXES = text("""
    SELECT c.relname AS name, c.oid, i.indisvalid AS valid
    FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
    WHERE starts_with(c.relname, 'ix_image_embeddings_hnsw_') ORDER BY c.oid
""")
WAITS_FOR_WRITERS = text("""
    SELECT pid FROM pg_stat_progress_create_index
    WHERE datname = current_database() AND lockers_total > 0
""")
TAKEN_BACK = text("""
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'DROP INDEX%' AND wait_event_type = 'Lock'
""")
MAKE = """
import sys
from pydantic import SecretStr
from analysis.embeddings.stored import embedding_model
from analysis.embeddings.vector_index import ensure_vector_index
from storage.database import Database
from storage.settings import StorageSettings
with Database.open(StorageSettings(database_url=SecretStr(sys.argv[1]))) as database:
    with database.begin() as connection:
        model = embedding_model(connection)
    print("ready", flush=True)
    sys.stdin.readline()
    print(ensure_vector_index(database, model).made)
"""


@pytest.fixture
def model(database: Database, add_work: AddWork) -> Model:
    """A network that has embedded a few images."""
    rng = np.random.default_rng(0)
    return add_embeddings(database, {add_work(n): rng.standard_normal(8) for n in range(5)})


def indexes(database: Database) -> dict[str, bool]:
    """Names of the indexes of vectors, and whether they may be used."""
    with database.begin() as connection:
        return {row.name: row.valid for row in connection.execute(INDEXES)}


def oid(database: Database) -> int:
    with database.begin() as connection:
        return connection.execute(INDEXES).one().oid


def test_an_index_is_made_once(database: Database, model: Model) -> None:
    made = ensure_vector_index(database, model)
    assert made.made
    assert made.fits
    assert made.reason is None
    assert made.rows == 5
    assert made.bytes > 0
    assert made.memory >= 16 << 20
    assert indexes(database) == {index_name(model.id): True}
    before = oid(database)
    again = ensure_vector_index(database, model)
    assert again == VectorIndex(made.name, 5, made.bytes)
    assert oid(database) == before


def test_the_schema_is_what_the_models_say_with_and_without(
    database: Database, model: Model
) -> None:
    ensure_vector_index(database, model)
    assert database.schema_differences() == []


def test_an_index_that_is_not_as_it_should_be_is_made_again(
    database: Database, model: Model
) -> None:
    name = index_name(model.id)
    with database.begin() as connection:
        connection.execute(
            text(
                f"CREATE INDEX {name} ON image_embeddings USING hnsw "
                "((embedding::halfvec(8)) halfvec_l2_ops) WHERE model_id = 1"
            )
        )
    assert ensure_vector_index(database, model).made
    with database.begin() as connection:
        connection.execute(
            text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(:name)"),
            {"name": name},
        )
    assert indexes(database) == {name: False}
    assert ensure_vector_index(database, model).made
    assert indexes(database) == {name: True}


def test_each_model_has_its_own(database: Database, model: Model, add_work: AddWork) -> None:
    other = add_embeddings(database, {1: [1.0, 2.0]}, name="other", is_default=False)
    for one in (model, other):
        assert ensure_vector_index(database, one).made
    assert indexes(database) == {index_name(one.id): True for one in (model, other)}
    drop_vector_index(database, other.id)
    drop_vector_index(database, other.id)
    assert indexes(database) == {index_name(model.id): True}


def test_an_index_goes_with_its_model(database: Database, store: ObjectStore, model: Model) -> None:
    ensure_vector_index(database, model)
    remove_model(database, store, model.label, force=True)
    assert indexes(database) == {}


def test_what_a_model_that_is_gone_left_is_removed(database: Database, model: Model) -> None:
    other = add_embeddings(database, {1: [1.0, 2.0]}, name="other", is_default=False)
    ensure_vector_index(database, other)
    with database.begin() as connection:
        connection.execute(text("DELETE FROM models WHERE id = :id"), {"id": other.id})
    ensure_vector_index(database, model)
    assert indexes(database) == {index_name(model.id): True}


def test_without_vectors_or_with_long_ones_the_reason_is_told(
    database: Database, model: Model
) -> None:
    with database.begin() as connection:
        for name, size in (("empty", 8), ("long", 4001)):
            register_model(connection, ModelSpec(name, "1", "embedding", {"dimensions": size}))
        empty, long = (find_model(connection, name) for name in ("empty", "long"))
        copy_embeddings(connection, long.id, [1], np.ones((1, 4001)))
    assert ensure_vector_index(database, empty).reason == "empty/1 has embedded no image yet."
    told = ensure_vector_index(database, long)
    assert told.reason is not None
    assert "4,001 numbers, and at most 4,000" in told.reason
    assert told.as_dict()["rows"] == 1
    assert indexes(database) == {}


def test_two_processes_make_one_index(database: Database, model: Model) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(2) as threads:
        said = list(threads.map(lambda process: process.communicate("\n", timeout=60), processes))
    assert sorted(output for output, _ in said) == ["False\n", "True\n"]
    assert indexes(database) == {index_name(model.id): True}


def test_writers_go_on_and_a_kill_leaves_nothing_that_cannot_be_mended(
    database: Database, model: Model
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    # A transaction that has written keeps the server from finishing; others may write meanwhile.
    with database.engine.connect() as writer:
        copy_embeddings(writer, model.id, [1], np.ones((1, 8)))
        process = subprocess.Popen(
            [sys.executable, "-c", MAKE, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        pid = wait_until_made(database)
        assert indexes(database) == {index_name(model.id): False}
        with database.begin() as connection:
            copy_embeddings(connection, model.id, [2], np.ones((1, 8)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        with database.begin() as connection:  # as a restart of the server would
            connection.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})
        writer.rollback()
    assert indexes(database) == {index_name(model.id): False}
    assert ensure_vector_index(database, model).made
    assert indexes(database) == {index_name(model.id): True}


def wait_until_made(database: Database) -> int:
    """Wait until a server process makes an index and waits for a writer; return its id."""
    return wait_until(database, WAITS_FOR_WRITERS)


def wait_until(database: Database, state: TextClause) -> int:
    """Wait until a server process is in this state; return its id."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while (pid := connection.scalar(state)) is None:
            connection.execute(text("SELECT pg_sleep(0.02)"))
    return int(pid)


def test_an_interrupt_takes_back_what_was_begun(database: Database, model: Model) -> None:
    def interrupt(done: int, total: int) -> None:
        assert (done, total) == (0, 5)
        assert indexes(database) == {index_name(model.id): False}
        wait_until_made(database)
        raise KeyboardInterrupt

    with database.engine.connect() as writer:
        copy_embeddings(writer, model.id, [1], np.ones((1, 8)))
        with ThreadPoolExecutor(1) as thread:
            making = thread.submit(ensure_vector_index, database, model, progress=interrupt)
            wait_until(database, TAKEN_BACK)
            writer.rollback()
            with pytest.raises(KeyboardInterrupt):
                making.result()
    assert indexes(database) == {}


def test_an_interrupt_does_not_wait_for_others_for_long(
    database: Database, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_index, "PATIENCE_MS", 1)

    def interrupt(done: int, total: int) -> None:
        wait_until_made(database)
        raise KeyboardInterrupt

    with database.engine.connect() as writer:
        copy_embeddings(writer, model.id, [1], np.ones((1, 8)))
        with pytest.raises(KeyboardInterrupt):
            ensure_vector_index(database, model, progress=interrupt)
    assert indexes(database) == {index_name(model.id): False}
    assert ensure_vector_index(database, model).made


def test_a_server_with_little_shared_memory_makes_it_alone(
    database: Database, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, tried = vector_index._build, []

    def short_of_memory(*arguments: object) -> bool:
        tried.append(arguments[5])
        if arguments[5]:
            raise vector_index.DBAPIError("CREATE INDEX", {}, psycopg2.errors.DiskFull("no space"))
        return build(*arguments)

    monkeypatch.setattr(vector_index, "_build", short_of_memory)
    made = ensure_vector_index(database, model)
    assert tried[0] > 0
    assert tried[1] == made.workers == 0
    assert made.made


def test_progress_ends_with_all(database: Database, model: Model) -> None:
    told: list[tuple[int, int]] = []
    ensure_vector_index(database, model, progress=lambda *said: told.append(said))
    assert told[-1] == (5, 5)


def test_memory_is_asked_for_by_need_and_bounded() -> None:
    assert vector_index._memory_needed(1_000_000, 1280) > 3_000_000_000
    assert vector_index._memory_allowed(local=False) == vector_index.ELSEWHERE
    assert vector_index._memory_allowed(local=True) < os.sysconf("SC_PHYS_PAGES") * 4096
