"""A job over batch after batch of images, and whose fault it is when it fails."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.errors import JobBroken
from analysis.jobs import RGB, ImageJob, Row
from analysis.loading import Loaded, size_of
from analysis.outcomes import Fault, Outcome
from storage.errors import ArtworksError

log = logging.getLogger(__name__)


@dataclass
class Computation:
    """One job in one run.

    An exception is held against the image where the job goes through on others. It is held against
    the job, which ends the run, where it fails on every image of a full batch, or has never gone
    through and fails on a second image.
    """

    job: ImageJob
    proven: bool
    """Whether the job has ever gone through on an image."""
    failed: int = 0
    """Images that it failed on, in batches in which it went through on none."""

    def outcomes(self, images: Sequence[Loaded], *, full: int) -> list[Outcome]:
        """Run the job over a batch, which is full with `full` images.

        Raises JobBroken where the fault is the job's, and what it raised of our own errors, such
        as DatabaseUnavailable.
        """
        outcomes: list[Outcome] = []
        good: list[tuple[int, RGB]] = []
        for loaded in images:
            if isinstance(loaded.pixels, Fault):
                outcomes.append(Outcome(loaded.image.id, fault=loaded.pixels))
            else:
                good.append((loaded.image.id, loaded.pixels[size_of(self.job)]))
        return outcomes + self._computed(good, full) if good else outcomes

    def _computed(self, images: Sequence[tuple[int, RGB]], full: int) -> list[Outcome]:
        try:
            rows = self._rows([pixels for _, pixels in images])
        except ArtworksError:
            raise
        except Exception as error:  # noqa: BLE001 - told apart below, image by image
            outcomes = [self._single(image_id, pixels) for image_id, pixels in images]
            self._judge(outcomes, error, full)
            return outcomes
        self.proven = True
        return [Outcome(at, found) for (at, _), found in zip(images, rows, strict=True)]

    def _rows(self, images: Sequence[RGB]) -> Sequence[Sequence[Row]]:
        rows = self.job.compute(images)
        if len(rows) != len(images):
            raise ValueError(f"it gave {len(rows)} results for {len(images)} images")
        return rows

    def _single(self, image_id: int, pixels: RGB) -> Outcome:
        try:
            return Outcome(image_id, self._rows([pixels])[0])
        except ArtworksError:
            raise
        except Exception as error:  # noqa: BLE001 - one image's fault is written down
            return Outcome(image_id, fault=Fault("compute_failed", _said(error), retryable=True))

    def _judge(self, outcomes: Sequence[Outcome], error: Exception, full: int) -> None:
        """Raise JobBroken where the job went through on none of these, and that is its fault."""
        faults = {one.image_id: one.fault for one in outcomes if one.fault is not None}
        if len(faults) < len(outcomes):
            self.proven = True
        elif self._is_to_blame(len(faults), full):
            place = traceback.extract_tb(error.__traceback__)[-1]
            raise JobBroken(
                f'the job "{self.job.name}" failed on every image that it was given: '
                f"{_said(error)} ({place.filename}, line {place.lineno}). Correct the job and run "
                "it again: the images of this batch are still pending.",
                self.job.name,
            ) from error
        for image_id, fault in faults.items():
            log.warning("job %s failed on image %d: %s", self.job.name, image_id, fault.detail)

    def _is_to_blame(self, failed: int, full: int) -> bool:
        if self.proven:
            return failed > 1 and failed >= full
        self.failed += failed
        return self.failed > 1


def _said(error: Exception) -> str:
    return traceback.format_exception_only(error)[-1].strip()
