"""Artifacts: what was trained comes back, and nothing else is ever unpickled."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from analysis.errors import ArtifactDamaged, ArtifactOutdated
from analysis.registry.artifacts import Artifact, load_artifact, package_versions, save_artifact
from analysis.registry.models import Model
from storage.errors import ExitCode
from storage.objects import ObjectStore

FEATURES = np.array([[0.0, 1.0], [1.0, 0.0], [4.0, 5.0], [5.0, 4.0]])
LABELS = ["low", "low", "high", "high"]


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def registered(artifact: Artifact, **params: Any) -> Model:
    known: Mapping[str, Any] = {
        "artifact_sha256": artifact.sha256,
        "packages": package_versions(),
        **params,
    }
    return Model(
        id=1,
        name="color-class",
        version="1",
        kind="classifier",
        head="color",
        params=known,
        metrics={},
        artifact_key=artifact.key,
        data_fingerprint=None,
        active=True,
        is_default=True,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def artifact(store: ObjectStore) -> Artifact:
    pipeline = Pipeline([("scale", StandardScaler()), ("classify", LogisticRegression())])
    return save_artifact(store, "color-class", "1", pipeline.fit(FEATURES, LABELS))


def test_scaler_and_model_come_back_in_one(store: ObjectStore, artifact: Artifact) -> None:
    assert artifact.key == "models/color-class/1/model.joblib"
    assert store.stat(artifact.key).size == artifact.size
    pipeline = load_artifact(store, registered(artifact))
    assert pipeline.predict(FEATURES).tolist() == LABELS
    assert pipeline["scale"].mean_.tolist() == FEATURES.mean(axis=0).tolist()


def test_other_bytes_never_run(store: ObjectStore, artifact: Artifact, tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    buffer = io.BytesIO()
    joblib.dump(Trap(trap), buffer)
    joblib.load(io.BytesIO(buffer.getvalue()))
    assert trap.exists(), "the trap works where it is loaded"
    trap.unlink()
    store.put(artifact.key, buffer.getvalue(), content_type="application/octet-stream")
    with pytest.raises(ArtifactDamaged, match=r"was replaced.*artworks train color") as caught:
        load_artifact(store, registered(artifact))
    assert caught.value.exit_code == ExitCode.MISMATCH
    assert not trap.exists()


def test_one_bit_is_enough(store: ObjectStore, artifact: Artifact) -> None:
    data = bytearray(store.get(artifact.key))
    data[len(data) // 2] ^= 1
    store.put(artifact.key, bytes(data), content_type="application/octet-stream")
    with pytest.raises(ArtifactDamaged, match="is damaged or was replaced"):
        load_artifact(store, registered(artifact))


def test_a_lost_artifact_is_said_with_the_cure(store: ObjectStore, artifact: Artifact) -> None:
    store.delete(artifact.key)
    with pytest.raises(ArtifactDamaged, match=r"has no models/color-class/1/model\.joblib.*backup"):
        load_artifact(store, registered(artifact))


def test_the_cure_names_the_method_of_a_network(store: ObjectStore, artifact: Artifact) -> None:
    store.delete(artifact.key)
    with pytest.raises(ArtifactDamaged, match="`artworks train color --method cnn`"):
        load_artifact(store, registered(artifact, method="cnn"))


def test_another_version_is_refused_with_both_named(store: ObjectStore, artifact: Artifact) -> None:
    old = {**package_versions(), "scikit-learn": "0.24.2"}
    with pytest.raises(ArtifactOutdated, match=r"scikit-learn 0\.24\.2, and .*==0\.24\.2"):
        load_artifact(store, registered(artifact, packages=old))
    other = {**package_versions(), "numpy": "1.0"}
    assert load_artifact(store, registered(artifact, packages=other)) is not None


def test_what_was_never_recorded_is_not_loaded(store: ObjectStore, artifact: Artifact) -> None:
    with pytest.raises(ArtifactDamaged, match="without an artifact"):
        load_artifact(store, registered(artifact, artifact_sha256=None))
    with pytest.raises(ArtifactDamaged, match="without an artifact"):
        load_artifact(store, replace(registered(artifact), artifact_key=None))
