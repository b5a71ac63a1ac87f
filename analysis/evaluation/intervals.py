"""How sure a mean is: bootstrap over groups, since works by one artist are alike.

Groups of queries (those by one artist, where artists are known) are drawn with replacement, and
the mean over the queries of the drawn groups is taken, many times (Efron and Tibshirani 1993,
chapter 8: resample the units that are independent). Single queries would give intervals that are
too narrow.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from analysis.evaluation.relevance import Labels

ROUNDS = 2000
"""Resamples: the ends of an interval then move by about a twentieth of its width."""
LEVEL = 0.95
LEAST_ARTISTS = 10
"""Fewest artists among queries that are drawn by artist."""


@dataclass(frozen=True)
class Interval:
    """A mean with the ends of its interval, which holds the true mean 95 times in 100."""

    mean: float
    low: float
    high: float

    @property
    def above_zero(self) -> bool:
        """Whether chance alone hardly gives so much."""
        return self.low > 0

    def as_dict(self) -> dict[str, float]:
        """Return this for JSON."""
        return asdict(self)


class Resampling:
    """Draws of the groups of some queries, the same for all measures of these queries."""

    def __init__(self, groups: npt.NDArray[np.int64], *, seed: int = 0) -> None:
        """Draw ROUNDS times as many groups as there are; `groups`, (n,), is the group of each."""
        self.place = np.unique(groups, return_inverse=True)[1]
        count = int(self.place.max(initial=-1)) + 1
        self.drawn = np.zeros((ROUNDS, count), np.float32)
        if count:
            rng = np.random.default_rng(seed)
            self.drawn[:] = rng.multinomial(count, np.full(count, 1 / count), size=ROUNDS)

    def interval(self, values: npt.NDArray[np.float64]) -> Interval:
        """Return the mean of values, (n,), and its interval; those that are NaN do not count.

        Give the differences of two rankings of the same queries for a paired comparison. The
        interval of one group is as wide as can be told: from the least value to the greatest.
        """
        counted = ~np.isnan(values)
        values, place = values[counted], self.place[counted]
        if not len(values):
            return Interval(0.0, 0.0, 0.0)
        mean = float(values.mean())
        groups = self.drawn.shape[1]
        sizes = np.bincount(place, minlength=groups).astype(np.float64)
        if (sizes > 0).sum() == 1:
            return Interval(mean, float(values.min()), float(values.max()))
        sums, drawn = self.drawn @ np.bincount(place, values, groups), self.drawn @ sizes
        means = sums[drawn > 0] / drawn[drawn > 0]
        low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return Interval(mean, float(low), float(high))


def drawn_by(labels: Labels, queries: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], str]:
    """Return the groups of queries that are drawn together, and what they are: artists or works.

    With fewer than LEAST_ARTISTS artists, an interval by artist says hardly anything; then it is by
    work, which takes works by one artist for independent, and is too narrow by that.
    """
    artists = labels.artists[queries]
    if len(np.unique(artists)) >= LEAST_ARTISTS:
        return artists, "artists"
    return labels.groups[queries], "works"
