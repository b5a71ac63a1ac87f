"""Cohorts: the works of one group and one period, and who is nearest to whom among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Vectors

Codes: TypeAlias = npt.NDArray[np.int64]

Shares: TypeAlias = npt.NDArray[np.float64]
"""Shares of works, 0 to 1, by earlier and later label."""

NEIGHBORS: Final = 10
"""Nearest works of a work that are looked at …"""
OF_ALL: Final = 10
"""… but no more than one in so many of those that there are: of few, all would be near."""
CHUNK: Final = 1024
"""Works whose likeness to earlier ones is computed at once."""


@dataclass(frozen=True)
class Dated:
    """Works with a vector and a period: arrays of one length, n."""

    vectors: Vectors
    """(n, d) float32, each of length 1."""
    periods: Codes
    """Number of the period: 0, 1, …, in time; none need be without works."""
    groups: Codes
    """Number of the group; what groups are is up to the caller."""
    artists: Codes
    """Number of the artist; negative: not known, and nobody else's."""

    def __len__(self) -> int:
        return len(self.periods)


@dataclass(frozen=True)
class Nearest:
    """Works of a later time, and those of their nearest ones that are earlier: edges, (e,)."""

    pool: Codes
    """The earlier works, as places in all works, as everything here."""
    compared: Codes
    """The later works that have others to be compared with, (n,)."""
    later: Codes
    """Which of them."""
    earlier: Codes
    """An earlier work that is among its nearest."""
    weight: npt.NDArray[np.float64]
    """The share of one work in its nearest; what is missing to 1 are works of its own time."""
    others: npt.NDArray[np.float64]
    """For each work compared, how many earlier ones are not by its own artist, (n,)."""
    own_later: Codes
    """Which of the works compared have earlier ones by the same artist, as edges, (o,) …"""
    own_earlier: Codes
    """… and which these are."""

    @property
    def looking_back(self) -> float:
        """Share of all nearest works that are earlier ones."""
        return float(self.weight.sum()) / max(len(self.compared), 1)

    def shares(self, earlier: Codes, later: Codes, labels: int) -> tuple[Shares, Shares]:
        """Return the share of each earlier label in the nearest of each later one, and that which
        it would have by the number of its works.

        `earlier` and `later` are the labels of all works, below `labels`; both results are
        (labels, labels). Of a later label without works, all shares are 0. Works of one artist do
        not count in either share.
        """
        shape = (labels, labels)

        def sums(of: Codes, to: Codes, weight: npt.NDArray[np.float64]) -> Shares:
            cells = earlier[to] * labels + later[of]
            counts = np.bincount(cells, weights=weight, minlength=labels**2)
            return counts.astype(np.float64, copy=False).reshape(shape)

        of = later[self.compared]
        chance = np.divide(1.0, self.others, out=np.zeros_like(self.others), where=self.others > 0)
        sizes = np.bincount(earlier[self.pool], minlength=labels)[:, None].astype(np.float64)
        expected: Shares = sizes * np.bincount(of, weights=chance, minlength=labels)
        per_work = np.zeros(len(later))
        per_work[self.compared] = chance
        expected = expected - sums(self.own_later, self.own_earlier, per_work[self.own_later])
        counted = np.maximum(np.bincount(of, minlength=labels), 1)
        found = sums(self.later, self.earlier, self.weight)
        return found / counted, self.looking_back * expected / counted


def nearest_earlier(works: Dated, later: Codes, pool: Codes) -> Nearest:
    """Return who of the earlier works in `pool` is among the nearest of each of `later`.

    Nearest by cosine, of the pool and of `later` together: works that are more like their own time
    than like anything before look back at nobody. Those of the same artist do not count: nobody is
    influenced by himself. `pool` and `later` are places in `works`.
    """
    around = np.concatenate([pool, later])
    count = max(1, min(NEIGHBORS, len(around) // OF_ALL))
    targets = works.vectors[around].T
    none = np.empty(0, np.int64)
    compared, parts, own = [none], [(none, none, np.empty(0))], [(none, none)]
    others = [np.empty(0)]
    for start in range(0, len(later), CHUNK):
        chunk = later[start : start + CHUNK]
        likeness = works.vectors[chunk] @ targets
        artists = works.artists[chunk, None]
        known = artists >= 0
        same = (artists == works.artists[around]) & known
        likeness[same] = -np.inf
        likeness[chunk[:, None] == around] = -np.inf
        near = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
        valid = np.isfinite(np.take_along_axis(likeness, near, axis=1))
        valid_of = valid.sum(axis=1)
        compared.append(chunk[valid_of > 0])
        same = same[:, : len(pool)] & (valid_of > 0)[:, None]
        others.append((len(pool) - same.sum(axis=1)[valid_of > 0]).astype(np.float64))
        row, column = np.nonzero(same)
        own.append((chunk[row], pool[column]))
        row, column = np.nonzero(valid & (near < len(pool)))
        parts.append((chunk[row], around[near[row, column]], 1 / valid_of[row]))
    of, to, weight = (np.concatenate(part) for part in zip(*parts, strict=True))
    own_of, own_to = (np.concatenate(part) for part in zip(*own, strict=True))
    return Nearest(
        pool, np.concatenate(compared), of, to, weight, np.concatenate(others), own_of, own_to
    )


@dataclass(frozen=True)
class Blocks:
    """Works that keep together when labels are dealt: those of one artist and one label.

    An artist's works are like each other whatever they are labelled, so that dealing labels to
    works one by one would find everything that a productive artist did to be beyond chance. An
    artist of two periods is dealt with in each by itself: where all artists work in both, up to 12
    in 100 meaningless collections have a find instead of 5.
    """

    works: Codes
    """Places of the works, (n,)."""
    of_work: Codes
    """Which block each is in, (n,)."""
    labels: Codes
    """The label of each block, (blocks,)."""

    def dealt(self, rng: np.random.Generator) -> Codes:
        """Return labels for the works, dealt by lot among the blocks."""
        return self.labels[rng.permutation(len(self.labels))][self.of_work]


def blocks_of(works: Dated, labels: Codes, among: Codes) -> Blocks:
    """Return the blocks of those works at `among`, by `labels` of all works."""
    artists = works.artists[among].copy()
    unknown = artists < 0
    artists[unknown] = artists.max(initial=0) + 1 + np.arange(unknown.sum())
    pairs = np.column_stack([artists, labels[among]])
    distinct, of_work = np.unique(pairs, axis=0, return_inverse=True)
    return Blocks(among, of_work.ravel().astype(np.int64), distinct[:, 1])
