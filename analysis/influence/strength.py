"""How much nearer later works are to earlier ones than where labels are dealt at random.

For a cohort B and an earlier cohort A: of the works of both periods that are nearest to a work of
B, the share that is of A. It is compared with the same after labels were dealt anew among the
works of each period (with groups), or among all earlier works (where cohorts are periods). So what
a whole period has in common counts for nothing, and a cohort is not near because it is large.

Many pairs are tested. The corrected p of a pair is the share of deals in which any pair at all was
as far above its own chance (P. Westfall and S. Young, "Resampling-based multiple testing", 1993):
of collections whose labels mean nothing, as many in a hundred have one find or more as the level
says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Final

import numpy as np

from analysis.influence.cohorts import Codes, Dated, Shares, blocks_of, nearest_earlier

LEAST: Final = 8
"""Works that a cohort has at least, to be compared."""
DEALS: Final = 999
LEVEL: Final = 0.05
"""Corrected p up to which a pair counts as found."""
SEED: Final = 20261121

LEAST_DEVIATION: Final = 1e-9
TIE: Final = 1e-12
"""By which sums of the same numbers may differ."""


@dataclass(frozen=True)
class Cohort:
    """Works of one group and one period."""

    group: int | None
    """None: all works of the period."""
    period: int
    works: int
    artists: int
    """Artists that are known by name."""


@dataclass(frozen=True)
class Strength:
    """How near a later cohort is to an earlier one."""

    earlier: Cohort
    later: Cohort
    share: float
    """Of the works nearest to those of the later cohort, how many are of the earlier one."""
    chance: float
    """The same where labels are dealt at random, on average."""
    z: float
    """How far the share is above chance, in standard deviations of the deals."""
    p: float
    """Share of deals with as much or more, the real one counted among them."""
    p_corrected: float
    """The same for any of all pairs."""

    @property
    def found(self) -> bool:
        """Whether it is beyond chance at LEVEL, all pairs considered."""
        return self.p_corrected <= LEVEL


@dataclass(frozen=True)
class Table:
    """All pairs that were compared, the strongest first, and the cohorts they are of."""

    pairs: tuple[Strength, ...]
    cohorts: tuple[Cohort, ...]
    deals: int


def compare_groups(
    works: Dated, *, least: int = LEAST, deals: int = DEALS, seed: int = SEED
) -> Table:
    """Compare every cohort of a group and a period with all of earlier periods.

    A group is compared with its own past too. Cohorts have `least` works or more.
    """
    groups = int(works.groups.max(initial=-1)) + 1
    members = _by_period(works)
    cohorts = {
        (period, group): _cohort(works, group, period, of_group)
        for period, of_period in members.items()
        for group in range(groups)
        if len(of_group := of_period[works.groups[of_period] == group]) >= least
    }
    spans = [(p, q) for p, q in combinations(members, 2)]
    tested = [
        (span, a, b)
        for span, (p, q) in enumerate(spans)
        for a, b in product(range(groups), repeat=2)
        if (p, a) in cohorts and (q, b) in cohorts
    ]
    if not tested:
        return Table((), tuple(cohorts.values()), deals)
    looks = [nearest_earlier(works, members[q], members[p]) for p, q in spans]
    blocks = [blocks_of(works, works.groups, of_period) for of_period in members.values()]
    rng = np.random.default_rng(seed)
    at = tuple(np.array(tested).T)

    def shares(labels: Codes) -> tuple[Shares, Shares]:
        found = [one.shares(labels, labels, groups) for one in looks]
        of, expected = (np.stack(parts)[at] for parts in zip(*found, strict=True))
        return of, expected

    def deal() -> tuple[Shares, Shares]:
        dealt = works.groups.copy()
        for block in blocks:
            dealt[block.works] = block.dealt(rng)
        return shares(dealt)

    pairs = [(cohorts[spans[span][0], a], cohorts[spans[span][1], b]) for span, a, b in tested]
    return _judged(pairs, shares(works.groups), deal, deals, cohorts.values())


def compare_periods(
    works: Dated, *, least: int = LEAST, deals: int = DEALS, seed: int = SEED
) -> Table:
    """Compare the works of every period, whatever their group, with those of earlier periods.

    To know chance, the years of all works before a period are dealt anew among themselves.
    """
    members = _by_period(works)
    numbers = {period: number for number, period in enumerate(members)}
    cohorts = {
        period: _cohort(works, None, period, of_period)
        for period, of_period in members.items()
        if len(of_period) >= least
    }
    labels = np.array([numbers[period] for period in works.periods.tolist()], dtype=np.int64)
    # With one period before it, a period has nothing to be nearer to.
    later = [q for q in cohorts if sum(p < q for p in cohorts) > 1]
    tested = [(q, p) for q in later for p in cohorts if p < q]
    if not tested:
        return Table((), tuple(cohorts.values()), deals)
    pools = {q: np.flatnonzero(works.periods < q) for q in later}
    looks = {q: nearest_earlier(works, members[q], pools[q]) for q in later}
    blocks = {q: blocks_of(works, labels, pools[q]) for q in later}
    rng = np.random.default_rng(seed)
    alone = np.zeros(len(works), dtype=np.int64)

    def shares(draw: Callable[[int], Codes]) -> tuple[Shares, Shares]:
        found = {}
        for q in later:
            dealt = labels.copy()
            dealt[pools[q]] = draw(q)
            found[q] = looks[q].shares(dealt, alone, len(numbers))
        return (
            np.array([found[q][0][numbers[p], 0] for q, p in tested]),
            np.array([found[q][1][numbers[p], 0] for q, p in tested]),
        )

    real = shares(lambda q: labels[pools[q]])

    def deal() -> tuple[Shares, Shares]:
        return shares(lambda q: blocks[q].dealt(rng))

    pairs = [(cohorts[p], cohorts[q]) for q, p in tested]
    return _judged(pairs, real, deal, deals, cohorts.values())


def _by_period(works: Dated) -> dict[int, Codes]:
    """Return the places of the works of each period, in time."""
    return {
        period: np.flatnonzero(works.periods == period)
        for period in np.unique(works.periods).tolist()
    }


def _cohort(works: Dated, group: int | None, period: int, members: Codes) -> Cohort:
    artists = works.artists[members]
    return Cohort(group, period, len(members), len(np.unique(artists[artists >= 0])))


def _judged(
    pairs: Sequence[tuple[Cohort, Cohort]],
    real: tuple[Shares, Shares],
    deal: Callable[[], tuple[Shares, Shares]],
    deals: int,
    cohorts: Iterable[Cohort],
) -> Table:
    """Compare what is with what was dealt: shares, and those expected by numbers, of each pair."""
    shares, expected = real
    excess = shares - expected
    # What is counts as one of the deals: only so is none of them told from the others.
    drawn = np.stack([excess, *(of - by_number for of, by_number in _repeated(deal, deals))])
    mean, deviation = drawn.mean(axis=0), drawn.std(axis=0)
    # Where every deal is the same, as of a single artist, nothing can be told.
    telling = deviation > LEAST_DEVIATION
    z = np.where(telling, (drawn - mean) / np.where(telling, deviation, 1.0), -np.inf)
    highest = z.max(axis=1)
    p = np.where(telling, (drawn >= excess - TIE).mean(axis=0), 1.0)
    corrected = np.where(telling, (highest[:, None] >= z[0] - TIE).mean(axis=0), 1.0)
    strengths = [
        Strength(
            earlier,
            later,
            share=float(shares[at]),
            chance=float(mean[at] + expected[at]),
            z=float(z[0, at]) if telling[at] else 0.0,
            p=float(p[at]),
            p_corrected=float(corrected[at]),
        )
        for at, (earlier, later) in enumerate(pairs)
    ]
    order = sorted(strengths, key=lambda one: (one.p_corrected, -one.z))
    return Table(tuple(order), tuple(cohorts), deals)


def _repeated(
    deal: Callable[[], tuple[Shares, Shares]], deals: int
) -> Iterator[tuple[Shares, Shares]]:
    for _ in range(deals):
        yield deal()
