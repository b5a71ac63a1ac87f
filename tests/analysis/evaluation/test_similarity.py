"""Embeddings are measured by shared terms, beside what needs none, and that is kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from support.databases import one, sql
from support.vectors import add_embeddings

from analysis.engine import run_jobs
from analysis.errors import NoEmbeddings, NothingToTrain
from analysis.evaluation.similarity import COLOR, HASH, evaluate_similarity
from analysis.registry.models import Model
from storage.database import Database
from storage.objects import ObjectStore

AddWork = Callable[..., int]
STYLES = ("baroque", "cubism", "fauvism")


@pytest.fixture
def networks(database: Database, add_work: AddWork) -> tuple[Model, Model]:
    """Works of three styles, embedded by a network that knows them, and by one that does not."""
    rng = np.random.default_rng(5)
    knowing, guessing = {}, {}
    for number in range(36):
        image = add_work(
            number,
            size=(32, 24),
            terms={"style": STYLES[number % 3]},
            artist=f"Artist {number // 3}",
        )
        knowing[image] = np.eye(8)[number % 3] + rng.normal(0, 0.1, 8)
        guessing[image] = rng.normal(size=8)
    return (
        add_embeddings(database, knowing, name="knowing"),
        add_embeddings(database, guessing, name="guessing", is_default=False),
    )


def test_what_knows_is_told_from_what_guesses(
    database: Database, store: ObjectStore, networks: tuple[Model, Model]
) -> None:
    run_jobs(database, store, ["features", "duplicates"])
    found = evaluate_similarity(database, store, kinds=("style", "genre"), against="guessing", k=5)
    assert (found.model, found.against) == ("knowing/1", "guessing/1")
    assert (found.images, found.queries, found.learned_from) == (36, 36, 0)
    assert set(found.measures) == {"knowing/1", "guessing/1", COLOR, HASH, "chance"}
    assert found.measures["knowing/1"]["precision"].mean == pytest.approx(1)
    assert found.measures["chance"]["precision"].mean == pytest.approx(11 / 35)
    assert found.measures["guessing/1"]["ndcg"].low < 0.5
    assert found.differences["ndcg"].above_zero
    assert found.drawn_by == "artists"
    # Kept with the model, beside what else is known of it.
    kept = one(database, "SELECT metrics FROM models WHERE name = 'knowing'")["similarity"]
    assert kept == found.as_dict()
    again = evaluate_similarity(
        database, store, kinds=("style", "genre"), model="guessing", against="knowing", k=5
    )
    assert again.differences["ndcg"].mean == pytest.approx(-found.differences["ndcg"].mean)


def test_a_sample_asks_and_baselines_may_be_unknown(
    database: Database, store: ObjectStore, networks: tuple[Model, Model]
) -> None:
    found = evaluate_similarity(database, store, kinds=("style",), queries=10, seed=4)
    assert (found.queries, found.images, found.against) == (10, 36, None)
    assert found.missing == ("colour alone: run `artworks analyze features`",)
    assert COLOR not in found.measures
    same = evaluate_similarity(database, store, kinds=("style",), queries=10, seed=4)
    assert same == found
    harder = evaluate_similarity(database, store, kinds=("style",), without_artist=True)
    assert harder.measures["chance"]["recall"].mean > 10 / 35


def test_nothing_to_find_is_said_with_the_cure(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    with pytest.raises(NoEmbeddings, match="artworks analyze embeddings"):
        evaluate_similarity(database, store, kinds=("style",))
    images = [add_work(number, terms={"style": f"style {number}"}) for number in range(3)]
    add_embeddings(database, {image: [1.0, image] for image in images})
    with pytest.raises(NothingToTrain, match="none of 3 embedded images with a style shares it"):
        evaluate_similarity(database, store, kinds=("style",))
    sql(database, "DELETE FROM artwork_terms")
