"""Groups one below the other, each with its most typical pictures side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from analysis.colors.conversion import Bytes
from analysis.contact_sheet import GRAY, INK, MAT, RULE
from analysis.plots.lettering import BOLD, Canvas, Type
from analysis.plots.page import ROOM, blank

HEIGHT = 180
"""Height of the pictures, in pixels, …"""
HEIGHTS = (150, 215)
"""… and how low and high they may get to fill a row."""
GAP = 10
LABEL = 50
ROW_GAP = 40
SHAPES = (0.5, 2.2)
"""Width : height of frames; a picture beyond is shown whole, in the middle of its frame."""

NUMBER = Type(30, BOLD)
THEME = Type(26, BOLD)
COUNTS = Type(19)
NUMBERS = 56
"""Room for the number of a group."""


@dataclass(frozen=True)
class SheetGroup:
    """A group as it appears on a sheet."""

    number: int
    theme: str
    counts: str
    pictures: tuple[Bytes, ...]
    """(h, w, 3) uint8 sRGB, the most typical first."""
    plain: bool = False
    """Whether its theme is none, which is said more quietly."""


def draw_groups(groups: Sequence[SheetGroup]) -> Canvas:
    """Return groups as rows, (h, ROOM, 3) uint8 sRGB; each shows as many pictures as fill it."""
    rows = [_fitting(group.pictures) for group in groups]
    tops = np.cumsum([0, *(LABEL + height + ROW_GAP for _, height in rows)])
    canvas = blank(int(tops[-1]) - ROW_GAP, ROOM)
    for group, (pictures, height), top in zip(groups, rows, tops.tolist(), strict=False):
        NUMBER.draw(canvas, str(group.number), 0, top + 30, INK)
        counted = COUNTS.width(group.counts)
        left = max(NUMBERS, NUMBER.width(str(group.number)) + 20)
        color = GRAY if group.plain else INK
        THEME.draw(
            canvas, THEME.fit(group.theme, ROOM - left - counted - 40), left, top + 29, color
        )
        COUNTS.draw(canvas, group.counts, ROOM - counted, top + 29, GRAY)
        canvas[top + 42 : top + 43] = RULE
        _draw_pictures(canvas, pictures, top + LABEL, height)
    return canvas


def _shape(picture: Bytes) -> float:
    return float(min(max(picture.shape[1] / picture.shape[0], SHAPES[0]), SHAPES[1]))


def _fitting(pictures: Sequence[Bytes]) -> tuple[Sequence[Bytes], int]:
    """Return as many pictures as fill a row best, and the height at which they do."""
    heights = [
        (ROOM - GAP * (count - 1)) / sum(_shape(picture) for picture in pictures[:count])
        for count in range(1, len(pictures) + 1)
    ]
    if not heights:
        return (), round(HEIGHTS[0])
    count = min(range(len(heights)), key=lambda at: abs(heights[at] - HEIGHT)) + 1
    return pictures[:count], round(min(max(heights[count - 1], HEIGHTS[0]), HEIGHTS[1]))


def _draw_pictures(canvas: Canvas, pictures: Sequence[Bytes], top: int, height: int) -> None:
    edge = 0.0
    for picture in pictures:
        left, edge = round(edge), edge + _shape(picture) * height + GAP
        # Edges are rounded together, so that full rows end at the margin.
        right = min(round(edge - GAP), ROOM)
        frame = canvas[top : top + height, left:right]
        image = Image.fromarray(picture)
        if _shape(picture) == picture.shape[1] / picture.shape[0]:
            image = image.resize((right - left, height), Image.Resampling.LANCZOS)
        else:
            frame[:] = MAT
            image.thumbnail((right - left, height), Image.Resampling.LANCZOS)
        x, y = (right - left - image.width) // 2, (height - image.height) // 2
        frame[y : y + image.height, x : x + image.width] = np.asarray(image)
