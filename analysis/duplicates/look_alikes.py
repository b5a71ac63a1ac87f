"""The job `look-alikes`: pairs of images that show the same picture, into `image_duplicates`.

What perceptual hashes cannot find: crops, mirror images, turned and recoloured copies, photographs
of one work from two museums. Candidates are the nearest embeddings; a pair is what the pixels of
both previews confirm (`analysis.duplicates.details`), so that works of one manner are no pairs.

A run looks at the images that it has not seen (no row in `image_results`), each with those of all
others that are nearest to it then. Where more than MOST of a picture's like are there, it is paired
with the nearest of them alone, so a picture that was stored a thousand times gives some thousand
pairs. What no work shows any more is forgotten, and looked at anew when it comes back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, text

from analysis.duplicates import candidates, details
from analysis.duplicates.candidates import Candidates, Ids, Vectors
from analysis.duplicates.confirming import Pictures
from analysis.duplicates.writing import write_pairs
from analysis.embeddings.stored import embedding_model, pages_of, vectors_of
from analysis.errors import NoEmbeddings
from analysis.jobs import CollectionJob, ModelSpec
from analysis.registry.models import Model, find_model
from analysis.results import register_model
from analysis.runs import CollectionRun
from analysis.similarity.learned.job import base_label
from storage.database import Database

JOB: Final = "look-alikes"
NAME: Final = "embedding-look-alikes"
WITHIN: Final = 0.35
"""Cosine distance of candidates. Of 200 paintings cut to 80 % of their sides, 95 in 100 are within
it among the five nearest of 1,385; of those mirrored, turned by 3 degrees, recompressed or at half
their size all, of those in grey 98."""
MOST: Final = 5
"""Candidates of an image."""
BATCH: Final = 100
"""Images that are confirmed and marked in one transaction."""
CELL_ROWS: Final = 512

_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_SHOWN = """
    EXISTS (SELECT FROM image_embeddings e JOIN images i ON i.id = e.image_id
            WHERE e.image_id = {image} AND e.model_id = :embedding AND NOT i.placeholder
              AND EXISTS (SELECT FROM image_sources s
                          WHERE s.image_id = e.image_id AND s.gone_at IS NULL))
"""
_UNSEE = text(f"""
    DELETE FROM image_results r
    WHERE r.model_id = :model_id AND (:all OR NOT {_SHOWN.format(image="r.image_id")})
    RETURNING r.image_id
""")  # noqa: S608 - the fragment is the constant above
_UNPAIR = text("""
    DELETE FROM image_duplicates
    WHERE model_id = :model_id AND (image_id = ANY(:ids) OR other_id = ANY(:ids))
""")
_UNPAIR_ALL = text("DELETE FROM image_duplicates WHERE model_id = :model_id")
_IDS = text("""
    SELECT e.image_id, r.image_id IS NOT NULL AS seen
    FROM image_embeddings e JOIN images i ON i.id = e.image_id
    LEFT JOIN image_results r ON r.image_id = e.image_id AND r.model_id = :model_id
    WHERE e.model_id = :embedding AND NOT i.placeholder AND EXISTS (
        SELECT FROM image_sources s WHERE s.image_id = e.image_id AND s.gone_at IS NULL)
    ORDER BY e.image_id
""")

SPEC: Final = ModelSpec("look-alikes", "1", "matching", params={"within": WITHIN, "most": MOST})
"""What runs; the pairs by each embedding are of a model of their own."""


def look_alikes_job() -> CollectionJob:
    """Return the job over the embedding that is in use when it runs.

    Of a run, `details` tells the `pairs` that were written, how many `candidates` were looked at,
    and how many previews were `unreadable`.
    """
    return CollectionJob(JOB, SPEC, _walk, by_image=False)


def model_of(embedding: Model) -> ModelSpec:
    """Return the model whose pairs are found by an embedding."""
    return ModelSpec(
        name=NAME,
        version=f"1-{embedding.label.replace('/', '-')}",
        kind="duplicates",
        params={
            "embedding": embedding.label,
            "within": WITHIN,
            "most": MOST,
            "least_matches": details.LEAST_MATCHES,
            "least_correlation": details.LEAST_CORRELATION,
        },
    )


def embedding_of(connection: Connection) -> Model:
    """Return the embedding whose neighbours are looked at: the one in use.

    For a projection that is the embedding below it: what it learned brings works with one term
    together, and copies no nearer (`docs/evaluation.md`). Raises NoEmbeddings.
    """
    model = embedding_model(connection)
    below = base_label(model)
    return model if below is None else find_model(connection, below)


def _walk(run: CollectionRun) -> None:
    try:
        with run.database.begin() as connection:
            embedding = embedding_of(connection)
    except NoEmbeddings:
        run.details["next"] = "artworks analyze embeddings"
    else:
        find_look_alikes(run, embedding)


def find_look_alikes(run: CollectionRun, embedding: Model) -> None:
    """Find the pairs that are not known yet; confirm and write them batch by batch."""
    run.details["pairs"] = 0
    with run.timed("write"), run.database.begin() as connection:
        model_id = register_model(connection, model_of(embedding))
        values: dict[str, Any] = {"model_id": model_id, "embedding": embedding.id}
        gone = list(connection.scalars(_UNSEE, {**values, "all": run.redo}))
        if run.redo:
            connection.execute(_UNPAIR_ALL, values)
        elif gone:
            connection.execute(_UNPAIR, {**values, "ids": gone})
    with run.timed("read"), _snapshot(run.database) as connection:
        rows = connection.execute(_IDS, values)
        every = np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 2)
        pending = every[every[:, 1] == 0, 0][: run.limit]
        if not len(pending):
            return
        run.tell(0, len(pending))
        found = once(_nearest(connection, embedding, pending, len(every)))
    run.details["candidates"] = len(found.image)
    _confirm(run, model_id, pending, found)


@contextmanager
def _snapshot(database: Database) -> Iterator[Connection]:
    with database.begin() as connection:
        connection.execute(_SNAPSHOT)
        yield connection


def _nearest(connection: Connection, embedding: Model, pending: Ids, count: int) -> Candidates:
    if len(pending) * count <= candidates.MOST_EXACT:
        asked = vectors_of(connection, embedding, pending.tolist())
        pages = pages_of(connection, embedding)
        return candidates.nearest_exactly(asked.ids, asked.vectors, pages, most=MOST, within=WITHIN)
    return _in_cells(connection, embedding, pending)


def _in_cells(connection: Connection, embedding: Model, pending: Ids) -> Candidates:
    def read(ids: Ids) -> tuple[Ids, Vectors]:
        known = vectors_of(connection, embedding, ids.tolist())
        return known.ids, known.vectors

    every = np.concatenate([page for page, _ in pages_of(connection, embedding)])
    drawn = np.random.default_rng(0).permutation(every)[: candidates.TRAINED]
    cells = candidates.Cells(read(np.sort(drawn))[1], len(every))
    for page, vectors in pages_of(connection, embedding):
        cells.add(page, vectors)
    turns = candidates.in_turns(pages_of(connection, embedding), pending, CELL_ROWS)
    parts = [
        candidates.nearest_in_cells(ids, vectors, cells, read, most=MOST, within=WITHIN)
        for ids, vectors in turns
    ]
    return Candidates(
        np.concatenate([part.image for part in parts]),
        np.concatenate([part.other for part in parts]),
        np.concatenate([part.distance for part in parts]),
    )


def once(found: Candidates) -> Candidates:
    """Leave the second of two equal pairs out, which is that of the image with the higher id."""
    pairs = np.sort(np.stack((found.image, found.other), axis=1), axis=1)
    order = np.lexsort((found.image, pairs[:, 1], pairs[:, 0]))
    same = (pairs[order][1:] == pairs[order][:-1]).all(axis=1)
    kept = np.sort(order[np.concatenate(([True], ~same))]) if len(order) else order
    return Candidates(found.image[kept], found.other[kept], found.distance[kept])


def _confirm(run: CollectionRun, model_id: int, pending: Ids, found: Candidates) -> None:
    unreadable: set[int] = set()
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        pictures = Pictures(run.database, run.store, threads)
        for start in range(0, len(pending), BATCH):
            batch = pending[start : start + BATCH]
            first = np.searchsorted(found.image, batch[0])
            last = np.searchsorted(found.image, batch[-1], side="right")
            pairs = list(
                zip(
                    found.image[first:last].tolist(),
                    found.other[first:last].tolist(),
                    strict=True,
                )
            )
            with run.timed("compute"):
                same = pictures.same(pairs)
            unreadable |= pictures.unreadable
            rows = [
                {
                    "image_id": min(pair),
                    "other_id": max(pair),
                    "distance": round(float(distance), 6),
                    "kind": "near",
                }
                for pair, distance, alike in zip(
                    pairs, found.distance[first:last], same, strict=True
                )
                if alike
            ]
            _write(run, model_id, batch.tolist(), rows)
            run.tell(start + len(batch), len(pending))
    if unreadable:
        run.details["unreadable"] = len(unreadable)


def _write(
    run: CollectionRun, model_id: int, batch: Sequence[int], rows: Sequence[dict[str, Any]]
) -> None:
    with run.timed("write"), run.database.begin() as connection:
        _, written = write_pairs(connection, run, model_id, batch, rows)
    run.details["pairs"] = int(run.details["pairs"]) + written
