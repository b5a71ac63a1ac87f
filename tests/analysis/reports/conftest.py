"""Works with palettes that are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, text

from analysis.colors.conversion import hex_to_rgb, rgb_to_lab
from analysis.colors.names import nearest_names
from storage.database import Database

AddWork = Callable[..., int]
Paint = Callable[..., int]


@pytest.fixture
def paint(database: Database, add_work: AddWork) -> Paint:
    """Store a work whose palette is given: `paint(1, {"#ff0000": 0.7, …}, year=1900)`."""

    def make(number: int, palette: dict[str, float] | None, **known: object) -> int:
        image = add_work(number, **{"size": (64, 48), **known})
        with database.begin() as connection:
            model = default_model(connection)
            for rank, (code, fraction) in enumerate((palette or {}).items(), start=1):
                lab = [float(value) for value in rgb_to_lab(hex_to_rgb(code))]
                connection.execute(
                    text(
                        "INSERT INTO image_colors (image_id, model_id, rank, hex, lab_l, lab_a, "
                        "lab_b, fraction, name) VALUES (:i, :m, :r, :h, :l, :a, :b, :f, :n)"
                    ),
                    dict(
                        zip("imrhlabfn", (image, model, rank, code, *lab, fraction,
                            nearest_names(lab)[0]), strict=True)
                    ),
                )  # fmt: skip
        return image

    return make


@pytest.fixture
def reading(database: Database) -> Iterator[Connection]:
    with database.begin() as connection:
        yield connection


def default_model(connection: Connection) -> int:
    connection.execute(
        text(
            "INSERT INTO models (name, version, kind, is_default) "
            "VALUES ('palette-known', '1', 'palette', true) ON CONFLICT DO NOTHING"
        )
    )
    return int(connection.execute(text("SELECT id FROM models WHERE is_default")).scalar_one())
