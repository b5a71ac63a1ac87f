"""Images drawn by lot, the same ones every time, while vectors go by."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Ids, Vectors


def draw(
    pages: Iterable[tuple[Ids, Vectors]], most: int, dimensions: int
) -> tuple[Ids, Vectors, int]:
    """Return at most `most` images of all pages by id, their vectors, and how many went by.

    Every image has a lot that follows from its id alone; those with the lowest are drawn. So an
    image that comes to a collection changes the sample by one at most, and what is in memory is
    twice the sample.
    """
    ids: Ids = np.empty(0, np.int64)
    vectors: Vectors = np.empty((0, dimensions), np.float32)
    waiting: list[tuple[Ids, Vectors]] = []
    seen = gathered = 0
    for page_ids, page in pages:
        seen += len(page_ids)
        if len(ids) == most:
            hopeful = lots(page_ids) <= lots(ids).max()
            page_ids, page = page_ids[hopeful], page[hopeful]
        waiting.append((page_ids, page))
        gathered += len(page_ids)
        if gathered >= most:
            ids, vectors = _lowest(ids, vectors, waiting, most)
            waiting, gathered = [], 0
    ids, vectors = _lowest(ids, vectors, waiting, most)
    order = np.argsort(ids)
    return ids[order], vectors[order], seen


def lots(ids: Ids) -> npt.NDArray[np.uint64]:
    """Return a number for each id that looks drawn by lot (the finaliser of SplitMix64).

    No two ids have the same.
    """
    mixed = ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _lowest(
    ids: Ids, vectors: Vectors, waiting: list[tuple[Ids, Vectors]], most: int
) -> tuple[Ids, Vectors]:
    all_ids = np.concatenate([ids, *(page_ids for page_ids, _ in waiting)])
    all_vectors = np.concatenate([vectors, *(page for _, page in waiting)])
    if len(all_ids) <= most:
        return all_ids, all_vectors
    lowest = np.argpartition(lots(all_ids), most)[:most]
    return all_ids[lowest], all_vectors[lowest]
