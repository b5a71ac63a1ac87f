"""A projection is trained, measured, stored, applied; and nothing is trained from nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from support.databases import sql
from support.vectors import add_embeddings

from analysis.embeddings.quiet import tensorflow
from analysis.embeddings.stored import Vectors, read_embeddings
from analysis.engine import run_jobs
from analysis.errors import ArtifactDamaged, JobRunning, NoEmbeddings, NothingToTrain
from analysis.evaluation.similarity import evaluate_similarity
from analysis.registry.models import Model, activate, default_model
from analysis.results import job_lock
from analysis.similarity.learned import fitting, training
from analysis.similarity.learned.fitting import Recipe, fit_projection
from analysis.similarity.learned.job import (
    base_label,
    current_projection,
    load_learned,
    load_projection,
)
from analysis.similarity.learned.losses import MARGIN, TEMPERATURE, contrastive, triplet
from analysis.similarity.learned.training import is_better, train_similarity
from storage.database import Database
from storage.objects import ObjectStore
from tests.analysis.evaluation.labels import labelled

AddWork = Callable[..., int]

STYLES = ("baroque", "cubism", "fauvism", "realism")


def meaning(style: int, number: int) -> Vectors:
    """A vector in which a few numbers tell the style, and others that tell nothing are louder."""
    rng = np.random.default_rng([style, number])
    vector = rng.normal(0, 0.5, 16)
    vector[style] += 2.0
    vector[8:] *= 3
    return vector.astype(np.float32)


@pytest.fixture
def gallery(database: Database, add_work: AddWork) -> Model:
    """Works of four styles by twelve artists, embedded; every fifth lacks a genre."""
    vectors = {}
    for number in range(120):
        style = number % 4
        terms = {"style": STYLES[style].title()}
        if number % 5:
            terms["genre"] = ("portrait", "landscape")[style // 2]
        image = add_work(number, size=(32, 24), terms=terms, artist=f"Artist {(number // 4) % 12}")
        vectors[image] = meaning(style, number)
    return add_embeddings(database, vectors)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be learned here is learned in a few epochs."""
    monkeypatch.setattr(
        training, "Recipe", partial(Recipe, hidden=32, learning_rate=1e-2, most_epochs=10)
    )


def test_from_terms_to_a_default_that_is_applied(
    database: Database, store: ObjectStore, gallery: Model
) -> None:
    [waiting] = run_jobs(database, store, ["projection"])
    assert waiting.details == {"next": "artworks train similarity"}
    told: list[tuple[int, int]] = []
    trained = train_similarity(database, store, keep=0.3, progress=lambda *step: told.append(step))
    model = trained.model
    assert (model.label, model.kind, model.head) == ("projection-test-network/1", "embedding", None)
    assert (trained.new, trained.activated, model.is_default) == (True, True, True)
    assert base_label(model) == gallery.label
    assert model.params["dimensions"] == 128 + 16
    assert model.params["terms"] == ["style", "genre"]
    found = model.metrics["measures"]["ndcg"]
    assert found["projection"]["mean"] > found["embedding"]["mean"] > found["chance"] > 0
    assert found["difference"]["low"] > 0
    split = model.metrics["split"]
    assert split["policy"] == "artists"
    assert split["train"] + split["validation"] + split["test"] == 120
    assert told[-1][0] == told[-1][1] == model.params["recipe"]["most_epochs"]
    card = store.get("models/projection-test-network/1/card.md").decode()
    assert card.startswith("# projection-test-network 1\n")
    assert "## What it cannot tell" in card

    # Nothing new is learned from the same, and the same seed learns the same.
    again = train_similarity(database, store, keep=0.3)
    assert (again.new, again.model.id) == (False, model.id)
    forced = train_similarity(database, store, keep=0.3, force=True)
    assert forced.model.label == "projection-test-network/2"
    assert forced.model.params["artifact_sha256"] == model.params["artifact_sha256"]
    assert forced.model.metrics == model.metrics

    # Those that taught it are named in the artifact.
    projection, learned_from = load_learned(store, forced.model)
    assert len(learned_from) == split["train"] + split["validation"]
    assert learned_from < {row.sha256 for row in sql(database, "SELECT sha256 FROM images")}

    # The default is applied, page by page, once.
    [run] = run_jobs(database, store, ["projection"], limit=50)
    assert (run.model_id, run.done) == (forced.model.id, 50)
    [run] = run_jobs(database, store, ["projection"])
    assert run.done == 70
    [run] = run_jobs(database, store, ["projection"])
    assert run.done == 0
    with database.begin() as connection:
        base = read_embeddings(connection, gallery)
        written = read_embeddings(connection, forced.model)
    assert written.ids.tolist() == base.ids.tolist()
    assert np.abs(written.vectors - projection.project(base.vectors)).max() < 1e-3
    [run] = run_jobs(database, store, ["projection"], redo=True)
    assert run.done == 120

    # Measured on the collection, what taught it neither asks nor answers.
    measured = evaluate_similarity(database, store, kinds=("style", "genre"))
    assert (measured.model, measured.against) == (forced.model.label, gallery.label)
    assert (measured.images, measured.learned_from) == (split["test"], len(learned_from))
    assert measured.differences["ndcg"].mean == pytest.approx(found["difference"]["mean"], abs=0.02)

    # Damage is told before anything is read from it.
    store.put(str(forced.model.artifact_key), b"PK", content_type="application/octet-stream")
    with pytest.raises(ArtifactDamaged, match="artworks train similarity"):
        load_projection(store, forced.model)


def test_a_choice_of_people_stays(database: Database, store: ObjectStore, gallery: Model) -> None:
    with database.begin() as connection:
        rows = read_embeddings(connection, gallery)
    other = add_embeddings(
        database, dict(zip(rows.ids.tolist(), rows.vectors, strict=True)), name="chosen"
    )
    with database.begin() as connection:
        other = activate(connection, other)
    trained = train_similarity(database, store, model="test-network", keep=0)
    assert trained.model.params["dimensions"] == 128
    assert is_better(trained.model.metrics)
    assert not trained.activated
    with database.begin() as connection:
        assert default_model(connection, "embedding") == other
        assert current_projection(connection) is None
    [run] = run_jobs(database, store, ["projection"])
    assert run.details == {"next": "artworks train similarity"}
    with database.begin() as connection:
        activate(connection, gallery)
        assert current_projection(connection) == trained.model


def test_losses_are_smaller_where_what_belongs_together_is_near() -> None:
    tensorflow()
    near = np.kron(np.eye(2), np.ones((2, 2))).astype(np.float32) - np.eye(4, dtype=np.float32)
    apart = np.eye(2, dtype=np.float32)[[0, 0, 1, 1]]
    mixed = np.eye(2, dtype=np.float32)[[0, 1, 0, 1]]
    assert float(contrastive(near, apart)) < float(contrastive(near, mixed))
    # By hand: each has its one partner at likeness 1 and two others at 0.
    expected = np.log(1 + 2 * np.exp(-1 / TEMPERATURE))
    assert float(contrastive(near, apart)) == pytest.approx(expected, rel=1e-4)
    assert float(contrastive(np.zeros((4, 4), np.float32), apart)) == 0
    # Semi-hard are those a little farther than the partner: at 0.1 here, within the margin of 0.2.
    angle = np.arccos(0.95)
    turned = np.array([[1, 0], [1, 0], [np.cos(angle), np.sin(angle)]], np.float32)
    pair = np.zeros((3, 3), np.float32)
    pair[0, 1] = pair[1, 0] = 1
    assert float(triplet(pair, turned)) == pytest.approx(MARGIN - 0.1, abs=1e-4)


def test_triplets_teach_and_weights_run_without_keras() -> None:
    styles = [number % 4 for number in range(64)]
    labels = labelled(style=[STYLES[style] for style in styles])
    vectors = np.stack([meaning(style, number) for number, style in enumerate(styles)])
    examples = labels, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    recipe = Recipe(loss="triplet", keep=0, hidden=32, learning_rate=1e-2, most_epochs=12)
    fit = fit_projection(recipe, examples, examples)
    assert max(fit.validation) > fit.validation[0]
    assert fit.epochs == 1 + int(np.argmax(fit.validation))
    model = fitting._model(recipe, 16)
    scaled = examples[1] * np.float32(4)
    found = fitting._projection(model, 4.0).project(examples[1])
    assert found == pytest.approx(np.asarray(model(scaled)), abs=1e-5)


def test_too_little_to_learn_from_is_said_with_the_cure(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    with pytest.raises(NoEmbeddings, match="artworks analyze embeddings"):
        train_similarity(database, store)
    [run] = run_jobs(database, store, ["projection"])
    assert run.details == {"next": "artworks analyze embeddings"}
    images = [add_work(n, size=(30, 20), terms={"style": "cubism"}) for n in range(6)]
    add_embeddings(database, {image: meaning(0, image) for image in images})
    with pytest.raises(NothingToTrain, match="no stored work has a term of kind genre: choose"):
        train_similarity(database, store, kinds=("genre",))
    with pytest.raises(NothingToTrain, match=r"6 embedded images have a style: \d would teach"):
        train_similarity(database, store, kinds=("style",))
    with pytest.raises(NothingToTrain, match='no loss "worse": choose from contrastive, triplet'):
        train_similarity(database, store, loss="worse")
    with job_lock(database, training.LOCK), pytest.raises(JobRunning, match="train similarity"):
        train_similarity(database, store)
