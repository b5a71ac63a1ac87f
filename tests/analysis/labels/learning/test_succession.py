"""A new classifier takes over where it is worth it, and says why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from analysis.labels.heads import Mode
from analysis.labels.learning.succession import Succession, beats_baselines, decide
from analysis.labels.measuring.judging import Judgement, judge
from analysis.labels.measuring.predictions import PREDICTIONS, Predictions
from analysis.registry.artifacts import save_bytes
from analysis.registry.models import Model
from storage.objects import ObjectStore
from tests.analysis.labels.toys import dataset_of, drawn_targets, scored, split_of

COUNT = 400


def judged(
    signal: float, *, mode: Mode = "single", classes: int = 3, noise: int = 1
) -> tuple[Judgement, Predictions]:
    """A classifier that is the better, the greater its signal is; all of the same images."""
    targets = drawn_targets(COUNT, classes, mode, 1)
    dataset, split = dataset_of(targets, mode), split_of(COUNT)
    found = judge(dataset, split, scored(targets, noise, signal=signal), seed=0)
    return found, found.predictions(dataset, split)


def default(store: ObjectStore, predictions: Predictions, **params: Any) -> Model:
    """The classifier in use, as it is stored."""
    told = save_bytes(store, "probe-style", "1", PREDICTIONS, predictions.to_bytes())
    known: Mapping[str, Any] = {
        "labels": "single",
        "classes": list(predictions.classes),
        "predictions_sha256": told.sha256,
        **params,
    }
    return Model(
        id=1,
        name="probe-style",
        version="1",
        kind="classifier",
        head="style",
        params=known,
        metrics={},
        artifact_key="models/probe-style/1/classifier.npz",
        data_fingerprint="0" * 64,
        active=True,
        is_default=True,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def decided(store: ObjectStore, present: Model | None, signal: float, **options: Any) -> Succession:
    wanted = options.pop("wanted", None)
    found, predictions = judged(signal, **options)
    return decide(store, present, found.metrics, predictions, seed=0, wanted=wanted)


@pytest.mark.parametrize("mode", ["single", "multi"])
@pytest.mark.parametrize(("signal", "worth"), [(0.0, False), (3.0, True)])
def test_it_has_to_beat_what_is_said_without_a_look(mode: Mode, signal: float, worth: bool) -> None:
    assert beats_baselines(judged(signal, mode=mode)[0].metrics) is worth


def test_to_tell_every_label_of_every_image_is_worth_nothing() -> None:
    targets = drawn_targets(COUNT, 3, "multi", 1, share=0.9)
    dataset, split = dataset_of(targets, "multi"), split_of(COUNT)
    found = judge(dataset, split, np.full((COUNT, 3), 4, np.float32), seed=0)
    assert found.metrics["f1_macro"] > found.metrics["baselines"]["base_rate"]["f1_macro"]
    assert not beats_baselines(found.metrics)


def test_the_first_takes_over_unless_it_is_worth_nothing(store: ObjectStore) -> None:
    assert decided(store, None, 3.0) == Succession(True, "there was no default")
    assert not decided(store, None, 0.0).takes_over


def test_people_decide_whatever_is_measured(store: ObjectStore) -> None:
    assert decided(store, None, 0.0, wanted=True).takes_over
    assert not decided(store, None, 3.0, wanted=False).takes_over


def test_it_is_compared_with_the_default_on_images_of_both(store: ObjectStore) -> None:
    present = default(store, judged(3.0)[1])
    images = "probe-style/1 on 120 test images of both"
    assert decided(store, present, 1.0) == Succession(False, f"it is worse than {images}")
    assert decided(store, present, 8.0) == Succession(True, f"it is better than {images}")
    assert decided(store, present, 3.0) == Succession(True, f"it is as good as {images}")


def test_it_tells_at_least_what_the_default_tells(store: ObjectStore) -> None:
    _, predictions = judged(3.0)
    more = default(store, predictions, classes=[*predictions.classes, "label 03", "rococo"])
    assert decided(store, more, 8.0) == Succession(
        False, "probe-style/1, the default, also tells label 03, rococo"
    )
    several = default(store, predictions, labels="multi")
    assert decided(store, several, 8.0) == Succession(
        False, "probe-style/1, the default, tells multi labels"
    )


def test_what_cannot_be_compared_gives_way_and_says_so(store: ObjectStore) -> None:
    _, predictions = judged(8.0)
    lost = default(store, predictions, predictions_sha256="0" * 64)
    found = decided(store, lost, 3.0)
    assert found.takes_over
    assert "cannot be compared with probe-style/1" in found.reason
    assert "damaged or was replaced" in found.reason
