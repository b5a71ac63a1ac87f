from __future__ import annotations

import pytest

from crawler.extraction.page import Page
from crawler.extraction.sources import Source, SourceError, parse_sources

HTML = """
<html><body>
<h1 class="title"> Low&nbsp;Tide
  <b>at</b> <i>Sker</i>rig<br>Sound<!-- c --><script>x()</script></h1>
<ul><li>oil; canvas</li><li> </li><li>wood</li></ul>
<a href="/work/1?x=1" id="a">one</a><a>no link</a><img src="i.jpg"><p>No. 12</p><p>No 7</p>
</body></html>
"""
PAGE = Page("http://museum.example/category/x?page=2", HTML)


def texts(written: str | dict[str, object]) -> list[str]:
    return [match.text for match in Source(written).matches(PAGE)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("css:h1.title", ["Low Tide at Skerrig Sound"]),
        ("h1.title", ["Low Tide at Skerrig Sound"]),
        ("p:first-of-type", ["No. 12"]),
        ("css:h1 b::text", ["at"]),
        ("css:a::attr(href)", ["/work/1?x=1"]),
        ("css:li", ["oil; canvas", "wood"]),
        ("css:.absent", []),
        ("xpath://li[3]", ["wood"]),
        ("xpath:count(//li)", ["3"]),
        ("xpath:string(//h1/b)", ["at"]),
        ("xpath://p[re:test(., '\\d\\d')]", ["No. 12"]),
        (r"regex:No\.? (\d+)", ["12", "7"]),
        ("regex:Low&nbsp;\\w+", ["Low Tide"]),
        (r"url:/category/([^/?]+)", ["x"]),
        (r"url:/nothing/(\d+)", []),
        ("value:The museum", ["The museum"]),
        ({"css": "li", "split": ";"}, ["oil", "canvas", "wood"]),
        ({"css": "li", "join": ", "}, ["oil; canvas, wood"]),
        ({"css": "p", "regex": r"\. (\d+)"}, ["12"]),
        ({"regex": r"No\.? (\d)(\d)?"}, ["1", "7"]),
    ],
)
def test_values(written: str | dict[str, object], expected: list[str]) -> None:
    assert texts(written) == expected


def test_a_link_is_what_the_element_links_to() -> None:
    def urls(written: str) -> list[str]:
        return [url for url, _ in Source(written).links(PAGE)]

    assert urls("css:a") == urls("css:a::attr(href)") == ["http://museum.example/work/1?x=1"]
    assert urls("css:img") == ["http://museum.example/category/i.jpg"]


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("css:h1[", r"invalid CSS 'h1\['"),
        ("css:h1::nope", "invalid CSS 'h1::nope'"),
        ("xpath://h1[", r"invalid xpath expression '//h1\['"),
        ("xpath:nope(//h1)", "invalid xpath expression 'nope"),
        ("xpath://x:h1", "invalid xpath expression '//x:h1'"),
        ("regex:(", "invalid regular expression '\\('"),
        ("jsonld:name", "'jsonld' sources are not available yet"),
        ("ccs:h1", "unknown kind 'ccs'"),
        ("css:", "the css expression is empty"),
        ({"css": "h1", "regexp": "x"}, "unknown key 'regexp'"),
        ({"css": "h1", "xpath": "//h1"}, "exactly one of"),
        ({"split": ","}, "exactly one of"),
        ({"css": 1}, "must be a string"),
    ],
)
def test_wrong_sources_are_refused(written: str | dict[str, object], complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint):
        parse_sources(written)


@pytest.mark.parametrize("written", [[], 3, ["css:h1", 3]])
def test_wrong_types_are_refused(written: object) -> None:
    with pytest.raises(SourceError):
        parse_sources(written)


def test_the_same_expression_is_the_same_source() -> None:
    assert Source("css:h1") == Source("css:h1") != Source("css:h2")
    assert Source({"regex": "x", "css": "h1"}) == Source({"css": "h1", "regex": "x"})


def test_deeply_nested_and_broken_pages_are_read() -> None:
    deep = Page("http://h.example/", "<div>" * 200 + "x" + "</div>" * 10)
    assert Source("css:body").matches(deep)[0].text == "x"
    Source("css:body").matches(Page("http://h.example/", "<div>" * 50_000 + "x"))
    # 200 elements that all hold the same long text: not all of it is read 200 times.
    nested = Page("http://h.example/", "<div>" * 200 + "<p>word</p>" * 50_000)
    assert 0 < len(Source("css:div").matches(nested)) < 20
    broken = Page("http://h.example/", "\x00\ud800<p>a<p>b\x00</i>")
    assert [match.text for match in Source("css:p").matches(broken)] == ["a", "b"]
    for body in ("", " ", "\x00", "<!-- -->", "plain"):
        assert Source("css:h1").matches(Page("http://h.example/", body)) == []
