"""What can go wrong is one line with the cure, and the documented exit code."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.crawls import REPOSITORY

from cli import collection
from storage.errors import ExitCode, ObjectStoreUnavailable, UsageError

ARTWORKS = [sys.executable, "-c", "from cli.main import main; main()"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def told(result: Any) -> str:
    """Return the one line on standard error, having checked that it is one."""
    assert result.out == ""
    assert "Traceback" not in result.err
    assert result.err.count("\n") == 1, result.err
    assert result.err.startswith("error: ")
    message: str = result.err.removeprefix("error: ").strip()
    return message


DATABASE_COMMANDS = [
    ("status",),
    ("status", "--json"),
    ("failures",),
    ("failures", "--retry"),
    ("export", "out.csv"),
    ("export", "-"),
    ("init",),
    ("colors",),
]


@pytest.mark.parametrize("arguments", DATABASE_COMMANDS, ids=" ".join)
def test_a_database_that_nobody_serves(command, arguments: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    url = f"postgresql://me:s3cret@127.0.0.1:{free_port()}/art"
    result = command(*arguments, database_url=url)
    assert result.code == ExitCode.UNREACHABLE
    message = told(result)
    assert "ARTWORKS_DATABASE_URL" in message
    assert "s3cret" not in message
    assert not Path("out.csv").exists()


def test_wrong_credentials(command, database_url: str) -> None:  # type: ignore[no-untyped-def]
    # The embedded server trusts its socket; a user that does not exist is refused all the same.
    url = database_url.replace("postgres@", "nobody:s3cret@", 1)
    assert url != database_url
    result = command("status", database_url=url)
    assert result.code == ExitCode.UNREACHABLE
    message = told(result)
    assert "nobody" in message
    assert "s3cret" not in message


@pytest.mark.parametrize(
    "url",
    [
        "not a url",
        "mysql://me:s3cret@localhost/art",
        "postgresql://me:s3cret@localhost:notaport/art",
        "postgresql://me:s3cret@localhost:99999999/art",
        "http://localhost",
        "",
    ],
)
def test_a_malformed_database_url(command, url: str) -> None:  # type: ignore[no-untyped-def]
    result = command("status", database_url=url)
    assert result.code in (ExitCode.USAGE, ExitCode.UNREACHABLE)
    message = told(result)
    assert "ARTWORKS_DATABASE_URL" in message
    assert "s3cret" not in message


@pytest.mark.parametrize("url", ["nonsense", "file://relative", "minio://k:s3cret@:99/x", "s3://x"])
def test_a_malformed_object_url(command, session_database: str, url: str) -> None:  # type: ignore[no-untyped-def]
    result = command("init", objects_url=url, database_url=session_database)
    assert result.code == ExitCode.USAGE
    message = told(result)
    assert "ARTWORKS_OBJECTS_URL" in message
    assert "s3cret" not in message


def test_an_object_store_that_nobody_serves(command, database_url: str) -> None:  # type: ignore[no-untyped-def]
    url = f"minio://key:s3cret@127.0.0.1:{free_port()}/bucket?secure=0"
    result = command("init", objects_url=url, database_url=database_url)
    assert result.code == ExitCode.UNREACHABLE
    assert "s3cret" not in told(result)
    # Nothing half-done: the database got no tables either.
    assert "artworks init" in told(command("status", database_url=database_url))


def test_a_database_without_tables(command, database_url: str) -> None:  # type: ignore[no-untyped-def]
    result = command("status", database_url=database_url)
    assert result.code == ExitCode.UNREACHABLE
    assert "artworks init" in told(result)


def test_looking_makes_nothing(command) -> None:  # type: ignore[no-untyped-def]
    for arguments in [("status",), ("failures",), ("export", "x.csv"), ("colors",)]:
        result = command(*arguments)
        assert result.code == ExitCode.UNREACHABLE
        assert "artworks init" in told(result)
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("sites", "nonsuch"), "known sites"),
        (("sites", "dem"), "demo"),
        (("sites", "missing.toml"), "missing.toml"),
        (("sites", "--url", "http://example.org"), "NAME"),
        (("failures", "--reason", "not_fond"), "not_found"),
        (("export", "x.pdf"), "--format"),
        (("export", "x.csv", "--format", "xml"), "csv or jsonl"),
        (("export", "x.jsonl", "--safe"), "--safe"),
        (("export", "/"), "folder"),
        (("analyze", "nonsuch"), "nonsuch"),
        (("colors", "no-such-file.jpg"), "no-such-file.jpg"),
        (("colors", "--tolerance", "3"), "--like"),
        (("colors", "a.jpg", "--redo"), "IMAGE"),
        (("services", "up", "nonsuch"), "nonsuch"),
        (("services", "status", "nonsuch"), "nonsuch"),
        (("services", "up", "--env", "--json"), "--env"),
        (("demo", "--art", ".", "--works", "3"), "--art"),
        (("demo", "--art", "no-such-folder"), "no-such-folder"),
        (("demo", "--out", "/proc/no/sheet.png"), "--out"),
    ],
)
def test_wrong_arguments(command, session_database: str, arguments, word: str) -> None:  # type: ignore[no-untyped-def]
    result = command(*arguments, database_url=session_database)
    assert result.code == ExitCode.USAGE, result.err
    lines = [line for line in result.err.splitlines() if not line.startswith("✓")]
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert word in lines[0]


def test_a_file_that_is_no_image(command) -> None:  # type: ignore[no-untyped-def]
    Path("page.jpg").write_text("<html></html>")
    result = command("colors", "page.jpg")
    assert result.code == ExitCode.USAGE
    assert "page.jpg" in told(result)


def test_a_wrong_setting(command, session_database: str) -> None:  # type: ignore[no-untyped-def]
    result = command(
        "sites",
        "demo",
        "--url",
        "/",
        database_url=session_database,
        allowed_networks="everywhere",
    )
    assert result.code == ExitCode.USAGE
    assert "ARTWORKS_ALLOWED_NETWORKS" in told(result)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("wrong\nin two lines"), 2),
        (ObjectStoreUnavailable("gone"), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(command, monkeypatch, error: BaseException, code: int) -> None:  # type: ignore[no-untyped-def]
    def fail() -> None:
        raise error

    monkeypatch.setattr("cli.collection.load_settings", fail)
    result = command("status")
    assert result.code == code
    assert told(result)


def test_the_unexpected_has_a_traceback(command, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def fail() -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(collection, "load_settings", fail)
    result = command("status")
    assert result.code == ExitCode.UNEXPECTED
    assert "Traceback" in result.err
    assert "a bug" in result.err


def test_a_reader_that_has_seen_enough(sample_url: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        done = subprocess.run(
            [*ARTWORKS, "export", "-"],
            cwd=REPOSITORY,
            env=os.environ | {"ARTWORKS_DATABASE_URL": sample_url},
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")


def test_terminated_it_ends_as_interrupted(command, open_folder: Path) -> None:  # type: ignore[no-untyped-def]
    process = subprocess.Popen(
        [*ARTWORKS, "demo", "--serve", "--works", "2", "--port", str(free_port())],
        cwd=REPOSITORY,
        env=os.environ | {"ARTWORKS_HOME": str(open_folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("address: http://127.0.0.1:")
    assert process.stdout.readline().startswith("crawl it: ARTWORKS_ALLOWED_NETWORKS=127.0.0.0/8 ")
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in said
