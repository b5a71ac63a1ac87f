from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from scrapy import Request
from scrapy.exceptions import UnsupportedURLSchemeError
from scrapy.http import Response
from scrapy.utils.test import get_crawler

from crawler.middlewares.redirect import RedirectMiddleware, TooManyRedirects

URL = "http://museum.example/work/1"


def follow(
    location: str | bytes | None, status: int = 302, meta: Mapping[str, Any] | None = None
) -> Request | Response:
    middleware = RedirectMiddleware.from_crawler(
        get_crawler(settings_dict={"REDIRECT_MAX_TIMES": 3})
    )
    request = Request(URL, meta=dict(meta or {}))
    headers = {} if location is None else {"Location": location}
    return middleware.process_response(request, Response(URL, status=status, headers=headers))


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/work/2", "http://museum.example/work/2"),
        ("https://museum.example/work/1", "https://museum.example/work/1"),
        ("//images.example/1", "http://images.example/1"),
        ("/caf\u00e9".encode("latin-1"), "http://museum.example/caf%E9"),
    ],
)
def test_pages_of_the_web_are_followed(location: str | bytes, url: str) -> None:
    followed = follow(location)
    assert isinstance(followed, Request)
    assert followed.url == url


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "data:text/html,<h1>x</h1>",
        "ftp://museum.example/1",
        "javascript:alert(1)",
        "http://[bad/",
    ],
)
def test_what_leads_off_the_web_is_refused(location: str | bytes) -> None:
    with pytest.raises(UnsupportedURLSchemeError, match="HTTP 302 leads to '"):
        follow(location)


def test_a_redirect_to_nowhere_is_an_answer() -> None:
    for answer in (follow(None), follow("/x", status=200)):
        assert isinstance(answer, Response)


def test_redirects_end() -> None:
    assert isinstance(follow("/work/2", meta={"redirect_times": 2}), Request)
    with pytest.raises(TooManyRedirects, match=f"after 3 redirects, {URL} leads to .*/work/2"):
        follow("/work/2", meta={"redirect_times": 3})
