from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from support import databases

from crawler.frontier.ledger import Ledger
from storage.database import Database

OpenLedger = Callable[..., Ledger]


@pytest.fixture(scope="package")
def migrated(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[Database]:
    with databases.migrated(new_database) as database:
        yield database


@pytest.fixture
def database(migrated: Database) -> Database:
    """A migrated database without rows."""
    return databases.emptied(migrated)


@pytest.fixture
def open_ledger(database: Database) -> Iterator[OpenLedger]:
    """Opens ledgers of the site `museum`; those still open are abandoned after the test."""
    opened: list[Ledger] = []

    def start(site: str = "museum", **scope: Any) -> Ledger:
        ledger = Ledger(database, site=site, **scope)
        ledger.open(profile_hash="p", settings={})
        opened.append(ledger)
        return ledger

    yield start
    for ledger in opened:
        with contextlib.suppress(Exception):
            ledger.abandon()
