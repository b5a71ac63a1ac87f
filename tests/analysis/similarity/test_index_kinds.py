"""Kinds of index against comparing with every vector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from support.hung import unit_vectors

from analysis.similarity.indexes.building import (
    add_vectors,
    cells_for,
    compare_all,
    look_for,
    new_index,
    sample_size,
    vectors_at,
)
from analysis.similarity.indexes.freshness import NOBODY, Rows, compare
from analysis.similarity.indexes.kinds import (
    EFFORTS,
    FLAT_UP_TO,
    HNSW_UP_TO,
    Kind,
    Metric,
    kind_for,
)
from analysis.similarity.indexes.parts import Answer, Part, distances_to, merged, table
from analysis.similarity.indexes.tuning import recall_of, tune

KINDS: tuple[Kind, ...] = ("flat", "hnsw", "ivfpq")
METRICS: tuple[Metric, ...] = ("cosine", "l2", "inner_product")
Vectors = npt.NDArray[np.float32]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """With several, a graph is another one each time."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(threads)


def built(kind: Kind, vectors: Vectors) -> faiss.Index:
    count, dimensions = vectors.shape
    index = new_index(kind, dimensions, count, [vectors[: sample_size(kind, count)]])
    for start in range(0, count, 700):
        add_vectors(index, vectors[start : start + 700])
    return index


def nearest(queries: Vectors, vectors: Vectors, k: int) -> npt.NDArray[np.int64]:
    apart = queries[:, None].astype(np.float64) - vectors[None]
    return np.argsort(np.einsum("qnd,qnd->qn", apart, apart), axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("kind", KINDS)
def test_it_finds_what_comparing_with_all_finds(kind: Kind) -> None:
    vectors = unit_vectors(1500, 32)
    queries = unit_vectors(30, 32, seed=1)
    index = built(kind, vectors)
    truth = nearest(queries, vectors, 10)
    np.testing.assert_array_equal(compare_all(index, queries, 10), truth)
    tuned = tune(index, kind, vectors[:60])
    found = look_for(index, queries, 10, tuned.effort)
    assert (tuned.recall >= 0.99) & (tuned.recall_between >= 0.9)
    assert recall_of(index, queries, found, truth) >= 0.98


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("every", [3, 40])
def test_it_finds_what_is_nearest_among_some(kind: Kind, every: int) -> None:
    vectors = unit_vectors(1000, 24)
    queries = unit_vectors(10, 24, seed=1)
    index = built(kind, vectors)
    allowed = np.arange(0, 1000, every)
    truth = allowed[nearest(queries, vectors[allowed], 5)]
    np.testing.assert_array_equal(compare_all(index, queries, 5, allowed), truth)
    found = look_for(index, queries, 5, EFFORTS[kind][-1], allowed)
    assert np.isin(found[found >= 0], allowed).all()
    assert recall_of(index, queries, found, truth) >= 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_holds_all_of_it_to_the_bit(kind: Kind, tmp_path: Path) -> None:
    vectors = unit_vectors(400, 24)
    index = built(kind, vectors)
    effort = EFFORTS[kind][-1]
    faiss.write_index(index, str(tmp_path / "index"))
    mapped = faiss.read_index(str(tmp_path / "index"), faiss.IO_FLAG_MMAP_IFC)
    np.testing.assert_array_equal(vectors_at(mapped, np.arange(400)), vectors)
    queries = unit_vectors(9, 24, seed=1)
    np.testing.assert_array_equal(
        look_for(mapped, queries, 7, effort), look_for(index, queries, 7, effort)
    )
    loaded = faiss.read_index(str(tmp_path / "index"))
    add_vectors(loaded, queries)
    np.testing.assert_array_equal(look_for(loaded, queries, 1, effort)[:, 0], np.arange(400, 409))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_sample_gives_the_same_index(kind: Kind) -> None:
    vectors = unit_vectors(500, 16)
    one, other = (faiss.serialize_index(built(kind, vectors)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_the_more_images_the_less_is_compared() -> None:
    kinds = [kind_for(count) for count in (0, FLAT_UP_TO, FLAT_UP_TO + 1, HNSW_UP_TO + 1)]
    assert kinds == ["flat", "flat", "hnsw", "ivfpq"]
    assert (cells_for(1), cells_for(1_000_000), cells_for(10**9)) == (4, 4096, 16_384)
    with pytest.raises(ValueError, match="trained on a sample"):
        new_index("hnsw", 8, 100, [])


def test_a_poor_index_is_asked_harder() -> None:
    """Vectors without any structure: what is near in some dimensions is not near in all."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((2000, 320)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = built("hnsw", vectors)
    tuned = tune(index, "hnsw", vectors[:60])
    least = EFFORTS["hnsw"][0]
    truth = compare_all(index, vectors[:60], 11)
    first = recall_of(index, vectors[:60], look_for(index, vectors[:60], 11, least), truth)
    assert first < 0.99 <= tuned.recall
    assert tuned.effort.breadth > least.breadth


def test_images_that_are_the_same_are_answers_alike() -> None:
    vectors = np.repeat(unit_vectors(20, 8), 5, axis=0)
    index = built("flat", vectors)
    asked = vectors[:5]
    any_of_them = np.array([[4, 3, 2]] * 5)
    assert recall_of(index, asked, any_of_them, compare_all(index, asked, 3)) == 1.0
    others = np.array([[99, 98, 97]] * 5)
    assert recall_of(index, asked, others, compare_all(index, asked, 3)) == 0.0


numbers = st.floats(-1.0, 1.0, width=32).map(lambda number: round(number, 3))


@given(
    arrays(np.float32, (7, 3), elements=numbers).filter(lambda a: a.any(axis=1).all()),
    arrays(np.float32, 3, elements=numbers).filter(lambda a: a.any()),
)
def test_metrics_order_vectors_of_length_one_alike(vectors: Vectors, query: Vectors) -> None:
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    query = query / np.linalg.norm(query)
    cosine, l2, product = (distances_to(query, vectors, metric) for metric in METRICS)
    np.testing.assert_allclose(l2, np.sqrt(2.0 * cosine), atol=1e-3)
    np.testing.assert_allclose(product, cosine - 1.0, atol=1e-6)
    assert ((cosine >= 0.0) & (cosine <= 2.0)).all()
    for others in (l2, product):
        assert (np.diff(others[np.argsort(cosine, kind="stable")]) >= -1e-3).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_is_sorted_by_distance_and_id(kind: Kind, metric: Metric) -> None:
    vectors = np.repeat(unit_vectors(50, 8), 3, axis=0)
    ids = np.random.default_rng(0).permutation(150)
    part = Part(built(kind, vectors), ids, EFFORTS[kind][-1])
    query = unit_vectors(1, 8, seed=1) * 3.0
    [answer] = part.candidates(query, 12, None, metric)
    expected = np.lexsort((ids, distances_to(query[0], vectors, metric)))[:12]
    assert answer.ids.tolist() == ids[expected].tolist()
    assert (np.diff(answer.distances) >= 0.0).all()


def test_answers_of_parts_are_put_together() -> None:
    one = Answer(np.array([5, 9]), np.array([0.1, 0.4]))
    other = Answer(np.array([2, 7]), np.array([0.1, 0.2]))
    none = Answer(np.empty(0, np.int64), np.empty(0))
    answer = merged([one, other, none])
    assert answer.ids.tolist() == [2, 5, 7, 9]
    distances, ids = table([answer, none], 3)
    assert ids.tolist() == [[2, 5, 7], [-1, -1, -1]]
    assert np.isinf(distances[1]).all()


rows = st.dictionaries(st.integers(1, 40), st.integers(1, 3), max_size=25)


@given(rows, rows, st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_difference_makes_an_index_hold_what_is_stored(
    held: dict[int, int], stored: dict[int, int], masked: int, random: object
) -> None:
    order = [*held, *[NOBODY] * masked]
    random.shuffle(order)  # type: ignore[attr-defined]
    written = [held.get(image_id, 1) for image_id in order]
    now = Rows(np.array(sorted(stored), np.int64), np.array([stored[i] for i in sorted(stored)]))
    difference = compare(Rows(np.array(order, np.int64), np.array(written, np.int64)), now)
    left = {
        image_id: held[image_id]
        for place, image_id in enumerate(order)
        if image_id != NOBODY and place not in difference.stale
    }
    assert all(stored[image_id] == version for image_id, version in left.items())
    assert sorted([*left, *difference.missing.tolist()]) == sorted(stored)
    assert bool(difference) == (held != stored)
