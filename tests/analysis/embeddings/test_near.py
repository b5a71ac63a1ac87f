"""What is nearest in the database: the function for people and the one for programs agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from support import databases
from support.vectors import add_embeddings

from analysis.embeddings.copying import copy_embeddings
from analysis.embeddings.near import nearest
from analysis.embeddings.stored import Vectors
from analysis.embeddings.vector_index import ensure_vector_index, index_name
from analysis.errors import NoEmbeddings, WrongSearch
from analysis.jobs import ModelSpec
from analysis.registry.models import Model, find_model
from analysis.results import register_model
from storage.database import Database

AddWork = Callable[..., int]
COUNT = 6000
SIZE = 32
TERMS = {"half": 2, "twentieth": 20, "rare": 200, "nobody's": COUNT + 1}
"""Categories, and one of how many works has each."""
LIKE = text("SELECT image_id, distance FROM images_like_image(:image, :most, :site, :category)")
USED = text("SELECT pg_stat_get_xact_numscans(to_regclass(:name))")


@dataclass(frozen=True, repr=False)
class Gallery:
    """Works with one image each; ids from 1 on."""

    model: Model
    vectors: Vectors
    """As they are stored."""
    terms: dict[str, npt.NDArray[np.bool_]]
    sites: npt.NDArray[np.bool_]
    """Whether a work is of the first site."""

    def nearest(self, vector: npt.ArrayLike, fits: npt.NDArray[np.bool_], limit: int) -> list[int]:
        distances = 1.0 - self.vectors @ np.asarray(vector, np.float32)
        order = np.argsort(np.where(fits, distances, np.inf), kind="stable")[:limit]
        return [int(at) + 1 for at in order if fits[at]]


@pytest.fixture(scope="module")
def museum(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[Database]:
    """A database of this module's own: filling it takes longer than searching."""
    with databases.migrated(new_database) as database:
        yield database


@pytest.fixture(scope="module")
def gallery(museum: Database) -> Gallery:
    """A collection that is large enough for the index to be of use, and the index."""
    database = museum
    rng = np.random.default_rng(0)
    middles = rng.standard_normal((40, SIZE))
    vectors = middles[rng.integers(0, 40, COUNT)] + 0.6 * rng.standard_normal((COUNT, SIZE))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    terms = {name: rng.permutation(COUNT) % one_in == 0 for name, one_in in TERMS.items()}
    terms["nobody's"][:] = False
    to_middle = vectors.astype(np.float32) @ middles[0]
    terms["alike"] = to_middle >= np.quantile(to_middle, 0.6)  # two in five, in one place
    sites = rng.random(COUNT) < 0.5
    spec = ModelSpec("net", "1", "embedding", params={"dimensions": SIZE}, is_default=True)
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO images (sha256, object_key, preview_key, format, width, height, "
                "bytes, phash) SELECT lpad(to_hex(n), 64, '0'), 'i/' || n, 'p/' || n, 'jpeg', 5, "
                "4, 3, 0 FROM generate_series(1, :count) n"
            ),
            {"count": COUNT},
        )
        connection.execute(
            text(
                "INSERT INTO artworks (site, source_id, page_url, title, content_hash) "
                "SELECT CASE WHEN here THEN 'one' ELSE 'other' END, n, 'u' || n, 't', 'x' "
                "FROM unnest(CAST(:sites AS boolean[])) WITH ORDINALITY u(here, n) ORDER BY n"
            ),
            {"sites": sites.tolist()},
        )
        connection.execute(
            text(
                "INSERT INTO image_sources (artwork_id, position, url, image_id) "
                "SELECT n, 0, 'i' || n, n FROM generate_series(1, :count) n"
            ),
            {"count": COUNT},
        )
        for name, having in terms.items():
            connection.execute(
                text(
                    "WITH t AS (INSERT INTO terms (kind, name) VALUES ('category', :name) "
                    "RETURNING id) INSERT INTO artwork_terms (artwork_id, term_id, source) "
                    "SELECT w, t.id, 'page' FROM t, unnest(CAST(:works AS bigint[])) w"
                ),
                {"name": name, "works": (np.flatnonzero(having) + 1).tolist()},
            )
        model_id = register_model(connection, spec)
        copy_embeddings(connection, model_id, np.arange(1, COUNT + 1), vectors)
        model = find_model(connection, "net/1")
        connection.execute(text("ANALYZE"))
    assert ensure_vector_index(database, model).made
    return Gallery(model, vectors.astype(np.float32), terms, sites)


def queries(gallery: Gallery, count: int) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(1)
    near = gallery.vectors[rng.integers(0, COUNT, count)]
    return near + 0.05 * rng.standard_normal(near.shape, np.float32)


def test_filters_keep_their_recall_and_the_index_is_used(
    museum: Database, gallery: Gallery
) -> None:
    everything = np.ones(COUNT, bool)
    name = {"name": index_name(gallery.model.id)}
    asked = queries(gallery, 25)
    for terms, site, fits, walked in [
        ((), None, everything, True),
        ((), "one", gallery.sites, True),
        (("half",), None, gallery.terms["half"], True),
        (("half",), "one", gallery.terms["half"] & gallery.sites, False),
        (("alike",), None, gallery.terms["alike"], True),
        (("twentieth",), None, gallery.terms["twentieth"], False),
        (("half", "twentieth"), None, gallery.terms["half"] & gallery.terms["twentieth"], False),
        (("rare",), None, gallery.terms["rare"], False),
        (("nobody's",), None, gallery.terms["nobody's"], False),
    ]:
        with museum.begin() as connection:
            used = connection.scalar(USED, name)
            hits = []
            for vector in asked:
                found = nearest(
                    connection,
                    gallery.model,
                    vector,
                    limit=10,
                    site=site,
                    terms=[("category", term) for term in terms],
                )
                exact = gallery.nearest(vector, fits, 10)
                ids = [image_id for image_id, _ in found]
                assert len(ids) == len(exact)
                assert all(fits[image_id - 1] for image_id in ids)
                assert found == sorted(found, key=lambda pair: (pair[1], pair[0]))
                hits.append(len(set(ids) & set(exact)) / max(1, len(exact)))
            used = connection.scalar(USED, name) - used
        case = f"{terms} {site}"
        if walked:
            assert used == len(asked), case
            # What is alike lies far from most queries.
            assert np.mean(hits) >= (0.95 if terms == ("alike",) else 0.98), case
        else:
            assert used == 0, case
            assert len(exact) == 0 or np.mean(hits) >= 0.99, case


def test_far_from_what_fits_all_of_it_is_found(museum: Database, gallery: Gallery) -> None:
    """The index is given up where it goes past too many that do not fit."""
    with museum.engine.connect() as connection:  # nothing is committed
        connection.execute(
            text("UPDATE image_sources SET gone_at = now() WHERE image_id > 7 AND image_id < 5990")
        )
        found = nearest(connection, gallery.model, 1, limit=50)
    assert sorted(image_id for image_id, _ in found) == [*range(2, 8), *range(5990, COUNT + 1)]


def test_settings_of_the_transaction_stay_as_they_were(museum: Database, gallery: Gallery) -> None:
    with museum.begin() as connection:
        connection.execute(text("SET LOCAL hnsw.ef_search = 77"))
        nearest(connection, gallery.model, 1)
        assert connection.scalar(text("SHOW hnsw.ef_search")) == "77"
        assert connection.scalar(text("SHOW hnsw.iterative_scan")) == "off"
        assert connection.scalar(text("SHOW enable_sort")) == "on"


@settings(max_examples=25)
@given(
    image=st.integers(1, COUNT),
    most=st.integers(1, 300),
    site=st.sampled_from([None, "one", "none"]),
    category=st.sampled_from([None, *TERMS]),
)
def test_sql_and_python_give_the_same(
    museum: Database,
    gallery: Gallery,
    image: int,
    most: int,
    site: str | None,
    category: str | None,
) -> None:
    values = {"image": image, "most": most, "site": site, "category": category}
    terms = [] if category is None else [("category", category)]
    with museum.begin() as connection:
        said = [tuple(row) for row in connection.execute(LIKE, values)]
        assert said == nearest(connection, gallery.model, image, limit=most, site=site, terms=terms)
        assert image not in dict(said)
        for other, distance in said[:3]:
            assert connection.scalar(
                text("SELECT image_distance(:a, :b, 'net')"), {"a": image, "b": other}
            ) == pytest.approx(distance, abs=1e-12)


def test_what_is_not_shown_or_not_wanted_is_not_found(
    database: Database, add_work: AddWork
) -> None:
    ids = [add_work(number) for number in range(6)]
    model = add_embeddings(database, {image_id: [1.0, 0.1 * image_id] for image_id in ids})
    with database.begin() as connection:
        connection.execute(
            text("UPDATE image_sources SET gone_at = now() WHERE image_id = :id"), {"id": ids[1]}
        )
        connection.execute(
            text("UPDATE images SET placeholder = true WHERE id = :id"), {"id": ids[2]}
        )
        found = nearest(connection, model, ids[0], exclude=[ids[3]])
        assert [image_id for image_id, _ in found] == [ids[4], ids[5]]
        vector = np.array([1.0, 0.1 * ids[5]])
        assert nearest(connection, model, vector, limit=1)[0][0] == ids[5]


def test_equals_are_told_by_id(database: Database, add_work: AddWork) -> None:
    ids = [add_work(number) for number in range(5)]
    model = add_embeddings(database, {image_id: [1.0, 2.0] for image_id in reversed(ids)})
    with database.begin() as connection:
        assert [found for found, _ in nearest(connection, model, ids[0], limit=3)] == ids[1:4]


def test_what_is_asked_wrongly_is_told(database: Database, add_work: AddWork) -> None:
    one, other = add_work(1), add_work(2)
    model = add_embeddings(database, {one: [1.0, 2.0]})
    with database.begin() as connection:
        for like, error, says in [
            (other, NoEmbeddings, f"image {other} has no embedding of test-network/1: run"),
            ([1.0], WrongSearch, r"shape \(1,\) .* have \(2,\)"),
            ([0.0, 0.0], WrongSearch, "no direction"),
            ([float("nan"), 0.0], WrongSearch, "no direction"),
        ]:
            with pytest.raises(error, match=says):
                nearest(connection, model, like)
        with pytest.raises(WrongSearch, match="number from 1"):
            nearest(connection, model, one, limit=0)
        with pytest.raises(WrongSearch, match='no work has the genre "portrait"'):
            nearest(connection, model, one, terms=[("genre", "portrait")])


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT images_like_image(999)", "there is no image 999"),
        ("SELECT images_like_image(2)", "image 2 has no embedding of test-network/1: run"),
        ("SELECT images_like_image(1, 0)", "give a number from 1"),
        ("SELECT images_like_image(1, model => 'none')", 'there is no model "none"'),
        ("SELECT images_like_image(1, model => 'test-network/2')", "there is no model"),
        ("SELECT images_like_image(1, model => 'colors')", "colors makes no embeddings but a pal"),
        ("SELECT image_distance(1, 2)", "image 2 has no embedding"),
        ("SELECT image_distance(1, 1, 'none')", 'there is no model "none"'),
        ("SELECT images_near('[1,2,3]')", "has 3 numbers, and those of model 1 have 2"),
        ("SELECT images_near('[1,2]', model => 2)", "no model 2 of kind embedding"),
    ],
)
def test_sql_says_what_is_wrong(
    database: Database, add_work: AddWork, query: str, says: str
) -> None:
    assert (add_work(1), add_work(2)) == (1, 2)
    add_embeddings(database, {1: [1.0, 2.0]})
    with database.begin() as connection:
        register_model(connection, ModelSpec("colors", "1", "palette"))
    with pytest.raises(DBAPIError, match=says), database.begin() as connection:
        connection.execute(text(query))


def test_sql_without_embeddings_tells_the_cure(database: Database) -> None:
    with pytest.raises(DBAPIError, match="run `artworks analyze"), database.begin() as connection:
        connection.execute(text("SELECT embedding_model()"))


def test_models_are_named_as_on_the_command_line(database: Database, add_work: AddWork) -> None:
    image_id = add_work(1)
    first = add_embeddings(database, {image_id: [1.0, 2.0]}, name="first")
    second = add_embeddings(database, {image_id: [2.0, 2.0]}, name="second", is_default=False)
    with database.begin() as connection:
        for label, model in [(None, first), ("second", second), ("second/1", second)]:
            found = connection.scalar(text("SELECT embedding_model(:label)"), {"label": label})
            assert found == model.id


def test_people_see_which_works_show_an_image(database: Database, add_work: AddWork) -> None:
    shown, gone = add_work(1, title="Boats"), add_work(2)
    with database.begin() as connection:
        connection.execute(
            text("UPDATE image_sources SET gone_at = now() WHERE image_id = :id"), {"id": gone}
        )
        rows = connection.execute(text("SELECT image_id, title, artist FROM artwork_images")).all()
    assert [tuple(row) for row in rows] == [(shown, "Boats", "Ada Möller")]
