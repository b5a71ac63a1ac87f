"""Cross-validation that is not fooled, and says the same every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.colors.classes import selection
from analysis.colors.classes.candidates import CANDIDATES, make_pipeline, settings
from analysis.colors.classes.examples import Examples, LeftOut
from analysis.colors.classes.selection import disjoint_folds, select_classifier, split
from analysis.colors.features import FEATURE_NAMES

TOLD_BY = FEATURE_NAMES.index("lab_a_mean")


def examples(each: int = 12, seed: int = 3) -> Examples:
    """Three classes that one feature tells apart, five others being noise."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(["blue", "green", "red"], each)
    features = np.zeros((len(labels), 18))
    features[:, :5] = rng.normal(size=(len(labels), 5))
    features[:, TOLD_BY] = np.repeat([0.0, 40.0, 80.0], each) + rng.normal(size=len(labels))
    numbers = np.arange(len(labels))
    return Examples(
        sha256=tuple(f"{at:064x}" for at in numbers),
        features=features,
        labels=labels,
        groups=numbers,
        artists=numbers % 9,
        rules=("blue",) * (2 * each) + (None,) * each,
        feature_model="channel-statistics/1",
        not_compared=0,
        left_out=LeftOut(),
    )


@pytest.fixture(scope="module")
def told() -> selection.Selection:
    return select_classifier(examples(), folds=3, seed=5)


def test_what_can_be_told_is_learned(told: selection.Selection) -> None:
    metrics = told.metrics
    assert set(metrics["models"]) == set(CANDIDATES)
    assert metrics["selected"] == told.name
    assert metrics["accuracy"] == pytest.approx(np.mean(metrics["models"][told.name]["accuracy"]))
    assert metrics["accuracy"] >= 0.95
    assert all(len(scores["macro_f1"]) == 6 for scores in metrics["models"].values())
    assert metrics["support"] == {"blue": 12, "green": 12, "red": 12}
    assert np.sum(metrics["confusion"]) == 36
    assert told.pipeline.predict(examples().features[:1]).tolist() == ["blue"]
    assert list(told.pipeline.named_steps) == ["scale", "classify"]


def test_the_best_mean_wins(told: selection.Selection) -> None:
    means = {name: np.mean(of["accuracy"]) for name, of in told.metrics["models"].items()}
    assert means[told.name] == max(means.values())


def test_importance_is_that_of_what_tells(told: selection.Selection) -> None:
    importance = told.metrics["importance"]
    assert set(importance) == set(FEATURE_NAMES)
    assert max(importance, key=lambda name: importance[name]["mean"]) == "lab_a_mean"
    assert importance["lab_a_mean"]["mean"] > 0.3
    assert abs(importance["red_std"]["mean"]) < 0.15


def test_baselines(told: selection.Selection) -> None:
    assert told.metrics["baselines"] == {"majority": pytest.approx(1 / 3, abs=1e-6), "rules": 0.5}
    without = replace(examples(), rules=(None,) * 36)
    assert selection._baselines(without)["rules"] is None


def test_each_artist_is_in_one_fold_of_the_second_measure(told: selection.Selection) -> None:
    apart = told.metrics["artist_disjoint"]
    assert (len(apart["accuracy"]), apart["artists"]) == (3, 9)


def test_the_same_examples_and_seed_give_the_same_measures(told: selection.Selection) -> None:
    steps: list[tuple[int, int]] = []
    again = select_classifier(
        examples(), folds=3, seed=5, progress=lambda *step: steps.append(step)
    )
    assert again.metrics == told.metrics
    assert [done for done, _ in steps] == list(range(len(steps)))
    assert steps[-1][0] == steps[-1][1]


def test_copies_of_an_image_do_not_help() -> None:
    # Each picture three times, its class by lot: whoever sees a copy in training knows the answer.
    rng = np.random.default_rng(11)
    pictures = rng.normal(size=(24, 18))
    labels = np.array(["blue", "red"] * 12)[rng.permutation(24)]
    copied = replace(
        examples(24),
        features=np.repeat(pictures, 3, axis=0),
        labels=np.repeat(labels, 3),
        groups=np.repeat(np.arange(24), 3),
        artists=np.repeat(np.arange(24), 3),
    )
    seen, asked = split(copied.labels, np.arange(72), 3, 0)[0]
    forest = make_pipeline("random forest", 0).fit(copied.features[seen], copied.labels[seen])
    assert (forest.predict(copied.features[asked]) == copied.labels[asked]).mean() > 0.85
    apart = []
    for seen, asked in split(copied.labels, copied.groups, 3, 0):
        assert not set(copied.groups[seen]) & set(copied.groups[asked])
        forest = make_pipeline("random forest", 0).fit(copied.features[seen], copied.labels[seen])
        apart.append((forest.predict(copied.features[asked]) == copied.labels[asked]).mean())
    assert np.mean(apart) < 0.75


def test_every_example_is_asked_for_once() -> None:
    made = examples()
    folds = split(made.labels, made.groups, 4, 0)
    assert sorted(at for _, asked in folds for at in asked) == list(range(36))
    for seen, asked in folds:
        assert sorted([*seen, *asked]) == list(range(36))


def test_too_few_artists_are_no_second_measure() -> None:
    made = examples()
    assert disjoint_folds(made.labels, made.artists, 3, 0)
    assert disjoint_folds(made.labels, np.arange(36) % 2, 3, 0) == []
    # One artist made all that is red: whoever asks for it has not learned it.
    one_red = np.where(made.labels == "red", 99, np.arange(36))
    assert disjoint_folds(made.labels, one_red, 3, 0) == []


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_candidate_gives_probabilities(name: str) -> None:
    made = examples()
    pipeline = make_pipeline(name, 0).fit(made.features, made.labels)
    found = pipeline.predict_proba(made.features)
    assert found.sum(axis=1) == pytest.approx(1)
    assert (pipeline.classes_[found.argmax(axis=1)] == pipeline.predict(made.features)).all()
    assert settings(name, 7)["class"] == type(pipeline["classify"]).__name__
