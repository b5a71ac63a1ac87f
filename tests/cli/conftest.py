from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from support.samples import fill

from cli.main import run
from storage.database import Database
from storage.settings import StorageSettings


@dataclass(frozen=True)
class Result:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Result]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], open_folder: Path
) -> Command:
    """Run the command in this process, in an empty home."""
    monkeypatch.setenv("ARTWORKS_HOME", str(open_folder))
    monkeypatch.chdir(open_folder)

    def call(*arguments: str, **environment: str) -> Result:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(f"ARTWORKS_{name.upper()}", value)
            capfd.readouterr()
            code = run(arguments)
        said = capfd.readouterr()
        return Result(code, said.out, said.err)

    return call


@pytest.fixture
def sample_url(database_url: str) -> str:
    """A database with the sample collection, for this test alone."""
    with (
        Database.open(StorageSettings(database_url=SecretStr(database_url))) as database,
    ):
        database.migrate()
        with database.begin() as connection:
            fill(connection)
    return database_url


@pytest.fixture
def sample(command: Command, sample_url: str, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, on the sample collection."""
    monkeypatch.setenv("ARTWORKS_DATABASE_URL", sample_url)
    return command


@pytest.fixture(scope="session")
def session_database(
    new_database: Callable[[], AbstractContextManager[str]],
) -> Iterator[str]:
    """A migrated, empty database."""
    with new_database() as url:
        with Database.open(StorageSettings(database_url=SecretStr(url))) as database:
            database.migrate()
        yield url
