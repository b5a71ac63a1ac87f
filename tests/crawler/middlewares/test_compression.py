from __future__ import annotations

import gc
import gzip
import weakref
import zlib
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
from scrapy import Request
from scrapy.exceptions import DownloadCancelledError
from scrapy.http import HtmlResponse, Response
from scrapy.utils.test import get_crawler
from support.hostile.answers import brotli_bomb, deflate_bomb, gzip_bomb, layers, zstd_bomb

from crawler.middlewares.compression import BadCompression, CompressionMiddleware

URL = "http://museum.example/"
BODY = b"<h1>Low Tide</h1>" * 100
LIMIT = 1_000_000


def answer(body: bytes, *encodings: str) -> Response:
    middleware = CompressionMiddleware.from_crawler(get_crawler())
    request = Request(URL, meta={"download_maxsize": LIMIT})
    headers: dict[str, Any] = {"Content-Encoding": list(encodings), "Content-Type": "text/html"}
    result = middleware.process_response(request, Response(URL, headers=headers, body=body))
    assert isinstance(result, Response)
    return result


@pytest.mark.parametrize(
    ("body", "encodings"),
    [
        (BODY, ()),
        (gzip.compress(BODY, mtime=0), ("gzip",)),
        (gzip.compress(BODY, mtime=0), ("x-gzip",)),
        (zlib.compress(BODY), ("deflate",)),
        (brotli.compress(BODY), ("br",)),
        (layers(BODY, 2), ("gzip, gzip",)),
        (brotli.compress(gzip.compress(BODY, mtime=0)), ("gzip", "br")),
    ],
)
def test_answers_are_unpacked(body: bytes, encodings: tuple[str, ...]) -> None:
    found = answer(body, *encodings)
    assert found.body == BODY
    assert isinstance(found, HtmlResponse) or not encodings


@pytest.mark.parametrize(
    ("bomb", "encoding"),
    [
        (gzip_bomb, "gzip"),
        (deflate_bomb, "deflate"),
        (brotli_bomb, "br"),
        (zstd_bomb, "zstd"),
    ],
)
def test_bombs_are_refused_where_the_limit_is_reached(bomb: Any, encoding: str) -> None:
    with pytest.raises(DownloadCancelledError, match=f"of {encoding} unpack to more than 1000000"):
        answer(bomb(3), encoding)


def test_what_was_unpacked_is_let_go() -> None:
    """An error travels a long way, and holds on to all that its traceback saw."""
    with pytest.raises(DownloadCancelledError) as caught:
        answer(gzip_bomb(3), "gzip")
    assert caught.value.__context__ is None
    error = weakref.ref(caught.value)
    del caught
    gc.collect()
    assert error() is None


@pytest.mark.parametrize(
    ("body", "encodings", "told"),
    [
        (b"no gzip", ("gzip",), "does not unpack as gzip: Not a gzipped file"),
        (b"\xff" * 9, ("br",), "does not unpack as br"),
        (b"\0\1\2", ("zstd",), "does not unpack as zstd"),
        (b"\xff" * 9, ("deflate",), "does not unpack as deflate"),
        (layers(BODY, 3), ("gzip, gzip", "gzip"), "packed 3 times; more than 2 are not unpacked"),
    ],
)
def test_what_does_not_unpack_is_told(body: bytes, encodings: tuple[str, ...], told: str) -> None:
    with pytest.raises(BadCompression, match=told):
        answer(body, *encodings)
