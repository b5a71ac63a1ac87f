"""Groups of images that look the same, and the sheet that shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.databases import one, sql

from analysis.duplicates import sheet as sheets
from analysis.duplicates.groups import Groups, duplicate_groups
from analysis.duplicates.job import duplicates_job
from analysis.duplicates.sheet import duplicate_sheet
from analysis.engine import run_jobs
from analysis.errors import NothingToShow
from storage.database import Database
from storage.objects import ObjectStore, open_store

AddWork = Callable[..., int]

FAR = int.from_bytes(bytes.fromhex("e689996666999966"), "big", signed=True)


def look(database: Database, **options: Any) -> Groups:
    # The job reads no objects.
    nowhere = open_store("file:///nonexistent/objects")
    [found] = run_jobs(database, nowhere, [duplicates_job()])
    with database.begin() as connection:
        return duplicate_groups(connection, found.model_id, **{"radius": 6, **options})


def rehash(database: Database, image_id: int, phash: int) -> None:
    sql(database, "UPDATE images SET phash = :phash WHERE id = :id", phash=phash, id=image_id)


@pytest.fixture
def collection(database: Database, add_work: AddWork) -> dict[str, int]:
    """A chain of three, a pair on two sites, and one alone."""
    ids = {
        "first": add_work(1, title="Étude", artist="Ada Möller"),
        "next": add_work(2, title="Étude II"),
        "last": add_work(3),
        "here": add_work(4),
        "there": add_work(5, site="gallery"),
        "alone": add_work(6),
    }
    rehash(database, ids["first"], FAR)
    rehash(database, ids["next"], FAR ^ 0b1111)
    rehash(database, ids["last"], FAR ^ 0b1111_1111)
    rehash(database, ids["here"], ~FAR)
    rehash(database, ids["there"], ~FAR)
    return ids


def test_what_is_connected_is_one_group(database: Database, collection: dict[str, int]) -> None:
    found = look(database)
    assert (found.total, found.images) == (2, 5)
    chain, pair = found.groups
    assert [image.image_id for image in chain.images] == [
        collection[name] for name in ("first", "next", "last")
    ]
    assert [image.distance for image in chain.images] == [0, 4, 8]
    assert chain.widest == 8
    assert pair.widest == 0
    [work] = chain.images[0].works
    assert (work.site, work.source_id, work.title, work.artist, work.page_url) == (
        "museum",
        "1",
        "Étude",
        "Ada Möller",
        "https://museum.example/1",
    )


def test_a_smaller_radius_cuts_chains(database: Database, collection: dict[str, int]) -> None:
    assert [len(group.images) for group in look(database, radius=0).groups] == [2]


def test_groups_of_a_site_keep_the_images_of_others(
    database: Database, collection: dict[str, int]
) -> None:
    found = look(database, site="gallery")
    [group] = found.groups
    assert [image.works[0].site for image in group.images] == ["museum", "gallery"]
    assert look(database, site="elsewhere").total == 0


def test_limit_leaves_the_smaller_groups_out(
    database: Database, collection: dict[str, int]
) -> None:
    found = look(database, limit=1)
    assert [len(group.images) for group in found.groups] == [3]
    assert (found.total, found.images) == (2, 5)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE artworks SET gone_at = now() WHERE source_id = '5'",
        "UPDATE image_sources SET gone_at = now() WHERE url LIKE '%/5.jpg'",
        "DELETE FROM image_sources WHERE url LIKE '%/5.jpg'",
    ],
)
def test_what_is_shown_no_more_is_in_no_group(
    database: Database, collection: dict[str, int], change: str
) -> None:
    assert look(database).total == 2
    sql(database, change)
    assert look(database).total == 1
    assert one(database, "SELECT count(*) FROM image_duplicates") == 3


def test_nothing_is_alike(database: Database, add_work: AddWork) -> None:
    assert look(database) == Groups((), 0, 0)
    add_work(1)
    assert look(database) == Groups((), 0, 0)


def ink(sheet: Image.Image) -> np.ndarray:
    return (np.asarray(sheet) != np.array(sheets.PAPER)).any(axis=2)


def test_a_sheet_shows_each_group(
    database: Database, store: ObjectStore, collection: dict[str, int]
) -> None:
    groups = look(database).groups
    both = duplicate_sheet(store, groups, "Alike", "2 groups")
    single = duplicate_sheet(store, groups[1:], "Alike", "1 group")
    assert both.width == single.width == sheets.WIDTH
    # 640 × 480 pictures: three and two of them do not fit side by side, two do.
    line = sheets.LABEL + sheets.HEIGHT + sheets.BELOW
    assert both.height == single.height
    row = ink(single)[sheets.MARGIN + 84 + sheets.LABEL + 100]
    wide = round(640 / 480 * sheets.HEIGHT)
    expected = np.zeros(sheets.WIDTH, dtype=bool)
    for left in (sheets.MARGIN, sheets.MARGIN + wide + sheets.GAP):
        expected[left : left + wide] = True
    assert np.array_equal(row, expected)
    assert single.height == sheets.MARGIN + 84 + line + sheets.MARGIN // 2


def test_large_groups_are_cut_and_counted(
    database: Database,
    store: ObjectStore,
    add_work: AddWork,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(sheets.MOST_PICTURES + 3):
        rehash(database, add_work(number, size=(640, 250)), FAR)
    drawn: list[sheets.SheetGroup] = []
    monkeypatch.setattr(sheets, "_draw_group", lambda canvas, group, left, top: drawn.append(group))
    duplicate_sheet(store, look(database).groups, "Alike", "")
    assert sum(len(group.works) for group in drawn) == sheets.MOST_PICTURES
    assert drawn[0].label == "1  ·  the same  ·  3 more"
    assert {group.label for group in drawn[1:]} == {""}
    assert all(sheets._width(group) <= sheets.ROOM for group in drawn)


def test_pictures_that_cannot_be_read_are_left_out(
    database: Database, store: ObjectStore, collection: dict[str, int]
) -> None:
    chain, pair = look(database).groups
    store.delete(chain.images[0].preview_key)
    assert duplicate_sheet(store, [chain], "Alike", "").width == sheets.WIDTH
    store.put(pair.images[0].preview_key, b"no image", content_type="image/jpeg")
    with pytest.raises(NothingToShow, match="no two pictures of a group can be read"):
        duplicate_sheet(store, [pair], "Alike", "")
