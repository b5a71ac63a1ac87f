"""Building an index and searching it, each in a process of its own, whose memory is told.

    python benchmarks/likening/searcher.py build KIND
    python benchmarks/likening/searcher.py search FILE.npz

The environment names the collection. KIND may be `auto`; FILE.npz holds `queries`, (q, d) float32.
Prints one JSON object.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from analysis.engine import run_jobs
from analysis.similarity.indexes.index import SimilarityIndex
from analysis.similarity.indexes.job import index_job
from storage.database import Database
from storage.objects import open_store
from storage.settings import load_settings

WARMING = 20
"""Queries that are asked before the clock runs: they read the file into memory."""


def build(kind: str) -> dict[str, object]:
    settings = load_settings()
    store = open_store(settings.objects_location)
    with Database.open(settings) as database:
        job = index_job(None if kind == "auto" else kind, in_database=False)  # type: ignore[arg-type]
        started = time.perf_counter()
        [summary] = run_jobs(database, store, [job])
        seconds = time.perf_counter() - started
        again = time.perf_counter()
        run_jobs(database, store, [job])
        nothing_new = time.perf_counter() - again
    return {
        "seconds": seconds,
        "nothing_new_s": nothing_new,
        "peak_bytes": peak_bytes(),
        "details": dict(summary.details),
    }


def search(file: str) -> dict[str, object]:
    asked = np.load(file)["queries"]
    settings = load_settings()
    store = open_store(settings.objects_location)
    with Database.open(settings) as database:
        started = time.perf_counter()
        with SimilarityIndex.open(database, store) as index:
            opened = time.perf_counter() - started
            for query in asked[:WARMING]:
                index.search(query, 10)
            milliseconds, ids = [], []
            for query in asked:
                started = time.perf_counter()
                _, found = index.search(query, 10)
                milliseconds.append(1000.0 * (time.perf_counter() - started))
                ids.append(found[0].tolist())
    return {
        "open_s": opened,
        "milliseconds": milliseconds,
        "ids": ids,
        "own_bytes": own_bytes(),
        "peak_bytes": peak_bytes(),
    }


def peak_bytes() -> int:
    """Return the most memory that the process had, mapped files included."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def own_bytes() -> int:
    """Return the memory of this process alone, mapped files left out."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError("/proc/self/status has no RssAnon: measure on Linux")


if __name__ == "__main__":
    print(json.dumps({"build": build, "search": search}[sys.argv[1]](sys.argv[2])))
