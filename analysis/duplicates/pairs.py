"""All pairs of 64-bit hashes within a Hamming distance, without comparing each with each.

Two hashes that differ in at most r bits, cut into r + k blocks, agree in at least k of them: r
differing bits spoil r blocks at most. So for every choice of k blocks the hashes are sorted by
those blocks, and only neighbours that agree in all of them are compared: nothing is missed, and
few are compared in vain. The idea is that of G. S. Manku, A. Jain and A. Das Sarma, "Detecting
Near-Duplicates for Web Crawling" (WWW 2007), where the tables are kept; sorting again is faster
than reading them. k is chosen by the number of hashes: with none, all are compared.

Bits are moved, not picked, so a table holds the hashes themselves: sorted, they are compared with
those `step` places on, in order, which costs a nanosecond a pair.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, combinations
from math import comb
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Hashes: TypeAlias = npt.NDArray[np.uint64]
Indices: TypeAlias = npt.NDArray[np.int64]
Distances: TypeAlias = npt.NDArray[np.uint8]

BITS = 64
LARGEST_RADIUS = 16
"""With more, most of what is found is chance, and no choice of blocks saves much."""

MOST_EQUAL_BLOCKS = 4
CHUNK = 1 << 15
"""Hashes compared at once: what is made of them stays in the processor's cache."""

# What a step costs, in nanoseconds; measured, and only their proportions matter.
_SORT_NS = 90.0
_COMPARE_NS = 1.5
_STEP_NS = 30_000.0


class Pairs(NamedTuple):
    """Pairs of hashes by their places in the arrays that were given."""

    left: Indices
    right: Indices
    distance: Distances
    """Differing bits, 0 to 64."""


_NOTHING = Pairs(
    np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint8)
)


def near_pairs(hashes: Hashes, radius: int) -> Pairs:
    """Return the pairs of `hashes`, (n,) uint64, that differ in at most `radius` bits.

    All of them, exactly, over distinct hashes: each is represented by its first place. Further
    places of a hash are paired with its first at distance 0, and with nothing else, so that
    thousands of blank pictures give thousands of pairs and not millions. Each pair is given once,
    with left < right, sorted.

    Memory is that of a few copies of `hashes` and of the result. A million hashes take seconds up
    to a radius of 8.

    Raises ValueError where the radius is not between 0 and 16.
    """
    _check(radius)
    hashes = np.ascontiguousarray(hashes, dtype=np.uint64)
    distinct, first, place = np.unique(hashes, return_index=True, return_inverse=True)
    low, high, distance = _of_distinct(distinct, radius)
    one, other = first[low], first[high]
    further = np.flatnonzero(first[place] != np.arange(len(hashes)))
    return _in_order(
        np.concatenate((np.minimum(one, other), first[place[further]])),
        np.concatenate((np.maximum(one, other), further)),
        np.concatenate((distance, np.zeros(len(further), dtype=np.uint8))),
    )


def near_pairs_of(new: Hashes, known: Hashes, radius: int) -> Pairs:
    """Return the pairs of one of `new` and one of `known` that differ in at most `radius` bits.

    (m,) and (n,) uint64; `left` are places in `new`, `right` in `known`. All of them, exactly,
    over distinct hashes, each represented by its first place; equal hashes have distance 0. Few
    new ones are compared with all that are known; many cost no more than `near_pairs` of all.

    Raises ValueError where the radius is not between 0 and 16.
    """
    _check(radius)
    news, first_new = np.unique(np.asarray(new, dtype=np.uint64), return_index=True)
    knowns, first_known = np.unique(np.asarray(known, dtype=np.uint64), return_index=True)
    every = np.union1d(news, knowns)
    directly = len(news) * (len(knowns) * _COMPARE_NS + _STEP_NS * (len(knowns) / CHUNK + 1))
    if directly <= _cost(len(every), radius, _equal_blocks(len(every), radius)):
        left, right, distance = _compared(news, knowns, radius)
        return _in_order(first_new[left], first_known[right], distance)
    low, high, distance = _of_distinct(every, radius)
    same = np.arange(len(every))
    one, other = np.concatenate((same, low, high)), np.concatenate((same, high, low))
    distance = np.concatenate((np.zeros(len(every), dtype=np.uint8), distance, distance))
    new_at, known_at = _places(every, news, first_new), _places(every, knowns, first_known)
    kept = (new_at[one] >= 0) & (known_at[other] >= 0)
    return _in_order(new_at[one[kept]], known_at[other[kept]], distance[kept])


def _check(radius: int) -> None:
    if not 0 <= radius <= LARGEST_RADIUS:
        raise ValueError(f"a radius of {radius} bits: choose one from 0 to {LARGEST_RADIUS}.")


def _in_order(left: Indices, right: Indices, distance: Distances) -> Pairs:
    order = np.lexsort((right, left))
    return Pairs(left[order], right[order], distance[order])


def _places(every: Hashes, some: Hashes, first: Indices) -> Indices:
    """Return for each of `every` its place according to `first`, -1 where `some` has it not."""
    places = np.full(len(every), -1, dtype=np.int64)
    places[np.searchsorted(every, some)] = first
    return places


def _compared(news: Hashes, knowns: Hashes, radius: int) -> Pairs:
    """Compare each of one array with each of another."""

    def chunk(start: int) -> list[Pairs]:
        part = knowns[start : start + CHUNK]
        found = []
        for at, one in enumerate(news):
            bits = np.bitwise_count(part ^ one)
            near = np.flatnonzero(bits <= radius)
            if len(near):
                found.append(
                    Pairs(np.full(len(near), at, dtype=np.int64), near + start, bits[near])
                )
        return found

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = [_NOTHING, *chain(*threads.map(chunk, range(0, len(knowns), CHUNK)))]
    return Pairs(*(np.concatenate(side) for side in zip(*found, strict=True)))


@dataclass(frozen=True)
class _Table:
    """One choice of blocks that are to be equal."""

    chosen: tuple[int, ...]
    blocks: int

    @property
    def moves(self) -> list[tuple[int, int, int]]:
        """Runs of bits (from, width, to) that bring the chosen blocks to the top, in order."""
        rest = [block for block in range(self.blocks) if block not in self.chosen]
        runs: list[tuple[int, int]] = []
        for block in (*reversed(self.chosen), *reversed(rest)):
            low, width = _block(block, self.blocks)
            if runs and runs[-1][0] == low + width:
                runs[-1] = (low, width + runs[-1][1])
            else:
                runs.append((low, width))
        moves, top = [], BITS
        for low, width in runs:
            top -= width
            moves.append((low, width, top))
        return moves

    @property
    def key_bits(self) -> int:
        """Bits of the chosen blocks."""
        return sum(_block(block, self.blocks)[1] for block in self.chosen)

    def is_first(self, differing: Hashes) -> npt.NDArray[np.bool_]:
        """Tell of which pairs, by their differing bits, no earlier table has heard.

        That is where the chosen blocks are the first that are equal.
        """
        equal: Indices = np.zeros(len(differing), dtype=np.int64)
        for block in range(max(self.chosen, default=-1) + 1):
            low, width = _block(block, self.blocks)
            equal += (differing >> np.uint64(low)) & _mask(width) == 0
        return np.equal(equal, len(self.chosen))


def _block(block: int, blocks: int) -> tuple[int, int]:
    """Return the lowest bit and the width of a block."""
    low, high = (round(edge * BITS / blocks) for edge in (block, block + 1))
    return low, high - low


def _mask(width: int) -> np.uint64:
    return np.uint64((1 << width) - 1)


def _moved(hashes: Hashes, moves: Sequence[tuple[int, int, int]]) -> Hashes:
    """Return hashes with their bits in another order."""
    moved = np.zeros_like(hashes)
    for start in range(0, len(hashes), CHUNK):
        source, target = hashes[start : start + CHUNK], moved[start : start + CHUNK]
        for low, width, to in moves:
            part = source >> np.uint64(low)
            part &= _mask(width)
            part <<= np.uint64(to)
            target |= part
    return moved


def _of_distinct(hashes: Hashes, radius: int) -> Pairs:
    """Return the pairs of distinct, sorted hashes."""
    if radius == 0 or len(hashes) < 2:
        return _NOTHING
    equal = _equal_blocks(len(hashes), radius)
    tables = [
        _Table(chosen, radius + equal) for chosen in combinations(range(radius + equal), equal)
    ]
    with ThreadPoolExecutor(min(len(tables), os.cpu_count() or 1)) as threads:
        found = list(threads.map(lambda table: _found_in(table, hashes, radius), tables))
    one, other = (np.concatenate(side) for side in zip(*found, strict=True))
    left, right = np.searchsorted(hashes, one), np.searchsorted(hashes, other)
    return Pairs(left, right, np.bitwise_count(one ^ other))


def _equal_blocks(count: int, radius: int) -> int:
    """Return how many blocks must be equal for the least work."""
    choices = range(min(MOST_EQUAL_BLOCKS, BITS - radius) + 1)
    return min(choices, key=lambda equal: _cost(count, radius, equal))


def _cost(count: int, radius: int, equal: int) -> float:
    """Estimate the nanoseconds that hashes without structure take."""
    blocks = radius + equal
    run = count / 2 ** (BITS * equal / blocks) if equal else count
    steps = max(run, 1.0)
    return comb(blocks, equal) * (
        count * (_SORT_NS if equal else 0.0) + count * run / 2 * _COMPARE_NS + steps * _STEP_NS
    )


def _found_in(table: _Table, hashes: Hashes, radius: int) -> tuple[Hashes, Hashes]:
    """Return the pairs that this table is the first to find, as hashes."""
    moves = table.moves
    moved = _moved(hashes, moves)
    moved.sort()
    ones: list[Hashes] = []
    others: list[Hashes] = []
    for one, other in _neighbours(moved, table.key_bits, radius):
        back = [(to, width, low) for low, width, to in moves]
        one, other = _moved(one, back), _moved(other, back)
        first = table.is_first(one ^ other)
        ones.append(one[first])
        others.append(other[first])
    empty = np.empty(0, dtype=np.uint64)
    return np.concatenate((empty, *ones)), np.concatenate((empty, *others))


def _neighbours(ordered: Hashes, key_bits: int, radius: int) -> Iterator[tuple[Hashes, Hashes]]:
    """Yield pairs of sorted hashes that are near and equal in their highest `key_bits`."""
    if key_bits:
        low = np.uint64(BITS - key_bits)
        keys = ordered >> low
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        lengths = np.diff(starts, append=len(ordered))
        run = np.repeat(lengths, lengths)
        del keys
    else:
        run = np.full(len(ordered), len(ordered))
    longest = int(run.max())
    for step in range(1, longest):
        if step & (step - 1) == 0:
            # Now and then, those in runs that are too short by now are left out.
            ordered, run = ordered[run > step], run[run > step]
        for start in range(0, len(ordered) - step, CHUNK):
            other = ordered[start + step : start + step + CHUNK]
            one = ordered[start : start + len(other)]
            near = np.flatnonzero(np.bitwise_count(one ^ other) <= radius)
            if len(near):
                one, other = one[near], other[near]
                if key_bits:
                    same = (one ^ other) >> low == 0
                    one, other = one[same], other[same]
                yield one, other
