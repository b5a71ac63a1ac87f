"""A trained projection: a few dense layers over embeddings, which runs without TensorFlow.

Layer i gives `x @ kernels[i] + biases[i]`, all but the last through `max(x, 0)`; the result is
scaled to length 1. Before it stands the embedding itself, so that the cosine of two vectors is
`keep` parts that of the embeddings and `1 - keep` parts that of what was learned: terms say what
belongs together, and the embedding still knows one picture from another.

Stored as an `.npz` of plain numbers: loading it runs no code.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Vectors

ARTIFACT = "projection.npz"

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Projection:
    """Weights of dense layers, from the first to the last."""

    kernels: tuple[Weights, ...]
    """(inputs, outputs) float32 each; the inputs of a layer are the outputs of the one before."""
    biases: tuple[Weights, ...]
    """(outputs,) float32 each."""
    keep: float = 0.0
    """Weight of the embedding itself, 0 to 1; with 0, it is left away."""

    def __post_init__(self) -> None:
        sizes = [kernel.shape for kernel in self.kernels]
        chained = all(left[1] == right[0] for left, right in pairwise(sizes))
        fitting = [bias.shape for bias in self.biases] == [size[1:] for size in sizes]
        if not sizes or not chained or not fitting:
            raise ValueError(f"these layers do not follow each other: {sizes}")
        if not 0 <= self.keep < 1:
            raise ValueError(
                f"{self.keep} of the embedding cannot be kept: give 0 to 1, 1 excluded"
            )

    @property
    def inputs(self) -> int:
        """Numbers of the embedding that it takes."""
        return int(self.kernels[0].shape[0])

    @property
    def dimensions(self) -> int:
        """Numbers that it gives."""
        return int(self.kernels[-1].shape[1]) + (self.inputs if self.keep else 0)

    def project(self, vectors: npt.ArrayLike) -> Vectors:
        """Return (n, dimensions) float32 of length 1 for (n, inputs) embeddings of length 1.

        What the layers make nothing of (all 0) stays 0.
        """
        given = np.asarray(vectors, np.float32)
        found = given
        for at, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            found = found @ kernel + bias
            if at < len(self.kernels) - 1:
                found = np.maximum(found, 0)
        learned = _scaled(found)
        if not self.keep:
            return learned
        parts = (np.sqrt(self.keep) * _scaled(given), np.sqrt(1 - self.keep) * learned)
        return np.concatenate(parts, axis=1).astype(np.float32)


def to_bytes(projection: Projection, learned_from: tuple[str, ...]) -> bytes:
    """Return what is stored: the layers, and the sha256 of the images that taught them."""
    arrays = _arrays(projection)
    digests = b"".join(bytes.fromhex(sha256) for sha256 in sorted(learned_from))
    arrays["keep"] = np.array(projection.keep)
    arrays["learned_from"] = np.frombuffer(digests, np.uint8).reshape(-1, 32)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def from_bytes(data: bytes) -> tuple[Projection, frozenset[str]]:
    """Return the layers, and the sha256 of the images that taught them.

    Raises ValueError where these are no bytes of `to_bytes`.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    count = sum(name.startswith("kernel_") for name in arrays)
    if "learned_from" not in arrays or len(arrays) != 2 * count + 2:
        raise ValueError(f"these are not the arrays of a projection: {', '.join(sorted(arrays))}")
    projection = Projection(
        tuple(arrays[f"kernel_{at}"] for at in range(count)),
        tuple(arrays[f"bias_{at}"] for at in range(count)),
        float(arrays["keep"]),
    )
    return projection, frozenset(row.tobytes().hex() for row in arrays["learned_from"])


def _scaled(vectors: Vectors) -> Vectors:
    """Divide vectors by their lengths, which vectors read as 16-bit numbers have not quite."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled


def _arrays(projection: Projection) -> dict[str, npt.NDArray[np.generic]]:
    layers: Mapping[str, tuple[Weights, ...]] = {
        "kernel": projection.kernels,
        "bias": projection.biases,
    }
    return {f"{name}_{at}": part for name, parts in layers.items() for at, part in enumerate(parts)}
