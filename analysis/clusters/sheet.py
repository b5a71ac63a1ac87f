"""Pictures of groups out of the object store: a row for each, or the works of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PIL import Image

from analysis.clusters.overview import Group, ShownWork
from analysis.colors.conversion import Bytes
from analysis.contact_sheet import SheetWork, draw_sheet
from analysis.errors import NothingToShow
from analysis.plots.cluster_sheet import SheetGroup, draw_groups
from analysis.plots.page import compose_page
from analysis.reports.query import counted
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import decode_rgb
from storage.objects import ObjectStore

PICTURES: Final = 12
"""Pictures of a group that a row may have room for."""
ROWS: Final = 12
"""Groups of a page."""


def groups_pages(
    store: ObjectStore, groups: Sequence[Group], heading: str, counts: str, *, rows: int = ROWS
) -> list[Image.Image]:
    """Draw a row for each group with its typical works, `rows` on a page; RGB images.

    Pictures that cannot be read are left out. Raises NothingToShow where none can be, and
    ObjectStoreUnavailable.
    """
    drawn = [_row(store, group) for group in groups]
    if not any(row.pictures for row in drawn):
        raise NothingToShow("no picture of any group can be read: ask `artworks verify`.")
    pages = [drawn[start : start + rows] for start in range(0, len(drawn), rows)]
    notes = (
        "Each group with its most typical works, those nearest to its centre first. Themes are "
        "terms that are said of its works more than of others. Cohesion is the mean cosine "
        "similarity of its works to its centre, 1 being the same.",
    )
    return [
        compose_page(draw_groups(page), heading, counts, notes if page is pages[-1] else ())
        for page in pages
    ]


def group_page(
    store: ObjectStore, group: Group, members: Sequence[tuple[ShownWork, float]]
) -> Image.Image:
    """Draw the works of one group; an RGB image. Raises NothingToShow, ObjectStoreUnavailable."""
    works = [
        SheetWork(
            picture=picture,
            title=work.title,
            artist=work.artist,
            date=work.date if share == 1.0 else f"{share:.0%}",
            colors=(),
            fractions=(),
        )
        for work, share in members
        if (picture := _picture(store, work)) is not None
    ]
    if not works:
        raise NothingToShow(
            f"no picture of group {group.cluster} can be read: ask `artworks verify`."
        )
    counts = f"{counted(group.size, 'image')}  ·  cohesion {group.cohesion:.2f}"
    return draw_sheet(works, f"{group.cluster}  ·  {group.name}", counts)


def _row(store: ObjectStore, group: Group) -> SheetGroup:
    found = (_picture(store, work) for work in group.typical[:PICTURES])
    counts = (
        counted(group.size, "image"),
        f"{group.share:.1%}",
        f"cohesion {group.cohesion:.2f}",
    )
    return SheetGroup(
        group.cluster,
        group.name,
        "  ·  ".join(counts),
        tuple(picture for picture in found if picture is not None),
        plain=group.theme is None,
    )


def _picture(store: ObjectStore, work: ShownWork) -> Bytes | None:
    try:
        return decode_rgb(store.get(work.preview_key))
    except (ObjectNotFound, ImageRejected):
        return None
