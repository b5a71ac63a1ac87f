"""Vectors to search in, as many as are wanted: real paintings, and what could lie between them.

The base are MobileNetV2 embeddings of the paintings in the shared folder (`ARTWORKS_SHARED`), whose
weights Keras must find (`KERAS_HOME`); without either, vectors that are made up like them. A vector
of the collection is a mixture of a base vector and one of its nearest ten, each of whose features
is varied by about 30 %: at 100,000 the nearest one is then about as far as in real collections
(cosine 0.09), and the features stay as they are, none negative and a fifth of them zero.

Chunk by chunk, so that a million need no more memory than a few thousand, and the same ones each
time: a chunk depends on the seed and its number alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Vectors
from analysis.errors import NetworkUnavailable

ROOT = Path(__file__).resolve().parents[2]
DIMENSIONS = 1280
CHUNK = 4096
NEAR = 10
"""Base vectors that one is mixed with."""
VARIED = 0.3
"""Standard deviation of the logarithm of what each feature is multiplied by."""
MADE_UP = 1400
"""Base vectors, where there are no paintings."""
KINDS = 60
"""Groups of made-up base vectors."""


Fits: TypeAlias = npt.NDArray[np.bool_]
"""(n,): whether a vector is one of those that are searched."""


@dataclass(frozen=True)
class Base:
    """What vectors are mixed from."""

    source: str
    """What it is, for people."""
    vectors: Vectors
    """(n, 1280) float32 of length 1."""

    @property
    def near(self) -> npt.NDArray[np.intp]:
        """The nearest of each, (n, NEAR), itself left out."""
        likeness = self.vectors @ self.vectors.T
        np.fill_diagonal(likeness, -np.inf)
        return np.argsort(-likeness, axis=1, kind="stable")[:, :NEAR]


@cache
def base() -> Base:
    """Return real paintings where they and the network's weights are, else made-up vectors."""
    shared = Path(os.environ.get("ARTWORKS_SHARED", ROOT.parent / "shared"))
    folder = shared / "art" / "paintings"
    if folder.is_dir():
        from analysis.embeddings.folder import embed_folder

        try:
            found = embed_folder(folder)
        except NetworkUnavailable:
            return made_up()
        return Base(f"{len(found.vectors):,} real paintings, mixed", found.vectors)
    return made_up()


def made_up(count: int = MADE_UP, seed: int = 0) -> Base:
    """Return vectors in groups, none of whose features is negative and a fifth of them zero."""
    rng = np.random.default_rng(seed)
    shapes = rng.standard_normal((80, DIMENSIONS), dtype=np.float32)
    kinds = 0.8 * rng.standard_normal((KINDS, 80), dtype=np.float32)
    traits = kinds[rng.integers(0, KINDS, count)] + rng.standard_normal((count, 80), np.float32)
    features = np.maximum(traits @ shapes / np.float32(10.0) + 0.9, 0.0)
    return Base("made-up vectors, mixed", unit(features))


def expanded(count: int, seed: int = 0, *, of: Base | None = None) -> Iterator[Vectors]:
    """Yield `count` vectors of length 1, (at most CHUNK, 1280) float32 at a time."""
    of = of or base()
    near = of.near
    for number, start in enumerate(range(0, count, CHUNK)):
        yield _mixed(of.vectors, near, min(CHUNK, count - start), (seed, number + 1))


def queries(count: int, seed: int = 0, *, of: Base | None = None) -> Vectors:
    """Return (count, 1280) float32 vectors like those of the collection, none of which is in it."""
    of = of or base()
    return _mixed(of.vectors, of.near, count, (seed, 0))


def exact_neighbors(
    asked: Vectors, chunks: Iterable[Vectors], k: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return cosine distances and numbers, both (q, k), of the nearest in all chunks.

    Numbers count all vectors from 0, in the order in which they come.
    """
    return exact_among(asked, chunks, k, [None])[0]


def exact_among(
    asked: Vectors, chunks: Iterable[Vectors], k: int, among: Sequence[Fits | None]
) -> list[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
    """Return for each of `among` what `exact_neighbors` finds of the vectors that fit; None: all.

    Where fewer than k fit, distances end with infinity and numbers with -1.
    """
    best = [
        (np.full((len(asked), k), np.inf, np.float32), np.full((len(asked), k), -1, np.int64))
        for _ in among
    ]
    start = 0
    for chunk in chunks:
        distances = 1.0 - asked @ chunk.T
        end = start + len(chunk)
        for at, fits in enumerate(among):
            there = (
                np.arange(start, end) if fits is None else start + np.flatnonzero(fits[start:end])
            )
            near = np.hstack([best[at][0], distances[:, there - start]])
            named = np.hstack([best[at][1], np.broadcast_to(there, (len(asked), len(there)))])
            order = np.argsort(near, axis=1, kind="stable")[:, :k]
            best[at] = (
                np.take_along_axis(near, order, axis=1),
                np.take_along_axis(named, order, axis=1),
            )
        start = end
    return best


def unit(vectors: npt.NDArray[np.float32]) -> Vectors:
    """Return vectors, (n, d), each divided by its length."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _mixed(
    vectors: Vectors, near: npt.NDArray[np.intp], count: int, seed: tuple[int, int]
) -> Vectors:
    rng = np.random.default_rng(seed)
    one = rng.integers(0, len(vectors), count)
    other = near[one, rng.integers(0, near.shape[1], count)]
    share = rng.random((count, 1), np.float32)
    mixed = share * vectors[one] + (1.0 - share) * vectors[other]
    mixed *= np.exp(np.float32(VARIED) * rng.standard_normal(mixed.shape, np.float32))
    return unit(mixed)
