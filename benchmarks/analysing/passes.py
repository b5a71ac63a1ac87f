"""Two jobs in one pass, beside one after the other: read, decoded, computed and committed.

Everything is real: PostgreSQL, a folder of objects, `run_jobs` from the pending images to the
committed rows. Before each run all results are forgotten. A pass shares reading and decoding;
computing and the rows it cannot share, so the ratio says as much about the jobs as about the
engine. What one image costs is therefore shown by stage: seconds by the clock in the threads of the
stage, their waiting for a core or for Python's lock included.

Jobs on originals ask for 1,024 px and halve what they get first, as jobs with a model shrink to its
input. No reduction of a 2,000 × 1,600 JPEG keeps that, so they get all 3.2 megapixels; one of
4,000 × 3,000, as museums give them out, is decoded at three eighths. The larger the original, the
more of the work is shared.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cv2
import numpy as np

from analysis.colors.features import FEATURES
from analysis.colors.job import COLORS
from analysis.engine import run_jobs
from analysis.jobs import RGB, Compute, ImageJob
from benchmarks.analysing.clock import clock_seconds, in_turn, one_thread
from benchmarks.analysing.collection import Workshop
from benchmarks.analysing.figures import Figure, Section
from benchmarks.analysing.pictures import LARGE, Pictures, jpeg, large_jpeg, pictures

SHARED, OWN = ("read", "decode"), ("compute", "write")
"""Stages that jobs of one pass share, and those that each has for itself."""
STAGES = SHARED + OWN
HUGE = (4000, 3000)
"""Width and height of the larger originals, pixels."""
ORIGINAL_PX = 1024
"""What the jobs on originals ask for."""
MODEL_PX = 400
"""Shorter side that they compute on, at least."""
ORIGINALS = 12
"""Large originals that differ; the others repeat them under other hashes."""
PREVIEWS = 60
MOST = {"previews": 0.9, "originals": 0.7, "huge": 0.7}
"""Targets: one pass takes at most this, beside the sum of both alone."""


@dataclass(frozen=True)
class Took:
    """What one way of running the jobs took, for all images."""

    seconds: float
    """By the clock."""
    cpu: float
    """CPU seconds of this process, all threads, without the database's."""
    stages: dict[str, float]


def on_originals(job: ImageJob) -> ImageJob:
    """Return the job for originals, which computes on them shrunk."""
    name = f"{job.name}-of-originals"
    model = replace(job.model, name=name, is_default=False)
    compute = partial(_shrunk, job.compute)
    return replace(job, name=name, model=model, compute=compute, input_px=ORIGINAL_PX)


def _shrunk(compute: Compute, images: Sequence[RGB]) -> Any:
    return compute([_smaller(image) for image in images])


def _smaller(image: RGB) -> RGB:
    # Halving twice is twice as fast in OpenCV as shrinking to a quarter, and the same to a level.
    while min(image.shape[:2]) >= 2 * MODEL_PX:
        height, width, _ = image.shape
        half = (width // 2, height // 2)
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA))
    return image


def measure(
    workshop: Workshop,
    previews: int = 240,
    originals: int = 24,
    rounds: int = 5,
    found: Pictures | None = None,
) -> list[Section]:
    """Run both jobs over previews, and their like over originals, `rounds` times in turn."""
    found = found or pictures(min(previews, PREVIEWS))
    small = [jpeg(pixels) for pixels in found.pixels]
    jobs = [COLORS, FEATURES]
    of_originals = [on_originals(job) for job in jobs]
    sections = [_section(workshop, "previews", "previews", small, previews, jobs, rounds, found)]
    for name, size, count in (("originals", LARGE, 2 * originals), ("huge", HUGE, originals)):
        large = [large_jpeg(one, at, size) for at, one in enumerate(found.pixels[:ORIGINALS])]
        what = f"originals of {size[0]:,} × {size[1]:,}"
        sections.append(_section(workshop, name, what, large, count, of_originals, rounds, found))
    return sections


def _section(
    workshop: Workshop,
    name: str,
    what: str,
    jpegs: Sequence[bytes],
    count: int,
    jobs: Sequence[ImageJob],
    rounds: int,
    found: Pictures,
) -> Section:
    workshop.empty()
    workshop.hang(jpegs, count)
    with one_thread():
        ways = _measured(workshop, jobs, count, rounds)
    title = f"Two jobs over {count} {what} ({found.source}), {rounds} rounds"
    return Section(title, tuple(_figures(name, ways, count, MOST[name])))


def _measured(
    workshop: Workshop, jobs: Sequence[ImageJob], count: int, rounds: int
) -> dict[str, list[Took]]:
    first, second = jobs
    took: dict[str, list[Took]] = {"first": [], "second": [], "both": []}
    works: dict[str, Callable[[], None]] = {
        "first": lambda: took["first"].append(_run(workshop, [first], count)),
        "second": lambda: took["second"].append(_run(workshop, [second], count)),
        "both": lambda: took["both"].append(_run(workshop, [first, second], count)),
    }
    in_turn(works, 1, clock_seconds)  # to warm up
    for found in took.values():
        found.clear()
    in_turn(works, rounds, clock_seconds)
    return took


def _run(workshop: Workshop, jobs: Sequence[ImageJob], count: int) -> Took:
    workshop.forget_results()
    started, cpu = time.perf_counter(), time.process_time()
    summaries = run_jobs(workshop.database, workshop.store, jobs)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    for summary in summaries:
        assert summary.done == count, f"{summary.done} of {count} images done: {summary.reasons}"
    stages = {stage: summaries[0].seconds[stage] for stage in SHARED}
    stages |= {stage: sum(summary.seconds[stage] for summary in summaries) for stage in OWN}
    return Took(seconds, cpu, stages)


def _figures(name: str, ways: dict[str, list[Took]], count: int, most: float) -> list[Figure]:
    rounds = list(zip(ways["first"], ways["second"], ways["both"], strict=True))
    ratio = statistics.median(
        both.seconds / (first.seconds + second.seconds) for first, second, both in rounds
    )
    cpu_ratio = statistics.median(
        both.cpu / (first.cpu + second.cpu) for first, second, both in rounds
    )
    figures = [
        Figure(f"ratio_one_pass_{name}", "one pass beside the sum of both alone, time", ratio, "×",
               most=most),
        Figure(f"ratio_one_pass_{name}_cpu", "… CPU time of this process", cpu_ratio, "×"),
    ]  # fmt: skip
    for way, label in (("first", "colors"), ("second", "features"), ("both", "both in one pass")):
        seconds = statistics.median(took.seconds for took in ways[way])
        cpu = statistics.median(took.cpu for took in ways[way]) / count * 1000
        figures.append(Figure(f"{name}_{way}_per_s", label, count / seconds, "images/s"))
        figures.append(Figure(f"{name}_{way}_cpu_ms", "… CPU, all threads", cpu, "ms an image"))
        for stage in STAGES:
            spent = statistics.median(took.stages[stage] for took in ways[way]) / count * 1000
            figures.append(Figure(f"{name}_{way}_{stage}_ms", f"… {stage}", spent, "ms an image"))
    return figures
