"""The database that cannot be used: one sentence with the cure, and never a secret."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError
from support.databases import one, opened, sql

from storage.database import Database
from storage.errors import DatabaseUnavailable, ExitCode, SettingError
from storage.settings import StorageSettings, percent_encode

PASSWORD = "corr3ct horse/@:%"


@pytest.fixture(scope="module")
def role(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[tuple[str, str]]:
    """A user with a password that the server asks for, and the URL of a database, as superuser."""
    name = f"visitor_{secrets.token_hex(4)}"
    with new_database() as url, opened(url) as database:
        quoted = PASSWORD.replace("'", "''")
        sql(database, f"CREATE ROLE {name} LOGIN PASSWORD '{quoted}'".replace(":", "\\:"))
        hba = Path(one(database, "SHOW hba_file"))
        before = hba.read_text()
        hba.write_text(f"local all {name} scram-sha-256\n{before}")
        sql(database, "SELECT pg_reload_conf()")
        try:
            yield name, url
        finally:
            hba.write_text(before)
            sql(database, "SELECT pg_reload_conf()")
            sql(database, f"DROP OWNED BY {name}")
            sql(database, f"DROP ROLE {name}")


def url_as(url: str, user: str, password: str) -> str:
    given = make_url(url)
    return given.set(username=user, password=password).render_as_string(hide_password=False)


def test_nobody_answers(free_port: int) -> None:
    with opened(f"postgresql://me:s3cret@127.0.0.1:{free_port}/art") as database:
        with pytest.raises(DatabaseUnavailable) as told:
            database.check()
        with pytest.raises(DatabaseUnavailable):
            database.migrate()
        with pytest.raises(DatabaseUnavailable), database.begin():
            pass
    assert "postgresql+psycopg2://me:***@127.0.0.1" in str(told.value)
    assert "check ARTWORKS_DATABASE_URL" in str(told.value)
    assert "s3cret" not in str(told.value)
    assert told.value.exit_code is ExitCode.UNREACHABLE


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_the_wrong_password_is_told_without_telling_it(role: tuple[str, str]) -> None:
    name, url = role
    with opened(url_as(url, name, "wr0ng")) as database:
        with pytest.raises(DatabaseUnavailable) as told:
            database.check()
        assert "password authentication failed" in str(told.value)
        assert "wr0ng" not in str(told.value)
        assert "wr0ng" not in database.name


def test_a_password_in_the_query_is_a_secret_too(role: tuple[str, str]) -> None:
    name, url = role
    with opened(f"{url_as(url, name, '')}&password=wr0ng") as database:
        with pytest.raises(DatabaseUnavailable) as told:
            database.check()
        assert "password authentication failed" in str(told.value)
        assert "wr0ng" not in str(told.value)
        assert "wr0ng" not in database.name


def test_a_user_without_rights_is_told_which_are_missing(role: tuple[str, str]) -> None:
    name, url = role
    with opened(url_as(url, name, PASSWORD)) as database:
        with pytest.raises(DatabaseUnavailable, match="grant that user CREATE") as told:
            database.migrate()
        assert "permission denied" in str(told.value)
        with pytest.raises(DatabaseUnavailable, match="artworks init"):
            database.check()
    with opened(url) as owner:
        owner.migrate()
    with opened(url_as(url, name, PASSWORD)) as database:
        with pytest.raises(DatabaseUnavailable, match="permission denied"):
            database.check()
        with pytest.raises(ProgrammingError), database.begin() as connection:
            connection.exec_driver_sql("SELECT nonsense")


def test_a_database_that_does_not_exist(database_url: str) -> None:
    url = make_url(database_url).set(database="not_there").render_as_string()
    with opened(url) as database, pytest.raises(DatabaseUnavailable, match="does not exist"):
        database.check()


def test_a_database_without_tables_needs_init(database_url: str) -> None:
    with opened(database_url) as database, pytest.raises(DatabaseUnavailable) as told:
        database.check()
    assert "has no tables yet" in str(told.value)
    assert "run `artworks init`" in str(told.value)


def test_a_schema_of_a_newer_version_is_not_touched(database_url: str) -> None:
    with opened(database_url) as database:
        database.migrate()
        sql(database, "UPDATE alembic_version SET version_num = '9999'")
        for attempt in (database.check, database.migrate):
            with pytest.raises(DatabaseUnavailable, match=r"schema 9999.*install the version"):
                attempt()
        assert one(database, "SELECT version_num FROM alembic_version") == "9999"


def test_an_old_schema_needs_init(database_url: str) -> None:
    with opened(database_url) as database:
        database.migrate()
        with database.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        with pytest.raises(DatabaseUnavailable, match=r"is at schema 0001.*needs \d+.*init"):
            database.check()


@pytest.mark.parametrize("version", ["140012"])
def test_an_old_server_is_refused_as_a_fake_says(
    database: Database, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr("storage.database.OLDEST_POSTGRESQL", 10**9)
    with pytest.raises(DatabaseUnavailable, match="15 or newer is needed"):
        database.migrate()


def test_a_server_that_went_away_is_told_and_comes_back(database: Database) -> None:
    with (
        pytest.raises(DatabaseUnavailable, match="check ARTWORKS_DATABASE_URL"),
        database.begin() as connection,
    ):
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    assert one(database, "SELECT 1") == 1


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://me:s3cret@localhost/art", "only PostgreSQL works"),
        ("sqlite:///art.db", "only PostgreSQL works"),
        ("s3cret", "not a database URL"),
        ("postgresql://me:s3cret@host:port/art", "not a database URL"),
        ("postgresql://me:s3@cret@host/art", "%40"),
        ("nosuch://me:s3cret@host/art", "only PostgreSQL works"),
    ],
)
def test_what_is_no_url_of_postgresql_is_refused(url: str, says: str) -> None:
    with pytest.raises(SettingError) as told:
        opened(url)
    assert says in str(told.value)
    assert "s3cret" not in str(told.value)
    assert "cret@" not in str(told.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg2", "postgresql+psycopg"])
def test_whatever_driver_is_named_ours_is_used(scheme: str) -> None:
    with opened(f"{scheme}://me@127.0.0.1/art") as database:
        assert database.engine.url.drivername == "postgresql+psycopg2"


@given(password=st.text(min_size=1).map(lambda drawn: f"hush{drawn}hush"))
def test_names_of_databases_never_hold_the_password(password: str) -> None:
    encoded = percent_encode(password.encode(errors="replace").decode())
    for url in (
        f"postgresql://me:{encoded}@127.0.0.1/art",
        f"postgresql://me@127.0.0.1/art?password={encoded}&sslmode=prefer",
        f"postgresql://127.0.0.1/art?sslpassword={encoded}",
    ):
        database = Database.open(StorageSettings(database_url=SecretStr(url)))
        assert "hush" not in database.name
        assert "***" in database.name
        assert "hush" not in repr(database)
