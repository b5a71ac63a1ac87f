"""Removing models, and their cards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.databases import one

from analysis.engine import run_jobs
from analysis.errors import JobRunning, ModelInUse, NoSuchModel
from analysis.registry.cards import read_card
from analysis.registry.models import Model, find_model, register_trained
from analysis.registry.removal import remove_model
from analysis.results import job_lock
from storage.database import Database
from storage.objects import ObjectStore


@pytest.fixture
def trained(database: Database, store: ObjectStore) -> Model:
    """A model with two objects, beside one whose version begins alike."""
    for version in ("1", "10"):
        for file in ("model.joblib", "card.md"):
            key = f"models/color-class/{version}/{file}"
            store.put(key, f"# {version}\n".encode(), content_type="text/markdown")
    with database.begin() as connection:
        return register_trained(
            connection,
            name="color-class",
            version="1",
            kind="classifier",
            head="color",
            params={},
            metrics={"accuracy": 0.5},
            artifact_key="models/color-class/1/model.joblib",
            data_fingerprint="f" * 64,
        )


def test_a_model_goes_with_its_objects(
    database: Database, store: ObjectStore, trained: Model
) -> None:
    removal = remove_model(database, store, "color-class/1")
    assert removal.as_dict() == {
        "model": "color-class/1",
        "rows": {},
        "objects": ["models/color-class/1/card.md", "models/color-class/1/model.joblib"],
    }
    assert [found.key for found in store.list("models/")] == [
        "models/color-class/10/card.md",
        "models/color-class/10/model.joblib",
    ]
    with pytest.raises(NoSuchModel):
        remove_model(database, store, "color-class/1")


def test_a_method_goes_with_its_results(
    database: Database, store: ObjectStore, add_work: Callable[..., int]
) -> None:
    add_work(1)
    run_jobs(database, store, ["features"])
    with pytest.raises(ModelInUse, match="default features"):
        remove_model(database, store, "channel-statistics/1")
    with job_lock(database, "features"), pytest.raises(JobRunning):
        remove_model(database, store, "channel-statistics/1", force=True)
    removal = remove_model(database, store, "channel-statistics/1", force=True)
    assert removal.rows == {"analysis_runs": 1, "image_features": 1, "image_results": 1}
    assert one(database, "SELECT count(*) FROM images") == 1
    assert run_jobs(database, store, ["features"])[0].done == 1


def test_the_version_is_to_be_said(database: Database, store: ObjectStore, trained: Model) -> None:
    with pytest.raises(NoSuchModel, match="which version"):
        remove_model(database, store, "color-class")


def test_cards(
    database: Database, store: ObjectStore, trained: Model, add_work: Callable[..., int]
) -> None:
    assert read_card(store, trained) == "# 1\n"
    store.delete("models/color-class/1/card.md")
    assert "its own card is missing" in read_card(store, trained)
    assert '"accuracy": 0.5' in read_card(store, trained)
    add_work(1)
    run_jobs(database, store, ["features"])
    with database.begin() as connection:
        features = find_model(connection, "channel-statistics")
    card = read_card(store, features)
    assert card.startswith("# channel-statistics 1\n")
    assert "a method: nothing was trained" in card
    assert "Measures" not in card
