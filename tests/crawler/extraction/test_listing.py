from __future__ import annotations

import json
from pathlib import Path

import pytest

from crawler.extraction import ListingResult, Page, extract_listing
from crawler.extraction.listing import MAX_PAGES
from crawler.profiles import parse_profile

URL = "http://museum.example/list?c=%E9&page=1&x"


def read(listing: str, body: str, url: str = URL, content_type: str = "text/html") -> ListingResult:
    text = f"""base_url = "http://museum.example"
[categories]
a = "/a"
[listing]
{listing}
[artist]
name = "css:h1"
artworks = "css:a"
[artwork]
title = "css:h1"
images = "css:img"
"""
    return extract_listing(parse_profile(text, Path("museum.toml")), Page(url, body, content_type))


def pages(last: str, url: str, first: int = 1) -> list[str]:
    listing = f'artworks = "css:a.w"\npages = {{ last = "css:b", first = {first} }}'
    return list(read(listing, last, url).next_pages)


def test_artists_are_links_of_their_own() -> None:
    body = "<a class=p href=/p/1>Ann</a><a class=w href=/w/1>x</a><a class=p href=http://o.example>"
    found = read('artists = "css:a.p"\nartworks = "css:a.w"', body)
    assert [(link.url, link.text) for link in found.artists] == [
        ("http://museum.example/p/1", "Ann")
    ]
    assert [link.url for link in found.artworks] == ["http://museum.example/w/1"]
    assert found.offsite == ("http://o.example",)


@pytest.mark.parametrize(
    ("body", "is_empty"),
    [
        ("<a class=p href=/p/1>", False),
        ("<a class=w href=/w/1>", False),
        ("<b>3</b>", False),
        ("<b>1</b>", True),
        ("", True),
    ],
)
def test_a_listing_that_leads_nowhere_is_empty(body: str, is_empty: bool) -> None:
    listing = 'artists = "css:a.p"\nartworks = "css:a.w"\npages = { last = "css:b" }'
    assert read(listing, body).is_empty is is_empty


def test_the_first_page_gives_all_others_as_its_own_address() -> None:
    assert pages("<b>3</b>", URL) == [
        "http://museum.example/list?c=%E9&x&page=2",
        "http://museum.example/list?c=%E9&x&page=3",
    ]
    assert pages("<b>2</b>", "http://museum.example/list") == ["http://museum.example/list?page=2"]
    assert pages("<b>2</b>", "http://museum.example/list?page=0", first=0) == [
        "http://museum.example/list?page=1",
        "http://museum.example/list?page=2",
    ]


def test_a_later_page_gives_the_one_behind_it() -> None:
    assert pages("<b>9</b>", "http://museum.example/list?page=3") == [
        "http://museum.example/list?page=4"
    ]
    assert pages("<b>9</b>", "http://museum.example/list?page=9") == []


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("<b>Page 1 of 12</b>", 12),
        ("<b>1</b> <b>2</b> … <b>7</b> <b>Next</b>", 7),
        ("<b>1,204</b>", 1_204),
        ("<b>1.204</b>", 1_204),
        ("<b>1 204</b>", 1_204),
        ("<b>none</b>", 1),
        ("<b>0</b>", 1),
        ("<b>999999999</b>", MAX_PAGES + 1),
        ("<b>" + "9" * 10_000 + "</b>", MAX_PAGES + 1),
    ],
)
def test_the_last_page_is_the_largest_number(written: str, count: int) -> None:
    assert len(pages(written, URL)) == count - 1


def test_listings_may_be_json() -> None:
    body = {
        "works": [{"id": 7, "title": "Tide"}, {"id": 8, "title": None}, {"id": None}],
        "total_pages": 2,
        "next": "/list?page=5",
    }
    listing = """artworks = { jmespath = "works", format = "/w/{}" }
next = "jmespath:next"
pages = { last = "jmespath:total_pages" }"""
    found = read(listing, json.dumps(body), "http://museum.example/list", "application/json")
    assert [(link.url, link.text) for link in found.artworks] == [
        ("http://museum.example/w/7", "Tide"),
        ("http://museum.example/w/8", ""),
    ]
    assert found.next_pages == (
        "http://museum.example/list?page=5",
        "http://museum.example/list?page=2",
    )


def test_categories_may_be_json() -> None:
    text = """base_url = "http://museum.example"
[discover]
links = { jmespath = "rooms", format = "/room/{}" }
name = "jmespath:label"
[listing]
artworks = "css:a"
[artwork]
title = "css:h1"
images = "css:img"
"""
    body = json.dumps({"rooms": [{"id": "a b", "label": "East &amp; West"}, {"id": "c"}]})
    profile = parse_profile(text, Path("museum.toml"))
    found = extract_listing(profile, Page("http://museum.example/rooms", body), discover=0)
    assert [(link.url, link.category) for link in found.listings] == [
        ("http://museum.example/room/a%20b", "East & West")
    ]
