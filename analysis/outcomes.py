"""What becomes of an image in a job: rows, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.jobs import Row

MEANINGS: Mapping[str, str] = {
    "object_missing": "The object store holds no object under the key of the image.",
    "out_of_memory": "There was not enough memory to decode the image.",
    "compute_failed": "The job raised an error on this image; see the detail.",
}
"""Reasons that jobs give, and what they mean; those of damaged images are `check_image`'s."""


@dataclass(frozen=True)
class Fault:
    """Why an image has no result: a code of `MEANINGS`, or one of `storage.images.check_image`."""

    reason: str
    detail: str
    retryable: bool


@dataclass(frozen=True)
class Outcome:
    """What a job says of one image: rows, or a fault."""

    image_id: int
    rows: Sequence[Row] = ()
    fault: Fault | None = None

    @property
    def state(self) -> str:
        """The state in `image_results`: done, empty or failed."""
        if self.fault is not None:
            return "failed"
        return "done" if self.rows else "empty"
