"""What a method gives: something that turns vectors or pictures into scores before the softmax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Vectors
from analysis.jobs import RGB

Logits: TypeAlias = npt.NDArray[np.float32]
"""(n, classes): before the softmax (single labels) or the sigmoid (several)."""
Reads: TypeAlias = Literal["embeddings", "pixels"]
Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""Numbers of an artifact by name, none of them objects."""


class Scorer(Protocol):
    """A fitted method, ready to be asked and to be stored. Safe to call from several threads."""

    method: str
    """`probe`, `transfer` or `cnn`."""
    reads: Reads

    def logits(self, inputs: Vectors | Sequence[RGB]) -> Logits:
        """Score vectors, (n, d) float32 of length 1, or pictures of any size, as `reads` says."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return what else is needed to build it again, for JSON."""
        ...

    def arrays(self) -> Arrays:
        """Return its numbers."""
        ...


@dataclass(frozen=True)
class Fitted:
    """What fitting came to."""

    scorer: Scorer
    logits: Logits
    """Of all images of the dataset, in its order; NaN for those in no part of the split."""
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """What was measured epoch by epoch, for curves: loss, validation_loss, …"""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What was chosen on the way, for JSON: the regularisation, the learning rate, …"""
