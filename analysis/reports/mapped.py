"""The report `map`: the pictures of a collection where they lie on its map."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sqlalchemy import Connection

from analysis.colors.conversion import Bytes
from analysis.errors import NothingToShow
from analysis.plots.map_page import Name, Sheet, place_names, sheet_for
from analysis.plots.map_page import draw_map as map_picture
from analysis.plots.page import compose_page
from analysis.reports.archive import Picture
from analysis.reports.drawing import Drawn, Options, Sources
from analysis.reports.places import CLUSTER, UNASKED, Place, Places, read_map
from analysis.reports.query import counted
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import decode_rgb
from storage.objects import ObjectStore

READERS: Final = 4
"""Pictures that are read at once."""
ENOUGH: Final = 3
"""Names that a map has at least, where there is a choice."""


def draw_map(sources: Sources, options: Options) -> Drawn:
    """Draw the works of a query on the map; frames tell groups apart where `by` is given.

    Raises what `read_map` raises, NothingToShow where no work has what `by` asks for, and
    ObjectStoreUnavailable.
    """
    with sources.reading() as connection:
        places, sheet, names = _laid_out(connection, options)
    pictures = _read(sources.store, places.works, sheet.cell)
    shown = [
        work.sha256
        for work, picture in zip(places.works, pictures, strict=True)
        if picture is not None
    ]
    body = map_picture(sheet, pictures, places.groups, names, colored=options.by is not None)
    heading = str(options.query) or places.a_site or "The collection"
    if options.by is not None:
        heading += f": by {options.by}"
    page = compose_page(body, heading, _line(places), (_note(places, named=bool(names)),))
    return Drawn(
        (Picture("map", page),),
        counts={"works": places.of, "shown": len(places.works), "unplaced": places.unplaced},
        models=(places.model.label.replace("/", " ", 1),),
        settings={
            "by": options.by,
            "named_by": places.by if names else None,
            "embedding": places.model.params.get("embedding"),
            "columns": sheet.mosaic.columns,
            "rows": sheet.mosaic.rows,
        },
        images=tuple(dict.fromkeys(shown)),
    )


def _laid_out(connection: Connection, options: Options) -> tuple[Places, Sheet, list[Name]]:
    """Return the works, their grid, and names for its parts by what was asked for.

    Where nothing was, it is the first of UNASKED by which ENOUGH parts of the map can be named, or
    the one that names most.
    """
    found: list[tuple[Places, list[Name]]] = []
    sheet: Sheet | None = None
    for by in UNASKED if options.by is None else (options.by,):
        places = read_map(connection, options.query, by=by)
        sheet = sheet or sheet_for(places.positions)
        if options.by is not None and not any(places.groups):
            cure = "run `artworks analyze clusters`" if by == CLUSTER else "choose another --by"
            raise NothingToShow(f"none of these works has a {by}: {cure}.")
        found.append((places, place_names(sheet.mosaic, places.groups)))
        if len(found[-1][1]) >= ENOUGH:
            break
    assert sheet is not None
    places, names = max(found, key=lambda one: len(one[1]))
    return places, sheet, names


def _read(store: ObjectStore, works: Sequence[Place], side: int) -> list[Bytes | None]:
    def read(work: Place) -> Bytes | None:
        try:
            return decode_rgb(store.get(work.preview_key), size=side)
        except (ObjectNotFound, ImageRejected):
            return None

    with ThreadPoolExecutor(READERS) as readers:
        return list(readers.map(read, works))


def _line(places: Places) -> str:
    shown, every = len(places.works), counted(places.of, "work")
    return every if shown == places.of else f"{shown:,} of {every}"


def _note(places: Places, *, named: bool) -> str:
    parts = (
        "What lies together is alike to the network that looked at it; how far apart things are "
        "that do not lie together says little.",
        f"The name of a {places.by} stands where it is among itself." if named else "",
        "The works that are shown were drawn by lot." if len(places.works) < places.of else "",
        places.missing,
    )
    return " ".join(part for part in parts if part)
