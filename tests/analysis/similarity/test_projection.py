"""A projection is dense layers and nothing else; it is stored as plain numbers."""

from __future__ import annotations

import io
import itertools
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.similarity.learned.projection import Projection, from_bytes, to_bytes


def random_projection(seed: int, *sizes: int) -> Projection:
    rng = np.random.default_rng(seed)
    return Projection(
        tuple(rng.normal(size=size).astype(np.float32) for size in itertools.pairwise(sizes)),
        tuple(rng.normal(size=size).astype(np.float32) for size in sizes[1:]),
    )


@given(st.integers(0, 99), st.lists(st.integers(1, 9), min_size=2, max_size=4), st.integers(0, 6))
def test_layer_by_layer(seed: int, sizes: list[int], count: int) -> None:
    projection = random_projection(seed, *sizes)
    vectors = np.random.default_rng(seed + 1).normal(size=(count, sizes[0])).astype(np.float32)
    found = projection.project(vectors)
    assert (found.shape, found.dtype) == ((count, sizes[-1]), np.float32)
    assert (projection.inputs, projection.dimensions) == (sizes[0], sizes[-1])
    for vector, row in zip(vectors, found, strict=True):
        for at, (kernel, bias) in enumerate(
            zip(projection.kernels, projection.biases, strict=True)
        ):
            vector = vector @ kernel + bias
            if at < len(sizes) - 2:
                vector = np.maximum(vector, 0)
        assert row == pytest.approx(vector / np.linalg.norm(vector), abs=1e-4)


@given(st.integers(0, 99), st.floats(0.01, 0.99))
def test_likeness_is_a_mean_of_what_was_there_and_what_was_learned(seed: int, keep: float) -> None:
    learned = random_projection(seed, 6, 4)
    both = replace(learned, keep=keep)
    vectors = np.random.default_rng(seed).normal(size=(5, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = both.project(vectors)
    assert found.shape == (5, both.dimensions) == (5, 10)
    alone = learned.project(vectors)
    expected = keep * vectors @ vectors.T + (1 - keep) * alone @ alone.T
    assert np.abs(found @ found.T - expected).max() < 1e-5


@pytest.mark.parametrize("keep", [0.0, 0.7])
def test_it_comes_back_as_it_was(keep: float) -> None:
    projection = replace(random_projection(1, 5, 4, 3), keep=keep)
    taught = tuple(f"{at:064x}" for at in (9, 3))
    data = to_bytes(projection, taught)
    back, learned_from = from_bytes(data)
    assert learned_from == set(taught)
    vectors = np.ones((2, 5), np.float32)
    assert back.project(vectors).tolist() == projection.project(vectors).tolist()
    assert to_bytes(projection, taught[::-1]) == data
    assert from_bytes(to_bytes(projection, ()))[1] == frozenset()


def test_what_is_no_projection_is_refused() -> None:
    with pytest.raises(ValueError, match="follow each other"):
        Projection((np.ones((3, 2), np.float32), np.ones((3, 2), np.float32)), (np.ones(2),) * 2)
    with pytest.raises(ValueError, match="follow each other"):
        Projection((), ())
    with pytest.raises(ValueError, match="cannot be kept"):
        replace(random_projection(1, 2, 2), keep=1.0)
    buffer = io.BytesIO()
    np.savez(buffer, kernel_0=np.ones((2, 2)))
    with pytest.raises(ValueError, match="not the arrays of a projection"):
        from_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match="pickle"):
        from_bytes(pickle.dumps("code"))


def test_nothing_stays_nothing() -> None:
    silent = Projection((np.zeros((2, 3), np.float32),), (np.zeros(3, np.float32),))
    assert silent.project([[1.0, 2.0]]).tolist() == [[0, 0, 0]]
