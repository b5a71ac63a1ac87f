"""Searching stored vectors with FAISS: how long it takes, what it finds, what it needs.

The vectors are in a real database, and answers are checked against it, as the product does it:
what is timed is `SimilarityIndex.search` of one vector in one process. The queries are not in the
index. Building and searching run in processes of their own, so that the memory is theirs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import text

from analysis.embeddings.copying import copy_embeddings
from analysis.jobs import ModelSpec
from analysis.results import register_model
from analysis.similarity.indexes.kinds import Kind
from benchmarks.analysing.collection import Workshop
from benchmarks.analysing.figures import Figure, Section
from benchmarks.likening.vectors import DIMENSIONS, Base, base, exact_neighbors, expanded, queries

SEARCHER = Path(__file__).with_name("searcher.py")
MOST_MS = 20.0
LEAST_RECALL = 0.98
NEAREST = 10

_IMAGES = (
    """
    INSERT INTO images (sha256, object_key, preview_key, format, width, height, bytes, phash)
    SELECT n, n, n, 'jpeg', 1, 1, 1, n FROM generate_series(1, :count) n
    """,
    """
    INSERT INTO artworks (site, source_id, page_url, title, content_hash, raw)
    SELECT 'museum', n, 'https://museum.example/' || n, n, n, '{}' FROM generate_series(1, :count) n
    """,
    """
    INSERT INTO image_sources (artwork_id, position, url, image_id)
    SELECT a.id, 0, a.page_url || '.jpg', i.id
    FROM artworks a JOIN images i ON i.sha256 = a.source_id
    """,
)


def measure(
    place: Workshop, images: int = 100_000, asked: int = 300, kinds: Sequence[Kind | None] = (None,)
) -> list[Section]:
    """Fill a collection, and index and search it by each kind; None: by the one that suits it."""
    of = base()
    fill(place, images, of)
    sections = []
    with tempfile.TemporaryDirectory(prefix="artworks-bench-") as folder:
        file = Path(folder) / "queries.npz"
        held_out = queries(asked, of=of)
        np.savez(file, queries=held_out)
        # Images are numbered from 1 in the order in which their vectors come.
        _, truth = exact_neighbors(held_out, expanded(images, of=of), NEAREST)
        for kind in kinds:
            built = _child(place, "build", kind or "auto")
            found = _child(place, "search", str(file))
            sections.append(_section(of, images, kind, built, found, truth + 1))
    return sections


def fill(place: Workshop, images: int, of: Base) -> None:
    """Store works whose images have vectors of the model `mixed/1`."""
    place.empty()
    with place.database.begin() as connection:
        for statement in _IMAGES:
            connection.execute(text(statement), {"count": images})
        spec = ModelSpec(
            "mixed", "1", "embedding", params={"dimensions": DIMENSIONS}, is_default=True
        )
        model_id = register_model(connection, spec)
    first = 1
    for vectors in expanded(images, of=of):
        with place.database.begin() as connection:
            copy_embeddings(connection, model_id, np.arange(first, first + len(vectors)), vectors)
        first += len(vectors)
    place.settle()


def _section(
    of: Base,
    images: int,
    kind: Kind | None,
    built: dict[str, Any],
    found: dict[str, Any],
    truth: np.ndarray,
) -> Section:
    milliseconds = np.array(found["milliseconds"])
    hits = [
        len(set(one) & set(other.tolist())) for one, other in zip(found["ids"], truth, strict=True)
    ]
    details = built["details"]
    chosen = details["kind"]
    prefix = "faiss" if kind is None else f"faiss_{kind}"
    figures = (
        Figure(f"{prefix}_search_p95_ms", "search, 95th percentile",
               float(np.percentile(milliseconds, 95)), "ms", most=MOST_MS),
        Figure(f"{prefix}_search_median_ms", "search, median",
               float(np.median(milliseconds)), "ms"),
        Figure(f"{prefix}_recall_at_10", "recall@10 against all distances",
               sum(hits) / (NEAREST * len(hits)), least=LEAST_RECALL),
        Figure(f"{prefix}_index_mb", "index file", details["megabytes"], "MB"),
        Figure(f"{prefix}_build_s", "building it from the database", built["seconds"], "s"),
        Figure(f"{prefix}_build_peak_mb", "… peak memory", built["peak_bytes"] / 1e6, "MB"),
        Figure(f"{prefix}_nothing_new_s", "a run with nothing new", built["nothing_new_s"], "s"),
        Figure(f"{prefix}_open_s", "opening it", found["open_s"], "s"),
        Figure(f"{prefix}_search_own_mb", "searching: memory of its own",
               found["own_bytes"] / 1e6, "MB"),
        Figure(f"{prefix}_search_peak_mb", "… with what is mapped of the file",
               found["peak_bytes"] / 1e6, "MB"),
    )  # fmt: skip
    title = f"FAISS ({chosen}): {images:,} × {DIMENSIONS:,} ({of.source}), {len(hits)} queries"
    return Section(title, figures)


def _child(place: Workshop, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(SEARCHER), *arguments],
        env=place.environment | {"ARTWORKS_HOME": str(Path(place.objects_url[7:]).parent / "home")},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result
