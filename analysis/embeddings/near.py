"""The images nearest to a vector or to an image, found by PostgreSQL.

The searching itself is done by the function `images_near` of the database, described there, so
that SQL and the command line give the same answers. It goes by the model's index
(`analysis.embeddings.vector_index`), and computes all distances where there is none or where few
images fit.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from pgvector import HalfVector
from sqlalchemy import Connection, text

from analysis.embeddings.stored import vectors_of
from analysis.errors import NoEmbeddings, WrongSearch
from analysis.registry.models import Model

_TERM = text("SELECT id FROM terms WHERE kind = :kind AND name = :name")
_NEAR = text("""
    SELECT image_id, distance
    FROM images_near(CAST(:vector AS halfvec), :limit, :site, CAST(:terms AS bigint[]),
                     CAST(:exclude AS bigint[]), :model)
""")


def nearest(
    connection: Connection,
    model: Model,
    like: int | npt.ArrayLike,
    *,
    limit: int = 20,
    site: str | None = None,
    terms: Iterable[tuple[str, str]] = (),
    exclude: Iterable[int] = (),
) -> list[tuple[int, float]]:
    """Return the images nearest to `like`, by cosine distance (0 to 2), then by id.

    Only images that a work shows are found, and no placeholders.

    Args:
        connection: of a migrated database.
        model: a model of kind `embedding`.
        like: the id of an image, which is left out itself, or a vector of the model's length.
        limit: most images that are wanted.
        site: of works of this site only.
        terms: of works only that have all of these, each a kind and a name.
        exclude: ids of images that are not wanted.

    Raises NoEmbeddings where the image has no vector of the model, and WrongSearch for a vector of
    another length, a limit below 1 or a term that there is not.
    """
    if limit < 1:
        raise WrongSearch(f"{limit} images are wanted: give a number from 1.")
    left_out = {int(image_id) for image_id in exclude}
    if isinstance(like, int | np.integer):
        vector = _vector_of(connection, model, int(like))
        left_out.add(int(like))
    else:
        vector = _checked(model, like)
    values = {
        "vector": HalfVector(vector).to_text(),
        "limit": limit,
        "site": site,
        "terms": [_term(connection, kind, name) for kind, name in terms],
        "exclude": sorted(left_out),
        "model": model.id,
    }
    return [(row.image_id, row.distance) for row in connection.execute(_NEAR, values)]


def _vector_of(connection: Connection, model: Model, image_id: int) -> npt.NDArray[np.float32]:
    found = vectors_of(connection, model, [image_id])
    if not len(found):
        raise NoEmbeddings(
            f"image {image_id} has no embedding of {model.label}: run "
            "`artworks analyze embeddings`, or choose another image."
        )
    vector: npt.NDArray[np.float32] = found.vectors[0]
    return vector


def _checked(model: Model, like: npt.ArrayLike) -> npt.NDArray[np.float32]:
    vector = np.asarray(like, np.float32)
    wanted = (int(model.params["dimensions"]),)
    if vector.shape != wanted:
        raise WrongSearch(
            f"a vector of shape {vector.shape} was given, and those of {model.label} have "
            f"{wanted}: give one that the same model made."
        )
    if not np.isfinite(vector).all() or not vector.any():
        raise WrongSearch("the vector has no direction: give one that is finite and not zero.")
    return vector


def _term(connection: Connection, kind: str, name: str) -> int:
    found: int | None = connection.scalar(_TERM, {"kind": kind, "name": name})
    if found is None:
        raise WrongSearch(
            f'no work has the {kind} "{name}": see the table terms for those that do.'
        )
    return found
