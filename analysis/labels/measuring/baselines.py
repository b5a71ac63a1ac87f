"""What labels are worth that were said without a look at any image."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from analysis.labels.dataset import Targets
from analysis.labels.heads import Mode
from analysis.labels.measuring.measures import (
    Answers,
    Flags,
    Floats,
    areas,
    headline,
    mean_of,
    recorded,
)

Baseline: TypeAlias = dict[str, float | None]
"""`accuracy`, `f1_macro`, `map`, `auc` and `log_loss`; None where there is none, such as the log
loss of what is entirely sure and wrong."""


def baselines(train: Targets, test: Targets, mode: Mode) -> dict[str, Baseline]:
    """Return how good it is on `test` to say what is frequent in `train`; both (n, classes).

    `majority` says the most frequent label of every image, and nothing else; `base_rate` guesses in
    the proportions of the labels: its numbers are those that are expected, F1 that of the expected
    counts; `all_zero`, of several labels only, says nothing at all.
    """
    truth, rates = test.astype(np.bool_), train.mean(axis=0, dtype=np.float64)
    most = np.arange(len(rates)) == rates.argmax()
    found = {"majority": _constant(truth, most, mode), "base_rate": _guessed(truth, rates, mode)}
    if mode == "multi":
        found["all_zero"] = _constant(truth, np.zeros(len(rates), np.bool_), mode)
    return found


def _constant(truth: Flags, said: Flags, mode: Mode) -> Baseline:
    """Measure the same labels of every image."""
    accepted = np.broadcast_to(said, truth.shape)
    answers = Answers(truth, accepted, accepted.astype(np.float32))
    return {**headline(answers), **_blind(answers), "log_loss": _log_loss(truth, said, mode)}


def _guessed(truth: Flags, rates: Floats, mode: Mode) -> Baseline:
    """Measure labels that are drawn in the proportions of `rates`, (classes,)."""
    shares = truth.mean(axis=0, dtype=np.float64)
    if mode == "single":
        accuracy = float(rates @ shares)
    else:
        accuracy = float(np.where(truth, rates, 1 - rates).prod(axis=1).mean())
    # Of n images n·rates are said, n·shares are true, and n·rates·shares are both.
    measured = shares > 0
    f1 = 2 * rates[measured] * shares[measured] / (rates + shares)[measured]
    said = np.broadcast_to(rates, truth.shape).astype(np.float32)
    answers = Answers(truth, truth, said)
    return {
        "accuracy": recorded(accuracy),
        "f1_macro": recorded(mean_of(f1)),
        "map": headline(answers)["map"],
        **_blind(answers),
        "log_loss": _log_loss(truth, rates, mode),
    }


def _blind(answers: Answers) -> Baseline:
    return {"auc": recorded(mean_of(areas(answers)))}


def _log_loss(truth: Flags, said: Floats | Flags, mode: Mode) -> float | None:
    """Return the log loss of the same probabilities for every image; None where it is infinite."""
    sure = np.broadcast_to(said, truth.shape).astype(np.float64)
    right = sure[truth] if mode == "single" else np.where(truth, sure, 1 - sure)
    return recorded(-np.log(right).mean() + 0.0) if right.size and right.min() > 0 else None
