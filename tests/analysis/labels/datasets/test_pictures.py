"""Pictures of a dataset, out of a real store."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from sqlalchemy import text

from analysis.errors import PictureMissing
from analysis.labels.dataset import Dataset, DatasetQuery
from analysis.labels.datasets.pictures import open_pictures
from storage.database import Database
from storage.errors import ExitCode
from storage.images import decode_rgb
from storage.objects import ObjectStore

AddWork = Callable[..., int]


def dataset_of(ids: Sequence[int]) -> Dataset:
    count = len(ids)
    return Dataset(
        query=DatasetQuery("style", "single"),
        classes=("one",),
        ids=np.array(ids, np.int64),
        sha256=tuple(f"{one:064x}" for one in ids),
        targets=np.ones((count, 1), np.uint8),
        weak=np.zeros(count, np.bool_),
        groups=np.arange(count),
        artists=np.arange(count),
        sites=("museum",) * count,
        artists_known=False,
    )


def preview_key(database: Database, image_id: int) -> str:
    with database.begin() as connection:
        statement = text("SELECT preview_key FROM images WHERE id = :id")
        return str(connection.scalar(statement, {"id": image_id}))


def test_previews_come_in_the_order_of_places(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    ids = [add_work(number, size=(600 + 40 * number, 300)) for number in range(6)]
    read = open_pictures(database, store, dataset_of(ids[::-1]))
    found = read([4, 0, 4])
    expected = [decode_rgb(store.get(preview_key(database, ids[at]))) for at in (1, 5, 1)]
    for picture, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(picture, other)
    assert max(found[0].shape) == 512
    assert read([]) == []


def test_what_cannot_be_read_is_told_with_the_cure(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    ids = [add_work(number) for number in range(3)]
    keys = [preview_key(database, image_id) for image_id in ids]
    store.delete(keys[0])
    store.put(keys[1], b"not a picture", content_type="image/jpeg")
    read = open_pictures(database, store, dataset_of([*ids, max(ids) + 1]))
    assert len(read([2])) == 1
    page = "museum/0, https://museum.example/0"
    with pytest.raises(PictureMissing) as missing:
        read([2, 0])
    assert str(missing.value).startswith(f"{keys[0]}, which image {ids[0]} ({page}) is learned")
    assert "run `artworks verify --repair`, `artworks failures --retry`" in str(missing.value)
    assert missing.value.exit_code == ExitCode.UNEXPECTED
    with pytest.raises(PictureMissing, match=r"cannot be decoded \(text_as_image: .*--full-hash"):
        read([1])
    with pytest.raises(PictureMissing, match=r"was taken out .* run the command again"):
        read([3])
