"""The job `layout`: what it writes of each image."""

from __future__ import annotations

import numpy as np
from support.databases import one, sql

from analysis.engine import run_jobs
from analysis.similarity.composition import describe_layout
from analysis.similarity.layouts import LAYOUT
from storage.images import decode_rgb

# mypy: disable-error-code="no-untyped-def"


def test_every_image_gets_the_layout_of_its_preview(database, store, add_work) -> None:
    ids = [add_work(1, size=(900, 600)), add_work(2)]
    [summary] = run_jobs(database, store, ["layout"])
    assert (summary.images, summary.failed) == (2, 0)
    for image_id in ids:
        [row] = sql(
            database,
            "SELECT f.values, i.preview_key FROM image_features f JOIN images i ON i.id = image_id "
            "WHERE image_id = :id",
            id=image_id,
        )
        expected = describe_layout(decode_rgb(store.get(row.preview_key)))
        assert np.array_equal(np.array(row.values, np.float32), expected)
    assert one(database, "SELECT is_default FROM models WHERE kind = 'layout'") is True
    # A row beyond 2,032 bytes would be compressed, and slow to read.
    assert one(database, "SELECT max(pg_column_size(f.*)) FROM image_features f") < 2032


def test_it_shares_a_pass_with_palettes_and_statistics(database, store, add_work) -> None:
    add_work(1)
    announced: list[list[str]] = []
    run_jobs(
        database,
        store,
        ["colors", "features", "layout"],
        announce=lambda names: announced.append(list(names)),
    )
    assert announced == [["colors", "features", "layout"]]
    assert LAYOUT.reads_preview
