"""Daemons: starting them, recognising them again, and ending them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.embedded.accounts import Account
from storage.errors import ServiceUnavailable

LOOPBACK = "127.0.0.1"
MARKER = "ARTWORKS_SERVICES"
STOP_TIMEOUT_S = 10.0
POLL_S = 0.05
LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Daemon:
    """A process that we started: its pid alone could be somebody else's by now."""

    name: str
    pid: int
    birth: str

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        return birth(self.pid) == self.birth


def birth(pid: int) -> str | None:
    """When `pid` was started, in a form that no other process ever has; None where it is gone."""
    try:
        # The command's name stands in parentheses and may hold anything, spaces included.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{fields[19]}"


def start_daemon(
    name: str,
    command: Sequence[str],
    *,
    folder: Path,
    account: Account,
    environment: Mapping[str, str] | None = None,
) -> Daemon:
    """Start `command` as a daemon that outlives us, with its log in `folder/log/NAME.log`.

    It gets an environment of its own, without our settings and secrets, marked with `folder`:
    `marked_daemons` finds it by that even if we die before we could write its pid down.
    """
    log = log_file(folder, name)
    log.parent.mkdir(exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "LANG": "C.UTF-8",
                "HOME": str(folder),
                MARKER: str(folder),
                **(environment or {}),
            },
            start_new_session=True,
            umask=0o077,
            **account.identity,
        )
    # Nobody waits for a daemon; without this, Popen would complain when it is collected.
    process.returncode = 0
    return Daemon(name, process.pid, birth(process.pid) or "gone")


def marked_daemons(folder: Path) -> list[Daemon]:
    """All running processes that were started for `folder`, by the mark in their environment."""
    mark = f"{MARKER}={folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or entry.name == str(os.getpid()):
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark in environment and (born := birth(int(entry.name))) is not None:
            found.append(Daemon("marked", int(entry.name), born))
    return found


def stop_daemons(daemons: Sequence[Daemon]) -> None:
    """End the daemons that are still the processes we started: politely, then not."""
    for how, patience in ((signal.SIGTERM, STOP_TIMEOUT_S), (signal.SIGKILL, STOP_TIMEOUT_S)):
        alive = [daemon for daemon in daemons if daemon.is_alive]
        for daemon in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(daemon.pid, how)
        deadline = time.monotonic() + patience
        while any(daemon.is_alive for daemon in alive) and time.monotonic() < deadline:
            time.sleep(POLL_S)


def free_ports(count: int, wanted: Sequence[int] = ()) -> list[int]:
    """`count` loopback ports that nobody uses; those of `wanted` where they are still free."""
    with contextlib.ExitStack() as stack:
        ports: list[int] = []
        for position in range(count):
            listener = stack.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((LOOPBACK, wanted[position] if position < len(wanted) else 0))
            except OSError:
                listener.bind((LOOPBACK, 0))
            # A port that is only bound can be bound again with SO_REUSEADDR: listen holds it.
            listener.listen(1)
            ports.append(listener.getsockname()[1])
        return ports


def wait_until_healthy(
    what: str,
    check: Callable[[], str | None],
    daemons: Sequence[Daemon],
    folder: Path,
    timeout_s: float,
) -> None:
    """Wait until `check` finds nothing wrong.

    Raises ServiceUnavailable, with the end of the log, when one of the daemons ends before that
    or `timeout_s` is over.
    """
    deadline = time.monotonic() + timeout_s
    while (problem := check()) is not None:
        ended = [daemon for daemon in daemons if not daemon.is_alive]
        if ended or time.monotonic() > deadline:
            reason = "ended at once" if ended else f"is not ready after {timeout_s:g} s ({problem})"
            tails = "\n".join(log_tail(folder, daemon.name) for daemon in ended or daemons)
            raise ServiceUnavailable(
                f"{what} {reason}; its log, {folder / 'log'}, ends with:\n{tails}"
            )
        time.sleep(POLL_S)


def log_file(folder: Path, name: str) -> Path:
    """Where the daemon `name` of `folder` writes what it has to say."""
    return folder / "log" / f"{name}.log"


def log_tail(folder: Path, name: str) -> str:
    """The last lines of a daemon's log, each marked with the daemon's name."""
    try:
        lines = log_file(folder, name).read_text(errors="replace").splitlines()
    except OSError as error:
        return f"{name}: no log ({error.strerror})"
    return "\n".join(f"{name}: {line}" for line in lines[-LOG_TAIL_LINES:] or ["(empty)"])


@contextlib.contextmanager
def locked(file: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock `file`; the kernel lets go of it when we die, however that happens."""
    with file.open("ab") as handle:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ServiceUnavailable(
                        f"another process has held {file} for {timeout_s:g} s: wait for it to "
                        f"finish, or find it with `fuser {file}`."
                    ) from None
                time.sleep(POLL_S)
        yield
