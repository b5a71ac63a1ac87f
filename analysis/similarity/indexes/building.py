"""FAISS indexes: made for a kind, filled, and asked.

Vectors are kept as 16-bit floats, which is what the database holds: half the memory, and nothing
is lost. They are looked at through this module only, which knows how the kinds are put together:

    flat    IndexScalarQuantizer                                     exact
    hnsw    IndexRefine(PCA → IndexHNSWSQ, IndexScalarQuantizer)     candidates, then exact
    ivfpq   IndexRefine(PCA → IndexIVFPQ, IndexScalarQuantizer)      candidates, then exact

Images are known by their position: the order in which they were added, from 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import chain
from math import sqrt
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Vectors
from analysis.similarity.indexes.kinds import (
    BUILD_BREADTH,
    CODE_BYTES,
    NEIGHBOURS,
    REDUCED,
    Effort,
    Kind,
)

# The types that FAISS ships are not those of its Python classes.
faiss: Any = import_module("faiss")

Index: TypeAlias = Any
"""An index of FAISS."""
Positions: TypeAlias = npt.NDArray[np.int64]
"""Places in an index; -1: none."""

PCA_SAMPLE: Final = 10_000
"""Vectors from which the PCA is found."""
CELL_SAMPLE: Final = 40
"""Vectors for each cell from which the cells are found; FAISS recommends 39 at least."""
QUERIES_EACH: Final = 8
"""Queries from which a further thread helps."""
SEED: Final = 20_06


def sample_size(kind: Kind, images: int) -> int:
    """Return how many vectors `new_index` wants to see first."""
    if kind == "flat":
        return 0
    cells = CELL_SAMPLE * cells_for(images) if kind == "ivfpq" else 0
    return min(images, max(PCA_SAMPLE, cells))


def cells_for(images: int) -> int:
    """Return into how many cells IVF divides so many images: about 4 √n, a power of two."""
    return int(min(16_384, max(1, 2 ** round(np.log2(max(1.0, 4 * sqrt(images)))))))


def new_index(kind: Kind, dimensions: int, images: int, sample: Iterable[Vectors]) -> Index:
    """Return an empty index, trained on a sample of what is to be added.

    The same sample gives the same index.

    Args:
        kind: of index.
        dimensions: of the vectors.
        images: how many there will be, about.
        sample: `sample_size` vectors, a page at a time, in random order.
    """
    exact = faiss.IndexScalarQuantizer(dimensions, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_L2)
    _reserve(exact, images)
    if kind == "flat":
        return exact
    pages = iter(sample)
    first = list(_taken(pages, PCA_SAMPLE))
    if not first:
        raise ValueError(f"an index of kind {kind} is trained on a sample, and it is empty")
    # A PCA has at most as many dimensions as it has seen vectors.
    pca = _principal_axes(np.concatenate(first), REDUCED)
    if kind == "hnsw":
        inner = faiss.IndexHNSWSQ(pca.d_out, faiss.ScalarQuantizer.QT_fp16, NEIGHBOURS)
        inner.hnsw.efConstruction = BUILD_BREADTH
        inner.is_trained = True  # 16-bit floats need no training
        _reserve(faiss.downcast_index(inner.storage), images)
    else:
        reduced = [pca.apply(page) for page in chain(first, pages)]
        inner = _cells(images, np.concatenate(reduced))
    candidates = faiss.IndexPreTransform(pca, inner)
    index = faiss.IndexRefine(candidates, exact)
    # Python would let go of what the index refers to.
    index.referenced_objects = (candidates, exact, pca, inner)
    return index


def _reserve(index: Index, images: int) -> None:
    """Have room for vectors: an index that grows needs twice its memory now and then."""
    index.codes.resize(images * index.code_size)
    index.codes.resize(0)


def _taken(pages: Iterator[Vectors], vectors: int) -> Iterator[Vectors]:
    """Yield pages until there are so many vectors."""
    seen = 0
    while seen < vectors and (page := next(pages, None)) is not None:
        seen += len(page)
        yield page


def _principal_axes(sample: Vectors, most: int) -> Index:
    """Return the projection onto the first principal components; FAISS takes ten times as long."""
    reduced = min(most, *sample.shape)
    mean = sample.mean(axis=0, dtype=np.float64)
    centred = sample - mean
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :reduced].T
    transform = faiss.LinearTransform(sample.shape[1], reduced, True)
    faiss.copy_array_to_vector(axes.astype(np.float32).ravel(), transform.A)
    faiss.copy_array_to_vector((-axes @ mean).astype(np.float32), transform.b)
    transform.is_trained = transform.is_orthonormal = True
    return transform


def _cells(images: int, sample: Vectors) -> Index:
    """Return an empty IVF-PQ, trained on (n, d) float32."""
    dimensions = sample.shape[1]
    # 39 vectors should be seen for each cell and each code.
    bits = 8 if len(sample) >= 2**8 * CELL_SAMPLE else 4
    parts = next(n for n in range(min(CODE_BYTES, dimensions), 0, -1) if dimensions % n == 0)
    quantizer = faiss.IndexFlatL2(dimensions)
    cells = min(cells_for(images), max(1, len(sample) // CELL_SAMPLE))
    index = faiss.IndexIVFPQ(quantizer, dimensions, cells, parts, bits)
    index.referenced_objects = (quantizer,)
    for clustering in (index.cp, index.pq.cp):
        clustering.seed = SEED
        clustering.min_points_per_centroid = 1  # or a small collection is remarked upon
    index.train(sample)
    return index


def add_vectors(index: Index, vectors: Vectors) -> None:
    """Add vectors, (n, d) float32, behind those that there are.

    Several threads build the graph of an HNSW at once, so that it is another one each time, as good
    as the last; with OMP_NUM_THREADS=1 it is always the same.
    """
    index.add(np.ascontiguousarray(vectors, dtype=np.float32))


def exact_part(index: Index) -> Index:
    """Return the part of an index that holds the vectors themselves."""
    index = faiss.downcast_index(index)
    return faiss.downcast_index(index.refine_index) if _is_refined(index) else index


def vectors_at(index: Index, positions: Positions) -> Vectors:
    """Return vectors by position, (n, d) float32."""
    found: Vectors = exact_part(index).reconstruct_batch(np.ascontiguousarray(positions))
    return found


def compare_all(
    index: Index, queries: Vectors, k: int, among: Positions | None = None
) -> Positions:
    """Return the k nearest of all or of some positions, (q, k), nearest first, -1 behind the last.

    Every vector is compared with.
    """
    parameters = None if among is None else faiss.SearchParameters(sel=_selector(index, among))
    with _threads_for(queries):
        _, found = exact_part(index).search(queries, k, params=parameters)
    return np.asarray(found, dtype=np.int64)


def look_for(
    index: Index, queries: Vectors, k: int, effort: Effort, among: Positions | None = None
) -> Positions:
    """Return about the k nearest, (q, k), nearest first, -1 where fewer were found.

    With `among`, others are passed over, and the index looks as much harder as they are many.
    """
    index_ = faiss.downcast_index(index)
    if not _is_refined(index_):
        return compare_all(index, queries, k, among)
    selector, rarity = None, 1.0
    if among is not None:
        selector = _selector(index, among)
        rarity = index.ntotal / max(1, len(among))
    inner = faiss.downcast_index(faiss.downcast_index(index_.base_index).index)
    breadth = int(effort.breadth * rarity)
    if isinstance(inner, faiss.IndexIVFPQ):
        inside = faiss.SearchParametersIVF(nprobe=min(breadth, inner.nlist), sel=selector)
    else:
        most = max(breadth, int(k * effort.shortlist * rarity))
        inside = faiss.SearchParametersHNSW(efSearch=min(most, index.ntotal), sel=selector)
    parameters = faiss.IndexRefineSearchParameters(
        k_factor=effort.shortlist,
        base_index_params=faiss.SearchParametersPreTransform(index_params=inside),
    )
    with _threads_for(queries):
        _, found = index_.search(queries, k, params=parameters)
    return np.asarray(found, dtype=np.int64)


@contextmanager
def _threads_for(queries: Vectors) -> Iterator[None]:
    """Use one thread for few queries: others would take longer to wake up than to help."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(min(threads, max(1, len(queries) // QUERIES_EACH)))
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _is_refined(index: Index) -> bool:
    return isinstance(index, faiss.IndexRefine)


def _selector(index: Index, among: Positions) -> Index:
    chosen = np.zeros(index.ntotal, dtype=np.bool_)
    chosen[among] = True
    return faiss.IDSelectorBitmap(np.packbits(chosen, bitorder="little"))
