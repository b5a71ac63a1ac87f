"""The compose file, as far as it can be checked without a Docker engine.

Its parts are held against what they rely on: our settings, our commands, and the option parsers of
the programs that its images start.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings
from sqlalchemy.engine import make_url

from analysis.schedule.entries import Schedule
from crawler.config import CrawlerSettings
from storage.embedded import containers, splash
from storage.embedded.postgres import EmbeddedPostgres
from storage.settings import StorageSettings

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
REQUIRED = {"POSTGRES_PASSWORD", "OBJECTS_USER", "OBJECTS_PASSWORD"}
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?:(:?[-?])([^}]*))?\}")


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: shlex.split(value)[0] if value else "" for name, _, value in pairs}


def filled_in(text: str, values: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name, how, default = match.groups()
        found = values.get(name)
        if found is None or (not found and how and how.startswith(":")):
            assert how in (":-", "-"), f"{name} has no value"
            return str(default)
        return found

    return VARIABLE.sub(value, text)


def environment_of(service: str, values: dict[str, str]) -> dict[str, str]:
    given = SERVICES[service].get("environment", {})
    return {name: filled_in(str(value), values) for name, value in given.items()}


def settings_names() -> set[str]:
    kinds: list[type[BaseSettings]] = [StorageSettings, CrawlerSettings]
    return {f"ARTWORKS_{name}".upper() for kind in kinds for name in kind.model_fields}


@pytest.mark.parametrize("service", SERVICES)
def test_every_port_is_open_to_this_machine_only(service: str) -> None:
    for port in SERVICES[service].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\$\{\w+_PORT:-\d+\}:\d+", port)


@pytest.mark.parametrize("service", SERVICES)
def test_every_image_is_pinned(service: str) -> None:
    tag = SERVICES[service]["image"].partition(":")[2]
    assert re.search(r"\d", tag)
    assert "latest" not in tag


def test_the_services_on_this_machine_use_the_same_images() -> None:
    assert SERVICES["splash"]["image"] == containers.SPLASH_IMAGE
    assert SERVICES["objects"]["image"] == containers.S3_IMAGE


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_health_check_and_a_restart_policy(service: str) -> None:
    assert SERVICES[service]["healthcheck"]["test"]
    assert SERVICES[service]["restart"]


def test_services_wait_until_what_they_need_is_healthy() -> None:
    for service in SERVICES.values():
        for name, condition in service.get("depends_on", {}).items():
            assert condition["condition"] == "service_healthy"
            assert "healthcheck" in SERVICES[name]
    for service in ("crawler", "scheduler"):
        assert set(SERVICES[service]["depends_on"]) == set(SERVICES) - {"crawler", "scheduler"}


def test_volumes_are_named_and_all_used() -> None:
    mounts = [mount for one in SERVICES.values() for mount in one.get("volumes", [])]
    named = [mount for mount in mounts if isinstance(mount, str)]
    assert {mount.partition(":")[0] for mount in named} == set(COMPOSE["volumes"])


def test_every_variable_is_in_the_example_and_every_example_is_used() -> None:
    used = {match[1] for match in VARIABLE.finditer(TEXT)}
    assert used == set(example())


def test_passwords_come_from_the_environment_file_only() -> None:
    for match in VARIABLE.finditer(TEXT):
        assert (match[2] == ":?") == (match[1] in REQUIRED)
    for name in REQUIRED - {"OBJECTS_USER"}:
        assert example()[name] == "local-use-only"
        assert example()[name] not in TEXT
    assert "LOCAL USE ONLY" in (ROOT / ".env.example").read_text()


def test_defaults_are_those_of_the_example() -> None:
    for match in VARIABLE.finditer(TEXT):
        if match[2] in (":-", "-") and match[1] != "CRAWL_USER_AGENT":
            assert match[3] == example()[match[1]]


def test_the_crawler_is_given_settings_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = environment_of("crawler", example())
    names = {name for name in environment if name.startswith("ARTWORKS_")}
    assert names <= settings_names()
    for name in names:
        monkeypatch.setenv(name, environment[name])
    storage, crawler = StorageSettings(), CrawlerSettings()
    assert storage.database_url is not None
    url = make_url(storage.database_url.get_secret_value())
    postgres = environment_of("postgres", example())
    assert (url.host, url.port) == ("postgres", 5432)
    assert (url.database, url.username) == (postgres["POSTGRES_DB"], postgres["POSTGRES_USER"])
    assert url.password == postgres["POSTGRES_PASSWORD"]
    assert "@objects:9000/" in storage.objects_location
    assert str(crawler.allowed_networks[0]) == "127.0.0.0/8"


def test_local_sites_can_be_forbidden() -> None:
    environment = environment_of("crawler", example() | {"CRAWL_ALLOWED_NETWORKS": ""})
    assert environment["ARTWORKS_ALLOWED_NETWORKS"] == ""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    programs = str(Path(sys.executable).parent)
    path = os.pathsep.join((programs, os.environ["PATH"]))
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PATH": path},
    )


def test_the_crawler_runs_commands_that_exist() -> None:
    script = SERVICES["crawler"]["command"][-1].replace("$$", "$")
    assert run("sh", "-n", "-c", script).returncode == 0
    assert script == 'artworks init && exec scrapy crawl artworks -a site="$SITE"'
    for command in (["artworks", "init"], ["artworks", "status", "--json"]):
        done = run(*command, "--help")
        assert done.returncode == 0, done.stderr
    listed = run("scrapy", "list")
    assert "artworks" in listed.stdout.split(), listed.stderr


def test_the_crawler_in_the_container_does_what_it_does_here(
    database_url: str, open_folder: Path
) -> None:
    script = SERVICES["crawler"]["command"][-1].replace("$$", "$")
    programs = str(Path(sys.executable).parent)
    # A site that does not exist: everything before the first request is tried, and nothing after.
    done = subprocess.run(
        ["sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
        env={
            "PATH": os.pathsep.join((programs, "/usr/bin", "/bin")),
            "HOME": str(open_folder),
            "SITE": "no-such-site",
            "ARTWORKS_HOME": str(open_folder),
            "ARTWORKS_DATABASE_URL": database_url,
            "ARTWORKS_OBJECTS_URL": f"file://{open_folder}/objects",
        },
    )
    assert done.returncode == 2, done.stderr
    assert "no-such-site" in done.stderr


def test_the_museum_starts_with_these_options() -> None:
    command = SERVICES["museum"]["command"]
    assert command[:3] == ["python", "-m", "demo"]
    from demo.server import _parser

    options = _parser().parse_args(command[3:])
    assert (options.host, options.port, options.lazy) == ("127.0.0.1", 8808, True)
    assert ":8808/" in SERVICES["museum"]["healthcheck"]["test"][-1]


def test_splash_accepts_its_options(splash_url: str) -> None:
    del splash_url  # its fixture skips where Splash cannot be had
    program = splash.environment()
    done = run(
        str(program / "bin" / "python"),
        str(program / splash.LAUNCHER.name),
        *SERVICES["splash"]["command"],
        "--disable-xvfb",
        "--browser-engines=webkit",
        "--version",
    )
    assert (done.returncode, done.stdout.strip()) == (0, "3.5"), done.stderr
    assert run(
        str(program / "bin" / "python"), str(program / splash.LAUNCHER.name), "--no-such-option"
    ).returncode


def test_splash_ends_before_its_memory_does() -> None:
    (maxrss,) = [
        int(option.partition("=")[2])
        for option in SERVICES["splash"]["command"]
        if option.startswith("--maxrss=")
    ]
    limit = int(SERVICES["splash"]["mem_limit"].removesuffix("g")) * 1024
    assert maxrss < limit * 0.8
    assert SERVICES["splash"]["restart"] == "always"


def test_postgres_accepts_its_options(open_folder: Path) -> None:
    command = SERVICES["postgres"]["command"]
    assert command[0] == "postgres"
    flags = command[1:]
    assert flags[::2] == ["-c"] * (len(flags) // 2)
    options = dict(flag.split("=", 1) for flag in flags[1::2])
    with EmbeddedPostgres(open_folder, options=options) as server:
        assert server.url


def test_the_scheduler_is_a_crawler_that_stays() -> None:
    scheduler, crawler = SERVICES["scheduler"], SERVICES["crawler"]
    for key in ("build", "image", "environment", "network_mode", "depends_on", "healthcheck"):
        assert scheduler[key] == crawler[key], key
    assert scheduler["restart"] == "unless-stopped"
    # Without a schedule there is nothing to start, and `docker compose up` does not try.
    assert scheduler["profiles"] == ["schedule"]
    assert scheduler["init"] is True


def test_the_scheduler_reads_the_file_beside_the_compose_file() -> None:
    script = SERVICES["scheduler"]["command"][-1]
    assert run("sh", "-n", "-c", script).returncode == 0
    (mount,) = [one for one in SERVICES["scheduler"]["volumes"] if isinstance(one, dict)]
    assert script == f"artworks init && exec artworks schedule --file {mount['target']}"
    assert mount["source"] == "./schedule.toml"
    assert mount["read_only"]
    assert mount["bind"] == {"create_host_path": False}
    assert run("artworks", "schedule", "--help").returncode == 0


def test_the_scheduler_is_killed_after_its_runs_and_not_before() -> None:
    patience = Schedule.model_fields["stop_seconds"].default
    grace = float(SERVICES["scheduler"]["stop_grace_period"].removesuffix("s"))
    assert CrawlerSettings().shutdown_seconds < patience < grace


def test_museum_splash_and_crawlers_share_one_loopback() -> None:
    for service in ("splash", "crawler", "scheduler"):
        assert SERVICES[service]["network_mode"] == "service:museum"
        assert "ports" not in SERVICES[service]


def test_the_image_keeps_private_files_out_and_runs_without_root() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    assert {".git", ".env", ".venv", "var"} <= set(ignored)
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    base = next(line for line in lines if line.startswith("FROM "))
    assert re.fullmatch(r"FROM python:3\.12\.\d+-slim-\w+", base)
    users = [line for line in lines if line.startswith("USER ")]
    assert users == ["USER artworks"]
    copied = [index for index, line in enumerate(lines) if line.startswith("COPY ")]
    assert "constraints.txt" in lines[copied[0]]
    assert lines[copied[1]] == "COPY . ."
    assert any(line.startswith("HEALTHCHECK") for line in lines)
