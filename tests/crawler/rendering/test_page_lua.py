"""The script that the renderer runs, in a real Splash, on pages that grow as people look."""

from __future__ import annotations

import json
import re
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from support.web import PageServer, serve_pages

from crawler.addresses import AddressPolicy
from crawler.profiles import BrowserOptions
from crawler.rendering.proxy import GuardProxy
from crawler.rendering.splash import splash_meta

# Adds five works each time the end comes into view, up to `most`.
GROWING = """<!doctype html><html><body><div id="works"></div><script>
var shown = 0;
function more() {
  for (var i = 0; i < 5 && shown < MOST; i++, shown++) {
    var link = document.createElement('a');
    link.className = 'work'; link.href = '/work/' + shown; link.style.display = 'block';
    link.style.height = '400px'; link.textContent = shown;
    document.getElementById('works').appendChild(link);
  }
  if (shown >= MOST) { document.body.setAttribute('data-complete', 'true'); }
}
more();
window.addEventListener('scroll', function () {
  if (window.scrollY + window.innerHeight >= document.body.scrollHeight - 10) {
    setTimeout(more, 30);
  }
});
</script></body></html>"""
CLICKING = """<!doctype html><html><body><div id="works"></div>
<button class='more "quoted"' onclick="more()">Load more</button><script>
var shown = 0;
function more() {
  setTimeout(function () {
    for (var i = 0; i < 4 && shown < 12; i++, shown++) {
      var link = document.createElement('a');
      link.className = 'work'; link.textContent = shown;
      document.getElementById('works').appendChild(link);
    }
    if (shown >= 12) { document.querySelector('button').style.display = 'none'; }
  }, 30);
}
more();
</script></body></html>"""
LATE = """<!doctype html><html><body><script>
setTimeout(function () { document.body.innerHTML = '<p id="there">at last</p>'; }, 700);
</script></body></html>"""

# Ways to a WebSocket, which this WebKit opens without asking the proxy; HOLE is its address.
OPEN = "new WebSocket('ws://HOLE/')"
IN_WORKER = f'new Worker(URL.createObjectURL(new Blob(["{OPEN}"])))'
IN_EMPTY_FRAME = (
    "var frame = document.createElement('iframe'); document.body.appendChild(frame);"
    "new frame.contentWindow.WebSocket('ws://HOLE/');"
)
ESCAPES = {
    "plain": f"<body><script>{OPEN}</script>",
    "empty frame": f"<body><script>{IN_EMPTY_FRAME}</script>",
    "frame before any script": "<body><iframe src='/escape/plain'></iframe>",
    "frame with a document": f'<body><iframe srcdoc="<script>{OPEN}</script>"></iframe>',
    "frame of data": f"""<body><iframe src="data:text/html,<script>{OPEN}</script>"></iframe>""",
    "frame of script": f"""<body><iframe src="javascript:{OPEN}"></iframe>""",
    "object": "<body><object data='/escape/plain'></object><embed src='/escape/plain'>",
    "frameset": "<frameset><frame src='/escape/plain'></frameset>",
    "worker": f"<body><script>{IN_WORKER}</script>",
    "worker with an address": "<body><script>new Worker('/worker.js')</script>",
    "worker of an empty frame": "<body><script>var frame = document.createElement('iframe');"
    "document.body.appendChild(frame); new frame.contentWindow.Worker('/worker.js')</script>",
    "written": f"<body><script>document.open(); document.write('<body><script>' + "
    f"\"{OPEN}\" + '</scr' + 'ipt>'); document.close()</script>",
    "new window": f"<body><script>window.open('about:blank').eval(\"{OPEN}\")</script>",
    "next page": "<body><script>location = '/escape/plain'</script>",
    "next page of data": f"""<body><script>location = "data:text/html,<script>{OPEN}</scr" +
    "ipt>"</script>""",
    "next page of script": f"""<body><script>location = "javascript:'<script>{
        OPEN.replace("'", "%22")
    }</scr" + "ipt>'"</script>""",
    "leaving": f"<body><script>window.onunload = function () {{ {OPEN} }};"
    "setTimeout(function () { location = '/plain'; }, 50)</script>",
}
# Such a page is left to Chromium: nothing of ours could run in it.
STRICT = {
    "script-src 'self'": True,
    "SCRIPT-SRC 'self' https://x.example/'unsafe-eval'; report-uri /'unsafe-eval'": True,
    "default-src 'self'": True,
    "img-src *, script-src 'none'": True,
    "script-src 'self'; script-src 'unsafe-eval'": True,
    "default-src 'none'; script-src 'self'\t'unsafe-eval'; connect-src *": False,
    "img-src 'none'": False,
}

Render = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def hole() -> Iterator[list[str]]:
    """Where no page is to get: an address, and behind it one line for each connection made."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        known = [f"127.0.0.1:{server.getsockname()[1]}"]

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    known.append(connection.recv(1000).decode(errors="replace"))

        threading.Thread(target=accept, daemon=True).start()
        yield known
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def site(hole: list[str]) -> Iterator[PageServer]:
    pages = {
        "/scroll": GROWING.replace("MOST", "23"),
        "/endless": GROWING.replace("MOST", "1e9"),
        "/click": CLICKING,
        "/late": LATE,
        "/plain": "<!doctype html><p>nothing moves</p>",
        "/reserved": (
            200,
            {"X-Robots-Tag": "noai", "TDM-Reservation": "1"},
            "<!doctype html><p>not for machines</p>",
        ),
        "/error": (503, {"Retry-After": "7"}, "<!doctype html><p>down for today</p>"),
        "/moved": (302, {"Location": "/plain"}, ""),
        "/to-file": (302, {"Location": "file:///etc/passwd"}, ""),
        "/file": """<body><iframe src="file:///etc/passwd"></iframe><script>
            var asking = new XMLHttpRequest();
            try { asking.open('GET', 'file:///etc/passwd', false); asking.send(); }
            catch (error) { document.title = error; }
            document.write('<pre>' + asking.responseText + '</pre>');
            </script><img src="file:///etc/passwd"><script src="file:///etc/passwd"></script>""",
        "/goes-to-file": "<body>here<script>location = 'file:///etc/passwd'</script>",
        "/refreshes": '<meta http-equiv="refresh" content="0;url=file:///etc/passwd">here',
        "/worker.js": (200, {"Content-Type": "text/javascript"}, OPEN.replace("HOLE", hole[0])),
        "/open.js": (200, {"Content-Type": "text/javascript"}, OPEN.replace("HOLE", hole[0])),
        "/uses-strict": "<body><script src='/strict.js'></script>",
        "/strict.js": (
            200,
            {"Content-Type": "text/javascript", "Content-Security-Policy": "default-src 'none'"},
            "document.write('it ' + 'ran')",
        ),
        "/drawing": (
            200,
            {"Content-Type": "image/svg+xml"},
            f'<svg xmlns="http://www.w3.org/2000/svg"><script>{OPEN}</script></svg>'.replace(
                "HOLE", hole[0]
            ),
        ),
        **{
            f"/escape/{name.replace(' ', '-')}": page.replace("HOLE", hole[0])
            for name, page in ESCAPES.items()
        },
        **{
            f"/strict/{number}": (
                200,
                {"Content-Security-Policy": policy},
                "<body><p>strict</p><script src='/open.js'></script>",
            )
            for number, policy in enumerate(STRICT)
        },
    }
    with serve_pages(lambda base: pages) as server:
        yield server


@pytest.fixture(scope="module")
def proxy() -> Iterator[GuardProxy]:
    with GuardProxy(AddressPolicy([ip_network("127.0.0.1/32")]), max_bytes=1_000_000) as one:
        yield one


@pytest.fixture
def render(site: PageServer, splash_url: str, proxy: GuardProxy) -> Render:
    """Renders a page of the site as the crawl would; returns what Splash answers."""

    def ask(
        path: str,
        *,
        kind: Any = "listing",
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        url = path if "://" in path else site.base() + path
        chosen = BrowserOptions(**{"wait": 0.1, "timeout": 30.0, **options})
        arguments = {"url": url, **splash_meta(kind, chosen, proxy)["args"]}
        arguments["headers"] = headers
        request = urllib.request.Request(  # noqa: S310
            f"{splash_url.rstrip('/')}/execute",
            json.dumps(arguments).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
        return found

    return ask


def works(answer: dict[str, Any]) -> int:
    return len(re.findall(r'<a class="work"', answer["html"]))


def test_an_infinite_page_is_scrolled_until_it_grows_no_more(render: Render) -> None:
    answer = render("/scroll")
    assert works(answer) == 23
    assert answer["http_status"] == 200
    assert answer["scrolls"] <= 4 + 4


def test_scrolling_ends_early_when_the_page_says_that_it_is_complete(render: Render) -> None:
    answer = render("/scroll", until="document.body.dataset.complete == 'true'")
    assert works(answer) == 23
    assert answer["scrolls"] < render("/scroll")["scrolls"]


def test_an_expression_that_is_wrong_does_no_harm(render: Render) -> None:
    assert works(render("/scroll", until="this is no JavaScript")) == 23


def test_a_page_that_never_stops_growing_is_bounded(render: Render) -> None:
    answer = render("/endless", max_scrolls=6)
    assert answer["scrolls"] == 6
    assert 20 <= works(answer) <= 200


def test_works_are_not_scrolled(render: Render) -> None:
    answer = render("/scroll", kind="artwork")
    assert answer["scrolls"] == 0
    assert works(answer) == 5


@pytest.mark.parametrize("selector", ["button.more", """button[class='more "quoted"']"""])
def test_a_button_is_clicked_until_it_is_gone(render: Render, selector: str) -> None:
    answer = render("/click", click=selector, scroll=False)
    assert works(answer) == 12
    assert answer["clicks"] == 2


def test_clicks_are_bounded_and_a_button_that_is_not_there_is_none(render: Render) -> None:
    assert works(render("/click", click="button.more", max_clicks=1, scroll=False)) == 8
    assert render("/click", click="#nowhere", scroll=False)["clicks"] == 0


def test_what_comes_late_is_waited_for(render: Render) -> None:
    said = "at last</p></body>"
    assert said in render("/late", wait_for="#there", wait=0.05)["html"]
    assert said not in render("/late", wait=0.05, scroll=False)["html"]


@pytest.mark.parametrize(("path", "status"), [("/missing", 404), ("/error", 503)])
def test_a_page_that_fails_keeps_its_status_and_words(
    render: Render, path: str, status: int
) -> None:
    answer = render(path)
    assert answer["http_status"] == status
    assert "not here" in answer["html"] or "down for today" in answer["html"]
    assert answer.get("retry_after") == ("7" if status == 503 else None)


def test_what_its_owner_reserves_is_told(render: Render) -> None:
    assert render("/reserved")["reserving"] == {"X-Robots-Tag": "noai", "tdm-reservation": "1"}
    assert not render("/plain")["reserving"]


def test_a_redirect_tells_where_it_led(render: Render, site: PageServer) -> None:
    answer = render("/moved")
    assert answer["url"] == f"{site.base()}/plain"
    assert "nothing moves" in answer["html"]


def test_a_page_that_cannot_be_reached_is_an_error_without_status(
    render: Render, proxy: GuardProxy
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        host = f"127.0.0.1:{taken.getsockname()[1]}"
    answer = render(f"https://{host}/")
    assert answer["http_status"] == 0
    assert answer["error"]
    assert "html" not in answer
    refusal = proxy.refusal(f"https://{host}/")
    assert refusal is not None
    assert refusal.reason == "connection_refused"
    # Of what is not encrypted, the proxy can say itself what is wrong.
    assert render(f"http://{host}/")["http_status"] == 502


def test_a_page_that_takes_too_long_is_a_timeout_of_the_renderer(render: Render) -> None:
    with pytest.raises(urllib.error.HTTPError) as told:
        render("/late", wait=5, timeout=1)
    assert told.value.code == 504
    told.value.close()


def test_the_renderer_by_itself_opens_web_sockets_past_the_proxy(
    site: PageServer, proxy: GuardProxy, splash_url: str, hole: list[str]
) -> None:
    known = len(hole)
    asking = urllib.parse.urlencode(
        {
            "url": f"{site.base()}/escape/plain",
            "proxy": proxy.url.replace("//", f"//{proxy.username}:{proxy.password}@"),
            "wait": 0.5,
        }
    )
    with urllib.request.urlopen(f"{splash_url}/render.html?{asking}", timeout=60) as answer:  # noqa: S310
        assert answer.status == 200
    assert len(hole) > known


@pytest.mark.parametrize("way", ESCAPES)
def test_pages_open_no_web_sockets(render: Render, hole: list[str], way: str) -> None:
    known = len(hole)
    render(f"/escape/{way.replace(' ', '-')}", wait=0.5, scroll=False)
    assert hole[known:] == []


def test_a_drawing_opens_none_either(render: Render, hole: list[str]) -> None:
    known = len(hole)
    render("/drawing", wait=0.5, scroll=False)
    assert hole[known:] == []


@pytest.mark.parametrize("policy", STRICT)
def test_a_page_in_which_nothing_of_ours_could_run_is_not_loaded(
    render: Render, hole: list[str], policy: str
) -> None:
    known = len(hole)
    answer = render(f"/strict/{list(STRICT).index(policy)}", wait=0.5, scroll=False)
    if STRICT[policy]:
        assert (answer["http_status"], answer["failure"]) == (0, "render_failed")
        assert "chromium" in answer["error"]
    else:
        assert "strict" in answer["html"]
    assert hole[known:] == []


def test_the_policy_of_a_script_or_an_image_is_no_reason(render: Render) -> None:
    """Scrapy's own Accept header, which is that of a document, must not be sent for them."""
    headers = {"Accept": "text/html,*/*;q=0.8", "X-Ours": "yes"}
    assert "it ran" in render("/uses-strict", headers=headers, scroll=False)["html"]


@pytest.mark.parametrize("path", ["/file", "/goes-to-file", "/refreshes"])
def test_files_of_the_machine_are_not_read(render: Render, path: str) -> None:
    assert "root:" not in render(path, wait=0.3, scroll=False)["html"]


def test_a_redirect_to_a_file_is_a_failure_at_once(
    render: Render, proxy: GuardProxy, site: PageServer
) -> None:
    assert render("/to-file", timeout=30.0)["http_status"] == 403
    refusal = proxy.refusal(f"{site.base()}/to-file")
    assert refusal is not None
    assert refusal.reason == "unsupported_scheme"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/"])
def test_only_the_web_is_rendered(render: Render, url: str) -> None:
    answer = render(url)
    assert answer["http_status"] == 0
    assert "html" not in answer


def test_everything_that_a_page_asks_for_goes_through_the_proxy(
    render: Render, splash_url: str
) -> None:
    """A proxy that lets nothing through to the second address, which is on this machine too."""
    with serve_pages(lambda base: {"/x": "x"}, address="127.0.0.3") as beside:
        there = beside.base("127.0.0.3")

        def pages(base: Callable[[str], str]) -> dict[str, Any]:
            return {
                "/": f"""<!doctype html><link rel="stylesheet" href="{there}/x">
                <link rel="prefetch" href="{there}/x"><script src="{there}/x"></script>
                <style>@font-face {{ font-family: x; src: url({there}/x) }}
                body {{ font-family: x; background: url({there}/x) }}</style>
                <img src="{there}/x"><video src="{there}/x" poster="{there}/x" autoplay></video>
                <iframe src="{there}/x"></iframe><object data="{there}/x"></object>
                <form method="post" action="{there}/x" target="_blank"></form><script>
                var asking = new XMLHttpRequest(); asking.open('GET', '{there}/x'); asking.send();
                new EventSource('{there}/x'); new Image().src = '/moved';
                window.onunload = function () {{ new Image().src = '{there}/x'; }};
                setTimeout(function () {{ location = '/end'; }}, 300);
                document.forms[0].submit();
                </script>text""",
                "/moved": (302, {"Location": f"{there}/x"}, ""),
                "/end": "the end",
            }

        with serve_pages(pages) as near:
            answer = render(f"{near.base()}/", images=True, wait=1.0, scroll=False)
        assert "the end" in answer["html"]
        assert {"/", "/moved", "/end"} <= {path for _, path in near.asked}
        assert beside.asked == []
        assert render(f"{there}/x")["http_status"] == 403
        assert beside.asked == []
