"""What verification can find, and what mending can come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means, and what `--repair` does about it.

    `is_mismatch` is False where nothing that is stored is wrong: it is told, and no error.
    """

    meaning: str
    cure: str
    is_mismatch: bool = True


_ANEW = "The next crawl fetches the image anew and stores it over what is there."

CODES: Mapping[str, Code] = {
    "object_missing": Code("An image has a row, and the store does not hold its original.", _ANEW),
    "size_differs": Code("The stored original is longer or shorter than its row says.", _ANEW),
    "hash_differs": Code("The stored original has other bytes than were fetched.", _ANEW),
    "preview_missing": Code(
        "The store does not hold an image's preview.", "It is made anew from the original."
    ),
    "preview_damaged": Code(
        "An image's preview cannot be decoded, or is no preview.",
        "It is made anew from the original.",
    ),
    "object_orphaned": Code(
        "The store holds an image or a preview that no row refers to.",
        "It is deleted, unless a crawl is running.",
    ),
    "object_unknown": Code(
        "Beside the images lies something that artworks does not write.",
        "It is left alone: remove it yourself if it should not be there.",
        is_mismatch=False,
    ),
    "image_unreferenced": Code(
        "An image is stored that no work shows, nor showed.",
        "It is deleted with its results, unless a crawl is running.",
    ),
    "image_unlinked": Code(
        "The address of an image is done, and a work that shows it lacks the image.",
        "The work gets the image; where that is not known, the next crawl fetches it anew.",
    ),
    "page_unlinked": Code(
        "The page of a work is done, and the work is not stored.",
        "The next crawl reads the page again.",
    ),
    "source_unqueued": Code(
        "A work shows an image that is not stored, and nothing will ask for it.",
        "The next crawl reads the work's page again.",
    ),
    "lease_stuck": Code(
        "A page or image is leased to a crawl that is gone, or for longer than leases last.",
        "It is given back, as the next crawl of the site would do by itself.",
    ),
    "artifact_missing": Code(
        "A trained model is registered, and the store does not hold its artifact.",
        "It is left: train it anew, or restore the object from a backup.",
    ),
    "artifact_damaged": Code(
        "A trained model's artifact has other bytes than were registered.",
        "It is left: train it anew, or restore the object from a backup.",
    ),
    "artifact_orphaned": Code(
        "The store holds a file of a model that is not registered: its training was cut off.",
        "It is deleted, once it is an hour old.",
        is_mismatch=False,
    ),
    "report_unfinished": Code(
        "The store holds pictures of a report that was cut off, so that nobody knows what they "
        "show.",
        "They are deleted, once they are an hour old.",
        is_mismatch=False,
    ),
    "run_unfinished": Code(
        "A crawl was killed: it neither ended nor is it running.",
        "It is marked as ended, with finish_reason `killed`.",
        is_mismatch=False,
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Attributes:
        code: one of `CODES`.
        subject: what it is about: an object's key, an address, a run, a report's folder.
        detail: what exactly is wrong.
        site: whose it is, where it is one site's.
        image_id: the image's row, where it is about one.
        row_id: the row of `frontier`, `crawl_runs` or `artworks` that it is about.
        owner: who holds the lease.
    """

    code: str
    subject: str
    detail: str
    site: str | None = None
    image_id: int | None = None
    row_id: int | None = None
    owner: int | None = None

    @property
    def is_mismatch(self) -> bool:
        """Whether what is stored is wrong, so that verification fails."""
        return CODES[self.code].is_mismatch

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return {
            "code": self.code,
            "subject": self.subject,
            "detail": self.detail,
            "site": self.site,
            "image_id": self.image_id,
            "mismatch": self.is_mismatch,
        }


Repair = Literal["mended", "queued", "left"]
"""mended: it is right now; queued: the next crawl mends it; left: it is as it was."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was done about a finding. `sites` are those whose next crawl mends what is queued."""

    finding: Finding
    state: Repair
    told: str
    sites: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return {
            "code": self.finding.code,
            "subject": self.finding.subject,
            "state": self.state,
            "detail": self.told,
            "sites": list(self.sites),
        }
