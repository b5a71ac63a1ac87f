from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.crawls import REPOSITORY, Workspace, get_json

from demo.server import MuseumServer
from storage.database import Database
from storage.objects import open_store
from storage.settings import StorageSettings

WORKS = 90


@pytest.fixture(scope="session")
def museum_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("paintings")


@pytest.fixture(scope="session")
def museum(museum_cache: Path) -> Iterator[MuseumServer]:
    """A small demo museum that may be crawled at full speed."""
    with MuseumServer(works=WORKS, cache=museum_cache, crawl_delay=0) as server:
        yield server


@pytest.fixture(scope="session")
def truth(museum: MuseumServer) -> dict[str, Any]:
    found: dict[str, Any] = get_json(f"{museum.url}/_truth.json")
    return found


@pytest.fixture
def database_url_factory(
    new_database: Callable[[], AbstractContextManager[str]],
) -> Iterator[Callable[[], str]]:
    """Makes empty databases, dropped after the test."""
    with ExitStack() as databases:
        yield lambda: databases.enter_context(new_database())


@pytest.fixture
def workspace_factory(
    database_url_factory: Callable[[], str], tmp_path: Path
) -> Iterator[Callable[[], Workspace]]:
    """Makes workspaces with a migrated database of their own."""
    opened: list[Database] = []

    def make() -> Workspace:
        url = database_url_factory()
        home = tmp_path / f"home{len(opened)}"
        objects = home / "objects"
        settings = StorageSettings(
            home=home, database_url=url, objects_url=objects.as_uri(), _env_file=None
        )
        database = Database.open(settings)
        opened.append(database)
        database.migrate()
        store = open_store(objects.as_uri(), create=True)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("ARTWORKS_")
        } | {
            "ARTWORKS_HOME": str(home),
            "ARTWORKS_DATABASE_URL": url,
            "ARTWORKS_OBJECTS_URL": objects.as_uri(),
            "ARTWORKS_ALLOWED_NETWORKS": "127.0.0.0/8",
            "SCRAPY_SETTINGS_MODULE": "crawler.settings",
            "PYTHONPATH": str(REPOSITORY),
        }
        return Workspace(database, store, objects, environment)

    yield make
    for database in opened:
        database.close()


@pytest.fixture
def workspace(workspace_factory: Callable[[], Workspace]) -> Workspace:
    return workspace_factory()


@pytest.fixture
def demo(workspace: Workspace, museum: MuseumServer) -> Workspace:
    """A workspace for crawls of the small demo museum."""
    workspace.arguments = ["site=demo", f"base_url={museum.url}"]
    return workspace
