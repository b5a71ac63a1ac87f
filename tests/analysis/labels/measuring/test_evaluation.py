"""A classifier is asked again: it says the same, or it is told where not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.classifiers import add_classifier
from support.databases import sql
from support.vectors import add_embeddings

from analysis.errors import (
    ArtifactDamaged,
    NoClassifier,
    NoEmbeddings,
    NoSuchModel,
    NothingToCompare,
    WrongHead,
)
from analysis.labels.classifier import open_classifier
from analysis.labels.measuring import evaluation
from analysis.labels.measuring.evaluation import evaluate_labels
from analysis.labels.scorer import Logits
from analysis.registry.artifacts import model_key
from storage.collection import store_images
from storage.database import Database
from storage.objects import ObjectStore

# mypy: disable-error-code="no-untyped-def"

STYLES = ("baroque", "cubism", "fauvism")
WORKS = 120


@pytest.fixture
def labels(database: Database) -> dict[int, tuple[str]]:
    """Images of three styles, embedded: by id, what they are."""
    rng = np.random.default_rng(3)
    rows = [
        {
            "sha256": f"{number:064x}",
            "object_key": f"images/{number}",
            "preview_key": f"previews/{number}",
            "format": "jpeg",
            "width": 9,
            "height": 9,
            "bytes": 9,
            "phash": number,
        }
        for number in range(WORKS)
    ]
    with database.begin() as connection:
        ids = store_images(connection, rows)
    found, vectors = {}, {}
    for number in range(WORKS):
        image_id, style = ids[f"{number:064x}"], number // 4 % 3
        vectors[image_id] = rng.normal(0, 0.15, 8) + 1.4 * np.eye(8)[style]
        found[image_id] = (STYLES[style],)
    add_embeddings(database, vectors)
    return found


def measured(labels) -> list[int]:
    """The images that measure."""
    return [one for one in labels if one % 4 == 3]


def correct(database: Database, image_id: int, label: str, verdict: str = "yes") -> None:
    sql(
        database,
        "INSERT INTO corrections (image_id, head, label, verdict, author) "
        "VALUES (:image_id, 'style', :label, :verdict, 'ada')",
        image_id=image_id, label=label, verdict=verdict,
    )  # fmt: skip


def test_it_says_the_same(database: Database, store: ObjectStore, labels) -> None:
    model = add_classifier(database, store, labels, blur=0.1)
    found = evaluate_labels(database, store, "style")
    assert found.model == model
    assert found.asked.same
    assert found.asked.images == found.asked.asked == WORKS // 4
    assert found.asked.largest < 1e-6
    for name in ("accuracy", "f1_macro", "map"):
        assert found.asked.measured is not None
        assert found.asked.measured[name] == model.metrics[name]
    assert found.corrected is None
    assert found.comparison is None


def test_of_several_labels_thresholds_count(database: Database, store: ObjectStore, labels) -> None:
    several = {one: (*said, "flat") if one % 3 else said for one, said in labels.items()}
    model = add_classifier(database, store, several, head="tag", mode="multi", blur=0.1)
    found = evaluate_labels(database, store, "tag")
    assert found.asked.same
    assert found.asked.measured is not None
    assert found.asked.measured["per_class"] == model.metrics["per_class"]
    sql(
        database,
        "INSERT INTO corrections (image_id, head, label, verdict, author) "
        "VALUES (:one, 'tag', 'flat', 'no', 'ada')",
        one=next(one for one in measured(labels) if one % 3),
    )
    corrected = evaluate_labels(database, store, "tag").corrected
    assert corrected is not None
    assert (corrected.images, corrected.unknown) == (1, 0)


def test_what_changed_and_what_is_gone_is_told(
    database: Database, store: ObjectStore, labels
) -> None:
    add_classifier(database, store, labels)
    first, second, third, *_ = measured(labels)
    sql(database, "DELETE FROM images WHERE id = :one", one=first)
    sql(database, "DELETE FROM image_embeddings WHERE image_id = :one", one=second)
    sql(
        database,
        "UPDATE image_embeddings SET embedding = (SELECT embedding FROM image_embeddings "
        "WHERE image_id = :other) WHERE image_id = :one",
        one=third, other=next(one for one in labels if labels[one] != labels[third]),
    )  # fmt: skip
    asked = evaluate_labels(database, store, "style").asked
    assert (asked.gone, asked.unreadable, asked.differing) == (1, 1, 1)
    assert asked.asked == asked.images - 2
    assert asked.largest > 0.1
    assert not asked.same
    assert asked.measured is not None
    assert sum(one["support"] for one in asked.measured["per_class"]) == asked.asked


def test_people_outrank_the_truth_that_it_was_measured_with(
    database: Database, store: ObjectStore, labels
) -> None:
    model = add_classifier(database, store, labels)
    assert model.metrics["accuracy"] == 1
    first, second, third, fourth, *_ = measured(labels)
    correct(database, first, next(one for one in STYLES if one not in labels[first]))
    correct(database, second, labels[second][0])
    correct(database, third, "rococo")
    correct(database, fourth, labels[fourth][0], "no")
    correct(database, next(one for one in labels if one % 4 == 0), "rococo")
    found = evaluate_labels(database, store, "style").corrected
    assert found is not None
    # The second says what was known; of the third and the fourth, nobody knows a label.
    assert (found.images, found.unknown) == (3, 2)
    assert found.measured is not None
    assert found.measured["accuracy"] == pytest.approx(1 - 1 / (WORKS // 4 - 2), abs=1e-6)


def test_two_on_the_same_images(database: Database, store: ObjectStore, labels) -> None:
    good = add_classifier(database, store, labels)
    poor = add_classifier(database, store, labels, version="2", is_default=False, blur=1.5)
    found = evaluate_labels(database, store, "style", model=poor.label, against=good.label)
    assert found.comparison is not None
    assert found.comparison.images == WORKS // 4
    assert found.comparison.worse
    assert found.as_dict()["comparison"]["differences"]["accuracy"]["high"] < 0
    add_classifier(database, store, labels, version="3", mode="multi", is_default=False)
    with pytest.raises(NothingToCompare, match="one label of an image and probe-style/3 several"):
        evaluate_labels(database, store, "style", against="probe-style/3")


class Brightness:
    """Says the second label of what is bright."""

    method = "probe"
    reads = "pixels"

    def logits(self, inputs) -> Logits:
        bright = [float(picture.mean()) / 255 - 0.5 for picture in inputs]
        return np.array([(-one, one) for one in bright], np.float32)


def test_pictures_are_looked_at_again(
    database: Database, store: ObjectStore, add_work, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [add_work(number, size=(60, 40)) for number in range(40)]
    add_embeddings(database, {one: np.eye(2)[one % 2] + 0.1 for one in ids})
    add_classifier(database, store, {one: (STYLES[one // 2 % 2],) for one in ids})
    sql(database, 'UPDATE models SET params = params || \'{"reads": "pixels"}\'')

    def opened(store, model):
        return replace(open_classifier(store, model), scorer=Brightness())

    monkeypatch.setattr(evaluation, "open_classifier", opened)
    monkeypatch.setattr(evaluation, "BATCH", 3)
    told = []
    found = evaluate_labels(
        database, store, "style", progress=lambda _, done, total: told.append((done, total))
    ).asked
    assert told == [(3, 10), (6, 10), (9, 10), (10, 10)]
    assert (found.asked, found.unreadable, found.differing) == (10, 0, 10)
    [[key]] = sql(database, "SELECT preview_key FROM images WHERE id = :one", one=ids[2])
    assert ids[2] % 4 == 3
    store.delete(key)
    fewer = evaluate_labels(database, store, "style").asked
    assert (fewer.asked, fewer.unreadable) == (9, 1)
    assert fewer.measured is not None
    assert sum(one["support"] for one in fewer.measured["per_class"]) == 9


def test_what_cannot_be_evaluated(database: Database, store: ObjectStore, labels) -> None:
    with pytest.raises(WrongHead, match='no head "smell"'):
        evaluate_labels(database, store, "smell")
    with pytest.raises(NoClassifier, match="artworks train genre"):
        evaluate_labels(database, store, "genre")
    with pytest.raises(WrongHead, match=r"test-network/1 is a model of kind embedding, not style"):
        evaluate_labels(database, store, "style", model="test-network")
    with pytest.raises(NoSuchModel):
        evaluate_labels(database, store, "style", model="probe-style/9")
    model = add_classifier(database, store, labels)
    with pytest.raises(WrongHead, match="tells style, not genre"):
        evaluate_labels(database, store, "genre", model=model.label)
    sql(database, "DELETE FROM models WHERE kind = 'embedding'")
    with pytest.raises(NoEmbeddings, match="registered no more"):
        evaluate_labels(database, store, "style")


@pytest.mark.parametrize("file", ["classifier.npz", "predictions.npz"])
def test_bytes_that_were_replaced_are_refused(
    database: Database, store: ObjectStore, labels, file: str
) -> None:
    add_classifier(database, store, labels)
    store.put(model_key("probe-style", "1", file), b"other", content_type="text/plain")
    with pytest.raises(ArtifactDamaged, match=file):
        evaluate_labels(database, store, "style")
