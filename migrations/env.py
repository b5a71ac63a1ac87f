"""Alembic's entry point: runs migrations on the connection that `storage.database` hands over.

The `alembic` command itself works too; it then opens the database that the settings name.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from storage.models import Base
from storage.vector_indexes import is_compared


def run(connection: Connection) -> None:
    """Run the migrations on `connection`, in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        compare_server_default=True,
        include_object=is_compared,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    from storage.database import Database
    from storage.settings import load_settings

    with Database.open(load_settings()) as database, database.engine.connect() as connection:
        run(connection)
