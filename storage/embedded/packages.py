"""Programs from the packages of Debian and Ubuntu."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from storage.embedded.processes import birth
from storage.errors import ServiceUnavailable

LOCK_TIMEOUT_S = 600
SYSTEM_PYTHON = Path("/usr/bin/python3")
POLICY = Path("/usr/sbin/policy-rc.d")
# Asked by the package scripts before they start a daemon; 101 forbids it. The script looks for
# the process that wrote it, so that it forbids nothing any more should that process be killed.
POLICY_TEXT = """\
#!/bin/sh
# Written by artworks: no daemon is to start while it installs packages.
stat=$(cat /proc/{pid}/stat 2>/dev/null) || exit 0
set -- ${{stat##*)}}
[ "${{20}}" = "{ticks}" ] && exit 101
exit 0
"""


def missing_packages(packages: Collection[str]) -> list[str]:
    """Those of `packages` that are not installed; all of them where there is no dpkg."""
    if shutil.which("dpkg-query") is None:
        return sorted(packages)
    listing = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    installed = {line.split()[0] for line in listing.splitlines() if line.endswith(" installed")}
    return sorted(set(packages) - installed)


def obstacle_to_installing() -> str | None:
    """Why packages cannot be installed here; None where they can."""
    if shutil.which("apt-get") is None:
        return "this is no Debian or Ubuntu (there is no apt-get)"
    if os.geteuid() != 0 and not _has_passwordless_sudo():
        return "packages are installed by root or with a passwordless sudo, and we have neither"
    return None


def install_packages(packages: Collection[str]) -> None:
    """Install those of `packages` that are missing, starting none of their daemons.

    Raises ServiceUnavailable where that is impossible.
    """
    missing = missing_packages(packages)
    if not missing:
        return
    obstacle = obstacle_to_installing()
    if obstacle is not None:
        raise ServiceUnavailable(f"the packages {' '.join(missing)} are missing, and {obstacle}.")
    print(f"Installing from Debian's packages: {' '.join(missing)}", file=sys.stderr, flush=True)
    wait = f"DPkg::Lock::Timeout={LOCK_TIMEOUT_S}"
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "-o", wait, *missing]
    with no_daemons_started():
        # Package lists that are there already save a minute; stale ones name files that are gone.
        if not _lists_are_there() or _as_root(install) != 0:
            _as_root(["apt-get", "update", "-qq", "-o", wait])
            _as_root(install)
    still_missing = missing_packages(missing)
    if still_missing:
        raise ServiceUnavailable(
            f"the packages {' '.join(still_missing)} cannot be installed: see what apt-get said "
            "above, or run `apt-get install` for them by hand."
        )


@contextlib.contextmanager
def no_daemons_started() -> Iterator[None]:
    """Keep the packages' own daemons from starting: we run ours, on ports of our own.

    Only systems that run daemons and have no policy yet need one; it is removed afterwards.
    """
    if not Path("/run/systemd/system").exists() or (POLICY.exists() and not _is_our_policy()):
        yield
        return
    born = birth(os.getpid()) or ""
    text = POLICY_TEXT.format(pid=os.getpid(), ticks=born.rpartition("/")[2])
    _as_root(["tee", str(POLICY)], text)
    _as_root(["chmod", "755", str(POLICY)])
    try:
        yield
    finally:
        _as_root(["rm", "-f", str(POLICY)])


def _is_our_policy() -> bool:
    return "Written by artworks" in POLICY.read_text(errors="replace")


def _has_passwordless_sudo() -> bool:
    if shutil.which("sudo") is None:
        return False
    done = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return done.returncode == 0


def _lists_are_there() -> bool:
    return any(Path("/var/lib/apt/lists").glob("*_Packages*"))


def _as_root(command: list[str], text: str = "") -> int:
    variable = "DEBIAN_FRONTEND=noninteractive"
    prefix = ["env", variable] if os.geteuid() == 0 else ["sudo", "-n", "env", variable]
    # What apt prints belongs to the log of the installation, not to a command's data.
    return subprocess.run(
        [*prefix, *command], input=text, text=True, stdout=sys.stderr, check=False
    ).returncode
