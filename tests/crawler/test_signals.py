"""SIGINT and SIGTERM: what is under way is finished or given back, and nothing is left behind.

The site has answers that never come, so that nothing but the bound can end the crawl.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text
from support.crawls import REPOSITORY, Workspace
from support.held import Answer, Asked, painting, serve
from support.processes import runs

from storage.errors import ExitCode

PATIENCE_S = 180
# Longer than a test may take: it must not be what ends the crawl.
NEVER_S = 600
PROFILE = """
base_url = "{base}"
[politeness]
delay = {delay}
concurrency = 8
retries = 0
timeout = 600
autothrottle = false
[rendering]
listing = "never"
artist = "{artist}"
artwork = "{artwork}"
[rendering.browser]
timeout = 110
[[start]]
category = "all"
url = "/all"
[listing]
artworks = "css:a.work"
artists = "css:a.artist"
[artist]
name = "css:h1"
artworks = "css:a.work"
[artwork]
source_id = "css:h1::attr(data-id)"
title = "css:h1"
images = "css:img.full"
"""
WORK = """<h1 data-id='{0}'>Work {0}</h1>
<img class='full' src='/image/quick.jpg'><img class='full' src='/image/slow.jpg'>"""


class Museum:
    """Two works, an artist and two images; what is named slow is not answered until `open`."""

    def __init__(self) -> None:
        self.base = ""
        self.asked: set[str] = set()
        self.open = threading.Event()

    def answer(self, asked: Asked) -> Answer:
        path = asked.path
        self.asked.add(path)
        name = path.rpartition("/")[2].partition(".")[0]
        if name == "slow":
            self.open.wait(NEVER_S)
        match path.split("/")[1]:
            case "all":
                links = "".join(f"<a class='work' href='/work/{work}'>.</a>" for work in self.works)
                return "text/html", f"{links}<a class='artist' href='/artist/slow'>.</a>".encode()
            case "artist":
                return "text/html", b"<h1>Ada</h1><a class='work' href='/work/quick'>.</a>"
            case "work":
                return "text/html", WORK.format(name).encode()
            case "image":
                return "image/jpeg", painting()
        return "text/plain", b"User-agent: *\nDisallow:\n"

    works = ("quick", "slow")
    hanging = frozenset({"/artist/slow", "/work/slow", "/image/slow.jpg"})


@pytest.fixture
def museum() -> Iterator[Museum]:
    found = Museum()
    with serve(found.answer) as port:
        found.base = f"http://127.0.0.1:{port}"
        yield found
        found.open.set()


def start(workspace: Workspace, **environment: str) -> subprocess.Popen[str]:
    """Start the crawl as a terminal does: leader of a group that Ctrl-C reaches as a whole."""
    return subprocess.Popen(
        workspace.command(),
        cwd=REPOSITORY,
        env=workspace.environment | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until(
    ready: Callable[[], bool], what: str, crawl: subprocess.Popen[str] | None = None
) -> None:
    until = time.monotonic() + PATIENCE_S
    while not ready():
        assert time.monotonic() < until, f"in vain: {what}"
        if crawl is not None and crawl.poll() is not None:
            pytest.fail(f"the crawl ended before {what}: {crawl.communicate()[1][-3000:]}")
        time.sleep(0.02)


def command_of(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def renders(splash_url: str) -> int:
    with urllib.request.urlopen(f"{splash_url}/_debug", timeout=30) as answer:  # noqa: S310
        return len(json.load(answer)["active"])


@pytest.mark.parametrize("signals", [1, 2])
def test_what_never_answers_does_not_hold_the_end_up_and_is_not_lost(
    workspace: Workspace,
    museum: Museum,
    tmp_path: Path,
    splash_url: str,
    chromium_path: Path,
    signals: int,
) -> None:
    """Once: the bound gives it back. Twice: it ends at once. Neither leaves anything behind."""
    profile = tmp_path / "slow.toml"
    profile.write_text(
        PROFILE.format(base=museum.base, delay=0, artist="splash", artwork="chromium")
    )
    workspace.arguments = [f"site={profile}"]
    services = {
        "ARTWORKS_SPLASH_URL": splash_url,
        "ARTWORKS_CHROMIUM": str(chromium_path),
        "ARTWORKS_CONCURRENCY": "16",
    }
    bound = "1" if signals == 1 else str(NEVER_S)
    crawl = start(workspace, ARTWORKS_SHUTDOWN_SECONDS=bound, **services)
    try:
        wait_until(lambda: museum.asked >= museum.hanging, "everything slow is asked for", crawl)
        wait_until(lambda: workspace.acknowledged() == 3, "everything else is stored", crawl)
        family = psutil.Process(crawl.pid).children(recursive=True)
        running = " ".join(map(command_of, family))
        assert "crawler.imaging.worker" in running
        assert "chromium" in running

        os.killpg(crawl.pid, signal.SIGINT)
        assert crawl.stderr is not None
        said = ""
        while signals == 2 and "a second one stops at once" not in said:
            said += crawl.stderr.readline()
        if signals == 2:
            os.killpg(crawl.pid, signal.SIGTERM)
        said += crawl.communicate(timeout=PATIENCE_S)[1]
    finally:
        crawl.kill()
    assert crawl.returncode == ExitCode.INTERRUPTED, said[-3000:]
    assert "the next run takes up what was under way" in said
    assert "Traceback" not in said, said[-3000:]

    wait_until(lambda: not any(map(runs, family)), "what it started has ended")
    wait_until(lambda: renders(splash_url) == 0, "Splash drops the page")
    wait_until(
        lambda: workspace.one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0,
        "the locks of the crawl are free",
    )
    assert workspace.sql("SELECT reason FROM failures") == []
    [ended] = workspace.sql("SELECT finish_reason FROM crawl_runs")
    leased = workspace.one("SELECT count(*) FROM frontier WHERE state = 'leased'")
    assert (ended.finish_reason, leased) == (("shutdown", 0) if signals == 1 else (None, 3))

    museum.open.set()
    workspace.crawl(expect=0, **services)
    works = workspace.sql("SELECT source_id FROM artworks ORDER BY 1")
    assert [row.source_id for row in works] == ["quick", "slow"]
    assert workspace.one("SELECT count(*) FROM images") == 1
    assert workspace.one("SELECT count(*) FROM frontier WHERE state <> 'done'") == 0


def test_what_waits_for_its_turn_is_given_back_at_once(
    workspace: Workspace, museum: Museum, tmp_path: Path
) -> None:
    museum.open.set()
    profile = tmp_path / "patient.toml"
    profile.write_text(
        PROFILE.format(base=museum.base, delay=NEVER_S, artist="never", artwork="never")
    )
    workspace.arguments = [f"site={profile}"]
    crawl = start(workspace, ARTWORKS_SHUTDOWN_SECONDS=str(NEVER_S))
    try:
        # The listing is asked for after robots.txt, when its turn comes: never.
        wait_until(lambda: "/robots.txt" in museum.asked, "the crawl has begun", crawl)
        wait_until(
            lambda: workspace.one("SELECT count(*) FROM frontier WHERE state = 'leased'") == 1,
            "the listing is leased",
            crawl,
        )
        crawl.send_signal(signal.SIGTERM)
        said = crawl.communicate(timeout=PATIENCE_S)[1]
    finally:
        crawl.kill()
    assert crawl.returncode == ExitCode.INTERRUPTED, said[-3000:]
    assert workspace.one("SELECT finish_reason FROM crawl_runs") == "shutdown"
    assert workspace.one("SELECT state FROM frontier") == "pending"
    assert workspace.sql("SELECT reason FROM failures") == []
    assert "/all" not in museum.asked


def test_a_database_that_hangs_does_not_hold_the_end_up(
    workspace: Workspace, museum: Museum, tmp_path: Path
) -> None:
    profile = tmp_path / "locked.toml"
    profile.write_text(PROFILE.format(base=museum.base, delay=0, artist="never", artwork="never"))
    workspace.arguments = [f"site={profile}"]
    crawl = start(workspace, ARTWORKS_SHUTDOWN_SECONDS="0")
    try:
        wait_until(lambda: museum.asked >= museum.hanging, "everything slow is asked for", crawl)
        wait_until(lambda: workspace.acknowledged() == 3, "everything else is stored", crawl)
        with workspace.database.begin() as connection:
            connection.execute(text("LOCK TABLE frontier"))
            museum.open.set()
            crawl.send_signal(signal.SIGTERM)
            said = crawl.communicate(timeout=PATIENCE_S)[1]
    finally:
        crawl.kill()
    assert crawl.returncode == ExitCode.INTERRUPTED, said[-3000:]
    assert "the database does not answer" in said
    workspace.crawl(expect=0)
    assert workspace.one("SELECT count(*) FROM frontier WHERE state <> 'done'") == 0
