"""Contact sheets and palette strips."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from analysis import contact_sheet as sheets
from analysis.colors.conversion import hex_to_rgb
from analysis.colors.palette import extract_palette
from analysis.contact_sheet import SheetWork, contact_sheet, draw_sheet
from analysis.engine import run_jobs
from analysis.errors import NothingToShow
from analysis.plots.justified import justified_rows
from analysis.plots.lettering import Type
from analysis.plots.strip import palette_strip, strip_widths
from storage.database import Database
from storage.objects import ObjectStore

AddWork = Callable[..., int]

STYLES = ("colour field", "op art", "landscape")


def opened(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return image


def work(width: int, height: int, color: str = "#336699") -> SheetWork:
    rgb = hex_to_rgb(color)
    picture = np.full((height, width, 3), rgb, dtype=np.uint8)
    return SheetWork(picture, "A title", "Somebody", "1900", (rgb, (255, 0, 0)), (0.75, 0.25))


def test_a_sheet_of_the_collection(
    database: Database, store: ObjectStore, add_work: AddWork, tmp_path: Path
) -> None:
    for number in range(9):
        add_work(
            number,
            size=(640, 400 + 40 * number),
            title=f"Étude № {number} «Größe»",
            terms={"style": STYLES[number % 3]},
        )
    run_jobs(database, store, ["colors"])
    out = tmp_path / "new" / "sheet.png"
    png = contact_sheet(database, store, out=out)
    assert out.read_bytes() == png
    image = opened(png)
    assert image.width == sheets.WIDTH
    assert contact_sheet(database, store) == png


def test_styles_take_turns(database: Database, store: ObjectStore, add_work: AddWork) -> None:
    for number in range(20):
        style = STYLES[0] if number < 16 else STYLES[1] if number < 18 else STYLES[2]
        add_work(number, title=style, terms={"style": style, "category": "paintings"})
    with database.begin() as connection:
        rows = connection.execute(sheets._WORKS, {"site": None, "limit": 6}).all()
    assert sorted(row.title for row in rows) == sorted(2 * STYLES)


def test_missing_objects_make_room_for_other_works(
    database: Database, store: ObjectStore, add_work: AddWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        add_work(number)
    gone = next(iter(store.list("previews/")))
    store.delete(gone.key)
    shown: list[int] = []
    original = sheets.draw_sheet

    def counted(works: list[SheetWork], heading: str, counts: str) -> Image.Image:
        shown.append(len(works))
        return original(works, heading, counts)

    monkeypatch.setattr(sheets, "draw_sheet", counted)
    contact_sheet(database, store, limit=5)
    contact_sheet(database, store, limit=9)
    assert shown == [5, 5]


def test_headlines_count_what_is_shown(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    for number in range(3):
        add_work(number, artist=f"Artist {number % 2}", year=1900 + number)
    add_work(7, site="gallery", artist="Artist 0", year=1850)
    with database.begin() as connection:
        assert sheets._headlines(connection, None) == (
            "artworks",
            "4 works  ·  2 artists  ·  4 images  ·  2 sites  ·  1850–1902",
        )
        assert sheets._headlines(connection, "gallery") == (
            "gallery",
            "1 work  ·  1 artist  ·  1 image  ·  1850",
        )


@pytest.mark.parametrize("site", [None, "museum"])
def test_an_empty_collection_has_nothing_to_show(
    database: Database, store: ObjectStore, site: str | None
) -> None:
    with pytest.raises(NothingToShow, match="no stored images yet"):
        contact_sheet(database, store, site=site)


def test_frames_end_at_the_margins_and_strips_have_their_shares() -> None:
    works = [work(640, 400), work(300, 500), work(500, 500), work(900, 300), work(640, 480)] * 3
    pixels = np.asarray(draw_sheet(works, "h", "c"))
    ink = (pixels[sheets.MARGIN + 80 :] != np.array(sheets.PAPER)).any(axis=2)
    columns = np.flatnonzero(ink.any(axis=0))
    assert columns[0] == sheets.MARGIN
    assert columns[-1] in (sheets.WIDTH - sheets.MARGIN - 1, sheets.WIDTH - sheets.MARGIN)
    top = sheets.MARGIN + 80 + int(np.flatnonzero(ink[:, sheets.MARGIN])[0])
    column = pixels[top:, sheets.MARGIN]
    below = top + int(np.flatnonzero((column == np.array(sheets.PAPER)).all(axis=1))[0])
    row = pixels[below + sheets.STRIP_GAP, sheets.MARGIN : sheets.WIDTH // 2]
    blue = int(np.flatnonzero((row != np.array(hex_to_rgb("#336699"))).any(axis=1))[0])
    red = int(np.flatnonzero((row[blue:] != np.array((255, 0, 0))).any(axis=1))[0])
    assert blue == pytest.approx(3 * red, abs=3)


@pytest.mark.parametrize("shape", [(60, 900), (900, 60), (1, 1), (512, 512)])
def test_a_single_work_of_any_shape(shape: tuple[int, int]) -> None:
    image = draw_sheet([work(*shape)], "one", "1 work")
    assert image.width == sheets.WIDTH
    assert image.height < 900


@given(st.lists(st.floats(0.6, 2.6), min_size=1, max_size=60))
def test_rows_keep_the_order_and_fit(shapes: list[float]) -> None:
    rows = justified_rows(shapes, 1856, 235, 30)
    assert [at for row in rows for at in row] == list(range(len(shapes)))
    for row in rows if len(shapes) > 10 else []:
        height = (1856 - 30 * (len(row) - 1)) / sum(shapes[at] for at in row)
        assert 150 < height < 380


@given(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=9), st.integers(1, 2000))
def test_strip_widths_add_up(fractions: list[float], width: int) -> None:
    widths = strip_widths(fractions, width)
    assert sum(widths) == width
    assert min(widths) >= 0
    total = sum(fractions)
    assert all(
        abs(got - width * share / total) <= 1.0
        for got, share in zip(widths, fractions, strict=True)
    )


def test_the_strip_of_one_image() -> None:
    picture = np.full((200, 300, 3), hex_to_rgb("#c1272d"), dtype=np.uint8)
    picture[:, :75] = hex_to_rgb("#1f4e5f")
    image = np.asarray(palette_strip(picture, extract_palette(picture)))
    assert np.array_equal(image[:200], picture)
    strip = image[-1]
    assert tuple(strip[0]) == hex_to_rgb("#c1272d")
    assert tuple(strip[224]) == hex_to_rgb("#c1272d")
    assert tuple(strip[225]) == hex_to_rgb("#1f4e5f")


@pytest.mark.parametrize("text", ["Żółć gęślą jaźń", "Боярыня Морозова", "Ελένη", "山水図"])
def test_letters_of_many_scripts_are_drawn_apart(text: str) -> None:
    face = Type(24)
    drawn = set()
    for letter in dict.fromkeys(text.replace(" ", "")):
        canvas = np.full((40, 40, 3), 255, dtype=np.uint8)
        face.draw(canvas, letter, 4, 30, (0, 0, 0))
        drawn.add(canvas.tobytes())
    # A missing letter would be drawn as the same box as another one.
    assert len(drawn) == len(set(text.replace(" ", "")))


def test_text_is_cut_to_fit() -> None:
    face = Type(17)
    long = "The Raft of the Medusa, seen from a great distance"
    for width in (40, 120, 200, 300):
        cut = face.fit(long, width, ", 1819")
        assert face.width(cut) <= width
    assert face.fit("Short", 500) == "Short"
    assert face.fit(long, 200).endswith("…")
    assert face.fit(long, 200, ", 1819").endswith("…, 1819")
