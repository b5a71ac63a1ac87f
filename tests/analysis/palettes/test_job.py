"""The job of palettes: every setting has a model of its own."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from sqlalchemy import select

from analysis.colors.job import COLORS, palette_job
from analysis.colors.palette import METHODS, Method, extract_palette
from analysis.engine import run_jobs
from storage.database import Database
from storage.models import ImageColor, Model
from storage.objects import ObjectStore

SETTINGS = list(product((3, 5), METHODS, (False, True)))


def test_no_two_settings_share_a_model() -> None:
    specs = [palette_job(*setting).model for setting in SETTINGS]
    assert len({(spec.name, spec.version) for spec in specs}) == len(SETTINGS)
    assert {spec.kind for spec in specs} == {"palette"}
    assert [spec.name for spec in specs if spec.is_default] == [COLORS.model.name]
    assert palette_job().model == COLORS.model
    assert {palette_job(*setting).name for setting in SETTINGS} == {"colors"}


@pytest.mark.parametrize(("k", "method", "accents"), SETTINGS)
def test_rows_are_the_palette(k: int, method: Method, accents: bool) -> None:
    image = np.random.default_rng(1).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    (rows,) = palette_job(k, method, accents).compute([image])
    swatches = extract_palette(image, k, method=method, accents=accents).swatches
    assert [row["rank"] for row in rows] == list(range(1, len(swatches) + 1))
    assert [row["hex"] for row in rows] == [swatch.hex for swatch in swatches]
    assert [row["name"] for row in rows] == [swatch.name for swatch in swatches]
    assert [row["fraction"] for row in rows] == [swatch.fraction for swatch in swatches]


def test_what_is_no_setting_is_refused_before_anything_runs() -> None:
    with pytest.raises(ValueError, match="at least one colour"):
        palette_job(0)
    with pytest.raises(ValueError, match="choose from kmeans, dbscan"):
        palette_job(method="median")  # type: ignore[arg-type]


def test_two_settings_are_kept_side_by_side(
    database: Database, store: ObjectStore, add_work: object
) -> None:
    add_work(1)  # type: ignore[operator]
    three = palette_job(3, "dbscan", accents=True)
    for job in (COLORS, three):
        run_jobs(database, store, [job])
    query = (
        select(Model.name, Model.is_default, ImageColor.rank)
        .join(ImageColor, ImageColor.model_id == Model.id)
        .order_by(Model.id, ImageColor.rank)
    )
    with database.begin() as connection:
        rows = connection.execute(query).all()
    assert {(name, default) for name, default, _ in rows} == {
        (COLORS.model.name, True),
        (three.model.name, False),
    }
    assert max(rank for name, _, rank in rows if name == three.model.name) <= 3
