from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import create_engine, text

from storage.embedded import postgres
from storage.embedded.accounts import Account
from storage.embedded.postgres import EmbeddedPostgres, programs
from storage.errors import DatabaseUnavailable, SettingError

CLIENT = """
import sys, time
from pathlib import Path
from storage.embedded.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
print(server.url, flush=True)
sys.stdin.readline()
server.close()
"""


def query(url: str, statement: str) -> object:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            result = connection.execute(text(statement))
            return result.scalar() if result.returns_rows else None
    finally:
        engine.dispose()


def start_client(home: Path) -> subprocess.Popen[str]:
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert client.stdout is not None
    assert client.stdout.readline().startswith("postgresql+psycopg2://")
    return client


def finish(client: subprocess.Popen[str], how: int | None = None) -> None:
    if how is None:
        client.communicate("\n", timeout=60)
    else:
        client.send_signal(how)
        client.communicate(timeout=60)


def is_running(home: Path) -> bool:
    return (home / "postgres" / "postmaster.pid").exists()


def test_data_survive_and_the_last_one_stops_the_server(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder) as first:
        query(first.url, "CREATE EXTENSION vector")
        query(first.url, "CREATE TABLE kept AS SELECT 7 AS number")
        with EmbeddedPostgres(open_folder) as second:
            assert second.url == first.url
        assert query(first.url, "SELECT number FROM kept") == 7
    assert not is_running(open_folder)
    with EmbeddedPostgres(open_folder) as again:
        assert query(again.url, "SELECT number FROM kept") == 7
        assert query(again.url, "SELECT datlocale FROM pg_database WHERE datname='artworks'")


def test_two_processes_share_one_server(open_folder: Path) -> None:
    other = start_client(open_folder)
    with EmbeddedPostgres(open_folder) as ours:
        finish(other)
        assert query(ours.url, "SELECT 1") == 1
    assert not is_running(open_folder)


def test_a_killed_client_does_not_keep_the_server(open_folder: Path) -> None:
    other = start_client(open_folder)
    with EmbeddedPostgres(open_folder) as ours:
        finish(other, signal.SIGKILL)
        assert query(ours.url, "SELECT 1") == 1
    assert not is_running(open_folder)


def test_a_server_whose_clients_were_all_killed_is_joined(open_folder: Path) -> None:
    finish(start_client(open_folder), signal.SIGKILL)
    assert is_running(open_folder)
    with EmbeddedPostgres(open_folder) as ours:
        assert query(ours.url, "SELECT 1") == 1
    assert not is_running(open_folder)


def test_a_killed_server_recovers(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder) as server:
        query(server.url, "CREATE TABLE kept AS SELECT 7 AS number")
        pid = int((open_folder / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.5)
    with EmbeddedPostgres(open_folder) as server:
        assert query(server.url, "SELECT number FROM kept") == 7


def test_a_pid_that_another_process_has_by_now(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder):
        lines = (open_folder / "postgres" / "postmaster.pid").read_text().splitlines()
    lines[0] = str(os.getpid())
    (open_folder / "postgres" / "postmaster.pid").write_text("\n".join(lines))
    with EmbeddedPostgres(open_folder) as server:
        assert query(server.url, "SELECT 1") == 1


def test_a_start_that_was_killed_leaves_nothing_in_the_way(open_folder: Path) -> None:
    half = open_folder / "postgres.new-killed"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(open_folder) as server:
        assert query(server.url, "SELECT 1") == 1
    assert not half.exists()


def test_many_at_once(open_folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        servers = list(pool.map(EmbeddedPostgres, [open_folder] * 4))
    assert len({server.url for server in servers}) == 1
    for server in servers:
        server.close()
    assert not is_running(open_folder)


@pytest.mark.parametrize("name", ["x" * 120, 'it\'s, "so" $HOME `id`'], ids=["long", "odd"])
def test_any_folder_name_works(open_folder: Path, name: str) -> None:
    home = open_folder / name
    with EmbeddedPostgres(home) as server:
        assert query(server.url, "SELECT 1") == 1
        socket_folder = server.socket_folder
        assert len(str(socket_folder)) < 100
        assert socket_folder.stat().st_mode & 0o077 == 0
    assert not socket_folder.exists()


def test_another_major_version_is_told(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder):
        pass
    (open_folder / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(SettingError, match=r"made by PostgreSQL 16.*is 18"):
        EmbeddedPostgres(open_folder)


def test_a_folder_with_other_things_is_left_alone(open_folder: Path) -> None:
    (open_folder / "postgres").mkdir()
    (open_folder / "postgres" / "letter.txt").write_text("mine")
    with pytest.raises(SettingError, match="no PostgreSQL data folder"):
        EmbeddedPostgres(open_folder)
    assert (open_folder / "postgres" / "letter.txt").read_text() == "mine"


def test_a_server_that_cannot_start_tells_its_log(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder):
        pass
    with pytest.raises(DatabaseUnavailable, match="no_such_setting"):
        EmbeddedPostgres(open_folder, options={"no_such_setting": "1"})
    with EmbeddedPostgres(open_folder) as server:
        assert query(server.url, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root serves with another account")
def test_a_private_home_is_refused_for_root(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(SettingError, match="cannot enter"):
        EmbeddedPostgres(tmp_path / "home")
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_without_write_permission_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(SettingError, match="cannot write"):
        EmbeddedPostgres(tmp_path / "home")


def test_programs_are_copied_out_of_a_private_environment(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "cache_folder", lambda: open_folder / "cache")
    outsider = Account("outsider", 54321, 54321)
    monkeypatch.setattr(
        Account, "can_reach", lambda self, path: str(path).startswith(str(open_folder))
    )
    copied = programs(outsider)
    assert copied.is_relative_to(open_folder)
    assert programs(outsider) == copied
    with EmbeddedPostgres(open_folder / "home") as server:
        assert query(server.url, "SELECT 1") == 1


def test_the_session_server_gives_each_test_its_own_database(database_url: str) -> None:
    query(database_url, "CREATE TABLE only_here ()")
    assert "test_" in database_url


def test_other_users_cannot_log_in(postgres_server: EmbeddedPostgres) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run(
            [
                "/usr/bin/python3",
                "-c",
                f"import os; os.listdir({str(postgres_server.folder)!r})",
            ],
            user=65534,
            group=65534,
            check=True,
            capture_output=True,
        )


def test_psycopg_understands_the_url(postgres_server: EmbeddedPostgres) -> None:
    url = postgres_server.url.replace("postgresql+psycopg2", "postgresql")
    psycopg2.connect(url).close()
