"""Samples, distances, themes and numbers: what groups are described with."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.clusters.distances import (
    ATYPICAL,
    TYPICAL,
    Members,
    diameters,
    from_centers,
    group_centers,
    neighbors_of,
)
from analysis.clusters.matching import keep_numbers
from analysis.clusters.sample import draw, lots
from analysis.clusters.stored import memberships_to_keep
from analysis.clusters.themes import Said, ThemeTerm, find_terms, theme_of

# --- Samples ----------------------------------------------------------------------------------


def pages(ids: list[int], at_once: int) -> list[tuple[np.ndarray, np.ndarray]]:
    every = np.array(sorted(ids), np.int64)
    return [
        (every[at : at + at_once], every[at : at + at_once, None].astype(np.float32))
        for at in range(0, len(every), at_once)
    ]


@given(st.sets(st.integers(1, 10**12), max_size=60), st.integers(1, 25), st.integers(1, 70))
def test_a_sample_depends_on_the_ids_alone(ids: set[int], most: int, at_once: int) -> None:
    drawn, vectors, seen = draw(pages(list(ids), at_once), most, 1)
    lowest = sorted(ids, key=lambda one: int(lots(np.array([one], np.int64))[0]))[:most]
    assert drawn.tolist() == sorted(lowest)
    assert np.array_equal(vectors[:, 0], drawn.astype(np.float32))
    assert seen == len(ids)


def test_lots_are_spread() -> None:
    found = lots(np.arange(20_000, dtype=np.int64))
    assert len(np.unique(found)) == 20_000
    assert np.mean(found.astype(np.float64) / 2.0**64) == pytest.approx(0.5, abs=0.01)


# --- Distances --------------------------------------------------------------------------------


def test_distances_within_and_between() -> None:
    angles = np.radians([0, 10, 20, 90, 90, 200])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    labels = np.array([0, 0, 0, 1, 1, 2])
    centers = group_centers(vectors, labels, 3)
    assert np.allclose(centers[0], [np.cos(np.radians(10)), np.sin(np.radians(10))], atol=1e-6)
    far = from_centers(vectors, labels, centers)
    assert np.allclose(far, [1 - np.cos(np.radians(10)), 0, 1 - np.cos(np.radians(10)), 0, 0, 0],
                       atol=1e-6)  # fmt: skip
    wide = diameters(vectors, labels, 3)
    assert 1 - np.cos(np.radians(10)) < wide[0] <= 1 - np.cos(np.radians(20)) + 1e-6
    assert wide[1:].tolist() == pytest.approx([0, 0], abs=1e-6)
    near = neighbors_of(centers, np.array([7, 8, 9], np.int32))
    assert [one["cluster"] for one in near[0]] == [8, 9]
    assert near[0][0]["distance"] == pytest.approx(1 - np.cos(np.radians(80)), abs=1e-5)


@given(
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60),
    st.integers(1, 20),
    st.integers(0, 60),
)
def test_members_are_the_same_in_any_pages(distances: list[float], at_once: int, stop: int) -> None:
    ids = np.arange(1, len(distances) + 1)
    far = np.array(distances, np.float32)
    whole, parts = Members(), Members()
    whole.add(ids, far)
    for start in range(0, len(ids), at_once):
        if start >= stop:
            # What was written goes on from there.
            parts = Members.read(parts.as_dict())
        parts.add(ids[start : start + at_once], far[start : start + at_once])
    assert parts.count == whole.count == len(ids)
    assert parts.mean == pytest.approx(whole.mean, abs=1e-4)
    assert parts.typical == whole.typical
    assert parts.atypical == whole.atypical
    assert len(whole.typical) == min(TYPICAL, len(ids))
    assert len(whole.atypical) == min(ATYPICAL, len(ids))
    assert whole.typical == sorted(whole.typical)


def test_what_is_kept_of_memberships() -> None:
    memberships = np.array([[0.94, 0.04, 0.02], [0.5, 0.45, 0.05], [0.01, 0.98, 0.01]], np.float32)
    kept = memberships_to_keep(np.array([5, 6, 9]), memberships, np.array([2, 1, 3], np.int32))
    assert list(zip(kept.ids.tolist(), kept.clusters.tolist(), strict=True)) == [
        (5, 2), (6, 2), (6, 1), (6, 3), (9, 1),
    ]  # fmt: skip
    many = np.full((1, 40), 1 / 40, np.float32)
    assert len(memberships_to_keep(np.array([1]), many, np.arange(1, 41, dtype=np.int32)).ids) == 1


# --- Numbers that stay ------------------------------------------------------------------------


def test_groups_keep_their_numbers() -> None:
    former = np.array([1] * 10 + [2] * 10 + [3] * 10 + [0] * 5, np.int32)
    fresh = np.array([2] * 10 + [0] * 9 + [1] * 11 + [3] * 5, np.int32)
    numbers = np.array([3, 1, 2, 4], np.int32)
    assert keep_numbers(fresh, numbers, former).tolist() == [2, 3, 1, 4]
    # A group that is new gets the lowest number that is free.
    split = np.array([0] * 10 + [1] * 10 + [2] * 5 + [3] * 5 + [3] * 5, np.int32)
    found = keep_numbers(split, np.array([1, 2, 4, 3], np.int32), former)
    assert found[:2].tolist() == [1, 2]
    assert sorted(found.tolist()) == [1, 2, 3, 4]
    assert keep_numbers(fresh, numbers, np.zeros(35, np.int32)).tolist() == numbers.tolist()


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8)), min_size=6, max_size=60),
    st.permutations(list(range(1, 7))),
)
def test_numbers_are_never_given_twice(pairs: list[tuple[int, int]], order: list[int]) -> None:
    fresh = np.array([one for one, _ in pairs] + list(range(6)), np.int32)
    former = np.array([old for _, old in pairs] + [0] * 6, np.int32)
    found = keep_numbers(fresh, np.array(order, np.int32), former)
    assert len(set(found.tolist())) == 6
    assert found.min() >= 1


# --- Themes -----------------------------------------------------------------------------------


def said(cluster: int, name: str, works: int, kind: str = "style") -> Said:
    return Said(cluster, kind, name, works)


def test_terms_that_are_said_more_often_than_elsewhere() -> None:
    found = find_terms(
        [
            said(1, "Cubism", 30), said(2, "Cubism", 2), said(2, "Rococo", 38),
            said(1, "Rococo", 10), said(1, "oil", 39, "medium"), said(2, "oil", 40, "medium"),
            said(3, "Dada", 3),
        ],
        {(1, "style"): 40, (2, "style"): 40, (3, "style"): 3, (1, "medium"): 40,
         (2, "medium"): 40},
    )  # fmt: skip
    assert {cluster: [term.name for term in terms] for cluster, terms in found.items()} == {
        1: ["Cubism"],
        2: ["Rococo"],
    }
    [cubism] = found[1]
    assert (cubism.works, cubism.of, cubism.share) == (30, 40, 0.75)
    assert cubism.lift == pytest.approx((30 / 40) / (32 / 83), abs=1e-5)
    assert cubism.p < 1e-9
    assert find_terms([], {}) == {}


def test_p_is_the_chance_of_the_urn() -> None:
    found = find_terms(
        [said(1, "a", 8), said(2, "a", 2), said(1, "b", 2), said(2, "b", 28)],
        {(1, "style"): 10, (2, "style"): 30},
    )
    [term] = found[1]
    chance = sum(comb(10, x) * comb(30, 10 - x) for x in range(8, 11)) / comb(40, 10)
    # Of four tests two have the least p, since "a" in the one is "b" in the other.
    assert (term.name, term.p) == ("a", pytest.approx(chance * 4 / 2, rel=0.01))
    assert list(found) == [1]


def by_chance(seed: int) -> bool:
    """Whether terms drawn by lot make a theme of any of eight groups."""
    rng = np.random.default_rng(seed)
    table = np.zeros((9, 12), np.int64)
    np.add.at(table, (rng.integers(1, 9, 400), rng.integers(0, 12, 400)), 1)
    counted = [
        said(int(group), f"term {name}", int(table[group, name]))
        for group, name in zip(*np.nonzero(table), strict=True)
    ]
    return bool(find_terms(counted, {(at, "style"): int(table[at].sum()) for at in range(1, 9)}))


def test_chance_alone_makes_hardly_any_theme() -> None:
    assert sum(by_chance(seed) for seed in range(200)) <= 4


def term(name: str, kind: str = "style", share: float = 0.9, lift: float = 3.0) -> ThemeTerm:
    return ThemeTerm(kind, name, 20, 22, share, lift, 1e-6)


def test_themes_are_made_of_terms_that_say_different_things() -> None:
    assert theme_of([]) is None
    assert theme_of([term("Cubism"), term("1900s", "decade")]) == "Cubism · 1900s"
    assert theme_of([term("portrait"), term("portraits", "category")]) == "portrait"
    assert theme_of([term("tonal landscape"), term("landscapes", "category")]) == "tonal landscape"
    assert theme_of([term("Cubism"), term("Futurism")]) == "Cubism"
    assert theme_of([term("1900s", "decade"), term("20th century", "century")]) == "1900s"
    assert theme_of([term("Cubism"), term("French", "nationality", share=0.4)]) == "Cubism"
    three = [term("Cubism"), term("1900s", "decade"), term("French", "nationality")]
    assert theme_of(three) == "Cubism · 1900s"
