"""A sheet of odd works, each beside the three that it is nearest to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image

from analysis.contact_sheet import CAPTION, GRAY, INK, RULE, STRIP, STRIP_GAP, SheetWork, draw_work
from analysis.errors import NothingToShow
from analysis.outliers.methods import METHODS
from analysis.outliers.overview import OddImage, Outliers
from analysis.plots.lettering import BOLD, Canvas, Type
from analysis.plots.page import ROOM, blank, compose_page
from analysis.showing import ShowingWork
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import decode_rgb
from storage.objects import ObjectStore

HEIGHT: Final = 230
"""Height of the pictures at most, in pixels."""
ODD: Final = 320
"""Width of an odd picture at most."""
NEAR: Final = 168
"""Width of those beside it."""
GAP: Final = 16
BESIDE: Final = 36
CELL: Final = ODD + BESIDE + 3 * NEAR + 2 * GAP
HEAD: Final = 74
CELL_GAP: Final = 30
BELOW: Final = STRIP_GAP + STRIP + CAPTION

PLACE: Final = Type(21, BOLD)
SCORE: Final = Type(18)
REASON: Final = Type(17)


@dataclass(frozen=True)
class _Cell:
    """An odd work with its pictures."""

    odd: OddImage
    work: SheetWork
    near: tuple[SheetWork, ...]


def outlier_sheet(store: ObjectStore, found: Outliers, heading: str) -> Image.Image:
    """Draw the odd images, the oddest first, two in a row; returns an RGB page.

    Pictures that cannot be read are left out. Raises NothingToShow where none can, and
    ObjectStoreUnavailable.
    """
    cells = [cell for odd in found.found if (cell := _cell(store, odd)) is not None]
    if not cells:
        raise NothingToShow(
            "none of the odd pictures can be read: ask `artworks verify`, or leave --out away."
        )
    tall = HEAD + HEIGHT + BELOW
    rows = (len(cells) + 1) // 2
    body = blank(rows * (tall + CELL_GAP) - CELL_GAP, ROOM)
    for at, cell in enumerate(cells):
        row, column = divmod(at, 2)
        _draw(body, cell, at + 1, column * (ROOM - CELL), row * (tall + CELL_GAP))
    method = METHODS[found.method]
    return compose_page(
        body,
        heading,
        f"{found.outliers:,} of {found.images:,} images stand out",
        (
            f"By {method.name}: {method.what}; the percentage is that of images that are less odd. "
            "Beside each work are those that it is nearest to, with their cosine distance (usual "
            f"to the nearest: {found.usual_distance:.2f}).",
        ),
    )


def _cell(store: ObjectStore, odd: OddImage) -> _Cell | None:
    work = _loaded(store, odd.preview_key, odd.works, None)
    near = (_loaded(store, one.preview_key, one.works, one.distance) for one in odd.neighbors)
    return None if work is None else _Cell(odd, work, tuple(one for one in near if one is not None))


def _loaded(
    store: ObjectStore, key: str, works: Sequence[ShowingWork], distance: float | None
) -> SheetWork | None:
    try:
        picture = decode_rgb(store.get(key))
    except (ObjectNotFound, ImageRejected):
        return None
    title = " ".join(works[0].title.split()) if works else ""
    return SheetWork(
        picture=picture,
        title=title,
        artist=works[0].artist if works else None,
        date=None if distance is None else f"{distance:.2f}",
        colors=(),
        fractions=(),
    )


def _draw(canvas: Canvas, cell: _Cell, number: int, left: int, top: int) -> None:
    odd = cell.odd
    place = f"{number}  ·  {odd.percentile:.1f} %"
    PLACE.draw(canvas, place, left, top + 20, INK)
    compared = f"compared with {odd.label.replace(':', ' ')}" if odd.label else "compared with all"
    score = f"score {odd.score:.2f}  ·  {compared}"
    room = CELL - PLACE.width(place) - 24
    score = SCORE.fit(score, room)
    SCORE.draw(canvas, score, left + CELL - SCORE.width(score), top + 20, GRAY)
    canvas[top + 32 : top + 34, left : left + CELL] = INK if odd.is_outlier else RULE
    REASON.draw(canvas, REASON.fit(odd.why, CELL), left, top + 58, GRAY)
    top += HEAD
    _place(canvas, cell.work, left, ODD, top)
    for at, work in enumerate(cell.near):
        _place(canvas, work, left + ODD + BESIDE + at * (NEAR + GAP), NEAR, top)


def _place(canvas: Canvas, work: SheetWork, left: int, width: int, top: int) -> None:
    """Draw a picture as large as its box allows, at the bottom of the box."""
    wide = min(width, round(work.shape * HEIGHT))
    high = min(HEIGHT, round(wide / work.shape))
    draw_work(canvas, work, left, left + wide, top + HEIGHT - high, high)
