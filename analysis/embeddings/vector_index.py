"""The index of a model's vectors in PostgreSQL (HNSW), which searches in SQL go by.

One for each model, over its rows alone, named after its id. It is made when the images are
embedded, at once rather than row by row, while others read and write (CREATE INDEX CONCURRENTLY).
What a killed process left is removed and made again; two processes at once make one index.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

import psycopg2
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from analysis.registry.models import Model
from storage.database import Database, told_plainly
from storage.vector_indexes import PREFIX

Progress = Callable[[int, int], None]
"""Called with vectors in the index and vectors in all."""

MOST_DIMENSIONS: Final = 4000
"""What pgvector can index as 16-bit numbers."""
LINKS: Final = 16
"""Neighbours of each vector in the graph, twice as many on its lowest level (`m`)."""
BREADTH: Final = 128
"""Candidates that are kept while a vector is put into its place (`ef_construction`)."""
ELSEWHERE: Final = 1 << 30
"""Bytes that are asked of a server whose machine is not known to be this one."""
POLL_S: Final = 0.25
"""How often to look whether another process is done, and how far the index is."""
PATIENCE_MS: Final = 2000
"""How long the end of other transactions is awaited before one that was interrupted gives up."""

_LOCK = text("SELECT pg_try_advisory_lock(hashtext('artworks.vector_index'), :model_id)")
_FOUND = text("""
    SELECT c.oid, i.indisvalid AS valid, pg_get_indexdef(c.oid) AS definition,
           pg_relation_size(c.oid) AS bytes
    FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
    WHERE c.relname = :name AND i.indrelid = 'image_embeddings'::regclass
""")
_ROWS = text("SELECT count(*) FROM image_embeddings WHERE model_id = :model_id")
_SETTINGS = text("""
    SELECT pg_size_bytes(current_setting('maintenance_work_mem')) AS memory,
           current_setting('max_parallel_maintenance_workers')::int AS workers
""")
_PROGRESS = text("SELECT tuples_done FROM pg_stat_progress_create_index WHERE pid = :pid")
_LEFTOVERS = text("""
    SELECT c.relname FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
    WHERE i.indrelid = 'image_embeddings'::regclass AND starts_with(c.relname, :prefix)
      AND NOT EXISTS (
          SELECT FROM models m WHERE c.relname = :prefix || m.id AND m.kind = 'embedding')
""")


@dataclass(frozen=True)
class VectorIndex:
    """The index of a model, or why there is none."""

    name: str
    rows: int
    """Vectors of the model."""
    bytes: int = 0
    made: bool = False
    """Whether it was made just now."""
    seconds: float = 0.0
    """What that took."""
    memory: int = 0
    """Bytes that the server was allowed for it (`maintenance_work_mem`)."""
    fits: bool = True
    """Whether that was enough; else it took longer."""
    workers: int = 0
    """Processes that helped the server's own."""
    reason: str | None = None
    """Why there is no index; None: there is one."""

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return asdict(self)


def ensure_vector_index(
    database: Database, model: Model, *, progress: Progress | None = None
) -> VectorIndex:
    """Make the index of a model's vectors, unless it is there as it should be.

    The caller must have no transaction open that has written to `image_embeddings`: the server
    waits for the end of all those. Indexes of models that are gone are removed.

    Raises DatabaseUnavailable.
    """
    name = index_name(model.id)
    dimensions = int(model.params["dimensions"])
    with told_plainly(database.engine), _session(database) as session:
        for leftover in session.scalars(_LEFTOVERS, {"prefix": PREFIX}).all():
            _drop(session, leftover)
        rows = session.scalar(_ROWS, {"model_id": model.id}) or 0
        if dimensions > MOST_DIMENSIONS:
            return VectorIndex(
                name,
                rows,
                reason=f"vectors of {model.label} have {dimensions:,} numbers, and at most "
                f"{MOST_DIMENSIONS:,} can be indexed: searches compute all distances.",
            )
        _lock(session, model.id)
        found = session.execute(_FOUND, {"name": name}).one_or_none()
        definition = _definition(model.id, dimensions)
        if found is not None and found.valid and found.definition.endswith(definition):
            return VectorIndex(name, rows, found.bytes)
        if rows == 0:
            return VectorIndex(name, rows, reason=f"{model.label} has embedded no image yet.")
        if found is not None:
            _drop(session, name)
        return _made(database, session, name, definition, rows, dimensions, progress)


def drop_vector_index(database: Database, model_id: int) -> None:
    """Remove the index of a model, if there is one; raises DatabaseUnavailable."""
    with told_plainly(database.engine), _session(database) as session:
        _lock(session, model_id)
        _drop(session, index_name(model_id))


def index_name(model_id: int) -> str:
    """Return the name of a model's index."""
    return f"{PREFIX}{model_id}"


def _definition(model_id: int, dimensions: int) -> str:
    """Return what the server says of the index, from its kind on."""
    return (
        f"USING hnsw (((embedding)::halfvec({dimensions})) halfvec_cosine_ops) "
        f"WITH (m='{LINKS}', ef_construction='{BREADTH}') WHERE (model_id = {model_id})"
    )


@contextmanager
def _session(database: Database) -> Iterator[Connection]:
    """Open a connection that commits each statement; its settings and locks go with it."""
    connection = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        yield connection
    finally:
        connection.invalidate()
        connection.close()


def _lock(session: Connection, model_id: int) -> None:
    """Wait until no other process makes or removes the index of this model.

    By asking again and again: the server would wait for a session that waits in a statement.
    """
    while not session.scalar(_LOCK, {"model_id": model_id}):
        time.sleep(POLL_S)


def _drop(session: Connection, name: str) -> None:
    session.execute(text(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"'))


def _made(
    database: Database,
    session: Connection,
    name: str,
    definition: str,
    rows: int,
    dimensions: int,
    progress: Progress | None,
) -> VectorIndex:
    server = session.execute(_SETTINGS).one()
    local = database.embedded is not None
    memory = max(server.memory, min(_memory_needed(rows, dimensions), _memory_allowed(local=local)))
    workers = (os.cpu_count() or 1) - 1 if local else server.workers
    started = time.perf_counter()
    try:
        fits = _build(database, session, name, definition, memory, workers, rows, progress)
    except DBAPIError as error:
        # Processes that help share memory, of which containers have little.
        if not workers or not isinstance(
            error.orig, psycopg2.errors.DiskFull | psycopg2.errors.OutOfMemory
        ):
            raise
        workers = 0
        fits = _build(database, session, name, definition, memory, workers, rows, progress)
    return VectorIndex(
        name,
        rows,
        bytes=session.execute(_FOUND, {"name": name}).one().bytes,
        made=True,
        seconds=time.perf_counter() - started,
        memory=memory,
        fits=fits,
        workers=workers,
    )


def _memory_needed(rows: int, dimensions: int) -> int:
    """Return bytes of the graph: each vector, its links (16 bytes each) and what is around them."""
    return int(1.15 * rows * (2 * dimensions + 16 * 2 * LINKS + 160)) + (16 << 20)


def _memory_allowed(*, local: bool) -> int:
    """Return the most bytes to ask for: half of this machine's, if it is the server's."""
    if not local:
        return ELSEWHERE
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _build(
    database: Database,
    session: Connection,
    name: str,
    definition: str,
    memory: int,
    workers: int,
    rows: int,
    progress: Progress | None,
) -> bool:
    """Make the index; return whether it fitted into memory.

    It is made in a thread, so that this one can be interrupted: the server is told to stop then,
    and what it began is removed.
    """
    session.execute(text(f"SET maintenance_work_mem = '{memory >> 10}kB'"))
    session.execute(text(f"SET max_parallel_maintenance_workers = {workers}"))
    session.execute(text("SET min_parallel_table_scan_size = 0"))
    driver: Any = session.connection.driver_connection
    del driver.notices[:]
    with ThreadPoolExecutor(1) as thread:
        building = thread.submit(_create, session, name, definition)
        try:
            _watch(database, building, driver.info.backend_pid, rows, progress)
        except BaseException:
            driver.cancel()
            raise
    building.result()
    return not any("no longer fits" in notice for notice in driver.notices)


def _create(session: Connection, name: str, definition: str) -> None:
    try:
        session.execute(
            text(f'CREATE INDEX CONCURRENTLY "{name}" ON image_embeddings {definition}')
        )
    except DBAPIError as error:
        if not error.connection_invalidated:
            _take_back(session, name)
        raise


def _take_back(session: Connection, name: str) -> None:
    """Remove what was begun, unless others keep us from it: then the next one does."""
    session.execute(text(f"SET lock_timeout = {PATIENCE_MS}"))
    try:
        _drop(session, name)
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg2.errors.LockNotAvailable):
            raise


def _watch(
    database: Database,
    building: Future[None],
    pid: int,
    rows: int,
    progress: Progress | None,
) -> None:
    """Wait for the index, and tell how far it is."""
    if progress is None:
        wait([building])
        return
    while not wait([building], timeout=POLL_S).done:
        with database.begin() as connection:
            done = connection.scalar(_PROGRESS, {"pid": pid})
        progress(min(done or 0, rows), rows)
    progress(rows, rows)
