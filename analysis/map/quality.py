"""How much of what is alike lies together on a map."""

from __future__ import annotations

from typing import Final, TypedDict

import numpy as np

from analysis.map.layout import Positions, Vectors

NEIGHBORS: Final = 10
MEASURED: Final = 2000
"""Images that are measured at most; each is compared with each."""
LEAST: Final = 6
"""Images below which there is nothing to measure."""


class Quality(TypedDict):
    """How good a map is; shares are 0 to 1."""

    measured: int
    """Images that were compared."""
    neighbors: int
    trustworthiness: float
    """1 where nobody lies beside what it is not like (J. Venna and S. Kaski, 2001)."""
    neighbors_kept: float
    """Share of an image's nearest neighbours that are its nearest on the map too …"""
    neighbors_kept_by_chance: float
    """… and where all would lie anywhere."""


def measure(points: Vectors, places: Positions) -> Quality | None:
    """Compare neighbours, by vectors (n, c) and on the map (n, 2); None where there are too few."""
    count = len(points)
    if count < LEAST:
        return None
    from sklearn.manifold import trustworthiness
    from sklearn.neighbors import NearestNeighbors

    neighbors = min(NEIGHBORS, (count - 1) // 2)
    near = [
        NearestNeighbors(n_neighbors=neighbors).fit(data).kneighbors(return_distance=False)
        for data in (points, places)
    ]
    kept = [len(np.intersect1d(one, other)) for one, other in zip(*near, strict=True)]
    return Quality(
        measured=count,
        neighbors=neighbors,
        trustworthiness=round(float(trustworthiness(points, places, n_neighbors=neighbors)), 4),
        neighbors_kept=round(float(np.mean(kept)) / neighbors, 4),
        neighbors_kept_by_chance=round(neighbors / (count - 1), 4),
    )
