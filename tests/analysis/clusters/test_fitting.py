"""From vectors to groups: components, the choice of a number, k-means and mixtures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.clusters.distances import from_centers
from analysis.clusters.fitting import Settings, fit_groups
from analysis.clusters.gaussian import forms_to_try
from analysis.clusters.kmeans import find_agreement, fit_kmeans
from analysis.clusters.reduction import fit_reduction, rooted
from analysis.clusters.selection import Candidate, choose, depth, numbers_to_try, scaled

Planted = Callable[..., tuple[np.ndarray, np.ndarray]]


def together(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two labellings divide alike."""
    pairs = set(zip(one.tolist(), other.tolist(), strict=True))
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))


def candidates(inertias: list[float], silhouettes: list[float]) -> list[Candidate]:
    return [
        Candidate(k, inertia, silhouette, 1.0)
        for k, (inertia, silhouette) in enumerate(zip(inertias, silhouettes, strict=True), start=2)
    ]


# --- Components -------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(20, 50), (200, 30)], ids=["few images", "many images"])
@pytest.mark.parametrize("share", [0.5, 0.85, 1.0])
def test_as_many_components_as_keep_the_share(shape: tuple[int, int], share: float) -> None:
    rng = np.random.default_rng(3)
    vectors = (rng.normal(size=shape) * np.linspace(3, 0.1, shape[1])).astype(np.float32)
    reduction = fit_reduction(vectors, share)
    assert reduction.kept >= share - 1e-6
    assert reduction.explained[: reduction.dimensions - 1].sum() < share
    assert (np.diff(reduction.explained) <= 1e-12).all()
    assert np.allclose(reduction.components @ reduction.components.T, np.eye(reduction.dimensions),
                       atol=1e-4)  # fmt: skip
    points = reduction.apply(vectors)
    assert points.dtype == np.float32
    variance = points.var(axis=0).sum() / rooted(vectors).var(axis=0).sum()
    assert variance == pytest.approx(reduction.kept, abs=1e-3)
    assert np.allclose(reduction.apply(vectors[5:8]), points[5:8], atol=1e-5)


def test_equal_images_keep_one_component() -> None:
    reduction = fit_reduction(np.full((12, 8), 0.35, np.float32))
    assert reduction.dimensions == 1
    assert np.isfinite(reduction.apply(np.full((2, 8), 0.35, np.float32))).all()


@given(arrays(np.float32, (3, 6), elements=st.floats(-1, 1, width=32, allow_subnormal=False)))
def test_roots_have_length_one_and_keep_signs(vectors: np.ndarray) -> None:
    roots = rooted(vectors)
    length = np.linalg.norm(roots, axis=1)
    empty = ~np.any(vectors, axis=1)
    assert np.allclose(length[~empty], 1.0, atol=1e-4)
    assert not roots[empty].any()
    assert (np.sign(roots) == np.sign(vectors)).all()


# --- How many ---------------------------------------------------------------------------------


def test_the_elbow_is_where_the_curve_bends() -> None:
    numbers = list(range(2, 11))
    inertias = [100 * 0.5 ** min(k, 5) * 0.97 ** max(0, k - 5) for k in numbers]
    assert numbers[int(np.argmax(depth(numbers, inertias)))] == 5
    assert depth([2], [3.0]).tolist() == [1.0]


def test_elbow_and_silhouette_decide_together() -> None:
    inertias = [100.0, 60, 35, 20, 18, 17, 16.5]
    assert choose(candidates(inertias, [0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3])).k == 5
    # The silhouette is best at 2, where inertia has its first point: no bend at all.
    choice = choose(candidates(inertias, [0.5, 0.3, 0.35, 0.45, 0.3, 0.2, 0.1]))
    assert (choice.k, choice.elbow) == (5, 5)
    assert choose(candidates([5.0], [0.1])).k == 2
    assert choose(candidates([5.0, 0.0, 0.0], [0.1, 0.9, 0.5])).k == 3


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=9))
def test_scaled_curves_are_between_0_and_1(values: list[float]) -> None:
    curve = scaled(np.array(values))
    assert ((curve >= 0.0) & (curve <= 1.0)).all()


@given(st.integers(10, 2_000_000))
def test_numbers_that_are_tried(images: int) -> None:
    numbers = numbers_to_try(images)
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 2
    assert numbers[-1] <= max(2, min(32, images // 5))


@pytest.mark.parametrize("groups", [3, 11])
def test_planted_groups_are_counted_and_found(planted: Planted, groups: int) -> None:
    vectors, labels = planted(groups, 160 // groups)
    fit = fit_groups(vectors, Settings("kmeans"))
    assert fit.choice is not None
    assert fit.choice.k == groups
    assert together(fit.primary, labels)


def test_the_same_images_give_the_same_groups(planted: Planted) -> None:
    vectors, _ = planted(3, 12, noise=0.2)
    one, other = (fit_groups(vectors, Settings("gaussian")) for _ in range(2))
    assert one.choice == other.choice
    assert np.array_equal(one.memberships, other.memberships)


def test_sizes_number_groups() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [15, 40, 25])
    vectors = np.eye(12)[labels] + 0.03 * rng.normal(size=(80, 12))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    fit = fit_groups(vectors, Settings("kmeans", k=3))
    assert fit.choice is None
    numbers = fit.fitted.numbers[fit.primary]
    assert np.bincount(numbers).tolist() == [0, 40, 25, 15]


# --- Memberships ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["kmeans", "gaussian"])
def test_new_images_go_where_they_belong(planted: Planted, method: str) -> None:
    vectors, labels = planted(4, 40)
    fit = fit_groups(vectors[::2], Settings(method, k=4))
    memberships = fit.fitted.memberships(vectors)
    assert np.allclose(memberships.sum(axis=1), 1.0, atol=1e-5)
    assert together(memberships.argmax(axis=1), labels)
    far = from_centers(vectors, memberships.argmax(axis=1), fit.fitted.centers)
    assert far.max() < 0.2


def test_what_lies_between_is_mixed(planted: Planted) -> None:
    vectors, labels = planted(2, 60, dimensions=16, noise=0.18)
    fit = fit_groups(vectors, Settings("gaussian", k=2))
    start, end = (vectors[labels == one].mean(axis=0) for one in (0, 1))
    way = np.linspace(0, 1, 401)[:, None]
    line = (1 - way) * start + way * end
    line /= np.linalg.norm(line, axis=1, keepdims=True)
    shares = fit.fitted.memberships(line.astype(np.float32))[:, fit.primary[0]]
    assert shares[0] > 0.95
    assert shares[-1] < 0.05
    assert ((shares > 0.1) & (shares < 0.9)).any()


def test_covariances_that_there_are_images_for() -> None:
    assert forms_to_try(100_000, 20, 12) == ["full", "tied", "diag"]
    assert forms_to_try(800, 20, 12) == ["tied", "diag"]
    assert forms_to_try(20, 4, 12) == ["diag"]


@pytest.mark.parametrize("method", ["kmeans", "gaussian"])
def test_equal_images_are_one_group(method: str) -> None:
    vectors = np.full((14, 9), 1 / 3, np.float32)
    fit = fit_groups(vectors, Settings(method, k=3))
    assert len(fit.fitted.numbers) == 1
    assert fit.fitted.numbers.tolist() == [1]
    assert (fit.silhouette, fit.davies_bouldin) == (0.0, 0.0)


def test_no_group_is_empty() -> None:
    rng = np.random.default_rng(2)
    vectors = np.repeat(rng.normal(size=(4, 10)), 5, axis=0).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    fit = fit_groups(vectors, Settings("kmeans", k=9))
    assert sorted(set(fit.primary.tolist())) == list(range(len(fit.fitted.numbers)))
    assert len(fit.fitted.numbers) == 4


def test_the_start_is_where_runs_agree(planted: Planted) -> None:
    vectors, labels = planted(5, 30)
    agreement = find_agreement(vectors, 12, runs=20)
    grouped = fit_kmeans(vectors, 5, agreement)
    assert together(grouped.labels, labels)
    assert len(agreement.start(500)) == len(vectors)
