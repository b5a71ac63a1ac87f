"""A Splash in trouble loses no page: it is tried again, and what remains says so and is retryable.

Small servers play a Splash that answers wrongly; a real one is killed and stopped.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support.crawls import Workspace
from support.web import PageServer, serve_pages

from storage.embedded.services import ServiceStatus, down, status, up
from storage.errors import ExitCode

RETRIES = 2
RETRYABLE = int(ExitCode.RETRYABLE_FAILURES)
PAGE = {"http_status": 200, "html": "<h1 data-id='w'>Work</h1><img src='/w.png'>"}

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def in_the_role_of_splash(
    answer: Callable[[BaseHTTPRequestHandler, dict[str, Any]], None],
) -> Iterator[str]:
    """A server that is healthy as far as `_ping` tells; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            send(self, 200, b'{"status": "ok"}')

        def do_POST(self) -> None:
            answer(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def send(
    handler: BaseHTTPRequestHandler, code: int, body: bytes, kind: str = "application/json"
) -> None:
    handler.send_response(code)
    handler.send_header("Content-Type", kind)
    handler.send_header("Location", "/elsewhere")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def says(code: int, body: Any, kind: str = "application/json") -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda handler: send(handler, code, data, kind)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.close()


def never(handler: BaseHTTPRequestHandler) -> None:
    handler.rfile.read()  # until the crawler gives up


def end_in_the_middle(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"http_status": 200, "html": "')


# Answers, and what is made of them.
WRONG: dict[str, tuple[Answer, str]] = {
    "it hangs": (never, "renderer_unavailable"),
    "500": (says(500, {"error": 500}), "renderer_unavailable"),
    "502 of a proxy before it": (says(502, b"<h1>Bad", "text/html"), "renderer_unavailable"),
    "503": (says(503, {"error": 503}), "renderer_unavailable"),
    "504": (says(504, {"error": 504}), "render_timeout"),
    "it redirects": (says(302, b"", "text/html"), "renderer_unavailable"),
    "it is a web site": (says(200, b"<h1>x", "text/html"), "renderer_unavailable"),
    "half of a text": (says(200, b'{"http_st'), "renderer_unavailable"),
    "another text": (says(200, [1]), "renderer_unavailable"),
    "no status": (says(200, {"html": "x"}), "renderer_unavailable"),
    "no page": (says(200, {"http_status": 200}), "renderer_unavailable"),
    "it hangs up": (hang_up, "renderer_unavailable"),
    "it dies while answering": (end_in_the_middle, "renderer_unavailable"),
    "it cannot load the page": (
        says(200, {"http_status": 0, "error": "network3"}),
        "connection_failed",
    ),
}


@pytest.fixture
def site() -> Iterator[PageServer]:
    """A work for each wrong answer, and one that leads where nothing may be fetched."""

    def pages(base: Callable[[str], str]) -> dict[str, Any]:
        works = [f"/w/{number}" for number in range(len(WRONG))]
        return {
            "/all": "".join(f"<a class='work' href='{work}'>w</a>" for work in works),
            "/inside": "<a class='work' href='/w/inside'>w</a>",
            "/one": "<a class='work' href='/w/0'>w</a>",
            "/w/0": PAGE["html"],
            "/w/inside": (302, {"Location": f"{base('127.0.0.1')}/secret"}, ""),
            "/secret": PAGE["html"],
        }

    with serve_pages(pages, address="") as server:
        yield server


@pytest.fixture
def crawl(workspace: Workspace, site: PageServer, tmp_path: Path) -> Callable[..., Any]:
    """Crawls works that are rendered by the Splash of that URL; returns failures and the log."""

    def run(
        splash: str,
        start: str,
        *,
        timeout: float = 30,
        wait: float = 0.1,
        during: Callable[[], None] | None = None,
    ) -> Any:
        profile = tmp_path / "tiny.toml"
        profile.write_text(
            f"""
base_url = "{site.base("127.0.0.2")}"
[politeness]
delay = 0
concurrency = 16
retries = {RETRIES}
timeout = 5
[rendering]
listing = "never"
artwork = "splash"
[rendering.browser]
timeout = {timeout}
wait = {wait}
[[start]]
category = "all"
url = "{start}"
[listing]
artworks = "css:a.work"
[artwork]
source_id = "css:h1::attr(data-id)"
title = "css:h1"
required = ["title"]
"""
        )
        crawling = workspace.start(
            f"site={profile}",
            ARTWORKS_SPLASH_URL=splash,
            ARTWORKS_ALLOWED_NETWORKS="127.0.0.2/32",
        )
        if during is not None:
            during()
        said, _ = crawling.communicate(timeout=170)
        rows = workspace.sql("SELECT url, reason, retryable FROM failures")
        retryable = any(row.retryable for row in rows)
        assert crawling.returncode == (RETRYABLE if retryable else 0), said[-3000:]
        return {row.url.partition("/w/")[2]: (row.reason, row.retryable) for row in rows}, said

    return run


def test_a_splash_that_answers_wrongly_is_asked_again_and_then_named(
    crawl: Callable[..., Any],
) -> None:
    """Each work gets a wrong answer of its own; no work is missing, and none keeps another."""
    asked: Counter[int] = Counter()

    def answer(handler: BaseHTTPRequestHandler, asking: dict[str, Any]) -> None:
        number = int(asking["url"].rpartition("/")[2])
        asked[number] += 1
        list(WRONG.values())[number][0](handler)

    with in_the_role_of_splash(answer) as url:
        found, _ = crawl(url, "/all", timeout=0.5)
    assert len(found) == len(WRONG)
    for number, (kind, (_, reason)) in enumerate(WRONG.items()):
        assert found[str(number)] == (reason, True), kind
        assert asked[number] == 1 + RETRIES, kind


def test_a_splash_that_recovers_loses_nothing_and_its_secret_is_kept_nowhere(
    crawl: Callable[..., Any], workspace: Workspace
) -> None:
    answers = iter([says(503, {}), hang_up, says(200, PAGE)])
    secrets: list[str] = []

    def answer(handler: BaseHTTPRequestHandler, asking: dict[str, Any]) -> None:
        secrets.append(asking["proxy"].rpartition("@")[0].rpartition(":")[2])
        next(answers)(handler)

    with in_the_role_of_splash(answer) as url:
        found, said = crawl(url, "/one")
    assert found == {}
    assert workspace.sql("SELECT source_id FROM artworks") == [("w",)]
    [secret] = set(secrets)
    assert len(secret) > 20
    assert secret not in said
    for table in ("crawl_runs", "frontier", "failures", "sites", "artworks", "hosts"):
        assert secret not in str(workspace.sql(f"SELECT t::text FROM {table} t"))


def test_a_page_that_leads_where_nothing_may_be_fetched_says_so(
    crawl: Callable[..., Any], splash_url: str, site: PageServer
) -> None:
    found, _ = crawl(splash_url, "/inside")
    assert found == {"inside": ("address_refused", False)}
    assert "/secret" not in [path for _, path in site.asked]


@pytest.fixture
def own_splash(splash_url: str, open_folder: Path) -> Iterator[tuple[str, ServiceStatus]]:
    """A real Splash of the test's own, which it may kill; there is one where `splash_url` is."""
    url = up(open_folder, ["splash"])["splash"].url
    yield url, next(one for one in status(open_folder) if one.name == "splash")
    down(open_folder)


def test_a_real_splash_killed_in_the_middle_of_a_page(
    crawl: Callable[..., Any], own_splash: tuple[str, ServiceStatus], site: PageServer
) -> None:
    url, running = own_splash
    assert running.pids

    def kill() -> None:
        while "/w/0" not in [path for _, path in site.asked]:
            threading.Event().wait(0.01)
        for pid in running.pids:
            os.kill(pid, signal.SIGKILL)

    found, _ = crawl(url, "/one", wait=20, during=kill)
    assert found == {"0": ("renderer_unavailable", True)}
