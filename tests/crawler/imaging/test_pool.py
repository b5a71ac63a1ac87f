"""The image workers seen from the crawl: real processes, and what happens when they die."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image
from support.processes import runs

from crawler.imaging.pool import DEPTH, ImageWorkers
from storage.errors import ImageRejected, ObjectStoreUnavailable
from storage.objects import ObjectStore, open_store

REPOSITORY = Path(__file__).parents[3]
MAX_PIXELS = 1_000_000
MAX_MEMORY = 480_000_000

# A worker that knows a few words instead of images: what it does with each is seen at once.
FAKE_WORKER = """
import os, socket, sys, time
sys.path.insert(0, {repository!r})
from crawler.imaging.frames import encode_reply, receive_job
connection = socket.socket(fileno=int(sys.argv[1]))
connection.sendall(encode_reply({{"ready": True}}))
while (job := receive_job(connection)) is not None:
    number, body = job
    with open({log!r}, "a") as log:
        log.write(body.decode() + "\\n")
    if body == b"poison":
        time.sleep(0.05)
        os.kill(os.getpid(), 11)
    if body == b"slow":
        time.sleep(0.3)
    connection.sendall(encode_reply({{"number": number, "stored": {{"body": body.decode()}}}}))
"""


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 60))


def jpeg(seed: int, size: tuple[int, int] = (700, 500)) -> bytes:
    rng = np.random.default_rng(seed)
    patches = Image.fromarray(rng.integers(0, 255, (5, 7, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    patches.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """An empty store that workers find through their environment."""
    url = (tmp_path / "objects").as_uri()
    monkeypatch.setenv("ARTWORKS_OBJECTS_URL", url)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    return open_store(url, create=True)


@pytest.fixture
def fake_command(tmp_path: Path) -> tuple[str, ...]:
    script = FAKE_WORKER.format(repository=str(REPOSITORY), log=str(tmp_path / "log"))
    return (sys.executable, "-S", "-c", script)


@pytest.fixture(autouse=True)
def bystanders() -> Iterator[None]:
    """Children of this process that other fixtures started, such as services."""
    _bystanders.clear()
    _bystanders.update(child.pid for child in psutil.Process().children())
    yield
    _bystanders.clear()


_bystanders: set[int] = set()


def children() -> list[psutil.Process]:
    """What the workers under test started and left running."""
    return [child for child in psutil.Process().children() if child.pid not in _bystanders]


def processes_of(workers: ImageWorkers) -> list[psutil.Process]:
    return [psutil.Process(worker.process.pid) for worker in workers._workers]


def test_images_are_stored_with_previews_and_what_is_none_is_refused(store: ObjectStore) -> None:
    async def scenario() -> None:
        workers = ImageWorkers(1, MAX_PIXELS, MAX_MEMORY)
        body, small = jpeg(1), jpeg(2, (64, 48))
        outcomes = await asyncio.gather(
            workers.store(body),
            workers.store(b"<!doctype html><p>sign in first</p>"),
            workers.store(body[: len(body) // 2]),
            workers.store(b""),
            workers.store(small),
            workers.store(body),
            workers.store(jpeg(3, (1200, 1000))),
            return_exceptions=True,
        )
        stored, html, cut, empty, little, again, large = outcomes
        assert isinstance(stored, dict)
        assert stored == again
        sha256 = hashlib.sha256(body).hexdigest()
        assert stored["sha256"] == sha256
        assert (stored["width"], stored["height"], stored["bytes"]) == (700, 500, len(body))
        assert store.get(stored["object_key"]) == body
        with Image.open(io.BytesIO(store.get(stored["preview_key"]))) as preview:
            assert max(preview.size) == 512
        assert isinstance(little, dict)
        assert little["preview_key"] == little["object_key"]
        reasons = [error.reason for error in (html, cut, empty, large)]  # type: ignore[union-attr]
        assert reasons == ["html_as_image", "truncated", "empty_body", "too_many_pixels"]
        assert all(isinstance(error, ImageRejected) for error in (html, cut, empty, large))
        assert len(list(store.list())) == 3

        # Killed while it is busy: a new one does what it had not done.
        [first] = processes_of(workers)
        first.suspend()
        jobs = [asyncio.ensure_future(workers.store(jpeg(seed))) for seed in range(10, 16)]
        await asyncio.sleep(0.1)
        first.kill()
        assert len({row["sha256"] for row in await asyncio.gather(*jobs)}) == 6
        [second] = processes_of(workers)
        assert second.pid != first.pid
        await workers.close()
        assert not runs(second)
        assert not children()

    run(scenario())


def test_an_object_store_that_fails_is_told_as_such(store: ObjectStore, tmp_path: Path) -> None:
    async def scenario() -> None:
        workers = ImageWorkers(1, MAX_PIXELS, MAX_MEMORY)
        await workers.store(jpeg(1))
        # Where folders have to be, a file is: nothing can be put any more.
        (tmp_path / "objects").rename(tmp_path / "away")
        (tmp_path / "objects").write_bytes(b"")
        with pytest.raises(ObjectStoreUnavailable):
            await workers.store(jpeg(2))
        (tmp_path / "objects").unlink()
        (tmp_path / "away").rename(tmp_path / "objects")
        assert (await workers.store(jpeg(2)))["bytes"]
        await workers.close()

    run(scenario())


def test_the_job_that_kills_fake_workers_is_convicted_and_its_neighbours_are_not(
    fake_command: tuple[str, ...],
) -> None:
    async def scenario() -> None:
        workers = ImageWorkers(1, MAX_PIXELS, MAX_MEMORY, command=fake_command)
        words = [f"word {number}" for number in range(12)]
        words[3] = words[8] = "poison"
        outcomes = await asyncio.gather(
            *(workers.store(word.encode()) for word in words), return_exceptions=True
        )
        for word, outcome in zip(words, outcomes, strict=True):
            if word == "poison":
                assert isinstance(outcome, ImageRejected)
                assert outcome.reason == "decoder_crashed"
                assert "SIGSEGV" in outcome.detail
            else:
                assert outcome == {"body": word}
        assert await workers.store(b"after") == {"body": "after"}
        await workers.close()
        assert not children()

    run(scenario())


def test_several_fake_workers_share_the_jobs_and_outlive_poison(
    fake_command: tuple[str, ...],
) -> None:
    async def scenario() -> None:
        workers = ImageWorkers(2, MAX_PIXELS, MAX_MEMORY, command=fake_command)
        words = ["slow", "poison", *(f"word {number}" for number in range(3 * DEPTH)), "poison"]
        outcomes = await asyncio.gather(
            *(workers.store(word.encode()) for word in words), return_exceptions=True
        )
        crashed = [isinstance(outcome, ImageRejected) for outcome in outcomes]
        assert crashed == [word == "poison" for word in words]
        await asyncio.sleep(0.2)
        assert len(workers._workers) == 2
        await workers.close()

    run(scenario())


def test_fake_workers_are_handed_no_more_than_keeps_them_busy(
    fake_command: tuple[str, ...], tmp_path: Path
) -> None:
    async def scenario() -> None:
        workers = ImageWorkers(1, MAX_PIXELS, MAX_MEMORY, command=fake_command)
        jobs = [asyncio.ensure_future(workers.store(b"slow")) for _ in range(DEPTH + 4)]
        while not workers._workers:
            await asyncio.sleep(0.01)
        assert len(workers._workers[0].jobs) == DEPTH
        for job in jobs:
            job.cancel()
        await workers.close()

    run(scenario())


@pytest.mark.parametrize(
    "command",
    [(sys.executable, "-c", "raise SystemExit(3)"), ("/nonexistent/program",)],
    ids=["it-ends-at-once", "there-is-no-such-program"],
)
def test_workers_that_do_not_start_are_no_images_fault(command: tuple[str, ...]) -> None:
    async def scenario() -> None:
        workers = ImageWorkers(1, MAX_PIXELS, MAX_MEMORY, command=command)
        outcomes = await asyncio.gather(
            *(workers.store(b"x") for _ in range(3)), return_exceptions=True
        )
        for outcome in outcomes:
            assert type(outcome) is RuntimeError
            assert "do not start" in str(outcome)
        with pytest.raises(RuntimeError, match="do not start"):
            await workers.store(b"y")
        await workers.close()
        assert not children()

    run(scenario())


def test_closing_while_a_fake_worker_starts_leaves_none_behind(
    fake_command: tuple[str, ...],
) -> None:
    async def scenario() -> None:
        workers = ImageWorkers(1, MAX_PIXELS, MAX_MEMORY, command=fake_command)
        job = asyncio.ensure_future(workers.store(b"x"))
        await asyncio.sleep(0)
        job.cancel()
        await workers.close()
        assert not children()

    run(scenario())


def test_closing_unused_workers_is_nothing() -> None:
    run(ImageWorkers(2, MAX_PIXELS, MAX_MEMORY).close())


def test_workers_end_when_the_crawl_is_killed(store: ObjectStore, tmp_path: Path) -> None:
    crawl = """
import asyncio, sys
from pathlib import Path
from crawler.imaging.pool import ImageWorkers

async def main():
    workers = ImageWorkers(1, 1_000_000, 480_000_000)
    await workers.store(Path(sys.argv[1]).read_bytes())
    print(workers._workers[0].process.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(jpeg(1))
    parent = subprocess.Popen(
        [sys.executable, "-c", crawl, str(picture)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    assert parent.stdout is not None
    worker = psutil.Process(int(parent.stdout.readline()))
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    until = time.monotonic() + 10
    while runs(worker) and time.monotonic() < until:
        time.sleep(0.02)
    assert not runs(worker)
