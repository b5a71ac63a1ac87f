"""Real services for the tests: one PostgreSQL, one S3 server and one Splash for the session.

What a test asks for by name is started when the first one asks. Where Splash, S3 or Chromium
cannot be had, the test is skipped with the reason; with `CI=true` it fails instead.

The tests never leave this machine: in this process, connections to anything but loopback fail as
they do without a network.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import secrets
import shutil
import socket
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from hypothesis import HealthCheck, settings

from storage.embedded.accounts import public_temporary_folder
from storage.embedded.chromium import find_chromium
from storage.embedded.postgres import EmbeddedPostgres
from storage.embedded.processes import birth
from storage.embedded.services import down, up
from storage.errors import ServiceUnavailable
from storage.settings import StorageSettings

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "artworks-tests-"
PARTS = ("Splash", "S3", "Chromium", "shared folder")
# Speed for a server whose data nobody keeps.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# How long an example takes says nothing on a machine that others use too.
settings.register_profile("artworks", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("artworks")

_developer_settings = {
    name: os.environ.pop(name) for name in list(os.environ) if name.startswith("ARTWORKS_")
}
# No weights are at hand, and none are fetched, but where a test says so.
os.environ["ARTWORKS_EMBEDDING"] = "descriptors"
os.environ["KERAS_HOME"] = str(Path(tempfile.gettempdir()) / "artworks-no-weights")


def is_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def missing(part: str, reason: str) -> None:
    """Skip the test, or fail it in CI, because `part` cannot be had."""
    text = f"needs {part}: {reason}"
    if is_ci() and part != "shared folder":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long values by their argument: processes that share the tests must name them alike.

    Packed bytes, say, hold the time at which they were packed.
    """
    return argname if isinstance(val, str | bytes) and len(val) > 40 else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest test: where several processes share the tests, none waits for it."""
    items.sort(key=lambda item: item.path.name != "test_readme.py")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts: Counter[str] = Counter()
    for report in terminalreporter.getreports("skipped"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        counts.update(part for part in PARTS if f"needs {part}:" in reason)
    for part, count in counts.items():
        terminalreporter.write_line(f"{count} tests skipped for want of {part}")


@pytest.fixture(scope="session")
def session_home() -> Iterator[Path]:
    """A folder of this session that the accounts of services can enter, as pytest's own cannot."""
    parent = public_temporary_folder()
    _remove_leftovers(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    folder.chmod(0o755)
    (folder / "owner").write_text(f"{os.getpid()} {birth(os.getpid())}")
    yield folder
    down(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def open_folder(session_home: Path) -> Iterator[Path]:
    """An empty folder like `tmp_path` that services can enter: good for ARTWORKS_HOME."""
    folder = Path(tempfile.mkdtemp(dir=session_home))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(session_home: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(session_home, options=FAST) as server:
        yield server


@pytest.fixture(scope="session")
def new_database(
    postgres_server: EmbeddedPostgres,
) -> Callable[[], AbstractContextManager[str]]:
    """Makes databases: `with new_database() as url: …`, for fixtures of any scope."""

    @contextlib.contextmanager
    def make() -> Iterator[str]:
        name = f"test_{secrets.token_hex(6)}"
        _execute(postgres_server, f'CREATE DATABASE "{name}"')
        try:
            yield postgres_server.url_of(name)
        finally:
            _execute(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')

    return make


@pytest.fixture
def database_url(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """An empty database of the test's own, without tables."""
    with new_database() as url:
        yield url


@pytest.fixture(scope="session")
def s3_server(session_home: Path) -> str:
    """The URL of the S3 server, with a bucket that does not exist."""
    return _service(session_home, "S3", "s3")


@pytest.fixture
def s3_url(s3_server: str) -> str:
    """`minio://…/bucket` with a bucket of the test's own, not made yet."""
    bucket = f"test-{secrets.token_hex(6)}"
    return urlunsplit(urlsplit(s3_server)._replace(path=f"/{bucket}"))


@pytest.fixture(scope="session")
def splash_url(session_home: Path) -> str:
    return _service(session_home, "Splash", "splash")


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    found = find_chromium(_developer_settings.get("ARTWORKS_CHROMIUM"))
    if found is None:
        missing("Chromium", "no such program on PATH, and ARTWORKS_CHROMIUM is not set")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Recorded pages and real paintings, which lie beside the checkout and not in it."""
    folder = Path(_developer_settings.get("ARTWORKS_SHARED", str(ROOT.parent / "shared")))
    if not folder.is_dir():
        missing("shared folder", f"{folder} is not there (ARTWORKS_SHARED names another)")
    return folder


@pytest.fixture(autouse=True)
def no_developer_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's `.env` out, as the environment's variables are already."""
    for model in (StorageSettings, *_subclasses(StorageSettings.__mro__[1])):
        monkeypatch.setitem(model.model_config, "env_file", None)


@pytest.fixture(autouse=True, scope="session")
def only_loopback() -> Iterator[None]:
    """Let this process connect to loopback and Unix sockets only."""
    patch = pytest.MonkeyPatch()

    def guarded(method: Callable[..., object]) -> Callable[..., object]:
        def connect(self: socket.socket, address: object) -> object:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                assert isinstance(address, tuple)
                _refuse_internet(address[0])
            return method(self, address)

        return connect

    lookup = socket.getaddrinfo

    def getaddrinfo(host: object, *args: object, **keywords: object) -> object:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and not _is_local(str(name)) and not _is_address(str(name)):
            raise socket.gaierror(socket.EAI_NONAME, f"tests look no names up: {name}")
        return lookup(host, *args, **keywords)  # type: ignore[arg-type]

    patch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
    patch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    patch.undo()


def _refuse_internet(host: object) -> None:
    if not _is_local(str(host)):
        raise OSError(errno.ENETUNREACH, f"tests do not leave this machine: {host}")


def _is_local(host: str) -> bool:
    if host in ("", "localhost") or host.endswith(".localhost"):
        return True
    return _is_address(host) and (
        ipaddress.ip_address(host).is_loopback or ipaddress.ip_address(host).is_unspecified
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _service(home: Path, part: str, name: str) -> str:
    try:
        return up(home, [name])[name].url
    except ServiceUnavailable as error:
        missing(part, str(error))
        raise


def _execute(server: EmbeddedPostgres, statement: str) -> None:
    url = server.url_of("postgres").replace("postgresql+psycopg2", "postgresql", 1)
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


def _subclasses(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from _subclasses(child)


def _remove_leftovers(parent: Path) -> None:
    """End the services of sessions that were killed before they could."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, ValueError):
            if folder.stat().st_uid != os.geteuid():
                continue
            pid, born = (folder / "owner").read_text().split()
            if birth(int(pid)) != born:
                down(folder)
                with contextlib.suppress(Exception):
                    EmbeddedPostgres(folder).close()
                shutil.rmtree(folder, ignore_errors=True)
