"""The schema: what migrations make is what the models say, described, and can be taken back."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.databases import one, opened, sql

from storage.database import Database
from storage.models import Base

REPOSITORY = Path(__file__).parents[2]
VIEWS = {"artwork_overview", "artwork_palette", "crawl_health"}
# But for those of extensions, which stay: others may use them.
OBJECTS_LEFT = """
    WITH of_extensions AS (SELECT objid FROM pg_depend WHERE deptype = 'e')
    SELECT name FROM (
        SELECT oid, relname AS name, relnamespace AS namespace, 0::oid AS part_of FROM pg_class
        UNION ALL SELECT oid, typname, typnamespace, typelem FROM pg_type
        UNION ALL SELECT oid, proname, pronamespace, 0 FROM pg_proc
    ) objects
    WHERE namespace = 'public'::regnamespace AND name NOT LIKE '%alembic_version%'
      AND NOT EXISTS (SELECT FROM of_extensions WHERE objid IN (objects.oid, objects.part_of))
"""
MIGRATE = """
import sys
from pydantic import SecretStr
from storage.database import Database
from storage.settings import StorageSettings
with Database.open(StorageSettings(database_url=SecretStr(sys.argv[1]))) as database:
    print("ready", flush=True)
    sys.stdin.readline()
    database.migrate()
    database.check()
"""


def test_migrations_go_up_and_down_and_up_again(database_url: str) -> None:
    with opened(database_url) as database:
        database.migrate()
        assert database.schema_differences() == []
        database.check()
        database.migrate("base")
        assert sql(database, OBJECTS_LEFT) == []
        assert sql(database, "SELECT version_num FROM alembic_version") == []
        database.migrate()
        assert database.schema_differences() == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    sql(database, "INSERT INTO hosts (host) VALUES ('museum.example')")
    database.migrate()
    assert one(database, "SELECT host FROM hosts") == "museum.example"


def test_every_table_view_and_column_says_what_it_is(migrated: Database) -> None:
    rows = sql(
        migrated,
        """
        SELECT c.relname AS table, c.relkind, obj_description(c.oid, 'pg_class') AS says
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p')
          AND c.relname <> 'alembic_version'
        """,
    )
    assert {row.table for row in rows if row.relkind == "r"} == set(Base.metadata.tables)
    assert {row.table for row in rows if row.relkind == "v"} >= VIEWS
    assert [row.table for row in rows if not row.says] == []
    columns = sql(
        migrated,
        """
        SELECT c.relname || '.' || a.attname
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
          AND NOT a.attisdropped AND c.relname <> 'alembic_version'
          AND col_description(c.oid, a.attnum) IS NULL
        """,
    )
    assert columns == []


def test_views_can_be_read_without_rows(database: Database) -> None:
    for view in VIEWS:
        assert sql(database, f"SELECT * FROM {view}") == []


def test_two_processes_may_migrate_at_once(database_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=REPOSITORY,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(2) as threads:
        ended = list(threads.map(lambda process: process.communicate("\n", timeout=60), processes))
    assert [process.returncode for process in processes] == [0, 0], ended
    with opened(database_url) as database:
        assert database.schema_differences() == []


@pytest.mark.parametrize("command", [["upgrade", "head"], ["check"], ["downgrade", "base"]])
def test_the_alembic_command_works_by_itself(
    database_url: str, command: list[str], tmp_path: Path
) -> None:
    if command != ["upgrade", "head"]:
        with opened(database_url) as database:
            database.migrate()
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "-c", str(REPOSITORY / "pyproject.toml"), *command],
        env={**os.environ, "ARTWORKS_DATABASE_URL": database_url, "PYTHONPATH": str(REPOSITORY)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with opened(database_url) as database:
        if command[0] == "downgrade":
            assert sql(database, OBJECTS_LEFT) == []
        else:
            assert database.schema_differences() == []


def test_makers_of_before_were_all_named_by_pages_of_works(database_url: str) -> None:
    with opened(database_url) as database:
        database.migrate("0001")
        sql(
            database,
            "WITH w AS (INSERT INTO artworks (site, source_id, page_url, title, content_hash) "
            "VALUES ('museum', '1', 'u', 't', 'x') RETURNING id), "
            "a AS (INSERT INTO artists (name, name_key, birth_year) VALUES ('Ann', 'ann', 1850) "
            "RETURNING id) "
            "INSERT INTO artwork_artists (artwork_id, position, artist_id) "
            "SELECT w.id, 0, a.id FROM w, a",
        )
        database.migrate()
        said = one(database, "SELECT said FROM artwork_artists")
        assert (said["name"], said["birth_year"], said["page_url"]) == ("Ann", 1850, None)
        database.migrate("0001")
        assert one(database, "SELECT count(*) FROM artwork_artists") == 1
