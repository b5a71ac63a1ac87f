"""Pairs into `image_duplicates`, and the images that were looked at into `image_results`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from analysis.runs import CollectionRun
from storage.collection import as_json

# An image may be taken down meanwhile: whoever was paired with it is looked at once more.
_STILL_THERE = text("SELECT id FROM images WHERE id = ANY(:ids) ORDER BY id FOR KEY SHARE")
_PAIRS = text("""
    INSERT INTO image_duplicates (image_id, other_id, model_id, distance, kind)
    SELECT image_id, other_id, :model_id, distance, kind
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        image_id bigint, other_id bigint, distance float8, kind text)
    ORDER BY image_id, other_id
    ON CONFLICT (image_id, other_id, model_id) DO UPDATE
    SET distance = excluded.distance, kind = excluded.kind
""")
_SEEN = text("""
    INSERT INTO image_results (image_id, model_id, state)
    SELECT image_id, :model_id, state
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(image_id bigint, state text)
    ORDER BY image_id
    ON CONFLICT (image_id, model_id) DO UPDATE SET state = excluded.state, at = now()
""")
_FOUND_LATER = text("""
    UPDATE image_results SET state = 'done'
    WHERE model_id = :model_id AND state = 'empty' AND image_id = ANY(:ids)
""")


def write_pairs(
    connection: Connection,
    run: CollectionRun,
    model_id: int,
    batch: Sequence[int],
    rows: Sequence[dict[str, Any]],
) -> tuple[list[int], int]:
    """Write pairs and mark the images of `batch` as seen, in one transaction.

    Args:
        connection: the transaction.
        run: counts the images.
        model_id: the model that found the pairs.
        batch: ids of images.
        rows: `image_id` < `other_id`, `distance` and `kind`.

    Returns the images that were marked, and the number of pairs that were written: where an image
    was taken down meanwhile, its pairs are not, and those that it was paired with are not marked.
    """
    ends = {row[end] for row in rows for end in ("image_id", "other_id")}
    there = set(connection.scalars(_STILL_THERE, {"ids": sorted(ends.union(batch))}))
    lost = [row for row in rows if not {row["image_id"], row["other_id"]} <= there]
    again = {row[end] for row in lost for end in ("image_id", "other_id")}
    rows = [row for row in rows if {row["image_id"], row["other_id"]} <= there]
    paired = {row[end] for row in rows for end in ("image_id", "other_id")}
    marked = [one for one in batch if one in there and one not in again]
    values = {"model_id": model_id}
    connection.execute(_PAIRS, {**values, "rows": as_json(rows)})
    seen = [{"image_id": one, "state": "done" if one in paired else "empty"} for one in marked]
    connection.execute(_SEEN, {**values, "rows": as_json(seen)})
    connection.execute(_FOUND_LATER, {**values, "ids": sorted(paired)})
    done = len(paired.intersection(marked))
    run.count(connection, done=done, empty=len(marked) - done)
    return marked, len(rows)
