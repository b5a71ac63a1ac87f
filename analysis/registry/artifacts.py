"""What was trained, in the object store: `models/<name>/<version>/model.joblib` and `card.md`.

A pickle runs code when it is loaded. An artifact is therefore loaded only where its bytes have the
sha256 that the database recorded when they were trained, so that whoever can write to the object
store alone cannot have anything run.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
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


def package_versions() -> dict[str, str]:
    """Return the versions of PACKAGES that are installed."""
    return {name: installed_version(name) for name in PACKAGES}


def save_artifact(store: ObjectStore, name: str, version: str, trained: object) -> Artifact:
    """Store what was trained; what lay there was never registered, and is replaced."""
    buffer = io.BytesIO()
    joblib.dump(trained, buffer, compress=3)
    data = buffer.getvalue()
    key = model_key(name, version, ARTIFACT)
    store.put(key, data, content_type=CONTENT_TYPE)
    return Artifact(key, hashlib.sha256(data).hexdigest(), len(data))


def load_artifact(store: ObjectStore, model: Model) -> Any:
    """Return what was trained, having checked its bytes before anything of them runs.

    Raises ArtifactOutdated where another version of scikit-learn is installed than trained it, and
    ArtifactDamaged where the object is missing, is not the one that was recorded, or none was.
    """
    params = model.params
    expected = params.get("artifact_sha256")
    if model.artifact_key is None or not isinstance(expected, str):
        raise ArtifactDamaged(
            f"the model {model.label} was registered without an artifact and its sha256: it cannot "
            f"be loaded. {_cure(model)}"
        )
    _check_versions(model, params.get("packages", {}))
    try:
        data = store.get(model.artifact_key)
    except ObjectNotFound as error:
        raise ArtifactDamaged(
            f"the object store has no {model.artifact_key}, the artifact of the model "
            f"{model.label}: restore it from a backup. {_cure(model)}"
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise ArtifactDamaged(
            f"{model.artifact_key} has the sha256 {found[:16]}…, and the model {model.label} was "
            f"registered with {expected[:16]}…: it is damaged or was replaced, and is not loaded. "
            f"{_cure(model)}"
        )
    return joblib.load(io.BytesIO(data))


def _check_versions(model: Model, recorded: Mapping[str, str]) -> None:
    trained_with, installed = recorded.get(MUST_AGREE), installed_version(MUST_AGREE)
    if trained_with != installed:
        raise ArtifactOutdated(
            f"the model {model.label} was trained with {MUST_AGREE} {trained_with}, and "
            f"{installed} is installed, which does not promise to read it: install {MUST_AGREE}"
            f"=={trained_with}. {_cure(model)}"
        )


def _cure(model: Model) -> str:
    return (
        f"Train anew with `artworks train {model.head}`, or make another model the default with "
        "`artworks models activate`."
    )
