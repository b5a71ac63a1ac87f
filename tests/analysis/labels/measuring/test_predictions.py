"""Predictions come back as they were stored, and only those that were recorded are read."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import numpy as np
import pytest

from analysis.errors import ArtifactDamaged
from analysis.labels.measuring.predictions import PARTS, PREDICTIONS, Predictions, from_store
from analysis.registry.artifacts import CONTENT_TYPE
from analysis.registry.models import Model
from storage.objects import ObjectStore
from tests.analysis.labels.toys import drawn_targets, predicted

KEY = f"models/probe-style/1/{PREDICTIONS}"


def some() -> Predictions:
    targets = drawn_targets(8, 3, "multi", 0)
    probabilities = np.random.default_rng(0).random((8, 3)).astype(np.float32)
    probabilities[-1] = np.nan
    return predicted(
        targets,
        probabilities,
        sha256=[hashlib.sha256(bytes([at])).hexdigest() for at in range(8)],
        parts=[*PARTS[:3], *PARTS[:3], "test", "removed"],
        classes=["Åland", "b|c", '"d"'],
        thresholds=np.array([0.1, 0.5, 0.9], np.float32),
        groups=np.arange(8, dtype=np.int64) // 2,
    )


def model(**params) -> Model:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Model(
        *(1, "probe-style", "1", "classifier", "style", params, {}, None, None, True, True, now)
    )


def test_there_and_back() -> None:
    first = some()
    data = first.to_bytes()
    again = Predictions.from_bytes(data)
    assert data == first.to_bytes() == again.to_bytes()
    assert (again.sha256, again.parts, again.classes) == (first.sha256, first.parts, first.classes)
    for name in ("targets", "probabilities", "thresholds", "groups"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
    assert again.places("test").tolist() == [2, 5, 6]


def test_without_what_may_be_missing() -> None:
    bare = predicted(np.eye(2, dtype=np.uint8), np.eye(2, dtype=np.float32))
    again = Predictions.from_bytes(bare.to_bytes())
    assert again.thresholds is None
    assert again.groups is None
    none = predicted(np.zeros((0, 2), np.uint8), np.zeros((0, 2), np.float32))
    assert Predictions.from_bytes(none.to_bytes()).sha256 == ()


def test_those_that_were_recorded_are_read(store: ObjectStore) -> None:
    data = some().to_bytes()
    store.put(KEY, data, content_type=CONTENT_TYPE)
    found = from_store(store, model(predictions_sha256=hashlib.sha256(data).hexdigest()))
    assert found.classes == some().classes


@pytest.mark.parametrize(
    ("stored", "recorded", "why"),
    [
        (None, "0" * 64, "the object store has no models/probe-style/1/predictions.npz"),
        (b"other", "0" * 64, "damaged or was replaced"),
        (b"other", None, "without the sha256"),
        (b"no file", hashlib.sha256(b"no file").hexdigest(), "holds no predictions"),
    ],
)
def test_others_are_refused(
    store: ObjectStore, stored: bytes | None, recorded: str | None, why: str
) -> None:
    if stored is not None:
        store.put(KEY, stored, content_type=CONTENT_TYPE)
    with pytest.raises(ArtifactDamaged, match=f"{why}.*artworks train style --force"):
        from_store(store, model(predictions_sha256=recorded))
