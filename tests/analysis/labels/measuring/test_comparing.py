"""Two classifiers are compared on what tested both, and only chance-proof differences count."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from analysis.errors import NothingToCompare
from analysis.labels.classifier import to_probabilities
from analysis.labels.heads import MODES, Mode
from analysis.labels.measuring.comparing import LEAST_IMAGES, compare
from analysis.labels.measuring.measures import Answers, headline
from analysis.labels.measuring.predictions import Predictions
from tests.analysis.labels.toys import drawn_targets, hashes, names, predicted, scored

COUNT = 200


def said(mode: Mode, signal: float, seed: int) -> Predictions:
    targets = drawn_targets(COUNT, 3, mode, 0)
    return predicted(targets, to_probabilities(scored(targets, seed, signal=signal), mode))


@pytest.mark.parametrize("mode", MODES)
def test_the_better_one_is_found(mode: Mode) -> None:
    good, poor = said(mode, 4, 1), said(mode, 1, 2)
    up, down = (compare(*pair, mode=mode, seed=0) for pair in ((good, poor), (poor, good)))
    assert (up.better, up.worse, down.better, down.worse) == (True, False, False, True)
    assert up.images == COUNT
    for name, interval in up.differences.items():
        assert interval.mean == pytest.approx(up.first[name] - up.second[name], abs=2e-6)
        assert interval.mean == pytest.approx(-down.differences[name].mean)
        assert interval.low > 0
    assert (up.mcnemar is None) == (mode == "multi")
    assert json.loads(json.dumps(up.as_dict(), allow_nan=False))["better"] is True


@pytest.mark.parametrize("mode", MODES)
def test_the_same_is_neither_better_nor_worse(mode: Mode) -> None:
    one = said(mode, 2, 1)
    found = compare(one, one, mode=mode, seed=0)
    assert not found.better
    assert not found.worse
    if mode == "single":
        assert (found.mcnemar.first_only, found.mcnemar.second_only, found.mcnemar.p) == (0, 0, 1)


def test_better_in_one_way_and_worse_in_another_is_neither() -> None:
    found = compare(said("single", 4, 1), said("single", 1, 2), mode="single", seed=0)
    worse = compare(said("single", 1, 2), said("single", 4, 1), mode="single", seed=0)
    mixed = replace(found, differences={**found.differences, "map": worse.differences["map"]})
    assert not mixed.better
    assert not mixed.worse


def test_mcnemar_counts_where_only_one_is_right() -> None:
    first, second = said("single", 2, 1), said("single", 1, 2)
    truth = first.targets.argmax(axis=1)
    ours = first.probabilities.argmax(axis=1) == truth
    theirs = second.probabilities.argmax(axis=1) == truth
    found = compare(first, second, mode="single", seed=0).mcnemar
    assert (found.first_only, found.second_only) == ((ours & ~theirs).sum(), (theirs & ~ours).sum())
    expected = binomtest(found.first_only, found.first_only + found.second_only).pvalue
    assert found.p == pytest.approx(expected)


def test_only_images_that_tested_both_count() -> None:
    first, second = said("single", 3, 1), said("single", 3, 2)
    # Half of the images taught the second, which hence looks good on them.
    parts = tuple("train" if at % 2 else "test" for at in range(COUNT))
    known = np.where(np.array(parts)[:, None] == "train", second.targets, second.probabilities)
    taught = replace(second, parts=parts, probabilities=known.astype(np.float32))
    found = compare(first, taught, mode="single", seed=0)
    assert found.images == COUNT // 2
    assert found.left_out == {"not in the test part of the other": COUNT // 2}
    even = Answers.of(first.targets[::2], second.probabilities[::2], "single")
    assert found.second == headline(even)


def test_images_in_another_order_and_labels_in_another() -> None:
    first, second = said("single", 3, 1), said("single", 2, 2)
    order = np.random.default_rng(0).permutation(COUNT)
    columns = [2, 0, 1]
    other = predicted(
        second.targets[order][:, columns],
        second.probabilities[order][:, columns],
        sha256=[hashes(COUNT)[at] for at in order],
        classes=[names(3)[at] for at in columns],
    )
    one, two = (compare(first, each, mode="single", seed=0) for each in (second, other))
    assert one == two


def test_labels_that_only_one_knows_do_not_count() -> None:
    first = said("single", 3, 1)
    targets = first.targets[:, :2]
    there = np.flatnonzero(targets.any(axis=1))
    second = predicted(
        targets[there],
        first.probabilities[there][:, :2],
        sha256=[hashes(COUNT)[at] for at in there],
    )
    found = compare(first, second, mode="single", seed=0)
    assert found.classes == names(3)[:2]
    assert found.images == len(there)
    # The likeliest of the labels that both know is the same then.
    assert found.first["accuracy"] == found.second["accuracy"]


def test_images_with_two_truths_do_not_count() -> None:
    first, second = said("multi", 3, 1), said("multi", 3, 2)
    changed = second.targets.copy()
    changed[:7, 0] = 1 - changed[:7, 0]
    found = compare(first, replace(second, targets=changed), mode="multi", seed=0)
    assert found.images == COUNT - 7
    assert found.left_out == {"told different labels": 7}


def test_drawn_as_the_first_was_or_as_is_asked_for() -> None:
    first, second = said("single", 2, 1), said("single", 2, 2)
    artists = np.arange(COUNT, dtype=np.int64) // 20
    grouped = replace(first, groups=artists, drawn_by="artists")
    alone = compare(first, second, mode="single", seed=0)
    by_artist = compare(grouped, second, mode="single", seed=0)
    asked = compare(
        first,
        second,
        dict(zip(hashes(COUNT), artists.tolist(), strict=True)),
        mode="single",
        seed=0,
    )
    assert (alone.drawn_by, by_artist.drawn_by, asked.drawn_by) == ("images", "artists", "groups")
    assert asked.differences == by_artist.differences != alone.differences


def test_thresholds_decide_what_counts_of_several_labels() -> None:
    one = said("multi", 3, 1)
    strict = replace(one, thresholds=np.full(3, 0.99, np.float32))
    found = compare(one, strict, mode="multi", seed=0)
    assert found.first["f1_macro"] > found.second["f1_macro"]
    assert found.first["map"] == found.second["map"]


def test_too_few_images_or_labels_are_refused_with_the_cure() -> None:
    first = said("single", 2, 1)
    parts = ("test",) * (LEAST_IMAGES - 1) + ("train",) * (COUNT - LEAST_IMAGES + 1)
    with pytest.raises(NothingToCompare, match=r"19 images are .* --split"):
        compare(first, replace(first, parts=parts), mode="single", seed=0)
    with pytest.raises(NothingToCompare, match=r"1 labels in common"):
        compare(first, replace(first, classes=("label 00", "x", "y")), mode="single", seed=0)
