"""What is still to be done: the stored images that a model has not seen."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

from sqlalchemy import Connection, TextClause, text

from storage.database import Database

PAGE = 2000
"""Pending images that are fetched at once, about."""

# What no work shows any more, at no address, is left alone; its results stay. The limit keeps the
# planner from beginning with the addresses, which it takes for few while it has no statistics.
_SHOWN = """CROSS JOIN LATERAL (
    SELECT FROM image_sources s WHERE s.image_id = i.id AND s.gone_at IS NULL LIMIT 1) shown"""
_UNSEEN = """NOT EXISTS (
    SELECT FROM image_results r WHERE r.image_id = i.id AND r.model_id = {model})"""

_COUNT_IMAGES = text("SELECT count(*) FROM images")
_COUNT_SHOWN = text(f"SELECT count(*) FROM images i {_SHOWN}")  # noqa: S608 - as below
_COUNT_PENDING = text(f"""
    SELECT count(DISTINCT i.id) FROM images i {_SHOWN}, unnest(CAST(:model_ids AS bigint[])) m
    WHERE {_UNSEEN.format(model="m")}
""")  # noqa: S608 - the fragments are the constants above

# A page ends at a key, not after so many pending images, for the same reason: a query that stops
# early would be planned as if it went on to the end.
_END_OF_PAGE = text("""
    SELECT sha256 FROM images WHERE sha256 > :after ORDER BY sha256 OFFSET :images - 1 LIMIT 1
""")
_IMAGES = f"""
    SELECT i.id, i.sha256, i.object_key, i.preview_key, i.format, i.width, i.height, i.bytes
    FROM images i {_SHOWN}
    WHERE i.sha256 > :after AND (CAST(:until AS text) IS NULL OR i.sha256 <= :until)
"""  # noqa: S608 - the fragments are the constants above
_SHOWN_PAGE = text(f"{_IMAGES} ORDER BY i.sha256")
_PENDING_PAGE = text(f"{_IMAGES} AND {_UNSEEN.format(model=':model_id')} ORDER BY i.sha256")

_PROVEN = text("""
    SELECT m FROM unnest(CAST(:model_ids AS bigint[])) m
    WHERE EXISTS (SELECT FROM image_results r WHERE r.model_id = m AND r.state <> 'failed')
""")


@dataclass(frozen=True)
class PendingImage:
    """A stored image that some job has not seen yet."""

    id: int
    sha256: str
    object_key: str
    preview_key: str
    format: str
    """As in `images.format`."""
    width: int
    """Pixels of the original, upright."""
    height: int
    bytes: int
    """Of the original, encoded."""
    model_ids: frozenset[int]
    """The models that want it."""


def count_pending(database: Database, model_ids: Sequence[int], *, redo: bool) -> int:
    """Count images that one of the models has not seen; all images with `redo`."""
    with database.begin() as connection:
        if redo:
            return int(connection.execute(_COUNT_SHOWN).scalar_one())
        values = {"model_ids": list(model_ids)}
        return int(connection.execute(_COUNT_PENDING, values).scalar_one())


def pending_images(
    database: Database, model_ids: Sequence[int], *, redo: bool, page: int = PAGE
) -> Iterator[PendingImage]:
    """Yield images that one of the models has not seen, in the order of their keys.

    Fetched page by page, each in a transaction of its own, so that neither the list nor a
    transaction grows with the collection. Each model has pages of its own, which span the more keys
    the less is pending for it, so that nobody is asked often who has little to say.
    """
    if redo:
        yield from _pages(database, _SHOWN_PAGE, {}, frozenset(model_ids), page)
        return
    with database.begin() as connection:
        stored = int(connection.execute(_COUNT_IMAGES).scalar_one())
    of_models = []
    for model_id in model_ids:
        if pending := count_pending(database, (model_id,), redo=False):
            values, span = {"model_id": model_id}, page * max(1, stored // pending)
            of_models.append(_pages(database, _PENDING_PAGE, values, frozenset((model_id,)), span))
    key = attrgetter("sha256")
    for _, same in groupby(heapq.merge(*of_models, key=key), key):
        images = list(same)
        wanted = frozenset(model_id for image in images for model_id in image.model_ids)
        yield replace(images[0], model_ids=wanted)


def _pages(
    database: Database,
    query: TextClause,
    values: Mapping[str, int],
    model_ids: frozenset[int],
    span: int,
) -> Iterator[PendingImage]:
    """Yield the pending images of one key after the other, `span` stored images at a time."""
    after: str | None = ""
    while after is not None:
        with database.begin() as connection:
            keys = {"after": after, "images": span}
            until = connection.execute(_END_OF_PAGE, keys).scalar_one_or_none()
            found = connection.execute(query, {**values, "after": after, "until": until})
            rows = found.mappings().all()
        for row in rows:
            yield PendingImage(**row, model_ids=model_ids)
        after = until


def proven_models(connection: Connection, model_ids: Sequence[int]) -> frozenset[int]:
    """Return those models whose job has gone through on an image before."""
    return frozenset(connection.scalars(_PROVEN, {"model_ids": list(model_ids)}))
