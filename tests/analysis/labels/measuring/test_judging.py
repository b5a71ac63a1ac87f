"""A fitted method is judged: what is chosen, what is measured, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.errors import Diverged, WrongDataset
from analysis.labels.heads import MODES, Mode
from analysis.labels.measuring.judging import Judgement, judge
from tests.analysis.labels.toys import dataset_of, drawn_targets, scored, split_of

COUNT = 300


def judged(mode: Mode, seed: int = 0, **changed) -> Judgement:
    targets = drawn_targets(COUNT, 4, mode, seed)
    split = split_of(COUNT, removed=10)
    logits = scored(targets, seed)
    logits[split.removed] = np.nan
    return judge(dataset_of(targets, mode, **changed), split, logits, seed=seed)


@pytest.mark.parametrize("mode", MODES)
def test_everything_is_told_in_finite_numbers(mode: Mode) -> None:
    found = judged(mode)
    metrics = found.metrics
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
    assert set(metrics) >= {
        *("labels", "classes", "images", "accuracy", "f1_macro", "map", "test", "intervals"),
        *("drawn_by", "level", "per_class", "confusion", "baselines", "calibration", "curves"),
    }
    assert metrics["images"] == {"train": 150, "validation": 60, "test": 80}
    assert set(metrics["test"]) == {
        *("accuracy", "precision", "recall", "f1", "map", "auc", "log_loss"),
    }
    assert set(metrics["intervals"]) == {"accuracy", "f1_macro", "map"}
    assert metrics["baselines"]["majority"]["accuracy"] < metrics["accuracy"]
    assert (metrics["confusion"] is None) == (mode == "multi")
    for one in metrics["per_class"]:
        assert (one["threshold"] is None) == (mode == "single")
    assert metrics["calibration"]["temperature"] == round(found.temperature, 6)
    assert metrics["calibration"]["note"] is None


@pytest.mark.parametrize("mode", MODES)
def test_the_same_for_the_same_seed(mode: Mode) -> None:
    assert judged(mode).metrics == judged(mode).metrics


@pytest.mark.parametrize("mode", MODES)
def test_only_the_test_part_measures_and_only_validation_chooses(mode: Mode) -> None:
    targets, split = drawn_targets(COUNT, 4, mode, 1), split_of(COUNT)
    logits = scored(targets, 1)
    first = judge(dataset_of(targets, mode), split, logits, seed=0)
    # What taught it may say anything, and what measures chooses nothing.
    other = logits.copy()
    other[split.train] = 7
    again = judge(dataset_of(targets, mode), split, other, seed=0)
    assert again.metrics == first.metrics
    other = logits.copy()
    other[split.test] = -other[split.test]
    worse = judge(dataset_of(targets, mode), split, other, seed=0)
    assert worse.temperature == first.temperature
    assert worse.thresholds.tolist() == first.thresholds.tolist()
    assert worse.metrics["map"] < first.metrics["map"]


def test_a_temperature_helps_what_is_too_sure() -> None:
    targets = drawn_targets(2000, 4, "single", 2)
    logits = scored(targets, 2) * 6
    found = judge(dataset_of(targets, "single"), split_of(2000), logits, seed=0)
    told = found.metrics["calibration"]
    assert found.temperature > 3
    assert told["after"]["ece"] < told["before"]["ece"] / 2


def test_what_could_not_be_chosen_is_told() -> None:
    targets = drawn_targets(COUNT, 4, "multi", 3)
    split = split_of(COUNT, validation=0.05)
    targets[split.validation] = 1
    targets[split.validation[:7], 1] = 0
    targets[split.validation, 2] = 0
    found = judge(dataset_of(targets, "multi"), split, scored(targets, 3), seed=0)
    assert found.temperature == 1
    assert "15 validation images" in found.metrics["calibration"]["note"]
    assert found.metrics["without_threshold"] == ["label 02"]
    assert found.thresholds[2] == 0.5


def test_predictions_say_which_images_taught() -> None:
    targets, split = drawn_targets(COUNT, 4, "single", 0), split_of(COUNT, removed=10)
    logits = scored(targets, 0)
    logits[split.removed] = np.nan
    artists = np.arange(COUNT, dtype=np.int64) % 20
    dataset = dataset_of(targets, "single", artists=artists)
    found = judge(dataset, split, logits, seed=0).predictions(dataset, split)
    assert found.places("test").tolist() == split.test.tolist()
    assert found.places("removed").tolist() == split.removed.tolist()
    assert np.isnan(found.probabilities[split.removed]).all()
    assert np.isfinite(found.probabilities[: -len(split.removed)]).all()
    assert (found.drawn_by, found.groups.tolist()) == ("artists", artists.tolist())


def test_nothing_to_measure_with_is_refused() -> None:
    targets, split = drawn_targets(COUNT, 4, "single", 0), split_of(COUNT)
    nothing = replace(split, test=np.array([], np.int64))
    with pytest.raises(WrongDataset, match="no test part"):
        judge(dataset_of(targets, "single"), nothing, scored(targets, 0), seed=0)


def test_scores_that_are_no_numbers_are_refused() -> None:
    targets, split = drawn_targets(COUNT, 4, "single", 0), split_of(COUNT)
    logits = scored(targets, 0)
    logits[split.validation[:3], 1] = np.inf
    with pytest.raises(Diverged, match=r"3 of 300 images .* lower --learning-rate"):
        judge(dataset_of(targets, "single"), split, logits, seed=0)
