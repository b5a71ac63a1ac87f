import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from support.samples import fill

from storage.database import Database
from storage.failures import failure_groups, failure_rows, retry_failures
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
    assert status.results == {"image_colors": 2, "image_results": 1}
    assert [run.site for run in status.runs] == ["beta", "alpha"]
    assert status.runs[1].seconds == 12.5
    assert [(site.name, site.artworks) for site in status.sites] == [("alpha", 3), ("beta", 1)]
    assert json.loads(json.dumps(status.as_dict()))["digest"] == status.digest


def test_counts_of_one_site(database: Database) -> None:
    with database.begin() as connection:
        whole, beta = collection_status(connection), collection_status(connection, "beta")
    assert (beta.artworks, beta.images, beta.image_bytes) == (1, 1, 1001)
    assert beta.failures == {"renderer_unavailable": 1}
    assert beta.results == {"image_colors": 2, "image_results": 1}
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


def test_failures_are_grouped_and_listed(database: Database) -> None:
    with database.begin() as connection:
        groups = failure_groups(connection)
        assert next((g.reason, g.site, g.rows) for g in groups) == ("not_found", "alpha", 2)
        assert sum(group.rows for group in groups) == 5
        assert sum(group.rows for group in failure_groups(connection, resolved=True)) == 6
        assert len(failure_rows(connection, limit=2)) == 2
        assert [r.url for r in failure_rows(connection, site="beta")] == ["http://beta.example/new"]
        [resolved] = [row for row in failure_rows(connection, resolved=True) if row.resolved_at]
        assert resolved.as_dict()["reason"] == "server_error"


@pytest.mark.parametrize(
    ("choice", "expected", "pending"),
    [
        ({}, {"alpha": 3, "beta": 1}, ["/missing.jpg", "/new", "/slow", "/work/404"]),
        ({"site": "beta"}, {"beta": 1}, ["/new"]),
        ({"reason": "not_found"}, {"alpha": 2}, ["/missing.jpg", "/work/404"]),
        ({"reason": "robots_disallowed"}, {"alpha": 1}, ["/private"]),
        ({"site": "beta", "reason": "not_found"}, {}, []),
        ({"reason": "server_error"}, {}, []),
    ],
)
def test_retrying_makes_failed_rows_pending(
    database: Database, choice: dict[str, str], expected: dict[str, int], pending: list[str]
) -> None:
    with database.engine.connect() as connection:
        assert retry_failures(connection, **choice) == expected
        found = connection.execute(
            text("SELECT url FROM frontier WHERE state = 'pending' ORDER BY url")
        ).scalars()
        assert sorted(url.split(".example")[1] for url in found) == pending
        connection.rollback()
