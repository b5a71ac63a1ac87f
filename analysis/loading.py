"""Images out of the store: what a pass reads of each, and what that takes in memory."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from analysis.jobs import RGB, ImageJob
from analysis.outcomes import Fault
from analysis.pending import PendingImage
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import PREVIEW_SIDE, ImageFormat, decode_rgb_sizes
from storage.objects import ObjectStore

Size: TypeAlias = int | None
"""Least length of the shorter side, in pixels; None: every pixel there is."""


@dataclass(frozen=True)
class Fetched:
    """An object as it lies in the store, or the reason why it does not."""

    data: bytes | Fault
    seconds: float


@dataclass(frozen=True)
class Loaded:
    """An image in the sizes that jobs asked for, or the reason why there are none."""

    image: PendingImage
    pixels: Mapping[Size, RGB] | Fault
    read_seconds: float
    decode_seconds: float


def size_of(job: ImageJob) -> Size:
    """Return the size in which a job takes what its pass reads: previews come as they are."""
    return None if job.reads_preview else job.input_px


@dataclass(frozen=True)
class Loading:
    """How the jobs of one pass load images: all from previews, or all from originals."""

    jobs: Mapping[int, ImageJob]
    """By the ids of their models."""
    store: ObjectStore

    @property
    def reads_previews(self) -> bool:
        """Whether previews are read, and no originals."""
        return all(job.reads_preview for job in self.jobs.values())

    def sizes(self, image: PendingImage) -> list[Size]:
        """Return the sizes in which jobs want an image, the largest first."""
        wanted = {size_of(self.jobs[model_id]) for model_id in image.model_ids}
        return sorted(wanted, key=lambda size: -float("inf") if size is None else -size)

    def key(self, image: PendingImage) -> str:
        """Return the key of the object that is read."""
        return image.preview_key if self.reads_previews else image.object_key

    def memory(self, image: PendingImage) -> int:
        """Return the bytes that an image takes, encoded and decoded, at most."""
        pixels = image.width * image.height
        if self.reads_previews:
            shrunk = min(1.0, PREVIEW_SIDE / max(image.width, image.height))
            # A preview of noise has about a byte for each pixel.
            return round(4 * pixels * shrunk**2)
        sizes = self.sizes(image)
        decoded = sum(3 * pixels // _reduction(image, size) ** 2 for size in sizes)
        if image.format != ImageFormat.JPEG and None not in sizes:
            # Only a JPEG is shrunk while it is decoded.
            decoded += 3 * pixels
        return image.bytes + decoded

    def fetch(self, image: PendingImage) -> Fetched:
        """Read the object of an image. Raises ObjectStoreUnavailable."""
        started = time.perf_counter()
        key = self.key(image)
        data: bytes | Fault
        try:
            data = self.store.get(key)
        except ObjectNotFound:
            data = Fault("object_missing", f"the object store has no {key}", retryable=True)
        return Fetched(data, time.perf_counter() - started)

    def decode(self, image: PendingImage, fetched: Fetched) -> Loaded:
        """Decode an image in all sizes that are wanted; bytes that are none become a Fault."""
        if isinstance(fetched.data, Fault):
            return Loaded(image, fetched.data, fetched.seconds, 0.0)
        started = time.perf_counter()
        pixels: Mapping[Size, RGB] | Fault
        try:
            pixels = decode_rgb_sizes(fetched.data, self.sizes(image))
        except (ImageRejected, MemoryError) as error:
            pixels = self._fault(image, error)
        return Loaded(image, pixels, fetched.seconds, time.perf_counter() - started)

    def _fault(self, image: PendingImage, error: ImageRejected | MemoryError) -> Fault:
        # What decoders raise comes as the image's fault, a lack of memory among it.
        if isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError):
            needed = self.memory(image) / 1e6
            detail = f"{self.key(image)}: decoding it takes about {needed:,.0f} MB"
            return Fault("out_of_memory", detail, retryable=True)
        return Fault(error.reason, f"{self.key(image)}: {error.detail}", retryable=False)


def _reduction(image: PendingImage, size: Size) -> int:
    """Return how many times an image is shrunk at least while it is decoded for `size`."""
    times = 1 if size is None else min(image.width, image.height) // max(1, size)
    if image.format == ImageFormat.JPEG:
        return next(factor for factor in (8, 4, 2, 1) if factor <= max(1, times))
    return max(1, times)
