"""A classifier is trained, measured, stored and put to use; and nothing is trained from nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.databases import one, sql
from support.styled import STYLES, add_styled_works, meaning
from support.vectors import add_embeddings

from analysis.embeddings.stored import vectors_of
from analysis.errors import (
    ArtifactDamaged,
    JobRunning,
    ModelChanged,
    NoEmbeddings,
    NothingToTrain,
    WrongDataset,
    WrongHead,
)
from analysis.labels.classifier import open_classifier
from analysis.labels.dataset import DatasetQuery
from analysis.labels.datasets.embedded import embedding_of
from analysis.labels.learning import training
from analysis.labels.learning.training import train_labels
from analysis.labels.measuring.predictions import from_store
from analysis.registry.artifacts import CARD, model_key
from analysis.registry.models import Model, default_model, find_model
from analysis.registry.removal import remove_model
from analysis.results import job_lock
from storage.database import Database
from storage.objects import ObjectStore

# mypy: disable-error-code="no-untyped-def"

AddWork = Callable[..., int]

STYLE = DatasetQuery("style", "single", min_support=5)
GENRES = DatasetQuery("genre", "multi", min_support=5)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where trainings keep what they would lose."""
    monkeypatch.setenv("ARTWORKS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page with the pictures, which takes longer than all the rest, is drawn in one test."""
    monkeypatch.setattr(training, "label_report", lambda *_: b"<!doctype html>")


@pytest.fixture
def gallery(database: Database) -> Model:
    """Works of three styles and two genres by twenty artists, embedded; no picture is stored."""
    return add_embeddings(database, add_styled_works(database))


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods that were fitted, in their order."""
    done: list[str] = []
    fit = training.find_method("probe").fit

    def counted(self: Any, task: Any, recipe: Any) -> Any:
        done.append(self.name)
        return fit(task, recipe)

    monkeypatch.setattr(type(training.find_method("probe")), "fit", counted)
    return done


def test_from_terms_to_a_default_classifier(
    database: Database, store: ObjectStore, gallery: Model, home: Path
) -> None:
    told: list[tuple[str, int, int]] = []
    trained = train_labels(
        database, store, STYLE, folds=3, rounds=2, progress=lambda *said: told.append(said)
    )
    model, metrics = trained.model, trained.model.metrics
    assert (trained.new, trained.activated, trained.reason) == (True, True, "there was no default")
    assert (model.label, model.kind, model.head) == ("probe-style/1", "classifier", "style")
    assert {"fits", "folds"} <= {what for what, _, _ in told}
    assert ("folds", 6, 6) in told

    assert metrics["accuracy"] > 0.9 > metrics["baselines"]["majority"]["accuracy"]
    assert metrics["classes"] == list(STYLES)
    assert metrics["sites"] == {"museum": 120}
    assert (metrics["weak"], metrics["left_out"]) == (0, {})
    assert metrics["chosen"]["c"] in model.params["recipe"]["grid"]
    assert metrics["split"]["policy"] == "artists"
    assert metrics["split"]["id"] == one(database, "SELECT id FROM splits")
    assert metrics["split"]["not_compared"] == 120
    assert metrics["data_fingerprint"] == model.data_fingerprint
    crossed = metrics["cross_validation"]
    assert (crossed["folds"], crossed["rounds"], crossed["images"]) == (3, 2, 120)
    assert len(crossed["per_fold"]) == 6
    assert crossed["accuracy"]["low"] <= crossed["accuracy"]["mean"] <= crossed["accuracy"]["high"]
    assert crossed["accuracy"]["mean"] > 0.9 > crossed["baselines"]["majority"]["accuracy"]

    assert model.params["embedding"] == gallery.label
    assert (model.params["reads"], model.params["dimensions"]) == ("embeddings", 16)
    assert set(model.params["packages"]) == {"numpy", "scikit-learn"}
    card, page = (
        store.get(model_key("probe-style", "1", file)).decode() for file in (CARD, "report.html")
    )
    assert card.startswith("# probe-style 1\n")
    assert "probe-style" in page
    assert not any((home / "cache" / "training").iterdir())

    classifier = open_classifier(store, model)
    predictions = from_store(store, model)
    with database.begin() as connection:
        assert embedding_of(connection, model) == gallery
        ids = dict(sql(database, "SELECT sha256, id FROM images"))
        stored = vectors_of(connection, gallery, ids.values())
    at = np.searchsorted(stored.ids, [ids[sha256] for sha256 in predictions.sha256])
    said = classifier.probabilities(stored.vectors[at])
    parts = np.array(predictions.parts) != "removed"
    assert np.allclose(said[parts], predictions.probabilities[parts], atol=1e-6)
    assert not classifier.familiarity.judge(said, stored.vectors[at]).flags.mean() > 0.2


def test_the_same_again_is_not_trained_and_gives_the_same_where_it_is(
    database: Database, store: ObjectStore, gallery: Model, undrawn, fits: list[str]
) -> None:
    first = train_labels(database, store, STYLE)
    again = train_labels(database, store, STYLE)
    assert (again.new, again.activated, again.model.id) == (False, False, first.model.id)
    assert fits == ["probe"]

    forced = train_labels(database, store, STYLE, force=True)
    assert (forced.new, forced.model.version) == (True, "2")
    assert forced.activated
    assert forced.reason.startswith("it is as good as probe-style/1 on ")
    assert forced.model.metrics == first.model.metrics
    assert forced.model.params == first.model.params

    # Another balance is something new to learn.
    weighed = train_labels(database, store, STYLE, balance="weights", activate=False)
    assert (weighed.new, weighed.activated, weighed.reason) == (True, False, "that was asked for")
    by_name = train_labels(
        database, store, STYLE, split=str(first.model.metrics["split"]["id"]), force=True
    )
    assert (
        by_name.model.metrics["split"]["fingerprint"]
        == (first.model.metrics["split"]["fingerprint"])
    )
    removed = remove_model(database, store, "probe-style/2", force=True)
    assert len(removed.objects) == 4


def test_a_cross_validation_that_is_there_is_not_made_again(
    database: Database, store: ObjectStore, gallery: Model, undrawn, fits: list[str]
) -> None:
    plain = train_labels(database, store, STYLE)
    crossed = train_labels(database, store, STYLE, folds=3)
    assert (plain.model.metrics["cross_validation"], crossed.new) == (None, True)
    assert not train_labels(database, store, STYLE, folds=3).new
    assert train_labels(database, store, STYLE).model.id == crossed.model.id
    assert len(fits) == 2


def test_several_labels_and_images_without_a_vector(
    database: Database, store: ObjectStore, gallery: Model, undrawn
) -> None:
    sql(
        database,
        "DELETE FROM image_embeddings WHERE image_id IN (SELECT min(id) FROM images "
        "UNION SELECT max(id) FROM images)",
    )
    trained = train_labels(database, store, GENRES)
    metrics = trained.model.metrics
    assert metrics["left_out"] == {"without_vector": 2}
    assert sum(metrics["images"].values()) == 118
    assert (metrics["labels"], metrics["classes"]) == ("multi", ["landscape", "portrait"])
    assert metrics["map"] > 0.9
    assert open_classifier(store, trained.model).mode == "multi"
    # What tells one label is not put in the place of what tells several.
    other = train_labels(database, store, DatasetQuery("genre", "single"))
    assert (other.new, other.activated) == (True, False)
    assert other.reason == "probe-genre/1, the default, tells multi labels"


def test_a_classifier_that_knows_less_does_not_take_over(
    database: Database, store: ObjectStore, gallery: Model, undrawn
) -> None:
    train_labels(database, store, STYLE)
    query = DatasetQuery("style", "single", min_support=5, merge={"fauvism": ""})
    fewer = train_labels(database, store, query)
    assert (fewer.new, fewer.activated) == (True, False)
    assert fewer.reason == "probe-style/1, the default, also tells fauvism"
    assert train_labels(database, store, query, activate=True).activated
    with database.begin() as connection:
        assert default_model(connection, "classifier", "style") == find_model(
            connection, "probe-style/2"
        )


def test_what_chance_can_do_is_no_default(
    database: Database, store: ObjectStore, gallery: Model, undrawn
) -> None:
    rng = np.random.default_rng(5)
    ids = [row[0] for row in sql(database, "SELECT id FROM images ORDER BY id")]
    noise = {image_id: rng.normal(size=8) for image_id in ids}
    add_embeddings(database, noise, name="noise", is_default=False)
    for query in (STYLE, GENRES):
        trained = train_labels(database, store, query, embedding="noise")
        assert (trained.new, trained.activated) == (True, False)
        assert trained.reason == "it is no better than what needs no training"


def test_a_kill_before_the_row_leaves_what_the_next_training_replaces(
    database: Database,
    store: ObjectStore,
    gallery: Model,
    undrawn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(training, "register_trained", killed)
        with pytest.raises(Killed):
            train_labels(database, store, STYLE)
    assert one(database, "SELECT count(*) FROM models WHERE kind = 'classifier'") == 0
    lost = store.get(model_key("probe-style", "1", "classifier.npz"))
    trained = train_labels(database, store, STYLE)
    assert (trained.model.version, trained.activated) == ("1", True)
    assert store.get(model_key("probe-style", "1", "classifier.npz")) == lost
    assert one(database, "SELECT count(*) FROM splits") == 1


def test_what_cannot_be_loaded_is_refused_in_a_sentence(
    database: Database, store: ObjectStore, gallery: Model, undrawn
) -> None:
    model = train_labels(database, store, STYLE).model
    assert model.artifact_key is not None
    store.put(model.artifact_key, b"something else", content_type="application/octet-stream")
    with pytest.raises(ArtifactDamaged, match=r"damaged or was replaced.*`artworks train style`"):
        open_classifier(store, model)
    with database.begin() as connection:
        sql(
            database,
            "UPDATE models SET params = params || '{\"dimensions\": 8}' "
            "WHERE name = 'test-network'",
        )
        with pytest.raises(
            ModelChanged, match="vectors of 16 numbers, and those of test-network/1 have 8"
        ):
            embedding_of(connection, model)
        sql(database, "DELETE FROM models WHERE name = 'test-network'")
        with pytest.raises(NoEmbeddings, match="test-network/1, which is registered no more"):
            embedding_of(connection, model)


def test_what_is_wrong_is_said_before_anything_is_read(
    database: Database, store: ObjectStore
) -> None:
    def refused(**given: Any) -> None:
        train_labels(database, store, **{"query": STYLE, **given})

    with pytest.raises(WrongHead, match='no head "smell": choose from style'):
        refused(query=DatasetQuery("smell", "single"))
    with pytest.raises(WrongDataset, match='no method "magic": choose from probe, transfer, cnn'):
        refused(method="magic")
    with pytest.raises(WrongDataset, match='no balance "hope"'):
        refused(balance="hope")
    with pytest.raises(WrongDataset, match="learns from pictures alone: leave --model away"):
        refused(method="cnn", embedding="mobilenet_v2")
    with pytest.raises(WrongDataset, match="would train 5 times"):
        refused(method="cnn", folds=5)
    with pytest.raises(WrongDataset, match="give --folds as well"):
        refused(rounds=2)
    with pytest.raises(WrongDataset, match="99 folds dealt 1 times cannot be"):
        refused(folds=99)
    with pytest.raises(NoEmbeddings, match="run `artworks analyze embeddings`"):
        refused()
    with job_lock(database, "train style"), pytest.raises(JobRunning):
        refused()


def test_too_little_is_said_in_a_sentence(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    vectors = {
        add_work(number, size=(32, 24), terms={"style": STYLES[number % 3]}): meaning(0, number)
        for number in range(9)
    }
    first = next(iter(vectors))
    add_embeddings(database, {first: vectors[first]})
    with pytest.raises(NothingToTrain, match="style"):
        train_labels(database, store, STYLE)
    few = DatasetQuery("style", "single", min_support=2)
    with pytest.raises(
        NoEmbeddings, match="1 of 9 images with a style have a vector of test-network/1"
    ):
        train_labels(database, store, few)
    with pytest.raises(NothingToTrain, match="genre"):
        train_labels(database, store, GENRES)
    assert one(database, "SELECT count(*) FROM models WHERE kind = 'classifier'") == 0
