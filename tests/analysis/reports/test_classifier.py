"""The report of a classifier: every page that there is something for, and whom it shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from support.classifiers import add_classifier
from support.databases import sql
from support.vectors import add_embeddings

from analysis.errors import NoClassifier, NothingToShow, WrongHead
from analysis.reports.drawing import Options
from analysis.reports.kinds import make_report
from storage.database import Database
from storage.errors import UsageError
from storage.objects import ObjectStore

AddWork = Callable[..., int]

STYLES = ("baroque", "cubism", "fauvism")


def test_pages_of_a_classifier(database: Database, store: ObjectStore, add_work: AddWork) -> None:
    rng = np.random.default_rng(3)
    ids = [add_work(number, size=(60, 40 + number % 3 * 20)) for number in range(72)]
    style = {one: number // 4 % 3 for number, one in enumerate(ids)}
    add_embeddings(
        database, {one: rng.normal(0, 0.4, 8) + np.eye(8)[at] for one, at in style.items()}
    )
    with pytest.raises(NothingToShow, match="artworks train style"):
        make_report(database, store, "classifier", Options())
    with pytest.raises(NoClassifier, match="artworks train genre"):
        make_report(database, store, "classifier", Options(by="genre"))
    with pytest.raises(WrongHead):
        make_report(database, store, "classifier", Options(by="smell"))
    with pytest.raises(UsageError, match="takes --by"):
        make_report(database, store, "classifier", Options(work="museum/1"))

    labels = {one: (STYLES[at],) for one, at in style.items()}
    add_classifier(database, store, labels, blur=0.1)
    report = make_report(database, store, "classifier", Options())
    assert [one.name for one in report.pictures] == [
        f"classifier-{name}"
        for name in (
            *("measures", "labels", "confusion", "confusion-shares"),
            *("curves", "reliability", "errors", "gallery"),
        )
    ]
    assert report.models == ("probe-style/1",)
    assert report.counts == {"images": 18, "classes": 3}
    sha256 = dict(map(tuple, sql(database, "SELECT id, sha256 FROM images")))
    assert set(report.images) <= {sha256[one] for one in ids if one % 4 == 3}
    assert len(report.images) >= 12

    # Of an image that no page shows any more, there is nothing to see.
    gone = report.images[0]
    sql(
        database,
        "UPDATE image_sources SET gone_at = now() "
        "WHERE image_id = (SELECT id FROM images WHERE sha256 = :gone)",
        gone=gone,
    )
    again = make_report(database, store, "classifier", Options(by="style"))
    assert set(again.images) == set(report.images) - {gone}

    several = {one: (*said, "flat") if one % 3 else said for one, said in labels.items()}
    add_classifier(database, store, several, head="tag", mode="multi")
    with pytest.raises(NothingToShow, match="classifiers of style, tag: say which with --by"):
        make_report(database, store, "classifier", Options())
