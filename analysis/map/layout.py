"""Laying images out on a plane: principal components, then t-SNE.

t-SNE: L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE", 2008; begun from the
principal components, it keeps the large arrangement too (D. Kobak and P. Berens, 2019). What is
near on such a map is alike; how far apart things are that are not near says little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Positions: TypeAlias = npt.NDArray[np.float64]
"""(n, 2) float64: from left and from top."""
Vectors: TypeAlias = npt.NDArray[np.float32]
"""(n, d) float32."""

SEED: Final = 20261121
COMPONENTS: Final = 50
"""Principal components that t-SNE is given at most."""
PERPLEXITY: Final = 30.0
"""Neighbours that an image is laid beside, about; of few images, a third of them."""
FEWEST: Final = 12
"""Images below which t-SNE finds no structure: their first two components are their map."""
THREADS: Final = 1
"""With more, sums depend on who is first; and where others work too, waiting takes five times as
much processor time as the work."""
MARGIN: Final = 0.02
"""Room that a map leaves at each edge, of a side of 1."""


@dataclass(frozen=True)
class Space:
    """The principal components of vectors, for these and for others."""

    mean: npt.NDArray[np.float32]
    """(d,) float32."""
    axes: npt.NDArray[np.float32]
    """(d, components) float32, each of length 1."""

    def project(self, vectors: Vectors) -> Vectors:
        """Return vectors in this space: (n, components) float32."""
        return ((vectors - self.mean) @ self.axes).astype(np.float32, copy=False)


def fit_space(vectors: Vectors, components: int = COMPONENTS) -> Space:
    """Return the space of the first principal components; there may be fewer than asked for."""
    from sklearn.utils.extmath import randomized_svd

    count = min(components, *vectors.shape)
    mean = vectors.mean(axis=0)
    _, _, axes = randomized_svd(vectors - mean, count, random_state=SEED)
    return Space(mean, np.ascontiguousarray(axes.T, dtype=np.float32))


def lay_out(points: Vectors) -> Positions:
    """Return a place for each of `points`, (n, components) by falling variance; of any scale.

    The same points give the same places on one machine.
    """
    if len(points) < FEWEST:
        return _plane(points)
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    tsne = TSNE(perplexity=perplexity_of(len(points)), init="pca", random_state=SEED)
    with threadpool_limits(THREADS):
        found: Positions = tsne.fit_transform(points).astype(np.float64)
    return found


def perplexity_of(count: int) -> float:
    """Return the perplexity for so many images."""
    return min(PERPLEXITY, (count - 1) / 3)


def align(places: Positions, former: Positions, common: npt.NDArray[np.intp]) -> Positions:
    """Turn and mirror `places` so that those at `common` lie where `former` has them, about.

    `former` has a row for each of `common`. Of all rotations and reflections it is the one of least
    squares (orthogonal Procrustes: P. Schönemann, 1966).
    """
    if len(common) < 2:
        return places
    from scipy.linalg import orthogonal_procrustes

    mine = places[common]
    turn, _ = orthogonal_procrustes(mine - mine.mean(axis=0), former - former.mean(axis=0))
    turned: Positions = places @ turn
    return turned


def upright(places: Positions) -> Positions:
    """Turn places so that they are widest from left to right."""
    if len(places) < 3:
        return places
    centred = places - places.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    # The sign of an axis is arbitrary: its larger part points right, or down.
    axes = axes[:, ::-1] * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])[::-1]
    turned: Positions = centred @ axes
    return turned


def fit_square(places: Positions) -> Positions:
    """Shift and scale places into the unit square, alike in both directions, MARGIN left free."""
    low, high = places.min(axis=0), places.max(axis=0)
    side = float((high - low).max())
    if side == 0:
        return np.full_like(places, 0.5)
    fitted: Positions = (places - (low + high) / 2) * ((1 - 2 * MARGIN) / side) + 0.5
    return fitted


def _plane(points: Vectors) -> Positions:
    places = np.zeros((len(points), 2))
    width = min(2, points.shape[1])
    places[:, :width] = points[:, :width]
    return places
