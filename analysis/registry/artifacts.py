"""What was trained, in the object store: `models/<name>/<version>/…`, with its `card.md`.

A classifier is a pickle, `model.joblib`, and a pickle runs code when it is loaded. An artifact is
therefore loaded only where its bytes have the sha256 that the database recorded when they were
trained, so that whoever can write to the object store alone cannot have anything run. The same
holds for artifacts that are plain numbers, and for them only the bytes are checked.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from typing import Any

import joblib

from analysis.errors import ArtifactDamaged, ArtifactOutdated
from analysis.registry.models import Model
from storage.errors import ObjectNotFound
from storage.objects import ObjectStore

ARTIFACT = "model.joblib"
CARD = "card.md"
CONTENT_TYPE = "application/octet-stream"
PACKAGES = ("scikit-learn", "numpy", "joblib")
"""Packages whose versions are recorded with an artifact."""
MUST_AGREE = "scikit-learn"
"""The package whose objects are pickled: it promises to read its own version's only."""


@dataclass(frozen=True)
class Artifact:
    """Bytes in the object store."""

    key: str
    sha256: str
    size: int


def model_key(name: str, version: str, file: str) -> str:
    """Return the key of a model's file in the object store."""
    return f"models/{name}/{version}/{file}"


def package_versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of packages that are installed."""
    return {name: installed_version(name) for name in packages}


def save_artifact(store: ObjectStore, name: str, version: str, trained: object) -> Artifact:
    """Store what was trained; what lay there was never registered, and is replaced."""
    buffer = io.BytesIO()
    joblib.dump(trained, buffer, compress=3)
    return save_bytes(store, name, version, ARTIFACT, buffer.getvalue())


def save_bytes(store: ObjectStore, name: str, version: str, file: str, data: bytes) -> Artifact:
    """Store an artifact that is bytes already, as `file` of the model."""
    key = model_key(name, version, file)
    store.put(key, data, content_type=CONTENT_TYPE)
    return Artifact(key, hashlib.sha256(data).hexdigest(), len(data))


def load_artifact(store: ObjectStore, model: Model) -> Any:
    """Return what was trained, having checked its bytes before anything of them runs.

    Raises ArtifactOutdated where another version of scikit-learn is installed than trained it, and
    ArtifactDamaged where the object is missing, is not the one that was recorded, or none was.
    """
    _check_recorded(model)
    _check_versions(model, model.params.get("packages", {}))
    return joblib.load(io.BytesIO(load_bytes(store, model)))


def load_bytes(store: ObjectStore, model: Model) -> bytes:
    """Return the bytes of an artifact, which have the sha256 that was recorded of them.

    Raises ArtifactDamaged where the object is missing, is not the one that was recorded, or none
    was.
    """
    key, expected = _check_recorded(model)
    try:
        data = store.get(key)
    except ObjectNotFound as error:
        raise ArtifactDamaged(
            f"the object store has no {key}, the artifact of the model {model.label}: restore it "
            f"from a backup. {_cure(model)}"
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise ArtifactDamaged(
            f"{key} has the sha256 {found[:16]}…, and the model {model.label} was registered with "
            f"{expected[:16]}…: it is damaged or was replaced, and is not loaded. {_cure(model)}"
        )
    return data


def _check_recorded(model: Model) -> tuple[str, str]:
    """Return the artifact's key and sha256."""
    expected = model.params.get("artifact_sha256")
    if model.artifact_key is None or not isinstance(expected, str):
        raise ArtifactDamaged(
            f"the model {model.label} was registered without an artifact and its sha256: it cannot "
            f"be loaded. {_cure(model)}"
        )
    return model.artifact_key, expected


def _check_versions(model: Model, recorded: Mapping[str, str]) -> None:
    trained_with, installed = recorded.get(MUST_AGREE), installed_version(MUST_AGREE)
    if trained_with != installed:
        raise ArtifactOutdated(
            f"the model {model.label} was trained with {MUST_AGREE} {trained_with}, and "
            f"{installed} is installed, which does not promise to read it: install {MUST_AGREE}"
            f"=={trained_with}. {_cure(model)}"
        )


def _cure(model: Model) -> str:
    anew = {
        "clusters": "artworks clusters --redo",
        "index": "artworks analyze index --redo",
        # What has no head of its own is a projection of embeddings.
    }.get(model.kind, f"artworks train {model.head or 'similarity'}{_way(model)}")
    return (
        f"Make it anew with `{anew}`, or make another model the default with `artworks models "
        "activate`."
    )


def _way(model: Model) -> str:
    """Return the option that a classifier of labels was trained with."""
    method = model.params.get("method")
    return f" --method {method}" if method in ("transfer", "cnn") else ""
