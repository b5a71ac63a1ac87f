"""What turns images into vectors: a network, or anything else that has a name and a version.

Another one is a function that returns an Embedder, and a line in MAKERS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Vectors
from analysis.jobs import RGB
from storage.images import PREVIEW_SIDE

Embed: TypeAlias = Callable[[Sequence[RGB]], Vectors]
"""Images of any size in, (n, d) float32 out: rows of length 1, NaN for an image without vector."""


EmbedWords: TypeAlias = Callable[[Sequence[str]], Vectors]
"""Words in, (n, d) float32 out: rows of length 1, in the space of the images."""


class Maker(Protocol):
    """Finds an embedder, and loads nothing. Raises NetworkUnavailable."""

    def __call__(self, inference: str) -> Embedder: ...


def _nothing_to_prepare() -> None:
    """Embedders that are all in the code can always be opened."""


@dataclass(frozen=True)
class Embedder:
    """Something that makes vectors, and what is said of it in `models`."""

    name: str
    version: str
    """Another one wherever the same image may get another vector."""
    params: Mapping[str, Any]
    """What made the vectors; `dimensions` is among it."""
    open: Callable[[], Embed]
    """Loads it, which may take seconds. Raises NetworkUnavailable and NetworkDisagrees."""
    prepare: Callable[[], None] = _nothing_to_prepare
    """Does once on a machine what `open` needs, without loading it. Raises NetworkUnavailable."""
    input_px: int | None = PREVIEW_SIDE
    """Least length of the shorter side of an image, in pixels; see ImageJob."""
    open_words: Callable[[], EmbedWords] | None = None
    """Loads what makes vectors of words, near those of what they name; None: it knows none."""

    @property
    def label(self) -> str:
        """Name and version, as models are called."""
        return f"{self.name}/{self.version}"


def embedder_of(embedding: str, inference: str = "auto") -> Embedder:
    """Return what ARTWORKS_EMBEDDING names: one of MAKERS, or a network (see `source_of`).

    Raises NetworkUnavailable where there is no such thing, or its weights are not here.
    """
    if embedding in MAKERS:
        return MAKERS[embedding](inference)
    from analysis.embeddings.networks import network_embedder

    return network_embedder(embedding, inference)


def are_usable(vectors: Vectors) -> npt.NDArray[np.bool_]:
    """Return which rows are vectors, (n,); an image of nothing may leave every neuron silent."""
    return np.asarray(np.isfinite(vectors).all(axis=1))


def _descriptors(inference: str) -> Embedder:
    from analysis.embeddings import descriptors

    def embed(images: Sequence[RGB]) -> Vectors:
        return descriptors.describe_all(list(images))

    return Embedder(
        name=descriptors.NAME,
        version=descriptors.VERSION,
        params={"dimensions": descriptors.DIMENSIONS, "input": "preview"},
        open=lambda: embed,
    )


MAKERS: Final[Mapping[str, Maker]] = MappingProxyType({"descriptors": _descriptors})
"""Embedders that are no Keras network of this package, by what ARTWORKS_EMBEDDING says."""
