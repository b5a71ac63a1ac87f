"""What was taken down stays down: outcomes that would bring it back are refused."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from crawler.frontier.session import LedgerSession
from crawler.items import ArtworkItem, FailureItem, ImageItem, Item, ListingItem
from storage.errors import ObjectStoreUnavailable
from storage.forgotten import Takedowns, hold_off_takedowns, takedowns
from storage.inheritance import settled_makers, told_in
from storage.objects import ObjectStore

logger = logging.getLogger(__name__)

_TOMBSTONES = text("""
    SELECT id FROM frontier WHERE id = ANY(:ids) AND jsonb_exists(meta, 'forgotten')
""")
_BURY = text("""
    UPDATE frontier
    SET meta = jsonb_build_object('forgotten', CAST(:number AS bigint)), artwork_id = NULL,
        image_id = NULL, etag = NULL, last_modified = NULL
    WHERE id = :id
""")


@dataclass(frozen=True, slots=True)
class Screened:
    """What is left to record of a batch.

    `refused` are the numbers of what was taken down, by the rows that led there; `objects` the keys
    under which image workers have put bytes that may not be stored.
    """

    items: list[Item]
    refused: Mapping[int, int]
    objects: Sequence[str]


class TakedownGuard:
    """Keeps what was taken down out of the collection.

    A batch is screened before anything else in its transaction, and until that ends nothing can be
    taken down. So either the batch comes first, and goes with the rest; or it is refused.
    """

    def __init__(self, session: LedgerSession, store: ObjectStore | None) -> None:
        self._session = session
        self._store = store

    def screen(self, connection: Connection, items: Sequence[Item]) -> Screened:
        """Leave out what belongs to rows that were taken down, and refuse what may not come back.

        Outcomes of a row that was taken down while it was leased are dropped: it is settled.
        """
        hold_off_takedowns(connection)
        ids = [item.lease.id for item in items]
        buried = set(connection.execute(_TOMBSTONES, {"ids": ids}).scalars())
        known = takedowns(
            connection,
            self._session.site,
            source_ids=[i.record["source_id"] for i in items if isinstance(i, ArtworkItem)],
            name_keys=[key for item in items for key, _ in _people(item)],
            hashes=[i.stored["sha256"] for i in items if isinstance(i, ImageItem) and i.stored],
        )
        kept: list[Item] = []
        refused: dict[int, int] = {}
        objects: list[str] = []
        for item in items:
            number = _number(item, known)
            if isinstance(item, ImageItem) and item.stored and number is not None:
                objects += {item.stored["object_key"], item.stored["preview_key"]}
            if item.lease.id in buried:
                continue
            if number is None:
                kept.append(item)
                continue
            refused[item.lease.id] = number
            kept.append(_refusal(item, number))
        return Screened(kept, refused, objects)

    def bury(self, connection: Connection, screened: Screened, held: Collection[int]) -> None:
        """Make tombstones of the rows of what was refused, and delete bytes that were put already.

        The transaction that is open keeps the bytes from being allowed again meanwhile. `held` are
        the rows that this worker still has the lease of.
        """
        for row, number in sorted(screened.refused.items()):
            if row in held:
                connection.execute(_BURY, {"id": row, "number": number})
        for key in screened.objects:
            self._delete(key)

    def _delete(self, key: str) -> None:
        if self._store is None:
            return
        try:
            self._store.delete(key)
        except ObjectStoreUnavailable as error:
            logger.warning(
                "%s was taken down and is still stored (%s): run `artworks verify --repair`",
                key,
                error,
            )


def _number(item: Item, known: Takedowns) -> int | None:
    """Return under which number what an outcome brings was taken down; None: it was not."""
    if isinstance(item, FailureItem):
        return None
    if known.site is not None:
        return known.site
    if isinstance(item, ArtworkItem):
        people = [{"name_key": key, "birth_year": year} for key, year in _people(item)]
        return known.of_work(item.record["source_id"], people)
    if isinstance(item, ListingItem):
        found = (known.of_artist(key, year) for key, year in _people(item))
        return next((number for number in found if number is not None), None)
    if isinstance(item, ImageItem) and item.stored:
        return known.of_image(item.stored["sha256"])
    return None


def _people(item: Item) -> Iterator[tuple[str, int | None]]:
    """Yield name_key and year of birth of those whom an outcome brings."""
    if isinstance(item, ArtworkItem):
        told = told_in(item.lease.meta)
        for maker in settled_makers(item.record["artists"], told):
            yield maker["name_key"], maker.get("birth_year")
    elif isinstance(item, ListingItem) and (artist := item.told_of) and artist.get("name_key"):
        yield artist["name_key"], artist.get("birth_year")


def _refusal(item: Item, number: int) -> FailureItem:
    return FailureItem(
        lease=item.lease,
        answer=item.answer,
        stage="store",
        reason="forgotten",
        detail=f"taken down as number {number}: `artworks forget --undo {number}` allows it again",
        retryable=False,
        skipped=True,
    )
