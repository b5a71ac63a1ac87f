"""What the works of a group have in common: terms that are said of them more than of others.

A term belongs to the theme of a group where it is said of enough of its works, clearly more often
than of all works, and where that is no accident: the hypergeometric test asks how often as many
works with the term would be drawn by lot, and Benjamini and Hochberg's procedure (1995) corrects
for the many terms and groups that are asked about.

Each kind of terms is looked at among the works of which a term of that kind is said: nothing
follows from a museum's silence about a style.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

LEAST_WORKS: Final = 5
LEAST_SHARE: Final = 0.3
LEAST_LIFT: Final = 1.25
MOST_P: Final = 0.01
"""Expected share of wrong ones among the terms that are found."""
MOST_TERMS: Final = 10
"""Terms that are kept of each group."""
IN_THEME: Final = 2
"""Terms that a theme is made of, at most."""
SECOND_SHARE: Final = 0.5
"""Share of the works that a further term of a theme must be said of."""
BETWEEN: Final = " · "
DIGITS: Final = 6

KINDS: Final = (
    "style",
    "genre",
    "category",
    "subject",
    "period",
    "decade",
    "century",
    "nationality",
    "medium",
    "color",
)
"""Kinds of terms that make themes; of equally telling ones, the first."""

DATES: Final = ("period", "decade", "century")
"""Kinds that say the same in different words."""


@dataclass(frozen=True)
class Said:
    """That a term is said of works of a group."""

    cluster: int
    kind: str
    name: str
    works: int


@dataclass(frozen=True)
class ThemeTerm:
    """A term that is said more of the works of a group than of others."""

    kind: str
    name: str
    works: int
    """Works of the group of which it is said."""
    of: int
    """Works of the group of which any term of that kind is said."""
    share: float
    """The former of the latter."""
    lift: float
    """How many times as often as among all works."""
    p: float
    """Chance of as many works or more, drawn by lot; corrected."""

    @property
    def telling(self) -> float:
        """How much it tells of the group: its part of the Kullback-Leibler divergence."""
        return self.share * float(np.log(self.lift))

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def find_terms(
    said: Iterable[Said], works: Mapping[tuple[int, str], int]
) -> dict[int, list[ThemeTerm]]:
    """Return the terms of each group, the most telling first.

    Args:
        said: how many works of each group have each term, each work once.
        works: by group and kind of terms, works of which any term of that kind is said.
    """
    from scipy.stats import false_discovery_control, hypergeom

    counted = [one for one in said if one.kind in KINDS]
    if not counted:
        return {}
    everywhere: dict[tuple[str, str], int] = {}
    of_kind: dict[str, int] = {}
    for one in counted:
        key = (one.kind, one.name)
        everywhere[key] = everywhere.get(key, 0) + one.works
    for (_, kind), number in works.items():
        of_kind[kind] = of_kind.get(kind, 0) + number
    found = np.array([one.works for one in counted], np.float64)
    drawn = np.array([works[one.cluster, one.kind] for one in counted], np.float64)
    marked = np.array([everywhere[one.kind, one.name] for one in counted], np.float64)
    total = np.array([of_kind[one.kind] for one in counted], np.float64)
    chance = np.clip(hypergeom.sf(found - 1, total, marked, drawn), 0.0, 1.0)
    corrected = false_discovery_control(chance, method="bh")
    share, lift = found / drawn, (found / drawn) / (marked / total)
    terms: dict[int, list[ThemeTerm]] = {}
    enough = (
        (found >= LEAST_WORKS)
        & (share >= LEAST_SHARE)
        & (lift >= LEAST_LIFT)
        & (corrected <= MOST_P)
    )
    for at in np.flatnonzero(enough):
        one = counted[at]
        term = ThemeTerm(
            kind=one.kind,
            name=one.name,
            works=one.works,
            of=int(drawn[at]),
            share=round(float(share[at]), DIGITS),
            lift=round(float(lift[at]), DIGITS),
            p=float(f"{corrected[at]:.3g}"),
        )
        terms.setdefault(one.cluster, []).append(term)
    for cluster, ranked in terms.items():
        ranked.sort(key=lambda term: (-term.telling, KINDS.index(term.kind), term.name))
        terms[cluster] = ranked[:MOST_TERMS]
    return terms


def theme_of(terms: Sequence[ThemeTerm]) -> str | None:
    """Return the theme that terms make, the most telling first: "Cubism · 1900s".

    A further term is of another kind, is said of most works, and says something else.
    """
    chosen: list[ThemeTerm] = []
    for term in terms:
        if len(chosen) == IN_THEME:
            break
        if not chosen or (
            term.share >= SECOND_SHARE and not any(_same(term, other) for other in chosen)
        ):
            chosen.append(term)
    return BETWEEN.join(term.name for term in chosen) or None


def _same(one: ThemeTerm, other: ThemeTerm) -> bool:
    if one.kind == other.kind or (one.kind in DATES and other.kind in DATES):
        return True
    # "portrait" and "portraits", "landscape" and "tonal landscape".
    words, others = _stems(one.name), _stems(other.name)
    return words <= others or others <= words


def _stems(name: str) -> set[str]:
    return {word.removesuffix("s") for word in name.casefold().replace("-", " ").split()}
