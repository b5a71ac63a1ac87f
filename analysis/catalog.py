"""The jobs that there are, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from analysis.colors.job import COLORS
from analysis.errors import UnknownJob
from analysis.jobs import ImageJob

IMAGE_JOBS: Mapping[str, ImageJob] = MappingProxyType({job.name: job for job in (COLORS,)})


def image_job(name: str) -> ImageJob:
    """Return the job of this name. Raises UnknownJob, naming those that there are."""
    try:
        return IMAGE_JOBS[name]
    except KeyError:
        known = ", ".join(sorted(IMAGE_JOBS))
        raise UnknownJob(f'there is no job "{name}": choose from {known}.') from None
