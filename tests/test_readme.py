"""The README tells the truth: its commands are run, in order, by a newcomer with nothing set."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from support.prompt import Prompt

from analysis.config import AnalysisSettings
from crawler.config import CrawlerSettings
from crawler.profiles import parse_profile
from storage.settings import ENV_PREFIX, StorageSettings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# It is what runs this test.
NOT_RUN = ("make test",)
PORT = "8808"
DEMO_TIMEOUT_S = 400


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[tuple[str, list[str]]]:
    """Commands with the output that the README shows, line by line."""
    found: list[tuple[str, list[str]]] = []
    for block in blocks("console"):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line.removeprefix("$ ").partition("  #")[0].strip(), []))
            else:
                found[-1][1].append(line)
    return found


@pytest.fixture(scope="module")
def newcomer(session_home: Path) -> Path:
    """A folder that looks like the checkout, with nothing collected yet."""
    folder = session_home / "newcomer"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "scrapy.cfg"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def environment(folder: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
    path = f"{folder / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    # What `export` in the README sets for the museum on loopback.
    return clean | {"PATH": path, "ARTWORKS_ALLOWED_NETWORKS": "127.0.0.0/8"}


def run(command: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment(folder) | settings,
        capture_output=True,
        text=True,
        timeout=DEMO_TIMEOUT_S,
        check=False,
    )


def museum_url(folder: Path) -> str:
    done = run("artworks sql 'SELECT min(page_url) AS url FROM artworks' --csv", folder)
    assert done.returncode == 0, done.stderr
    return "/".join(done.stdout.splitlines()[1].split("/")[:3])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310
            return True
    except (urllib.error.URLError, OSError):
        return False


def words(lines: list[str]) -> list[list[str]]:
    return [line.split() for line in lines]


def test_every_command_works_and_prints_what_is_shown(newcomer: Path) -> None:
    check_readme(newcomer)
    # On the museum that is there now. Tests of their own might run in another process, without it.
    check_guides(newcomer, "colors.md", "models.md", "reports.md", "outliers.md", "map.md")
    check_pictures(newcomer)
    check_labels(newcomer)


def check_readme(newcomer: Path) -> None:
    given = commands()
    assert given[0][0] == "make demo"
    url = f"http://127.0.0.1:{PORT}"
    (newcomer / "mymuseum.toml").write_text(blocks("toml")[0], encoding="utf-8")
    served: subprocess.Popen[str] | None = None
    prompt = Prompt(newcomer, environment(newcomer), timeout_s=DEMO_TIMEOUT_S)
    try:
        for command, shown in given:
            if command in NOT_RUN:
                continue
            if "mymuseum" in command and served is None:
                served = subprocess.Popen(
                    ["artworks", "demo", "--serve"],
                    cwd=newcomer,
                    env=environment(newcomer),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
                until = time.monotonic() + 60
                while not answers(url) and time.monotonic() < until:
                    time.sleep(0.2)
                profile = newcomer / "mymuseum.toml"
                written = profile.read_text(encoding="utf-8")
                profile.write_text(written.replace(f"http://127.0.0.1:{PORT}", url), "utf-8")
            # The environment is there already: nothing is to be installed while testing.
            typed = re.sub(r"^make ", "make -o .venv/.installed ", command)
            done = prompt.run(typed.replace(f"http://127.0.0.1:{PORT}", url))
            assert done.code == 0, f"{command}\n{done.out[-2000:]}\n{done.err[-3000:]}"
            assert "Traceback" not in done.err
            if command == "make demo":
                url = museum_url(newcomer)
            if shown:
                expected = [line.replace(f"http://127.0.0.1:{PORT}", url) for line in shown]
                assert words(done.out.splitlines()) == words(expected), command
    finally:
        prompt.close()
        if served is not None:
            served.terminate()
            served.wait(30)


def guided_commands(page: str) -> list[str]:
    """The commands of a page of docs/, as it shows them."""
    found = re.findall(r"^ {4}(artworks .*)$", (ROOT / "docs" / page).read_text("utf-8"), re.M)
    return [command.partition("  #")[0].strip() for command in found]


def check_guides(newcomer: Path, *pages: str) -> None:
    (newcomer / "painting.jpg").write_bytes((ROOT / "docs/images/contact-sheet.jpg").read_bytes())
    # The weights of networks are not fetched while testing.
    with Prompt(newcomer, environment(newcomer) | {"ARTWORKS_EMBEDDING": "descriptors"}) as prompt:
        for page in pages:
            given = guided_commands(page)
            assert len(given) >= 4
            for command in given:
                done = prompt.run(command)
                said = f"{command}\n{done.out[-2000:]}\n{done.err[-3000:]}"
                assert done.code == 0, said


def check_pictures(newcomer: Path) -> None:
    from PIL import Image

    with Image.open(newcomer / "var" / "demo" / "contact-sheet.png") as sheet:
        assert sheet.width >= 1000
    for picture in re.findall(r"\]\((docs/images/[^)]+)\)", README):
        with Image.open(ROOT / picture) as image:
            image.verify()


# Categories that a picture shows: others say by which door a work is reached, or its colour.
SHOWN = (
    "abstraction", "flowers", "geometry", "landscapes", "nocturnes", "ornament", "portraits",
    "prints", "seascapes", "still lifes", "works on paper",
)  # fmt: skip


def check_labels(newcomer: Path) -> None:
    """What the museum calls its works is learned, and known again in works of other artists."""
    only = " ".join(f'--only "{name}"' for name in SHOWN)
    for arguments, measure in (("style", "accuracy"), (f"category {only}", "map")):
        command = f"artworks train {arguments} --split artists --folds 5 --no-activate --json"
        done = run(command, newcomer, ARTWORKS_EMBEDDING="descriptors")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)["model"]["metrics"]
        assert found["split"]["policy"] == "artists"
        crossed = found["cross_validation"]
        assert crossed[measure]["mean"] >= 0.95, (arguments, crossed[measure])
        # Nobody who knows how frequent labels are alone comes near.
        assert crossed["baselines"]["base_rate"][measure] < 0.5


def test_profiles_are_valid_and_short() -> None:
    first, second = blocks("toml")
    assert len(first.splitlines()) <= 30
    for text in (first, f"{first}\n{second}"):
        parse_profile(text, Path("mymuseum.toml"))


def test_every_setting_is_documented() -> None:
    documented = re.findall(rf"^\| `({ENV_PREFIX}\w+)` \|", README, re.MULTILINE)
    known = {
        f"{ENV_PREFIX}{name.upper()}"
        for settings in (StorageSettings, CrawlerSettings, AnalysisSettings)
        for name in settings.model_fields
    }
    assert set(documented) == known
    assert len(documented) == len(set(documented))


def test_every_argument_of_the_crawl_is_documented() -> None:
    from crawler.context import ARGUMENTS

    documented = re.findall(r"^\| `-a (\w+)=", README, re.MULTILINE)
    assert sorted(documented) == sorted(ARGUMENTS)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target


def test_commands_are_split_as_a_shell_splits_them() -> None:
    for command, _ in commands():
        assert shlex.split(command)
