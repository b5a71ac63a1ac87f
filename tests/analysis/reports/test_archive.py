"""Where reports are kept."""

from __future__ import annotations

import hashlib
import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text

from analysis.errors import NothingToShow
from analysis.reports.archive import Picture, Report, store_report, stored_reports
from storage.database import Database
from storage.objects import ObjectStore

NOON = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)


def report(kind: str = "work", *names: str) -> Report:
    return Report(
        kind,
        tuple(Picture(name, Image.new("RGB", (30, 20), "#c02020")) for name in names or ("one",)),
        query={"site": None},
        counts={"works": 1},
        models=("palette 1",),
        settings={"sort": "hue"},
        left_out={"color-time": "no years"},
    )


def test_pictures_and_their_document(database: Database, store: ObjectStore) -> None:
    stored = store_report(database, store, report("colors", "one", "two"), now=NOON)
    folder = "reports/colors/20261121T101500Z/"
    keys = [info.key for info in store.list("reports/")]
    assert keys == [f"{folder}one.png", f"{folder}report.json", f"{folder}two.png"]
    document = json.loads(store.get(f"{folder}report.json"))
    assert document == stored.document
    assert document["created_at"] == "2026-11-21T10:15:00+00:00"
    for name in ("kind", "run", "query", "counts", "models", "settings", "left_out"):
        assert name in document
    for picture, told in zip(stored.pictures, document["pictures"], strict=True):
        png = store.get(picture.key)
        assert png == picture.png
        assert told["sha256"] == hashlib.sha256(png).hexdigest()
        assert (told["width"], told["height"], told["bytes"]) == (30, 20, len(png))
        assert store.stat(picture.key).content_type == "image/png"
        with Image.open(io.BytesIO(png)) as image:
            assert (np.asarray(image) == (192, 32, 32)).all()


def test_reports_of_one_second_do_not_replace_each_other(
    database: Database, store: ObjectStore
) -> None:
    with ThreadPoolExecutor(6) as threads:
        made = list(
            threads.map(lambda _: store_report(database, store, report(), now=NOON), range(12))
        )
    moment = "20261121T101500Z"
    assert {stored.run for stored in made} == {moment} | {f"{moment}-{n}" for n in range(2, 13)}
    listed = [one.run for one in stored_reports(store)]
    assert listed == [*(f"{moment}-{n}" for n in range(12, 1, -1)), moment]


def test_the_list_has_whole_reports_only_the_latest_first(
    database: Database, store: ObjectStore
) -> None:
    assert stored_reports(store) == []
    first = store_report(database, store, report("work", "one", "two"), now=NOON)
    store_report(database, store, report("colors"), now=NOON.replace(hour=11))
    cut_off = "reports/work/20261121T120000Z/one.png"
    for key in (cut_off, "reports/notes.txt", "reports/work/other/report.json"):
        store.put(key, b"x", content_type="text/plain")
    listed = stored_reports(store)
    assert [(one.kind, one.run[9:11]) for one in listed] == [("colors", "11"), ("work", "10")]
    assert listed[1].keys == tuple(picture.key for picture in first.pictures)
    assert listed[1].bytes == sum(len(picture.png) for picture in first.pictures)


def test_what_was_taken_down_meanwhile_is_not_stored(
    database: Database, store: ObjectStore
) -> None:
    with database.begin() as connection:
        connection.execute(
            text("INSERT INTO forgotten (kind, key, label) VALUES ('image', 'aa', '')")
        )
    drawn = replace(report(), images=("aa", "bb"))
    with pytest.raises(NothingToShow, match="aa was taken down"):
        store_report(database, store, drawn)
    assert list(store.list("reports/")) == []
    store_report(database, store, replace(drawn, images=("bb",)))
