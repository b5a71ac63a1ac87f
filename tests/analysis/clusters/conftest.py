"""Vectors in groups that are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from storage.database import Database

AddWork = Callable[..., int]
Planted = Callable[..., tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]]


@pytest.fixture(scope="session")
def planted() -> Planted:
    """Directions around some centres: `planted(groups, each)` gives vectors and groups."""

    def make(
        groups: int, each: int, *, dimensions: int = 24, noise: float = 0.05, seed: int = 1
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        rng = np.random.default_rng(seed)
        centers = np.linalg.qr(rng.normal(size=(dimensions, dimensions)))[0][:groups]
        labels = np.repeat(np.arange(groups), each)
        vectors = centers[labels] + noise * rng.normal(size=(len(labels), dimensions))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors.astype(np.float32), labels

    return make


@pytest.fixture
def hang(database: Database, add_work: AddWork) -> Callable[..., list[int]]:
    """Store works with terms, `hang(terms, first=1)`: one for each dictionary of terms."""

    def store(said: list[dict[str, str]], *, first: int = 1, **known: object) -> list[int]:
        return [
            add_work(number, size=(48, 32), terms=terms, **known)
            for number, terms in enumerate(said, start=first)
        ]

    return store
