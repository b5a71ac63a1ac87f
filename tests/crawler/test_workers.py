"""Several `scrapy crawl artworks` processes on one frontier: shared, polite, and one may die."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.crawls import Workspace
from support.held import Answer, Asked, painting, serve

WORKERS = ("first", "second", "third")
CONCURRENCY = 2
# More than a worker leases ahead of one host, so that it is busy there while others come.
WORKS = 12 * CONCURRENCY
HOSTS = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
PATIENCE_S = 180
PROFILE = """
base_url = "http://127.0.0.2:{port}"
domains = ["127.0.0.3", "127.0.0.4"]
[politeness]
delay = 0
retries = 0
timeout = 600
concurrency = {concurrency}
autothrottle = false
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


class Site:
    """Works on three hosts, an image each, and what was asked of each host and by whom.

    The first host's works wait until another one is asked for works by somebody else, and those of
    the last host until `go_on` is set.
    """

    def __init__(self) -> None:
        self.port = 0
        self.log: list[Asked] = []
        self.at_once: Counter[tuple[str, str]] = Counter()
        self.most_at_once: Counter[tuple[str, str]] = Counter()
        self.gone = ""
        self.shared, self.go_on = threading.Event(), threading.Event()
        self._counting = threading.Lock()

    def answer(self, asked: Asked) -> Answer:
        if asked.path == "/robots.txt":
            return "text/plain", b"User-agent: *\nDisallow:\n"
        asking = asked.address, asked.agent
        with self._counting:
            self.log.append(asked)
            self.at_once[asking] += 1
            self.most_at_once[asking] = max(self.most_at_once[asking], self.at_once[asking])
        try:
            return self._answer(asked)
        finally:
            with self._counting:
                self.at_once[asking] -= 1

    def _answer(self, asked: Asked) -> Answer:
        _, kind, *rest = asked.path.split("/")
        if kind == "all":
            return "text/html", "".join(
                f"<a class='work' href='http://{host}:{self.port}/work/{number}'>.</a>"
                for host in HOSTS
                for number in range(WORKS)
            ).encode()
        if asked.address != HOSTS[0]:
            self.shared.set()
        (self.go_on if asked.address == HOSTS[-1] else self.shared).wait(PATIENCE_S)
        if asked.agent == self.gone:
            return None
        number = rest[0].partition(".")[0]
        if kind == "image":
            return "image/jpeg", painting(int(number) + WORKS * HOSTS.index(asked.address))
        name = f"{asked.address}-{number}"
        return "text/html", (
            f"<h1 data-id='{name}'>{name}</h1><img class='full' src='/image/{number}.jpg'>"
        ).encode()


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()
    with serve(found.answer, address="") as found.port:
        yield found
        found.shared.set()
        found.go_on.set()


def wait_until(ready: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not ready():
        assert time.monotonic() < until, f"in vain: {what}"
        time.sleep(0.02)


def test_workers_share_the_hosts_and_one_that_is_killed_is_replaced_at_once(
    workspace: Workspace, site: Site, tmp_path: Path
) -> None:
    profile = tmp_path / "shared.toml"
    profile.write_text(PROFILE.format(port=site.port, concurrency=CONCURRENCY))
    workspace.arguments = [f"site={profile}"]
    crawls = {name: workspace.start(ARTWORKS_USER_AGENT=name) for name in WORKERS}
    try:
        wait_until(
            lambda: any(asked.address == HOSTS[-1] for asked in list(site.log)),
            "the last host is asked",
        )
        [doomed] = {asked.agent for asked in list(site.log) if asked.address == HOSTS[-1]}
        killed = len(site.log)
        crawls[doomed].kill()
        crawls[doomed].communicate()
        site.gone = doomed
        done = {
            (row.host, path)
            for row in workspace.sql("SELECT host, url FROM frontier WHERE state = 'done'")
            for path in ["/" + row.url.split("/", 3)[3]]
        }
        before = len(site.log)
        site.go_on.set()
        said = {
            name: crawl.communicate(timeout=2 * PATIENCE_S)[0]
            for name, crawl in crawls.items()
            if name != doomed
        }
    finally:
        for crawl in crawls.values():
            crawl.kill()
    for name, words in said.items():
        assert crawls[name].returncode == 0, words[-3000:]
        assert "Traceback" not in words
    # What it held is taken over, and not when its leases run out an hour later.
    assert sum("leases of a worker that is gone" in words for words in said.values()) >= 1

    # Everything is there, once.
    pages = len(HOSTS) * WORKS
    assert workspace.one("SELECT count(*) FROM artworks") == pages
    assert workspace.one("SELECT count(*) FROM images") == pages
    assert workspace.one("SELECT count(*) FROM frontier WHERE state <> 'done'") == 0
    assert workspace.sql("SELECT reason FROM failures") == []
    assert len(list(workspace.store.list("images/"))) == pages

    # Nobody asks for what is done, and the living ask once.
    assert not done & {(asked.address, asked.path) for asked in site.log[before:]}
    living = Counter((a.address, a.path) for a in site.log if a.agent != doomed)
    assert set(living.values()) == {1}

    # A host is one worker's at a time, who makes no more requests at a time than one may.
    for host in HOSTS:
        agents = [asked.agent for asked in site.log if asked.address == host]
        assert len(set(agents) - {doomed}) <= 1
        if doomed in agents:
            assert set(agents[: sum(a.address == host for a in site.log[:killed])]) == {doomed}
    assert max(site.most_at_once.values()) <= CONCURRENCY
    assert len({asked.agent for asked in site.log}) > 1


def test_a_worker_that_comes_late_and_one_that_leaves_early(
    workspace: Workspace, site: Site, tmp_path: Path
) -> None:
    """Interrupted, a worker gives its hosts back, and one that joined meanwhile goes on."""
    profile = tmp_path / "shared.toml"
    profile.write_text(PROFILE.format(port=site.port, concurrency=CONCURRENCY))
    workspace.arguments = [f"site={profile}"]
    leaving = workspace.start(ARTWORKS_USER_AGENT="leaving", ARTWORKS_SHUTDOWN_SECONDS="0")
    joined: subprocess.Popen[str] | None = None
    try:
        wait_until(lambda: len(site.log) > 1, "the first worker is at work")
        joined = workspace.start(ARTWORKS_USER_AGENT="joined")
        wait_until(site.shared.is_set, "the second worker is at work")
        leaving.send_signal(signal.SIGTERM)
        output, _ = leaving.communicate(timeout=PATIENCE_S)
        assert leaving.returncode == 130, output[-3000:]
        site.go_on.set()
        output, _ = joined.communicate(timeout=2 * PATIENCE_S)
    finally:
        leaving.kill()
        if joined is not None:
            joined.kill()
    assert joined.returncode == 0, output[-3000:]
    assert workspace.one("SELECT count(*) FROM artworks") == len(HOSTS) * WORKS
    assert workspace.one("SELECT count(*) FROM images") == len(HOSTS) * WORKS
    assert workspace.sql("SELECT reason FROM failures") == []
