"""Vectors as the table `image_embeddings` holds them, read in PostgreSQL's binary format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from analysis.errors import NoEmbeddings
from analysis.registry.models import Model, default_model, find_model

KIND: Final = "embedding"
"""Kind of the models whose rows are in `image_embeddings`."""

Ids: TypeAlias = npt.NDArray[np.int64]
"""Ids of images, (n,)."""
Vectors: TypeAlias = npt.NDArray[np.float32]
"""(n, d) float32, each row of length 1 but for the rounding to 16 bits."""

PAGE: Final = 4096
_HEADER: Final = 19
"""Bytes before the first row: signature, flags, and the length of an extension that is empty."""

# What no work shows any more and what stands in for a missing picture is of no use to people.
_ROWS: Final = """
    COPY (
        SELECT e.image_id, e.embedding
        FROM image_embeddings e JOIN images i ON i.id = e.image_id
        WHERE e.model_id = {model_id} AND NOT i.placeholder AND EXISTS (
            SELECT FROM image_sources s WHERE s.image_id = e.image_id AND s.gone_at IS NULL)
        ORDER BY e.image_id
    ) TO STDOUT WITH (FORMAT binary)
"""


@dataclass(frozen=True)
class Embeddings:
    """Images of one model, by ascending id."""

    model: Model
    ids: Ids
    vectors: Vectors

    def __len__(self) -> int:
        return len(self.ids)


def embedding_model(connection: Connection, label: str | None = None) -> Model:
    """Return the model NAME/VERSION or NAME, or the one that searches use by default.

    Raises NoSuchModel, and NoEmbeddings where nothing has been embedded yet or the model makes
    something else.
    """
    model = default_model(connection, KIND) if label is None else find_model(connection, label)
    if model is None:
        raise NoEmbeddings("no image has been embedded: run `artworks analyze embeddings`.")
    if model.kind != KIND:
        raise NoEmbeddings(
            f"{model.label} makes no embeddings but a {model.kind}: choose a model of kind "
            f"{KIND}, see `artworks models list`."
        )
    return model


def read_embeddings(connection: Connection, model: Model) -> Embeddings:
    """Read the vectors of all images that a work shows; there may be none."""
    pages = list(pages_of(connection, model))
    dimensions = int(model.params["dimensions"])
    if not pages:
        return Embeddings(model, np.empty(0, np.int64), np.empty((0, dimensions), np.float32))
    ids, vectors = zip(*pages, strict=True)
    return Embeddings(model, np.concatenate(ids), np.concatenate(vectors))


def pages_of(connection: Connection, model: Model) -> Iterator[tuple[Ids, Vectors]]:
    """Yield the vectors of all images that a work shows, at most PAGE at a time, by image id."""
    dimensions = int(model.params["dimensions"])
    sink = _Rows(dimensions)
    cursor: Any = connection.connection.cursor()
    try:
        cursor.copy_expert(_ROWS.format(model_id=int(model.id)), sink)
    finally:
        cursor.close()
    yield from sink.pages()


class _Rows:
    """What COPY writes to: rows of one length, since all vectors of a model have one."""

    def __init__(self, dimensions: int) -> None:
        self.row = np.dtype(
            [
                ("fields", ">i2"),
                ("id_length", ">i4"),
                ("id", ">i8"),
                ("vector_length", ">i4"),
                ("dimensions", ">i2"),
                ("unused", ">i2"),
                ("vector", ">f2", (dimensions,)),
            ]
        )
        self.received = bytearray()

    def write(self, data: bytes) -> None:
        self.received += data

    def pages(self) -> Iterator[tuple[Ids, Vectors]]:
        # Two bytes, -1, end the rows.
        count = max(0, len(self.received) - _HEADER - 2) // self.row.itemsize
        for start in range(0, count, PAGE):
            rows = np.frombuffer(
                self.received,
                self.row,
                count=min(PAGE, count - start),
                offset=_HEADER + start * self.row.itemsize,
            )
            yield rows["id"].astype(np.int64), rows["vector"].astype(np.float32)
