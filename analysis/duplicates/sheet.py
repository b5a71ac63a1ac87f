"""A sheet of the groups of images that look the same, for judging them with one's own eyes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from analysis.contact_sheet import (
    CAPTION,
    COUNTS,
    GRAY,
    HEADING,
    INK,
    MARGIN,
    RULE,
    SHAPES,
    STRIP,
    STRIP_GAP,
    WIDTH,
    SheetWork,
    draw_work,
)
from analysis.duplicates.groups import Group
from analysis.errors import NothingToShow
from analysis.plots.lettering import BOLD, Canvas, Type
from analysis.plots.strip import PAPER
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import decode_rgb
from storage.objects import ObjectStore

HEIGHT = 210
"""Height of the pictures, in pixels."""
GAP = 12
GROUP_GAP = 56
LABEL = 34
MOST_PICTURES = 12
"""Pictures that are shown of one group; the others are counted."""

LABELS = Type(18, BOLD)
ROOM = WIDTH - 2 * MARGIN
BELOW = STRIP_GAP + STRIP + CAPTION


@dataclass(frozen=True)
class SheetGroup:
    """A group as it appears on a sheet: a line above, and its pictures side by side."""

    label: str
    works: tuple[SheetWork, ...]


def duplicate_sheet(
    store: ObjectStore, groups: Sequence[Group], heading: str, counts: str
) -> Image.Image:
    """Draw groups with their pictures side by side; returns an RGB image.

    Pictures that cannot be read are left out. Raises NothingToShow where no group has two that
    can, and ObjectStoreUnavailable.
    """
    loaded = [
        SheetGroup(_label(number, group, len(works)), works)
        for number, group in enumerate(groups, start=1)
        if len(works := tuple(_loaded(group, store))) > 1
    ]
    if not loaded:
        raise NothingToShow(
            "no two pictures of a group can be read: ask `artworks failures`, or leave --out away."
        )
    return draw_groups(loaded, heading, counts)


def draw_groups(groups: Sequence[SheetGroup], heading: str, counts: str) -> Image.Image:
    """Draw groups in lines below a heading and a line of counts; returns an RGB image."""
    lines = list(_lines([part for group in groups for part in _parts(group)]))
    top = MARGIN + 84
    canvas: Canvas = np.full(
        (top + len(lines) * (LABEL + HEIGHT + BELOW) + MARGIN // 2, WIDTH, 3), PAPER, dtype=np.uint8
    )
    HEADING.draw(canvas, HEADING.fit(heading, ROOM // 2), MARGIN, MARGIN + 34, INK)
    COUNTS.draw(canvas, counts, WIDTH - MARGIN - COUNTS.width(counts), MARGIN + 34, GRAY)
    canvas[MARGIN + 58 : MARGIN + 60, MARGIN : WIDTH - MARGIN] = RULE
    for line in lines:
        left = MARGIN
        for group in line:
            _draw_group(canvas, group, left, top)
            left += _width(group) + GROUP_GAP
        top += LABEL + HEIGHT + BELOW
    return Image.fromarray(canvas)


def _label(number: int, group: Group, shown: int) -> str:
    apart = "the same" if group.widest == 0 else f"up to {group.told(group.widest)} apart"
    further = len(group.images) - shown
    return f"{number}  ·  {apart}{f'  ·  {further:,} more' if further else ''}"


def _loaded(group: Group, store: ObjectStore) -> Iterator[SheetWork]:
    shown = 0
    for image in group.images:
        if shown == MOST_PICTURES:
            return
        try:
            picture = decode_rgb(store.get(image.preview_key))
        except (ObjectNotFound, ImageRejected):
            continue
        shown += 1
        work = image.works[0]
        yield SheetWork(
            picture=picture,
            title=" ".join(work.title.split()),
            artist=f"{work.site} · {work.artist or 'Unknown artist'}",
            date=group.told(image.distance) if image.distance else None,
            colors=(),
            fractions=(),
        )


def _span(work: SheetWork) -> int:
    return round(work.shape * HEIGHT)


def _width(group: SheetGroup) -> int:
    return sum(_span(work) + GAP for work in group.works) - GAP


def _parts(group: SheetGroup) -> Iterator[SheetGroup]:
    """Cut a group that is wider than the sheet."""
    assert SHAPES[1] * HEIGHT <= ROOM
    part: tuple[SheetWork, ...] = ()
    for work in group.works:
        if part and _width(replace(group, works=(*part, work))) > ROOM:
            yield replace(group, works=part)
            group, part = replace(group, label=""), ()
        part = (*part, work)
    yield replace(group, works=part)


def _lines(groups: Sequence[SheetGroup]) -> Iterator[list[SheetGroup]]:
    """Put as many groups in a line as fit."""
    line: list[SheetGroup] = []
    reached = 0
    for group in groups:
        if line and reached + _width(group) > ROOM:
            yield line
            line, reached = [], 0
        line.append(group)
        reached += _width(group) + GROUP_GAP
    yield line


def _draw_group(canvas: Canvas, group: SheetGroup, left: int, top: int) -> None:
    right = left + _width(group)
    LABELS.draw(canvas, LABELS.fit(group.label, right - left), left, top + 16, INK)
    canvas[top + 24 : top + 26, left:right] = INK
    for work in group.works:
        draw_work(canvas, work, left, left + _span(work), top + LABEL, HEIGHT)
        left += _span(work) + GAP
