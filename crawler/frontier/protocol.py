"""What a crawl asks of its frontier; in PostgreSQL (`Ledger`), or in memory for a dry run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from crawler.items import Item, Lease, Link
from crawler.opt_outs import Rule
from crawler.pauses import Pause

# A run waits for what becomes due within this time, in seconds, and ends otherwise.
LOOK_AHEAD_S = 60.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is left to do for a site.

    `next_due_in` is in seconds, None where nothing waits; `waiting` are the rows that are due only
    later, be it for their own sake or their host's.
    """

    due: bool
    next_due_in: float | None
    leased_elsewhere: int
    waiting: int = 0


class Frontier(Protocol):
    """All pages and images that are known of one site, and what became of them.

    Nothing is fetched that is not a row of it. A row is leased, fetched, and settled by exactly
    one outcome. Calls come from one thread, and each of them is all or nothing.
    """

    @property
    def worker(self) -> int:
        """Number of the run, which owns the leases; 0 before it is open, and in a dry run."""

    @property
    def generation(self) -> int:
        """Number of the current pass over the site's listings."""

    # Opening and closing

    def open(self, *, profile_hash: str, settings: Mapping[str, Any]) -> int:
        """Begin a run; return its number."""

    def seed(self, starts: Iterable[Link]) -> None:
        """Make sure that the start pages are rows, to be read in this generation."""

    def close(self, *, finish_reason: str, stats: Mapping[str, Any]) -> int:
        """Give back what is still leased and end the run.

        Returns how many failures might succeed if the site was crawled again.
        """

    def abandon(self) -> None:
        """Let go of the run, closed or not; may be called twice."""

    # Leasing

    def lease(self, most: int, kinds: Sequence[str]) -> list[Lease]:
        """Lease up to `most` rows of each host that are due, best priority first.

        Only rows of `kinds`, and of the categories that the crawl is limited to: images belong to
        whatever work asked for them, and pages that discover categories to none yet. No row of a
        host that is paused.
        """

    def outlook(self, kinds: Sequence[str]) -> Outlook:
        """Say whether anything is due, when the next thing is, and who else is at work."""

    # Recording

    def record(self, items: Sequence[Item]) -> None:
        """Settle the rows of outcomes; recording an outcome twice is recording it once.

        A page that is found again is the row it was. Categories that it is found under are added
        to it, and what the page of an artist says; if it was read already, a listing is read
        again for its children, and a work is told.
        """

    # What is known

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return (settled, known) rows by kind."""

    def knows_categories(self) -> bool:
        """Whether anything was found under the categories that the crawl is limited to."""

    # Politeness

    def crawl_delays(self) -> dict[str, float]:
        """Return the Crawl-delays that robots.txt files asked for last time, in seconds by host."""

    def remember_delay(self, host: str, seconds: float | None) -> None:
        """Keep a host's Crawl-delay, in seconds."""

    def pauses(self) -> dict[str, Pause]:
        """Return the pauses that are in effect, by host."""

    def pause(self, host: str, pause: Pause) -> None:
        """Leave a host alone, every worker of every site; a longer pause in effect stays."""

    # Reservations

    def tdm_rules(self) -> dict[str, tuple[Rule, ...]]:
        """Return the rules of the hosts' `tdmrep.json` files, as they were last read."""

    def remember_tdm_rules(self, host: str, rules: Sequence[Rule]) -> None:
        """Keep the rules of a host's `tdmrep.json`; none: it has no such file."""

    # Rendering

    def rendering(self) -> dict[str, Any]:
        """Return what earlier runs learned about rendering the site's pages."""

    def learn(self, entries: Mapping[str, Any]) -> None:
        """Keep entries of what was learned; those of other names stay."""
