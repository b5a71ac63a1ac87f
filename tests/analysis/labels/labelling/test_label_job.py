"""The jobs `labels-<head>`: what default classifiers say of all images, and never mixed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from support.databases import one, sql
from support.labellers import add_labeller
from support.vectors import add_embeddings

from analysis.catalog import check_name, make_job, make_jobs
from analysis.engine import RunSummary, run_jobs
from analysis.errors import ArtifactDamaged, NoClassifier, NoEmbeddings, UnknownJob
from analysis.jobs import RGB, CollectionJob, ImageJob
from analysis.labels import classifier
from analysis.labels.labelling import job
from analysis.labels.people.corrections import record_verdict
from analysis.labels.scorer import Arrays, Logits, Reads
from analysis.overview import job_states
from analysis.registry.artifacts import save_bytes
from analysis.registry.models import activate
from analysis.registry.removal import remove_model
from storage.database import Database
from storage.images import decode_rgb
from storage.objects import ObjectStore

# mypy: disable-error-code="no-untyped-def"

STYLES = ("cubism", "fauvism", "realism")
VECTORS = {1: (1, 0, 0), 2: (0, 1, 0), 3: (0, 0, 1), 4: (1, 0.1, 0), 5: (0, 1, 0.1), 6: (1, 1, 1)}
"""The last one is of no style, or of any."""


class Brightness:
    """Tells bright pictures from dark ones: a scorer of pixels."""

    method = "brightness"
    reads: Reads = "pixels"

    def logits(self, inputs: Sequence[RGB]) -> Logits:
        means = np.array([image.mean() / 255 - 0.5 for image in inputs])
        return np.stack([8 * means, -8 * means], axis=1).astype(np.float32)

    def settings(self) -> dict[str, Any]:
        return {}

    def arrays(self) -> Arrays:
        return {}


@pytest.fixture
def works(database: Database, add_work) -> list[int]:
    """Six works with vectors."""
    ids = [add_work(number) for number in VECTORS]
    add_embeddings(database, VECTORS)
    return ids


@pytest.fixture
def pixels(monkeypatch: pytest.MonkeyPatch) -> Brightness:
    """A scorer of pixels that artifacts may be made of."""

    def opened(_settings: Mapping[str, Any], _arrays: Arrays) -> Brightness:
        return Brightness()

    known = MappingProxyType({**classifier.OPENERS, Brightness.method: opened})
    monkeypatch.setattr(classifier, "OPENERS", known)
    return Brightness()


def label(database: Database, store: ObjectStore, name: str = "labels", **options) -> RunSummary:
    [summary] = run_jobs(database, store, [name], **options)
    return summary


def labels(database: Database, model_id: int) -> dict[int, dict[str, float]]:
    """Image to its labels and scores."""
    found: dict[int, dict[str, float]] = {}
    for row in sql(
        database,
        "SELECT * FROM image_labels WHERE model_id = :id ORDER BY image_id, score DESC",
        id=model_id,
    ):
        found.setdefault(row.image_id, {})[row.label] = row.score
    return found


def accepted(database: Database, model_id: int) -> list[tuple[int, str]]:
    rows = sql(
        database,
        "SELECT image_id, label FROM image_labels WHERE model_id = :id AND accepted ORDER BY 1, 2",
        id=model_id,
    )
    return [tuple(row) for row in rows]


def test_every_image_gets_its_label_and_how_odd_it_is(
    database: Database, store: ObjectStore, works
) -> None:
    model = add_labeller(database, store, "style", STYLES)
    summary = label(database, store)
    assert (summary.job, summary.model, summary.done) == ("labels-style", "probe-style", 6)
    assert [name for _, name in accepted(database, model.id)] == [
        *("cubism", "fauvism", "realism", "cubism", "fauvism", "cubism")
    ]
    for scores in labels(database, model.id).values():
        kept = list(scores.values())
        assert kept == sorted(kept, reverse=True)
        assert all(score >= 0.05 for score in kept[1:])
    rows = sql(database, "SELECT * FROM image_outliers ORDER BY image_id")
    assert [row.is_outlier for row in rows] == [False] * 5 + [True]
    assert {row.model_id for row in rows} == {model.id}
    assert [row.label for row in rows[:3]] == ["style:cubism", "style:fauvism", "style:realism"]
    # Equal scores say nothing, which is twice what is usual; from the axes it is further still.
    assert rows[-1].score == pytest.approx((1 - 1 / np.sqrt(3)) / 0.2, abs=0.01)


def test_of_several_labels_those_above_their_thresholds_count(
    database: Database, store: ObjectStore, add_work
) -> None:
    for number in range(1, 4):
        add_work(number)
    add_embeddings(database, {1: (1, 1, 0), 2: (1, 0, 0), 3: (1, 1, 1)})
    model = add_labeller(database, store, "subject", ("cat", "dog", "owl"), mode="multi")
    label(database, store)
    said = {image_id: set(labels(database, model.id)[image_id]) for image_id in (1, 2, 3)}
    assert said == {1: {"cat", "dog"}, 2: {"cat"}, 3: {"cat", "dog", "owl"}}
    assert len(accepted(database, model.id)) == 6


def test_only_what_is_new_is_looked_at(
    database: Database, store: ObjectStore, works, add_work
) -> None:
    model = add_labeller(database, store, "style", STYLES)
    label(database, store)
    before = labels(database, model.id)
    again = label(database, store)
    assert (again.images, "waiting" in again.details) == (0, False)
    new = add_work(7)
    waiting = label(database, store)
    assert (waiting.images, waiting.details["waiting"]) == (0, 1)
    assert waiting.details["next"] == "artworks analyze embeddings"
    add_embeddings(database, {new: (0, 0, 1)})
    assert label(database, store).done == 1
    assert accepted(database, model.id)[-1] == (new, "realism")
    assert before.items() <= labels(database, model.id).items()


def test_limit_and_redo(database: Database, store: ObjectStore, works) -> None:
    model = add_labeller(database, store, "style", STYLES)
    told: list[tuple[int, int]] = []
    progress = told.append
    assert label(database, store, limit=4, progress=lambda *step: progress(step)).done == 4
    assert told == [(0, 4), (4, 4)]
    assert label(database, store).done == 2
    whole = labels(database, model.id)
    sql(database, "UPDATE image_labels SET label = 'wrong' WHERE accepted")
    sql(database, "UPDATE image_outliers SET score = 99")
    assert label(database, store).done == 0
    assert label(database, store, redo=True).done == 6
    assert labels(database, model.id) == whole
    assert one(database, "SELECT max(score) FROM image_outliers") < 99


def test_whatever_stops_it_the_next_run_goes_on(
    database: Database, store: ObjectStore, works, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = add_labeller(database, store, "style", STYLES)
    monkeypatch.setattr(job, "BATCH", 2)

    def stop(done: int, _total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        label(database, store, progress=stop)
    assert list(labels(database, model.id)) == [1, 2, 3, 4]
    assert one(database, "SELECT count(*) FROM image_outliers") == 4
    assert label(database, store).done == 2
    in_pieces = labels(database, model.id)
    assert label(database, store, redo=True).done == 6
    assert labels(database, model.id) == in_pieces


def test_an_image_without_vector_has_no_label_and_is_seen(
    database: Database, store: ObjectStore, works
) -> None:
    model = add_labeller(database, store, "style", STYLES)
    sql(database, "DELETE FROM image_embeddings WHERE image_id = 2")
    sql(database, "UPDATE image_results SET state = 'empty' WHERE image_id = 2")
    summary = label(database, store)
    assert (summary.done, summary.empty) == (5, 1)
    assert 2 not in labels(database, model.id)
    assert label(database, store).images == 0


def test_what_no_work_shows_is_left_alone(database: Database, store: ObjectStore, works) -> None:
    model = add_labeller(database, store, "style", STYLES)
    sql(database, "UPDATE image_sources SET gone_at = now() WHERE image_id = 1")
    assert label(database, store).done == 5
    assert 1 not in labels(database, model.id)


def test_an_image_taken_down_meanwhile_is_left_out(
    database: Database, store: ObjectStore, works, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = add_labeller(database, store, "style", STYLES)
    say = job.say

    def slow(*arguments: Any) -> Any:
        sql(database, "DELETE FROM images WHERE id = 3")
        return say(*arguments)

    monkeypatch.setattr(job, "say", slow)
    assert label(database, store).done == 5
    assert 3 not in labels(database, model.id)


def test_two_models_never_mix(database: Database, store: ObjectStore, works) -> None:
    first = add_labeller(database, store, "style", STYLES)
    label(database, store)
    kept = labels(database, first.id)
    second = add_labeller(database, store, "style", ("new", "newer", "newest"))
    assert (second.version, label(database, store).done) == ("2", 6)
    assert labels(database, first.id) == kept
    assert {name for _, name in accepted(database, second.id)} == {"new", "newer", "newest"}
    current = "SELECT DISTINCT label FROM current_labels WHERE accepted ORDER BY 1"
    assert [row.label for row in sql(database, current)] == ["new", "newer", "newest"]
    with database.begin() as connection:
        activate(connection, first)
    assert [row.label for row in sql(database, current)] == list(STYLES)


def test_each_head_has_a_job_of_its_own(database: Database, store: ObjectStore, works) -> None:
    for head in ("genre", "style"):
        add_labeller(database, store, head, STYLES)
    add_labeller(database, store, "place", STYLES, is_default=False)
    assert [made.name for made in make_jobs("labels", database)] == ["labels-style", "labels-genre"]
    ran = run_jobs(database, store, ["labels-genre", "labels"])
    assert [(one.job, one.done) for one in ran] == [("labels-genre", 6), ("labels-style", 6)]
    heads = sql(database, "SELECT DISTINCT head FROM image_labels ORDER BY 1")
    assert [row.head for row in heads] == ["genre", "style"]
    states = job_states(database, ["labels"])
    assert [(one.job, one.model, one.pending) for one in states] == [
        ("labels-style", "probe-style", 0),
        ("labels-genre", "probe-genre", 0),
    ]


def test_names_of_jobs(database: Database) -> None:
    for name in ("labels", "labels-style", "labels-category"):
        check_name(name)
    for name in ("labels-color", "labels-", "label", "labels-mood"):
        with pytest.raises(UnknownJob, match=f'no job "{name}"'):
            check_name(name)
    assert make_jobs("labels", database) == ()
    [colors] = make_jobs("color-class", database)
    assert colors.name == make_job("color-class", database).name == "color-class"
    with pytest.raises(UnknownJob, match="such as labels-style"):
        make_job("labels", database)
    with pytest.raises(NoClassifier, match=r"no classifier of style .* `artworks train style`"):
        make_job("labels-style", database)
    with pytest.raises(NoClassifier, match=r"no classifier is the default: .* train style"):
        job.require_classifiers(database)


def test_what_cannot_be_loaded_labels_nothing(
    database: Database, store: ObjectStore, works
) -> None:
    model = add_labeller(database, store, "style", STYLES)
    save_bytes(store, "probe-style", "1", "classifier.npz", b"something else")
    with pytest.raises(ArtifactDamaged, match="artworks train style"):
        label(database, store)
    assert labels(database, model.id) == {}
    assert one(database, "SELECT state FROM analysis_runs") == "failed"


def test_embeddings_that_are_gone_are_named(database: Database, store: ObjectStore, works) -> None:
    add_labeller(database, store, "style", STYLES)
    remove_model(database, store, "test-network/1", force=True)
    with pytest.raises(NoEmbeddings, match=r"test-network/1.*artworks train style"):
        label(database, store)


def test_whoever_waits_for_other_embeddings_is_told_which(
    database: Database, store: ObjectStore, works, add_work
) -> None:
    add_labeller(database, store, "style", STYLES)
    add_embeddings(database, {1: (1, 0)}, name="another")
    sql(database, "UPDATE models SET is_default = name = 'another' WHERE kind = 'embedding'")
    add_work(7)
    waiting = label(database, store).details
    assert waiting["next"] == "ARTWORKS_EMBEDDING=test-network artworks analyze embeddings"


def test_removing_a_classifier_takes_all_of_it(
    database: Database, store: ObjectStore, works
) -> None:
    add_labeller(database, store, "style", STYLES)
    for file in ("predictions.npz", "report.html", "card.md"):
        save_bytes(store, "probe-style", "1", file, b"of it")
    label(database, store)
    removed = remove_model(database, store, "probe-style/1", force=True)
    assert removed.rows["image_labels"] >= 6
    assert removed.rows["image_outliers"] == 6
    assert [key.rpartition("/")[2] for key in removed.objects] == [
        *("card.md", "classifier.npz", "predictions.npz", "report.html")
    ]


def test_pictures_are_read_together_with_other_jobs(
    database: Database, store: ObjectStore, works, pixels: Brightness
) -> None:
    model = add_labeller(database, store, "genre", ("day", "night"), scorer=pixels)
    assert isinstance(make_job("labels-genre", database), ImageJob)
    ran = {one.job: one for one in run_jobs(database, store, ["features", "labels-genre"])}
    assert ran["labels-genre"].done == 6
    assert ran["labels-genre"].shared_with == ("features",)
    said = dict(accepted(database, model.id))
    odd = dict(sql(database, "SELECT image_id, score FROM image_outliers"))
    for image_id, key in sql(database, "SELECT id, preview_key FROM images"):
        [scores] = pixels.logits([decode_rgb(store.get(key))])
        assert said[image_id] == ("day" if scores[0] > 0 else "night")
        # By the entropy of what is said: a little grey makes the classifier unsure.
        share = 1 / (1 + np.exp(-abs(scores[0] - scores[1])))
        entropy = -(share * np.log2(share) + (1 - share) * np.log2(1 - share))
        assert odd[image_id] == pytest.approx(entropy / 0.5, abs=1e-3)
    assert label(database, store, "labels-genre").images == 0
    assert label(database, store, "labels-genre", redo=True).done == 6
    assert one(database, "SELECT count(*) FROM image_outliers") == 6


def test_a_classifier_of_pictures_that_is_damaged_blames_no_image(
    database: Database, store: ObjectStore, works, pixels: Brightness
) -> None:
    add_labeller(database, store, "genre", ("day", "night"), scorer=pixels)
    save_bytes(store, "brightness-genre", "1", "classifier.npz", b"something else")
    with pytest.raises(ArtifactDamaged, match="artworks train genre"):
        label(database, store, "labels-genre")
    assert one(database, "SELECT count(*) FROM failures") == 0
    assert one(database, "SELECT state FROM analysis_runs") == "failed"


def test_a_picture_that_cannot_be_read_is_written_down(
    database: Database, store: ObjectStore, works, pixels: Brightness
) -> None:
    add_labeller(database, store, "genre", ("day", "night"), scorer=pixels)
    store.delete(one(database, "SELECT preview_key FROM images WHERE id = 2"))
    summary = label(database, store, "labels-genre")
    assert (summary.done, summary.failed, dict(summary.reasons)) == (5, 1, {"object_missing": 1})


def test_people_outrank_models_in_every_view(database: Database, store: ObjectStore, works) -> None:
    add_labeller(database, store, "style", STYLES)
    add_labeller(database, store, "subject", ("cat", "dog", "owl"), mode="multi")
    label_all = run_jobs(database, store, ["labels"])
    assert [summary.done for summary in label_all] == [6, 6]
    with database.begin() as connection:
        record_verdict(connection, 1, "style", "realism", "yes", "Ada")
        record_verdict(connection, 1, "subject", "dog", "yes", "Ada")
        record_verdict(connection, 2, "style", "fauvism", "no", "Ada")

    def current(image_id: int, head: str) -> dict[str, tuple[bool, str]]:
        rows = sql(
            database,
            "SELECT label, accepted, said_by FROM artwork_labels "
            "WHERE image_id = :image AND head = :head",
            image=image_id,
            head=head,
        )
        return {row.label: (row.accepted, row.said_by) for row in rows}

    # One style: the person's leaves no room for the model's. Several subjects: it does.
    assert current(1, "style") == {"cubism": (False, "model"), "realism": (True, "person")}
    assert current(1, "subject") == {"cat": (True, "model"), "dog": (True, "person")}
    assert current(2, "style") == {"fauvism": (False, "person")}
    overview = dict(sql(database, "SELECT image_id, labels FROM artwork_overview"))
    assert overview[1] == {"style": "realism", "subject": "dog"}
    assert overview[2] == {"subject": "dog"}
    assert overview[3] == {"style": "realism", "subject": "owl"}
    # What the model says is kept, and labelling anew withdraws nothing that people said.
    label(database, store, "labels-style", redo=True)
    assert current(1, "style")["realism"] == (True, "person")


def test_what_is_pending_is_an_anti_join(database: Database, store: ObjectStore, works) -> None:
    model = add_labeller(database, store, "style", STYLES)
    label(database, store)
    values = {"input_id": 1, "model_id": model.id, "after": 0, "until": 10, "page": 10}
    sql(database, "ANALYZE")
    for query in (job._EMBEDDED.page(redo=False), job._EMBEDDED.count(redo=False)):
        with database.begin() as connection:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            [[plan]] = connection.execute(text(f"EXPLAIN (FORMAT JSON) {query.text}"), values)
        assert "SubPlan" not in json.dumps(plan)
        assert "Anti" in json.dumps(plan)
    assert isinstance(make_job("labels-style", database), CollectionJob)
