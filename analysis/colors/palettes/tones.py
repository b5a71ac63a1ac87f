"""Tones: colours with their shares, what every step of a palette takes and gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.colors.conversion import Floats
from analysis.colors.difference import ciede2000

MERGE_DELTA_E = 2.0
"""Colours nearer to each other than this (CIEDE2000) are one."""
SNAP_RADIUS = 3.5
"""How far around its densest point (Euclidean in L*a*b*) a cluster may be one flat colour."""
SNAP_SHARE = 0.5
"""Share of a cluster at its densest point from which on that point is its colour."""


@dataclass(frozen=True)
class Tones:
    """Colours and how much of an image each stands for."""

    lab: Floats
    """CIE L*a*b* D65, (m, 3)."""
    shares: Floats
    """Shares of the image, (m,)."""

    def __len__(self) -> int:
        return len(self.shares)


def squared_distances(points: Floats, centres: Floats) -> Floats:
    """Squared Euclidean distances (m, k) of points (m, 3) to centres (k, 3)."""
    squares = points @ (-2.0 * centres.T)
    squares += np.einsum("ij,ij->i", points, points)[:, np.newaxis]
    squares += np.einsum("ij,ij->i", centres, centres)
    distances: Floats = np.maximum(squares, 0.0, out=squares)
    return distances


def dominant_colors(tones: Tones, labels: npt.NDArray[np.intp]) -> Tones:
    """Return the colour of each cluster that `labels` (m,) make of the tones.

    That is the mean of the cluster, or of the flat colour that dominates it.
    """
    parts = [_dominant(tones, labels == label) for label in np.unique(labels)]
    return Tones(np.array([lab for lab, _ in parts]), np.array([share for _, share in parts]))


def _dominant(tones: Tones, mine: npt.NDArray[np.bool_]) -> tuple[Floats, float]:
    lab, shares = tones.lab[mine], tones.shares[mine]
    total = float(shares.sum())
    core = ((lab - lab[shares.argmax()]) ** 2).sum(axis=1) <= SNAP_RADIUS**2
    if shares[core].sum() < SNAP_SHARE * total:
        core[:] = True
    color: Floats = shares[core] @ lab[core] / shares[core].sum()
    return color, total


def merged(tones: Tones) -> Tones:
    """Join colours nearer than MERGE_DELTA_E, the nearest first, weighted by their shares."""
    lab, shares = tones.lab.copy(), tones.shares.copy()
    apart = ciede2000(lab[:, np.newaxis], lab)
    np.fill_diagonal(apart, np.inf)
    kept = np.ones(len(tones), dtype=bool)
    while apart.min() < MERGE_DELTA_E:
        one, two = np.unravel_index(apart.argmin(), apart.shape)
        share = shares[one] + shares[two]
        lab[one] = (shares[one] * lab[one] + shares[two] * lab[two]) / share
        shares[one] = share
        kept[two] = False
        apart[two] = apart[:, two] = np.inf
        apart[one] = apart[:, one] = np.where(kept, ciede2000(lab[one], lab), np.inf)
        apart[one, one] = np.inf
    return Tones(lab[kept], shares[kept])


def largest(tones: Tones, k: int) -> Tones:
    """Keep the `k` tones of the largest shares; the others' go to what is nearest to them."""
    if len(tones) <= k:
        return tones
    order = np.argsort(-tones.shares, kind="stable")
    kept, dropped = order[:k], order[k:]
    distances = ciede2000(tones.lab[dropped, np.newaxis], tones.lab[kept])
    shares = tones.shares[kept]
    np.add.at(shares, distances.argmin(axis=1), tones.shares[dropped])
    return Tones(tones.lab[kept], shares)
