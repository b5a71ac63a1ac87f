"""Advisory locks in PostgreSQL that the packages agree on.

They belong to a connection, and are free when it ends, however it ends.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

# First key of the two-key locks on workers ("artw" in ASCII); the second is `crawl_runs.id`.
WORKER_LOCKS = 0x61727477
# The lock on what is stored ("artg" in ASCII): shared by those who store images, whole for those
# who delete what nobody refers to.
GARBAGE_LOCK = 0x61727467

_OF_THIS_DATABASE = """l.locktype = 'advisory' AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""

WORKER_LIVES = f"""EXISTS (
    SELECT FROM pg_locks l
    WHERE {_OF_THIS_DATABASE} AND l.objsubid = 2
      AND l.classid = {WORKER_LOCKS} AND l.objid = CAST({{worker}} AS bigint))"""
"""Whether the worker named by an expression lives: `WORKER_LIVES.format(worker="r.id")`."""

_HOLD_OFF = text("SELECT pg_advisory_lock_shared(:key)")
_TRY = text("SELECT pg_try_advisory_xact_lock(:key)")
_STORING = text(f"""
    SELECT EXISTS (
        SELECT FROM pg_locks l
        WHERE {_OF_THIS_DATABASE} AND l.objsubid = 1 AND l.mode = 'ShareLock'
          AND l.classid = 0 AND l.objid = :key)
""")  # noqa: S608 - the fragment is the constant above


def hold_off_deletion(connection: Connection) -> None:
    """Let nobody delete objects or unreferenced images while the connection lives.

    An object is put before the row that refers to it is committed: whoever stores images holds
    this from before the first object until after the last row. Waits while something is deleted.
    """
    connection.execute(_HOLD_OFF, {"key": GARBAGE_LOCK})


def may_delete(connection: Connection) -> bool:
    """Have those who store images wait until the transaction ends; False where some are at work.

    What has no row then gets none before the transaction ends.
    """
    taken: bool = connection.execute(_TRY, {"key": GARBAGE_LOCK}).scalar_one()
    return taken


def is_storing(connection: Connection) -> bool:
    """Whether anybody stores images now."""
    storing: bool = connection.execute(_STORING, {"key": GARBAGE_LOCK}).scalar_one()
    return storing
