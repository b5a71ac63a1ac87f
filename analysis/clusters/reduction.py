"""Embeddings in fewer numbers: principal components that keep most of the variance.

Before, the root of each number is taken, sign kept, and the vector is scaled to length 1 again. A
few channels of a network fire strongly and often together; without it they decide alone what is
near (power normalisation; Perronnin, Sánchez and Mensink 2010, of which Arandjelović and
Zisserman's RootSIFT 2012 is a case).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Vectors

Points: TypeAlias = npt.NDArray[np.float32]
"""(n, dimensions) float32: embeddings as principal components, the one of most variance first."""

DEFAULT_SHARE: Final = 0.85
"""Share of the variance that is kept."""
POWER: Final = 0.5


@dataclass(frozen=True)
class Reduction:
    """Principal components of a collection."""

    mean: npt.NDArray[np.float32]
    """(d,), of the rooted vectors."""
    components: npt.NDArray[np.float32]
    """(dimensions, d), orthonormal rows."""
    explained: npt.NDArray[np.float64]
    """Share of the variance of each component, falling; of all that there are, not of the kept."""

    @property
    def dimensions(self) -> int:
        """Components that are kept."""
        return len(self.components)

    @property
    def kept(self) -> float:
        """Share of the variance that they keep."""
        return float(self.explained[: self.dimensions].sum())

    def apply(self, vectors: Vectors) -> Points:
        """Return embeddings, (n, d), as points, (n, dimensions)."""
        return np.asarray((rooted(vectors) - self.mean) @ self.components.T, np.float32)


def fit_reduction(vectors: Vectors, share: float = DEFAULT_SHARE) -> Reduction:
    """Find the components of embeddings, (n, d), that together keep `share` of the variance.

    Where all images are the same, one component is kept.
    """
    from sklearn.decomposition import PCA

    roots = rooted(vectors)
    # All numbers of the decomposition are determined but for signs, which scikit-learn settles.
    wide = len(roots) < roots.shape[1]
    fitted: Any = PCA(svd_solver="full" if wide else "covariance_eigh").fit(roots)
    explained = np.nan_to_num(np.asarray(fitted.explained_variance_ratio_, np.float64)).clip(0.0)
    # The epsilon: shares of float32 vectors may add up to a little less than 1.
    enough = int(np.searchsorted(np.cumsum(explained), share - 1e-6)) + 1
    return Reduction(
        mean=np.asarray(fitted.mean_, np.float32),
        components=np.ascontiguousarray(fitted.components_[:enough], np.float32),
        explained=explained,
    )


def rooted(vectors: Vectors) -> Vectors:
    """Return vectors, (n, d), with the root of each number, scaled to length 1; zeros stay."""
    roots = np.sign(vectors) * np.abs(vectors) ** np.float32(POWER)
    length = np.linalg.norm(roots, axis=1, keepdims=True)
    found: Vectors = np.divide(roots, length, out=np.zeros_like(roots), where=length > 0)
    return found
