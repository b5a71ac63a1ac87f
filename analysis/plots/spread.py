"""Labels that stand where what they name is, and still do not overlap."""

from __future__ import annotations

from collections.abc import Sequence


def spread(wanted: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Return the middles of labels, as near to `wanted` as they can be without touching.

    `wanted` are middles in rising order, `sizes` the room that each label takes; all lie within
    `low` and `high`, where there is room for all. Labels that would touch share a run of places
    whose mean deviation is least (pool adjacent violators: M. Ayer and others, 1955).
    """
    offsets, reached = [], 0.0
    for size in sizes:
        offsets.append(reached + size / 2)
        reached += size
    # Taken away what lies before each label, places must only not fall.
    runs: list[tuple[float, int]] = []
    for place, offset in zip(wanted, offsets, strict=True):
        mean, count = place - offset, 1
        while runs and runs[-1][0] > mean:
            other, others = runs.pop()
            mean = (mean * count + other * others) / (count + others)
            count += others
        runs.append((mean, count))
    starts = [min(max(mean, low), high - reached) for mean, count in runs for _ in range(count)]
    return [start + offset for start, offset in zip(starts, offsets, strict=True)]
