"""Works beside their augmented views, a row for each strength, captioned with what was drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from analysis.contact_sheet import GRAY, INK, MAKER, RULE, TITLE
from analysis.jobs import RGB
from analysis.plots.lettering import BOLD, Canvas, Type
from analysis.plots.page import ROOM, blank, wrapped

OWN: Final = 380
"""Width of the box of a work itself, in pixels …"""
HIGH: Final = 430
"""… and its height."""
BESIDE: Final = 44
GAP: Final = 18
HEIGHT: Final = 176
"""Height of views at most."""
NAME_LINE: Final = 34
LINE: Final = 18
BELOW: Final = 10
"""Between views and their captions."""
ROW_GAP: Final = 22
BLOCK_GAP: Final = 46
"""Between works, with a rule in the middle."""

NAME: Final = Type(20, BOLD)
STRENGTHS: Final = Type(16)
DRAWN: Final = Type(14)


@dataclass(frozen=True)
class SheetRow:
    """Views of one strength."""

    name: str
    strengths: str
    views: tuple[RGB, ...]
    drawn: tuple[str, ...]
    """What was done to each."""


@dataclass(frozen=True)
class SheetBlock:
    """A work with its views."""

    picture: RGB
    title: str
    maker: str
    """Who made it and when; may be empty."""
    rows: tuple[SheetRow, ...]
    """As many views in each."""


def draw_views(blocks: Sequence[SheetBlock]) -> Canvas:
    """Return works one below the other, (h, ROOM, 3) uint8 sRGB."""
    drawn = [_drawn(block) for block in blocks]
    canvas = blank(sum(len(one) + BLOCK_GAP for one in drawn) - BLOCK_GAP, ROOM)
    top = 0
    for one in drawn:
        if top:
            canvas[top - BLOCK_GAP // 2] = RULE
        canvas[top : top + len(one)] = one
        top += len(one) + BLOCK_GAP
    return canvas


def _drawn(block: SheetBlock) -> Canvas:
    left = OWN + BESIDE
    count = max(len(row.views) for row in block.rows)
    width = (ROOM - left - GAP * (count - 1)) // count
    captions = [[wrapped(said, DRAWN, width) for said in row.drawn] for row in block.rows]
    high = round(min(HEIGHT, width * block.picture.shape[0] / block.picture.shape[1]))
    tall = [NAME_LINE + high + BELOW + LINE * max(len(lines) for lines in row) for row in captions]
    canvas = blank(max(sum(tall) + ROW_GAP * (len(tall) - 1), HIGH + 60), ROOM)
    own = _fitted(block.picture, OWN, HIGH)
    canvas[: own.shape[0], : own.shape[1]] = own
    TITLE.draw(canvas, TITLE.fit(block.title, OWN), 0, own.shape[0] + 28, INK)
    MAKER.draw(canvas, MAKER.fit(block.maker, OWN), 0, own.shape[0] + 49, GRAY)
    top = 0
    for row, said, space in zip(block.rows, captions, tall, strict=True):
        NAME.draw(canvas, row.name, left, top + 18, INK)
        beside = left + NAME.width(row.name) + 16
        STRENGTHS.draw(canvas, STRENGTHS.fit(row.strengths, ROOM - beside), beside, top + 18, GRAY)
        for at, (view, lines) in enumerate(zip(row.views, said, strict=True)):
            x, y = left + at * (width + GAP), top + NAME_LINE
            small = _fitted(view, width, high)
            canvas[y : y + small.shape[0], x : x + small.shape[1]] = small
            for number, line in enumerate(lines, start=1):
                DRAWN.draw(canvas, line, x, y + high + BELOW + LINE * number - 4, GRAY)
        top += space + ROW_GAP
    return canvas


def _fitted(picture: RGB, width: int, height: int) -> RGB:
    """Return a picture as large as fits into a box."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = [max(1, round(side * scale)) for side in picture.shape[1::-1]]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)
