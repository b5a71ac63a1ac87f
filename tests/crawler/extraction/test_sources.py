from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        (
            "jmespath:data[",
            r"invalid jmespath expression 'data\[': something is missing at its end",
        ),
        ("jmespath:a b", "'b' cannot stand at column 3"),
        ("jmespath:nope(@)", "no function is called 'nope'; there are abs, avg"),
        ("jmespath:length(a, b)", r"length\(\) has 2 arguments; it takes 1"),
        ("jsonld:schema:Painting.name", "write the type by its name alone, 'Painting'"),
        ("jsonld:Painting || name", r"after a type comes '\.', '\[' or '\|'"),
        ("microdata:Painting.", "something is missing at its end"),
        ("opengraph:og title", "invalid opengraph expression 'og title': a name is made of"),
        ("iiif:title", "invalid iiif expression 'title': a manifest has 'id', 'label'"),
        ({"jmespath": "id", "format": "/work/"}, r"'format' '/work/' lacks the '\{\}'"),
        ({"jmespath": "id", "jsonld": "name"}, "exactly one of"),
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


API = {
    "data": [
        {"id": 7, "title": "<p>Low &amp; <b>Tide</b></p><p>x</p>", "url": "/w/7", "height": 73.50},
        {"id": "b/8 c%20d", "title": "a < b", "open": True, "tags": [["sea"], "sky", None]},
        {"id": None, "makers": [{"name": "Ann"}, {"@value": "Bo", "name": "no"}, {}]},
    ],
    "pages": {"next": "?page=3&amp;x=1"},
}
DATA = Page("http://api.example/v1/works?page=2", json.dumps(API), "application/json;charset=utf-8")
THINGS = Page(
    "http://museum.example/w/1",
    """<html><head>
<meta property="og:title" content="Tide | Museum"><meta name="title" content="no">
<meta name="description" content="d"><meta property="OG:image" content="/a.jpg">
<script type="application/ld+json">{"@graph": [
  {"@type": "WebPage", "name": "Page", "mainEntity": {"@id": "#w"}},
  {"@type": "Painting", "name": "Elsewhere", "url": "/w/2", "artMedium": "ink"},
  {"@type": "VisualArtwork", "@id": "#w", "name": "Tide", "creator": {"@id": "#p"},
   "width": {"@type": "QuantitativeValue", "value": 20.0, "unitCode": "CMT"},
   "image": {"@type": "ImageObject", "url": "/about/1", "contentUrl": "/i/1.jpg"}},
  {"@type": "Person", "@id": "#p", "name": "Ann", "url": "/p/1"}]}</script></head>
<body itemscope itemtype="http://schema.org/Drawing"><h1 itemprop="name">Low &lt;b> <i>tide</i></h1>
<a itemprop="author" href="/p/2">Bo</a></body></html>""",
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("jmespath:data[].title", ["Low & Tide x", "a < b"]),
        ("jmespath:data[].id", ["7", "b/8 c%20d"]),
        ("jmespath:data[].height", ["73.5"]),
        ("jmespath:data[].open", []),
        ("jmespath:data[].tags", ["sea", "sky"]),
        ("jmespath:data[].makers", ["Ann", "Bo"]),
        ("jmespath:join('', absent)", []),
        ({"jmespath": "data[].title", "regex": "(\\w) <"}, ["a"]),
        ({"jmespath": "data[1].tags", "join": "/", "format": "({})"}, ["(sea/sky)"]),
        ({"jmespath": "data[0].title", "split": " & ", "format": "{}, {}"}, ["Low, Low",
                                                                            "Tide x, Tide x"]),
        (r"regex:\"id\": (\d+)", ["7"]),
        ("css:p", []),
        ("xpath://p", []),
        ("jsonld:name", []),
        ("microdata:name", []),
        ("opengraph:title", []),
        ("iiif:label", []),
    ],
)  # fmt: skip
def test_values_of_json(written: str | dict[str, object], expected: list[str]) -> None:
    assert [match.text for match in Source(written).matches(DATA)] == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("jmespath:data[].url", ["http://api.example/w/7"]),
        ("jmespath:data[]", ["http://api.example/w/7", "http://api.example/v1/b/8%20c%20d"]),
        ("jmespath:data[0].id", []),
        ("jmespath:pages.next", ["http://api.example/v1/works?page=3&x=1"]),
        (
            {"jmespath": "data[].id", "format": "/work/{}"},
            ["http://api.example/work/7", "http://api.example/work/b/8%20c%20d"],
        ),
        (
            {"jmespath": "data[].id", "format": "/work/{}/x?id={}"},
            ["http://api.example/work/7/x?id=7",
             "http://api.example/work/b%2F8%20c%20d/x?id=b%2F8%20c%20d"],
        ),
        (
            {"jmespath": "data[1].[id, title]", "regex": "^.", "join": "-", "format": "?q={}"},
            ["http://api.example/v1/works?q=b-a"],
        ),
        ({"jmespath": "data[].makers[].name", "regex": "A"}, ["http://api.example/v1/A"]),
    ],
)  # fmt: skip
def test_links_of_json(written: str | dict[str, object], expected: list[str]) -> None:
    assert [url for url, _ in Source(written).links(DATA)] == expected


@pytest.mark.parametrize(
    ("written", "values", "links"),
    [
        ("jsonld:name", ["Tide"], None),
        ("jsonld:artMedium", [], None),  # said of another work only
        ("jsonld:creator", ["Ann"], ["http://museum.example/p/1"]),
        ("jsonld:width", ["20 cm"], []),
        ("jsonld:image", [], ["http://museum.example/i/1.jpg"]),
        ("jsonld:Painting.name", ["Elsewhere"], None),
        ("jsonld:WebPage.mainEntity.creator.name", ["Ann"], None),
        ("jsonld:Painting[].url", ["/w/2"], ["http://museum.example/w/2"]),
        ("jsonld:Person[?name=='Ann'].@id | [0]", ["#p"], []),
        ("jsonld:Person", ["Ann"], ["http://museum.example/p/1"]),
        ("jsonld:Person[?url!='@id'].name", ["Ann"], None),
        ("jsonld:@type", ["VisualArtwork"], None),
        ("microdata:name", ["Low <b> tide"], None),
        ("microdata:Drawing[].name", ["Low <b> tide"], None),
        ("microdata:author", ["Bo"], ["http://museum.example/p/2"]),
        ("opengraph:title", ["Tide | Museum"], None),
        ("opengraph:og:title", ["Tide | Museum"], None),
        ("opengraph:description", ["d"], None),
        ("opengraph:og:description", [], []),
        ("opengraph:image", ["/a.jpg"], ["http://museum.example/a.jpg"]),
        ("jmespath:name", [], []),
    ],
)
def test_what_a_page_describes(written: str, values: list[str], links: list[str] | None) -> None:
    source = Source(written)
    assert [match.text for match in source.matches(THINGS)] == values
    if links is not None:
        assert [url for url, _ in source.links(THINGS)] == links


def test_sources_within_a_json_value() -> None:
    first, second, third = Source("jmespath:data").nodes(DATA)

    def within(written: str, node: object) -> list[str]:
        return [match.text for match in Source(written).matches(DATA, node)]

    assert within("jmespath:id", first) == ["7"]
    assert within("jmespath:id", second) == ["b/8 c%20d"]
    assert within("jmespath:id", third) == []
    assert within("value:x", first) == ["x"]
    assert within("css:p", first) == within("xpath:.//p", first) == []
    [person] = Source("jsonld:creator").nodes(THINGS)
    assert within("jsonld:name", person) == within("microdata:name", person) == ["Ann"]
    assert within("jsonld:Person.name", person) == within("jsonld:Person[].name", person) == ["Ann"]
    assert within("jsonld:Painting.name", person) == []
    assert within("jsonld:@", "just words") == ["just words"]


def test_json_sources_find_nothing_within_an_element() -> None:
    [body] = Source("css:body").nodes(THINGS)
    for written in ("jmespath:name", "jsonld:name", "microdata:name", "iiif:label"):
        assert Source(written).matches(THINGS, body) == []


def test_iiif_images_are_nodes() -> None:
    manifest = {
        "@context": "http://iiif.io/api/presentation/3/context.json",
        "type": "Manifest",
        "id": "http://iiif.example/m",
        "label": {"en": ["Low <i>Tide</i>"]},
        "items": [{"type": "Canvas", "items": [{"type": "AnnotationPage", "items": [{
            "type": "Annotation", "motivation": "painting",
            "body": {"type": "Image", "id": "http://iiif.example/a.jpg", "format": "image/jpeg"},
        }]}]}],
    }  # fmt: skip
    page = Page("http://iiif.example/m", json.dumps(manifest), "application/ld+json")
    assert [match.text for match in Source("iiif:label").matches(page)] == ["Low Tide"]
    [image] = Source("iiif:images").nodes(page)
    assert [url for url, _ in Source("iiif:url").links(page, image)] == [
        "http://iiif.example/a.jpg"
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("jmespath:data[0].id == `7`", True),
        ("jmespath:data[0].id == `8`", False),
        ("jmespath:data", True),
        ("jmespath:absent", False),
        ("jmespath:data[?absent]", False),
    ],
)
def test_found_is_what_jmespath_takes_for_true(written: str, expected: bool) -> None:
    assert Source(written).found(DATA) is expected


def test_what_cannot_be_looked_for_within_each() -> None:
    for written in ("opengraph:title", "regex:x", "xpath://h1"):
        assert Source(written).reads_page_only
    for written in ("jsonld:name", "jmespath:name", "iiif:url", "microdata:name", "css:h1"):
        assert not Source(written).reads_page_only


KINDS_OF_JSON = ("jmespath:name", "jmespath:[].a[]", "jsonld:name", "jsonld:Painting[].creator",
                 "microdata:name", "opengraph:title", "iiif:label", "iiif:images")  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(
                ["@id", "@type", "@graph", "@value", "@list", "name", "creator", "a", "url"]
            )
            | st.text(max_size=3),
            inner | st.sampled_from(["Painting", "#1", "schema:VisualArtwork"]),
            max_size=6,
        )
    ),
)


def read_everything(page: Page) -> None:
    for written in KINDS_OF_JSON:
        source = Source(written)
        for match in source.matches(page):
            assert match.text.strip() == match.text != ""
            match.text.encode()
        for url, match in source.links(page):
            assert url.startswith("http")
            assert isinstance(match.words, str)
        for node in source.nodes(page):
            assert node is not None
            Source("jsonld:@").matches(page, node)
        Source({written.partition(":")[0]: source.expression, "format": "/x/{}"}).links(page)
        source.found(page)


@given(JSON)
def test_any_json_is_read(data: object) -> None:
    body = json.dumps(data)
    read_everything(Page("http://h.example/", body, "application/json"))
    read_everything(
        Page("http://h.example/", f'<script type="application/ld+json">{body}</script>')
    )


@given(st.text(st.characters()), st.sampled_from(["text/html", "application/json"]))
def test_any_text_is_read(body: str, content_type: str) -> None:
    read_everything(Page("http://h.example/", body, content_type))
    with contextlib.suppress(SourceError):
        read_source = Source(f"jsonld:{body}")
        read_source.matches(THINGS)
