"""The job `duplicates`: pairs of stored images that look the same into `image_duplicates`.

Nothing is read but the perceptual hashes in `images`, so all images are looked at, also those that
stand in for others or that no work shows any more. Of images with one hash, each is paired with
the one that was stored first, as `exact`; that one alone is paired with those of near hashes. So a
picture that was stored a thousand times gives a thousand rows.

A run looks for pairs of images that it has not seen (no row in `image_results`) and of those whose
only pair is gone because an image was taken down. However runs follow each other, and wherever
they are killed, the rows are in the end those of one run over everything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import text

from analysis.duplicates.pairs import BITS, Distances, Hashes, Indices, near_pairs_of
from analysis.duplicates.writing import write_pairs
from analysis.jobs import CollectionJob, ModelSpec
from analysis.runs import CollectionRun
from storage.database import Database

JOB = "duplicates"
DEFAULT_RADIUS: Final = 6
"""Differing bits of 64. Of 150 paintings, all were found again at half their size, as JPEG of
quality 30 or in grey, 94 in 100 with 2 % cut off, every second one with 6 % cut off; among 1,385
different ones no pair was within it. With 8, works of one painter in one manner come in."""
LARGEST_RADIUS: Final = 12

LEAST_BITS: Final = 24
"""Bits that are set in a hash that tells something.

A bit is set where a frequency is above the median of all 64, which is half of them, 32. Only where
many frequencies are missing, as in a flat colour or in strictly symmetric figures, the median is
one of their zeros, and fewer are set: a blank page has one, whatever its colour. Such pictures are
near each other without being alike, so they are left out. With 24 bits, at least 48 frequencies
are there, and chance brings one pair in twenty million within 6 bits."""

BATCH = 2000
"""Images that are marked as seen in one transaction."""
PAGE = 50_000

# Its look-alike was taken down, and its hash may be that of others still.
_LET_GO = text("""
    DELETE FROM image_results r
    WHERE r.model_id = :model_id AND r.state = 'done'
      AND NOT EXISTS (SELECT FROM image_duplicates d
                      WHERE d.image_id = r.image_id AND d.model_id = :model_id)
      AND NOT EXISTS (SELECT FROM image_duplicates d
                      WHERE d.other_id = r.image_id AND d.model_id = :model_id)
""")
_UNSEE = text("DELETE FROM image_results WHERE model_id = :model_id AND image_id = ANY(:ids)")
_UNPAIR = text("""
    DELETE FROM image_duplicates
    WHERE model_id = :model_id AND (image_id = ANY(:ids) OR other_id = ANY(:ids))
""")
_UNSEE_ALL = text("DELETE FROM image_results WHERE model_id = :model_id")
_UNPAIR_ALL = text("DELETE FROM image_duplicates WHERE model_id = :model_id")

_HASHES = text("""
    SELECT i.id, i.phash, r.image_id IS NOT NULL AS seen
    FROM images i LEFT JOIN image_results r ON r.image_id = i.id AND r.model_id = :model_id
    ORDER BY i.id
""")


@dataclass(frozen=True)
class Images:
    """Stored images in the order of their ids: three arrays of one length."""

    ids: Indices
    hashes: Hashes
    seen: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Found:
    """Pairs to write, by the ids of their images."""

    lower: Indices
    higher: Indices
    distance: Distances
    owner: Indices
    """The one of the two that is not seen yet, and is marked in the transaction of the pair."""


def model_of(radius: int) -> ModelSpec:
    """Return the model that finds pairs within `radius` bits; up to 6, that is one model.

    Its pairs of 6 bits and fewer serve every smaller radius. Raises ValueError where the radius
    is not between 0 and 12.
    """
    if not 0 <= radius <= LARGEST_RADIUS:
        raise ValueError(f"a radius of {radius} bits: choose one from 0 to {LARGEST_RADIUS}.")
    radius = max(radius, DEFAULT_RADIUS)
    return ModelSpec(
        name="phash",
        version=f"1-r{radius}",
        kind="duplicates",
        params={"radius": radius, "bits": BITS, "least_bits_set": LEAST_BITS},
        is_default=radius == DEFAULT_RADIUS,
    )


def duplicates_job(radius: int = DEFAULT_RADIUS) -> CollectionJob:
    """Return the job that finds the pairs of images within `radius` bits, at most 12 of 64.

    Pairs within at least 6 bits are written. Begun anew, it forgets what it found before. Of a
    run, `details` tells the pairs that were written, and images that are too `flat` to be
    compared. Raises ValueError for another radius.
    """
    model = model_of(radius)
    return CollectionJob(JOB, model, partial(find_pairs, radius=model.params["radius"]))


def find_pairs(run: CollectionRun, radius: int) -> None:
    """Find the pairs within `radius` bits that are not known yet; write them batch by batch."""
    run.details.update(flat=0, pairs=0)
    _forget(run)
    with run.timed("read"):
        images = _read(run.database, run.model_id)
    with run.timed("compute"):
        again = overtaken(images)
    if len(again):
        with run.timed("write"), run.database.begin() as connection:
            values = {"model_id": run.model_id, "ids": again.tolist()}
            connection.execute(_UNPAIR, values)
            connection.execute(_UNSEE, values)
        images = replace(images, seen=images.seen & ~np.isin(images.ids, again))
    pending = images.ids[~images.seen]
    if not len(pending):
        return
    with run.timed("compute"):
        found = pairs_to_write(images, radius)
    pending = pending[: run.limit]
    flat = set(images.ids[~images.seen & ~_tell(images.hashes)].tolist())
    run.tell(0, len(pending))
    flat_seen = pairs = 0
    for start in range(0, len(pending), BATCH):
        batch = pending[start : start + BATCH]
        first, last = np.searchsorted(found.owner, batch[[0, -1]] + (0, 1))
        rows = [
            {
                "image_id": lower,
                "other_id": higher,
                "distance": distance,
                "kind": "near" if distance else "exact",
            }
            for lower, higher, distance in zip(
                found.lower[first:last].tolist(),
                found.higher[first:last].tolist(),
                found.distance[first:last].tolist(),
                strict=True,
            )
        ]
        with run.timed("write"), run.database.begin() as connection:
            marked, written = write_pairs(connection, run, run.model_id, batch.tolist(), rows)
        flat_seen += len(flat.intersection(marked))
        pairs += written
        run.details.update(flat=flat_seen, pairs=pairs)
        run.tell(start + len(batch), len(pending))


def _forget(run: CollectionRun) -> None:
    """Delete what does not hold any more, or all where the run begins anew."""
    values = {"model_id": run.model_id}
    with run.timed("write"), run.database.begin() as connection:
        if run.redo:
            connection.execute(_UNPAIR_ALL, values)
            connection.execute(_UNSEE_ALL, values)
        connection.execute(_LET_GO, values)


def _read(database: Database, model_id: int) -> Images:
    parts: list[npt.NDArray[np.int64]] = [np.empty((0, 3), dtype=np.int64)]
    with database.begin() as connection:
        found = connection.execution_options(yield_per=PAGE).execute(
            _HASHES, {"model_id": model_id}
        )
        # Rows of a million images would be a gigabyte of Python objects.
        for page in found.partitions():
            parts.append(np.array([tuple(row) for row in page], dtype=np.int64))
    ids, hashes, seen = np.ascontiguousarray(np.concatenate(parts).T)
    return Images(ids, hashes.view(np.uint64), seen.astype(np.bool_))


def _tell(hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Tell which hashes say enough to be compared."""
    return np.bitwise_count(hashes) >= LEAST_BITS


def overtaken(images: Images) -> Indices:
    """Return the ids of seen images whose pairs are with an image that is no longer the first.

    That is so where an image of the same hash has a lower id and was not seen: ids are given
    before they are committed.
    """
    _, first, place = np.unique(images.hashes, return_index=True, return_inverse=True)
    return images.ids[images.seen & ~images.seen[first[place]] & _tell(images.hashes)]


def pairs_to_write(images: Images, radius: int) -> Found:
    """Return all pairs that have an image not seen yet, in the order of their owners."""
    tell = np.flatnonzero(_tell(images.hashes))
    hashes, seen, ids = images.hashes[tell], images.seen[tell], images.ids[tell]
    distinct, first, place = np.unique(hashes, return_index=True, return_inverse=True)

    copies = np.flatnonzero(~seen & (first[place] != np.arange(len(hashes))))
    pending = np.flatnonzero(~seen[first])
    near = near_pairs_of(distinct[pending], distinct, radius)
    one, other = first[pending[near.left]], first[near.right]
    # Where both are pending, the pair was found from both sides.
    once = (near.distance > 0) & (seen[other] | (one > other))
    one, other = one[once], other[once]

    lower = np.concatenate((first[place[copies]], np.minimum(one, other)))
    higher = np.concatenate((copies, np.maximum(one, other)))
    owner = np.concatenate((copies, one))
    distance = np.concatenate((np.zeros(len(copies), dtype=np.uint8), near.distance[once]))
    order = np.lexsort((higher, lower, owner))
    return Found(
        ids[lower[order]], ids[higher[order]], distance[order].astype(np.uint8), ids[owner[order]]
    )
