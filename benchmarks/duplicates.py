"""All near pairs of a million perceptual hashes, and beside it comparing each with each.

Hashes as pictures have them, with half of their bits set; one in twenty repeats another with up to
eight bits changed. Comparing all, with NumPy in blocks that fit the cache and over the same number
of threads, is timed on fewer hashes, and ours on the same ones; both must find the same pairs.
Rounds alternate and the medians are compared.

    python benchmarks/duplicates.py [--hashes 1000000] [--compared 50000] [--radius 6] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))  # the package `analysis`, not analysis.py here

from analysis.duplicates.pairs import (
    Hashes,
    Pairs,
    near_pairs,
    near_pairs_of,
)

TARGETS = {"ratio_all_pairs": 3.0}
MOST_SECONDS = 10.0
NEW = 1000
ROWS = 256
COLUMNS = 1 << 14


def hashes_of_pictures(count: int, seed: int = 1) -> Hashes:
    """Return distinct hashes, (count,) uint64, of which one in twenty is near another."""
    rng = np.random.default_rng(seed)
    made = np.empty(0, dtype=np.uint64)
    while len(made) < count:
        order = rng.random((100_000, 64)).argsort(axis=1) < 32
        made = np.concatenate((made, np.packbits(order, axis=1).view(np.uint64).ravel()))
    made = made[:count]
    copies = rng.choice(count, count // 20, replace=False)
    made[copies] = made[rng.integers(0, count, len(copies))]
    for _ in range(4):
        # A bit that is set and one that is not change places, as they do in altered pictures.
        for wanted in (1, 0):
            at = rng.integers(0, 64, len(copies)).astype(np.uint64)
            fits = (made[copies] >> at & np.uint64(1)) == wanted
            made[copies] ^= np.where(fits, np.uint64(1) << at, np.uint64(0))
    return rng.permutation(np.unique(made))


def all_pairs(hashes: Hashes, radius: int) -> Pairs:
    """Compare each with each."""

    def rows(start: int) -> tuple[list[Any], list[Any]]:
        left, right = [], []
        one = hashes[start : start + ROWS, None]
        for column in range(start, len(hashes), COLUMNS):
            other = hashes[column : column + COLUMNS]
            near = np.bitwise_count(one ^ other) <= radius
            if near.any():
                at, to = np.nonzero(near)
                left.append(at + start)
                right.append(to + column)
        return left, right

    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        found = list(threads.map(rows, range(0, len(hashes), ROWS)))
    left = np.concatenate([part for lefts, _ in found for part in lefts])
    right = np.concatenate([part for _, rights in found for part in rights])
    left, right = left[left < right], right[left < right]
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    return Pairs(left, right, np.bitwise_count(hashes[left] ^ hashes[right]))


def timed(work: Callable[[], Pairs]) -> tuple[float, Pairs]:
    """Return the seconds that it takes, and what it returns."""
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def memory_mb(work: Callable[[], Pairs]) -> float:
    """Return the most memory that it takes beyond what it is given."""
    tracemalloc.start()
    work()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6


def main() -> int:
    """Measure, print a table, and say whether the targets are met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hashes", type=int, default=1_000_000)
    parser.add_argument("--compared", type=int, default=50_000, help="hashes that both get")
    parser.add_argument("--radius", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()

    every = hashes_of_pictures(options.hashes)
    few = every[: options.compared]
    seconds: dict[str, list[float]] = {"few": [], "all_pairs": [], "every": [], "new": []}
    for _ in range(options.rounds):
        took, ours = timed(lambda: near_pairs(few, options.radius))
        seconds["few"].append(took)
        took, theirs = timed(lambda: all_pairs(few, options.radius))
        seconds["all_pairs"].append(took)
        assert all(np.array_equal(*sides) for sides in zip(ours, theirs, strict=True))
    for _ in range(options.rounds):
        took, found = timed(lambda: near_pairs(every, options.radius))
        seconds["every"].append(took)
        took, _new = timed(lambda: near_pairs_of(every[:NEW], every, options.radius))
        seconds["new"].append(took)
    medians = {name: statistics.median(measured) for name, measured in seconds.items()}
    result: dict[str, Any] = {
        "ratio_all_pairs": medians["all_pairs"] / medians["few"],
        "seconds": medians,
        "hashes": len(every),
        "compared": len(few),
        "radius": options.radius,
        "pairs": len(found.left),
        "memory_mb": memory_mb(lambda: near_pairs(every, options.radius)),
        "rounds": options.rounds,
    }
    show(result, seconds)
    if options.json:
        print(json.dumps(result))
    missed = [name for name, least in TARGETS.items() if result[name] < least]
    if options.hashes <= 1_000_000 and medians["every"] > MOST_SECONDS:
        missed.append("seconds of every")
    if missed:
        Console(stderr=True).print(f"missed: {', '.join(missed)}")
    return 1 if missed else 0


def show(result: dict[str, Any], seconds: dict[str, list[float]]) -> None:
    """Print what was measured."""
    table = Table(title=f"Pairs within {result['radius']} of 64 bits")
    for heading in ("what", "hashes", "s (median)", "all rounds", "artworks is"):
        table.add_column(heading)
    few, every = f"{result['compared']:,}", f"{result['hashes']:,}"
    for name, what, hashes, compared in (
        ("few", "artworks", few, ""),
        ("all_pairs", "each with each", few, f"{result['ratio_all_pairs']:.1f} × as fast"),
        ("every", "artworks", every, ""),
        ("new", f"artworks: {NEW:,} new ones with all", every, ""),
    ):
        table.add_row(
            what,
            hashes,
            f"{result['seconds'][name]:.2f}",
            " ".join(f"{took:.2f}" for took in seconds[name]),
            compared,
        )
    console = Console()
    console.print(table)
    console.print(f"{result['pairs']:,} pairs; {result['memory_mb']:.0f} MB of memory at most")


if __name__ == "__main__":
    sys.exit(main())
