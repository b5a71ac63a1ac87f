"""A host that says "not now" gets no request until it may be asked again, and nothing is lost."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from scrapy import Request
from scrapy.http import Response
from support.crawls import Workspace
from support.web import Page, Pages, serve_pages
from twisted.internet.defer import Deferred

from crawler.context import CrawlContext
from crawler.middlewares.pauses import PauseMiddleware
from crawler.pauses import HostPaused, Pause, Pauses
from crawler.rendering.plugin import SplashJsonResponse
from storage.errors import DatabaseUnavailable, ExitCode

HOST = "museum.example"
PAGE = f"http://{HOST}/work"
RETRYABLE = int(ExitCode.RETRYABLE_FAILURES)


class FakeCrawl:
    """As much of a crawler as the middleware sees, and what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.remembered: list[tuple[str, Pause]] = []
        self.stopped: list[str] = []
        self.counts: defaultdict[str, int] = defaultdict(int)
        self.slots: dict[str, Any] = {}
        self.broken = False
        self.context = SimpleNamespace(
            pauses=Pauses(),
            problem=None,
            writer=SimpleNamespace(call=self._call),
            ledger=SimpleNamespace(pause=self._remember, pauses=dict),
            stop=lambda crawler, reason, problem: self.stopped.append(reason),
        )
        monkeypatch.setattr(CrawlContext, "of", lambda crawler: self.context)
        crawler: Any = SimpleNamespace(
            signals=SimpleNamespace(connect=lambda *given, **keywords: None),
            engine=SimpleNamespace(downloader=SimpleNamespace(slots=self.slots)),
            stats=SimpleNamespace(inc_value=self._count),
        )
        self.middleware = PauseMiddleware(crawler)

    def _count(self, name: str, count: int = 1) -> None:
        self.counts[name] += count

    def _remember(self, host: str, pause: Pause) -> None:
        if self.broken:
            raise DatabaseUnavailable("gone")
        self.remembered.append((host, pause))

    async def _call(self, function: Callable[..., Any], *given: Any) -> Any:
        return function(*given)

    def answer(self, request: Request, response: Response) -> HostPaused | None:
        """Let an answer arrive; return what the request ends with, unless it is the answer."""

        async def arrive() -> HostPaused | None:
            self.middleware._downloaded(response, request)
            try:
                assert self.middleware.process_response(request, response) is response
            except HostPaused as paused:
                return paused
            finally:
                await asyncio.gather(*self.middleware._tasks)
            return None

        return asyncio.run(arrive())

    def lets_through(self, url: str) -> bool:
        try:
            self.middleware.process_request(Request(url))
        except HostPaused:
            return False
        return True


@pytest.fixture
def crawl(monkeypatch: pytest.MonkeyPatch) -> FakeCrawl:
    return FakeCrawl(monkeypatch)


def splash_request() -> Request:
    meta = {"splash": {"args": {"url": PAGE}}, "_splash_processed": True}
    return Request("http://splash.example:8050/execute", meta=meta)


def splash_answer(request: Request, status: int, **data: Any) -> SplashJsonResponse:
    body = json.dumps(data).encode()
    return SplashJsonResponse(request.url, request=request, status=status, body=body)


@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_pauses_the_host_once_in_a_fake_crawl(
    crawl: FakeCrawl, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    refusal = Response(PAGE, status=status, headers={"Retry-After": "120"})
    paused = crawl.answer(Request(PAGE), refusal)
    assert paused is not None
    assert (paused.host, paused.status) == (HOST, status)
    assert crawl.remembered == [(HOST, paused.pause)]
    assert not crawl.lets_through(f"http://{HOST}:8080/robots.txt")
    assert crawl.lets_through("http://other.example/")
    assert caplog.messages == [
        f"museum.example asks for a pause of 120 s (HTTP {status}, Retry-After: 120): paused until "
        f"{paused.pause.until:%Y-%m-%d %H:%M:%S} UTC"
    ]
    assert crawl.counts == {
        f"artworks/pauses/{'rate_limited' if status == 429 else 'server_error'}": 1,
        "artworks/pauses/seconds": 120,
    }
    # One more that was under way: refused too, and nothing new.
    assert crawl.answer(Request(PAGE), Response(PAGE, status=status)) is not None
    assert len(crawl.remembered) == len(caplog.messages) == 1


@pytest.mark.parametrize("status", [200, 304, 404, 500, 502])
def test_other_answers_pass_in_a_fake_crawl(crawl: FakeCrawl, status: int) -> None:
    answer = Response(PAGE, status=status, headers={"Retry-After": "120"})
    assert crawl.answer(Request(PAGE), answer) is None
    assert crawl.lets_through(PAGE)
    assert crawl.remembered == []


def test_what_waits_in_the_download_slot_is_taken_out_before_it_is_sent_in_a_fake_crawl(
    crawl: FakeCrawl,
) -> None:
    waiting: list[Deferred[Any]] = [Deferred() for _ in range(3)]
    for host, deferreds in ((HOST, waiting[:2]), ("other.example", waiting[2:])):
        queue = [(Request(PAGE), deferred) for deferred in deferreds]
        crawl.slots[host] = SimpleNamespace(queue=deque(queue))
    ended: list[Any] = []
    for deferred in waiting:
        deferred.addErrback(lambda failure: ended.append(failure.value))

    async def downloaded() -> None:
        # Before the middleware sees the answer the slot would send the next request.
        refusal = Response(PAGE, status=429, headers={"Retry-After": "120"})
        crawl.middleware._downloaded(refusal, Request(PAGE))

    asyncio.run(downloaded())
    assert [(type(error), error.host, error.status) for error in ended] == [
        (HostPaused, HOST, 0),
        (HostPaused, HOST, 0),
    ]
    assert len(crawl.slots["other.example"].queue) == 1


def test_splash_is_not_the_page_in_a_fake_crawl(crawl: FakeCrawl) -> None:
    request = splash_request()
    assert crawl.answer(request, splash_answer(request, 503)) is None
    assert crawl.answer(request, Response(request.url, status=503)) is None
    assert crawl.lets_through(PAGE)
    refusal = splash_answer(request, 200, http_status=429, url=PAGE, retry_after="120")
    paused = crawl.answer(request, refusal)
    assert paused is not None
    assert (paused.host, paused.status) == (HOST, 429)
    assert paused.pause.because == "HTTP 429, Retry-After: 120"
    assert not crawl.lets_through(PAGE)
    assert crawl.lets_through("http://splash.example:8050/execute")
    with pytest.raises(HostPaused):
        crawl.middleware.process_request(request)


def test_a_browser_may_have_been_led_elsewhere_in_a_fake_crawl(crawl: FakeCrawl) -> None:
    there = "http://other.example/login"
    paused = crawl.answer(Request(PAGE), Response(there, status=429, flags=["chromium"]))
    assert paused is not None
    assert paused.host == "other.example"
    assert crawl.lets_through(PAGE)
    assert not crawl.lets_through(there)


def test_a_lost_database_stops_the_crawl_in_a_fake_crawl(crawl: FakeCrawl) -> None:
    crawl.broken = True
    assert crawl.answer(Request(PAGE), Response(PAGE, status=429)) is not None
    assert crawl.stopped == ["database_unavailable"]


def test_pauses_of_earlier_runs_hold_from_the_start_in_a_fake_crawl(
    crawl: FakeCrawl, caplog: pytest.LogCaptureFixture
) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    crawl.context.ledger.pauses = lambda: {HOST: Pause(until, "HTTP 503")}
    caplog.set_level("INFO")
    asyncio.run(crawl.middleware._spider_opened(SimpleNamespace()))  # type: ignore[arg-type]
    assert not crawl.lets_through(PAGE)
    assert "museum.example is left alone until" in caplog.text


# The real crawl


@dataclass
class Refuser:
    """Hosts that refuse some requests, and what they asked for: times are of the server's clock."""

    until: dict[str, float] = field(default_factory=dict)
    refused: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    too_early: list[tuple[str, str, float]] = field(default_factory=list)
    lenient: bool = False

    def page(
        self, path: str, page: Page, refusals: Callable[[str], tuple[int, str, float] | None]
    ) -> Callable[[str], Page]:
        """Make a page that is refused as `refusals` of the host says: status, header, seconds."""

        def made(host: str) -> Page:
            now = time.time()
            # Clocks of one machine are read at slightly different times.
            if now < self.until.get(host, 0.0) - 0.01:
                self.too_early.append((host, path, self.until[host] - now))
            refusal = None if self.lenient else refusals(host)
            if refusal is None:
                return page
            status, header, seconds = refusal
            self.refused[host] += 1
            self.until[host] = now + seconds
            headers = {"Retry-After": header} if header else {}
            return status, headers, "not now"

        return made


def in_seconds(ahead: int) -> tuple[int, str, float]:
    """A refusal until a date, which has whole seconds."""
    then = int(time.time()) + ahead
    return 503, formatdate(then, usegmt=True), then - time.time()


# By host: what it says the first time it is asked for a work.
ONCE: dict[str, Callable[[], tuple[int, str, float]]] = {
    "127.0.0.2": lambda: (429, "1", 1.0),
    "127.0.0.3": lambda: in_seconds(2),
    "127.0.0.4": lambda: (503, "-5", 1.0),
    "127.0.0.5": lambda: (503, "in a minute", 1.0),
    "127.0.0.6": lambda: (503, "Sun, 06 Nov 1994 08:49:37 GMT", 1.0),
    "127.0.0.7": lambda: (503, "", 1.0),
}
ABSURD, STUBBORN, SHY, SLOW_IMAGES = "127.0.0.8", "127.0.0.9", "127.0.0.10", "127.0.0.11"
BROKEN_IMAGE = "127.0.0.12"  # refuses the largest size whenever it is asked for
HOSTS = (*ONCE, ABSURD, STUBBORN, SHY, SLOW_IMAGES, BROKEN_IMAGE)
TWICE = (STUBBORN, BROKEN_IMAGE)  # with one work each
WORKS = 3

PROFILE = """
base_url = "{base}"
domains = [{domains}]
[politeness]
delay = 0.001
concurrency = 1
retries = 1
autothrottle = false
[categories]
all = "/"
[listing]
artworks = "css:a"
[artwork]
title = "css:h1"
[artwork.images]
url = "css:img"
[rendering]
listing = "never"
artwork = "never"
"""


def picture(number: int) -> Page:
    data = io.BytesIO()
    Image.new("RGB", (40, 30), (number, 0, 0)).save(data, "JPEG")
    return 200, {"Content-Type": "image/jpeg"}, data.getvalue()


def site(refuser: Refuser, base: Callable[[str], str]) -> Pages:
    def of_works(host: str) -> tuple[int, str, float] | None:
        if host in ONCE and not refuser.refused[host]:
            return ONCE[host]()
        if host == STUBBORN:
            return 429, "1", 1.0
        return (429, "1000000000000", 86_000.0) if host == ABSURD else None

    def of_images(host: str) -> tuple[int, str, float] | None:
        return (503, "1", 1.0) if host == SLOW_IMAGES and not refuser.refused[host] else None

    def of_large_images(host: str) -> tuple[int, str, float] | None:
        return (503, "1", 1.0) if host == BROKEN_IMAGE else None

    def of_robots(host: str) -> tuple[int, str, float] | None:
        return (429, "1", 1.0) if host == SHY and not refuser.refused[host] else None

    pages: dict[str, Any] = {
        "/": "".join(
            f'<a href="{base(host)}/work/{name}">x</a>' for host in HOSTS for name in works_of(host)
        ),
        "/robots.txt": refuser.page("/robots.txt", (404, {}, "no rules"), of_robots),
    }
    for host in HOSTS:
        for number, name in enumerate(works_of(host)):
            work, image = f"/work/{name}", f"/image/{name}.jpg"
            large = f"/large/{name}.jpg"
            sizes = f"srcset='{large} 900w, {image} 300w'" if host == BROKEN_IMAGE else ""
            page = f"<h1>Work {name}</h1><img src='{image}' {sizes}>"
            pages[large] = refuser.page(large, picture(99), of_large_images)
            pages[work] = refuser.page(work, page, of_works)
            pages[image] = refuser.page(image, picture(number), of_images)
    return pages


def works_of(host: str) -> list[str]:
    number_of = 1 if host in TWICE else WORKS
    return [f"{host.rpartition('.')[2]}-{number}" for number in range(number_of)]


def unresolved(workspace: Workspace) -> list[Any]:
    return workspace.sql(
        "SELECT split_part(split_part(url, '/', 3), ':', 1) AS host, reason, count(*) "
        "FROM failures WHERE resolved_at IS NULL GROUP BY 1, 2 ORDER BY 1"
    )


def test_each_host_is_asked_again_when_it_said_and_everything_is_had_in_the_end(
    workspace: Workspace, tmp_path: Path
) -> None:
    refuser = Refuser()
    with serve_pages(lambda base: site(refuser, base), address="") as server:
        profile = tmp_path / "site.toml"
        domains = ", ".join(f'"{host}"' for host in HOSTS)
        profile.write_text(PROFILE.format(base=server.base(), domains=domains))

        done = workspace.crawl(f"site={profile}", expect=RETRYABLE)
        assert refuser.too_early == []
        had = dict(
            workspace.sql("SELECT split_part(page_url, '/', 3), count(*) FROM artworks GROUP BY 1")
        )
        complete = {
            host for host in HOSTS if had.get(f"{host}:{server.port}") == len(works_of(host))
        }
        assert complete == {*ONCE, SHY, SLOW_IMAGES, BROKEN_IMAGE}
        assert workspace.one("SELECT count(*) FROM image_sources WHERE image_id IS NULL") == 0
        # How far the search for an image had come is not forgotten while its host is paused.
        [[found]] = workspace.sql("SELECT fetched_url FROM image_sources WHERE url ~ '/large/'")
        assert found == f"{server.base(BROKEN_IMAGE)}/image/12-0.jpg"
        assert unresolved(workspace) == [
            (ABSURD, "rate_limited", 1),
            (STUBBORN, "rate_limited", 1),
        ]
        assert refuser.refused == {host: 2 if host in TWICE else 1 for host in HOSTS}
        assert f"{ABSURD} is left alone until" in done.stderr
        assert "HTTP 429, Retry-After: 1000000000000" in done.stderr
        left = workspace.one(
            "SELECT extract(epoch FROM not_before - now())::float FROM hosts WHERE host = :host",
            host=ABSURD,
        )
        assert 80_000 < left <= 86_400
        stats = workspace.one("SELECT stats FROM crawl_runs")
        assert stats["artworks/pauses/rate_limited"] == 5
        assert stats["artworks/pauses/server_error"] == 8

        # The next run does not ask before its time either, and says so.
        refuser.lenient = True
        asked = len(server.asked)
        done = workspace.crawl(f"site={profile}", expect=RETRYABLE)
        assert {host for host, _ in server.asked[asked:]} == {STUBBORN}
        assert unresolved(workspace) == [(ABSURD, "rate_limited", 1)]
        assert f"{ABSURD} is left alone until" in done.stderr
        assert f"{WORKS} pages or images wait" in done.stderr

        # When the time has come, what is left is had.
        workspace.sql("UPDATE hosts SET not_before = now() RETURNING host")
        workspace.sql("UPDATE frontier SET not_before = now() RETURNING id")
        workspace.crawl(f"site={profile}", expect=0)
    assert workspace.one("SELECT count(*) FROM artworks") == sum(map(len, map(works_of, HOSTS)))
    assert unresolved(workspace) == []


RENDERED = """
base_url = "{base}"
domains = ["127.0.0.1", "127.0.0.2"]
[politeness]
delay = 0.001
concurrency = 1
autothrottle = false
[[start]]
url = "/splash"
rendering = "splash"
[[start]]
url = "{other}/chromium"
rendering = "chromium"
[listing]
artworks = "css:a"
[artwork]
title = "css:h1"
required = ["title"]
[rendering]
artwork = "never"
"""


def test_browsers_leave_a_host_alone_too(
    workspace: Workspace, tmp_path: Path, splash_url: str, chromium_path: Path
) -> None:
    refuser = Refuser()

    def once(host: str) -> tuple[int, str, float] | None:
        return None if refuser.refused[host] else (429, "2", 2.0)

    def pages(base: Callable[[str], str]) -> Pages:
        listing = "<!doctype html><body><a href='/work/{}'>x</a></body>"
        return {
            "/splash": refuser.page("/splash", listing.format("a"), once),
            "/chromium": refuser.page("/chromium", listing.format("b"), once),
            "/work/a": "<h1>Work a</h1>",
            "/work/b": "<h1>Work b</h1>",
        }

    with serve_pages(pages, address="") as server:
        profile = tmp_path / "site.toml"
        profile.write_text(RENDERED.format(base=server.base(), other=server.base("127.0.0.2")))
        workspace.crawl(
            f"site={profile}",
            expect=0,
            ARTWORKS_SPLASH_URL=splash_url,
            ARTWORKS_CHROMIUM=str(chromium_path),
        )
    assert refuser.too_early == []
    assert refuser.refused == {"127.0.0.1": 1, "127.0.0.2": 1}
    assert workspace.one("SELECT count(*) FROM artworks") == 2
    assert workspace.sql("SELECT host, not_before_reason FROM hosts ORDER BY host") == [
        ("127.0.0.1", "HTTP 429, Retry-After: 2"),
        ("127.0.0.2", "HTTP 429, Retry-After: 2"),
    ]
