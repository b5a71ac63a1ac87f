"""A contact sheet of a queue: images of which models are not sure, with what is in doubt."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from analysis.contact_sheet import SheetWork, draw_sheet
from analysis.errors import NothingToShow
from analysis.labels.people.queue import Doubt
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import decode_rgb
from storage.objects import ObjectStore


def queue_sheet(store: ObjectStore, found: Sequence[Doubt], what: str = "") -> Image.Image:
    """Draw the images of a queue in its order; `what` says of which works they are.

    Below each is its work, and the labels that are in doubt. Pictures that cannot be read are left
    out. Raises NothingToShow where none can, and ObjectStoreUnavailable.
    """
    works = [work for doubt in found if (work := _loaded(store, doubt)) is not None]
    if not works:
        raise NothingToShow(
            "none of the pictures can be read: ask `artworks verify`, or leave --sheet away."
        )
    images = f"{len(works):,} image{'' if len(works) == 1 else 's'}"
    heading = f"{what or 'The collection'}: to be looked at"
    return draw_sheet(works, heading, f"{images}  ·  the least sure first")


def _loaded(store: ObjectStore, doubt: Doubt) -> SheetWork | None:
    try:
        picture = decode_rgb(store.get(doubt.preview_key))
    except (ObjectNotFound, ImageRejected):
        return None
    work = doubt.works[0] if doubt.works else None
    return SheetWork(
        picture=picture,
        title=""
        if work is None
        else f"{work.site}/{work.source_id} {' '.join(work.title.split())}",
        artist=f"{' or '.join(doubt.about)}?",
        date=None,
        colors=(),
        fractions=(),
    )
