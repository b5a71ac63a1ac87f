"""Models in SQL: versions, defaults, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from support.databases import sql

from analysis.errors import ModelInUse, NoSuchModel
from analysis.jobs import ModelSpec
from analysis.registry.models import (
    Model,
    activate,
    default_model,
    delete_model,
    find_model,
    latest_trained,
    list_models,
    next_version,
    register_trained,
)
from analysis.results import register_model
from storage.database import Database


def trained(database: Database, version: str, name: str = "color-class", **values: Any) -> Model:
    with database.begin() as connection:
        return register_trained(
            connection,
            name=name,
            version=version,
            kind="classifier",
            head=values.get("head", "color"),
            params={"seed": 1},
            metrics={"accuracy": 0.9},
            artifact_key=f"models/{name}/{version}/model.joblib",
            data_fingerprint="f" * 64,
        )


def labels(database: Database) -> list[str]:
    with database.begin() as connection:
        return [model.label for model in list_models(connection)]


def defaults(database: Database) -> list[tuple[str, str]]:
    return [
        tuple(row) for row in sql(database, "SELECT name, version FROM models WHERE is_default")
    ]


def test_a_model_is_found_by_name_and_version(database: Database) -> None:
    first, second = trained(database, "1"), trained(database, "2")
    with database.begin() as connection:
        assert find_model(connection, "color-class/1") == first
        assert find_model(connection, "color-class") == second
        activate(connection, first)
        assert find_model(connection, "color-class").version == "1"
        assert latest_trained(connection, "color-class") == second
        assert latest_trained(connection, "other") is None
    assert first.as_dict()["created_at"] == first.created_at.isoformat()


@pytest.mark.parametrize("label", ["color", "color-class/9", "color-class/", "/1", "", "a/b/c"])
def test_an_unknown_model_is_said_with_those_that_there_are(database: Database, label: str) -> None:
    with database.begin() as connection:
        with pytest.raises(NoSuchModel, match="artworks analyze"):
            find_model(connection, label)
        connection.rollback()
    trained(database, "1")
    with (
        database.begin() as connection,
        pytest.raises(NoSuchModel, match=r"no model .* choose from color-class/1\."),
    ):
        find_model(connection, label)


def test_versions_are_counted_past_the_highest(database: Database) -> None:
    with database.begin() as connection:
        assert next_version(connection, "color-class") == "1"
    trained(database, "2")
    trained(database, "10")
    trained(database, "1-of-old")
    trained(database, "40", name="other")
    with database.begin() as connection:
        assert next_version(connection, "color-class") == "11"


def test_one_default_for_each_kind_and_head(database: Database) -> None:
    color, other = trained(database, "1"), trained(database, "2")
    style = trained(database, "1", name="style-class", head="style")
    with database.begin() as connection:
        assert default_model(connection, "classifier", "color") is None
        for model in (color, style, other):
            assert activate(connection, model).is_default
    assert sorted(defaults(database)) == [("color-class", "2"), ("style-class", "1")]
    with database.begin() as connection:
        found = default_model(connection, "classifier", "color")
        assert found is not None
        assert found.label == "color-class/2"
        assert default_model(connection, "classifier") is None


def test_what_is_not_active_is_no_default(database: Database) -> None:
    model = trained(database, "1")
    with database.begin() as connection:
        activate(connection, model)
    sql(database, "UPDATE models SET active = false")
    with database.begin() as connection:
        assert default_model(connection, "classifier", "color") is None
        assert activate(connection, model).active


def test_a_default_is_deleted_only_by_force(database: Database) -> None:
    with database.begin() as connection:
        register_model(connection, ModelSpec("palette", "1", "palette", is_default=True))
        palette = find_model(connection, "palette")
    with (
        database.begin() as connection,
        pytest.raises(ModelInUse, match=r"palette/1 is the default palette.*--force"),
    ):
        delete_model(connection, palette)
    assert labels(database) == ["palette/1"]
    with database.begin() as connection:
        delete_model(connection, palette, force=True)
    assert labels(database) == []
