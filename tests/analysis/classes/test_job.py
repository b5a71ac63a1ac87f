"""The job `color-class`: labels without pixels, by what is the default, and never mixed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression
from sqlalchemy import text
from support.databases import one, sql

from analysis.catalog import make_job
from analysis.colors.classes import job
from analysis.colors.classes.candidates import make_pipeline
from analysis.colors.classes.examples import read_examples
from analysis.engine import RunSummary, run_jobs
from analysis.errors import ArtifactDamaged
from analysis.jobs import CollectionJob
from analysis.registry.artifacts import package_versions, save_artifact
from analysis.registry.models import Model, activate, find_model, register_trained
from analysis.registry.removal import remove_model
from storage.database import Database
from storage.objects import ObjectStore

# mypy: disable-error-code="no-untyped-def"


def classify(database: Database, store: ObjectStore, **options: Any) -> RunSummary:
    [summary] = run_jobs(database, store, ["color-class"], **options)
    return summary


def labels(database: Database, model: str = "color-class") -> dict[int, dict[str, float]]:
    """Image to its labels and scores."""
    found: dict[int, dict[str, float]] = {}
    for row in sql(
        database,
        "SELECT l.* FROM image_labels l JOIN models m ON m.id = l.model_id WHERE m.name = :name "
        "ORDER BY l.image_id, l.score DESC",
        name=model,
    ):
        assert row.head == "color"
        found.setdefault(row.image_id, {})[row.label] = row.score
    return found


def said(database: Database) -> list[tuple[str, str]]:
    """What the site says of each image, and what the default model does."""
    return [
        tuple(row)
        for row in sql(
            database,
            "SELECT t.name, l.label FROM image_labels l "
            "JOIN models m ON m.id = l.model_id AND m.is_default "
            "JOIN image_sources s ON s.image_id = l.image_id "
            "JOIN artwork_terms at ON at.artwork_id = s.artwork_id "
            "JOIN terms t ON t.id = at.term_id WHERE l.accepted ORDER BY l.image_id",
        )
    ]


@pytest.fixture
def collection(database: Database, store: ObjectStore, add_colored) -> list[int]:
    """Four works of each of three colours, with palettes and features."""
    ids: list[int] = add_colored(4)
    run_jobs(database, store, ["colors", "features"])
    return ids


@pytest.fixture
def train(database: Database, store: ObjectStore) -> Callable[..., Model]:
    """Register a classifier that has learned all of the collection, and make it the default."""

    def make(version: str = "1") -> Model:
        with database.begin() as connection:
            found = read_examples(connection)
        pipeline = make_pipeline("logistic regression", 0).fit(found.features, found.labels)
        artifact = save_artifact(store, "color-class", version, pipeline)
        with database.begin() as connection:
            model = register_trained(
                connection,
                name="color-class",
                version=version,
                kind="classifier",
                head="color",
                params={
                    "features": found.feature_model,
                    "artifact_sha256": artifact.sha256,
                    "packages": package_versions(),
                },
                metrics={},
                artifact_key=artifact.key,
                data_fingerprint=found.fingerprint,
            )
            return activate(connection, model)

    return make


def test_before_any_training_the_palette_decides(
    database: Database, store: ObjectStore, collection
) -> None:
    summary = classify(database, store)
    assert (summary.model, summary.done, summary.empty) == ("color-rules", 12, 0)
    assert all(label == name for name, label in said(database))
    for scores in labels(database, "color-rules").values():
        assert sum(scores.values()) <= 1 + 1e-6
        assert list(scores.values()) == sorted(scores.values(), reverse=True)
    [row] = sql(database, "SELECT * FROM models WHERE name = 'color-rules'")
    assert row.is_default
    palette = row.params["palette"]
    assert palette.startswith("palette-kmeans-lab/")
    assert row.version == f"1-{palette.replace('/', '-')}"


def test_a_trained_model_takes_over_beside_the_rules(
    database: Database, store: ObjectStore, collection, train
) -> None:
    classify(database, store)
    rules = labels(database, "color-rules")
    train()
    summary = classify(database, store)
    assert (summary.model, summary.version, summary.done) == ("color-class", "1", 12)
    assert [name for name, _ in said(database)] == [label for _, label in said(database)]
    for scores in labels(database).values():
        assert max(scores.values()) > 0.5
        assert all(score >= 0.05 for score in scores.values())
    assert labels(database, "color-rules") == rules
    assert one(database, "SELECT count(*) FROM image_labels WHERE accepted") == 24


def test_only_what_is_new_is_looked_at(
    database: Database, store: ObjectStore, collection, train, add_colored
) -> None:
    train()
    assert classify(database, store).done == 12
    assert classify(database, store).done == 0
    before = labels(database)
    add_colored(1, first=40)
    waiting = classify(database, store)
    assert waiting.done == 0
    assert waiting.details["waiting"] == 3
    assert waiting.details["next"] == "artworks analyze features"
    run_jobs(database, store, ["features"])
    summary = classify(database, store)
    assert summary.done == 3
    assert "waiting" not in summary.details
    assert before.items() <= labels(database).items()


def test_rules_wait_for_palettes(database: Database, store: ObjectStore, add_colored) -> None:
    add_colored(1)
    summary = classify(database, store)
    assert (summary.done, summary.details["waiting"]) == (0, 3)
    assert summary.details["next"] == "artworks analyze colors"
    run_jobs(database, store, ["colors"])
    assert classify(database, store).done == 3


def test_asked_for_together_each_job_sees_what_the_one_before_wrote(
    database: Database, store: ObjectStore, add_colored
) -> None:
    add_colored(1)
    summaries = run_jobs(database, store, ["colors", "features", "color-class"])
    assert [summary.done for summary in summaries] == [3, 3, 3]


def test_limit_and_redo(database: Database, store: ObjectStore, collection, train) -> None:
    train()
    told: list[tuple[int, int]] = []
    assert classify(database, store, limit=5, progress=lambda *step: told.append(step)).done == 5
    assert told == [(0, 5), (5, 5)]
    assert classify(database, store).done == 7
    whole = labels(database)
    sql(database, "UPDATE image_labels SET label = 'wrong', score = 0 WHERE accepted")
    assert classify(database, store).done == 0
    assert classify(database, store, redo=True).done == 12
    assert labels(database) == whole
    attempts = one(
        database,
        "SELECT min(attempts) FROM image_results r JOIN models m ON m.id = r.model_id "
        "WHERE m.name = 'color-class'",
    )
    assert attempts == 2


def test_whatever_stops_it_the_next_run_goes_on(
    database: Database,
    store: ObjectStore,
    collection,
    train,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train()
    classify(database, store)
    whole = labels(database)
    sql(database, "DELETE FROM image_labels")
    sql(database, "DELETE FROM image_results WHERE model_id = "
        "(SELECT id FROM models WHERE name = 'color-class')")  # fmt: skip
    monkeypatch.setattr(job, "BATCH", 4)

    def stop(done: int, _total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        classify(database, store, progress=stop)
    written = labels(database)
    assert len(written) == 4
    assert written.items() <= whole.items()
    assert classify(database, store).done == 8
    assert labels(database) == whole


def test_what_no_work_shows_is_left_alone(
    database: Database, store: ObjectStore, collection, train
) -> None:
    train()
    sql(database, "UPDATE image_sources SET gone_at = now() WHERE image_id = 1")
    assert classify(database, store).done == 11


def test_an_image_taken_down_meanwhile_is_left_out(
    database: Database,
    store: ObjectStore,
    collection,
    train,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train()
    probabilities = job._probabilities

    def slow(pipeline: Any) -> job.Classify:
        classify_rows = probabilities(pipeline)

        def compute(rows: Any) -> Any:
            sql(database, "DELETE FROM images WHERE id = 3")
            return classify_rows(rows)

        return compute

    monkeypatch.setattr(job, "_probabilities", slow)
    assert classify(database, store).done == 11
    assert 3 not in labels(database)


def test_bytes_that_were_replaced_label_nothing(
    database: Database, store: ObjectStore, collection, train
) -> None:
    model = train()
    save_artifact(store, "color-class", "1", LogisticRegression())
    with pytest.raises(ArtifactDamaged):
        classify(database, store)
    assert labels(database) == {}
    state = one(database, "SELECT state FROM analysis_runs WHERE model_id = :id", id=model.id)
    assert state == "failed"


def test_people_may_go_back_to_the_rules(
    database: Database, store: ObjectStore, collection, train
) -> None:
    classify(database, store)
    train()
    classify(database, store)
    with database.begin() as connection:
        activate(connection, find_model(connection, "color-rules"))
    assert classify(database, store).model == "color-rules"
    with database.begin() as connection:
        activate(connection, find_model(connection, "color-class"))
    assert classify(database, store).model == "color-class"


def test_without_its_default_the_rules_are_the_default_again(
    database: Database, store: ObjectStore, collection, train
) -> None:
    classify(database, store)
    train()
    remove_model(database, store, "color-class/1", force=True)
    assert one(database, "SELECT count(*) FROM models WHERE kind = 'classifier' "
               "AND is_default") == 0  # fmt: skip
    classify(database, store)
    assert one(
        database, "SELECT name FROM models WHERE kind = 'classifier' AND is_default"
    ) == "color-rules"  # fmt: skip


def test_other_palettes_are_another_version_of_the_rules(
    database: Database, store: ObjectStore, collection
) -> None:
    first = classify(database, store)
    sql(
        database,
        "WITH other AS (INSERT INTO models (name, version, kind) "
        "VALUES ('median-cut', '3', 'palette') RETURNING id), "
        "seen AS (INSERT INTO image_results (image_id, model_id, state) "
        "SELECT 1, id, 'done' FROM other UNION ALL SELECT 2, id, 'empty' FROM other) "
        "INSERT INTO image_colors (image_id, model_id, rank, hex, lab_l, lab_a, lab_b, fraction, "
        "name) SELECT 1, id, 1, '#ffffff', 100, 0, 0, 1, 'white' FROM other",
    )
    with database.begin() as connection:
        activate(connection, find_model(connection, "median-cut"))
    second = classify(database, store)
    assert second.version == "1-median-cut-3" != first.version
    assert (second.done, second.empty) == (1, 1)
    rows = sql(
        database,
        "SELECT l.label, l.score, l.accepted FROM image_labels l WHERE model_id = :id",
        id=second.model_id,
    )
    assert [tuple(row) for row in rows] == [("white", 1.0, True)]
    default = one(database, "SELECT version FROM models WHERE kind = 'classifier' AND is_default")
    assert default == "1-median-cut-3"


def test_what_is_pending_is_an_anti_join(
    database: Database, store: ObjectStore, collection, train
) -> None:
    model = train()
    classify(database, store)
    page = job._FEATURES.page(redo=False).text
    values = {"input_id": 1, "model_id": model.id, "after": 0, "until": 10, "page": 10}
    sql(database, "ANALYZE")
    with database.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        [[plan]] = connection.execute(text(f"EXPLAIN (FORMAT JSON) {page}"), values)
    assert "SubPlan" not in json.dumps(plan)
    assert "Anti" in json.dumps(plan)


def test_the_catalog_makes_it(database: Database) -> None:
    made = make_job("color-class", database)
    assert isinstance(made, CollectionJob)
    assert (made.name, made.model.name, made.model.head) == ("color-class", "color-rules", "color")
