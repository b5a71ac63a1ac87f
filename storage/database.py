"""The database: opening it, migrating it, and telling what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psycopg2
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)

import migrations
from storage.embedded.postgres import EmbeddedPostgres
from storage.errors import DatabaseUnavailable, SettingError
from storage.models import Base
from storage.settings import StorageSettings, redact
from storage.vector_indexes import is_compared

DRIVER = "postgresql+psycopg2"
CONNECT_TIMEOUT_S = 10
# What the server answers when it cannot write, and what to do; the driver has no common class.
REFUSED_WRITES = (
    (
        psycopg2.errors.ReadOnlySqlTransaction,
        "it takes no writes: turn default_transaction_read_only off, or name the primary server in "
        "ARTWORKS_DATABASE_URL.",
    ),
    (psycopg2.errors.DiskFull, "free some space on the disk of the server."),
)
OLDEST_POSTGRESQL = 150000
OLDEST_PGVECTOR = (0, 8)


class Database:
    """An open database. Use `Database.open(settings)` as a context manager."""

    def __init__(self, engine: Engine, embedded: EmbeddedPostgres | None = None) -> None:
        self.engine = engine
        self.embedded = embedded

    @classmethod
    def open(cls, settings: StorageSettings) -> Self:
        """Open the database that the settings name, starting the embedded server if it is that one.

        Raises SettingError for a URL that is none of PostgreSQL's and DatabaseUnavailable where
        nobody answers.
        """
        if settings.database_url is None:
            embedded = EmbeddedPostgres(settings.home_path)
            return cls(_engine(embedded.url), embedded)
        return cls(_engine(settings.database_url.get_secret_value()))

    @property
    def name(self) -> str:
        """The database's URL without its password, for people."""
        return _shown(self.engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, and let go of the embedded server."""
        self.engine.dispose()
        if self.embedded is not None:
            self.embedded.close()
            self.embedded = None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction; a lost server becomes DatabaseUnavailable."""
        with told_plainly(self.engine), self.engine.begin() as connection:
            yield connection

    def check(self) -> None:
        """Raise DatabaseUnavailable unless the server answers and holds the current schema."""
        with told_plainly(self.engine), self.engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
        wanted = ScriptDirectory.from_config(_alembic_config()).get_current_head()
        self._refuse_newer(current)
        if current != wanted:
            state = "has no tables yet" if current is None else f"is at schema {current}"
            raise DatabaseUnavailable(
                f"the database {self.name} {state}, and this version needs {wanted}: "
                "run `artworks init`."
            )

    def migrate(self, revision: str = "head") -> None:
        """Bring the schema to `revision`; several processes may do so at once."""
        with told_plainly(self.engine), self.engine.connect() as connection:
            server_version = connection.scalar(text("SHOW server_version_num"))
            if int(server_version or 0) < OLDEST_POSTGRESQL:
                raise DatabaseUnavailable(
                    f"the database {self.name} is PostgreSQL {server_version}, and 15 or newer is "
                    "needed: point ARTWORKS_DATABASE_URL at a newer server."
                )
            self._require_pgvector(connection)
            connection.execute(text("SELECT pg_advisory_lock(hashtext('artworks.migrate'))"))
            connection.commit()
            try:
                config = _alembic_config()
                config.attributes["connection"] = connection
                current = MigrationContext.configure(connection).get_current_revision()
                self._refuse_newer(current)
                if revision in _older_than(current):
                    command.downgrade(config, revision)
                else:
                    command.upgrade(config, revision)
                connection.commit()
            finally:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(hashtext('artworks.migrate'))"))
                connection.commit()

    def _require_pgvector(self, connection: Connection) -> None:
        """Raise DatabaseUnavailable unless vectors can be searched with filters."""
        version = connection.scalar(
            text(
                "SELECT coalesce(installed_version, default_version) "
                "FROM pg_available_extensions WHERE name = 'vector'"
            )
        )
        if version is None:
            raise DatabaseUnavailable(
                f"the server of the database {self.name} has no pgvector: install it there (on "
                "Debian and Ubuntu, apt-get install postgresql-17-pgvector from apt.postgresql.org)"
                ", or use the image pgvector/pgvector."
            )
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_PGVECTOR:
            raise DatabaseUnavailable(
                f"the database {self.name} has pgvector {version}, and 0.8 or newer is needed: "
                "install it, and run ALTER EXTENSION vector UPDATE as its owner."
            )

    def _refuse_newer(self, current: str | None) -> None:
        known = ScriptDirectory.from_config(_alembic_config()).walk_revisions()
        if current is not None and current not in {script.revision for script in known}:
            raise DatabaseUnavailable(
                f"the database {self.name} is at schema {current}, which this version does not "
                "know: install the version of artworks that made it, or a newer one."
            )

    def schema_differences(self) -> list[object]:
        """Differences between the tables in the database and the models; empty when they agree."""
        with self.engine.connect() as connection:
            context = MigrationContext.configure(
                connection,
                opts={
                    "compare_type": True,
                    "compare_server_default": True,
                    "include_object": is_compared,
                },
            )
            return list(compare_metadata(context, Base.metadata))


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise SettingError(
            "ARTWORKS_DATABASE_URL is not a database URL: write it as "
            "postgresql://USER:PASSWORD@HOST:5432/NAME."
        ) from error
    if parsed.get_backend_name() != "postgresql":
        raise SettingError(
            f"ARTWORKS_DATABASE_URL names a {parsed.get_backend_name()} database, and only "
            "PostgreSQL works: write it as postgresql://USER:PASSWORD@HOST:5432/NAME."
        )
    if "@" in (parsed.host or ""):
        raise SettingError(
            "ARTWORKS_DATABASE_URL has an @ too many: write the one in its password as %40."
        )
    # SQLAlchemy would take plain postgresql:// for psycopg 3.
    return create_engine(
        parsed.set(drivername=DRIVER),
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "artworks"},
    )


@contextmanager
def told_plainly(engine: Engine) -> Iterator[None]:
    """Turn the driver's connection errors into DatabaseUnavailable with a cure."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise DatabaseUnavailable(unavailable_message(engine, error)) from error
    except InternalError as error:
        if not refuses_writes(error):
            raise
        raise DatabaseUnavailable(unavailable_message(engine, error)) from error
    except ProgrammingError as error:
        if not isinstance(error.orig, psycopg2.errors.InsufficientPrivilege):
            raise
        raise DatabaseUnavailable(
            f"the database {_shown(engine)} does not let us in ({_said(error)}): name its owner in "
            "ARTWORKS_DATABASE_URL, or grant that user CREATE and USAGE on its schema."
        ) from error


def unavailable_message(engine: Engine, error: DBAPIError) -> str:
    """Return one sentence: which database, what the driver said, and what to do."""
    cause = _said(error).removeprefix("connection to server ")
    cure = "check ARTWORKS_DATABASE_URL and that the server runs, or unset it to use the embedded "
    cure += "one."
    for kind, other in REFUSED_WRITES:
        if isinstance(error.orig, kind):
            cure = other
    return f"cannot use the database {_shown(engine)} ({cause}): {cure}"


def refuses_writes(error: DBAPIError) -> bool:
    """Whether the server answers, and cannot write."""
    return any(isinstance(error.orig, kind) for kind, _ in REFUSED_WRITES)


def _said(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split())


def _shown(engine: Engine) -> str:
    return redact(engine.url.render_as_string(hide_password=True))


def _older_than(current: str | None) -> set[str]:
    """Names of the revisions that lie behind a database at revision `current`."""
    if current is None:
        return set()
    behind = ScriptDirectory.from_config(_alembic_config()).iterate_revisions(current, "base")
    return {"base", *(script.revision for script in behind)} - {current}


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config
