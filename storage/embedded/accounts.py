"""The account that services run under, and the folders that it can reach.

Started by root, PostgreSQL refuses to run, and Splash would run strangers' scripts with every
right. So root starts services under an account without rights; everybody else starts them as
themselves.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from storage.errors import ServiceUnavailable, SettingError

ACCOUNT_NAME = "artworks"


class Identity(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that change who runs."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int

    @property
    def identity(self) -> Identity:
        """What makes `subprocess.Popen` run as this account; nothing where we are it already."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Make this account the owner of `folder`."""
        if os.geteuid() == 0:
            os.chown(folder, self.uid, self.gid)

    def can_reach(self, path: Path) -> bool:
        """Tell whether this account may walk down to `path` and read it."""
        return self.obstacle(path) is None

    def obstacle(self, path: Path) -> Path | None:
        """The first folder on the way to `path`, itself included, that keeps this account out."""
        for folder in (*reversed(path.parents), path):
            if folder.exists() and not self._may_enter(folder.stat()):
                return folder
        return None

    def _may_enter(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            wanted = stat.S_IXUSR | stat.S_IRUSR
        elif status.st_gid == self.gid:
            wanted = stat.S_IXGRP
        else:
            wanted = stat.S_IXOTH
        return status.st_mode & wanted == wanted


def service_account(home: Path) -> Account:
    """The account for services that keep their files under `home`.

    That is us; for root, the owner of `home` (a checkout used with sudo), or a system account of
    our own, made when it is first needed.
    """
    if os.geteuid() != 0:
        return _account(pwd.getpwuid(os.geteuid()))
    owner = home.stat().st_uid
    if owner != 0:
        try:
            return _account(pwd.getpwuid(owner))
        except KeyError:
            # A folder mounted from another machine may belong to a number without a name.
            pass
    return _system_account()


def require_reachable(account: Account, home: Path) -> None:
    """Raise SettingError where `account` cannot enter `home`."""
    obstacle = account.obstacle(home)
    if obstacle is not None:
        raise SettingError(
            f"ARTWORKS_HOME={home} lies below {obstacle}, which the account {account.name} of the "
            "services cannot enter: set ARTWORKS_HOME to a folder outside of it (such as "
            f"/var/lib/artworks), or chmod o+x {obstacle}."
        )


def cache_folder() -> Path:
    """Where programs are kept that all homes of this machine share (they can be made again)."""
    if os.geteuid() == 0:
        return Path("/var/cache/artworks")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "artworks"


def public_temporary_folder() -> Path:
    """A folder for temporary files that every account can enter."""
    nobody = Account("nobody", 65534, 65534)
    candidates = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108
    return next(folder for folder in candidates if nobody.can_reach(folder.resolve())).resolve()


def _system_account() -> Account:
    try:
        return _account(pwd.getpwnam(ACCOUNT_NAME))
    except KeyError:
        pass
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        return _account(pwd.getpwnam("nobody"))
    done = subprocess.run(
        [
            useradd,
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir=/nonexistent",
            "--shell=/usr/sbin/nologin",
            ACCOUNT_NAME,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        # Another process may have made it in the meantime: what counts is that it is there.
        return _account(pwd.getpwnam(ACCOUNT_NAME))
    except KeyError:
        raise ServiceUnavailable(
            f"the account {ACCOUNT_NAME} for the services cannot be made ({done.stderr.strip()}): "
            "run as an ordinary user instead of root."
        ) from None


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
