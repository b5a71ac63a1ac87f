"""Verifying a collection: what is compared, in which order, and what came of it."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol

from sqlalchemy import text

from storage.database import Database
from storage.objects import ObjectStore
from storage.verification.artifacts import Artifacts
from storage.verification.contents import Contents, Read
from storage.verification.findings import Finding, Repaired
from storage.verification.listing import GRACE, Compared, Listing, Side, pieces
from storage.verification.records import record_findings
from storage.verification.repairs import Repairs

# Mended at once, in a transaction or two: how much a killed command may leave half done.
MENDED_AT_ONCE: Final = 100

_COUNT: Final = text("SELECT count(*) FROM images")


class Tell(Protocol):
    """Called with what is being done, how much of it is done, and about how much there is."""

    def __call__(self, doing: str, done: int, total: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Scope:
    """What to look at beside the rows and the listing.

    Attributes:
        full_hash: read every original and preview.
        sample: read this many images, taken at random.
        seed: which images the sample takes.
        grace: how long objects may lack a row while a crawl is running, and files of models and
            reports may lack theirs.
    """

    full_hash: bool = False
    sample: int | None = None
    seed: int = field(default_factory=lambda: secrets.randbelow(2**32))
    grace: timedelta = GRACE

    @property
    def reads(self) -> bool:
        """Whether bytes are read at all."""
        return self.full_hash or self.sample is not None


@dataclass(slots=True)
class Report:
    """What was verified, found and mended.

    `counts` and `states` (by code) count everything; `findings` and `repaired` hold at most
    `keep` of each code, so that a store that is lost altogether does not fill the memory.
    """

    scope: Scope
    keep: int
    is_repair: bool
    originals: Compared = field(default_factory=Compared)
    previews: Compared = field(default_factory=Compared)
    read: Read = field(default_factory=Read)
    counts: Counter[str] = field(default_factory=Counter)
    states: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    repaired: list[Repaired] = field(default_factory=list)
    mismatches: int = 0
    sites: set[str] = field(default_factory=set)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong, or all that was is mended or will be by the next crawl."""
        return self.mismatches == 0

    def found(self, finding: Finding) -> None:
        """Count a finding, and keep it among the first of its code."""
        self.counts[finding.code] += 1
        if self.counts[finding.code] <= self.keep:
            self.findings.append(finding)
        self.mismatches += finding.is_mismatch

    def mended(self, repaired: Repaired) -> None:
        """Count what became of a finding."""
        code = repaired.finding.code
        if self.repaired_of(code) < self.keep:
            self.repaired.append(repaired)
        self.states[code, repaired.state] += 1
        self.sites.update(repaired.sites)
        if repaired.state != "left":
            self.mismatches -= repaired.finding.is_mismatch

    def repaired_of(self, code: str) -> int:
        """Return how many findings of a code were taken up."""
        return sum(count for (of, _), count in self.states.items() if of == code)

    def checked(self) -> dict[str, Any]:
        """Return how much was looked at."""
        return {
            "images": self.originals.rows,
            "objects": self.originals.objects + self.previews.objects,
            "object_bytes": self.originals.object_bytes + self.previews.object_bytes,
            "objects_too_young": self.originals.young + self.previews.young,
            "read": self.read.images,
            "read_bytes": self.read.image_bytes,
            "sample": self.scope.sample,
            "seed": None if self.scope.sample is None else self.scope.seed,
        }

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return {
            "clean": self.is_clean,
            "checked": self.checked(),
            "counts": dict(sorted(self.counts.items())),
            "findings": [finding.as_dict() for finding in self.findings],
            "repaired": [repaired.as_dict() for repaired in self.repaired],
            "left": self.mismatches,
            "sites": sorted(self.sites),
        }


def verify(
    database: Database,
    store: ObjectStore,
    scope: Scope | None = None,
    *,
    repair: bool = False,
    keep: int = 20,
    tell: Tell = lambda doing, done, total: None,
) -> Report:
    """Compare the database with the object store, and mend what is safe with `repair`.

    Without `repair` nothing is written. It may be killed at any time and run again. Raises
    DatabaseUnavailable and ObjectStoreUnavailable.
    """
    report = Report(scope or Scope(), keep, repair)
    repairs = Repairs(database, store)
    for found in pieces(_findings(database, store, report, tell), MENDED_AT_ONCE):
        for finding in found:
            report.found(finding)
        if repair:
            for repaired in repairs.mend(found):
                report.mended(repaired)
    return report


def _findings(
    database: Database, store: ObjectStore, report: Report, tell: Tell
) -> Iterator[Finding]:
    with database.begin() as connection:
        total: int = connection.execute(_COUNT).scalar_one()
    tell("records", 0, 0)
    yield from record_findings(database)
    damaged: set[int] = set()
    sides: Iterable[tuple[Side, Compared]] = (
        ("originals", report.originals),
        ("previews", report.previews),
    )
    for side, compared in sides:
        listing = Listing(database, store, grace=report.scope.grace)
        for finding in listing.findings(side, compared, partial(tell, side, total=total)):
            if side == "originals" and finding.image_id is not None:
                damaged.add(finding.image_id)
            yield finding
    scope = report.scope
    tell("artifacts", 0, 0)
    artifacts = Artifacts(database, store, grace=scope.grace, reads=scope.reads)
    yield from artifacts.findings()
    if scope.reads:
        total = total if scope.sample is None else min(total, scope.sample)
        contents = Contents(database, store, sample=scope.sample, seed=scope.seed)
        yield from contents.findings(damaged, report.read, partial(tell, "contents", total=total))
