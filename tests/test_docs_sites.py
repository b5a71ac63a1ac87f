"""docs/sites.md tells the truth: its profiles are read, and its commands run on the museum."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from crawler.extraction.sources import KINDS, TABLE_KEYS
from crawler.profile_schema import profile_schema
from crawler.profiles import parse_profile
from demo.server import MuseumServer
from storage.settings import ENV_PREFIX

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "sites.md").read_text(encoding="utf-8")
MUSEUM = "http://127.0.0.1:8808"
LONGEST = {"prints.toml": 30, "api.toml": 40}
TIMEOUT_S = 120


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


PROFILES = {
    match[1]: text for text in blocks("toml") if (match := re.match(r"# (\w+\.toml)\n", text))
}
FRAGMENTS = [text for text in blocks("toml") if text not in PROFILES.values()]
COMMANDS = [
    line.removeprefix("$ ") for text in blocks("console") for line in text.splitlines() if line
]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder with the page's profiles, for a museum that is open; and its address."""
    folder = tmp_path_factory.mktemp("reader")
    with MuseumServer(
        works=90, lazy=True, cache=tmp_path_factory.mktemp("painted"), crawl_delay=0
    ) as museum:
        for name, text in PROFILES.items():
            (folder / name).write_text(text.replace(MUSEUM, museum.url), encoding="utf-8")
        (folder / "scrapy.cfg").symlink_to(ROOT / "scrapy.cfg")
        yield folder, museum.url


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_works(reader: tuple[Path, str], command: str) -> None:
    folder, url = reader
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
    path = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command.replace(MUSEUM, url)],
        cwd=folder,
        env=clean | {"PATH": path, "ARTWORKS_ALLOWED_NETWORKS": "127.0.0.0/8"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    assert "Traceback" not in done.stderr
    if "dry_run" in command:
        totals, fields = (
            dict(line.split("\t")[:2] for line in table.splitlines()[1:])
            for table in done.stdout.split("\n\n")[:2]
        )
        works = totals["artworks"]
        assert int(works) >= 3
        assert int(totals["images"].partition(",")[0]) >= 3
        for name in ("title", "year_from", "artists", "license_url"):
            assert fields[name] == f"{works} of {works}", fields
        assert not (folder / "var").exists()


def test_there_are_commands() -> None:
    assert sum("dry_run" in command for command in COMMANDS) >= 5


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_are_valid_and_short(name: str) -> None:
    parse_profile(PROFILES[name], Path(name))
    assert len(PROFILES[name].splitlines()) <= LONGEST.get(name, 40)


def test_fragments_have_keys_that_exist() -> None:
    validator = jsonschema.Draft202012Validator(profile_schema())
    assert FRAGMENTS
    for text in FRAGMENTS:
        errors = [
            error.message
            for error in validator.iter_errors(tomllib.loads(text))
            if error.validator != "required"
        ]
        assert errors == [], text


def test_every_kind_of_source_is_explained() -> None:
    for kind in KINDS:
        assert f'`"{kind}:' in PAGE, kind
    for key in TABLE_KEYS:
        assert key in KINDS or f"{key} = " in PAGE, key


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
