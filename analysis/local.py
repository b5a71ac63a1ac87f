"""The engine `local`: reader threads, one computing thread, one writer thread.

    readers: read, decode  ──►  the calling thread: compute  ──►  writer: one transaction

Images are read ahead in the order of their keys, at most `ahead` of them; at most `unwritten`
batches wait for the writer. What is in memory does not grow with the collection.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

from analysis.jobs import RGB, ImageJob, Row
from analysis.results import Fault, Outcome, PendingImage
from storage.errors import ArtworksError, ImageRejected, ObjectNotFound
from storage.images import decode_rgb
from storage.objects import ObjectStore

log = logging.getLogger(__name__)

Results: TypeAlias = Mapping[int, Sequence[Outcome]]
"""What each job says of the images of a batch, by the id of its model."""

STAGES = ("read", "decode", "compute", "write")


@dataclass(frozen=True)
class Loaded:
    """An image out of the store: pixels, or the reason why there are none."""

    image: PendingImage
    pixels: RGB | Fault
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Written:
    """A batch that is committed."""

    images: int
    results: Results
    seconds: Mapping[str, float]
    """Wall-clock seconds by stage, those of reader threads added up."""


def add_seconds(total: dict[str, float], more: Mapping[str, float]) -> None:
    """Add seconds by stage to `total`."""
    for stage, seconds in more.items():
        total[stage] = total.get(stage, 0.0) + seconds


def load(image: PendingImage, store: ObjectStore, job: ImageJob) -> Loaded:
    """Read and decode an image as `job` needs it.

    A missing object and bytes that are no acceptable image become a Fault. Raises
    ObjectStoreUnavailable.
    """
    key = image.preview_key if job.reads_preview else image.object_key
    started = time.perf_counter()
    pixels: RGB | Fault
    try:
        data = store.get(key)
    except ObjectNotFound:
        pixels = Fault("object_missing", f"the object store has no {key}", retryable=True)
        return Loaded(image, pixels, {"read": time.perf_counter() - started})
    read = time.perf_counter()
    try:
        pixels = decode_rgb(data, size=None if job.reads_preview else job.input_px)
    except ImageRejected as error:
        pixels = Fault(error.reason, f"{key}: {error.detail}", retryable=False)
    seconds = {"read": read - started, "decode": time.perf_counter() - read}
    return Loaded(image, pixels, seconds)


def compute(job: ImageJob, images: Sequence[Loaded]) -> list[Outcome]:
    """Run a job over loaded images; one that it fails on becomes a Fault.

    Raises what the job raised where it fails on each of several: the fault is the job's then.
    """
    outcomes = [
        Outcome(loaded.image.id, fault=loaded.pixels)
        for loaded in images
        if isinstance(loaded.pixels, Fault)
    ]
    good = [
        (loaded.image.id, loaded.pixels)
        for loaded in images
        if not isinstance(loaded.pixels, Fault)
    ]
    if not good:
        return outcomes
    try:
        rows = _rows(job, [pixels for _, pixels in good])
    except ArtworksError:
        raise
    except Exception as error:  # noqa: BLE001 - told apart below, image by image
        return outcomes + _compute_singly(job, good, error)
    return outcomes + [Outcome(at, found) for (at, _), found in zip(good, rows, strict=True)]


def _rows(job: ImageJob, images: Sequence[RGB]) -> Sequence[Sequence[Row]]:
    rows = job.compute(images)
    if len(rows) != len(images):
        raise ValueError(f"the job {job.name} gave {len(rows)} results for {len(images)} images")
    return rows


def _compute_singly(
    job: ImageJob, images: Sequence[tuple[int, RGB]], error: Exception
) -> list[Outcome]:
    outcomes = []
    for image_id, pixels in images:
        try:
            outcomes.append(Outcome(image_id, _rows(job, [pixels])[0]))
        except Exception as reason:  # noqa: BLE001 - one image's fault is written down
            log.warning("job %s failed on image %d: %r", job.name, image_id, reason)
            fault = Fault("compute_failed", f"{type(reason).__name__}: {reason}", retryable=True)
            outcomes.append(Outcome(image_id, fault=fault))
    if len(images) > 1 and all(outcome.fault for outcome in outcomes):
        raise error
    return outcomes


@dataclass(frozen=True)
class LocalEngine:
    """Runs jobs in this process."""

    readers: int = 4
    """Threads that read and decode."""
    ahead: int = 48
    """Images read ahead of the computation, at most."""
    unwritten: int = 2
    """Computed batches that wait for the writer, at most."""

    name = "local"

    def run(
        self,
        images: Iterable[PendingImage],
        store: ObjectStore,
        jobs: Mapping[int, ImageJob],
        write: Callable[[Results], None],
    ) -> Generator[Written]:
        """Take `images` through `jobs` (by model id, all of one input), yielding what is written.

        However it ends, whatever was computed before is written, and no thread is left behind.
        """
        leader = next(iter(jobs.values()))
        size = min(job.batch for job in jobs.values())
        readers = ThreadPoolExecutor(self.readers, thread_name_prefix="analysis-read")
        writer = ThreadPoolExecutor(1, thread_name_prefix="analysis-write")
        unwritten: deque[Future[Written]] = deque()
        try:
            for batch in self._batches(images, readers, store, leader, size):
                results, seconds = _results(jobs, batch)
                unwritten.append(writer.submit(_written, write, len(batch), results, seconds))
                while len(unwritten) > self.unwritten or (unwritten and unwritten[0].done()):
                    yield unwritten.popleft().result()
            while unwritten:
                yield unwritten.popleft().result()
        finally:
            readers.shutdown(cancel_futures=True)
            writer.shutdown()

    def _batches(
        self,
        images: Iterable[PendingImage],
        readers: ThreadPoolExecutor,
        store: ObjectStore,
        job: ImageJob,
        size: int,
    ) -> Iterator[list[Loaded]]:
        ahead: deque[Future[Loaded]] = deque()
        batch: list[Loaded] = []
        for image in images:
            ahead.append(readers.submit(load, image, store, job))
            if len(ahead) >= self.ahead:
                batch.append(ahead.popleft().result())
            if len(batch) >= size:
                yield batch
                batch = []
        while ahead:
            batch.append(ahead.popleft().result())
            if len(batch) >= size:
                yield batch
                batch = []
        if batch:
            yield batch


def _results(
    jobs: Mapping[int, ImageJob], batch: Sequence[Loaded]
) -> tuple[Results, Mapping[str, float]]:
    started = time.perf_counter()
    results = {
        model_id: compute(job, [one for one in batch if model_id in one.image.model_ids])
        for model_id, job in jobs.items()
    }
    seconds = {"compute": time.perf_counter() - started}
    for loaded in batch:
        add_seconds(seconds, loaded.seconds)
    return results, seconds


def _written(
    write: Callable[[Results], None], images: int, results: Results, seconds: Mapping[str, float]
) -> Written:
    started = time.perf_counter()
    write(results)
    return Written(images, results, {**seconds, "write": time.perf_counter() - started})
