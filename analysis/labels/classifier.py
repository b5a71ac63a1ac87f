"""A trained classifier: a scorer with calibrated probabilities and thresholds, as one artifact.

The artifact is a .npz file of plain numbers beside one JSON text: nothing in it runs when it is
loaded.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Vectors
from analysis.errors import ArtifactDamaged
from analysis.jobs import RGB
from analysis.labels.familiarity import Familiarity
from analysis.labels.heads import Mode
from analysis.labels.scorer import Arrays, Logits, Scorer
from analysis.registry.artifacts import load_bytes
from analysis.registry.models import Model
from storage.objects import ObjectStore

ARTIFACT: Final = "classifier.npz"
FORMAT: Final = 1
_DOCUMENT: Final = "document"

Probabilities = npt.NDArray[np.float32]
"""(n, classes), 0 to 1; of single labels, the sum of each row is 1."""


def _probe(settings: Mapping[str, Any], arrays: Arrays) -> Scorer:
    scorer: Scorer = import_module("analysis.labels.learning.probe").open_probe(settings, arrays)
    return scorer


def _transfer(settings: Mapping[str, Any], arrays: Arrays) -> Scorer:
    module = import_module("analysis.labels.networks.transfer")
    scorer: Scorer = module.open_transfer(settings, arrays)
    return scorer


def _cnn(settings: Mapping[str, Any], arrays: Arrays) -> Scorer:
    scorer: Scorer = import_module("analysis.labels.networks.cnn").open_cnn(settings, arrays)
    return scorer


OPENERS: Final[Mapping[str, Callable[[Mapping[str, Any], Arrays], Scorer]]] = MappingProxyType(
    {"probe": _probe, "transfer": _transfer, "cnn": _cnn}
)
"""By method; what a method is made of is imported when it is wanted."""


@dataclass(frozen=True)
class Classifier:
    """A scorer, and what makes probabilities and labels of its scores."""

    head: str
    mode: Mode
    classes: tuple[str, ...]
    scorer: Scorer
    temperature: float
    """What scores are divided by before the softmax or sigmoid (Guo et al. 2017)."""
    thresholds: npt.NDArray[np.float32]
    """(classes,) From which probability a label is accepted, where several may be told."""
    familiarity: Familiarity
    """What the images were like that it has learned from."""

    def probabilities(self, inputs: Vectors | Sequence[RGB]) -> Probabilities:
        """Return how likely each label is of vectors or pictures, as the scorer reads them."""
        return to_probabilities(self.scorer.logits(inputs), self.mode, self.temperature)

    def accepted(self, probabilities: Probabilities) -> npt.NDArray[np.bool_]:
        """Tell which labels count, (n, classes) bool: the likeliest, or those above thresholds."""
        if self.mode == "multi":
            above: npt.NDArray[np.bool_] = probabilities >= self.thresholds
            return above
        best = np.zeros(probabilities.shape, np.bool_)
        best[np.arange(len(best)), probabilities.argmax(axis=1)] = True
        return best

    def to_bytes(self) -> bytes:
        """Return the artifact; the same numbers give the same bytes."""
        document = {
            "format": FORMAT,
            "head": self.head,
            "mode": self.mode,
            "classes": list(self.classes),
            "method": self.scorer.method,
            "settings": self.scorer.settings(),
            "temperature": self.temperature,
            "familiarity": self.familiarity.settings(),
        }
        arrays = {f"scorer/{name}": array for name, array in self.scorer.arrays().items()}
        arrays |= {f"familiarity/{name}": one for name, one in self.familiarity.arrays().items()}
        arrays["thresholds"] = self.thresholds
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True)
        arrays[_DOCUMENT] = np.frombuffer(text.encode(), np.uint8)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Classifier:
        """Read an artifact. Raises ValueError where it is none."""
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if _DOCUMENT not in arrays:
            raise ValueError("it has no document")
        document = json.loads(arrays[_DOCUMENT].tobytes().decode())
        if document.get("format") != FORMAT:
            raise ValueError(f"it is of format {document.get('format')}, not {FORMAT}")
        method = document["method"]
        return cls(
            head=document["head"],
            mode=document["mode"],
            classes=tuple(document["classes"]),
            scorer=OPENERS[method](document["settings"], _below("scorer/", arrays)),
            temperature=float(document["temperature"]),
            thresholds=arrays["thresholds"],
            familiarity=Familiarity.of(document["familiarity"], _below("familiarity/", arrays)),
        )


def to_probabilities(logits: Logits, mode: Mode, temperature: float = 1.0) -> Probabilities:
    """Return the softmax (single) or the sigmoid (multi) of scores, (n, classes) float32."""
    scaled = logits.astype(np.float64) / temperature
    if mode == "multi":
        # The same, without overflow on either side.
        each: Probabilities = (0.5 * (1.0 + np.tanh(0.5 * scaled))).astype(np.float32)
        return each
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares: Probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def open_classifier(store: ObjectStore, model: Model) -> Classifier:
    """Return the classifier of a model, having checked the bytes of its artifact.

    Raises ArtifactDamaged where the object is missing, is not the one that was recorded, or is no
    classifier; NetworkUnavailable where what runs it is not installed.
    """
    data = load_bytes(store, model)
    try:
        return Classifier.from_bytes(data)
    except (ValueError, KeyError) as error:
        raise ArtifactDamaged(
            f"{model.artifact_key} is no classifier that this version reads ({error}): train it "
            f"anew with `artworks train {model.head}`."
        ) from error


def _below(prefix: str, arrays: Arrays) -> dict[str, npt.NDArray[Any]]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
