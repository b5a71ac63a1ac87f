"""Sheets of works that are like a picture, and of two pictures side by side, with the reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image

from analysis.colors.conversion import hex_to_rgb, lab_to_rgb
from analysis.contact_sheet import CAPTION, GRAY, INK, STRIP, STRIP_GAP, SheetWork, draw_work
from analysis.errors import NothingToShow
from analysis.plots.justified import justified_rows
from analysis.plots.lettering import BOLD, Canvas, Type
from analysis.plots.page import ROOM, blank, compose_page, wrapped
from analysis.plots.strip import PAPER
from analysis.similarity.answers import Like, Likes
from analysis.similarity.bars import COLORS, bars_height, draw_bar, draw_bars, draw_key
from analysis.similarity.comparison import Comparison, closeness
from analysis.similarity.score import Part
from analysis.similarity.subjects import Subject, picture_of
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import decode_rgb
from storage.objects import ObjectStore

QUERY: Final = 430
"""Width of the column with what was asked for, in pixels."""
QUERY_HEIGHT: Final = 560
"""Most height of its picture."""
COLUMN_GAP: Final = 64
GAP: Final = 30
ROW_HEIGHT: Final = 215
ROW_GROWTH: Final = 1.35
"""How much higher than usual a row may get when few works must fill it."""
BELOW: Final = STRIP_GAP + STRIP + CAPTION
ROW_GAP: Final = 30
KEY: Final = 30

WORDS: Final = Type(34, BOLD)
TAG: Final = Type(14, BOLD)
NOTE: Final = Type(17)
LINES: Final = Type(22)
NAMES: Final = Type(22, BOLD)

PAIR_HEIGHT: Final = 620
"""Height of two pictures side by side, where they are not too wide for it."""
MADE_OF = {Part.MEANING: "of embeddings", Part.COLOR: "of palettes", Part.COMPOSITION: "of layouts"}


@dataclass(frozen=True)
class _Shown:
    """An answer as it appears on a sheet."""

    work: SheetWork
    like: Like


def likes_sheet(store: ObjectStore, likes: Likes) -> Image.Image:
    """Draw what was asked for, and beside it the answers, the nearest first, each with its bars.

    Pictures that cannot be read are left out. Raises NothingToShow where none of the answers can,
    and ObjectStoreUnavailable.
    """
    shown = list(_loaded(store, likes.answers))
    if not shown:
        raise NothingToShow(
            "none of the pictures that are alike can be read: ask `artworks verify`, or leave "
            "--out away."
        )
    left = QUERY + COLUMN_GAP
    room = ROOM - left
    rows = justified_rows([one.work.shape for one in shown], room, ROW_HEIGHT, GAP)
    heights = [_row_height([shown[at].work for at in row], room) for row in rows]
    bars = bars_height(_lines(likes))
    tall = sum(round(height) for height in heights) + len(rows) * (BELOW + bars + ROW_GAP)
    subject = _subject_work(store, likes.subject)
    body = blank(max(tall, _query_height(likes, subject)), ROOM)
    _draw_query(body, likes, subject)
    top = 0
    for row, height in zip(rows, heights, strict=True):
        edge = float(left)
        for at in row:
            right = edge + shown[at].work.shape * height
            _draw_like(body, shown[at], likes, (round(edge), round(right), top, round(height)))
            edge = right + GAP
        top += round(height) + BELOW + bars + ROW_GAP
    count = len(shown)
    line = f"{count:,} {'work' if count == 1 else 'works'}"
    if asked := str(likes.scope.query):
        line += f"  ·  {asked}"
    heading = f"Like “{likes.subject.title}”"
    return compose_page(body, heading, line)


def comparison_sheet(store: ObjectStore, comparison: Comparison) -> Image.Image:
    """Draw two pictures side by side with their palettes, and how far they are apart below.

    Raises NothingToShow where a picture cannot be read, and ObjectStoreUnavailable.
    """
    works = [_subject_work(store, one) for one in (comparison.first, comparison.second)]
    if any(work is None for work in works):
        raise NothingToShow(
            "one of the pictures cannot be read: ask `artworks verify`, or leave --out away."
        )
    pair = [work for work in works if work is not None]
    shapes = sum(work.shape for work in pair)
    height = round(min(PAIR_HEIGHT, (ROOM - COLUMN_GAP) / shapes))
    widths = [round(work.shape * height) for work in pair]
    room = max(sum(widths) + COLUMN_GAP, 1240)
    lines = len(comparison.parts) + 1
    body = blank(height + BELOW + 40 + 64 * lines, room)
    left = (room - sum(widths) - COLUMN_GAP) // 2
    for work, width in zip(pair, widths, strict=True):
        draw_work(body, work, left, left + width, 0, height)
        left += width + COLUMN_GAP
    _draw_parts(body, comparison, height + BELOW + 40)
    notes = [comparison.verdict, *(f"{note[0].upper()}{note[1:]}." for note in comparison.notes)]
    return compose_page(body, "Two pictures compared", _bits(comparison), notes)


def _bits(comparison: Comparison) -> str:
    if comparison.bits is None:
        return ""
    return f"perceptual hashes: {comparison.bits} of 64 bits apart"


def _draw_parts(body: Canvas, comparison: Comparison, top: int) -> None:
    room = body.shape[1]
    start, end = 220, min(room - 670, 220 + 620)
    whole = ("together", INK, comparison.distance, comparison.nearer, "by the weights")
    parts = [
        (part.value, COLORS[part], known.distance, known.nearer, MADE_OF[part])
        for part, known in comparison.parts.items()
    ]
    for name, color, distance, nearer, made_of in (whole, *parts):
        NAMES.draw(body, name, 0, top + 22, INK)
        draw_bar(body, distance, color, (start, top + 4, end, top + 26))
        of = "pairs of paintings" if comparison.pairs is None else "random pairs of the collection"
        meaning = made_of if nearer is None else f"{closeness(nearer)} of {of}"
        said = f"{distance:.2f}"
        NAMES.draw(body, said, end + 24, top + 22, INK)
        LINES.draw(body, LINES.fit(meaning, room - end - 110), end + 100, top + 22, GRAY)
        top += 64


def _row_height(works: Sequence[SheetWork], room: int) -> float:
    free = room - GAP * (len(works) - 1)
    return min(free / sum(work.shape for work in works), ROW_HEIGHT * ROW_GROWTH)


def _loaded(store: ObjectStore, answers: Sequence[Like]) -> Iterator[_Shown]:
    for like in answers:
        try:
            picture = decode_rgb(store.get(like.preview_key))
        except (ObjectNotFound, ImageRejected):
            continue
        work = like.works[0]
        yield _Shown(
            SheetWork(
                picture=picture,
                title=work.title,
                artist=work.artist,
                date=work.date,
                colors=tuple(hex_to_rgb(code) for code, _ in like.colors),
                fractions=tuple(share for _, share in like.colors),
            ),
            like,
        )


def _subject_work(store: ObjectStore, subject: Subject) -> SheetWork | None:
    picture = picture_of(store, subject)
    if picture is None:
        return None
    palette = subject.measured.palette
    rgb = [] if palette is None else lab_to_rgb(palette.lab).tolist()
    return SheetWork(
        picture=picture,
        title=subject.title,
        artist=subject.artist if subject.image_id is not None else "A file",
        date=subject.date,
        colors=tuple((int(r), int(g), int(b)) for r, g, b in rgb),
        fractions=() if palette is None else tuple(palette.shares.tolist()),
    )


def _query_height(likes: Likes, subject: SheetWork | None) -> int:
    height = 200 if subject is None else _fitted_height(subject) + BELOW
    return height + 30 + KEY * _lines(likes) + 130


def _fitted_height(work: SheetWork) -> int:
    return round(min(QUERY / work.shape, QUERY_HEIGHT))


def _draw_query(body: Canvas, likes: Likes, subject: SheetWork | None) -> None:
    if subject is None:
        top = 0
        for line in wrapped(f"“{likes.subject.title}”", WORDS, QUERY)[:4]:
            top += 46
            WORDS.draw(body, line, 0, top - 8, INK)
    else:
        height = _fitted_height(subject)
        draw_work(body, subject, 0, round(subject.shape * height), 0, height)
        top = height + BELOW
    top += 30
    keys = [
        (COLORS[part], f"{part}, counts {share:.0%}")
        for part, share in likes.weights.shares.items()
    ]
    if len(keys) > 1:
        keys.insert(0, (INK, "all together"))
    for color, name in keys:
        draw_key(body, color, name, 0, top)
        top += KEY
    top += 24
    said = "The shorter a bar, the closer; a full one is as far as two pictures drawn by lot."
    for line in wrapped(said, NOTE, QUERY):
        NOTE.draw(body, line, 0, top, GRAY)
        top += 24


def _draw_like(body: Canvas, shown: _Shown, likes: Likes, box: tuple[int, int, int, int]) -> None:
    left, right, top, height = box
    draw_work(body, shown.work, left, right, top, height)
    if shown.like.mark:
        tag = shown.like.mark
        width = min(TAG.width(tag) + 16, right - left)
        body[top : top + 24, left : left + width] = INK
        TAG.draw(body, TAG.fit(tag, width - 12), left + 8, top + 17, PAPER)
    parts = shown.like.parts
    bars = [
        (COLORS[part], parts[part].distance if part in parts else None)
        for part in likes.weights.shares
    ]
    if len(bars) > 1:
        bars.insert(0, (INK, shown.like.distance))
    draw_bars(body, bars, left, right, top + height + BELOW)


def _lines(likes: Likes) -> int:
    """Return how many bars an answer has: one for each part, and one for all together."""
    parts = len(likes.weights.shares)
    return parts if parts == 1 else parts + 1
