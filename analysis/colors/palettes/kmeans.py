"""Weighted k-means over the cells of a histogram, in CIE L*a*b*.

Coarse cells, a few hundred, say which of several starts is the best; the fine cells then say where
its centres lie.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from analysis.colors.conversion import Floats
from analysis.colors.palettes.histogram import Cells
from analysis.colors.palettes.tones import Tones, dominant_colors, squared_distances

STARTS = 6
"""Starts of k-means; the best result counts."""
SEED = 0
"""Of the random numbers that starts are drawn with."""
SETTLED = 0.1
"""k-means ends when no centre moves farther than this (in L*, a* or b*) …"""
ROUGHLY_SETTLED = 2.0
"""… and where it only tells which start is the best, than this."""
MAX_ROUNDS = 100
"""Rounds of k-means at most."""
MOST_TONES = 4096
"""Cells that are clustered at most; the coarse ones where noise occupies more."""

Labels = npt.NDArray[np.intp]


def cluster_cells(cells: Cells, k: int) -> Tones:
    """Return at most `k` colours for an image; the shares add up to 1."""
    fine = cells.tones if len(cells.counts) <= MOST_TONES else cells.coarse
    return cluster_tones(fine, k, coarse=cells.coarse)


def cluster_tones(tones: Tones, k: int, coarse: Tones | None = None) -> Tones:
    """Return at most `k` colours for tones; `coarse` is the same image in fewer of them.

    A cluster's colour is its mean, or the flat colour that dominates it.
    """
    if len(tones) <= k:
        return tones
    rough = tones if coarse is None or len(coarse) <= 2 * k else coarse
    starts = _scattered(rough, k)
    labels, centres = _settled(rough, starts, SETTLED if rough is tones else ROUGHLY_SETTLED)
    if rough is not tones:
        labels, _ = _settled(tones, centres[np.newaxis], SETTLED)
    return dominant_colors(tones, labels)


def _settled(tones: Tones, starts: Floats, settled: float) -> tuple[Labels, Floats]:
    """Run Lloyd's rounds from all `starts` (s, k, 3) at once.

    Returns the parts (m,) and the centres (k, 3) of the start that ends with the least weighted
    squared error.
    """
    count, k, _ = starts.shape
    own = (np.arange(count) * k)[:, np.newaxis]
    shares = np.concatenate([tones.shares] * count)
    moments = [np.concatenate([tones.shares * axis] * count) for axis in tones.lab.T]
    centres = starts.reshape(-1, 3)
    for _ in range(MAX_ROUNDS):
        parts = (_distances(tones, centres, k).argmin(axis=1) + own).ravel()
        # Unlike a matrix product, bincount adds in one order whatever the number of threads.
        held = np.bincount(parts, shares, count * k)
        moved = np.array([np.bincount(parts, moment, count * k) for moment in moments]).T
        moved /= np.maximum(held, 1e-300)[:, np.newaxis]
        empty = held <= 0.0
        moved[empty] = centres[empty]
        shift = float(np.abs(moved - centres).max())
        centres = moved
        if shift < settled:
            break
    distances = _distances(tones, centres, k)
    best = int(np.einsum("sm,m->s", distances.min(axis=1), tones.shares).argmin())
    return distances[best].argmin(axis=0), centres.reshape(starts.shape)[best]


def _distances(tones: Tones, centres: Floats, k: int) -> Floats:
    """Squared distances (s, k, m) of the tones to each start's centres, (s · k, 3) in all.

    They lack the tones' own squares, which are the same for all centres.
    """
    distances = (-2.0 * centres) @ tones.lab.T
    distances += np.einsum("ij,ij->i", centres, centres)[:, np.newaxis]
    return distances.reshape(-1, k, len(tones))


@lru_cache(maxsize=32)
def _draws(k: int) -> Floats:
    """Random numbers from 0 to 1, (k, s, 1): the same for every image, so equal ones draw alike."""
    return np.random.default_rng(SEED).random((k, STARTS, 1))


def _scattered(tones: Tones, k: int) -> Floats:
    """Draw starts (s, k, 3) of centres, the farther from the others the likelier (k-means++)."""
    draws = _draws(k)
    odds = np.array([tones.shares] * STARTS)
    distances = np.full(odds.shape, np.inf)
    chosen = np.empty((STARTS, k), dtype=np.intp)
    for at in range(k):
        steps = np.cumsum(odds, axis=1)
        chosen[:, at] = (steps <= draws[at] * steps[:, -1:]).sum(axis=1).clip(max=len(tones) - 1)
        drawn = squared_distances(tones.lab[chosen[:, at]], tones.lab)
        distances = np.minimum(distances, drawn)
        odds = distances * tones.shares
    return tones.lab[chosen]
