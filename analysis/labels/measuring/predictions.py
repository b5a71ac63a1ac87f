"""What a classifier said of the images of its dataset, kept beside it: plain numbers, no code."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.errors import ArtifactDamaged
from analysis.evaluation.relevance import Numbers
from analysis.labels.classifier import Probabilities
from analysis.labels.dataset import Targets
from analysis.registry.artifacts import model_key
from analysis.registry.models import Model
from storage.errors import ObjectNotFound
from storage.objects import ObjectStore

PREDICTIONS: Final = "predictions.npz"
FORMAT: Final = 1
PARTS: Final = ("train", "validation", "test", "removed")
_DOCUMENT: Final = "document"


@dataclass(frozen=True)
class Predictions:
    """What is true of images, what was said of them, and whether they taught it; n of each."""

    sha256: tuple[str, ...]
    parts: tuple[str, ...]
    """One of PARTS for each image."""
    classes: tuple[str, ...]
    targets: Targets
    probabilities: Probabilities
    """(n, classes) calibrated; NaN for images that were removed from the split."""
    thresholds: npt.NDArray[np.float32] | None = None
    """(classes,) From which probability a label counts, where several may; None: one half."""
    groups: Numbers | None = None
    """(n,) Images of one group are drawn together in intervals; None: each by itself."""
    drawn_by: str = "works"
    """What the groups are: artists or works."""

    def __len__(self) -> int:
        return len(self.sha256)

    def places(self, part: str) -> Numbers:
        """Return where the images of a part are, ascending."""
        return np.flatnonzero(np.array(self.parts) == part).astype(np.int64)

    def to_bytes(self) -> bytes:
        """Return them as a .npz file without objects; the same numbers give the same bytes."""
        document = {
            "format": FORMAT,
            "classes": list(self.classes),
            "parts": list(PARTS),
            "drawn_by": self.drawn_by,
        }
        text = json.dumps(document, ensure_ascii=False, sort_keys=True)
        arrays: dict[str, npt.NDArray[np.generic]] = {
            _DOCUMENT: np.frombuffer(text.encode(), np.uint8),
            "sha256": np.frombuffer(bytes.fromhex("".join(self.sha256)), np.uint8).reshape(-1, 32),
            "parts": np.array([PARTS.index(part) for part in self.parts], np.uint8),
            "targets": self.targets.astype(np.uint8),
            "probabilities": self.probabilities.astype(np.float32),
        }
        if self.thresholds is not None:
            arrays["thresholds"] = self.thresholds.astype(np.float32)
        if self.groups is not None:
            arrays["groups"] = self.groups.astype(np.int64)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Predictions:
        """Read them. Raises ValueError or KeyError where there are none."""
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        document = json.loads(arrays[_DOCUMENT].tobytes().decode())
        if document["format"] != FORMAT:
            raise ValueError(f"they are of format {document['format']}, not {FORMAT}")
        names = document["parts"]
        return cls(
            sha256=tuple(row.tobytes().hex() for row in arrays["sha256"]),
            parts=tuple(names[code] for code in arrays["parts"]),
            classes=tuple(document["classes"]),
            targets=arrays["targets"],
            probabilities=arrays["probabilities"],
            thresholds=arrays.get("thresholds"),
            groups=arrays.get("groups"),
            drawn_by=document["drawn_by"],
        )


def from_store(store: ObjectStore, model: Model) -> Predictions:
    """Return the predictions of a classifier, which have the sha256 that was recorded of them.

    Raises ArtifactDamaged where the object is missing or is not the one that was recorded.
    """
    key = model_key(model.name, model.version, PREDICTIONS)
    cure = f"Restore it from a backup, or train anew with `artworks train {model.head} --force`."
    expected = model.params.get("predictions_sha256")
    if not isinstance(expected, str):
        raise ArtifactDamaged(
            f"the model {model.label} was registered without the sha256 of {key}: it cannot be "
            f"compared. {cure}"
        )
    try:
        data = store.get(key)
    except ObjectNotFound as error:
        raise ArtifactDamaged(
            f"the object store has no {key}, what {model.label} said of its images. {cure}"
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise ArtifactDamaged(
            f"{key} has the sha256 {found[:16]}…, and {model.label} was registered with "
            f"{expected[:16]}…: it is damaged or was replaced, and is not read. {cure}"
        )
    try:
        return Predictions.from_bytes(data)
    except (ValueError, KeyError) as error:
        raise ArtifactDamaged(
            f"{key} holds no predictions that this version reads ({error}). {cure}"
        ) from error
