"""What people say of labels counts wherever labels are read, and goes with the image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.databases import one, sql
from support.labellers import add_labeller
from support.vectors import add_embeddings

from analysis.clusters.terms import count_terms
from analysis.colors.classes.examples import read_examples
from analysis.engine import run_jobs
from analysis.errors import NothingToTrain
from analysis.evaluation.collection import read_labels
from analysis.labels.people.corrections import record_verdict
from analysis.labels.people.truth import corrected
from analysis.outliers import job as outliers
from analysis.outliers.labels import read_labels as read_groups
from storage.database import Database
from storage.forgettable import find_image
from storage.forgetting import forget
from storage.objects import ObjectStore
from storage.reports import remove_reports

# mypy: disable-error-code="no-untyped-def"

LABELS = st.sampled_from(("red", "green", "blue"))
VERDICTS = st.dictionaries(LABELS, st.booleans())


@given(st.sets(LABELS), VERDICTS)
def test_of_several_labels_each_is_corrected_alone(labels: set[str], people) -> None:
    found = corrected(labels, people, "multi")
    assert found == sorted(set(found))
    for label in ("red", "green", "blue"):
        assert (label in found) == people.get(label, label in labels)


@given(st.sets(LABELS, max_size=1), VERDICTS)
def test_of_one_label_a_yes_takes_the_place_of_all_others(labels: set[str], people) -> None:
    yes = sorted(label for label, verdict in people.items() if verdict)
    found = corrected(labels, people, "single")
    assert found == (yes or sorted(label for label in labels if people.get(label, True)))


def say(database: Database, image_id: int, head: str, label: str, verdict="yes") -> None:
    with database.begin() as connection:
        record_verdict(connection, image_id, head, label, verdict, "Ada")


def test_measures_and_projections_learn_what_people_say(database: Database, add_work) -> None:
    for number, terms in enumerate([{"style": "Cubism"}, {"style": "Fauvism"}, {}, {}], start=1):
        add_work(number, terms=terms)
    model = add_embeddings(database, {number: (1, number) for number in range(1, 5)})

    def terms() -> dict[int, list[str]]:
        with database.begin() as connection:
            found = read_labels(connection, ["style", "subject"], [model.id])
        places = range(len(found))
        return {
            int(found.ids[at]): [*found.terms["style"][at], *found.terms["subject"][at]]
            for at in places
        }

    assert terms() == {1: ["cubism"], 2: ["fauvism"]}
    say(database, 1, "style", "realism")
    say(database, 2, "style", "fauvism", "no")
    say(database, 3, "subject", "cat")
    say(database, 4, "subject", "dog", "no")
    assert terms() == {1: ["realism"], 3: ["cat"]}
    say(database, 2, "style", "fauvism", "yes")
    assert terms() == {1: ["realism"], 2: ["fauvism"], 3: ["cat"]}
    # Without the person's yes, what the page says counts again.
    say(database, 1, "style", "realism", "no")
    assert terms() == {1: ["cubism"], 2: ["fauvism"], 3: ["cat"]}
    for image_id, head, label in ((1, "style", "cubism"), (2, "style", "fauvism")):
        say(database, image_id, head, label, "no")
    say(database, 3, "subject", "cat", "no")
    with pytest.raises(NothingToTrain):
        terms()


def test_the_classifier_of_colours_learns_what_people_say(
    database: Database, store: ObjectStore, add_work
) -> None:
    for number, terms in enumerate([{"color": "Red"}, {"color": "Blue"}, {}], start=1):
        add_work(number, terms=terms)
    run_jobs(database, store, ["features"])

    def examples() -> dict[str, str]:
        with database.begin() as connection:
            found = read_examples(connection)
        return dict(zip(found.sha256, found.labels.tolist(), strict=True))

    sha256 = dict(sql(database, "SELECT id, sha256 FROM images"))
    assert examples() == {sha256[1]: "red", sha256[2]: "blue"}
    say(database, 1, "color", "orange")
    say(database, 2, "color", "blue", "no")
    say(database, 3, "color", "green")
    assert examples() == {sha256[1]: "orange", sha256[3]: "green"}


def test_what_is_odd_is_compared_with_what_people_say_it_is(database: Database, add_work) -> None:
    for number, style in enumerate(["Cubism", "Cubism", "Fauvism", "Fauvism"], start=1):
        add_work(number, terms={"style": style, "category": "painting"})

    def groups() -> dict[str, list[int]]:
        with database.begin() as connection:
            found = read_groups(connection, np.arange(1, 5), 1)
        return {group.label: (group.places + 1).tolist() for group in found}

    assert groups() == {"style:Cubism": [1, 2], "style:Fauvism": [3, 4]}
    say(database, 2, "style", "fauvism")
    say(database, 3, "style", "fauvism", "no")
    assert groups() == {"category:painting": [3], "style:Cubism": [1], "style:Fauvism": [2, 4]}


def test_what_people_say_is_reason_to_score_anew(database: Database, add_work) -> None:
    add_work(1)

    def read() -> str:
        with database.begin() as connection:
            values = {"embedding": 0, "kinds": list(outliers.KINDS)}
            return str(connection.scalar(outliers._INPUT, values))

    before = read()
    say(database, 1, "tag", "odd")
    assert read() == before
    say(database, 1, "style", "fauvism")
    assert read() != before


def test_themes_of_groups_have_the_colours_that_people_say(
    database: Database, store: ObjectStore, add_work
) -> None:
    ids = [add_work(number) for number in (1, 2)]
    run_jobs(database, store, ["colors", "color-class"])
    sql(database, "INSERT INTO models (name, version, kind) VALUES ('groups', '1', 'clusters')")
    model_id = one(database, "SELECT id FROM models WHERE name = 'groups'")
    sql(
        database,
        "INSERT INTO clusters (model_id, cluster, size) VALUES (:id, 0, 2)",
        id=model_id,
    )
    sql(
        database,
        "INSERT INTO image_clusters (image_id, model_id, cluster, probability) "
        "SELECT id, :id, 0, 1 FROM images",
        id=model_id,
    )

    def colors() -> set[str]:
        with database.begin() as connection:
            said, _ = count_terms(connection, model_id)
        return {one.name for one in said if one.kind == "color"}

    before = colors()
    assert "ultramarine" not in before
    for image_id in ids:
        say(database, image_id, "color", "ultramarine")
    assert colors() == {"ultramarine"}


def test_what_is_forgotten_takes_its_corrections_along(
    database: Database, store: ObjectStore, add_work
) -> None:
    ids = [add_work(number) for number in (1, 2)]
    add_embeddings(database, dict(zip(ids, [(1, 0), (0, 1)], strict=True)))
    add_labeller(database, store, "style", ("cubism", "fauvism"))
    run_jobs(database, store, ["labels"])
    for image_id in ids:
        say(database, image_id, "style", "realism")
    sha256 = one(database, "SELECT sha256 FROM images WHERE id = :id", id=ids[0])
    other = one(database, "SELECT sha256 FROM images WHERE id = :id", id=ids[1])
    for version, shown in (("1", sha256), ("2", other)):
        page = f'<figure data-image="{shown}"></figure>'.encode()
        store.put(f"models/probe-style/{version}/report.html", page, content_type="text/html")
    with database.begin() as connection:
        target = find_image(connection, sha256)
    taken = forget(database, target, reason=None, label="")
    assert [row.image_id for row in sql(database, "SELECT image_id FROM corrections")] == [ids[1]]
    assert one(database, "SELECT count(*) FROM current_labels WHERE image_id = :id", id=ids[0]) == 0
    # Reports of classifiers show pictures: those that show this one go.
    assert remove_reports(database, store, taken.hashes) == 1
    kept = [info.key for info in store.list("models/") if info.key.endswith(".html")]
    assert kept == ["models/probe-style/2/report.html"]
