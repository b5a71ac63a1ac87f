"""Cross-validation of the probe: every image is measured once by what it did not teach.

One split measures on a fifth of the images, and another seed gives other numbers. Here each part in
turn is measured by a probe that the others taught, which chooses its regularisation and thresholds
on a part of these again, so that nothing of what measures is ever looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from analysis.embeddings.stored import Vectors
from analysis.errors import WrongDataset
from analysis.evaluation.intervals import LEVEL, Resampling
from analysis.evaluation.relevance import Numbers
from analysis.labels.classifier import to_probabilities
from analysis.labels.dataset import Dataset
from analysis.labels.datasets.folds import draw_folds
from analysis.labels.datasets.splitting import draw_split
from analysis.labels.learning.probe import ProbeRecipe, choose_probe, fit_linear
from analysis.labels.measuring.baselines import baselines
from analysis.labels.measuring.judging import rounded_interval
from analysis.labels.measuring.measures import Answers, headline, recorded
from analysis.labels.measuring.resampling import MEASURES, drawn_by, intervals
from analysis.labels.measuring.thresholds import choose_thresholds
from analysis.labels.task import Balance, Progress

LEAST_FOLDS, MOST_FOLDS = 2, 20
MOST_ROUNDS: Final = 20


@dataclass(frozen=True)
class _Measured:
    """One fold, measured."""

    answers: Answers
    c: float


def check_folds(folds: int, rounds: int) -> None:
    """Raise WrongDataset for numbers that nothing can be cross-validated with."""
    if not (LEAST_FOLDS <= folds <= MOST_FOLDS and 1 <= rounds <= MOST_ROUNDS):
        raise WrongDataset(
            f"{folds} folds dealt {rounds} times cannot be: choose {LEAST_FOLDS} to {MOST_FOLDS} "
            f"folds and 1 to {MOST_ROUNDS} rounds."
        )


def cross_validate(
    dataset: Dataset,
    vectors: Vectors,
    *,
    folds: int,
    rounds: int = 1,
    seed: int = 0,
    policy: str = "auto",
    recipe: ProbeRecipe | None = None,
    balance: Balance = "none",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return how good a probe is in repeated cross-validation, for JSON.

    Returns `accuracy`, `f1_macro` and `map`, each with `mean`, `low` and `high`: of the images of
    all rounds, by bootstrap over what `drawn_by` says, an image counting in a draw with what was
    said of it in every round. `per_fold`: the same measures of each fold, with its `c`. `baselines`
    is what saying what is frequent reaches on the same images.

    Args:
        dataset: images with their labels.
        vectors: (n, d) of length 1.
        folds: parts of a round.
        rounds: how often the images are dealt anew.
        seed: of dealing and of the draws of the intervals.
        policy: what stays in one fold: `artists`, `site`, `random`, or `auto`. What teaches is
            divided in the same way, by site as in `auto`: there may be one left.
        recipe: how each probe is fitted.
        balance: against classes of unequal size.
        progress: told how far it is.

    Raises WrongDataset for impossible folds, and NothingToTrain for too few groups of images.
    """
    check_folds(folds, rounds)
    recipe = ProbeRecipe() if recipe is None else recipe
    dealt = draw_folds(dataset, policy, folds, rounds, seed)
    measured: list[_Measured] = []
    for done, (train, test) in enumerate(dealt, start=1):
        measured.append(_fold(dataset, vectors, train, test, policy, recipe, balance, seed))
        if progress is not None:
            progress("folds", done, len(dealt))
    every = np.concatenate([test for _, test in dealt])
    groups, drawn = drawn_by(dataset, every)
    answers = _together([one.answers for one in measured])
    found = intervals(answers, Resampling(groups, seed=seed))
    return {
        "folds": folds,
        "rounds": rounds,
        "policy": policy,
        "seed": seed,
        "images": len(np.unique(every)),
        **{name: rounded_interval(found[name]) for name in MEASURES},
        "level": LEVEL,
        "drawn_by": drawn,
        "per_fold": [
            {
                "round": at // folds + 1,
                "fold": at % folds + 1,
                "train": len(train),
                "test": len(test),
                "c": one.c,
                **headline(one.answers),
            }
            for at, ((train, test), one) in enumerate(zip(dealt, measured, strict=True))
        ],
        "spread": _spread(measured),
        "baselines": baselines(dataset.targets[every], dataset.targets[every], dataset.query.mode),
    }


def _fold(
    dataset: Dataset,
    vectors: Vectors,
    train: Numbers,
    test: Numbers,
    policy: str,
    recipe: ProbeRecipe,
    balance: Balance,
    seed: int,
) -> _Measured:
    """Choose the regularisation within what teaches, fit on all of it, and answer for the rest."""
    mode, multi = dataset.query.mode, dataset.multi
    inner = draw_split(dataset.subset(train), "auto" if policy == "site" else policy, seed=seed)
    choosing = train[inner.validation]
    chosen = choose_probe(
        vectors,
        dataset.targets,
        train[np.concatenate((inner.train, inner.test))],
        choosing,
        recipe,
        multi=multi,
        balance=balance,
    )
    linear = fit_linear(
        vectors[train],
        dataset.targets[train],
        chosen.c,
        multi=multi,
        balance=balance,
        most_iterations=recipe.most_iterations,
    )
    thresholds = None
    if multi:
        said = to_probabilities(chosen.linear.logits(vectors[choosing]), mode)
        thresholds = choose_thresholds(dataset.targets[choosing], said)
    probabilities = to_probabilities(linear.logits(vectors[test]), mode)
    return _Measured(Answers.of(dataset.targets[test], probabilities, mode, thresholds), chosen.c)


def _together(answers: Sequence[Answers]) -> Answers:
    return Answers(
        np.concatenate([one.targets for one in answers]),
        np.concatenate([one.accepted for one in answers]),
        np.concatenate([one.probabilities for one in answers]),
    )


def _spread(measured: Sequence[_Measured]) -> dict[str, float | None]:
    """Return the standard deviation of each measure from fold to fold."""
    told = [headline(one.answers) for one in measured]
    spread: dict[str, float | None] = {}
    for name in MEASURES:
        values = [one[name] for one in told if one[name] is not None]
        spread[name] = recorded(float(np.std(np.array(values, np.float64)))) if values else None
    return spread
