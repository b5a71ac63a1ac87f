"""A mixture of Gaussians: an image belongs to several groups, with probabilities.

Densities in many dimensions are so far apart that every image seems to belong to one group alone.
The mixture therefore sees the leading components only.
"""

from __future__ import annotations

import warnings
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.clusters import SEED
from analysis.clusters.kmeans import Kmeans
from analysis.clusters.reduction import Points

LEADING: Final = 12
"""Components that the mixture sees at most."""
FORMS: Final = ("full", "tied", "diag")
"""Covariances: of each group its own; one for all; of each group its own, without correlations."""
EACH: Final = 3
"""Images for each free number of a covariance, at least, for a form to be tried."""
FLOOR: Final = 1e-4
"""Share of the mean variance that is added to each: groups of equal images have none."""
ROUNDS: Final = 200


@dataclass(frozen=True)
class Gaussian:
    """Groups as Gaussians."""

    mixture: Any
    """A fitted `sklearn.mixture.GaussianMixture`."""
    leading: int
    """Components that it sees."""
    form: str
    """Form of the covariances."""

    def only(self, groups: npt.NDArray[np.intp]) -> Gaussian:
        """Return some of the groups alone."""
        mixture = copy(self.mixture)
        mixture.n_components = len(groups)
        mixture.weights_ = self.mixture.weights_[groups] / self.mixture.weights_[groups].sum()
        mixture.means_ = self.mixture.means_[groups]
        if self.form != "tied":
            for name in ("covariances_", "precisions_", "precisions_cholesky_"):
                setattr(mixture, name, getattr(self.mixture, name)[groups])
        return replace(self, mixture=mixture)

    def memberships(self, points: Points) -> npt.NDArray[np.float32]:
        """Return how much each point belongs to each group: (n, k), each row adding up to 1."""
        seen = points[:, : self.leading].astype(np.float64)
        return np.asarray(self.mixture.predict_proba(seen), np.float32)


def fit_gaussian(points: Points, start: Kmeans) -> Gaussian:
    """Find Gaussians for points, (n, dimensions), from groups that k-means found.

    The form of the covariances is the one with the least BIC (Schwarz 1978) of those that there
    are enough images for.
    """
    seen = np.asarray(points[:, :LEADING], np.float64)
    means = np.asarray(start.centers[:, :LEADING], np.float64)
    forms = forms_to_try(len(seen), len(means), seen.shape[1])
    fitted = [(form, _fit(seen, means, form)) for form in forms]
    form, mixture = min(fitted, key=lambda one: float(one[1].bic(seen)))
    return Gaussian(mixture, seen.shape[1], form)


def forms_to_try(images: int, k: int, dimensions: int) -> list[str]:
    """Return the forms that so many images can tell the numbers of; `diag` if none."""
    square = dimensions * (dimensions + 1) // 2
    free = {"full": k * square, "tied": square, "diag": k * dimensions}
    return [form for form in FORMS if images >= EACH * free[form]] or ["diag"]


def _fit(seen: npt.NDArray[np.float64], means: npt.NDArray[np.float64], form: str) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    floor = max(FLOOR * float(seen.var(axis=0).mean()), 1e-12)
    mixture = GaussianMixture(
        len(means),
        covariance_type=form,
        means_init=means,
        max_iter=ROUNDS,
        reg_covar=floor,
        random_state=SEED,
    )
    with warnings.catch_warnings():
        # The best of what ROUNDS gave is good enough for groups; k-means warns of equal images.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(seen)
