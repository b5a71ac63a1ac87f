"""Measures of rankings: as a plain loop has them, as scikit-learn has them, and as chance has."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from analysis.evaluation.ranking import (
    Gains,
    average_precision,
    chance_average_precision,
    chance_ndcg,
    chance_precision,
    chance_recall,
    ndcg_at,
    precision_at,
    recall_at,
)

ROWS = st.lists(st.integers(0, 3), min_size=1, max_size=12)
KS = st.integers(1, 14)


def alone(row: list[int]) -> tuple[Gains, Gains]:
    """One ranking, and how many candidates it has."""
    return np.array([row]), np.array([len(row)])


@given(ROWS, KS)
def test_precision_and_recall_by_counting(row: list[int], k: int) -> None:
    ranked, candidates = alone(row)
    found = sum(gain > 0 for gain in row[:k])
    relevant = sum(gain > 0 for gain in row)
    assert precision_at(ranked, candidates, k)[0] == pytest.approx(found / min(k, len(row)))
    assert recall_at(ranked, k)[0] == pytest.approx(found / relevant if relevant else 0)


@given(ROWS)
def test_average_precision_as_in_scikit_learn(row: list[int]) -> None:
    ranked, _ = alone(row)
    worth = [gain > 0 for gain in row]
    expected = average_precision_score(worth, -np.arange(len(row))) if any(worth) else 0
    assert average_precision(ranked)[0] == pytest.approx(expected)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=12), KS)
def test_ndcg_as_in_scikit_learn(row: list[int], k: int) -> None:
    ranked, _ = alone(row)
    expected = ndcg_score([row], [-np.arange(len(row))], k=k, ignore_ties=True)
    assert ndcg_at(ranked, k)[0] == pytest.approx(expected)


@given(ROWS, KS)
def test_the_best_order_is_1_and_what_is_barred_changes_nothing(row: list[int], k: int) -> None:
    best, candidates = alone(sorted(row, reverse=True))
    assert ndcg_at(best, k)[0] == pytest.approx(1 if any(row) else 0)
    assert average_precision(best)[0] == pytest.approx(1 if any(row) else 0)
    barred = np.concatenate((best, np.zeros((1, 3), np.int64)), axis=1)
    assert precision_at(barred, candidates, k) == precision_at(best, candidates, k)
    assert ndcg_at(barred, k) == pytest.approx(ndcg_at(best, k))
    assert average_precision(barred) == pytest.approx(average_precision(best))


@given(st.lists(st.integers(0, 2), min_size=1, max_size=5), st.integers(1, 6))
def test_chance_is_the_mean_over_all_orders(row: list[int], k: int) -> None:
    orders = np.array(list(permutations(row)))
    candidates = np.full(len(orders), len(row))
    one, of_one = alone(row)
    relevant = (one > 0).sum(axis=1)
    if relevant[0]:
        assert chance_recall(of_one, k)[0] == pytest.approx(recall_at(orders, k).mean())
    assert chance_precision(relevant, of_one)[0] == pytest.approx(
        precision_at(orders, candidates, k).mean()
    )
    assert chance_average_precision(relevant, of_one)[0] == pytest.approx(
        average_precision(orders).mean()
    )
    assert chance_ndcg(one, of_one, k)[0] == pytest.approx(ndcg_at(orders, k).mean())
    # What is barred stands at the end, and takes no place.
    barred = np.concatenate((one, np.zeros((1, 2), np.int64)), axis=1)
    assert chance_ndcg(barred, of_one, k) == pytest.approx(chance_ndcg(one, of_one, k))
