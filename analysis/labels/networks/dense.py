"""Dense layers as plain matrices: to label by stored vectors, nothing but NumPy is needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Vectors
from analysis.labels.scorer import Arrays, Logits

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DenseLayers:
    """Matrices with ReLU between them: vectors in, scores before the softmax out."""

    kernels: tuple[Weights, ...]
    """(d, hidden), …, (hidden, classes)"""
    biases: tuple[Weights, ...]

    def __post_init__(self) -> None:
        """Raise ValueError where what one layer gives is not what the next one takes."""
        given = [kernel.shape[1] for kernel in self.kernels]
        taken = [kernel.shape[0] for kernel in self.kernels]
        if not given or given[:-1] != taken[1:] or given != [len(bias) for bias in self.biases]:
            shapes = ", ".join(str(kernel.shape) for kernel in self.kernels) or "none"
            raise ValueError(f"its layers do not fit together: {shapes}")

    @property
    def dimensions(self) -> int:
        """Length of the vectors that are taken."""
        return int(self.kernels[0].shape[0])

    def logits(self, vectors: Vectors) -> Logits:
        """Score vectors of length 1, (n, d) float32, as (n, classes)."""
        found = np.asarray(vectors, np.float32)
        for at, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            found = (np.maximum(found, 0) if at else found) @ kernel + bias
        return found

    def arrays(self) -> Arrays:
        """Return the numbers of the artifact."""
        named = {f"kernel_{at}": one for at, one in enumerate(self.kernels)}
        return named | {f"bias_{at}": one for at, one in enumerate(self.biases)}

    @classmethod
    def of(cls, arrays: Arrays) -> DenseLayers:
        """Build them again from `arrays`; raises ValueError where some are missing or misfit."""
        count = sum(name.startswith("kernel_") for name in arrays)
        try:
            return cls(
                tuple(arrays[f"kernel_{at}"] for at in range(count)),
                tuple(arrays[f"bias_{at}"] for at in range(count)),
            )
        except KeyError as error:
            raise ValueError(f"it has no {error} among its {count} layers") from error


def fold(layers: Iterable[Any], scale: float) -> DenseLayers:
    """Return Keras layers as matrices, with what each vector was multiplied by before them.

    Batch norm, which follows a dense layer, becomes part of it; dropout is for learning only.
    """
    kernels: list[Weights] = []
    biases: list[Weights] = []
    for layer in layers:
        kind = type(layer).__name__
        if kind == "Dense":
            kernel, bias = (np.asarray(one, np.float32) for one in layer.get_weights())
            kernels.append(kernel)
            biases.append(bias)
        elif kind == "BatchNormalization":
            gain, offset, mean, variance = layer.get_weights()
            factor = gain / np.sqrt(variance + layer.epsilon)
            kernels[-1] = (kernels[-1] * factor).astype(np.float32)
            biases[-1] = ((biases[-1] - mean) * factor + offset).astype(np.float32)
    kernels[0] = kernels[0] * np.float32(scale)
    return DenseLayers(tuple(kernels), tuple(biases))
