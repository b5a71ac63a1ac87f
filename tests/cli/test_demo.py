"""`artworks demo` as a user runs it: interrupted, continued, and run again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image
from support.crawls import REPOSITORY

from cli import museum_memory
from cli.museum_memory import Museum
from storage.errors import ExitCode, UsageError

# mypy: disable-error-code="no-untyped-def"

DEFAULTS = (480, 7)


@dataclass
class Home:
    """A home with a database of its own on the session's server."""

    path: Path
    database_url: str

    def start(self, *arguments: str, before: str = "") -> subprocess.Popen[str]:
        """Start a command; `before` is Python that runs first in its process."""
        return subprocess.Popen(
            [sys.executable, "-c", f"{before}\nfrom cli.main import main; main()", *arguments],
            cwd=REPOSITORY,
            env=os.environ
            | {"ARTWORKS_HOME": str(self.path), "ARTWORKS_DATABASE_URL": self.database_url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, before: str = "") -> tuple[int, str, str]:
        process = self.start(*arguments, before=before)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    def status(self) -> dict[str, Any]:
        code, out, err = self.run("status", "--json")
        assert code == 0, err
        found: dict[str, Any] = json.loads(out)
        return found


@pytest.fixture
def home(
    open_folder: Path, new_database: Callable[[], AbstractContextManager[str]]
) -> Iterator[Home]:
    with new_database() as url:
        yield Home(open_folder, url)


def children(pid: int) -> list[str]:
    found = []
    for child in psutil.Process(pid).children():
        with contextlib.suppress(psutil.Error):  # it may have ended since
            found.append(f"{child.pid} {' '.join(child.cmdline())}")
    return found


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


NO_BROWSER = """
from dataclasses import replace
from storage.embedded import services
real = services.status
services.status = lambda home: [
    replace(one, state="unavailable") if one.name == "splash" else one for one in real(home)
]
import os, sys
os.environ["PATH"] = os.path.dirname(sys.executable)  # where no browser is
"""


def test_with_browsers_faked_away_the_demo_ends_well_and_says_how_to_get_them(home: Home) -> None:
    code, out, err = home.run("demo", "--works", "24", before=NO_BROWSER)
    assert code == 0, err
    assert "make services" in out + err
    found = home.status()
    assert found["failures"]["renderer_unavailable"] == 3
    assert found["rendered_pages"] == 0
    assert found["artworks"] >= 20


def test_interrupted_continued_and_run_again(home: Home) -> None:
    process = home.start("demo", "--works", "24")
    until = time.monotonic() + 120
    while not any("crawler crawl artworks" in child for child in children(process.pid)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.1)
    time.sleep(1.5)
    mine = children(process.pid)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED, err
    assert "Traceback" not in err
    assert [child for child in mine if runs(int(child.split()[0]))] == []

    code, out, err = home.run("demo")
    assert code == 0, err
    told = dict(line.split(": ", 1) for line in out.splitlines())
    assert told["artworks"].split()[0].isdecimal()
    with Image.open(home.path / "demo" / "contact-sheet.png") as sheet:
        assert sheet.format == "PNG"
    first = home.status()
    assert first["artworks"] >= 20
    # Palettes, channel statistics, layout and embedding of each image.
    assert first["results"]["image_results"] >= 4 * first["images"]
    assert first["results"]["image_features"] == 2 * first["images"]
    assert first["results"]["image_embeddings"] == first["images"]
    assert first["results"]["image_positions"] == first["images"]
    assert first["results"]["image_outliers"] == 3 * first["images"]
    assert ("renderer_unavailable" in first["failures"]) == (first["rendered_pages"] == 0)

    code, out, err = home.run("demo")
    assert code == 0, err
    assert "nothing new" in out
    assert home.status()["digest"] == first["digest"]

    code, _, err = home.run("demo", "--works", "30")
    assert code == ExitCode.USAGE
    assert "--home" in err


def test_the_next_commands_work(home: Home) -> None:
    folder = home.path / "pictures"
    folder.mkdir()
    for number, color in enumerate(("red", "navy", "olive")):
        Image.new("RGB", (640, 480 + number), color).save(folder / f"{color}.png")
    sheet = home.path / "out" / "sheet.png"
    code, out, err = home.run("demo", "--art", str(folder), "--out", str(sheet))
    assert code == 0, err
    assert sheet.exists()
    commands = [line.removeprefix("next: ") for line in out.splitlines() if "next: " in line]
    assert len(commands) == 3
    for command in commands:
        words = command.split()
        assert words[0] == "artworks"
        if "export" in words:
            words[words.index("artworks.csv")] = str(home.path / "artworks.csv")
        code, _, err = home.run(*words[1:])
        assert code == 0, err
    assert home.status()["artworks"] == 3

    other = home.path / "other pictures"
    other.mkdir()
    Image.new("RGB", (640, 480), "teal").save(other / "teal.png")
    code, _, err = home.run("demo", "--art", str(other))
    assert code == ExitCode.USAGE
    assert str(folder) in err


def test_a_home_remembers_its_museums(tmp_path: Path) -> None:
    assert museum_memory.recall(tmp_path, "demo") is None
    generated = Museum("demo", 4001, works=24, seed=3)
    folder = Museum("folder", 4002, folder=tmp_path)
    museum_memory.remember(tmp_path, generated)
    museum_memory.remember(tmp_path, folder)
    assert museum_memory.recall(tmp_path, "demo") == generated
    assert museum_memory.recall(tmp_path, "folder") == folder
    museum_memory.file_of(tmp_path).write_text("{torn")
    assert museum_memory.recall(tmp_path, "demo") is None
    museum_memory.remember(tmp_path, generated)
    assert museum_memory.recall(tmp_path, "demo") == generated


def test_first_choice_is_free(tmp_path: Path) -> None:
    museum, movable = museum_memory.choose(tmp_path, "demo", defaults=DEFAULTS)
    assert museum == Museum("demo", museum_memory.FIRST_PORT, works=480, seed=7)
    assert movable
    museum, movable = museum_memory.choose(tmp_path, "demo", port=4444, seed=0, defaults=DEFAULTS)
    assert museum == Museum("demo", 4444, works=480, seed=0)
    assert not movable


def test_what_was_crawled_stays(tmp_path: Path) -> None:
    museum_memory.remember(tmp_path, Museum("demo", 4001, works=24, seed=0))
    again = museum_memory.choose(tmp_path, "demo", crawled=4001, defaults=DEFAULTS)
    assert again == (Museum("demo", 4001, works=24, seed=0), False)
    for wish in ({"works": 25}, {"seed": 1}, {"port": 4002}):
        with pytest.raises(UsageError, match="--home"):
            museum_memory.choose(tmp_path, "demo", crawled=4001, defaults=DEFAULTS, **wish)
    # Until something was crawled, the mind may change.
    changed, _ = museum_memory.choose(tmp_path, "demo", works=25, defaults=DEFAULTS)
    assert changed.works == 25
    # The database outlives the file.
    museum_memory.file_of(tmp_path).unlink()
    kept, movable = museum_memory.choose(tmp_path, "demo", crawled=4001, defaults=DEFAULTS)
    assert (kept.port, movable) == (4001, False)
