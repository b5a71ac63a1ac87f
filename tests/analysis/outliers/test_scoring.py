"""Scores of the three methods: what is planted is found, and nothing else decides."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.outliers.labels import Labelled
from analysis.outliers.mahalanobis import LEAST_WORKS, _fitted, group_scores, tail
from analysis.outliers.methods import METHODS
from analysis.outliers.neighbors import fit_neighbors
from analysis.outliers.reduction import MOST_COMPONENTS, VARIANCE, fit_reduction
from analysis.outliers.scoring import (
    mahalanobis_scores,
    points_of,
    reduced,
    score_all,
    usual_distance,
)
from analysis.outliers.threshold import threshold

Points = npt.NDArray[np.float32]


def collection(works: int = 300, foreign: int = 6, seed: int = 0) -> Points:
    """Works of three kinds in 40 dimensions, and after them foreign ones, each of a kind."""
    rng = np.random.default_rng(seed)
    kinds = rng.standard_normal((3, 40)) * 2
    ordinary = kinds[np.arange(works) % 3] + rng.standard_normal((works, 40))
    odd = rng.standard_normal((foreign, 40)) * 6
    return np.concatenate((ordinary, odd)).astype(np.float32)


def labelled(works: int) -> list[Labelled]:
    return [Labelled(f"style:{at}", np.arange(at, works, 3)) for at in range(3)]


def test_all_methods_find_what_is_planted() -> None:
    vectors = collection()
    ids = np.arange(1, len(vectors) + 1)
    reduction = reduced(vectors)
    found_ids, points = points_of(
        reduction, [(ids[:100], vectors[:100]), (ids[100:], vectors[100:])], len(ids)
    )
    assert found_ids.tolist() == ids.tolist()
    scored = score_all(ids, points, labelled(300))
    assert [one.method for one in scored] == list(METHODS)
    for one in scored:
        assert set(np.argsort(-one.scores)[:6]) == set(range(300, 306)), one.method
        assert one.is_outlier[300:].all(), one.method
        assert one.is_outlier[:300].mean() < 0.05, one.method
    again = score_all(ids, points, labelled(300))
    for one, other in zip(scored, again, strict=True):
        assert np.array_equal(one.scores, other.scores)
    assert 0 < usual_distance(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)) < 1


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(60)), st.integers(0, 5))
def test_the_order_of_works_does_not_matter(order: list[int], seed: int) -> None:
    points = collection(57, 3, seed)[:, :6]
    scores = group_scores(points)
    np.testing.assert_allclose(group_scores(points[order]), scores[order], rtol=1e-5)
    ids = np.arange(60)
    near = fit_neighbors(ids, points).scores(ids, points)
    mixed = fit_neighbors(ids[order], points[order])
    np.testing.assert_allclose(mixed.scores(ids[order], points[order]), near[order], rtol=1e-4)


def test_a_work_is_compared_with_its_own_label() -> None:
    points = collection(300, 0)
    points[0] = points[1]  # a work of the first kind that is like one of the second
    groups = labelled(300)
    scores, labels, label = mahalanobis_scores(points, groups)
    assert labels == ("style:0", "style:1", "style:2")
    assert label[:6].tolist() == [0, 1, 2, 0, 1, 2]
    assert scores[0] > 2 > np.median(scores)
    # With both labels, that counts in which it fits better.
    both = [groups[0], Labelled("style:1", np.sort(np.append(groups[1].places, 0))), groups[2]]
    better, _, label = mahalanobis_scores(points, both)
    assert label[0] == 1
    assert better[0] < 1.5
    # Without any, all works are what it is compared with.
    _, _, label = mahalanobis_scores(points, [groups[1], groups[2]])
    assert label[0] == -1


def test_a_work_is_held_against_the_others() -> None:
    """As if it had been left out: else a small group would move to where it is."""
    points = np.random.default_rng(1).standard_normal((24, 6)).astype(np.float32)
    points[0] = 8
    shape = _fitted(points)
    inside = np.ones(24, dtype=np.bool_)
    without = shape.squares(points, inside)
    assert (without > shape.squares(points, ~inside)).all()
    # The same as fitting the others, but for how much the covariance is shrunk.
    others = points[1:].astype(np.float64)
    center = others.mean(axis=0)
    scatter = (others - center).T @ (others - center)
    kept = 1 - shape.shrinkage
    covariance = kept * scatter / 24 + (
        np.linalg.inv(shape.whitening @ shape.whitening.T)
        - kept * np.cov(points.T.astype(np.float64), bias=True)
    )
    exact = (points[0] - center) @ np.linalg.solve(covariance, points[0] - center)
    assert without[0] == pytest.approx(exact, rel=1e-6)


def test_groups_that_have_no_distribution() -> None:
    with pytest.raises(ValueError, match="at least 20"):
        group_scores(np.zeros((LEAST_WORKS - 1, 3), np.float32))
    assert (group_scores(np.ones((LEAST_WORKS, 3), np.float32)) == 1).all()
    mostly = np.ones((30, 3), np.float32)
    mostly[:3] += np.eye(3, dtype=np.float32)
    scores = group_scores(mostly)
    assert np.isfinite(scores).all()
    assert scores[:3].min() > scores[3:].max()
    with pytest.raises(ValueError, match="at least 2"):
        fit_neighbors(np.arange(1), np.zeros((1, 3), np.float32))
    with pytest.raises(ValueError, match="at least 4"):
        fit_reduction(np.zeros((3, 8), np.float32))


def test_tails_of_the_usual_distance() -> None:
    assert tail(1.0, 32) == pytest.approx(0.5)
    assert 0 <= tail(4.0, 32) < 1e-12 < tail(1.5, 32) < 0.01


def test_no_work_is_its_own_neighbour() -> None:
    points = np.eye(12, dtype=np.float32)
    scores = fit_neighbors(np.arange(12), points).scores(np.arange(12), points)
    assert scores == pytest.approx(np.full(12, 2**0.5))
    # One that is not of the sample is compared with all of it.
    other = fit_neighbors(np.arange(12), points).scores(np.array([99]), points[:1])
    assert other[0] == pytest.approx(4 / 5 * 2**0.5)


def test_components_keep_what_they_say() -> None:
    reduction = fit_reduction(collection(300, 0))
    assert len(reduction.axes) <= MOST_COMPONENTS
    assert reduction.kept >= VARIANCE or len(reduction.axes) == MOST_COMPONENTS
    np.testing.assert_allclose(
        reduction.axes @ reduction.axes.T, np.eye(len(reduction.axes)), atol=1e-4
    )
    same = fit_reduction(np.ones((10, 5), np.float32))
    assert np.isfinite(same.of(np.ones((2, 5), np.float32))).all()


@given(
    arrays(np.float64, st.integers(5, 60), elements=st.floats(0.01, 100)),
    st.floats(0.1, 10),
)
def test_thresholds_follow_the_scale(scores: npt.NDArray[np.float64], factor: float) -> None:
    for ratios in (False, True):
        limit = threshold(scores, ratios=ratios)
        assert limit >= np.median(scores) * (1 - 1e-9)
        if np.isfinite(limit) and np.isfinite(limit * factor):
            assert threshold(scores * factor, ratios=ratios) == pytest.approx(
                limit * factor, rel=1e-6
            )


def test_where_all_is_the_same_nothing_stands_out() -> None:
    assert threshold(np.ones(9)) == np.inf
    assert threshold(np.append(np.ones(9), 100.0)) == np.inf
