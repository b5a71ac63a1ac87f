"""The nearest embeddings within a distance: which pairs of pictures are worth a closer look.

New images are compared with all, page by page, by products of matrices, which misses nothing. Where
that would take hours (a first run over hundreds of thousands), the nearest are looked for among
shortened vectors in cells (FAISS, IVF), and their true distances are taken then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]
Pages = Callable[[], Iterable[tuple[Ids, Vectors]]]
"""Reads all images, by ascending id; each call begins anew."""

MOST_EXACT: Final = 50_000**2
"""Pairs that are compared one by one at most: some minutes on two cores."""
ROWS: Final = 2048
"""New images that are compared with a page at once."""

SHORT: Final = 128
"""Length of shortened vectors."""
TRAINED: Final = 50_000
"""Images that shortening and cells are learned from."""
PROBES: Final = 32
"""Cells that are looked into."""
SPARE: Final = 4
"""So many times as many are looked at by shortened vectors as are wanted."""


@dataclass(frozen=True)
class Candidates:
    """Pairs: an image and one of those nearest to it, by the first and then by the distance."""

    image: Ids
    other: Ids
    distance: npt.NDArray[np.float32]
    """Cosine distance."""


def nearest_exactly(
    ids: Ids,
    vectors: Vectors,
    pages: Iterable[tuple[Ids, Vectors]],
    *,
    most: int,
    within: float,
) -> Candidates:
    """Return the `most` nearest of all pages to each of the images (n,), within a distance.

    Vectors are of length 1; of equally near ones the lowest id counts; none is near itself.
    """
    likeness = np.full((len(ids), most), -np.inf, np.float32)
    other = np.full((len(ids), most), -1, np.int64)
    for page, page_vectors in pages:
        for start in range(0, len(ids), ROWS):
            rows = slice(start, start + ROWS)
            found = vectors[rows] @ page_vectors.T
            place = np.minimum(np.searchsorted(page, ids[rows]), len(page) - 1)
            own = np.flatnonzero(page[place] == ids[rows])
            found[own, place[own]] = -np.inf
            # Few rows of a page have anything better than what they have.
            better = np.flatnonzero(found.max(axis=1) > np.maximum(likeness[rows, -1], 1 - within))
            if not len(better):
                continue
            at = start + better
            # What was kept has lower ids than the page: of equally near ones, it comes first.
            both = np.concatenate((likeness[at], found[better]), axis=1)
            known = np.concatenate((other[at], np.broadcast_to(page, (len(at), len(page)))), axis=1)
            best = _best(both, most)
            likeness[at] = np.take_along_axis(both, best, axis=1)
            other[at] = np.take_along_axis(known, best, axis=1)
    return _within(ids, other, 1 - likeness, within)


def _best(likeness: Vectors, most: int) -> npt.NDArray[np.int64]:
    """Return the places of the `most` highest of each row, the highest first, then the leftmost."""
    count, width = likeness.shape
    least = np.partition(likeness, width - most, axis=1)[:, width - most]
    row, column = np.nonzero(likeness >= least[:, None])
    order = np.lexsort((column, -likeness[row, column], row))
    row, column = row[order], column[order]
    turn = np.arange(len(row)) - np.searchsorted(row, np.arange(count))[row]
    return column[turn < most].reshape(count, most)


def _within(ids: Ids, other: Ids, distance: npt.NDArray[np.float32], within: float) -> Candidates:
    near = (other >= 0) & (distance <= within)
    return Candidates(np.repeat(ids, near.sum(axis=1)), other[near], np.maximum(distance[near], 0))


class Cells:
    """An index of shortened vectors, for collections that cannot be compared each with each."""

    def __init__(self, sample: Vectors, count: int) -> None:
        """Learn from a sample (s, d) of `count` images."""
        import faiss

        short = min(SHORT, *sample.shape)
        self.shortening = faiss.PCAMatrix(sample.shape[1], short)
        self.shortening.train(sample)
        cells = max(1, min(int(4 * np.sqrt(count)), len(sample) // 39))
        quantizer = faiss.IndexFlatL2(short)
        self.index = faiss.IndexIVFScalarQuantizer(
            quantizer, short, cells, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_L2
        )
        self.index.nprobe = min(PROBES, cells)
        self.index.train(self.shortening.apply(sample))
        self.quantizer = quantizer  # FAISS keeps no reference of its own

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add images."""
        self.index.add_with_ids(self.shortening.apply(vectors), ids)

    def near(self, vectors: Vectors, most: int) -> Ids:
        """Return the ids of about the `most` nearest, (n, most); -1 where there are fewer."""
        _, found = self.index.search(self.shortening.apply(vectors), most)
        ids: Ids = found
        return ids


def nearest_in_cells(
    ids: Ids,
    vectors: Vectors,
    cells: Cells,
    read: Callable[[Ids], tuple[Ids, Vectors]],
    *,
    most: int,
    within: float,
) -> Candidates:
    """Return about the `most` nearest to each of the images (n,), with exact distances.

    `read` gives the vectors of images by ascending id, those that there are.
    """
    found = np.sort(cells.near(vectors, SPARE * most + 1), axis=1)
    found[found == ids[:, None]] = -1
    known, known_vectors = read(np.unique(found[found >= 0]))
    if not len(known):
        none = np.empty(0, np.int64)
        return Candidates(none, none, np.empty(0, np.float32))
    place = np.minimum(np.searchsorted(known, found), len(known) - 1)
    there = known[place] == found
    likeness = np.einsum("nd,nkd->nk", vectors, known_vectors[place])
    likeness = np.where(there, likeness, -np.inf).astype(np.float32)
    other = np.where(there, found, -1)
    order = _best(likeness, most)
    return _within(
        ids,
        np.take_along_axis(other, order, axis=1),
        1 - np.take_along_axis(likeness, order, axis=1),
        within,
    )


def in_turns(
    pages: Iterable[tuple[Ids, Vectors]], wanted: Ids, rows: int
) -> Iterator[tuple[Ids, Vectors]]:
    """Yield those of the images that are wanted, ascending, at most `rows` at a time."""
    for page, vectors in pages:
        chosen = np.flatnonzero(np.isin(page, wanted, assume_unique=True))
        for start in range(0, len(chosen), rows):
            part = chosen[start : start + rows]
            yield page[part], vectors[part]
