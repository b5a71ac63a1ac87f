"""Splash: renders pages with the WebKit of Debian's PyQt5, driven by Splash from PyPI."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from storage.embedded.accounts import Account, cache_folder
from storage.embedded.packages import SYSTEM_PYTHON, missing_packages
from storage.embedded.processes import (
    LOOPBACK,
    Daemon,
    free_ports,
    start_daemon,
    wait_until_healthy,
)
from storage.errors import ServiceUnavailable

PACKAGES = (
    "python3-pyqt5",
    "python3-pyqt5.qtmultimedia",
    "python3-pyqt5.qtsvg",
    "python3-pyqt5.qtwebengine",
    "python3-pyqt5.qtwebkit",
)
REQUIREMENTS = (
    "adblockparser==0.7",
    "attrs==26.1.0",
    "automat==25.4.16",
    "constantly==23.10.4",
    "funcparserlib==1.0.1",
    "h2==4.4.1",
    "hpack==4.2.0",
    "hyperframe==6.1.0",
    "hyperlink==21.0.0",
    "idna==3.20",
    "incremental==24.11.0",
    "lupa==2.8",
    "packaging==26.3",
    "pillow==13.0.0",
    "priority==1.3.0",
    "psutil==7.2.2",
    "qt5reactor==0.6.3",
    "splash==3.5",
    "twisted==26.10.0",
    "typing-extensions==4.16.0",
    "xvfbwrapper==0.2.37",
    "zope-interface==8.7",
)
OPTIONS = (
    "--disable-xvfb",
    "--browser-engines=webkit",
    "--disable-browser-caches",
    "--disable-ui",
    "--max-timeout=120",
    "--dont-log-args=proxy",  # it holds the token of the crawl's proxy
    "--verbosity=1",
)
LAUNCHER = Path(__file__).with_name("splash_launcher.py")
START_TIMEOUT_S = 60.0


def environment() -> Path:
    """Where Splash's own Python environment is, or will be.

    One for all homes and checkouts of this machine, named after what is in it: another version
    of it is another folder, and one that is there is complete.
    """
    content = "\n".join((*REQUIREMENTS, LAUNCHER.read_text(), str(SYSTEM_PYTHON.resolve())))
    return cache_folder() / f"splash-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def obstacle() -> str | None:
    """Why Splash cannot be started from packages; None where it can."""
    missing = missing_packages(PACKAGES)
    if missing:
        return f"the packages {' '.join(missing)} are missing"
    if not environment().exists():
        return "its Python environment is missing"
    return None


def install() -> None:
    """Make Splash's Python environment; PACKAGES must be installed already."""
    target = environment()
    if target.exists():
        return
    print(f"Installing Splash in {target}", file=sys.stderr, flush=True)
    fresh = target.with_name(f"{target.name}.new-{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # For the account that runs Splash when root starts it.
        target.parent.chmod(0o755)
        _run(
            [str(SYSTEM_PYTHON), "-m", "venv", "--without-pip", "--system-site-packages", fresh],
        )
        _run([*_installer(fresh / "bin" / "python"), *REQUIREMENTS])
        shutil.copyfile(LAUNCHER, fresh / LAUNCHER.name)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        fresh.rename(target)
    except OSError as error:
        # Another installation that was faster is as good as ours.
        if not target.exists():
            raise ServiceUnavailable(f"Splash cannot be installed in {target}: {error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def start(folder: Path, account: Account, port: int = 0) -> tuple[str, list[Daemon]]:
    """Start Splash for the state folder `folder`; return its URL and processes."""
    (port,) = free_ports(1, [port] if port else [])
    splash = environment()
    # Only Python runs here: started through the environment's own link, so that it finds Splash.
    daemon = start_daemon(
        "splash",
        [
            str(splash / "bin" / "python"),
            str(splash / LAUNCHER.name),
            f"--ip={LOOPBACK}",
            f"--port={port}",
            *OPTIONS,
        ],
        folder=folder,
        account=account,
        environment={"PYTHONDONTWRITEBYTECODE": "1"},
    )
    return f"http://{LOOPBACK}:{port}", [daemon]


def wait(url: str, daemons: list[Daemon], folder: Path) -> None:
    """Wait until Splash answers."""
    wait_until_healthy("Splash", lambda: problem(url), daemons, folder, START_TIMEOUT_S)


def problem(url: str) -> str | None:
    """What is wrong with the Splash at `url`; None when it answers."""
    try:
        # No proxy: the address is our own, whatever the environment says about others.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{url}/_ping", timeout=5) as response:
            answer = json.load(response)
    except (OSError, ValueError, urllib.error.URLError) as error:
        return str(error)
    return None if answer.get("status") == "ok" else f"it answered {answer}"


def _installer(python: Path) -> list[str | Path]:
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", python]
    pip: list[str | Path] = [sys.executable, "-m", "pip"]
    return [*pip, "--python", python, "--no-input", "--quiet", "install"]


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        umask=0o022,
        check=False,
    )
    if done.returncode != 0:
        raise ServiceUnavailable(
            f"Splash cannot be installed: {' '.join(map(str, command[:4]))} … said "
            f"{' '.join(done.stderr.split())[-600:]}"
        )
