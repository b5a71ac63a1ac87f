"""Vectors into the table `image_embeddings`, in PostgreSQL's binary COPY format.

As text, a vector of 1,280 numbers is a statement of 10 KB that both sides spell out; in binary it
is 2.6 KB that nobody looks at twice.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from pgvector import HalfVector
from sqlalchemy import Connection, text

ROWS_AT_ONCE: Final = 4096
"""Rows of one COPY: what is in memory does not grow with how many there are."""
_COPY: Final = (
    "COPY image_embeddings (image_id, model_id, embedding) FROM STDIN WITH (FORMAT binary)"
)
# The signature, no flags, no extension; and what ends the rows.
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"

# An image may be taken down while it is embedded: its vector has nowhere to go then.
_STILL_THERE = text("SELECT id FROM images WHERE id = ANY(:ids) ORDER BY id FOR KEY SHARE")
_FORGET = text("DELETE FROM image_embeddings WHERE model_id = :model_id AND image_id = ANY(:ids)")

Vector: TypeAlias = "npt.ArrayLike | HalfVector"
"""One vector: numbers, an array of them, or what pgvector makes of a row."""


def copy_embeddings(
    connection: Connection, model_id: int, ids: npt.ArrayLike, vectors: npt.ArrayLike
) -> int:
    """Write the vectors of images, in place of those that the model had; return how many.

    Images that have been taken down meanwhile are left out.

    Args:
        connection: in a transaction; all is written when that is committed.
        model_id: a model of kind `embedding`.
        ids: images, (n,) integers, none twice.
        vectors: (n, d) numbers, kept as 16-bit ones: rows of length 1, for searches by cosine.

    Raises ValueError for vectors that are not finite, or that do not fit the ids.
    """
    ids = np.asarray(ids, np.int64)
    vectors = np.asarray(vectors)
    if ids.ndim != 1 or vectors.ndim != 2 or len(ids) != len(vectors):
        raise ValueError(
            f"{ids.shape} ids of images do not fit vectors of shape {vectors.shape}: "
            "give one row of numbers for each."
        )
    if len(np.unique(ids)) < len(ids):
        raise ValueError("an image has two vectors: give each id once.")
    written = 0
    # By id, so that two writers cannot wait for each other.
    order = np.argsort(ids)
    for start in range(0, len(ids), ROWS_AT_ONCE):
        page = order[start : start + ROWS_AT_ONCE]
        values = {"model_id": model_id, "ids": ids[page].tolist()}
        there = page[np.isin(ids[page], list(connection.scalars(_STILL_THERE, values)))]
        connection.execute(_FORGET, values)
        copy_rows(connection, model_id, ids[there], vectors[there])
        written += len(there)
    return written


def copy_rows(
    connection: Connection, model_id: int, ids: npt.ArrayLike, vectors: npt.ArrayLike
) -> None:
    """Add rows that are not there yet, of images that are; see `copy_embeddings`."""
    ids = np.asarray(ids, np.int64)
    vectors = np.asarray(vectors)
    cursor: Any = connection.connection.cursor()
    try:
        for start in range(0, len(ids), ROWS_AT_ONCE):
            page = slice(start, start + ROWS_AT_ONCE)
            cursor.copy_expert(_COPY, io.BytesIO(packed(model_id, ids[page], vectors[page])))
    finally:
        cursor.close()


def packed(model_id: int, ids: npt.NDArray[np.int64], vectors: npt.NDArray[Any]) -> bytes:
    """Return rows as COPY reads them: the lengths of fields, and numbers with the high byte first.

    Raises ValueError for vectors that are not finite as 16-bit numbers.
    """
    dimensions = vectors.shape[1]
    with np.errstate(over="ignore"):
        halves = vectors.astype(">f2")
    finite = np.isfinite(halves).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"the vector of image {ids[np.argmin(finite)]} is not finite, or has numbers beyond "
            "±65,504: divide it by its length."
        )
    rows = np.empty(len(ids), row_format(dimensions, model=True))
    rows["fields"] = 3
    rows["id_length"] = rows["model_length"] = 8
    rows["id"] = ids
    rows["model"] = model_id
    rows["vector_length"] = 4 + 2 * dimensions
    rows["dimensions"] = dimensions
    rows["unused"] = 0
    rows["vector"] = halves
    return _HEADER + rows.tobytes() + _TRAILER


def row_format(dimensions: int, *, model: bool) -> np.dtype[np.void]:
    """Return how a row lies in the stream: the image, perhaps the model, and the vector."""
    of_model = [("model_length", ">i4"), ("model", ">i8")] if model else []
    return np.dtype(
        [
            ("fields", ">i2"),
            ("id_length", ">i4"),
            ("id", ">i8"),
            *of_model,
            ("vector_length", ">i4"),
            ("dimensions", ">i2"),
            ("unused", ">i2"),
            ("vector", ">f2", (dimensions,)),
        ]
    )


def stacked(vectors: Sequence[Vector]) -> npt.NDArray[np.float32]:
    """Return vectors of whatever kind as one array, (n, d) float32.

    Raises ValueError where they are not equally long.
    """
    plain = [vector.to_numpy() if isinstance(vector, HalfVector) else vector for vector in vectors]
    lengths = {len(np.atleast_1d(vector)) for vector in plain}
    if len(lengths) > 1:
        raise ValueError(
            f"vectors of one model have different lengths, {min(lengths)} and {max(lengths)}: "
            "a network gives as many numbers for each image."
        )
    return np.array(plain, np.float32)
