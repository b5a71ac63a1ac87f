"""What the database holds against what an index holds.

PostgreSQL keeps with each row the transaction that wrote it (`xmin`). An index remembers it for
each of its vectors, so that an image that was embedded anew is told from one that was not, whoever
wrote the row and whenever it was committed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, text

from analysis.embeddings.stored import Ids
from analysis.registry.models import Model
from analysis.similarity.indexes.building import Positions

NOBODY: Final = -1
"""Id of a position whose image is gone or has moved to another position."""

# Sums tell apart what counts do not: one image instead of another. Whether works still show their
# images counts too, since it decides what may be found.
_FINGERPRINT = text("""
    SELECT concat_ws(' ', 'model', CAST(:model_id AS bigint), 'rows', e.rows, e.ids, e.written,
                     'shown', s.rows, s.ids, 'placeholders', p.rows)
    FROM (SELECT count(*) AS rows, coalesce(sum(image_id), 0) AS ids,
                 coalesce(sum(CAST(CAST(xmin AS text) AS bigint)), 0) AS written
          FROM image_embeddings WHERE model_id = :model_id) e,
         (SELECT count(image_id) AS rows, coalesce(sum(image_id), 0) AS ids
          FROM image_sources WHERE gone_at IS NULL) s,
         (SELECT count(*) AS rows FROM images WHERE placeholder) p
""")
# As `analysis.embeddings.stored` reads them.
_IS_SHOWN: Final = """NOT i.placeholder AND EXISTS (
    SELECT FROM image_sources s WHERE s.image_id = i.id AND s.gone_at IS NULL)"""
_ROWS: Final = """
    COPY (
        SELECT e.image_id, CAST(CAST(e.xmin AS text) AS bigint)
        FROM image_embeddings e {shown} WHERE e.model_id = {model_id} ORDER BY e.image_id
    ) TO STDOUT WITH (FORMAT binary)
"""
_IF_SHOWN: Final = f"JOIN images i ON i.id = e.image_id AND {_IS_SHOWN}"
_ROW: Final = np.dtype(
    [
        ("fields", ">i2"),
        ("id_length", ">i4"),
        ("id", ">i8"),
        ("written_length", ">i4"),
        ("written", ">i8"),
    ]
)
_HEADER: Final = 19
"""Bytes before the first row."""
_SHOWN = text(f"""
    SELECT i.id FROM images i WHERE i.id = ANY(:ids) AND {_IS_SHOWN} ORDER BY i.id
""")  # noqa: S608 - the constant above


@dataclass(frozen=True)
class Rows:
    """Rows of `image_embeddings` of one model: two arrays of one length."""

    ids: Ids
    """Images; in an index, by position, NOBODY where there is none."""
    written: Ids
    """The transactions that wrote their vectors."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Difference:
    """What is to be done to an index so that it holds what the database holds."""

    missing: Ids
    """Images to add, ascending: those that are not in the index, or with another vector."""
    stale: Positions
    """Positions to give up: of images that are gone, or have another vector."""

    def __bool__(self) -> bool:
        return bool(len(self.missing) or len(self.stale))


def fingerprint(connection: Connection, model: Model) -> str:
    """Return a text that changes with what an index of this model has to hold.

    It takes one look at each row, without the vectors.
    """
    return str(connection.execute(_FINGERPRINT, {"model_id": model.id}).scalar_one())


def stored_rows(connection: Connection, model: Model, *, shown: bool) -> Rows:
    """Return the rows of a model by ascending id; `shown`: of images that a work shows only.

    Without, it is several times as fast.
    """
    received = _Received()
    rows = _ROWS.format(model_id=int(model.id), shown=_IF_SHOWN if shown else "")
    cursor: Any = connection.connection.cursor()
    try:
        cursor.copy_expert(rows, received)
    finally:
        cursor.close()
    data = bytes(received.data)
    # Two bytes, -1, end the rows.
    count = max(0, len(data) - _HEADER - 2) // _ROW.itemsize
    found = np.frombuffer(data, _ROW, count=count, offset=_HEADER)
    return Rows(found["id"].astype(np.int64), found["written"].astype(np.int64))


def shown_of(connection: Connection, ids: Ids) -> Ids:
    """Return those images that a work shows and that stand in for no other, ascending."""
    found = connection.scalars(_SHOWN, {"ids": np.unique(ids).tolist()})
    return np.fromiter(found, dtype=np.int64)


def compare(held: Rows, stored: Rows) -> Difference:
    """Return how an index differs from the database."""
    in_use = np.flatnonzero(held.ids != NOBODY)
    order = in_use[np.argsort(held.ids[in_use])]
    ids = held.ids[order]
    place = np.searchsorted(stored.ids, ids)
    there = place < len(stored)
    there[there] = stored.ids[place[there]] == ids[there]
    same = there.copy()
    same[there] = stored.written[place[there]] == held.written[order[there]]
    missing = np.ones(len(stored), dtype=np.bool_)
    missing[place[same]] = False
    return Difference(stored.ids[missing], np.sort(order[~same]))


class _Received:
    """What COPY writes to."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, piece: bytes) -> None:
        self.data += piece
