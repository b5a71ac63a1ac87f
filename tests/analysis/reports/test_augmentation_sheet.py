"""The report `augmentation`, drawn from a real database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from analysis.errors import NothingToShow
from analysis.labels.networks.augmentation import PRESETS
from analysis.plots.augmentation_sheet import SheetBlock, SheetRow, draw_views
from analysis.plots.page import ROOM
from analysis.reports.augmentation import VIEWS, WORKS
from analysis.reports.drawing import Options, Sources
from analysis.reports.kinds import make_report
from analysis.reports.query import Query
from storage.database import Database
from storage.errors import ImageRejected, UsageError
from storage.objects import ObjectStore

AddWork = Callable[..., int]


def test_a_few_works_in_views_of_each_strength(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    with pytest.raises(NothingToShow, match="crawl first"):
        make_report(database, store, "augmentation", Options())
    for number in range(WORKS + 2):
        add_work(number, size=(60, 40), terms={"style": "odd" if number % 2 else "even"})
    report = make_report(database, store, "augmentation", Options())
    assert report.counts == {"works": WORKS, "views": VIEWS}
    assert list(report.settings["augmentation"]) == ["light", "standard", "strong"]
    assert report.settings["augmentation"]["light"] == PRESETS["light"].as_dict()
    assert len(set(report.images)) == WORKS
    (picture,) = report.pictures
    again = make_report(database, store, "augmentation", Options())
    assert picture.image.tobytes() == again.pictures[0].image.tobytes()

    odd = make_report(database, store, "augmentation", Options(Query(terms=(("style", "odd"),))))
    assert odd.counts["works"] == (WORKS + 2) // 2
    # Pictures that cannot be read make room for others, as long as there are some.
    for sha256 in report.images:
        store.delete(f"previews/512/{sha256[:2]}/{sha256[2:4]}/{sha256}.jpg")
        store.delete(f"images/{sha256[:2]}/{sha256[2:4]}/{sha256}.jpg")
    left = make_report(database, store, "augmentation", Options())
    assert left.counts["works"] == 2
    assert not set(left.images) & set(report.images)


def test_one_work(
    database: Database, store: ObjectStore, add_work: AddWork, tmp_path: Path
) -> None:
    image_id = add_work(1, size=(60, 40), title="Under the Bridge")
    with Sources(database, store).reading() as connection:
        sha256 = connection.scalar(
            text("SELECT sha256 FROM images WHERE id = :id"), {"id": image_id}
        )
    by_name = make_report(database, store, "augmentation", Options(work="museum/1"))
    by_hash = make_report(database, store, "augmentation", Options(work=sha256))
    assert by_name.images == by_hash.images == (sha256,)
    assert by_name.pictures[0].image.tobytes() == by_hash.pictures[0].image.tobytes()

    file = tmp_path / "own.jpg"
    file.write_bytes(store.get(f"images/{sha256[:2]}/{sha256[2:4]}/{sha256}.jpg"))
    own = make_report(database, store, "augmentation", Options(work=str(file)))
    assert (own.images, own.counts["works"]) == ((), 1)
    file.write_bytes(b"words")
    with pytest.raises(ImageRejected, match="text_as_image"):
        make_report(database, store, "augmentation", Options(work=str(file)))
    with pytest.raises(UsageError, match=r'"museum/2" is no work .* no stored image and no file'):
        make_report(database, store, "augmentation", Options(work="museum/2"))
    with pytest.raises(UsageError, match="not both"):
        make_report(database, store, "augmentation", Options(Query(site="museum"), work="museum/1"))


def test_views_are_drawn_whole_and_captioned() -> None:
    red = np.full((40, 60, 3), (200, 0, 0), np.uint8)
    blue = np.full((40, 60, 3), (0, 0, 200), np.uint8)
    row = SheetRow("light", "flip", (blue, blue), ("mirrored", "turned +5°, " * 40))
    one = draw_views([SheetBlock(red, "A title", "Ada Möller", (row,))])
    assert one.shape[1] == ROOM
    assert (one == red[0, 0]).all(axis=2).sum() == 380 * 253
    views = (one == blue[0, 0]).all(axis=2)
    assert views.sum() == 2 * 176 * 264
    # Captions are lettered below the views, and break into lines that stay below theirs.
    below = one[34 + 176 + 10 :, 424:]
    assert (below < 200).any(axis=2).sum() > 500
    two = draw_views([SheetBlock(red, "A title", "", (row,))] * 2)
    assert two.shape[0] == 2 * one.shape[0] + 46
