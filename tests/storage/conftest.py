from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from support import databases

from storage.database import Database


@pytest.fixture(scope="package")
def migrated(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[Database]:
    with databases.migrated(new_database) as database:
        yield database


@pytest.fixture
def database(migrated: Database) -> Database:
    """A migrated database without rows."""
    return databases.emptied(migrated)
