"""Reading failures, and taking those up again that are meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from support import databases
from support.samples import fill

from storage.database import Database
from storage.errors import UsageError
from storage.failures import Choice, failure_groups, failure_rows, parse_age, retry_failures

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def database(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[Database]:
    """The sample collection, whose failure /slow is three days old."""
    with databases.migrated(new_database) as opened:
        with opened.begin() as connection:
            fill(connection)
            connection.execute(
                text("UPDATE failures SET at = now() - interval '3 days' WHERE url LIKE '%/slow'")
            )
            connection.execute(
                text("UPDATE frontier SET attempts = 4, not_before = now() + interval '1 day'")
            )
        yield opened


def test_failures_are_grouped_and_listed(database: Database) -> None:
    with database.begin() as connection:
        groups = failure_groups(connection)
        assert next((g.reason, g.site, g.rows) for g in groups) == ("not_found", "alpha", 2)
        assert sum(group.rows for group in groups) == 5
        everything = Choice(resolved=True)
        assert sum(group.rows for group in failure_groups(connection, everything)) == 6
        assert len(failure_rows(connection, limit=2)) == 2
        [resolved] = [row for row in failure_rows(connection, everything) if row.resolved_at]
        assert resolved.as_dict()["reason"] == "server_error"


CHOICES: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"/missing.jpg", "/new", "/slow", "/work/404", "/private"}),
    ({"site": "beta"}, {"/new"}),
    ({"stage": "render"}, {"/new"}),
    ({"url": "WORK/"}, {"/work/404"}),
    ({"url": "%"}, set()),
    ({"older_than": DAY}, {"/slow"}),
    ({"newer_than": DAY}, {"/missing.jpg", "/new", "/work/404", "/private"}),
    ({"older_than": 2 * DAY, "newer_than": 4 * DAY}, {"/slow"}),
    ({"older_than": 4 * DAY}, set()),
    ({"site": "alpha", "reason": "not_found", "url": ".jpg", "stage": "fetch"}, {"/missing.jpg"}),
]


def paths(urls: Any) -> set[str]:
    return {url.split(".example")[1] for url in urls}


@pytest.mark.parametrize(("choice", "expected"), CHOICES)
def test_what_is_given_applies_to_rows_and_groups(
    database: Database, choice: dict[str, Any], expected: set[str]
) -> None:
    with database.begin() as connection:
        rows = failure_rows(connection, Choice(**choice))
        assert paths(row.url for row in rows) == expected
        groups = failure_groups(connection, Choice(**choice))
        assert sum(group.rows for group in groups) == len(expected)


# What robots.txt forbids was decided on purpose: it is taken up only by its reason.
RETRIES: list[tuple[dict[str, Any], set[str]]] = [
    *((choice, expected - {"/private"}) for choice, expected in CHOICES),
    ({"reason": "robots_disallowed"}, {"/private"}),
    ({"site": "beta", "reason": "not_found"}, set()),
    ({"reason": "server_error"}, set()),
    ({"reason": "server_error", "resolved": True}, set()),
]


@pytest.mark.parametrize(("choice", "expected"), RETRIES)
def test_retrying_makes_failed_rows_begin_anew(
    database: Database, choice: dict[str, Any], expected: set[str]
) -> None:
    with database.engine.connect() as connection:
        counted = retry_failures(connection, Choice(**choice), dry_run=True)
        waiting = "SELECT url FROM frontier WHERE state = 'pending'"
        assert list(connection.execute(text(waiting))) == []
        assert retry_failures(connection, Choice(**choice)) == counted
        assert sum(counted.values()) == len(expected)
        anew = f"{waiting} AND attempts = 0 AND not_before IS NULL"
        assert paths(connection.execute(text(waiting)).scalars()) == expected
        assert paths(connection.execute(text(anew)).scalars()) == expected
        connection.rollback()


@pytest.mark.parametrize("choice", [{}, {"reason": "not_found"}, {"reason": "robots_disallowed"}])
def test_what_was_taken_down_is_never_taken_up(database: Database, choice: dict[str, Any]) -> None:
    with database.engine.connect() as connection:
        connection.execute(
            text("""UPDATE frontier SET state = 'skipped', meta = '{"forgotten": 1}'""")
        )
        assert retry_failures(connection, Choice(**choice), dry_run=True) == {}
        assert retry_failures(connection, Choice(**choice)) == {}
        connection.rollback()


def test_ages() -> None:
    assert parse_age("90m") == timedelta(minutes=90)
    assert parse_age(" 12 H ") == timedelta(hours=12)
    assert parse_age("7d") == 7 * DAY
    assert parse_age("2w") == 14 * DAY


@pytest.mark.parametrize("words", ["", "7", "d", "-1d", "1.5d", "7 days", "1d12h", "123456d", "٣d"])
def test_what_is_no_age_is_refused_with_the_cure(words: str) -> None:
    with pytest.raises(UsageError, match="as in 12h"):
        parse_age(words)
