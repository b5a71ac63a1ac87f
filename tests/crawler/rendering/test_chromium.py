"""Pages in a real Chromium: read when they are complete, through the proxy only, and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from scrapy import Request, Spider
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.http import HtmlResponse, Response
from scrapy.settings import Settings
from scrapy.utils.test import get_crawler
from support.crawls import REPOSITORY
from support.processes import runs
from support.web import PageServer, serve_pages

from crawler.addresses import AddressPolicy
from crawler.config import CrawlerSettings
from crawler.context import CrawlArguments, CrawlContext
from crawler.extensions.chromium import Bounds, Chromium
from crawler.profiles import BrowserOptions, parse_profile
from crawler.reasons import judge
from crawler.rendering import (
    PageUnreachable,
    RendererDied,
    RendererMissing,
    RenderTimeout,
)
from crawler.rendering.browser import Patience, launch_options
from crawler.rendering.chromium import chromium_meta
from crawler.rendering.proxy import GuardProxy
from storage.embedded.processes import birth

TIMEOUT_S = 60
MAX_BYTES = 200_000
REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
ANYWHERE_HERE = AddressPolicy([ip_network("127.0.0.0/8")])
ONLY_127_0_0_2 = AddressPolicy([ip_network("127.0.0.2/32")])
PROFILE = """
base_url = "{base}"
[politeness]
delay = 0
autothrottle = false
retries = 0
[categories]
works = "{path}"
[rendering]
listing = "chromium"
artwork = "never"
[rendering.browser]
wait = 0.1
[listing]
artworks = "css:a.work"
[artwork]
title = "css:h1"
images = "css:img"
"""

# ES modules, fetch, `?.`, and an observer that loads eight more as often as the end is seen.
MODERN = """<!doctype html><meta charset="latin1"><h1>Été</h1><img src="/picture.png">
<div id="works"></div><p id="end"></p><script type="module">
const works = document.querySelector('#works');
let next = 0;
const more = async () => {
  const page = await (await fetch(`/works.json?from=${next}`)).json();
  for (const work of page?.works ?? []) {
    if (next >= MOST) return;
    const link = document.createElement('a');
    Object.assign(link, {className: 'work', href: `/work/${next++}`, textContent: work?.title});
    link.style = 'display: block; height: 400px';
    works.append(link);
  }
};
new IntersectionObserver(seen => seen.some(it => it.isIntersecting) && more())
  .observe(document.querySelector('#end'));
document.body.dataset.agent = navigator.userAgent;
</script>"""
CLICKING = """<!doctype html><div id="works"></div>
<button class='more "quoted"' onclick="more()">More</button><script>
let shown = 0;
const more = () => setTimeout(() => {
  for (let i = 0; i < 4 && shown < 12; i++, shown++) {
    works.insertAdjacentHTML('beforeend', `<a class="work">${shown}</a>`);
  }
  if (shown >= 12) document.querySelector('button').style.display = 'none';
}, 30);
more();
</script>"""
LATE = """<!doctype html><script>
setTimeout(() => { document.body.innerHTML = '<p id="there">late</p>'; }, 700);
</script>"""
REMEMBERING = """<!doctype html><p id="seen"></p><script>
seen.textContent = `cookie:${document.cookie};stored:${localStorage.getItem('visited')}`;
document.cookie = 'visited=yes'; localStorage.setItem('visited', 'yes');
</script>"""
INTRUSIVE = """<!doctype html><p>still here</p><script>
alert('hello'); confirm('sure?'); window.open('/plain'); window.close();
window.onbeforeunload = () => 'stay';
throw new Error('of no importance');
</script>"""
BUSY = "<!doctype html><script>setTimeout(() => { for (;;); }, 20)</script>"
ASKING = "<!doctype html><p>x</p><script>setInterval(() => fetch('/alive'), 20)</script>"
CURIOUS = """<!doctype html><p id="got"></p><iframe src="file:///etc/passwd"></iframe>
<iframe src="chrome://version"></iframe><script type="module">
const got = [];
for (const url of ['file:///etc/passwd', 'chrome://version']) {
  try { got.push(await (await fetch(url)).text()); } catch (error) { got.push('refused'); }
  try { location = url; } catch (error) { got.push('refused'); }
}
document.querySelector('#got').textContent = got.join(' ');
</script>"""
# Everything that a page can ask another address for, but for what is never loaded.
REACHING = """<!doctype html><body><script src="THERE/script.js"></script>
<link rel="stylesheet" href="THERE/style.css"><link rel="preconnect" href="THERE">
<link rel="prefetch" href="THERE/prefetched"><iframe src="THERE/frame"></iframe><script>
const done = () => document.body.insertAdjacentHTML('beforeend', '<p id="done"></p>');
fetch('THERE/fetched', {mode: 'no-cors'}).catch(() => {});
navigator.sendBeacon('THERE/beacon');
new WebSocket('THERE/socket'.replace('http', 'ws'));
new Worker(URL.createObjectURL(new Blob(["fetch('THERE/worker', {mode: 'no-cors'})"])));
const peer = new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:PORT'}]});
peer.createDataChannel('x');
peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && done();
peer.createOffer().then(offer => peer.setLocalDescription(offer));
</script>"""
EIGHT = '{"works": [' + ",".join('{"title": "A work"}' for _ in range(8)) + "]}"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def no_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop of Scrapy's reactor, of which a process has one."""
    from twisted.internet import asyncioreactor

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)
    yield loop
    loop.run_until_complete(loop.shutdown_asyncgens())


@pytest.fixture(scope="module")
def site() -> Iterator[PageServer]:
    """A site on every address of this machine's loopback."""

    def pages(base: Callable[[str], str]) -> dict[str, Any]:
        return {
            "/modern": MODERN.replace("MOST", "23"),
            "/endless": MODERN.replace("MOST", "1e9"),
            "/works.json": (200, JSON, EIGHT),
            "/click": CLICKING,
            "/late": LATE,
            "/plain": "<!doctype html><p>nothing moves</p>",
            "/moved": (302, {"Location": "/plain"}, ""),
            "/moving": "<script>location = '/plain'</script>",
            "/losing": "<script>location = '/missing'</script>",
            "/stranded": "<script>location = 'https://127.0.0.1:1/'</script>",
            "/circle": (302, {"Location": "/circle"}, ""),
            "/error": (503, {}, "<!doctype html><p>down for today</p>"),
            "/data": (200, JSON, '{"a": 1}'),
            "/document": (200, {"Content-Type": "application/pdf"}, "%PDF-1.4 no more"),
            "/archive": (200, {"Content-Type": "application/zip"}, "PK"),
            "/long": f"<script>document.write('x'.repeat({MAX_BYTES}))</script>",
            "/longer": "x" * (MAX_BYTES + 1),
            "/odd": "<p>Text</p><script>document.body.append('\\ud800 alone')</script>",
            "/strict": (200, {"Content-Security-Policy": "default-src 'none'"}, "<p>strict</p>"),
            "/remembering": REMEMBERING,
            "/intrusive": INTRUSIVE,
            "/busy": BUSY,
            "/asking": ASKING,
            "/alive": "yes",
            "/curious": CURIOUS,
        }

    with serve_pages(pages, address="") as server:
        yield server


@pytest.fixture(scope="module")
def proxy() -> Iterator[GuardProxy]:
    with GuardProxy(ANYWHERE_HERE, max_bytes=MAX_BYTES) as one:
        yield one


@dataclass
class Renderer:
    """The Chromium of a crawl that is not there."""

    chromium: Chromium
    site: PageServer
    proxy: GuardProxy
    loop: asyncio.AbstractEventLoop
    stats: Any = field(init=False)

    def __post_init__(self) -> None:
        self.stats = self.chromium._crawler.stats

    def run(self, *tasks: Coroutine[Any, Any, Any]) -> list[Any]:
        """Carry out at the same time; exceptions are results."""

        async def gather() -> list[Any]:
            async with asyncio.timeout(TIMEOUT_S):
                return await asyncio.gather(*tasks, return_exceptions=True)

        return self.loop.run_until_complete(gather())

    def request(
        self,
        path: str,
        *,
        kind: Any = "listing",
        proxy: GuardProxy | None = None,
        **options: Any,
    ) -> Request:
        chosen = BrowserOptions(**{"wait": 0.05, "timeout": 30.0, **options})
        return Request(
            path if "://" in path else self.site.base() + path,
            headers={"User-Agent": "artworks (tests)"},
            meta={
                "chromium": chromium_meta(kind, chosen, proxy or self.proxy),
                "download_maxsize": MAX_BYTES,
            },
        )

    def render(self, path: str, **how: Any) -> Response:
        [answer] = self.run(self.chromium.download(self.request(path, **how)))
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, Response)
        return answer

    def failure(self, path: str, **how: Any) -> str:
        """The reason why a page was not rendered."""
        [error] = self.run(self.chromium.download(self.request(path, **how)))
        assert isinstance(error, Exception), error
        return judge(error).reason

    def count(self, name: str) -> int:
        found: int = self.stats.get_value(name, 0)
        return found

    def counted(self, name: str, act: Callable[[], Any]) -> int:
        """How often something happened while `act` ran."""
        before = self.count(name)
        act()
        return self.count(name) - before

    @property
    def pid(self) -> int:
        assert self.chromium._browser is not None
        return self.chromium._browser.pid


NewRenderer = Callable[..., Any]


@pytest.fixture(scope="module")
def new_renderer(
    loop: asyncio.AbstractEventLoop, site: PageServer, proxy: GuardProxy, chromium_path: Path
) -> NewRenderer:
    """Makes a renderer of a crawl's own, closed at the end."""
    profile = parse_profile(PROFILE.format(base=site.base(), path="/"), Path("site.toml"))

    @contextmanager
    def make(*, program: str | None = str(chromium_path), **bounds: Any) -> Iterator[Renderer]:
        crawler = get_crawler(Spider, {"TWISTED_REACTOR": REACTOR, "EXTENSIONS": {}})
        settings = CrawlerSettings(_env_file=None)
        spider = Spider(name="nobody")
        spider.context = CrawlContext.build(  # type: ignore[attr-defined]
            CrawlArguments(site="site"), settings, profile, None
        )
        settings.chromium = program  # after the check that precedes a crawl
        crawler.spider = spider
        renderer = Renderer(Chromium(crawler, Bounds(**bounds)), site, proxy, loop)
        try:
            yield renderer
        finally:
            renderer.run(renderer.chromium.close())

    return make


@pytest.fixture(scope="module")
def shared(new_renderer: NewRenderer) -> Iterator[Renderer]:
    """One for the tests that do it no harm."""
    with new_renderer() as renderer:
        yield renderer


def works(answer: Response) -> int:
    return len(answer.css("a.work"))


def asked(site: PageServer, path: str, address: str | None = None) -> int:
    return sum(it == path and address in (None, host) for host, it in site.asked)


async def until(ready: Callable[[], object]) -> None:
    while not ready():
        await asyncio.sleep(0.01)


# What is shown


def test_a_modern_page_is_complete(shared: Renderer, site: PageServer) -> None:
    answer = shared.render("/modern")
    assert isinstance(answer, HtmlResponse)
    assert works(answer) == 23
    assert answer.css("h1::text").get() == "Été"
    assert answer.css("body::attr(data-agent)").get() == "artworks (tests)"
    assert answer.flags == ["chromium"]
    assert (answer.status, answer.url) == (200, f"{site.base()}/modern")
    assert answer.headers["Content-Type"] == b"text/html; charset=utf-8"


def test_images_are_loaded_only_on_demand(shared: Renderer, site: PageServer) -> None:
    left_out = shared.counted(
        "artworks/chromium/not_loaded/image", lambda: shared.render("/modern", kind="artwork")
    )
    assert left_out == 1
    assert not asked(site, "/picture.png")
    shared.render("/modern", kind="artwork", images=True)
    assert asked(site, "/picture.png") == 1


def test_works_are_not_scrolled(shared: Renderer) -> None:
    scrolls = shared.counted(
        "artworks/chromium/scrolls", lambda: shared.render("/endless", kind="artwork")
    )
    assert scrolls == 0


def test_a_page_that_never_stops_growing_is_bounded(shared: Renderer) -> None:
    scrolls = shared.counted(
        "artworks/chromium/scrolls", lambda: shared.render("/endless", max_scrolls=4)
    )
    assert scrolls == 4


def test_scrolling_ends_early_when_the_page_says_that_it_is_complete(shared: Renderer) -> None:
    complete = "document.querySelectorAll('a.work').length >= 20"
    assert 20 <= works(shared.render("/endless", until=complete)) < 100


def test_an_expression_that_is_wrong_does_no_harm(shared: Renderer) -> None:
    assert works(shared.render("/modern", until="this is no JavaScript")) == 23


@pytest.mark.parametrize("selector", ["button.more", """button[class='more "quoted"']"""])
def test_a_button_is_clicked_until_it_is_gone(shared: Renderer, selector: str) -> None:
    clicks = shared.counted(
        "artworks/chromium/clicks",
        lambda: works(shared.render("/click", click=selector, wait=0.2)) == 12,
    )
    assert clicks == 2


def test_clicks_are_bounded_and_a_button_that_is_not_there_is_none(shared: Renderer) -> None:
    assert works(shared.render("/click", click="button.more", max_clicks=1, wait=0.2)) == 8
    none = shared.counted(
        "artworks/chromium/clicks", lambda: shared.render("/click", click="#nowhere")
    )
    assert none == 0


def test_what_comes_late_is_waited_for(shared: Renderer) -> None:
    assert b"late</p></body>" in shared.render("/late", wait_for="#there", scroll=False).body
    assert b"late</p></body>" not in shared.render("/late", scroll=False).body


@pytest.mark.parametrize(
    ("path", "status", "words"), [("/missing", 404, b"not here"), ("/error", 503, b"down")]
)
def test_a_page_that_fails_keeps_its_status_and_words(
    shared: Renderer, path: str, status: int, words: bytes
) -> None:
    answer = shared.render(path)
    assert answer.status == status
    assert words in answer.body


@pytest.mark.parametrize("path", ["/moved", "/moving"])
def test_a_redirect_tells_where_it_led(shared: Renderer, site: PageServer, path: str) -> None:
    answer = shared.render(path)
    assert answer.url == f"{site.base()}/plain"
    assert b"nothing moves" in answer.body


def test_the_status_is_that_of_the_page_which_is_shown(shared: Renderer, site: PageServer) -> None:
    answer = shared.render("/losing")
    assert (answer.status, answer.url) == (404, f"{site.base()}/missing")


def test_what_is_no_page_is_given_as_it_is(shared: Renderer) -> None:
    answer = shared.render("/data")
    assert answer.json() == {"a": 1}
    assert answer.headers["Content-Type"] == b"application/json"


@pytest.mark.parametrize(
    ("path", "kind"), [("/document", b"application/pdf"), ("/archive", b"application/zip")]
)
def test_files_are_not_downloaded(
    shared: Renderer, site: PageServer, path: str, kind: bytes
) -> None:
    answer = shared.render(path)
    assert type(answer) is Response
    assert (answer.url, answer.status, answer.body) == (site.base() + path, 200, b"")
    assert answer.headers["Content-Type"] == kind


@pytest.mark.parametrize("path", ["/long", "/longer"])
def test_a_page_that_is_too_large_is_not_passed_on(shared: Renderer, path: str) -> None:
    assert shared.failure(path) == "body_too_large"


def test_text_that_is_no_unicode_is_mended(shared: Renderer) -> None:
    assert "? alone" in shared.render("/odd").text


def test_pages_with_a_strict_policy_are_read(shared: Renderer) -> None:
    answer = shared.render("/strict", until="document.querySelector('p') !== null")
    assert b"strict" in answer.body


def test_dialogs_windows_and_errors_are_in_nobodys_way(shared: Renderer) -> None:
    popups = shared.counted(
        "artworks/chromium/popups_closed",
        lambda: "still here" in shared.render("/intrusive", wait=0.3).text,
    )
    assert popups == 1


# What is out of reach


def test_pages_see_nothing_of_each_other(shared: Renderer) -> None:
    for _ in range(2):
        assert "cookie:;stored:null" in shared.render("/remembering", kind="artwork").text


def test_pages_reach_no_files_and_nothing_of_the_browser(
    shared: Renderer, site: PageServer
) -> None:
    answer = shared.render("/curious", kind="artwork", wait=0.3)
    assert answer.url == f"{site.base()}/curious"
    assert answer.css("#got::text").get() == "refused refused"
    assert "root:" not in answer.text


@pytest.mark.parametrize("url", ["file:///etc/passwd", "chrome://version/"])
def test_only_the_web_is_asked_for(shared: Renderer, url: str) -> None:
    assert shared.failure(url) == "unsupported_scheme"


def test_everything_goes_through_the_proxy(new_renderer: NewRenderer) -> None:
    """Our own address is the one that browsers go to directly if nobody tells them."""
    reaching = {"/reaching": "", "/plain": "fine"}
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stun,
        serve_pages(lambda base: reaching, address="") as site,
        GuardProxy(ONLY_127_0_0_2, max_bytes=MAX_BYTES) as proxy,
        new_renderer() as renderer,
    ):
        stun.bind(("127.0.0.1", 0))
        stun.setblocking(False)
        page = REACHING.replace("PORT", str(stun.getsockname()[1]))
        reaching["/reaching"] = page.replace("THERE", site.base("127.0.0.1"))
        answer = renderer.render(
            f"{site.base('127.0.0.2')}/reaching", proxy=proxy, wait=0.3, wait_for="#done"
        )
        assert answer.css("#done")
        assert {host for host, _ in site.asked} == {"127.0.0.2"}
        with pytest.raises(BlockingIOError):
            stun.recv(1)
        for name in ("127.0.0.1", "localhost"):
            found = renderer.failure(f"{site.base(name)}/plain", proxy=proxy)
            assert found == "address_refused"
        assert not asked(site, "/plain")


def test_the_browser_gets_the_proxy_and_none_of_our_secrets(
    monkeypatch: pytest.MonkeyPatch, proxy: GuardProxy
) -> None:
    monkeypatch.setenv("ARTWORKS_DATABASE_URL", "postgresql://me:hush@host/db")
    options = launch_options(Path("/usr/bin/chromium"), proxy, Patience())
    assert "hush" not in repr(options["env"])
    assert options["env"]["PATH"]
    assert options["proxy"] == {
        "server": proxy.url,
        "username": proxy.username,
        "password": proxy.password,
        "bypass": "<-loopback>",
    }


def test_a_system_without_sandboxes_is_no_obstacle(
    new_renderer: NewRenderer,
    monkeypatch: pytest.MonkeyPatch,
    chromium_path: Path,
    tmp_path: Path,
) -> None:
    program = tmp_path / "chromium"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *--no-sandbox*) exec ' + str(chromium_path) + ' "$@";; esac\n'
        "echo 'FATAL: No usable sandbox! Update your kernel.' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with new_renderer(program=str(program)) as renderer:
        assert renderer.render("/plain").status == 200


@pytest.mark.parametrize(("user", "sandbox"), [(0, False), (1000, True)])
def test_only_root_goes_without_a_sandbox(
    monkeypatch: pytest.MonkeyPatch, proxy: GuardProxy, user: int, sandbox: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    options = launch_options(Path("/usr/bin/chromium"), proxy, Patience())
    assert options["chromium_sandbox"] is sandbox


# What is bounded


def test_pages_at_a_time_are_bounded_and_browsers_recycled(new_renderer: NewRenderer) -> None:
    before = set(browsers_of(psutil.Process()))
    with new_renderer(pages_at_a_time=2, pages_per_browser=3) as renderer:
        request = renderer.request("/plain", kind="artwork")
        answers = renderer.run(*(renderer.chromium.download(request) for _ in range(7)))
        assert [answer.status for answer in answers] == [200] * 7
        assert renderer.count("artworks/chromium/browsers") == 3
        assert renderer.count("playwright/context_count") == 7
        assert renderer.count("playwright/context_count/max_concurrent") <= 2
    assert set(browsers_of(psutil.Process())) <= before


def test_another_proxy_gets_another_browser(new_renderer: NewRenderer) -> None:
    with (
        GuardProxy(ONLY_127_0_0_2, max_bytes=MAX_BYTES) as other,
        new_renderer() as renderer,
    ):
        renderer.render("/plain")
        assert renderer.failure("/plain", proxy=other) == "address_refused"
        assert renderer.count("artworks/chromium/browsers") == 2


# What goes wrong


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_a_page_that_takes_too_long_is_given_up(shared: Renderer, silent: str) -> None:
    shared.render("/plain")
    browsers = shared.count("artworks/chromium/browsers")
    for url in (silent, "/busy"):
        with pytest.raises(RenderTimeout, match="was not rendered within 2 s") as told:
            shared.render(url, timeout=2)
        verdict = judge(told.value)
        assert (verdict.reason, verdict.retryable) == ("render_timeout", True)
    assert shared.render("/plain").status == 200
    assert shared.count("artworks/chromium/browsers") == browsers


def test_parts_that_never_load_do_not_hold_a_page_up(
    shared: Renderer, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawler.rendering.visit.LOAD_TIMEOUT_S", 0.5)
    monkeypatch.setattr("crawler.rendering.visit.QUIET_TIMEOUT_S", 0.5)
    page = f"<p>all there</p><iframe src='{silent}'></iframe><script>fetch('{silent}')</script>"
    with serve_pages(lambda base: {"/": page}) as site:
        assert b"all there" in shared.render(f"{site.base()}/").body


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://nowhere.invalid/", "dns_error"),
        ("https://nowhere.invalid/", "dns_error"),
        ("http://127.0.0.1:CLOSED/", "connection_refused"),
        ("https://127.0.0.1:CLOSED/", "connection_refused"),
        ("http://127.0.0.1:RESETTING/", "connection_failed"),
        ("http://192.0.2.1/", "address_refused"),
        ("https://192.0.2.1/", "address_refused"),
        ("/circle", "render_failed"),
        ("/stranded", "render_failed"),
    ],
)
def test_a_page_that_cannot_be_reached_says_why(shared: Renderer, url: str, reason: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as resetting:

        async def reset() -> None:
            loop = asyncio.get_running_loop()
            resetting.setblocking(False)
            while True:
                connection, _ = await loop.sock_accept(resetting)
                connection.close()

        async def ask() -> Response:
            refusing = asyncio.ensure_future(reset())
            try:
                target = url.replace("CLOSED", str(port))
                target = target.replace("RESETTING", str(resetting.getsockname()[1]))
                return await shared.chromium.download(shared.request(target))
            finally:
                refusing.cancel()

        [told] = shared.run(ask())
    assert judge(told).reason == reason, told


@pytest.mark.parametrize("head", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_page_that_breaks_off_is_not_taken_for_whole(shared: Renderer, head: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{head}\r\n\r\n".encode())
            writer.write(b"8\r\n<p>begin\r\n")
            await writer.drain()
            writer.close()

        async def ask() -> Response:
            async with await asyncio.start_server(answer, sock=server):
                url = f"http://127.0.0.1:{server.getsockname()[1]}/"
                return await shared.chromium.download(shared.request(url))

        [told] = shared.run(ask())
    assert isinstance(told, Exception), told.body
    assert judge(told).reason == "connection_failed", told


def test_a_browser_that_is_killed_is_replaced(new_renderer: NewRenderer, site: PageServer) -> None:
    with new_renderer() as renderer:
        renderer.render("/plain")
        site.asked.clear()

        async def kill() -> None:
            await until(lambda: asked(site, "/alive"))
            os.kill(renderer.pid, signal.SIGKILL)

        told, _ = renderer.run(
            renderer.chromium.download(renderer.request("/asking", wait=20)), kill()
        )
        assert isinstance(told, RendererDied)
        assert judge(told).reason == "renderer_unavailable"
        assert renderer.render("/plain").status == 200
        assert renderer.count("artworks/chromium/browsers") == 2


def test_a_page_whose_process_ends_harms_no_other(
    new_renderer: NewRenderer, site: PageServer
) -> None:
    with new_renderer() as renderer:
        renderer.render("/plain")
        site.asked.clear()

        async def crash() -> None:
            await until(lambda: asked(site, "/alive"))
            for process in browsers_of(psutil.Process(renderer.pid)):
                if "--type=renderer" in process.cmdline():
                    process.kill()

        told, _ = renderer.run(
            renderer.chromium.download(renderer.request("/asking", wait=20)), crash()
        )
        assert isinstance(told, RendererDied)
        assert renderer.render("/plain").status == 200
        assert renderer.count("artworks/chromium/browsers") == 1


def test_a_browser_that_hangs_is_replaced(new_renderer: NewRenderer, site: PageServer) -> None:
    with new_renderer(close=1.0) as renderer:
        renderer.render("/plain")
        hanging, born = renderer.pid, birth(renderer.pid)
        site.asked.clear()

        async def stop() -> None:
            await until(lambda: asked(site, "/alive"))
            os.kill(hanging, signal.SIGSTOP)

        told, _ = renderer.run(
            renderer.chromium.download(renderer.request("/asking", wait=20, timeout=3)), stop()
        )
        assert isinstance(told, RenderTimeout)
        assert renderer.render("/plain").status == 200
        assert renderer.count("artworks/chromium/browsers") == 2
        renderer.run(until(lambda: birth(hanging) != born))


def test_a_browser_that_hangs_does_not_hold_the_end_up(new_renderer: NewRenderer) -> None:
    with new_renderer(close=1.0) as renderer:
        renderer.render("/plain")
        hanging, born = renderer.pid, birth(renderer.pid)
        os.kill(hanging, signal.SIGSTOP)
    renderer.run(until(lambda: birth(hanging) != born))


def test_a_program_that_does_not_start_is_tried_a_few_times(new_renderer: NewRenderer) -> None:
    with new_renderer(program="/bin/false", failed_starts=2) as renderer:
        for _ in range(2):
            with pytest.raises(RendererDied, match=r"/bin/false.*exitCode=1.*ARTWORKS_CHROMIUM"):
                renderer.render("/plain")
        with pytest.raises(RendererMissing, match="could not be started 2 times"):
            renderer.render("/plain")


def test_a_program_that_says_nothing_is_not_waited_for(
    new_renderer: NewRenderer, tmp_path: Path
) -> None:
    mute = tmp_path / "mute"
    mute.write_text("#!/bin/sh\nexec sleep 600\n")
    mute.chmod(0o755)
    with (
        new_renderer(program=str(mute), start=0.5) as renderer,
        pytest.raises(RendererDied, match="could not be started"),
    ):
        renderer.render("/plain")
    assert "sleep" not in {process.name() for process in psutil.Process().children(recursive=True)}


def test_the_cure_is_told_where_there_is_no_browser(
    new_renderer: NewRenderer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (
        new_renderer(program="/no/such/browser") as renderer,
        pytest.raises(RendererMissing, match="ARTWORKS_CHROMIUM=/no/such/browser is no"),
    ):
        renderer.render("/plain")
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        new_renderer(program=None) as renderer,
        pytest.raises(RendererMissing, match="none is on PATH: run `make services`") as told,
    ):
        renderer.render("/plain")
    assert judge(told.value).reason == "renderer_unavailable"


def test_the_cure_is_told_where_the_extra_is_missing(
    new_renderer: NewRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "crawler.rendering.browser")
    monkeypatch.delattr("crawler.rendering.browser")
    monkeypatch.setitem(sys.modules, "scrapy_playwright.handler", None)
    with (
        new_renderer() as renderer,
        pytest.raises(RendererMissing, match=r"pip install 'artworks\[browser\]'"),
    ):
        renderer.render("/plain")


@pytest.mark.parametrize(
    ("error", "is_retried"),
    [
        (RendererDied("x"), True),
        (RenderTimeout("x"), True),
        (RendererMissing("x"), False),
        (PageUnreachable("x"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_may_pass_is_tried_again(error: Exception, is_retried: bool) -> None:
    settings = Settings()
    settings.setmodule("crawler.settings")
    stats = SimpleNamespace(inc_value=lambda *_: None)
    spider = SimpleNamespace(name="nobody", crawler=SimpleNamespace(settings=settings, stats=stats))
    middleware = RetryMiddleware(settings)
    middleware.crawler = SimpleNamespace(spider=spider)  # type: ignore[assignment]
    answer = middleware.process_exception(Request("http://x/"), error)
    assert isinstance(answer, Request) is is_retried


# Nothing is left behind


def browsers_of(process: psutil.Process) -> list[psutil.Process]:
    """Chromium's processes below a process."""
    found = []
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if "chrom" in child.name():
                found.append(child)
    return found


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=lambda how: how.name)
def test_a_crawl_leaves_no_browser_behind(
    site: PageServer, chromium_path: Path, tmp_path: Path, how: signal.Signals
) -> None:
    profile = tmp_path / "site.toml"
    profile.write_text(PROFILE.format(base=site.base(), path="/asking"))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ARTWORKS_")}
    site.asked.clear()
    command = ["crawl", "artworks", "-a", f"site={profile}", "-a", "dry_run=1"]
    with subprocess.Popen(
        [sys.executable, "-m", "scrapy", *command],
        cwd=REPOSITORY,
        env=clean
        | {
            "ARTWORKS_ALLOWED_NETWORKS": "127.0.0.0/8",
            "ARTWORKS_CHROMIUM": str(chromium_path),
            "PYTHONPATH": str(REPOSITORY),
            "SCRAPY_SETTINGS_MODULE": "crawler.settings",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as crawl:
        try:
            asyncio.run(asyncio.wait_for(until(lambda: asked(site, "/alive")), TIMEOUT_S))
            left = browsers_of(psutil.Process(crawl.pid))
            assert left
            crawl.send_signal(how)
            crawl.communicate(timeout=TIMEOUT_S)
        finally:
            crawl.kill()
    asyncio.run(asyncio.wait_for(until(lambda: not any(map(runs, left))), TIMEOUT_S))
    assert asked(site, "/robots.txt")
