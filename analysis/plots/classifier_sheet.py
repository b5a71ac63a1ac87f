"""Pictures of which a classifier said something, in rows, with what it said below each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from analysis.colors.conversion import Bytes
from analysis.contact_sheet import GRAY, INK
from analysis.plots.figure import ACCENT, SECOND
from analysis.plots.lettering import BOLD, Canvas, Color, Type
from analysis.plots.page import ROOM, blank

COLUMNS: Final = 8
GAP: Final = 24
CELL: Final = (ROOM - (COLUMNS - 1) * GAP) // COLUMNS
HEIGHT: Final = 200
"""Height of a picture at most, in pixels."""
LINE: Final = 23
BELOW: Final = 34
HEAD: Final = 52

STRONG: Final = Type(16, BOLD)
PLAIN: Final = Type(15)
NAME: Final = Type(22, BOLD)
ROLES: Final[dict[str, tuple[Type, Color]]] = {
    "wrong": (STRONG, SECOND),
    "said": (STRONG, ACCENT),
    "title": (STRONG, INK),
    "plain": (PLAIN, GRAY),
}


@dataclass(frozen=True)
class Piece:
    """A picture with its lines."""

    picture: Bytes
    """(h, w, 3) uint8 sRGB."""
    lines: tuple[tuple[str, str], ...]
    """What is written below: one of ROLES, and the text."""


@dataclass(frozen=True)
class Row:
    """Pictures under one name, COLUMNS in a line."""

    name: str
    """Empty: they need none."""
    pieces: tuple[Piece, ...]


def draw_rows(rows: Sequence[Row]) -> Canvas:
    """Return rows of pictures, (h, ROOM, 3) uint8 sRGB; text that is too long is cut."""
    return np.vstack([part for row in rows for part in _draw_row(row)] or [blank(1, ROOM)])


def _draw_row(row: Row) -> list[Canvas]:
    parts: list[Canvas] = []
    if row.name:
        head = blank(HEAD, ROOM)
        NAME.draw(head, NAME.fit(row.name, ROOM), 0, 32, INK)
        parts.append(head)
    for start in range(0, len(row.pieces), COLUMNS):
        parts.append(_draw_line(row.pieces[start : start + COLUMNS]))
    return parts


def _draw_line(pieces: Sequence[Piece]) -> Canvas:
    high = max(_size(piece)[1] for piece in pieces)
    most = max(len(piece.lines) for piece in pieces)
    canvas = blank(high + 10 + LINE * most + BELOW, ROOM)
    for at, piece in enumerate(pieces):
        left = at * (CELL + GAP)
        wide, tall = _size(piece)
        picture = Image.fromarray(piece.picture).resize((wide, tall), Image.Resampling.LANCZOS)
        canvas[high - tall : high, left : left + wide] = np.asarray(picture)
        baseline = high + 10
        for role, text in piece.lines:
            baseline += LINE
            face, color = ROLES[role]
            face.draw(canvas, face.fit(text, CELL), left, baseline - 5, color)
    return canvas


def _size(piece: Piece) -> tuple[int, int]:
    """Return the width and height that a picture is drawn in."""
    height, width = piece.picture.shape[:2]
    scale = min(CELL / width, HEIGHT / height)
    return max(1, round(width * scale)), max(1, round(height * scale))
