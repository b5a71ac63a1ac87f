from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction.microdata import MAX_ITEMS
from crawler.extraction.page import Page


def read(body: str) -> Page:
    return Page("http://museum.example/w/1", body)


def things(body: str) -> list[dict[str, Any]]:
    return read(body).microdata.things


def test_items_have_the_shape_of_json_ld() -> None:
    assert things(
        """<base href="/x/"><div itemscope itemtype="http://schema.org/Painting
        https://schema.org/Product" itemid="urn:7" itemref="more none"><h1 itemprop="name
        http://schema.org/headline">Low<br>tide<script>x()</script></h1>
        <meta itemprop="color" content="red"><meta itemprop="color" content="blue">
        <img itemprop="image" src="a.jpg"><time itemprop="dateCreated">1900</time>
        <time itemprop="dateModified" datetime="2001-02-03">today</time>
        <data itemprop="price" value="7">seven</data>
        <div itemprop="creator" itemscope itemtype="http://schema.org/Person">
          <a itemprop="url" href="/p/1"><b itemprop="name">Ann</b></a></div></div>
        <p id="more"><a itemprop="genre" href="/g/1">sea</a> <a itemprop="about">ships</a></p>"""
    ) == [
        {
            "@type": ["Painting", "Product"],
            "@id": "urn:7",
            "name": "Low tide",
            "headline": "Low tide",
            "color": ["red", "blue"],
            "image": "http://museum.example/x/a.jpg",
            "dateCreated": "1900",
            "dateModified": "2001-02-03",
            "price": "7",
            "creator": {"@type": "Person", "url": "http://museum.example/p/1", "name": "Ann"},
            "genre": {"name": "sea", "url": "http://museum.example/g/1"},
            "about": "ships",
        },
        {"@type": "Person", "url": "http://museum.example/p/1", "name": "Ann"},
        {"name": "sea", "url": "http://museum.example/g/1"},
    ]


def test_broken_addresses_lose_only_themselves() -> None:
    [thing] = things(
        '<div itemscope><b itemprop="name">x</b><img itemprop="image" src="http://["></div>'
    )
    assert thing == {"name": "x", "image": ""}


def test_items_that_refer_to_each_other_end() -> None:
    found = things(
        '<div itemscope id="a" itemref="b"><b itemprop="name">x</b></div>'
        '<div itemprop="part" itemscope id="b" itemref="a"><b itemprop="name">y</b></div>'
    )
    assert [thing["name"] for thing in found if "part" in thing] == ["x"]
    assert "y" in str(found)


def test_pages_that_are_made_to_hurt() -> None:
    item = '<div itemscope itemprop="part"><b itemprop="name">x</b>'
    deep = read(item * 3_000)
    assert not deep.microdata
    assert deep.problems == ("microdata: skipped, it is nested too deeply",)
    many = read(f"{item}</div>" * (MAX_ITEMS + 1))
    assert not many.microdata
    assert "there is too much of it" in many.problems[0]
    doubled = read('<div itemscope itemprop="a b c">' * 55 + "x")
    assert not doubled.microdata
    assert "more than 20000 things" in doubled.problems[0]
    refers = read('<i itemscope itemref="a"></i>' * 1_000 + f'<div id="a">{item * 300}')
    assert not refers.microdata
    # Properties within properties hold the same text again and again: it is not read for ever.
    nested = read(
        '<div itemscope><div itemprop="x">' * 1 + '<p itemprop="x">' * 200 + "y " * 50_000
    )
    assert nested.microdata.things


def test_a_reference_that_no_identifier_can_be_leads_nowhere() -> None:
    found = things('<div itemscope itemref="a\x01 b"><i itemprop="name">x</i></div>')
    assert [thing["name"] for thing in found] == ["x"]


def test_pages_without_microdata_have_none() -> None:
    page = read("<h1>x</h1>")
    assert not page.microdata
    assert page.problems == ()


@given(st.text(st.sampled_from('<>/ab"= ') | st.characters()), st.integers(0, 5))
def test_any_page_is_read(text: str, depth: int) -> None:
    item = f'<div itemscope itemtype="{text}" itemprop="{text} name">'
    page = read(item * depth + f'<time itemprop="{text}">{text}' + f'<a itemprop href="{text}">')
    assert bool(page.microdata) == bool(depth)
