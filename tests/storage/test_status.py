import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from pydantic import SecretStr
from support.samples import fill

from storage.database import Database
from storage.settings import StorageSettings
from storage.status import collection_status, result_tables, schema_revision


@pytest.fixture(scope="module")
def database(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[Database]:
    with (
        new_database() as url,
        Database.open(StorageSettings(database_url=SecretStr(url))) as opened,
    ):
        opened.migrate()
        with opened.begin() as connection:
            fill(connection)
        yield opened


RESULTS = {
    "image_clusters": 0,
    "image_colors": 2,
    "image_duplicates": 0,
    "image_embeddings": 0,
    "image_features": 0,
    "image_labels": 0,
    "image_outliers": 0,
    "image_positions": 0,
    "image_results": 1,
}


def test_counts_of_the_whole_collection(database: Database) -> None:
    with database.begin() as connection:
        status = collection_status(connection)
    assert (status.artworks, status.gone, status.artists) == (4, 1, 2)
    assert (status.images, status.image_bytes) == (2, 2003)
    assert status.categories == {"prints": 3, "Sunsets": 1}
    assert status.pages == {"pending": 0, "leased": 0, "done": 2, "failed": 3, "skipped": 1}
    assert status.rendered_pages == 1
    assert status.image_addresses["done"] == 1
    assert status.image_addresses["failed"] == 1
    assert next(iter(status.failures.items())) == ("not_found", 2)
    assert status.retryable_failures == {"timeout": 1, "renderer_unavailable": 1}
    assert status.results == RESULTS
    assert [run.site for run in status.runs] == ["beta", "alpha"]
    assert status.runs[1].seconds == 12.5
    assert [(site.name, site.artworks) for site in status.sites] == [("alpha", 3), ("beta", 1)]
    assert json.loads(json.dumps(status.as_dict()))["digest"] == status.digest


def test_counts_of_one_site(database: Database) -> None:
    with database.begin() as connection:
        whole, beta = collection_status(connection), collection_status(connection, "beta")
    assert (beta.artworks, beta.images, beta.image_bytes) == (1, 1, 1001)
    assert beta.failures == {"renderer_unavailable": 1}
    assert beta.results == RESULTS
    assert beta.categories == {"prints": 1}
    assert beta.digest != whole.digest
    assert len(beta.digest) == 64


def test_result_tables_are_found_in_the_models() -> None:
    assert {"image_colors", "image_results"} <= set(result_tables())
    assert "images" not in result_tables()
    assert "image_sources" not in result_tables()


def test_schema_revision_before_and_after_migrating(database_url: str) -> None:
    with Database.open(StorageSettings(database_url=SecretStr(database_url))) as empty:
        with empty.begin() as connection:
            assert schema_revision(connection) is None
        empty.migrate()
        with empty.begin() as connection:
            assert schema_revision(connection) is not None
