from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from crawler.imaging.limits import Memory, Patience

REPOSITORY = Path(__file__).parents[3]


def test_what_is_taken_together_stays_within_the_limit() -> None:
    memory = Memory(100)
    taken, most, lock = 0, 0, threading.Lock()

    def work(size: int) -> None:
        nonlocal taken, most
        with memory.reserve(size):
            with lock:
                taken += size
                most = max(most, taken)
            time.sleep(0.001)
            with lock:
                taken -= size

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, [10, 60, 100, 5, 45, 90, 30] * 10))
    assert taken == 0
    assert 60 <= most <= 100


def test_what_is_larger_than_the_limit_has_it_alone() -> None:
    memory = Memory(100)
    with memory.reserve(1_000):
        pass
    with memory.reserve(100):
        pass


def test_the_first_to_come_is_the_first_to_be_served() -> None:
    """Small ones that would fit do not keep a large one waiting for ever."""
    memory = Memory(100)
    order: list[int] = []

    def take(size: int) -> None:
        with memory.reserve(size):
            order.append(size)

    with memory.reserve(60):
        large = threading.Thread(target=take, args=(90,))
        large.start()
        wait_until_waiting(memory, 1)
        small = threading.Thread(target=take, args=(10,))
        small.start()
        wait_until_waiting(memory, 2)
        assert order == []
    large.join(30)
    small.join(30)
    assert order == [90, 10]


def wait_until_waiting(memory: Memory, count: int) -> None:
    until = time.monotonic() + 30
    while len(memory._waiting) < count:
        assert time.monotonic() < until
        time.sleep(0.001)


BUSY = """
import sys, time
from crawler.imaging.limits import Patience
patience = Patience({limit})
for _ in range(3):
    with patience():
        pass
with patience():
    until = time.process_time() + {seconds}
    while time.process_time() < until:
        with patience():
            pass
print("done")
"""


def busy(limit: float, seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BUSY.format(limit=limit, seconds=seconds)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_block_that_takes_too_long_ends_the_process() -> None:
    """Others that come and go meanwhile do not prolong it."""
    assert busy(0.2, 60).returncode == -signal.SIGPROF
    done = busy(60, 0.2)
    assert (done.returncode, done.stdout) == (0, "done\n")


def test_nothing_is_limited_between_blocks() -> None:
    with Patience(1_000)():
        assert signal.getitimer(signal.ITIMER_PROF)[0] > 0
    assert signal.getitimer(signal.ITIMER_PROF)[0] == 0
