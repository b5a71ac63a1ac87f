"""Searching stored vectors with PostgreSQL: how long it takes, what it finds, what it needs.

What is timed is `nearest` with one vector, in one process: the same as `images_like_image` in SQL.
The queries are not in the index. Filters are by terms that a half, a twentieth and a two-hundredth
of the works have by chance, and one (`kindred`) that a fifth have because their images are alike,
which is harder: what fits lies far from most queries. Its time has no target. Writing is measured
beside plain INSERT.

    python -m benchmarks.likening.postgres_search [--images 100000] [--queries 300]
"""

from __future__ import annotations

import argparse
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pgvector import HalfVector
from sqlalchemy import Connection, insert, text

from analysis.embeddings.copying import copy_rows
from analysis.embeddings.near import nearest
from analysis.embeddings.stored import embedding_model, pages_of
from analysis.embeddings.vector_index import VectorIndex, ensure_vector_index
from analysis.registry.models import Model
from benchmarks.analysing.clock import clock_seconds, in_turn, medians
from benchmarks.analysing.collection import Workshop, workshop
from benchmarks.analysing.figures import Figure, Section
from benchmarks.likening.faiss_search import fill
from benchmarks.likening.vectors import (
    DIMENSIONS,
    Base,
    Fits,
    base,
    exact_among,
    expanded,
    queries,
)

MOST_MS = 50.0
LEAST_RECALL = 0.98
LEAST_WRITE = 5.0
NEAREST = 10
BYTES_EACH = 16_000
"""Disk that a vector needs: its row, its part of the index, and the log of both."""
ONE_IN = {"half": 2, "twentieth": 20, "rare": 200}
KINDRED = 5
"""One in so many works is of the kind whose images are alike."""
WARMING = 20
"""Queries that are asked before the clock runs: they read the index into memory."""
SHOWN = {
    None: "search",
    "half": "… of works with a term that a half have",
    "twentieth": "… a term that 1 in 20 have",
    "rare": "… a term that 1 in 200 have",
    "kindred": "… a term that 1 in 5 have, all alike",
}


def measure(
    place: Workshop, images: int = 100_000, asked: int = 300, rows: int = 512
) -> list[Section]:
    """Write vectors, index them and search them; `rows` are written again and again, both ways."""
    of = base()
    free = shutil.disk_usage(Path(place.objects_url.removeprefix("file://"))).free
    if free < images * BYTES_EACH:
        needed = f"{images * BYTES_EACH / 1e9:.0f} GB of disk are needed, {free / 1e9:.0f} are free"
        return [Section(f"PostgreSQL: {images:,} vectors are left out: {needed}", ())]
    fill(place, images, of)
    with place.database.begin() as connection:
        model = embedding_model(connection)
        written = _writing(connection, model, of, min(rows, images))
        fitting = _name(connection, images, of)
    place.settle()
    with watched(place) as memory:
        index = ensure_vector_index(place.database, model)
    with place.database.begin() as connection:
        reading, _ = clock_seconds(lambda: sum(len(ids) for ids, _ in pages_of(connection, model)))
        searched = _searching(connection, model, images, asked, of, fitting)
    title = f"PostgreSQL: {images:,} × {DIMENSIONS:,} ({of.source}), {asked} queries"
    figures = (*written, *_indexing(index, memory), _reading(images, reading), *searched)
    return [Section(title, figures)]


def _writing(connection: Connection, model: Model, of: Base, rows: int) -> list[Figure]:
    """Write the same rows both ways, again and again, each time taking them back."""
    from storage.models import ImageEmbedding

    vectors = queries(rows, seed=1, of=of)
    ids = list(range(1, rows + 1))

    def emptied() -> None:
        connection.execute(
            text("DELETE FROM image_embeddings WHERE image_id <= :rows"), {"rows": rows}
        )

    def inserted() -> None:
        connection.execute(
            insert(ImageEmbedding),
            [
                {"image_id": image_id, "model_id": model.id, "embedding": HalfVector(vector)}
                for image_id, vector in zip(ids, vectors, strict=True)
            ],
        )

    kept = connection.begin_nested()
    ways = {"copy": lambda: copy_rows(connection, model.id, ids, vectors), "insert": inserted}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(5):
        for name, way in ways.items():
            emptied()
            seconds[name] += in_turn({name: way}, 1, clock_seconds)[name]
    kept.rollback()
    took = medians(seconds)
    return [
        Figure("pg_write_per_s", "rows written", rows / took["copy"], "rows/s"),
        Figure("pg_insert_per_s", "… by INSERT", rows / took["insert"], "rows/s"),
        Figure("ratio_pg_write", "… in proportion", took["insert"] / took["copy"], "×",
               least=LEAST_WRITE),
    ]  # fmt: skip


def _reading(images: int, seconds: float) -> Figure:
    return Figure("pg_read_per_s", "rows read, page by page", images / seconds, "rows/s")


def _indexing(index: VectorIndex, memory: Sequence[int]) -> list[Figure]:
    return [
        Figure("pg_index_mb", "index", index.bytes / 1e6, "MB"),
        Figure("pg_build_s", "building it", index.seconds, "s"),
        Figure("pg_build_allowed_mb", "… memory that the server is allowed",
               index.memory / 1e6, "MB"),
        Figure("pg_build_peak_mb", "… the server's peak memory, its cache included",
               max(memory, default=0) / 1e6, "MB"),
        Figure("pg_build_fits", "… whether that was enough (1: yes)", float(index.fits), least=1.0),
    ]  # fmt: skip


def _name(connection: Connection, images: int, of: Base) -> dict[str, Fits]:
    """Give works terms; return by term which images, numbered from 1, have it."""
    numbers = np.arange(1, images + 1)
    having = {name: numbers % one_in == 0 for name, one_in in ONE_IN.items()}
    likeness = np.concatenate([chunk @ of.vectors[0] for chunk in expanded(images, of=of)])
    having["kindred"] = likeness >= np.quantile(likeness, 1 - 1 / KINDRED)
    for name, has in having.items():
        connection.execute(
            text(
                "WITH t AS (INSERT INTO terms (kind, name) VALUES ('genre', :name) RETURNING id) "
                "INSERT INTO artwork_terms (artwork_id, term_id, source) "
                "SELECT s.artwork_id, t.id, 'page' FROM t, image_sources s "
                "WHERE s.image_id = ANY (CAST(:ids AS bigint[]))"
            ),
            {"name": name, "ids": numbers[has].tolist()},
        )
    return having


def _searching(
    connection: Connection,
    model: Model,
    images: int,
    asked: int,
    of: Base,
    fitting: dict[str, Fits],
) -> list[Figure]:
    """Ask for each vector's nearest among all and among what has each term."""
    held_out = queries(asked, of=of)
    among = [None if name is None else fitting[name] for name in SHOWN]
    exact = exact_among(held_out, expanded(images, of=of), NEAREST, among)
    figures = []
    for (name, label), (_, truth) in zip(SHOWN.items(), exact, strict=True):
        terms = [] if name is None else [("genre", name)]
        hits, milliseconds = [], []
        for vector in held_out[:WARMING]:
            nearest(connection, model, vector, limit=NEAREST, terms=terms)
        for vector, known in zip(held_out, truth + 1, strict=True):
            started = time.perf_counter()
            found = nearest(connection, model, vector, limit=NEAREST, terms=terms)
            milliseconds.append(1000 * (time.perf_counter() - started))
            hits.append(len({image_id for image_id, _ in found} & set(known.tolist())))
        key = "pg" if name is None else f"pg_{name}"
        figures += [
            Figure(f"{key}_search_p95_ms", f"{label}, 95th percentile",
                   float(np.percentile(milliseconds, 95)), "ms",
                   most=None if name == "kindred" else MOST_MS),
            Figure(f"{key}_search_median_ms", "… median", float(np.median(milliseconds)), "ms"),
            Figure(f"{key}_recall_at_10", "… recall@10 against all distances",
                   sum(hits) / float((truth >= 0).sum()), least=LEAST_RECALL),
        ]  # fmt: skip
    return figures


@contextmanager
def watched(place: Workshop, every_s: float = 0.1) -> Iterator[list[int]]:
    """Note the memory of the server's processes, bytes, what they share counted once."""
    with place.database.begin() as connection:
        folder = Path(connection.scalar(text("SHOW data_directory")) or "")
    server = int((folder / "postmaster.pid").read_text().split()[0])
    noted: list[int] = []
    ended = threading.Event()

    def note() -> None:
        while not ended.wait(every_s):
            noted.append(sum(_memory(pid) for pid in _children(server)))

    thread = threading.Thread(target=note)
    thread.start()
    try:
        yield noted
    finally:
        ended.set()
        thread.join()


def _children(server: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{server}/task/{server}/children").read_text().split()]


def _memory(pid: int) -> int:
    """Return the proportional set size of a process; 0 when it has just ended."""
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(1024 * int(row.split()[1]) for row in rows if row.startswith("Pss:"))


def main() -> None:
    """Measure in a temporary collection, and print what was measured."""
    from benchmarks.sections import show

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=300)
    options = parser.parse_args()
    with workshop() as place:
        for section in measure(place, options.images, options.queries):
            show(section)


if __name__ == "__main__":
    main()
