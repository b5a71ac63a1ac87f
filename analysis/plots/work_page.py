"""A work as a plate: the picture, its palette beside it as high as the picture, and its labels."""

from __future__ import annotations

from itertools import accumulate, pairwise

import cv2
import numpy as np
from PIL import Image

from analysis.colors.conversion import Bytes
from analysis.contact_sheet import GRAY, INK, RULE
from analysis.plots.lettering import BOLD, Canvas, Type
from analysis.plots.page import blank, compose_page
from analysis.plots.spread import spread
from analysis.plots.strip import strip_widths
from analysis.reports.work import NamedColor, ShownWork

PICTURE = (1300, 1160)
"""Most width and height of the picture, in pixels."""
ENLARGED = 2.0
"""Most that a small picture is enlarged."""
LEAST_WIDTH = 1100
"""Width of the page without margins, at least: titles need room."""
GAP = 36
STRIP = 92
LEADER = 44
LABELS = 300
LABEL_HEIGHT = 66

NAME = Type(24, BOLD)
VALUE = Type(20)


def draw_work_page(work: ShownWork) -> Image.Image:
    """Return an RGB page of a work."""
    picture = _fitted(work.picture)
    height = max(picture.height, LABEL_HEIGHT * len(work.palette))
    content = picture.width + GAP + STRIP + LEADER + LABELS
    body = blank(height, max(content, LEAST_WIDTH))
    top = (height - picture.height) // 2
    body[top : top + picture.height, : picture.width] = np.asarray(picture)
    _draw_palette(body, work.palette, picture.width + GAP, height)
    made = ", ".join(part for part in (work.artist, work.date) if part)
    return compose_page(body, work.title or "Untitled", made, work.source)


def _fitted(rgb: Bytes) -> Image.Image:
    height, width = rgb.shape[:2]
    scale = min(PICTURE[0] / width, PICTURE[1] / height, ENLARGED)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS)


def _draw_palette(body: Canvas, palette: tuple[NamedColor, ...], left: int, height: int) -> None:
    heights = strip_widths([color.fraction for color in palette], height)
    edges = [0, *accumulate(heights)]
    middles = [(one + other) / 2 for one, other in pairwise(edges)]
    places = spread(middles, [LABEL_HEIGHT] * len(palette), 0, height)
    right = left + STRIP
    for color, (one, other), middle, place in zip(
        palette, pairwise(edges), middles, places, strict=True
    ):
        body[one:other, left:right] = color.rgb
        start, end = (right + 8, round(middle)), (right + LEADER - 10, round(place))
        cv2.line(body, start, end, GRAY, 1, cv2.LINE_AA)
        NAME.draw(body, NAME.fit(color.name, LABELS), right + LEADER, round(place) - 3, INK)
        value = f"{color.fraction:.1%}  {color.hex}"
        VALUE.draw(body, value, right + LEADER, round(place) + 24, GRAY)
    # White on paper has an edge, too.
    cv2.rectangle(body, (left, 0), (right - 1, height - 1), RULE, 1)
