"""The script that the renderer runs, in a real Splash, on pages that grow as people look."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.web import PageServer, serve_pages

from crawler.profiles import BrowserOptions
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

Render = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def site() -> Iterator[PageServer]:
    pages = {
        "/scroll": GROWING.replace("MOST", "23"),
        "/endless": GROWING.replace("MOST", "1e9"),
        "/click": CLICKING,
        "/late": LATE,
        "/plain": "<!doctype html><p>nothing moves</p>",
        "/error": (503, {}, "<!doctype html><p>down for today</p>"),
        "/moved": (302, {"Location": "/plain"}, ""),
    }
    with serve_pages(lambda base: pages) as server:
        yield server


@pytest.fixture
def render(site: PageServer, splash_url: str) -> Render:
    """Renders a page of the site as the crawl would; returns what Splash answers."""

    def ask(path: str, *, kind: Any = "listing", **options: Any) -> dict[str, Any]:
        url = path if "://" in path else site.base() + path
        chosen = BrowserOptions(**{"wait": 0.1, "timeout": 30.0, **options})
        arguments = {"url": url, **splash_meta(kind, chosen)["args"]}
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


def test_a_redirect_tells_where_it_led(render: Render, site: PageServer) -> None:
    answer = render("/moved")
    assert answer["url"] == f"{site.base()}/plain"
    assert "nothing moves" in answer["html"]


def test_a_page_that_cannot_be_reached_is_an_error_without_status(render: Render) -> None:
    answer = render("http://127.0.0.1:1/")
    assert answer["http_status"] == 0
    assert answer["error"]
    assert "html" not in answer


def test_a_page_that_takes_too_long_is_a_timeout_of_the_renderer(render: Render) -> None:
    with pytest.raises(urllib.error.HTTPError) as told:
        render("/late", wait=5, timeout=1)
    assert told.value.code == 504
    told.value.close()
