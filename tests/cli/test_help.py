"""Every command explains itself, quickly."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer

from cli.main import app

DATA_COMMANDS = (
    "duplicates",
    "forget",
    "status",
    "sites",
    "failures",
    "colors",
    "analyze",
    "init",
    "train",
    "report",
    "schedule",
    "verify",
    "similar",
    "compare",
    "clusters",
    "outliers",
    "distribution",
    "label",
)
HEAVY = (
    "alembic",
    "cv2",
    "faiss",
    "keras",
    "numpy",
    "openvino",
    "pandas",
    "PIL",
    "psycopg2",
    "scrapy",
    "sklearn",
    "sqlalchemy",
    "tensorflow",
    "uvicorn",
)


def command_paths() -> Iterator[tuple[str, ...]]:
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        children = getattr(command, "commands", {})
        yield from ((name, child) for child in children) if children else [(name,)]


@pytest.mark.parametrize("path", list(command_paths()), ids=" ".join)
def test_help_has_an_example(path: tuple[str, ...], command, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COLUMNS", "200")
    result = command(*path, "--help")
    assert result.code == 0
    assert "Example: " in result.out
    assert f"artworks {' '.join(path)}" in result.out.split("Example: ")[1]
    described = result.out.partition("Usage:")[2].splitlines()
    assert any(line.strip().endswith(".") for line in described)


def test_commands_that_print_data_take_json(command, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COLUMNS", "200")
    for name in DATA_COMMANDS:
        assert "--json" in command(name, "--help").out
    for child in ("up", "down", "status"):
        assert "--json" in command("services", child, "--help").out
    for child in ("list", "show", "activate", "remove"):
        assert "--json" in command("models", child, "--help").out


def test_nothing_is_announced_that_does_not_exist_yet() -> None:
    names = {path[0] for path in command_paths()}
    expected = (
        "analyze clusters colors compare demo distribution duplicates evaluate export failures "
        "forget init label models outliers report schedule services similar sites sql status "
        "train verify"
    )
    assert names == set(expected.split())


def test_without_arguments_the_help_is_shown(command) -> None:  # type: ignore[no-untyped-def]
    result = command()
    assert result.code == 2
    assert "Usage: artworks" in result.out + result.err
    assert "error:" not in result.err


def test_version(command) -> None:  # type: ignore[no-untyped-def]
    result = command("--version")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("artworks ")


def test_the_help_loads_nothing_heavy() -> None:
    script = f"import cli.main, sys; print([n for n in {HEAVY!r} if n in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("status", "--no-such-option"),
        ("failures", "--limit", "many"),
        ("export",),
        ("services", "no-such-command"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line(command, arguments: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    result = command(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
