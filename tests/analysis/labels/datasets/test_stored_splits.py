"""Splits that are kept measure on the same images again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.databases import one, sql

from analysis.errors import NothingToTrain, WrongDataset
from analysis.labels.dataset import Dataset, DatasetQuery
from analysis.labels.datasets.reading import read_dataset
from analysis.labels.datasets.splitting import draw_split, given_split
from analysis.labels.datasets.stored_splits import load_split, store_split
from storage.database import Database
from tests.analysis.labels.works import Work, alike, store_works


def works(count: int = 30, start: int = 0, site: str = "museum") -> list[Work]:
    return [
        Work(start + at, terms=(f"style={'ab'[at % 2]}", "genre=x"), site=site)
        for at in range(count)
    ]


def read(database: Database, head: str = "style", site: str | None = None) -> Dataset:
    with database.begin() as connection:
        return read_dataset(connection, DatasetQuery(head, "single", min_support=2, site=site))


def test_a_split_comes_back_as_it_was(database: Database) -> None:
    store_works(database, *works())
    dataset = read(database)
    split = draw_split(dataset, seed=7)
    with database.begin() as connection:
        first = store_split(connection, dataset, split)
        assert store_split(connection, dataset, split) == first
        assert store_split(connection, dataset, split, name="ours") == first
        found, loaded = load_split(connection, dataset, str(first))
        assert load_split(connection, dataset, " ours ")[0] == found == first
    assert loaded.fingerprint == split.fingerprint
    assert loaded.as_dict() == split.as_dict()
    assert loaded.test.tolist() == split.test.tolist()
    assert one(database, "SELECT count(*) FROM splits") == 1
    assert one(database, "SELECT name FROM splits") == "ours"
    assert one(database, "SELECT query ->> 'head' FROM splits") == "style"


def test_what_changed_since_is_said(database: Database) -> None:
    store_works(database, *works())
    dataset = read(database)
    split = draw_split(dataset, seed=0)
    with database.begin() as connection:
        number = str(store_split(connection, dataset, split))
    gone = dataset.ids[split.train[0]]
    sql(database, "DELETE FROM images WHERE id = :id", id=int(gone))
    store_works(database, *works(4, start=100))
    alike(database, (int(dataset.ids[split.train[1]]), int(dataset.ids[split.test[0]])))
    now = read(database)
    with database.begin() as connection:
        _, loaded = load_split(connection, now, number)
    assert (loaded.gone, loaded.unassigned, loaded.leaks) == (1, 4, 1)
    assert now.ids[loaded.removed].tolist() == [dataset.ids[split.train[1]]]
    assert now.ids[loaded.test].tolist() == dataset.ids[split.test].tolist()
    assert len(loaded.train) == len(split.train) - 2
    assert loaded.fingerprint != split.fingerprint


def test_splits_that_do_not_fit_are_said(database: Database) -> None:
    store_works(database, *works(), *works(20, start=50, site="gallery"))
    dataset = read(database, site="museum")
    split = draw_split(dataset, seed=0)
    other = replace(draw_split(dataset, seed=1), policy="random")
    with database.begin() as connection:
        with pytest.raises(WrongDataset, match='no split "9" of style, and none is stored'):
            load_split(connection, dataset, "9")
        number = store_split(connection, dataset, split, name="ours")
        with pytest.raises(
            WrongDataset, match=rf'no split "its" of style, and there are {number} '
        ):
            load_split(connection, dataset, "its")
        with pytest.raises(WrongDataset, match='another split of style is called "ours"'):
            store_split(connection, dataset, other, name="ours")
        for name in ("12", "auto", " "):
            with pytest.raises(WrongDataset, match="a split cannot be called"):
                store_split(connection, dataset, other, name=name)
        elsewhere = read(database, site="gallery")
        with pytest.raises(NothingToTrain, match="none of the 30 images of split"):
            load_split(connection, elsewhere, str(number))


def test_an_importer_s_split_is_kept(database: Database) -> None:
    ids = store_works(database, *works())
    dataset = read(database)
    parts = {
        image: ("train", "train", "validation", "test")[number % 8 // 2]
        for number, image in ids.items()
    }
    split = given_split(dataset, parts, name="theirs")
    with database.begin() as connection:
        number = store_split(connection, dataset, split, name="theirs")
        _, loaded = load_split(connection, dataset, "theirs")
    assert loaded.as_dict() == split.as_dict()
    assert {int(dataset.ids[at]) for at in loaded.test} == {
        image for image, part in parts.items() if part == "test"
    }
    assert one(database, "SELECT policy FROM splits WHERE id = :id", id=number) == "given"
