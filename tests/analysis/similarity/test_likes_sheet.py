"""Sheets: everything that was found is in them, wherever it fits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.databases import sql

from analysis.contact_sheet import INK, WIDTH
from analysis.engine import run_jobs
from analysis.errors import NothingToShow
from analysis.reports.drawing import Options
from analysis.reports.kinds import make_report
from analysis.similarity.bars import BAR, COLORS, draw_bar
from analysis.similarity.finding import Asked, compare_files, find_in
from analysis.similarity.measures import Measured
from analysis.similarity.score import Part, Weights
from analysis.similarity.sheet import comparison_sheet, likes_sheet
from storage.errors import UsageError

# mypy: disable-error-code="no-untyped-def"

LOOKS = Weights.parse("color=1,composition=1")


@pytest.fixture
def works(database, store, add_work) -> list[int]:
    sizes = [(96, 72), (60, 96), (300, 40), (96, 96)]
    ids = [add_work(number, size=size) for number, size in enumerate(sizes, start=1)]
    run_jobs(database, store, ["colors", "layout"])
    return ids


def pixels_of(picture: Image.Image, color: tuple[int, int, int]) -> int:
    return int((np.asarray(picture) == color).all(axis=-1).sum())


def test_bars_are_as_long_as_their_distance() -> None:
    canvas = np.zeros((BAR, 100, 3), np.uint8)
    draw_bar(canvas, 0.4, INK, (0, 0, 100, BAR))
    assert (canvas == INK).all(axis=-1).sum() == 40 * BAR


def test_the_sheet_shows_the_query_and_its_likes(database, store, works) -> None:
    with database.begin() as connection:
        likes = find_in(database, store, connection, Asked(said="museum/1", weights=LOOKS))
    assert len(likes.answers) == 3
    sheet = likes_sheet(store, likes)
    assert sheet.width == WIDTH
    # At least the keys of the two parts, and the bars of three works.
    assert pixels_of(sheet, COLORS[Part.COLOR]) > 34 * BAR
    assert pixels_of(sheet, COLORS[Part.COMPOSITION]) > 34 * BAR
    assert pixels_of(sheet, COLORS[Part.MEANING]) == 0
    sql(database, "UPDATE images SET preview_key = 'previews/none.jpg'")
    with database.begin() as connection:
        likes = find_in(database, store, connection, Asked(said="museum/1", weights=LOOKS))
    with pytest.raises(NothingToShow, match="none of the pictures that are alike can be read"):
        likes_sheet(store, likes)


def test_words_are_drawn_where_there_is_no_picture(database, store, works) -> None:
    from dataclasses import replace

    from analysis.similarity.subjects import Subject

    with database.begin() as connection:
        likes = find_in(database, store, connection, Asked(said="museum/1", weights=LOOKS))
    words = Subject("a ship on a calm sea", "a ship on a calm sea", Measured())
    drawn, empty = (
        likes_sheet(store, replace(likes, subject=replace(words, title=title)))
        for title in ("a ship on a calm sea", "i")
    )
    assert pixels_of(drawn, INK) > pixels_of(empty, INK)


def test_the_comparison_shows_both(store, works, database, tmp_path: Path) -> None:
    paths = []
    for at, image_id in enumerate(works[:2]):
        [row] = sql(database, "SELECT object_key FROM images WHERE id = :i", i=image_id)
        paths.append(tmp_path / f"{at}.jpg")
        paths[-1].write_bytes(store.get(row.object_key))
    sheet = comparison_sheet(store, compare_files(*paths, LOOKS))
    assert pixels_of(sheet, COLORS[Part.COLOR]) > 0
    assert pixels_of(sheet, COLORS[Part.MEANING]) == 0
    assert sheet.height < 1500


def test_the_report_is_about_one_work(database, store, works) -> None:
    from support.vectors import add_embeddings

    rng = np.random.default_rng(1)
    add_embeddings(database, {image_id: rng.normal(size=8) for image_id in works})
    report = make_report(database, store, "similar", Options(work="museum/2"))
    assert [picture.name for picture in report.pictures] == ["similar"]
    assert report.counts == {"works": 3}
    assert report.models[0] == "test-network 1"
    assert len(report.images) == 4
    with pytest.raises(UsageError, match="like which work"):
        make_report(database, store, "similar", Options())
    with pytest.raises(UsageError, match="is not in the collection"):
        make_report(database, store, "similar", Options(work="museum/9"))
