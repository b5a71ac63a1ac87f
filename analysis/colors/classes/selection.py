"""Choosing among the classifiers by cross-validation, and measuring what was chosen.

Images that look the same are always in the same fold: what was seen in training is never asked
for. A second measurement also keeps each artist in one fold, since works by one hand are alike.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import permutation_importance
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from analysis.colors.classes.candidates import CANDIDATES, make_pipeline
from analysis.colors.classes.examples import Examples, Groups
from analysis.colors.classes.measures import Labels, accuracy, macro_f1, measures, rounded
from analysis.colors.classes.rules import term_of_label
from analysis.colors.conversion import Floats
from analysis.colors.features import FEATURE_NAMES

ROUNDS = 2
"""Times that the examples are split into folds, each time differently."""
SHUFFLES = 5
"""Times that each feature is shuffled in each fold, to see how much is lost without it."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with fits done and fits in all."""

Indices: TypeAlias = npt.NDArray[np.int64]
Fold: TypeAlias = tuple[Indices, Indices]
"""Places of the examples to learn from, and of those to be asked for."""


@dataclass(frozen=True)
class Selection:
    """The classifier that was chosen, and all that was measured."""

    name: str
    pipeline: Pipeline
    """Trained on all examples."""
    metrics: dict[str, Any]
    """See docs/colors.md; the same for the same examples and seed."""


@dataclass(frozen=True)
class _Trial:
    """One candidate in one fold."""

    fold: Fold
    pipeline: Pipeline
    said: Labels
    accuracy: float
    macro_f1: float


def select_classifier(
    examples: Examples, *, folds: int, seed: int, progress: Progress | None = None
) -> Selection:
    """Compare the candidates, choose the one of the best mean accuracy and train it on everything.

    Of equal accuracy, the better mean macro-F1 counts, then the order of CANDIDATES.

    Args:
        examples: of two classes or more, each of at least `folds` groups.
        folds: parts that the examples are split into; each is asked for once a round.
        seed: of splits, shuffles and classifiers.
        progress: called after each fit.
    """
    rounds = [
        split(examples.labels, examples.groups, folds, seed + number) for number in range(ROUNDS)
    ]
    apart = disjoint_folds(examples.labels, examples.artists, folds, seed)
    steps = _Steps(len(CANDIDATES) * ROUNDS * folds + len(apart) + folds + 1, progress)
    with _single_threaded():
        trials = {
            name: [_tried(examples, name, seed, fold, steps) for parts in rounds for fold in parts]
            for name in CANDIDATES
        }
        chosen = max(trials, key=lambda name: _merit(trials[name]))
        # Each example was asked for once in the first round.
        asked = trials[chosen][:folds]
        metrics = {
            "selected": chosen,
            "accuracy": rounded(np.mean([trial.accuracy for trial in trials[chosen]])),
            "macro_f1": rounded(np.mean([trial.macro_f1 for trial in trials[chosen]])),
            "models": {name: _scores(tried) for name, tried in trials.items()},
            "baselines": _baselines(examples),
            **_measured(examples, asked),
            "importance": _importance(examples, asked, seed, steps),
            "split": _described(examples, folds),
            "artist_disjoint": _by_artist(examples, chosen, seed, apart, steps),
            "seed": seed,
            "data_fingerprint": examples.fingerprint,
            "examples": len(examples.sha256),
            "left_out": examples.left_out.as_dict(),
        }
        pipeline = _fitted(make_pipeline(chosen, seed), examples.features, examples.labels)
        steps.done()
    return Selection(chosen, pipeline, metrics)


def split(labels: Labels, groups: Groups, folds: int, seed: int) -> list[Fold]:
    """Split examples into folds of about the same classes, no group being in two of them."""
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(np.empty((len(labels), 0)), labels, groups))


def disjoint_folds(labels: Labels, artists: Groups, folds: int, seed: int) -> list[Fold]:
    """Split examples so that no artist is in two folds; empty where there are too few artists.

    Every class must be left to learn from in every fold.
    """
    if len(np.unique(artists)) < folds:
        return []
    found = split(labels, artists, folds, seed)
    classes = set(labels.tolist())
    whole = all(len(asked) and set(labels[seen].tolist()) == classes for seen, asked in found)
    return found if whole else []


def _tried(examples: Examples, name: str, seed: int, fold: Fold, steps: _Steps) -> _Trial:
    seen, asked = fold
    pipeline = make_pipeline(name, seed)
    _fitted(pipeline, examples.features[seen], examples.labels[seen])
    said, true = pipeline.predict(examples.features[asked]), examples.labels[asked]
    steps.done()
    return _Trial(fold, pipeline, said, accuracy(true, said), macro_f1(true, said))


def _fitted(pipeline: Pipeline, features: Floats, labels: Labels) -> Pipeline:
    with warnings.catch_warnings():
        # One that was stopped early is judged by what it says, like the others.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return pipeline.fit(features, labels)


def _merit(trials: Sequence[_Trial]) -> tuple[float, float]:
    return (
        rounded(np.mean([trial.accuracy for trial in trials])),
        rounded(np.mean([trial.macro_f1 for trial in trials])),
    )


def _scores(trials: Sequence[_Trial]) -> dict[str, list[float]]:
    return {
        "accuracy": [trial.accuracy for trial in trials],
        "macro_f1": [trial.macro_f1 for trial in trials],
    }


def _baselines(examples: Examples) -> dict[str, float | None]:
    """Return the accuracy of always saying the commonest class, and of the fixed classes."""
    _, counts = np.unique(examples.labels, return_counts=True)
    right = [
        term_of_label(label) == rule
        for label, rule in zip(examples.labels.tolist(), examples.rules, strict=True)
        if rule is not None
    ]
    return {
        "majority": rounded(counts.max() / counts.sum()),
        "rules": rounded(np.mean(right)) if right else None,
    }


def _measured(examples: Examples, trials: Sequence[_Trial]) -> dict[str, Any]:
    classes = examples.classes
    said = np.empty_like(examples.labels)
    probabilities = np.zeros((len(said), len(classes)))
    for trial in trials:
        _, asked = trial.fold
        said[asked] = trial.said
        columns = np.searchsorted(classes, trial.pipeline.classes_)
        found = trial.pipeline.predict_proba(examples.features[asked])
        probabilities[np.ix_(asked, columns)] = found
    return measures(examples.labels, said, probabilities, classes)


def _importance(
    examples: Examples, trials: Sequence[_Trial], seed: int, steps: _Steps
) -> dict[str, dict[str, float]]:
    """Return how much accuracy is lost by shuffling a feature of examples not learned from."""
    lost = []
    for trial in trials:
        _, asked = trial.fold
        found = permutation_importance(
            trial.pipeline,
            examples.features[asked],
            examples.labels[asked],
            scoring="accuracy",
            n_repeats=SHUFFLES,
            random_state=seed,
        )
        lost.append(found.importances)
        steps.done()
    every = np.concatenate(lost, axis=1)
    return {
        name: {"mean": rounded(values.mean()), "std": rounded(values.std())}
        for name, values in zip(FEATURE_NAMES, every, strict=True)
    }


def _described(examples: Examples, folds: int) -> dict[str, Any]:
    return {
        "policy": "stratified group k-fold: images that look the same are in one fold",
        "folds": folds,
        "rounds": ROUNDS,
        "groups": len(np.unique(examples.groups)),
        "not_compared": examples.not_compared,
        "fingerprint": examples.split_fingerprint,
    }


def _by_artist(
    examples: Examples, chosen: str, seed: int, folds: Sequence[Fold], steps: _Steps
) -> dict[str, Any] | None:
    """Return the measures where no artist is in two folds; None where artists are too few.

    Artists whose works look the same count as one.
    """
    if not folds:
        return None
    trials = [_tried(examples, chosen, seed, fold, steps) for fold in folds]
    return {**_scores(trials), "artists": len(np.unique(examples.artists))}


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Keep linear algebra to one thread: its sums depend on how many there are."""
    with threadpool_limits(limits=1):
        yield


class _Steps:
    """Counts fits, and tells."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.total = total
        self.count = 0
        self.progress = progress
        if progress is not None:
            progress(0, total)

    def done(self) -> None:
        """One more is done."""
        self.count += 1
        if self.progress is not None:
            self.progress(self.count, self.total)
