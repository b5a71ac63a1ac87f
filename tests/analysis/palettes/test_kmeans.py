"""k-means over tones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.colors.palettes.kmeans import cluster_tones
from analysis.colors.palettes.tones import MERGE_DELTA_E, Tones, largest, merged


def scattered(count: int, seed: int) -> Tones:
    rng = np.random.default_rng(seed)
    lab = rng.normal((50.0, 0.0, 0.0), (20.0, 25.0, 25.0), (count, 3))
    shares = rng.random(count) + 0.01
    return Tones(lab, shares / shares.sum())


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 10**6))
@settings(max_examples=60)
def test_nothing_is_lost(count: int, k: int, seed: int) -> None:
    tones = cluster_tones(scattered(count, seed), k)
    assert 1 <= len(tones) <= k
    assert tones.shares.sum() == pytest.approx(1.0)
    assert tones.shares.min() > 0.0


def test_groups_far_apart_are_found() -> None:
    centres = np.array(
        [[20.0, 0.0, 0.0], [80.0, 0.0, 0.0], [50.0, 60.0, 30.0], [50.0, -50.0, 40.0]]
    )
    rng = np.random.default_rng(1)
    lab = np.repeat(centres, 30, axis=0) + rng.normal(0.0, 1.5, (120, 3))
    tones = cluster_tones(Tones(lab, np.full(120, 1 / 120)), 4)
    gaps = np.linalg.norm(tones.lab[:, np.newaxis] - centres, axis=2).min(axis=0)
    assert gaps.max() < 1.5
    assert tones.shares == pytest.approx([0.25] * 4)


def test_a_flat_color_that_dominates_a_cluster_is_its_color() -> None:
    lab = np.array([[50.0, 10.0, 10.0], [58.0, 14.0, 10.0], [44.0, 2.0, 6.0], [90.0, 0.0, 0.0]])
    tones = cluster_tones(Tones(lab, np.array([0.4, 0.1, 0.1, 0.4])), 2)
    assert sorted(tones.lab[:, 0]) == [50.0, 90.0]


@given(st.integers(2, 30), st.integers(0, 10**6))
@settings(max_examples=40)
def test_merging_joins_what_nobody_tells_apart(count: int, seed: int) -> None:
    from analysis.colors.difference import ciede2000

    tones = scattered(count, seed)
    crowded = Tones(tones.lab / 8.0 + (45.0, 0.0, 0.0), tones.shares)
    joined = merged(crowded)
    apart = ciede2000(joined.lab[:, np.newaxis], joined.lab) + 100.0 * np.eye(len(joined))
    assert apart.min() >= MERGE_DELTA_E
    assert joined.shares.sum() == pytest.approx(1.0)
    assert joined.shares @ joined.lab == pytest.approx(crowded.shares @ crowded.lab)


@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 10**6))
@settings(max_examples=40)
def test_the_largest_keep_their_colors_and_share_the_rest(count: int, k: int, seed: int) -> None:
    tones = scattered(count, seed)
    kept = largest(tones, k)
    assert len(kept) == min(k, count)
    assert kept.shares.sum() == pytest.approx(1.0)
    order = np.argsort(-tones.shares, kind="stable")[:k]
    assert {tuple(color) for color in kept.lab} == {tuple(color) for color in tones.lab[order]}
