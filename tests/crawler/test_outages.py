"""Services that go away in the middle of a crawl: it says which, and the next run completes.

The site holds back what comes after the middle, so that the outage is there before the crawl can
be done; a fraction of the works is stored by then, and the rest asks for what is gone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg2
import pytest
from support.crawls import REPOSITORY, Workspace
from support.databases import opened
from support.held import Answer, Asked, painting, serve
from support.outages import line_to
from support.processes import runs

from storage.database import Database
from storage.embedded.postgres import EmbeddedPostgres
from storage.embedded.services import down, status, up
from storage.errors import ExitCode
from storage.objects import open_store

WORKS = 18
PATIENCE_S = 180
PROFILE = """
base_url = "{base}"
[politeness]
delay = 0
# All of the works at a time: those that wait must not keep the others' images waiting.
concurrency = 32
retries = 0
timeout = 600
autothrottle = false
[rendering]
listing = "never"
artist = "never"
artwork = "{rendering}"
[[start]]
category = "all"
url = "/all"
[listing]
artworks = "css:a.work"
[artwork]
source_id = "css:h1::attr(data-id)"
title = "css:h1"
images = "css:img.full"
"""
WORK = "<h1 data-id='{0}'>Work {0}</h1><img class='full' src='/image/{0}.jpg'>"


class Site:
    """Works with an image each; pages and images beyond the first `allowed` wait for their turn."""

    def __init__(self) -> None:
        self.port = 0
        self._allowed = 0
        self._changed = threading.Condition()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def allow(self, works: int) -> None:
        with self._changed:
            self._allowed = works
            self._changed.notify_all()

    def answer(self, asked: Asked) -> Answer:
        _, kind, *rest = asked.path.split("/")
        if kind == "robots.txt":
            return "text/plain", b"User-agent: *\nDisallow:\n"
        if kind == "all":
            links = (f"<a class='work' href='/work/{number}'>.</a>" for number in range(WORKS))
            return "text/html", "".join(links).encode()
        number = int(rest[0].partition(".")[0])
        with self._changed:
            self._changed.wait_for(lambda: number < self._allowed, PATIENCE_S)
        if kind == "image":
            return "image/jpeg", painting(number)
        page = (
            f"<h1 data-id='{number}'>Work {number}</h1><img class='full' src='/image/{number}.jpg'>"
        )
        return "text/html", page.encode()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    found = Site()
    with serve(found.answer) as found.port:
        yield found
        found.allow(WORKS)


@pytest.fixture(scope="module")
def profile(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("profiles") / "works.toml"
    path.write_text(PROFILE.format(base=site.base, rendering="never"))
    return path


def workspace_of(database: Database, objects: str, home: Path, profile: Path) -> Workspace:
    """A workspace with a migrated database, whose object store may be anywhere."""
    database.migrate()
    store = open_store(objects, create=True)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("ARTWORKS_")
    } | {
        "ARTWORKS_HOME": str(home),
        "ARTWORKS_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "ARTWORKS_OBJECTS_URL": objects,
        "ARTWORKS_ALLOWED_NETWORKS": "127.0.0.0/8",
        "PYTHONPATH": str(REPOSITORY),
    }
    return Workspace(database, store, home / "objects", environment, [f"site={profile}"])


@pytest.fixture(scope="module")
def undisturbed(
    new_database: Callable[[], AbstractContextManager[str]],
    site: Site,
    profile: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """The digest of a crawl without any outage."""
    site.allow(WORKS)
    home = tmp_path_factory.mktemp("undisturbed")
    with new_database() as url, opened(url) as database:
        workspace = workspace_of(database, (home / "objects").as_uri(), home, profile)
        workspace.crawl(expect=0)
        return workspace.digest()


@contextmanager
def crawling(workspace: Workspace, site: Site, works: int) -> Iterator[subprocess.Popen[str]]:
    """Start a crawl and wait until so many works are stored; beyond them it gets no answers."""
    site.allow(works)
    process = workspace.start()
    try:
        reached = workspace.wait_for(
            lambda: workspace.one("SELECT count(*) FROM images") >= works, process
        )
        assert reached, process.communicate()[0][-3000:]
        yield process
    finally:
        process.kill()
        site.allow(WORKS)


def ended(process: subprocess.Popen[str], site: Site) -> tuple[int, str]:
    """Let the site answer everything; return the exit code and what is told to people."""
    site.allow(WORKS)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in output, output[-4000:]
    said = [line for line in output.splitlines() if line.startswith("error: ")]
    return process.returncode, " | ".join(said)


def check_complete(workspace: Workspace, digest: str) -> None:
    """A last run completes the collection: as if undisturbed, with nothing lost or left over."""
    workspace.crawl(expect=0)
    assert workspace.digest() == digest
    assert workspace.one("SELECT count(*) FROM frontier WHERE state <> 'done'") == 0
    assert workspace.sql("SELECT reason FROM failures WHERE resolved_at IS NULL") == []
    verified = subprocess.run(
        [Path(sys.executable).with_name("artworks"), "verify", "--full-hash"],
        cwd=REPOSITORY,
        env=workspace.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_database_that_takes_no_writes_and_one_that_is_killed(
    open_folder: Path, site: Site, profile: Path, undisturbed: str
) -> None:
    with EmbeddedPostgres(open_folder) as server, opened(server.url) as database:
        objects = (open_folder / "objects").as_uri()
        workspace = workspace_of(database, objects, open_folder, profile)

        with crawling(workspace, site, WORKS // 3) as crawl:
            settle(server, "ALTER SYSTEM SET default_transaction_read_only = on")
            code, said = ended(crawl, site)
        assert code == ExitCode.UNREACHABLE
        assert "it takes no writes: turn default_transaction_read_only off" in said
        # It is not taken for one that can be crawled into, either.
        refused = workspace.crawl()
        assert refused.returncode == ExitCode.UNREACHABLE
        assert "it takes no writes" in refused.stderr
        settle(server, "ALTER SYSTEM RESET default_transaction_read_only")

        with crawling(workspace, site, 2 * WORKS // 3) as crawl:
            kill(server)
            code, said = ended(crawl, site)
        assert code == ExitCode.UNREACHABLE
        assert "error: cannot use the database" in said
        assert "that the server runs" in said
        database.engine.dispose()
        with EmbeddedPostgres(open_folder):
            check_complete(workspace, undisturbed)


def settle(server: EmbeddedPostgres, statement: str) -> None:
    """Change a setting of the server for the sessions that there are, too."""
    url = server.url_of("postgres").replace("postgresql+psycopg2", "postgresql", 1)
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = off")
        cursor.execute(statement)
        cursor.execute("SELECT pg_reload_conf()")
    connection.close()


def kill(server: EmbeddedPostgres) -> None:
    """Kill the server's first process; the others end when they notice."""
    pid = int((server.folder / "postmaster.pid").read_text().split()[0])
    family = psutil.Process(pid).children(recursive=True)
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + PATIENCE_S
    while any(map(runs, family)):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_an_object_server_that_is_cut_off_and_one_whose_answers_are_lost(
    workspace: Workspace, s3_url: str, site: Site, profile: Path, undisturbed: str
) -> None:
    where = urlsplit(s3_url)
    assert where.hostname is not None
    assert where.port is not None
    with line_to(where.hostname, where.port) as line:
        through = s3_url.replace(f":{where.port}/", f":{line.port}/")
        workspace.environment["ARTWORKS_OBJECTS_URL"] = through
        workspace.store = open_store(s3_url, create=True)
        workspace.arguments = [f"site={profile}"]

        # Now and then an answer is lost: the PUT is made again, and nothing is stored twice.
        line.loses_puts = 3
        with crawling(workspace, site, WORKS // 3) as crawl:
            line.is_cut = True
            code, said = ended(crawl, site)
        assert line.lost == 3
        assert code == ExitCode.UNREACHABLE
        assert f"127.0.0.1:{line.port} cannot be reached" in said

        # Every answer is lost: objects without rows, which the next run finds in place.
        line.is_cut = False
        with crawling(workspace, site, 2 * WORKS // 3) as crawl:
            line.loses_puts = sys.maxsize
            code, said = ended(crawl, site)
        assert code == ExitCode.UNREACHABLE
        assert f"127.0.0.1:{line.port} cannot be reached" in said
        named = workspace.one("SELECT count(*) FROM images")
        assert len(list(workspace.store.list("images/"))) > named

        line.loses_puts = 0
        check_complete(workspace, undisturbed)
    assert len(list(workspace.store.list("images/"))) == WORKS


@pytest.fixture
def small_disk(open_folder: Path) -> Iterator[Path]:
    """A filesystem of a few hundred kilobytes."""
    folder = open_folder / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"no filesystem may be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_is_full_and_one_that_is_read_only(
    workspace: Workspace, small_disk: Path, site: Site, profile: Path, undisturbed: str
) -> None:
    objects = (small_disk / "objects").as_uri()
    workspace.store = open_store(objects, create=True)
    workspace.environment["ARTWORKS_OBJECTS_URL"] = objects
    workspace.arguments = [f"site={profile}"]

    ballast = small_disk / "ballast"
    with crawling(workspace, site, WORKS // 3) as crawl:
        fill(ballast)
        code, said = ended(crawl, site)
    assert code == ExitCode.UNREACHABLE
    assert "No space left on device; free some space" in said
    ballast.unlink()

    with crawling(workspace, site, 2 * WORKS // 3) as crawl:
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        code, said = ended(crawl, site)
    assert code == ExitCode.UNREACHABLE
    assert "Read-only file system; mount it writable" in said
    refused = workspace.crawl()
    assert refused.returncode == ExitCode.UNREACHABLE
    assert "mount it writable" in refused.stderr
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    check_complete(workspace, undisturbed)


def fill(path: Path) -> None:
    """Write until nothing fits any more."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def test_a_folder_that_may_not_be_written_to(
    workspace: Workspace, site: Site, profile: Path, undisturbed: str
) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere; the disk that is read-only stands for it")
    workspace.arguments = [f"site={profile}"]
    with crawling(workspace, site, WORKS // 3) as crawl:
        (workspace.objects / ".tmp").chmod(0o500)
        code, said = ended(crawl, site)
    assert code == ExitCode.UNREACHABLE
    assert "give this user access" in said
    (workspace.objects / ".tmp").chmod(0o700)
    check_complete(workspace, undisturbed)


def test_a_splash_that_is_killed_and_started_again(
    workspace: Workspace,
    splash_url: str,
    open_folder: Path,
    site: Site,
    tmp_path: Path,
    undisturbed: str,
) -> None:
    assert splash_url  # there is one, so that another can be started
    rendered = tmp_path / "works.toml"
    rendered.write_text(PROFILE.format(base=site.base, rendering="splash"))
    workspace.arguments = [f"site={rendered}"]
    try:
        workspace.environment["ARTWORKS_SPLASH_URL"] = up(open_folder, ["splash"])["splash"].url
        [running] = [one for one in status(open_folder) if one.name == "splash"]
        with crawling(workspace, site, WORKS // 3) as crawl:
            for pid in running.pids:
                os.kill(pid, signal.SIGKILL)
            code, _ = ended(crawl, site)
        assert code == ExitCode.RETRYABLE_FAILURES
        reasons = workspace.sql("SELECT DISTINCT reason FROM failures")
        assert [row.reason for row in reasons] == ["renderer_unavailable"]

        workspace.environment["ARTWORKS_SPLASH_URL"] = up(open_folder, ["splash"])["splash"].url
        check_complete(workspace, undisturbed)
    finally:
        down(open_folder)
