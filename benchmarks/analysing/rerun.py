"""Running all jobs again with nothing new to see.

Rows stand for images that were all seen: made by the database itself, with palettes and features
as large as real ones; no objects belong to them, since nothing may be read. Jobs that look at
results of others see them once before, for which they take the time that is shown.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
from functools import partial

from sqlalchemy import text

from analysis.catalog import JOBS, LABELS, make_job
from analysis.embeddings.descriptors import DIMENSIONS
from analysis.engine import RunSummary, run_jobs
from analysis.jobs import ImageJob
from benchmarks.analysing.clock import clock_seconds, in_turn
from benchmarks.analysing.collection import Workshop
from benchmarks.analysing.figures import Figure, Section
from benchmarks.analysing.pictures import ROOT
from storage.models import ImageColor, ImageEmbedding, ImageFeatures

MOST_SECONDS = 2.0
WITHOUT_WEIGHTS = {"ARTWORKS_EMBEDDING": "descriptors"}
COMMAND = (sys.executable, "-m", "cli", "analyze", "--json")

NAMES = tuple(name for name in JOBS if name != LABELS)
"""Nothing is trained, so no job labels images; benchmarks/labels.py has them."""

_IMAGES = """
    WITH made AS (
        SELECT n, encode(sha256(n::text::bytea), 'hex') AS sha256 FROM generate_series(1, :count) n
    ), works AS (
        INSERT INTO artworks (site, source_id, page_url, title, content_hash, raw)
        SELECT 'museum', n::text, 'https://museum.example/work/' || n, 'Work ' || n, n::text, '{}'
        FROM made ORDER BY n RETURNING id, source_id
    ), stored AS (
        INSERT INTO images (sha256, object_key, preview_key, format, width, height, bytes, phash)
        SELECT sha256, 'images/' || sha256 || '.jpg', 'previews/512/' || sha256 || '.jpg', 'jpeg',
               2000, 1600, 600000,
               ('x' || substr(encode(sha256(sha256::bytea), 'hex'), 1, 16))::bit(64)::bigint
        FROM made ORDER BY n RETURNING id, sha256
    )
    INSERT INTO image_sources (artwork_id, position, url, image_id)
    SELECT works.id, 0, 'https://museum.example/image/' || n || '.jpg', stored.id
    FROM made JOIN works ON works.source_id = n::text JOIN stored USING (sha256)
"""
_SEEN = """
    INSERT INTO image_results (image_id, model_id, state)
    SELECT id, :model_id, 'done' FROM images
"""
# Random numbers depend on the seed alone, since no plan of these is parallel.
_ROWS = {
    ImageColor.__tablename__: """
        INSERT INTO image_colors (image_id, model_id, rank, hex, lab_l, lab_a, lab_b, fraction,
                                  name)
        SELECT id, :model_id, rank, '#' || lpad(to_hex((random() * 16777215)::int), 6, '0'),
               100 * random(), 60 * random() - 30, 60 * random() - 20, 0.2, 'sienna'
        FROM images, generate_series(1, 5) rank
    """,
    ImageFeatures.__tablename__: """
        INSERT INTO image_features (image_id, model_id, values)
        SELECT i.id, :model_id, ARRAY(SELECT 100 * random() + 0 * i.id FROM generate_series(1, 18))
        FROM images i
    """,
    ImageEmbedding.__tablename__: f"""
        INSERT INTO image_embeddings (image_id, model_id, embedding)
        SELECT i.id, :model_id, l2_normalize(ARRAY(
            SELECT random() - 0.5 + 0 * i.id FROM generate_series(1, {DIMENSIONS})
        )::halfvec)
        FROM images i
    """,
}


def measure(workshop: Workshop, images: int = 100_000, rounds: int = 3) -> Section:
    """Run all jobs of `artworks analyze` over images that they have seen, `rounds` times."""
    names = list(NAMES)
    workshop.empty()
    run_jobs(workshop.database, workshop.store, names)  # their models are registered now
    fill(workshop, images)
    first, _ = clock_seconds(lambda: run_jobs(workshop.database, workshop.store, names))
    workshop.settle()

    def engine() -> None:
        assert_nothing_new(run_jobs(workshop.database, workshop.store, names))

    command_cpu: list[float] = []
    works = {"engine": engine, "command": lambda: command_cpu.append(_command(workshop))}
    seconds = in_turn(works, rounds, clock_seconds)
    alone = {
        name: statistics.median(
            clock_seconds(partial(run_jobs, workshop.database, workshop.store, [name]))[0]
            for _ in range(rounds)
        )
        for name in names
    }
    title = f"Nothing new at {images:,} images: {', '.join(names)}, {rounds} rounds"
    figures = [
        Figure("rerun_s", "run_jobs", statistics.median(seconds["engine"]), "s",
               most=MOST_SECONDS),
        Figure("rerun_command_s", "artworks analyze, the whole process",
               statistics.median(seconds["command"]), "s"),
        Figure("rerun_command_cpu_s", "… CPU time of that process, imports included",
               statistics.median(command_cpu), "s"),
        Figure("rerun_first_s", "jobs over results of others, once before", first, "s"),
        *(Figure(f"rerun_{name}_s", f"… {name} alone", took, "s") for name, took in alone.items()),
    ]  # fmt: skip
    return Section(title, tuple(figures))


def fill(workshop: Workshop, images: int) -> None:
    """Make `images` images that the image jobs have seen, with what they found."""
    with workshop.database.begin() as connection:
        connection.execute(text("SELECT setseed(0.5)"))
        connection.execute(text(_IMAGES), {"count": images})
        for name in NAMES:
            job = make_job(name, workshop.database)
            if isinstance(job, ImageJob):
                model_id = connection.scalar(
                    text("SELECT id FROM models WHERE name = :name AND version = :version"),
                    {"name": job.model.name, "version": job.model.version},
                )
                connection.execute(text(_SEEN), {"model_id": model_id})
                connection.execute(text(_ROWS[job.table.name]), {"model_id": model_id})
    workshop.settle()


def assert_nothing_new(summaries: list[RunSummary]) -> None:
    """Fail where a job looked at an image."""
    for summary in summaries:
        seen = summary.done + summary.empty + summary.failed
        assert seen == 0, f"{summary.job} looked at {seen} images that it had seen"


def _command(workshop: Workshop) -> float:
    """Run `artworks analyze`; return the CPU seconds of its process."""
    before = children_cpu_seconds()
    done = subprocess.run(
        COMMAND,
        env=workshop.environment | WITHOUT_WEIGHTS,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {found["job"] for found in json.loads(done.stdout)} == set(NAMES)
    return children_cpu_seconds() - before


def children_cpu_seconds() -> float:
    """Return the CPU seconds of the processes that this one started and that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
