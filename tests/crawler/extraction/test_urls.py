from __future__ import annotations

from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from w3lib.url import safe_url_string

from crawler.extraction import urls
from crawler.extraction.urls import absolute_url, canonical_url, url_fingerprint

PIECES = st.sampled_from(
    [
        *("http://", "HTTPS://", "h.example", "[", "::1]", ":80", ":x", "/", "..", "?", "a=1", "&"),
        *("%e9", "%", "#", ";sid=1", " ", "é", "@", "\ud800", "\n", "\0", "javascript:"),
    ]
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://Museum.Example:80/work/1", "http://museum.example/work/1"),
        ("HTTPS://museum.example:443", "https://museum.example/"),
        ("http://museum.example/a/../work/./1", "http://museum.example/work/1"),
        ("http://museum.example/w#image-2", "http://museum.example/w"),
        ("http://museum.example/w?b=2&a=1", "http://museum.example/w?a=1&b=2"),
        ("http://museum.example/w?id=1&utm_source=x&gclid=2", "http://museum.example/w?id=1"),
        ("http://museum.example/w;jsessionid=AB12?id=1", "http://museum.example/w?id=1"),
        ("http://museum.example/w?PHPSESSID=0a1b2c3d", "http://museum.example/w"),
        ("http://museum.example/w?sid=0a1b2c3d4e5f60718293", "http://museum.example/w"),
        ("http://museum.example/%7eann/b%2fc", "http://museum.example/~ann/b%2Fc"),
        ("http://museum.example/é?q=é", "http://museum.example/%C3%A9?q=%C3%A9"),
        ("http://münchen.example/", "http://xn--mnchen-3ya.example/"),
    ],
)
def test_addresses_of_one_page(one: str, other: str) -> None:
    assert canonical_url(one) == canonical_url(other) == other
    assert url_fingerprint(one) == url_fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://museum.example/w?sid=12", "http://museum.example/w?sid=13"),
        ("http://museum.example/w?a=2&a=1", "http://museum.example/w?a=1&a=2"),
        ("http://museum.example/w?q=%E9", "http://museum.example/w?q=%E8"),
        ("http://museum.example/w?a=", "http://museum.example/w"),
        ("http://museum.example/W", "http://museum.example/w"),
        ("http://museum.example/w/", "http://museum.example/w"),
        ("http://museum.example:8080/", "http://museum.example/"),
        ("http://museum.example/", "https://museum.example/"),
        ("http://museum.example/a%2Fb", "http://museum.example/a/b"),
    ],
)
def test_addresses_of_different_pages(one: str, other: str) -> None:
    assert url_fingerprint(one) != url_fingerprint(other)


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("/work/1", "http://museum.example/work/1"),
        ("2?x=1", "http://museum.example/list/2?x=1"),
        ("?page=2", "http://museum.example/list/?page=2"),
        ("//images.example/a.jpg", "http://images.example/a.jpg"),
        ("/work/1#top", "http://museum.example/work/1"),
        (" /wo\nrk/1 ", "http://museum.example/work/1"),
        ("/a b.jpg", "http://museum.example/a%20b.jpg"),
        ("../../x", "http://museum.example/x"),
        ("#top", None),
        ("javascript:void(0)", None),
        ("mailto:a@b.example", None),
        ("data:image/gif;base64,R0", None),
        ("ftp://museum.example/a", None),
        ("https://", None),
        ("http://[bad/", None),
        ("http://museum.example:99999/", None),
        ("/" + "x" * 5_000, None),
        ("http://m\ufffdseum.example/", None),
        ("http://m\0seum.example/", None),
        ("/a\0b.jpg", "http://museum.example/a%00b.jpg"),
    ],
)
def test_links_are_resolved(link: str, url: str | None) -> None:
    assert absolute_url("http://museum.example/list/", link) == url


@given(st.text() | st.lists(PIECES, max_size=9).map("".join))
def test_never_raises_and_canonical_is_a_fixed_point(text: str) -> None:
    url = absolute_url("http://museum.example/list/", text)
    assert len(url_fingerprint(text)) == 40
    if url is not None:
        assert url.startswith(("http://", "https://"))
        assert "#" not in url
        assert url.isascii()
        assert url.isprintable()
        assert absolute_url("http://other.example/", url) == url
        assert canonical_url(canonical_url(url)) == canonical_url(url)


@given(st.from_regex(urls._PLAIN, fullmatch=True))
def test_the_short_way_for_plain_addresses_leads_where_the_long_one_does(url: str) -> None:
    joined = urljoin("", url)
    assert absolute_url("", url) == (safe_url_string(joined) if len(joined) <= 2048 else None)
