"""Intervals of F1 and mAP: each draw as scikit-learn would measure it, and 95 % hold the truth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score

from analysis.evaluation.intervals import Resampling
from analysis.labels.classifier import to_probabilities
from analysis.labels.heads import MODES, Mode
from analysis.labels.measuring.measures import Answers, headline, recorded
from analysis.labels.measuring.resampling import MEASURES, differences, drawn_by, draws, intervals
from tests.analysis.labels.toys import dataset_of, drawn_targets, scored


def answers_of(mode: Mode, count: int, classes: int, seed: int, signal: float = 2.0) -> Answers:
    targets = drawn_targets(count, classes, mode, seed)
    # Rounded, so that many images have the same score.
    logits = np.round(scored(targets, seed + 1, signal=signal), 1)
    return Answers.of(targets, to_probabilities(logits, mode), mode)


class Few(Resampling):
    """The first draws only, which are measured one by one here."""

    def __init__(self, groups: npt.NDArray[np.int64], seed: int) -> None:
        super().__init__(groups, seed=seed)
        self.drawn = self.drawn[:3]


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(MODES),
    st.integers(1, 25),
    st.integers(2, 4),
    st.integers(1, 8),
    st.integers(0, 10**6),
)
def test_draws_as_scikit_learn_measures_them(
    mode: Mode, count: int, classes: int, groups: int, seed: int
) -> None:
    answers = answers_of(mode, count, classes, seed)
    resampling = Few(np.random.default_rng(seed).integers(0, groups, count), seed)
    found = draws(answers, resampling)
    for at, drawn in enumerate(resampling.drawn):
        chosen = np.repeat(np.arange(count), drawn[resampling.place].astype(int))
        if not len(chosen):
            continue
        one = answers.subset(chosen)
        there = np.flatnonzero(one.targets.any(axis=0))
        assert found["accuracy"][at] == pytest.approx((one.targets == one.accepted).all(1).mean())
        if not len(there):
            assert np.isnan([found["f1_macro"][at], found["map"][at]]).all()
            continue
        f1 = f1_score(one.targets, one.accepted, labels=there, average="macro", zero_division=0)
        precisions = [
            average_precision_score(one.targets[:, label], one.probabilities[:, label])
            for label in there
        ]
        assert found["f1_macro"][at] == pytest.approx(f1)
        assert found["map"][at] == pytest.approx(np.mean(precisions), abs=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_intervals_hold_the_truth_about_95_times_in_100(mode: Mode) -> None:
    truth = headline(answers_of(mode, 40_000, 3, 10**6))
    held = dict.fromkeys(MEASURES, 0)
    rounds = 60
    for seed in range(rounds):
        found = intervals(
            answers_of(mode, 150, 3, 10 * seed), Resampling(np.arange(150), seed=seed)
        )
        for name in MEASURES:
            held[name] += found[name].low <= truth[name] <= found[name].high
    # 95 of 100, less three standard deviations.
    assert all(count >= 52 for count in held.values()), held


@pytest.mark.parametrize("mode", MODES)
def test_around_what_is_measured_and_the_same_for_the_same_seed(mode: Mode) -> None:
    answers = answers_of(mode, 200, 4, 5)
    found = intervals(answers, Resampling(np.arange(200), seed=3))
    assert {name: recorded(found[name].mean) for name in MEASURES} == headline(answers)
    assert all(one.low < one.mean < one.high for one in found.values())
    assert found == intervals(answers, Resampling(np.arange(200), seed=3))
    assert found != intervals(answers, Resampling(np.arange(200), seed=4))


def test_images_by_one_artist_do_not_count_as_many() -> None:
    answers = answers_of("single", 20, 3, 0)
    many = answers.subset(np.repeat(np.arange(20), 30))
    narrow = intervals(many, Resampling(np.arange(600)))
    wide = intervals(many, Resampling(np.repeat(np.arange(20), 30)))
    for name in MEASURES:
        assert wide[name].high - wide[name].low > 3 * (narrow[name].high - narrow[name].low)


def test_all_right_is_not_certain() -> None:
    targets = drawn_targets(40, 3, "single", 0)
    perfect = Answers.of(targets, targets.astype(np.float32), "single")
    found = intervals(perfect, Resampling(np.arange(40)))
    # The share of which 40 of 40 are found once in 40 times.
    least = 0.025 ** (1 / 40)
    assert [one.low for one in found.values()] == pytest.approx([least] * 3)
    assert {one.high for one in found.values()} == {1.0}
    wrong = Answers.of(targets, np.roll(targets, 1, axis=1).astype(np.float32), "single")
    high = intervals(wrong, Resampling(np.arange(40)))["accuracy"].high
    assert high == pytest.approx(1 - least)


def test_one_group_alone_says_nothing() -> None:
    answers = answers_of("single", 30, 3, 0)
    alone = Resampling(np.zeros(30, np.int64))
    assert {(one.low, one.high) for one in intervals(answers, alone).values()} == {(0, 1)}
    apart = differences(answers, answers, alone)
    assert {(one.mean, one.low, one.high) for one in apart.values()} == {(0, -1, 1)}


def test_differences_are_paired() -> None:
    first = answers_of("single", 300, 3, 0)
    resampling = Resampling(np.arange(300))
    same = differences(first, first, resampling)
    assert {(one.mean, one.low, one.high) for one in same.values()} == {(0, 0, 0)}
    # The same images with a little noise: the difference is surer than either of them.
    shaken = first.probabilities + np.random.default_rng(1).normal(0, 0.05, (300, 3))
    second = Answers.of(first.targets, shaken.astype(np.float32), "single")
    apart, alone = differences(first, second, resampling), intervals(first, resampling)
    for name in MEASURES:
        assert apart[name].high - apart[name].low < (alone[name].high - alone[name].low) / 2


@pytest.mark.parametrize(
    ("artists", "known", "drawn"), [(10, True, "artists"), (9, True, "works"), (10, False, "works")]
)
def test_by_artist_where_there_are_enough(artists: int, known: bool, drawn: str) -> None:
    dataset = dataset_of(
        drawn_targets(60, 3, "single", 0),
        "single",
        artists=np.arange(60, dtype=np.int64) % artists,
        artists_known=known,
    )
    groups, named = drawn_by(dataset, np.arange(30, 60))
    assert named == drawn
    assert len(np.unique(groups)) == (artists if drawn == "artists" else 30)
