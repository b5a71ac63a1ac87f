"""A page: a heading with a line of counts above a picture, and notes below it."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from analysis.contact_sheet import COUNTS, GRAY, HEADING, INK, MARGIN, RULE, WIDTH
from analysis.plots.lettering import Canvas, Type
from analysis.plots.strip import PAPER

ROOM = WIDTH - 2 * MARGIN
"""Width between the margins, in pixels."""
HEAD = 96
"""Height of the heading with its rule and the space below, without the margin above."""
NOTE_LINE = 30
NOTES = Type(18)


def blank(height: int, width: int = WIDTH) -> Canvas:
    """Return empty paper, (height, width, 3) uint8 sRGB."""
    return np.full((height, width, 3), PAPER, dtype=np.uint8)


def compose_page(
    body: Canvas, heading: str, counts: str = "", notes: Sequence[str] = ()
) -> Image.Image:
    """Return `body`, (h, w, 3) uint8, as an RGB page with a heading, counts and notes.

    The page is as wide as the body and a margin on either side.
    """
    room = body.shape[1]
    right = MARGIN + room
    lines = [line for note in notes for line in wrapped(note, NOTES, room)]
    below = 24 + NOTE_LINE * len(lines) if lines else 0
    top = MARGIN + HEAD
    canvas = blank(top + body.shape[0] + below + MARGIN, room + 2 * MARGIN)
    counts = COUNTS.fit(counts, room // 2)
    free = room - (COUNTS.width(counts) + 60 if counts else 0)
    HEADING.draw(canvas, HEADING.fit(heading, free), MARGIN, MARGIN + 34, INK)
    COUNTS.draw(canvas, counts, right - COUNTS.width(counts), MARGIN + 34, GRAY)
    canvas[MARGIN + 58 : MARGIN + 60, MARGIN:right] = RULE
    canvas[top : top + body.shape[0], MARGIN:right] = body
    baseline = top + body.shape[0] + 24
    for line in lines:
        baseline += NOTE_LINE
        NOTES.draw(canvas, line, MARGIN, baseline - 10, GRAY)
    return Image.fromarray(canvas)


def wrapped(text: str, face: Type, width: int) -> list[str]:
    """Break `text` at spaces into lines of at most `width` pixels; longer words are cut."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and face.width(longer) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [face.fit(part, width) for part in (*lines, line) if part]


def as_png(image: Image.Image) -> bytes:
    """Return the PNG of an image; equal pixels give equal bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
