"""The image workers of a crawl, seen from the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from crawler.imaging.frames import REPLY_HEAD, job_head
from crawler.imaging.limits import PATIENCE_S
from storage.errors import ImageRejected, ObjectStoreUnavailable

logger = logging.getLogger(__name__)

# Jobs handed to a worker ahead of its replies: enough to keep it busy, and bytes of theirs that it
# may have waiting beside what it decodes. What is larger is handed to it alone.
DEPTH = 8
HANDED_BYTES = 16_000_000
EXIT_TIMEOUT_S = 30.0
START_TIMEOUT_S = 60.0
START_ATTEMPTS = 3
# For glibc: large blocks of memory go back to the system when they are freed. By default it learns
# to keep them, and a worker that decoded a few large images stays twice as large as it need be.
GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "4000000"}
WORKER = (sys.executable, "-m", "crawler.imaging.worker")
# Checks images and stores none.
DRY_WORKER = (*WORKER, "--dry-run")


@dataclass(slots=True)
class _Job:
    number: int
    body: bytes
    done: asyncio.Future[dict[str, Any]]


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    writer: asyncio.StreamWriter
    reading: asyncio.Task[None]
    jobs: dict[int, _Job] = field(default_factory=dict)

    def has_room_for(self, job: _Job) -> bool:
        """Whether the worker may be handed a job already."""
        held = sum(len(one.body) for one in self.jobs.values())
        fits = len(self.jobs) < DEPTH and held + len(job.body) <= HANDED_BYTES
        return fits or not self.jobs


class ImageWorkers:
    """Hands images to worker processes; replaces a worker that dies, and finds out over what.

    The jobs of a worker that died are tried again one at a time, so that the image that kills a
    decoder is told from those that were merely beside it.
    """

    def __init__(
        self,
        processes: int,
        max_pixels: int,
        max_memory: int,
        *,
        command: Sequence[str] = WORKER,
    ) -> None:
        """`command` starts a worker; it is given the socket's number, and the two limits."""
        self._processes = processes
        self._limits = (str(max_pixels), str(max_memory))
        self._command = tuple(command)
        self._workers: list[_Worker] = []
        self._waiting: deque[_Job] = deque()
        self._suspects: deque[_Job] = deque()
        self._numbers = 0
        self._starting: asyncio.Task[None] | None = None
        self._failed_starts = 0
        self._closing = False

    async def store(self, body: bytes) -> dict[str, Any]:
        """Return the row for `images` of what was stored.

        Raises ImageRejected and ObjectStoreUnavailable, and RuntimeError where no worker starts.
        """
        self._numbers += 1
        job = _Job(self._numbers, body, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._dispatch()
        reply = await job.done
        if "stored" in reply:
            stored: dict[str, Any] = reply["stored"]
            return stored
        if reply["reason"] == "object_store_unavailable":
            raise ObjectStoreUnavailable(reply["detail"])
        raise ImageRejected(reply["reason"], reply["detail"])

    async def close(self) -> None:
        """Let the workers finish what they have and end them."""
        self._closing = True
        if self._starting is not None:
            await self._starting
        for worker in self._workers:
            worker.writer.close()
            worker.reading.cancel()
        for worker in self._workers:
            await asyncio.to_thread(_end, worker.process)

    def kill(self) -> None:
        """End the workers at once, whatever they have in hand; start no others."""
        self._closing = True
        for worker in self._workers:
            worker.process.kill()

    # Handing out

    def _dispatch(self) -> None:
        if self._starting is None and self._lacks_workers() and not self._closing:
            self._starting = asyncio.ensure_future(self._start_worker())
        if self._suspects:
            self._try_suspect()
            return
        for worker in sorted(self._workers, key=lambda worker: len(worker.jobs)):
            while self._waiting and worker.has_room_for(self._waiting[0]):
                self._hand(worker, self._waiting.popleft())

    def _lacks_workers(self) -> bool:
        # Where some work and more do not start, the crawl goes on with those.
        given_up = bool(self._workers) and self._failed_starts >= START_ATTEMPTS
        return len(self._workers) < self._processes and not given_up

    def _try_suspect(self) -> None:
        """Hand out one suspect alone, when nothing else is under way."""
        if self._workers and not any(worker.jobs for worker in self._workers):
            self._hand(self._workers[0], self._suspects[0])

    @staticmethod
    def _hand(worker: _Worker, job: _Job) -> None:
        worker.jobs[job.number] = job
        worker.writer.write(job_head(job.number, job.body))
        worker.writer.write(job.body)

    # Workers

    async def _start_worker(self) -> None:
        try:
            worker = await self._spawn()
        except (OSError, EOFError) as error:
            self._starting = None
            self._not_started(error)
            return
        self._failed_starts = 0
        self._workers.append(worker)
        self._starting = None
        self._dispatch()

    async def _spawn(self) -> _Worker:
        """Return a worker that said that it is ready.

        Raises OSError (TimeoutError among them) and EOFError (it ended before that).
        """
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            with theirs:
                process = subprocess.Popen(
                    [*self._command, str(theirs.fileno()), *self._limits],
                    pass_fds=[theirs.fileno()],
                    env=os.environ | GIVE_BACK,
                    stdin=subprocess.DEVNULL,
                )
        except OSError:
            writer.close()
            raise
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                (length,) = REPLY_HEAD.unpack(await reader.readexactly(REPLY_HEAD.size))
                await reader.readexactly(length)
        except (OSError, EOFError):
            writer.close()
            process.kill()
            process.wait()
            raise
        worker = _Worker(process, writer, asyncio.ensure_future(asyncio.sleep(0)))
        worker.reading = asyncio.ensure_future(self._read(worker, reader))
        return worker

    def _not_started(self, error: Exception) -> None:
        """Try again a few times; then it is no image's fault, and no job can be done."""
        self._failed_starts += 1
        logger.error("an image worker did not start: %s", error)
        if self._failed_starts < START_ATTEMPTS and not self._closing:
            self._dispatch()
        elif not self._workers:
            for job in (*self._waiting, *self._suspects):
                if not job.done.done():
                    job.done.set_exception(
                        RuntimeError(f"the processes that check images do not start: {error}")
                    )
            self._waiting.clear()
            self._suspects.clear()
            self._failed_starts = 0

    async def _read(self, worker: _Worker, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                (length,) = REPLY_HEAD.unpack(await reader.readexactly(REPLY_HEAD.size))
                reply = json.loads(await reader.readexactly(length))
                job = worker.jobs.pop(reply.pop("number"))
                if self._suspects and self._suspects[0] is job:
                    self._suspects.popleft()
                if not job.done.done():
                    job.done.set_result(reply)
                self._dispatch()
        except (asyncio.IncompleteReadError, ConnectionError):
            self._buried(worker)
        except (ValueError, KeyError, TypeError):
            # One of another version, or out of its mind: without it, nobody waits in vain.
            logger.exception("an image worker gave a reply that makes no sense")
            worker.process.kill()
            self._buried(worker)

    def _buried(self, worker: _Worker) -> None:
        """A worker died: its jobs are suspects, unless one was tried alone and is convicted."""
        self._workers.remove(worker)
        worker.writer.close()
        status = worker.process.wait()
        lost = list(worker.jobs.values())
        logger.warning("an image worker ended (status %s) with %d jobs", status, len(lost))
        if len(lost) == 1 and self._suspects and self._suspects[0] is lost[0]:
            self._suspects.popleft()
            reply = {
                "reason": "decoder_crashed",
                "detail": f"the decoder's process ended with {_named(status)}",
            }
            if not lost[0].done.done():
                lost[0].done.set_result(reply)
        else:
            self._suspects.extend(lost)
        if not self._closing:
            self._dispatch()


def _named(status: int) -> str:
    """Return how a process ended, in words."""
    if status == -signal.SIGPROF:
        return f"the time limit of {PATIENCE_S:.0f} seconds of CPU"
    with contextlib.suppress(ValueError):
        return f"the signal {signal.Signals(-status).name}"
    return f"status {status}"


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(EXIT_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
