"""Bars that show how far two pictures are apart, part by part: the shorter, the closer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from analysis.contact_sheet import GRAY, INK, RULE
from analysis.plots.lettering import Canvas, Color, Type
from analysis.similarity.score import Part

COLORS: Mapping[Part, Color] = MappingProxyType(
    {
        Part.MEANING: (31, 78, 121),
        Part.COLOR: (204, 121, 32),
        Part.COMPOSITION: (93, 138, 102),
    }
)
"""Blue, orange and green, told apart by those who do not see red or green."""

BAR: Final = 9
STEP: Final = 20
"""From the top of one bar to that of the next, in pixels."""
VALUES: Final = Type(14)
VALUE: Final = 40
"""Width of a value with the space before it."""
KEYS: Final = Type(17)


def bars_height(parts: int) -> int:
    """Return the height of so many bars in pixels."""
    return STEP * parts


def draw_bars(
    canvas: Canvas,
    bars: Sequence[tuple[Color, float | None]],
    left: int,
    right: int,
    top: int,
) -> None:
    """Draw a bar with its value for each colour and distance from `left` to `right`, in place.

    A full bar is a distance of 1; a part without a distance has a dash.
    """
    end = right - VALUE
    for color, distance in bars:
        draw_bar(canvas, distance or 0.0, color, (left, top, end, top + BAR))
        said = "–" if distance is None else f"{distance:.2f}"
        VALUES.draw(canvas, said, right - VALUES.width(said), top + BAR + 2, INK)
        top += STEP


def draw_bar(canvas: Canvas, distance: float, color: Color, box: tuple[int, int, int, int]) -> None:
    """Fill `box` (left, top, right, bottom) with `color` as far as `distance`, 0 to 1, in place."""
    left, top, right, bottom = box
    canvas[top:bottom, left:right] = RULE
    canvas[top:bottom, left : left + round(distance * (right - left))] = color


def draw_key(canvas: Canvas, color: Color, name: str, left: int, top: int) -> None:
    """Draw what a colour stands for, in place."""
    canvas[top + 3 : top + 3 + BAR, left : left + 34] = color
    KEYS.draw(canvas, name, left + 46, top + 14, GRAY)
