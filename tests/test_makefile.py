"""The Makefile and `.ci/run`: what they tell, and that they stay quick and safe."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = ("setup", "demo", "test", "lint", "bench", "services", "clean")
BASIC_TOOLS = ("bash", "sh", "sed", "expand", "touch", "env", "make", "cat")


def make(
    *arguments: str, cwd: Path = ROOT, path: str | None = None
) -> subprocess.CompletedProcess[str]:
    program = shutil.which("make")
    assert program is not None
    # Not the flags of the make that may have started us.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    return subprocess.run(
        [program, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        env=environment | ({"PATH": path} if path is not None else {}),
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh checkout, as far as the Makefile looks at it."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PATH with the basic tools and nothing else."""
    folder = tmp_path_factory.mktemp("tools")
    for tool in BASIC_TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return folder


def fake_python(tools: Path, script: str) -> None:
    program = tools / "python3"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_help_lists_every_target() -> None:
    done = make()
    assert done.returncode == 0
    assert re.findall(r"^  make (\w+)", done.stdout, re.M) == ["help", *TARGETS]


def test_every_target_is_declared() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.*)", MAKEFILE, re.M)
    assert set(phony.split()) == {"help", *TARGETS}


def test_without_python_the_cure_is_told(checkout: Path, tools: Path) -> None:
    done = make("setup", cwd=checkout, path=str(tools))
    assert done.returncode == 2
    assert "apt-get install python3 python3-venv" in done.stderr


def test_an_old_python_is_refused_with_the_cure(checkout: Path, tools: Path) -> None:
    fake_python(tools, 'case "$1" in --version) echo Python 3.9.2;; *) exit 1;; esac')
    done = make("setup", cwd=checkout, path=str(tools))
    assert done.returncode == 2
    assert "Python 3.9.2 does not do" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_without_venv_is_refused_with_the_cure(checkout: Path, tools: Path) -> None:
    fake_python(tools, 'case "$2" in *ensurepip*) exit 1;; esac')
    done = make("setup", cwd=checkout, path=str(tools))
    assert done.returncode == 2
    assert "apt-get install python3-venv" in done.stderr


def test_setup_runs_again_only_when_what_it_installs_changed(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    stamp = checkout / ".venv" / ".installed"
    stamp.touch()
    os.utime(stamp, (2e9, 2e9))
    assert make("--question", "setup", cwd=checkout).returncode == 0
    os.utime(stamp, (1, 1))
    assert make("--question", "setup", cwd=checkout).returncode == 1


def test_demo_takes_a_folder_with_spaces(checkout: Path) -> None:
    done = make("--dry-run", "demo", "ART=my paintings", cwd=checkout)
    assert '.venv/bin/artworks demo --art "my paintings"' in done.stdout
    assert "--art" not in make("--dry-run", "demo", cwd=checkout).stdout


def test_the_suite_comes_last_and_only_after_style_and_types() -> None:
    recipe = make("--dry-run", "test").stdout.splitlines()
    assert "storage.embedded --if-possible" in "\n".join(recipe)
    assert " -m pytest " in recipe[-1]


def test_ci_runs_make_test_from_anywhere(tmp_path: Path, tools: Path) -> None:
    script = tmp_path / "checkout" / ".ci" / "run"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", script)
    (tmp_path / "checkout" / "Makefile").write_text('test:\n\t@echo "tested in $(CURDIR)"\n')
    done = subprocess.run(
        [str(script)],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        stdin=None,
        # Under make itself, a make within it talks about its level.
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
    )
    assert done.stdout == f"tested in {tmp_path / 'checkout'}\n", done.stderr


def test_constraints_are_exact_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines == sorted(lines)
    for line in lines:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*==[0-9][0-9a-zA-Z.+]*", line)


def test_everything_that_setup_installs_is_constrained() -> None:
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines())
    (extras,) = re.findall(r"^EXTRAS := (.*)", MAKEFILE, re.M)
    wanted = [Requirement(f"artworks[{extras}]")]
    seen: set[tuple[str, str]] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            installed = distribution(name)
            if name != "artworks":
                assert pinned.get(name) == installed.version, name
            for line in installed.requires or []:
                needed = Requirement(line)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    wanted.append(needed)
    assert {name for name, _ in seen} - {"artworks"} == set(pinned)
