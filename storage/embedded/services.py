"""Splash, an S3 server and Chromium on this machine: installing, starting, finding, ending.

Daemons outlive the command that starts them. What runs is written down in
`HOME/services/state.json`; whoever reads it checks that each pid still is the process it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from storage.embedded import chromium, containers, packages, splash, swift
from storage.embedded.accounts import Account, require_reachable, service_account
from storage.embedded.processes import (
    Daemon,
    locked,
    marked_daemons,
    stop_daemons,
)
from storage.errors import ServiceUnavailable, SettingError, UsageError
from storage.settings import redact

SERVICE_NAMES = ("splash", "s3", "chromium")
LOCK_TIMEOUT_S = 300.0
INSTALL_CURE = "run `make services` (as root or with a passwordless sudo)"

State = Literal["up", "down", "broken", "unavailable"]


@dataclass(frozen=True, slots=True)
class Service:
    """A service that can be used now.

    `url` is the address of a daemon with its credentials, in the form of our settings, and the
    path of a program (Chromium).
    """

    name: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What is known of a service; its `url` is redacted and may be shown."""

    name: str
    state: State
    url: str | None = None
    how: str | None = None
    pids: tuple[int, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Running:
    """A service that was started: by which means, and what ends it."""

    url: str
    daemons: tuple[Daemon, ...] = ()
    container: str | None = None

    @property
    def is_alive(self) -> bool:
        if self.container is not None:
            return containers.is_running(self.container)
        return all(daemon.is_alive for daemon in self.daemons)

    @property
    def how(self) -> str:
        return "container" if self.container is not None else "packages"


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of daemon, as functions of the state folder."""

    packages: tuple[str, ...]
    obstacle: Callable[[], str | None]
    start: Callable[[Path, Account], tuple[str, list[Daemon]]]
    start_container: Callable[[Path], tuple[str, str]]
    wait: Callable[[str, list[Daemon], Path], None]
    problem: Callable[[str], str | None]


_KINDS = {
    "splash": _Kind(
        splash.PACKAGES,
        splash.obstacle,
        splash.start,
        lambda folder: containers.start_splash(folder, splash.OPTIONS),
        splash.wait,
        splash.problem,
    ),
    "s3": _Kind(
        swift.PACKAGES,
        swift.obstacle,
        swift.start,
        lambda folder: containers.start_s3(folder, swift.DEFAULT_BUCKET, swift.REGION),
        swift.wait,
        swift.problem,
    ),
}


def install_services(which: Collection[str] = SERVICE_NAMES) -> None:
    """Install what the services need that is not there yet; quick when all is.

    Says on standard error what it installs. Raises ServiceUnavailable where it cannot.
    """
    _refuse_unknown(which)
    wanted: list[str] = []
    if "chromium" in which and _chromium() is None:
        wanted += chromium.PACKAGES
    for name in which:
        if name in _KINDS and _KINDS[name].obstacle() is not None:
            wanted += _KINDS[name].packages
    packages.install_packages(wanted)
    if "splash" in which:
        splash.install()


def up(home: Path, which: Collection[str] = SERVICE_NAMES) -> dict[str, Service]:
    """Start the services that do not run yet; return all of `which` once they answer.

    Raises ServiceUnavailable, naming the reason and the cure for each, where one cannot be had;
    the others run then nevertheless.
    """
    _refuse_unknown(which)
    services: dict[str, Service] = {}
    problems: list[str] = []
    starting: list[str] = []
    with _state(home) as (folder, account, running):
        for name in which:
            try:
                if name == "chromium":
                    services[name] = Service(name, str(_required_chromium()))
                elif name not in running or _problem(name, running[name]) is not None:
                    if name in running:
                        _end(folder, running.pop(name))
                    running[name] = _start(name, folder, account)
                    _write(folder, running)
                    starting.append(name)
            except ServiceUnavailable as error:
                problems.append(str(error))
        # Waited for together: they start side by side.
        for name in starting:
            one = running[name]
            try:
                _KINDS[name].wait(one.url, list(one.daemons), folder)
            except ServiceUnavailable as error:
                problems.append(_with_container_log(error, one))
                _end(folder, running.pop(name))
                _write(folder, running)
        for name in which:
            if name in running:
                services[name] = Service(name, running[name].url)
    if problems:
        raise ServiceUnavailable("\n".join(problems))
    return services


def down(home: Path) -> list[str]:
    """End every service that was started for `home`, whoever started it; return their names."""
    if not _folder(home).exists():
        return []
    with _state(home) as (folder, _, running):
        names = list(running)
        # All at once, since each takes a moment to end.
        stop_daemons([daemon for one in running.values() for daemon in one.daemons])
        for one in running.values():
            _end(folder, one)
        # And those of a start that was killed before it could write them down.
        orphans = marked_daemons(folder)
        stop_daemons(orphans)
        _write(folder, {})
    return names if names or not orphans else ["unknown"]


def status(home: Path) -> list[ServiceStatus]:
    """What each service does now; starts and ends nothing."""
    folder = _folder(home)
    running = _read(folder)
    statuses = []
    for name, kind in _KINDS.items():
        if name not in running:
            reason = _unavailable(name, kind)
            statuses.append(ServiceStatus(name, "unavailable" if reason else "down", reason=reason))
            continue
        one = running[name]
        problem = _problem(name, one)
        statuses.append(
            ServiceStatus(
                name,
                "broken" if problem else "up",
                redact(one.url),
                one.how,
                tuple(daemon.pid for daemon in one.daemons if daemon.is_alive),
                problem,
            )
        )
    try:
        statuses.append(ServiceStatus("chromium", "up", str(_required_chromium()), "program"))
    except (ServiceUnavailable, SettingError) as error:
        statuses.append(ServiceStatus("chromium", "unavailable", reason=str(error)))
    return statuses


def _start(name: str, folder: Path, account: Account) -> _Running:
    kind = _KINDS[name]
    reason = _unavailable(name, kind)
    if reason is not None:
        raise ServiceUnavailable(reason)
    if kind.obstacle() is None:
        url, daemons = kind.start(folder, account)
        return _Running(url, tuple(daemons))
    url, container = kind.start_container(folder)
    return _Running(url, container=container)


def _unavailable(name: str, kind: _Kind) -> str | None:
    """Why the service can be had neither from packages nor as a container."""
    from_packages = kind.obstacle()
    if from_packages is None:
        return None
    as_container = containers.obstacle()
    if as_container is None:
        return None
    cannot_install = packages.obstacle_to_installing()
    cure = INSTALL_CURE if cannot_install is None else f"{INSTALL_CURE}, or start a Docker engine"
    return f"{name} is not available ({from_packages}, and {as_container}): {cure}."


def _problem(name: str, one: _Running) -> str | None:
    if not one.is_alive:
        return "a process of it has ended"
    return _KINDS[name].problem(one.url)


def _end(folder: Path, one: _Running) -> None:
    stop_daemons(one.daemons)
    if one.container is not None:
        containers.stop(folder, one.container)


def _with_container_log(error: ServiceUnavailable, one: _Running) -> str:
    if one.container is None:
        return str(error)
    return f"{error}\n{containers.log_tail(one.container)}"


def _chromium() -> Path | None:
    return chromium.find_chromium()


def _required_chromium() -> Path:
    found = _chromium()
    if found is None:
        raise ServiceUnavailable(
            "chromium is not available (it is not on PATH): "
            f"{INSTALL_CURE}, or set ARTWORKS_CHROMIUM to a browser's program."
        )
    return found


def _refuse_unknown(which: Collection[str]) -> None:
    unknown = sorted(set(which) - set(SERVICE_NAMES))
    if unknown:
        raise UsageError(
            f"there is no service {', '.join(unknown)}: choose from {', '.join(SERVICE_NAMES)}."
        )


def _folder(home: Path) -> Path:
    return home.resolve() / "services"


@contextmanager
def _state(home: Path) -> Iterator[tuple[Path, Account, dict[str, _Running]]]:
    """Lock the state folder, making it when missing, and read what runs."""
    folder = _folder(home)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        account = service_account(home)
        require_reachable(account, folder.parent)
        # Only the account of the services and root have business with logs and keys.
        folder.chmod(0o700)
        account.own(folder)
        lock = folder / "lock"
        lock.touch()
        account.own(lock)
    except PermissionError as error:
        raise SettingError(
            f"services cannot keep their state in {error.filename}: set ARTWORKS_HOME to a folder "
            "of yours."
        ) from error
    with locked(lock, LOCK_TIMEOUT_S):
        yield folder, account, _read(folder)


def _read(folder: Path) -> dict[str, _Running]:
    try:
        stored: dict[str, dict[str, Any]] = json.loads((folder / "state.json").read_text())
    except FileNotFoundError:
        return {}
    return {
        name: _Running(
            one["url"],
            tuple(Daemon(**daemon) for daemon in one["daemons"]),
            one["container"],
        )
        for name, one in stored.items()
    }


def _write(folder: Path, running: dict[str, _Running]) -> None:
    fresh = folder / "state.json.new"
    # It holds credentials.
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        json.dump({name: asdict(one) for name, one in running.items()}, handle, indent=1)
    if os.geteuid() == 0:
        # Root may have started them for a user, who is to find and end them.
        os.chown(fresh, folder.stat().st_uid, folder.stat().st_gid)
    fresh.rename(folder / "state.json")
