"""Periods: centuries, or spans of years that people choose.

Years before our era are negative and there is no year 0, as the crawler reads dates: the 20th
century is 1901 to 2000, the 1st century before our era is -100 to -1.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from analysis.errors import WrongDataset

BEFORE_OUR_ERA: Final = 400
"""How many centuries before our era have names of their own: cave paintings are as old."""
IN_OUR_ERA: Final = 30


@dataclass(frozen=True)
class Periods:
    """Spans of years that follow each other, from ever to ever."""

    starts: tuple[int, ...]
    """The first year of each but the first, ascending."""
    names: tuple[str, ...]
    """One more than `starts`, in lower case as all labels."""

    def name_of(self, year_from: int, year_to: int) -> str | None:
        """Return the period in which both years lie; None where they lie in two."""
        first, last = bisect_right(self.starts, year_from), bisect_right(self.starts, year_to)
        return self.names[first] if first == last else None


def centuries() -> Periods:
    """Return the centuries, as in "19th century" and "5th century bce"."""
    earlier, later = range(BEFORE_OUR_ERA, 0, -1), range(1, IN_OUR_ERA + 1)
    return Periods(
        (*(-100 * number for number in earlier), *(100 * number - 99 for number in later)),
        (
            f"before the {ordinal(BEFORE_OUR_ERA)} century bce",
            *(f"{ordinal(number)} century bce" for number in earlier),
            *(f"{ordinal(number)} century" for number in later),
        ),
    )


def binned(years: Sequence[int]) -> Periods:
    """Return the spans that begin in these years, and what lies before the first.

    1850 and 1900 make "before 1850", "1850–1899" and "1900 and later". Raises WrongDataset where
    the years do not ascend.
    """
    following = list(pairwise(years))
    if not years or any(one >= after for one, after in following):
        told = ", ".join(map(str, years)) or "none"
        raise WrongDataset(
            f"periods begin in the years {told}, which do not ascend: write each once, the "
            "earliest first, as in --bins 1850,1900."
        )
    between = (span(one, after - 1) for one, after in following)
    return Periods(tuple(years), (f"before {years[0]}", *between, f"{years[-1]} and later"))


def span(first: int, last: int) -> str:
    """Return how a span of years is written: 1850–1899, 1850, -50 to 49."""
    if first == last:
        return str(first)
    return f"{first}–{last}" if first >= 0 else f"{first} to {last}"


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th, … 11th, … 21st."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{({1: 'st', 2: 'nd', 3: 'rd'}).get(number % 10, 'th')}"
