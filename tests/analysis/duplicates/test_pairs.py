"""Pairs within a Hamming distance: exactly those that comparing each with each finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.duplicates import pairs
from analysis.duplicates.pairs import Hashes, Pairs, near_pairs, near_pairs_of

RADII = st.integers(0, 12)
EQUAL_BLOCKS = range(pairs.MOST_EQUAL_BLOCKS + 1)


@st.composite
def clustered(draw: st.DrawFn, most: int = 60) -> Hashes:
    """Hashes around a few centres, some of them equal: what collections are like."""
    centres = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4))
    flips = st.lists(st.integers(0, 63), max_size=14)
    members = draw(st.lists(st.tuples(st.sampled_from(centres), flips), max_size=most))
    found = []
    for centre, bits in members:
        for bit in bits:
            centre ^= 1 << bit
        found.append(centre)
    return np.array(found, dtype=np.uint64)


def differing(one: Hashes, other: Hashes) -> np.ndarray:
    return np.bitwise_count(one[:, None] ^ other[None, :])


def compared(hashes: Hashes, radius: int) -> list[tuple[int, int, int]]:
    """The pairs by comparing all: distinct hashes by their first place, then the further places."""
    values = hashes.tolist()
    first = {value: values.index(value) for value in values}
    found = [(first[value], at, 0) for at, value in enumerate(values) if first[value] != at]
    places = sorted(first.values())
    for at, one in enumerate(places):
        for other in places[at + 1 :]:
            bits = (values[one] ^ values[other]).bit_count()
            if bits <= radius:
                found.append((one, other, bits))
    return sorted(found)


def listed(found: Pairs) -> list[tuple[int, int, int]]:
    return list(zip(*(side.tolist() for side in found), strict=True))


@given(clustered(), RADII)
def test_as_by_comparing_all(hashes: Hashes, radius: int) -> None:
    assert listed(near_pairs(hashes, radius)) == compared(hashes, radius)


@pytest.mark.parametrize("equal", EQUAL_BLOCKS)
@settings(max_examples=20)
@given(hashes=clustered(), radius=st.integers(1, 7))
def test_every_choice_of_blocks_finds_the_same(equal: int, hashes: Hashes, radius: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "_equal_blocks", lambda count, radius: equal)
        assert listed(near_pairs(hashes, radius)) == compared(hashes, radius)


@pytest.mark.parametrize("equal", EQUAL_BLOCKS)
def test_many_hashes_over_several_chunks(equal: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "_equal_blocks", lambda count, radius: equal)
    monkeypatch.setattr(pairs, "CHUNK", 100)
    rng = np.random.default_rng(3)
    centres = rng.integers(0, 2**64, 150, dtype=np.uint64)
    hashes = centres[rng.integers(0, 150, 1500)]
    for _ in range(4):
        hashes ^= np.uint64(1) << rng.integers(0, 64, 1500).astype(np.uint64)
    distance = np.triu(differing(hashes, hashes) <= 6, 1) & (differing(hashes, hashes) > 0)
    expected = list(zip(*(side.tolist() for side in np.nonzero(distance)), strict=True))
    found = listed(near_pairs(np.unique(hashes), 6))
    assert len(expected) > 1000
    assert len(found) == len(set(found))
    values = np.unique(hashes).tolist()
    by_value = {tuple(sorted((values[one], values[other]))) for one, other, _ in found}
    assert by_value == {
        tuple(sorted((int(hashes[one]), int(hashes[other])))) for one, other in expected
    }


@given(clustered(30), clustered(30), RADII, st.booleans())
def test_new_ones_with_known_ones(new: Hashes, known: Hashes, radius: int, in_tables: bool) -> None:
    known = np.concatenate((known, new[: len(new) // 2]))
    with pytest.MonkeyPatch.context() as patch:
        if in_tables:
            patch.setattr(pairs, "_cost", lambda count, radius, equal: -1.0)
        found = listed(near_pairs_of(new, known, radius))
    expected = []
    for one in sorted({new.tolist().index(value) for value in new.tolist()}):
        for other in sorted({known.tolist().index(value) for value in known.tolist()}):
            bits = (int(new[one]) ^ int(known[other])).bit_count()
            if bits <= radius:
                expected.append((one, other, bits))
    assert found == expected


def test_thousands_of_equal_hashes_are_a_star() -> None:
    hashes = np.full(5000, 7, dtype=np.uint64)
    hashes[10] = 6
    found = near_pairs(hashes, 6)
    assert len(found.left) == 4999
    assert listed(found)[9] == (0, 10, 1)
    assert set(found.left.tolist()) == {0}
    assert sorted(found.right.tolist()) == list(range(1, 5000))


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_for_a_pair(count: int) -> None:
    hashes = np.arange(count, dtype=np.uint64)
    assert listed(near_pairs(hashes, 6)) == []
    assert listed(near_pairs_of(hashes[:0], hashes, 6)) == []
    assert listed(near_pairs_of(hashes, hashes[:0], 6)) == []


@pytest.mark.parametrize("radius", [-1, 17])
def test_a_radius_without_meaning_is_refused(radius: int) -> None:
    hashes = np.zeros(2, dtype=np.uint64)
    with pytest.raises(ValueError, match=r"a radius of .* choose one from 0 to 16"):
        near_pairs(hashes, radius)
    with pytest.raises(ValueError, match="choose one"):
        near_pairs_of(hashes, hashes, radius)


def test_more_hashes_are_cut_into_more_blocks() -> None:
    chosen = [pairs._equal_blocks(count, 6) for count in (2, 10_000, 1_000_000, 10**8)]
    assert chosen == sorted(chosen)
    assert chosen[0] == 0
    assert chosen[-1] >= 3
