"""A sheet of images that a search by colour found, each with its palette."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from analysis.colors.conversion import hex_to_rgb
from analysis.colors.search import FoundImage
from analysis.contact_sheet import HEADING, MARGIN, SheetWork, draw_sheet
from analysis.errors import NothingToShow
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import decode_rgb
from storage.objects import ObjectStore

CHIP = 40
"""Side of the squares that show what was asked for, in pixels."""
CHIP_GAP = 8


def color_sheet(
    store: ObjectStore,
    images: Sequence[FoundImage],
    hexes: Sequence[str],
    heading: str,
    counts: str,
) -> Image.Image:
    """Draw images in rows, the best first; `hexes` are shown beside the heading.

    Below each picture are its palette, its work, and the share that matches. Pictures that cannot
    be read are left out. Raises NothingToShow where none can, and ObjectStoreUnavailable.
    """
    works = list(_loaded(images, store))
    if not works:
        raise NothingToShow(
            "none of the pictures that were found can be read: ask `artworks failures`, or leave "
            "--out away."
        )
    canvas = np.asarray(draw_sheet(works, heading, counts)).copy()
    left = MARGIN + HEADING.width(heading) + 3 * CHIP_GAP
    for color in hexes:
        canvas[MARGIN + 2 : MARGIN + 2 + CHIP, left : left + CHIP] = hex_to_rgb(color)
        left += CHIP + CHIP_GAP
    return Image.fromarray(canvas)


def _loaded(images: Sequence[FoundImage], store: ObjectStore) -> Iterator[SheetWork]:
    for image in images:
        try:
            picture = decode_rgb(store.get(image.preview_key))
        except (ObjectNotFound, ImageRejected):
            continue
        work = image.works[0]
        shares = " + ".join(f"{100 * match.share:.0f}" for match in image.matches)
        yield SheetWork(
            picture=picture,
            title=" ".join(work.title.split()),
            artist=work.artist,
            date=f"{shares} %",
            colors=tuple(hex_to_rgb(color.hex) for color in image.palette),
            fractions=tuple(color.fraction for color in image.palette),
        )
