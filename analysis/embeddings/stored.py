"""Vectors as the table `image_embeddings` holds them, read in PostgreSQL's binary format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from analysis.embeddings.copying import row_format
from analysis.errors import ModelChanged, NoEmbeddings
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
_END: Final = 2
"""Bytes after the last row."""

_COUNT = text("SELECT count(*) FROM image_embeddings WHERE model_id = :model_id")
_END_OF_PAGE = text("""
    SELECT image_id FROM image_embeddings WHERE model_id = :model_id AND image_id > :after
    ORDER BY image_id OFFSET :rows - 1 LIMIT 1
""")
# What no work shows any more and what stands in for a missing picture is of no use to people.
_SHOWN_PAGE: Final = """
    COPY (
        SELECT e.image_id, e.embedding
        FROM image_embeddings e JOIN images i ON i.id = e.image_id
        WHERE e.model_id = {model_id} AND e.image_id > {after} AND e.image_id <= {until}
          AND NOT i.placeholder AND EXISTS (
            SELECT FROM image_sources s WHERE s.image_id = e.image_id AND s.gone_at IS NULL)
        ORDER BY e.image_id
    ) TO STDOUT WITH (FORMAT binary)
"""
_SOME: Final = """
    COPY (
        SELECT e.image_id, e.embedding FROM image_embeddings e
        WHERE e.model_id = {model_id} AND e.image_id = ANY ('{{{ids}}}'::bigint[])
        ORDER BY e.image_id
    ) TO STDOUT WITH (FORMAT binary)
"""
_LAST: Final = 2**63 - 1


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
    """Read the vectors of all images that a work shows; there may be none.

    Needs the memory of the result and of one page. Raises ModelChanged as `pages_of` does.
    """
    # At most so many; few more where others write meanwhile.
    room = connection.scalar(_COUNT, {"model_id": model.id}) or 0
    ids = np.empty(room, np.int64)
    vectors = np.empty((room, _dimensions(model)), np.float32)
    filled = 0
    for page_ids, page_vectors in pages_of(connection, model):
        end = filled + len(page_ids)
        if end > len(ids):
            ids = np.concatenate([ids[:filled], np.empty(len(page_ids) + PAGE, np.int64)])
            more = np.empty((len(page_ids) + PAGE, vectors.shape[1]), np.float32)
            vectors = np.concatenate([vectors[:filled], more])
        ids[filled:end] = page_ids
        vectors[filled:end] = page_vectors
        filled = end
    return Embeddings(model, ids[:filled], vectors[:filled])


def pages_of(connection: Connection, model: Model) -> Iterator[tuple[Ids, Vectors]]:
    """Yield the vectors of all images that a work shows, at most PAGE at a time, by image id.

    One page is in memory at a time, and between pages the connection is free for other statements.
    Raises ModelChanged where vectors are not as long as the model says.
    """
    after = -_LAST
    while after < _LAST:
        values = {"model_id": model.id, "after": after, "rows": PAGE}
        # A page ends at a key, so that the planner knows how much it is.
        end = connection.scalar(_END_OF_PAGE, values)
        until = _LAST if end is None else int(end)
        shown = _SHOWN_PAGE.format(model_id=int(model.id), after=after, until=until)
        ids, vectors = _copied(connection, shown, model)
        if len(ids):
            yield ids, vectors
        after = until


def vectors_of(connection: Connection, model: Model, image_ids: Iterable[int]) -> Embeddings:
    """Read the vectors of those of the images that have one, whether a work shows them or not.

    Raises ModelChanged as `pages_of` does.
    """
    wanted = sorted({int(image_id) for image_id in image_ids})
    pages = [
        _copied(connection, _SOME.format(model_id=int(model.id), ids=_listed(page)), model)
        for page in (wanted[start : start + PAGE] for start in range(0, len(wanted), PAGE))
    ]
    ids = [np.empty(0, np.int64), *(page_ids for page_ids, _ in pages)]
    none = np.empty((0, _dimensions(model)), np.float32)
    vectors = [none, *(page_vectors for _, page_vectors in pages)]
    return Embeddings(model, np.concatenate(ids), np.concatenate(vectors))


def _listed(ids: Iterable[int]) -> str:
    return ",".join(str(image_id) for image_id in ids)


def _dimensions(model: Model) -> int:
    return int(model.params["dimensions"])


def _copied(connection: Connection, statement: str, model: Model) -> tuple[Ids, Vectors]:
    """Return what COPY sends: all rows are of one length, since all vectors of a model are."""
    received = _Received()
    cursor: Any = connection.connection.cursor()
    try:
        cursor.copy_expert(statement, received)
    finally:
        cursor.close()
    dimensions = _dimensions(model)
    row = row_format(dimensions, model=False)
    count, rest = divmod(len(received.data) - _HEADER - _END, row.itemsize)
    rows = np.frombuffer(received.data, row, count=count, offset=_HEADER)
    if rest or (rows["dimensions"] != dimensions).any():
        raise ModelChanged(
            f"{model.label} has vectors that are not {dimensions} numbers long, as its parameters "
            "say: run `artworks analyze embeddings --redo`."
        )
    return rows["id"].astype(np.int64), rows["vector"].astype(np.float32)


class _Received:
    """What COPY writes to."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> None:
        self.data += data
