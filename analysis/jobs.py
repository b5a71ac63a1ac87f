"""What jobs are.

An image job is a pure function over decoded images, and a declaration around it: what it needs
(`input_px`), which model it runs (`model`) and where its rows go (`table`). Everything else (what
is pending, reading, decoding, writing, failures, the run log) is the engine's.

A collection job looks at what is stored as a whole (an index, clusters, pairs), or at what other
jobs wrote. It reads and writes by itself; its lock, its model's row, the run log, the clock and the
progress are the engine's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Table

from storage.images import PREVIEW_SIDE
from storage.objects import ObjectStore

if TYPE_CHECKING:
    from analysis.runs import CollectionRun

RGB: TypeAlias = npt.NDArray[np.uint8]
"""A decoded image: (h, w, 3) uint8, sRGB, upright, alpha composed on white."""

Row: TypeAlias = Mapping[str, Any]
"""Columns of one result row by name, without `image_id` and `model_id`."""

Compute: TypeAlias = Callable[[Sequence[RGB]], Sequence[Sequence[Row]]]
"""Images in, the rows of each out, in the same order; no rows mean that there is nothing to say.

Images of one batch may have different shapes. The result of an image depends on that image
alone. An exception is held against the image where others of its batch go through, and against
the job where none does.
"""

Write: TypeAlias = Callable[[Connection, int, Mapping[int, Sequence[Row]]], None]
"""Replaces what a model (its id) says of images (their ids, all of them stored) by these rows."""


@dataclass(frozen=True)
class ModelSpec:
    """The row of `models` under which a job's results are kept.

    Results of another `name` and `version` never mix with these; other `params` need another
    version. `is_default` asks to be what views and searches use, for its `kind` and `head`.
    """

    name: str
    version: str
    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    head: str | None = None
    is_default: bool = False


@dataclass(frozen=True)
class ImageJob:
    """A job that looks at every stored image once."""

    name: str
    """What people call it: `artworks analyze NAME`."""
    model: ModelSpec
    table: Table
    """Where rows go; its primary key begins with `image_id` and `model_id`."""
    compute: Compute
    input_px: int | None = PREVIEW_SIDE
    """Least length of the shorter side that the job needs, in pixels; None: all there are.

    Up to 512 it is given the preview as it is (longer side at most 512)."""
    batch: int = 32
    """Images computed together, and written in one transaction."""
    load: Callable[[ObjectStore], Compute] | None = None
    """Makes what takes the place of `compute`, where that is in the object store; called when there
    are images to look at, and may fail as a whole."""
    write: Write | None = None
    """Writes the rows where they go to other tables besides; None: `table` has their columns."""

    @property
    def reads_preview(self) -> bool:
        """Whether the preview is enough."""
        return self.input_px is not None and self.input_px <= PREVIEW_SIDE

    def loaded(self, store: ObjectStore) -> ImageJob:
        """Return the job with all that it computes with."""
        return self if self.load is None else replace(self, compute=self.load(store), load=None)


def not_loaded(_images: Sequence[RGB]) -> Sequence[Sequence[Row]]:
    """Stand for what a job computes with until it is loaded."""
    raise RuntimeError("this job has not been loaded: see ImageJob.load")


@dataclass(frozen=True)
class CollectionJob:
    """A job that looks at the collection as a whole, or at results of other jobs."""

    name: str
    """What people call it: `artworks analyze NAME`."""
    model: ModelSpec
    walk: Callable[[CollectionRun], None]
    """Does the work: incremental or cheap to repeat, and safe to kill between transactions."""
    by_image: bool = True
    """Whether `image_results` says of each image that `model` has seen it."""


Job: TypeAlias = ImageJob | CollectionJob
