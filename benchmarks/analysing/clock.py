"""Timing fairly: one thread, rounds that alternate, CPU seconds, medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import cv2
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenCV, BLAS and OpenMP to one thread, so that CPU seconds are those of one core."""
    former = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        cv2.setNumThreads(former)


def cpu_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds that this process spends on `work`, all threads, and its result."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def cpu_seconds_each(work: Callable[[], Any], least: float = 0.02) -> tuple[float, Any]:
    """Return the CPU seconds of one of as many repetitions as take `least` seconds, and a result.

    What takes a millisecond would otherwise pay for the caches that the former way left behind.
    """
    repetitions, spent = 0, 0.0
    while spent < least:
        took, result = cpu_seconds(work)
        repetitions, spent = repetitions + 1, spent + took
    return spent / repetitions, result


def clock_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds by the clock that `work` takes, and its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def in_turn(
    works: Mapping[str, Callable[[], Any]],
    rounds: int,
    timed: Callable[[Callable[[], Any]], tuple[float, Any]],
) -> dict[str, list[float]]:
    """Run each of `works` in each round; return the seconds of each, by name.

    Every other round goes backwards, so that none always follows the same one.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    order = list(works)
    for turn in range(rounds):
        for name in order if turn % 2 == 0 else reversed(order):
            seconds[name].append(timed(works[name])[0])
    return seconds


def medians(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the median of each."""
    return {name: statistics.median(found) for name, found in seconds.items()}
