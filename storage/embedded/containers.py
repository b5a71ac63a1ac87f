"""Services as Docker containers, where they cannot be had from packages."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from storage.embedded.processes import LOOPBACK, free_ports
from storage.errors import ServiceUnavailable
from storage.settings import percent_encode

SPLASH_IMAGE = "scrapinghub/splash:3.5"
S3_IMAGE = "pgsty/silo:RELEASE.2026-09-03T13-18-01Z"
LABEL = "artworks.services"
ENGINE_TIMEOUT_S = 20
PULL_TIMEOUT_S = 900
S3_USER = "artworks"


def obstacle() -> str | None:
    """Why containers cannot be started; None where a Docker engine answers."""
    if shutil.which("docker") is None:
        return "there is no docker"
    try:
        done = subprocess.run(
            ["docker", "info", "--format", "{{.ServerVersion}}"],
            capture_output=True,
            text=True,
            timeout=ENGINE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the Docker engine does not answer within {ENGINE_TIMEOUT_S} s"
    if done.returncode != 0 or not done.stdout.strip():
        return "no Docker engine answers"
    return None


def start_splash(folder: Path, options: tuple[str, ...]) -> tuple[str, str]:
    """Start Splash; return its URL and the container's id.

    On Linux it shares the machine's network, so that it can render pages served on loopback;
    elsewhere the engine runs in a virtual machine, whose loopback is another one.
    """
    (port,) = free_ports(1)
    if sys.platform == "linux":
        network = ["--network=host"]
        listening = [f"--ip={LOOPBACK}", f"--port={port}"]
    else:
        network = [f"--publish={LOOPBACK}:{port}:8050"]
        listening = []
    # The image brings an X server of its own, and does without the patches that need none.
    kept = [option for option in options if option != "--disable-xvfb"]
    container = _run_container(folder, "splash", [*network, SPLASH_IMAGE, *listening, *kept])
    return f"http://{LOOPBACK}:{port}", container


def start_s3(folder: Path, bucket: str, region: str) -> tuple[str, str]:
    """Start the S3 server on a volume of its own; return its URL and the container's id."""
    (port,) = free_ports(1)
    secret = _secret(folder / "s3-container.key")
    environment = folder / "s3-container.env"
    environment.touch(mode=0o600)
    # In a file: what stands on a command line is visible to every user of the machine.
    environment.write_text(f"MINIO_ROOT_USER={S3_USER}\nMINIO_ROOT_PASSWORD={secret}\n")
    container = _run_container(
        folder,
        "s3",
        [
            f"--publish={LOOPBACK}:{port}:9000",
            f"--env-file={environment}",
            f"--volume={_name(folder, 's3')}:/data",
            S3_IMAGE,
            "server",
            "/data",
        ],
    )
    url = (
        f"minio://{percent_encode(S3_USER)}:{percent_encode(secret)}@{LOOPBACK}:{port}/{bucket}"
        f"?secure=0&region={region}"
    )
    return url, container


def is_running(container: str) -> bool:
    """Tell whether the container runs."""
    done = _docker("inspect", "--format={{.State.Running}}", container)
    return done.stdout.strip() == "true"


def log_tail(container: str) -> str:
    """The last lines that the container wrote."""
    done = _docker("logs", "--tail=15", container)
    return f"{done.stdout}{done.stderr}".strip()


def stop(folder: Path, container: str) -> None:
    """End a container, if it is one that was started for `folder`; its data stay."""
    done = _docker("inspect", f'--format={{{{index .Config.Labels "{LABEL}"}}}}', container)
    if done.stdout.strip() == str(folder):
        _docker("rm", "--force", container)


def _run_container(folder: Path, service: str, arguments: list[str]) -> str:
    name = _name(folder, service)
    # Left over from a process that was killed before it could write the container down.
    stop(folder, name)
    command = ["run", "--detach", f"--name={name}", f"--label={LABEL}={folder}", *arguments]
    done = _docker(*command, timeout_s=PULL_TIMEOUT_S)
    if done.returncode != 0:
        raise ServiceUnavailable(
            f"the container {name} does not start: {' '.join(done.stderr.split())[-600:]}"
        )
    return done.stdout.split()[-1]


def _name(folder: Path, service: str) -> str:
    return f"artworks-{service}-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"


def _secret(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file.read_text()


def _docker(*arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceUnavailable(
            f"`docker {arguments[0]}` failed ({error}): see whether `docker info` answers."
        ) from error
