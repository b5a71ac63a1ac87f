"""The probe: right where something can be told, the same every time, plain numbers afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import WrongDataset
from analysis.labels.classifier import to_probabilities
from analysis.labels.dataset import Dataset, DatasetQuery, Split
from analysis.labels.heads import Mode
from analysis.labels.learning.probe import (
    NEVER,
    ProbeRecipe,
    ProbeScorer,
    choose_probe,
    fit_linear,
    fit_probe,
    mean_loss,
    open_probe,
)
from analysis.labels.task import Balance, Task

# mypy: disable-error-code="no-untyped-def"

D = 12


def clusters(sizes: list[int], *, spread: float = 0.3, seed: int = 1) -> tuple[Any, Any]:
    """Vectors around one direction for each class, and their targets."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    vectors = np.eye(D)[labels] + rng.normal(0, spread, (len(labels), D))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), np.eye(len(sizes), dtype=np.uint8)[labels]


def task(sizes: list[int], *, mode: Mode = "single", balance: Balance = "none") -> Task:
    vectors, targets = clusters(sizes)
    n = len(vectors)
    order = np.random.default_rng(2).permutation(n)
    train, validation, test, removed = (
        np.sort(part).astype(np.int64)
        for part in np.split(order, [n * 6 // 10, n * 8 // 10, n - 2])
    )
    dataset = Dataset(
        query=DatasetQuery("style", mode),
        classes=tuple("abcdef"[: len(sizes)]),
        ids=np.arange(n),
        sha256=tuple(f"{one:064x}" for one in range(n)),
        targets=targets,
        weak=np.zeros(n, np.bool_),
        groups=np.arange(n),
        artists=np.arange(n),
        sites=("museum",) * n,
        artists_known=False,
    )
    split = Split(train, validation, test, removed, "random", 0, "")
    nowhere = Path("nowhere")
    return Task(dataset, split, balance, 0, None, vectors, lambda _: [], nowhere, nowhere)


@pytest.mark.parametrize("mode", ["single", "multi"])
def test_what_is_apart_is_told_apart(mode: Mode) -> None:
    told: list[tuple[str, int, int]] = []
    given_task = task([40, 40, 40], mode=mode)
    fitted = fit_probe(
        Task(**{**vars(given_task), "progress": lambda *said: told.append(said)}), ProbeRecipe()
    )
    split, targets = given_task.split, given_task.dataset.targets
    right = fitted.logits[split.test].argmax(axis=1) == targets[split.test].argmax(axis=1)
    assert right.mean() > 0.9
    assert np.isnan(fitted.logits[split.removed]).all()
    parts = np.concatenate((split.train, split.validation, split.test))
    assert np.isfinite(fitted.logits[parts]).all()
    assert fitted.details["c"] in ProbeRecipe().grid
    assert fitted.details.keys() == {"c", "validation_loss"}
    assert told[-1] == ("fits", 6, 6)


def test_the_same_examples_give_the_same_numbers_and_these_are_all_there_is() -> None:
    first, second = (fit_probe(task([30, 20, 25]), ProbeRecipe()) for _ in range(2))
    assert np.array_equal(first.logits, second.logits, equal_nan=True)
    opened = open_probe(first.scorer.settings(), first.scorer.arrays())
    vectors, _ = clusters([30, 20, 25])
    assert np.array_equal(opened.logits(vectors), first.scorer.logits(vectors))
    assert (opened.method, opened.reads) == ("probe", "embeddings")
    assert opened.logits(np.empty((0, D), np.float32)).shape == (0, 3)


def test_a_probe_refuses_other_vectors_and_numbers_that_do_not_belong_together() -> None:
    scorer = ProbeScorer(np.zeros((2, D), np.float32), np.zeros(2, np.float32))
    with pytest.raises(WrongDataset, match="vectors of 12 numbers cannot read those of 5"):
        scorer.logits(np.zeros((1, 5), np.float32))
    with pytest.raises(ValueError, match="shape"):
        open_probe({}, {"coefficients": np.zeros((2, D)), "intercepts": np.zeros(3)})
    with pytest.raises(WrongDataset, match="give numbers above 0"):
        ProbeRecipe(grid=())
    with pytest.raises(WrongDataset, match="give numbers above 0"):
        ProbeRecipe(grid=(0.0, 1.0))


def test_two_classes_are_as_scikit_learn_has_them() -> None:
    from sklearn.linear_model import LogisticRegression

    vectors, targets = clusters([30, 30])
    fitted = fit_linear(vectors, targets, 0.1, multi=False)
    known = LogisticRegression(C=0.1).fit(vectors.astype(np.float64) * D**0.5, targets[:, 1])
    expected = known.predict_proba(vectors.astype(np.float64) * D**0.5)
    found = to_probabilities(fitted.logits(vectors), "single")
    assert np.allclose(found, expected, atol=1e-5)


def test_the_c_with_the_least_loss_is_kept_and_the_smaller_of_equals() -> None:
    vectors, targets = clusters([60, 60, 60], spread=0.6)
    places = np.random.default_rng(3).permutation(180)
    train, validation = np.sort(places[:120]), np.sort(places[120:])
    chosen = choose_probe(vectors, targets, train, validation, ProbeRecipe(), multi=False)
    losses = {
        c: mean_loss(
            fit_linear(vectors[train], targets[train], c, multi=False).logits(vectors[validation]),
            targets[validation],
            multi=False,
        )
        for c in ProbeRecipe().grid
    }
    assert chosen.losses == losses
    assert losses[chosen.c] == min(losses.values())
    # Nothing is told by vectors that are all the same: every C is as good.
    same = np.zeros_like(vectors)
    recipe = ProbeRecipe(grid=(1.0, 0.5, 2.0))
    assert choose_probe(same, targets, train, validation, recipe, multi=False).c == 0.5


@pytest.mark.parametrize("balance", ["weights", "sampling"])
def test_balancing_finds_more_of_the_rare(balance: Balance) -> None:
    vectors, targets = clusters([300, 12], spread=0.8)
    plain = fit_linear(vectors, targets, 0.01, multi=False)
    evened = fit_linear(vectors, targets, 0.01, multi=False, balance=balance)
    rare = targets[:, 1] == 1

    def found(linear: Any) -> float:
        return float((linear.logits(vectors[rare]).argmax(axis=1) == 1).mean())

    assert found(evened) > found(plain)


def test_a_solver_that_was_cut_short_is_told() -> None:
    fitted = fit_probe(task([40, 40]), ProbeRecipe(grid=(100.0,), most_iterations=2))
    assert fitted.details["stopped_after"] == "2 iterations"


def test_sampling_is_said_to_be_done_by_weights() -> None:
    fitted = fit_probe(task([40, 10], balance="sampling"), ProbeRecipe())
    assert fitted.details["balanced_by"] == "weights"


def test_a_class_without_examples_is_never_said() -> None:
    vectors, targets = clusters([20, 20, 20])
    shown = targets[:, 2] == 0
    single = fit_linear(vectors[shown], targets[shown], 1.0, multi=False)
    said = to_probabilities(single.logits(vectors), "single")
    assert said[:, 2].max() < 1e-9
    multi = fit_linear(vectors[shown], targets[shown], 1.0, multi=True)
    assert (multi.logits(vectors)[:, 2] == NEVER).all()
    only = targets[:, 0] == 1
    alone = fit_linear(vectors[only], targets[only], 1.0, multi=False)
    assert (alone.logits(vectors).argmax(axis=1) == 0).all()


def matrix(rows: int, columns: int) -> st.SearchStrategy[npt.NDArray[np.float32]]:
    numbers = st.floats(-20, 20, width=32)
    return st.lists(numbers, min_size=rows * columns, max_size=rows * columns).map(
        lambda values: np.array(values, np.float32).reshape(rows, columns)
    )


@settings(max_examples=40, deadline=None)
@given(matrix(6, 3), st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_loss_is_that_of_the_probabilities(logits, labels) -> None:
    targets = np.eye(3, dtype=np.uint8)[labels]
    single = to_probabilities(logits, "single").astype(np.float64)
    expected = -np.log(np.maximum(single[np.arange(6), labels], 1e-30)).mean()
    assert mean_loss(logits, targets, multi=False) == pytest.approx(expected, abs=1e-4)
    scores = logits.astype(np.float64)
    each = np.where(targets == 1, 1 / (1 + np.exp(-scores)), 1 / (1 + np.exp(scores)))
    assert mean_loss(logits, targets, multi=True) == pytest.approx(-np.log(each).mean(), abs=1e-6)
