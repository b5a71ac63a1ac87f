"""Writing what classifiers say of images; repeating it changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from analysis.labels.labelling.saying import Said
from storage.collection import as_json

# An image may be taken down meanwhile: its labels have nowhere to go then.
_STILL_THERE = text("SELECT id FROM images WHERE id = ANY(:ids) ORDER BY id FOR KEY SHARE")
# By the images' index: that of models holds all that the model has ever said.
_UNLABEL = text("DELETE FROM image_labels WHERE image_id = ANY(:ids) AND model_id + 0 = :model_id")
_LABEL = text("""
    INSERT INTO image_labels (image_id, model_id, head, label, score, accepted)
    SELECT image_id, :model_id, :head, label, score, accepted
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        image_id bigint, label text, score float8, accepted boolean)
""")
_UNJUDGE = text(
    "DELETE FROM image_outliers WHERE image_id = ANY(:ids) AND model_id + 0 = :model_id"
)
_JUDGE = text("""
    INSERT INTO image_outliers (image_id, model_id, score, is_outlier, label)
    SELECT image_id, :model_id, score, is_outlier, label
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        image_id bigint, score float8, is_outlier boolean, label text)
""")
_SEE = text("""
    INSERT INTO image_results (image_id, model_id, state)
    SELECT image_id, :model_id, state
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(image_id bigint, state text)
    ORDER BY image_id
    ON CONFLICT (image_id, model_id) DO UPDATE
    SET state = excluded.state, reason = NULL, attempts = image_results.attempts + 1, at = now()
""")


def still_there(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Return those of the images that are stored, and keep them until the transaction ends."""
    return set(connection.scalars(_STILL_THERE, {"ids": list(ids)}))


def write_said(
    connection: Connection, model_id: int, head: str, said: Mapping[int, Said]
) -> tuple[int, int]:
    """Replace what a model says of images, and note that it has seen them.

    Images that are gone are left out. Returns how many have labels, and how many have none.
    """
    there = still_there(connection, list(said))
    kept = {image_id: said[image_id] for image_id in sorted(there)}
    replace_labels(connection, model_id, head, kept)
    states = [
        {"image_id": image_id, "state": "done" if one.labels else "empty"}
        for image_id, one in kept.items()
    ]
    connection.execute(_SEE, {"model_id": model_id, "rows": as_json(states)})
    done = sum(bool(one.labels) for one in kept.values())
    return done, len(kept) - done


def replace_labels(
    connection: Connection, model_id: int, head: str, said: Mapping[int, Said]
) -> None:
    """Replace the labels of images, and how odd they are; all of them must be stored."""
    values = {"model_id": model_id, "ids": list(said)}
    labels = [
        {"image_id": image_id, **label._asdict()}
        for image_id, one in said.items()
        for label in one.labels
    ]
    connection.execute(_UNLABEL, values)
    connection.execute(_LABEL, {"model_id": model_id, "head": head, "rows": as_json(labels)})
    odd = [
        {
            "image_id": image_id,
            "score": one.oddness.score,
            "is_outlier": one.oddness.is_outlier,
            "label": f"{head}:{one.oddness.likeliest}",
        }
        for image_id, one in said.items()
        if one.oddness is not None
    ]
    connection.execute(_UNJUDGE, values)
    if odd:
        connection.execute(_JUDGE, {"model_id": model_id, "rows": as_json(odd)})
