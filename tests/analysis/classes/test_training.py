"""Training: from the collection to a registered model, and nothing for nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from support.databases import one, sql

from analysis.colors.classes import training
from analysis.colors.classes.examples import Examples
from analysis.colors.classes.selection import Progress, Selection, select_classifier
from analysis.colors.classes.training import beats_baselines, train_color
from analysis.colors.features import FEATURE_NAMES
from analysis.engine import run_jobs
from analysis.errors import JobRunning, NothingToTrain
from analysis.registry.artifacts import load_artifact
from analysis.results import job_lock
from demo.catalogue import ImageFile, Work, build_catalogue
from demo.painters import paint
from storage.database import Database
from storage.objects import ObjectStore

# mypy: disable-error-code="no-untyped-def"

SMALL_PX = 160


def small(work: Work) -> Work:
    """The same work on a small canvas, without repetitions."""
    scale = SMALL_PX / max(work.width_px, work.height_px)
    width, height = round(work.width_px * scale), round(work.height_px * scale)
    file = ImageFile(work.images[0].name, 0, width, height, work.images[0].format, "")
    return replace(work, width_px=width, height_px=height, images=(file,), alteration=None)


def colored_works(each: int) -> Sequence[Work]:
    return [work for works in build_catalogue().colors.values() for work in works[:each]]


@pytest.fixture
def measured(database: Database, store: ObjectStore, add_colored) -> list[int]:
    """Six works of each of three colours, with features."""
    ids: list[int] = add_colored(6)
    run_jobs(database, store, ["features"])
    return ids


@pytest.fixture(scope="module")
def made() -> dict[tuple[str, int, int], Selection]:
    """What was chosen for the same examples before, which would be chosen again."""
    return {}


@pytest.fixture
def counted(
    monkeypatch: pytest.MonkeyPatch, made: dict[tuple[str, int, int], Selection]
) -> list[Examples]:
    """What classifiers were chosen for."""
    asked: list[Examples] = []

    def select(
        examples: Examples, *, folds: int, seed: int, progress: Progress | None = None
    ) -> Selection:
        asked.append(examples)
        key = (examples.fingerprint, folds, seed)
        if key not in made:
            made[key] = select_classifier(examples, folds=folds, seed=seed, progress=progress)
        return made[key]

    monkeypatch.setattr(training, "select_classifier", select)
    return asked


def test_the_colors_of_the_museum_are_learned(
    database: Database, store: ObjectStore, add_work: Callable[..., int]
) -> None:
    for number, work in enumerate(colored_works(6)):
        add_work(
            number,
            data=paint(small(work)),
            terms={"color": work.color_category},
            artist=work.artist.name,
        )
    run_jobs(database, store, ["colors", "features", "duplicates"])
    told: list[tuple[int, int]] = []
    trained = train_color(database, store, folds=3, progress=lambda *step: told.append(step))
    metrics = trained.model.metrics
    assert len(metrics["classes"]) == 10
    assert metrics["examples"] == 60
    assert metrics["accuracy"] >= 0.95
    assert metrics["baselines"]["majority"] == 0.1
    assert metrics["baselines"]["rules"] > 0.5
    assert metrics["split"]["not_compared"] == 0
    assert set(metrics["importance"]) == set(FEATURE_NAMES)
    assert max(lost["mean"] for lost in metrics["importance"].values()) > 0.02
    assert told[-1][0] == told[-1][1] > 30
    assert trained.activated == (metrics["accuracy"] >= metrics["baselines"]["rules"])


def test_a_model_is_stored_whole_and_takes_over(
    database: Database, store: ObjectStore, measured, counted
) -> None:
    run_jobs(database, store, ["color-class"])
    trained = train_color(database, store, folds=3)
    model = trained.model
    assert (model.label, model.kind, model.head) == ("color-class/1", "classifier", "color")
    assert trained.new
    assert trained.activated
    assert model.is_default
    assert [row.name for row in sql(database, "SELECT name FROM models WHERE is_default "
                                    "AND kind = 'classifier'")] == ["color-class"]  # fmt: skip
    assert model.data_fingerprint == model.metrics["data_fingerprint"] == counted[0].fingerprint
    assert model.params["classifier"] == model.metrics["selected"]
    pipeline = load_artifact(store, model)
    found = counted[0]
    assert (pipeline.predict(found.features) == found.labels).mean() > 0.9
    card = store.get("models/color-class/1/card.md").decode()
    assert card.startswith("# color-class 1\n")
    assert model.params["artifact_sha256"] in card


def test_unchanged_examples_give_no_new_version(
    database: Database, store: ObjectStore, measured, add_colored, counted
) -> None:
    first = train_color(database, store, folds=3)
    again = train_color(database, store, folds=3)
    assert (again.new, again.activated, again.model) == (False, False, first.model)
    assert len(counted) == 1
    forced = train_color(database, store, folds=3, force=True)
    assert (forced.model.version, forced.model.is_default) == ("2", True)
    assert forced.model.metrics == first.model.metrics
    assert forced.model.params["artifact_sha256"] == first.model.params["artifact_sha256"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE terms SET name = 'teal' WHERE name = 'green'",
        "DELETE FROM image_features WHERE image_id = 1",
        "UPDATE artwork_artists SET artist_id = (SELECT min(id) FROM artists)",
        'UPDATE models SET params = params || \'{"packages": {"scikit-learn": "0"}}\'',
        "UPDATE models SET params = params || '{\"seed\": 99}'",
    ],
)
def test_whatever_changes_what_is_learned_is_a_reason(
    database: Database,
    store: ObjectStore,
    measured,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    monkeypatch.setattr(training, "select_classifier", _hasty)
    assert train_color(database, store, folds=3).new
    assert not train_color(database, store, folds=3).new
    sql(database, change)
    assert train_color(database, store, folds=3).model.version == "2"
    assert train_color(database, store, folds=4).model.version == "3"


def _hasty(examples: Examples, *, folds: int, seed: int, progress: Progress | None) -> Selection:
    """A choice without a comparison: what is stored of it is all that is looked at."""
    from analysis.colors.classes.candidates import make_pipeline

    pipeline = make_pipeline("logistic regression", seed).fit(examples.features, examples.labels)
    metrics: dict[str, Any] = {
        "selected": "logistic regression",
        "accuracy": 0.9,
        "macro_f1": 0.9,
        "models": {"logistic regression": {"accuracy": [0.9], "macro_f1": [0.9]}},
        "baselines": {"majority": 0.3, "rules": None},
        "classes": ["red"],
        "confusion": [[1]],
        "support": {"red": 1},
        "per_class": {"red": {"precision": 1.0, "recall": 1.0, "f1": 1.0}},
        "averages": {"macro": {"precision": 1.0, "recall": 1.0, "f1": 1.0}},
        "mean_average_precision": 1.0,
        "roc_auc": 1.0,
        "importance": {},
        "split": {
            "folds": folds,
            "rounds": 1,
            "not_compared": 0,
            "fingerprint": examples.split_fingerprint,
        },
        "artist_disjoint": None,
        "seed": seed,
        "data_fingerprint": examples.fingerprint,
        "examples": len(examples.sha256),
        "left_out": examples.left_out.as_dict(),
    }
    return Selection("logistic regression", pipeline, metrics)


def test_what_is_no_better_does_not_take_over(
    database: Database, store: ObjectStore, measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_jobs(database, store, ["colors", "color-class"])

    def poor(examples: Examples, **options: Any) -> Selection:
        chosen = _hasty(examples, **options)
        return replace(
            chosen, metrics={**chosen.metrics, "baselines": {"majority": 0.3, "rules": 0.95}}
        )

    monkeypatch.setattr(training, "select_classifier", poor)
    trained = train_color(database, store, folds=3)
    assert (trained.new, trained.activated, trained.model.is_default) == (True, False, False)
    default = one(database, "SELECT name FROM models WHERE is_default AND kind = 'classifier'")
    assert default == "color-rules"


@pytest.mark.parametrize(
    ("accuracy", "majority", "rules", "better"),
    [
        (0.9, 0.5, 0.8, True),
        (0.9, 0.5, 0.9, True),
        (0.9, 0.5, 0.95, False),
        (0.5, 0.5, None, False),
        (0.6, 0.5, None, True),
    ],
)
def test_better_than_what_needs_no_training(
    accuracy: float, majority: float, rules: float | None, better: bool
) -> None:
    metrics = {"accuracy": accuracy, "baselines": {"majority": majority, "rules": rules}}
    assert beats_baselines(metrics) == better


def test_a_training_that_dies_leaves_no_half_model(
    database: Database, store: ObjectStore, measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "select_classifier", _hasty)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "register_trained", die)
        with pytest.raises(KeyboardInterrupt):
            train_color(database, store, folds=3)
    assert store.exists("models/color-class/1/model.joblib")
    assert one(database, "SELECT count(*) FROM models WHERE kind = 'classifier'") == 0
    trained = train_color(database, store, folds=3)
    assert trained.model.version == "1"
    assert load_artifact(store, trained.model) is not None


def test_one_training_at_a_time(database: Database, store: ObjectStore, measured) -> None:
    with job_lock(database, "train color"), pytest.raises(JobRunning):
        train_color(database, store)


@pytest.mark.parametrize("folds", [0, 2, 21])
def test_folds_that_make_no_sense(database: Database, store: ObjectStore, folds: int) -> None:
    with pytest.raises(NothingToTrain, match="choose from 3 to 20"):
        train_color(database, store, folds=folds)


def test_nothing_to_learn_from(database: Database, store: ObjectStore) -> None:
    with pytest.raises(NothingToTrain, match="artworks demo"):
        train_color(database, store)
