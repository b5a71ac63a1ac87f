"""The engine `local`: an assembly line of threads in this process.

    readers: the object  ──►  decoders: pixels  ──►  compute, job beside job  ──►  writer

Images are admitted in the order of their keys: at most `ahead` before the computation, and no more
than fit into `memory`. At most `unwritten` batches wait for the writer. So what is in memory does
not grow with the collection, nor with the largest of its images.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeAlias

from analysis.computing import Computation
from analysis.jobs import ImageJob
from analysis.loading import Fetched, Loaded, Loading
from analysis.outcomes import Outcome
from analysis.pending import PendingImage
from storage.objects import ObjectStore

Results: TypeAlias = Mapping[int, Sequence[Outcome]]
"""What each job says of the images of a batch, by the id of its model."""

Seconds: TypeAlias = Mapping[int, float]
"""Seconds of each job, by the id of its model."""

Write: TypeAlias = Callable[[Results], Seconds]
"""Writes the results of a batch in one transaction, and says how long each job's took."""

CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Computed:
    """What jobs say of a batch, and the seconds that went into it, threads added up."""

    images: int
    results: Results
    read: float
    decode: float
    compute: Seconds


@dataclass(frozen=True)
class Written(Computed):
    """A batch that is committed."""

    write: Seconds


@dataclass(frozen=True)
class LocalEngine:
    """Runs jobs in this process."""

    readers: int = min(32, 2 * CORES + 2)
    """Threads that fetch objects, which is waiting when they come from a server."""
    decoders: int = CORES
    """Threads that decode, which is work."""
    ahead: int = 48
    """Images on their way to the computation, at most."""
    memory: int = 256_000_000
    """Bytes of images, encoded and decoded, that are in memory at a time, at most; one that needs
    more goes alone."""
    unwritten: int = 2
    """Computed batches that wait for the writer, at most."""

    name = "local"

    def __post_init__(self) -> None:
        for setting in ("readers", "decoders", "ahead", "memory", "unwritten"):
            if getattr(self, setting) < 1:
                raise ValueError(f"LocalEngine.{setting} is {getattr(self, setting)}: at least 1.")

    def run(
        self,
        images: Iterable[PendingImage],
        store: ObjectStore,
        jobs: Mapping[int, ImageJob],
        write: Write,
        *,
        proven: Container[int] = (),
    ) -> Generator[Written]:
        """Take `images` through `jobs` of one pass, by model id, yielding what is written.

        However it ends, whatever was computed before is written, and no thread is left behind.

        Args:
            images: in the order in which they are read.
            store: where they are.
            jobs: all of previews or all of originals.
            write: called in a thread of its own, batch after batch.
            proven: models whose job has gone through on some image before; see `Computation`.

        Raises JobBroken where a job fails on image after image, and what `images`, the store and
        `write` raise.
        """
        loading = Loading(jobs, store)
        computations = {at: Computation(job, at in proven) for at, job in jobs.items()}
        full = min(job.batch for job in jobs.values())
        unwritten: deque[Future[Written]] = deque()
        with ExitStack() as threads:
            writer = ThreadPoolExecutor(1, thread_name_prefix="analysis-write")
            threads.callback(writer.shutdown)
            decoders = ThreadPoolExecutor(self.decoders, thread_name_prefix="analysis-decode")
            threads.callback(decoders.shutdown, cancel_futures=True)
            readers = ThreadPoolExecutor(self.readers, thread_name_prefix="analysis-read")
            threads.callback(readers.shutdown, cancel_futures=True)
            # A job is never called twice at a time; different jobs are.
            computers = ThreadPoolExecutor(len(jobs), thread_name_prefix="analysis-compute")
            threads.callback(computers.shutdown, cancel_futures=True)

            def start(image: PendingImage) -> Future[Loaded]:
                fetched = readers.submit(loading.fetch, image)
                return decoders.submit(_decode, loading, image, fetched)

            for batch in self._batches(images, loading, start, full):
                computed = _compute(computations, batch, full, computers)
                # The pixels are not kept until the writer comes to it.
                del batch
                unwritten.append(writer.submit(_write, write, computed))
                while len(unwritten) > self.unwritten or (unwritten and unwritten[0].done()):
                    yield unwritten.popleft().result()
            while unwritten:
                yield unwritten.popleft().result()

    def _batches(
        self,
        images: Iterable[PendingImage],
        loading: Loading,
        start: Callable[[PendingImage], Future[Loaded]],
        full: int,
    ) -> Iterator[list[Loaded]]:
        """Yield loaded images in their order, as batches that depend on their sizes alone.

        A batch goes on its way with `full` images, with half of the memory, or where the next image
        has no room before.
        """
        ahead: deque[tuple[Future[Loaded], int]] = deque()
        batch: list[Loaded] = []
        held = in_batch = 0

        def take() -> None:
            nonlocal in_batch
            loaded, size = ahead.popleft()
            batch.append(loaded.result())
            in_batch += size

        for image in images:
            needed = loading.memory(image)
            while ahead or batch:
                has_room = held + needed <= self.memory
                if has_room and len(ahead) < self.ahead:
                    break
                if ahead:
                    take()
                stuck = not ahead and not has_room
                if len(batch) >= full or 2 * in_batch >= self.memory or stuck:
                    yield batch
                    held -= in_batch
                    batch, in_batch = [], 0
            ahead.append((start(image), needed))
            held += needed
        while ahead:
            take()
            if len(batch) >= full or 2 * in_batch >= self.memory:
                yield batch
                batch, in_batch = [], 0
        if batch:
            yield batch


def _decode(loading: Loading, image: PendingImage, fetched: Future[Fetched]) -> Loaded:
    return loading.decode(image, fetched.result())


def _compute(
    computations: Mapping[int, Computation],
    batch: Sequence[Loaded],
    full: int,
    computers: ThreadPoolExecutor,
) -> Computed:
    def outcomes(model_id: int) -> tuple[Sequence[Outcome], float]:
        started = time.perf_counter()
        wanted = [loaded for loaded in batch if model_id in loaded.image.model_ids]
        found = computations[model_id].outcomes(wanted, full=full)
        return found, time.perf_counter() - started

    computed = dict(zip(computations, computers.map(outcomes, computations), strict=True))
    return Computed(
        images=len(batch),
        results={model_id: found for model_id, (found, _) in computed.items()},
        read=sum(loaded.read_seconds for loaded in batch),
        decode=sum(loaded.decode_seconds for loaded in batch),
        compute={model_id: seconds for model_id, (_, seconds) in computed.items()},
    )


def _write(write: Write, computed: Computed) -> Written:
    return Written(**vars(computed), write=write(computed.results))
