"""The nearest within a distance: exactly by pages, and nearly so by cells."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.duplicates.candidates import (
    Candidates,
    Cells,
    in_turns,
    nearest_exactly,
    nearest_in_cells,
)
from analysis.duplicates.look_alikes import once

Ids = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]


def made(count: int, seed: int, distinct: int = 10**9) -> tuple[Ids, Vectors]:
    """Vectors of length 1 in loose groups; at most `distinct` different ones."""
    rng = np.random.default_rng(seed)
    groups = rng.standard_normal((5, 16))
    vectors = groups[rng.integers(0, 5, count)] + 0.5 * rng.standard_normal((count, 16))
    vectors = vectors[np.arange(count) % min(distinct, max(count, 1))]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = np.sort(rng.choice(3 * count + 1, count, replace=False)).astype(np.int64)
    return ids, vectors.astype(np.float32)


def pages(ids: Ids, vectors: Vectors, size: int) -> Iterator[tuple[Ids, Vectors]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size], vectors[start : start + size]


def brute(
    asked: Ids, vectors: Vectors, ids: Ids, every: Vectors, most: int, within: float
) -> list[tuple[int, int]]:
    found = []
    for one, vector in zip(asked.tolist(), vectors, strict=True):
        distance = 1 - (vector[None] @ every.T)[0]
        order = sorted(range(len(ids)), key=lambda at: (distance[at], ids[at]))
        near = [int(ids[at]) for at in order if ids[at] != one and distance[at] <= within]
        found += [(one, other) for other in near[:most]]
    return found


def pairs(found: Candidates) -> list[tuple[int, int]]:
    return list(zip(found.image.tolist(), found.other.tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 25),
    st.integers(1, 6),
    st.sampled_from([0.05, 0.3, 2.0]),
    st.integers(0, 9),
)
def test_as_comparing_each_with_each(
    count: int, size: int, most: int, within: float, seed: int
) -> None:
    ids, vectors = made(count, seed)
    chosen = np.sort(np.random.default_rng(seed).permutation(count)[: 1 + count // 2])
    found = nearest_exactly(
        ids[chosen], vectors[chosen], pages(ids, vectors, size), most=most, within=within
    )
    expected = brute(ids[chosen], vectors[chosen], ids, vectors, most, within)
    # Sums of products depend on the size of the matrix in their last bits.
    distances = {
        pair: 1 - float(vectors[ids == pair[0]][0] @ vectors[ids == pair[1]][0])
        for pair in {*pairs(found), *expected}
    }
    assert len(found.image) == len(expected)
    np.testing.assert_allclose(
        [distances[pair] for pair in pairs(found)],
        [distances[pair] for pair in expected],
        atol=1e-5,
    )
    assert (found.distance >= 0).all()


def test_a_thousand_equal_pictures_give_few_pairs() -> None:
    ids, vectors = made(1000, 1, distinct=1)
    found = nearest_exactly(ids, vectors, pages(ids, vectors, 128), most=5, within=0.1)
    assert len(found.image) == 5000
    assert len(once(found).image) < 5000
    assert set(found.other.tolist()) <= set(ids.tolist())
    assert (found.image != found.other).all()


def test_cells_find_what_there_is() -> None:
    ids, vectors = made(2000, 3)
    vectors[1::2] = vectors[::2] + 0.02 * np.random.default_rng(0).standard_normal((1000, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cells = Cells(vectors, len(ids))
    for page in pages(ids, vectors, 300):
        cells.add(*page)

    def read(wanted: Ids) -> tuple[Ids, Vectors]:
        known = wanted[wanted != ids[1]]  # taken down meanwhile
        return known, vectors[np.searchsorted(ids, known)]

    asked = np.concatenate((ids[:400], ids[-3:]))
    turns = list(in_turns(pages(ids, vectors, 300), asked, 64))
    assert np.concatenate([part for part, _ in turns]).tolist() == asked.tolist()
    assert max(len(part) for part, _ in turns) <= 64
    found: set[tuple[int, int]] = set()
    for part, part_vectors in turns:
        found |= set(pairs(nearest_in_cells(part, part_vectors, cells, read, most=3, within=0.05)))
    exact = nearest_exactly(
        asked,
        vectors[np.searchsorted(ids, asked)],
        pages(ids, vectors, 300),
        most=3,
        within=0.05,
    )
    expected = {pair for pair in pairs(exact) if ids[1] not in pair[1:]}
    assert len(found & expected) >= 0.95 * len(expected) > 100
    assert ids[1] not in {other for _, other in found}


def test_a_pair_is_looked_at_once() -> None:
    found = once(
        Candidates(
            np.array([1, 1, 2, 3, 3]),
            np.array([2, 3, 1, 1, 4]),
            np.array([0.1, 0.2, 0.1, 0.2, 0.3], np.float32),
        )
    )
    assert pairs(found) == [(1, 2), (1, 3), (3, 4)]
    none = np.empty(0, np.int64)
    assert pairs(once(Candidates(none, none, np.empty(0, np.float32)))) == []
