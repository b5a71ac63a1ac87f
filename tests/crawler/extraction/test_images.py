from __future__ import annotations

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction.images import (
    Candidate,
    css_images,
    element_candidates,
    parse_srcset,
    text_candidates,
)


def offered(body: str, path: str = "./*[1]") -> tuple[str, ...]:
    [element] = lxml.html.fragment_fromstring(body, create_parent="main").xpath(path)
    return element_candidates(element)


@pytest.mark.parametrize(
    ("written", "entries"),
    [
        ("a.jpg", [("a.jpg", None, None)]),
        ("a.jpg 1x, b.jpg 2.5x", [("a.jpg", None, 1.0), ("b.jpg", None, 2.5)]),
        (" a.jpg\n 640w ,\tb.jpg 1280w", [("a.jpg", 640, None), ("b.jpg", 1280, None)]),
        # A comma within an address belongs to it, one at its end ends the entry.
        ("/w,300/a.jpg 300w, /w,600/a.jpg 600w", [("/w,300/a.jpg", 300, None),
                                                   ("/w,600/a.jpg", 600, None)]),
        ("a.jpg,b.jpg 2x", [("a.jpg,b.jpg", None, 2.0)]),
        ("a.jpg, b.jpg 2x", [("a.jpg", None, None), ("b.jpg", None, 2.0)]),
        ("a.jpg,, ,b.jpg", [("a.jpg", None, None), ("b.jpg", None, None)]),
        ("a.jpg 640w 480h", [("a.jpg", 640, None)]),
        # Wrong descriptors drop the entry, parentheses may hold commas.
        ("a.jpg 2q, b.jpg 1x 2x, c.jpg -1x, d.jpg 3x", [("d.jpg", None, 3.0)]),
        ("a.jpg (x, y) 2x, b.jpg 1x", [("b.jpg", None, 1.0)]),
        ("", []),
        (" , ", []),
    ],
)  # fmt: skip
def test_a_srcset_is_read_as_browsers_read_it(
    written: str, entries: list[tuple[str, int | None, float | None]]
) -> None:
    assert parse_srcset(written) == [Candidate(*entry) for entry in entries]


addresses = st.from_regex(r"[a-z/][a-z,/._-]{0,20}[a-z]", fullmatch=True)


@given(st.dictionaries(addresses, st.integers(1, 10**6), min_size=1, max_size=8))
def test_the_widest_of_a_srcset_comes_first(widths: dict[str, int]) -> None:
    written = ", ".join(f"{url} {width}w" for url, width in widths.items())
    found = text_candidates(written)
    assert set(found) == set(widths)
    assert [widths[url] for url in found] == sorted(widths.values(), reverse=True)


@pytest.mark.parametrize(
    ("body", "urls"),
    [
        ('<img src="a.jpg">', ["a.jpg"]),
        ('<img src="a.jpg" srcset="b.jpg 2x, c.jpg 3x">', ["c.jpg", "b.jpg", "a.jpg"]),
        ('<img src="a.jpg" srcset="" data-srcset="b.jpg 99w">', ["b.jpg", "a.jpg"]),
        ('<img src="blank.gif" data-src="a.jpg">', ["a.jpg"]),
        ('<img src="/img/1x1.png?v=2" data-lazy-src="a.jpg">', ["a.jpg"]),
        ('<img src="blank.gif">', ["blank.gif"]),
        ('<img src="data:image/gif;base64,R0lGO" data-original="a.jpg">', ["a.jpg"]),
        ('<img src="data:image/gif;base64,R0lGO">', []),
        (
            '<img src="a.jpg" data-zoom-image="z.jpg" srcset="b.jpg 2x">',
            ["z.jpg", "b.jpg", "a.jpg"],
        ),
        # What scripts keep in their attributes need not be an address.
        ('<img src="a.jpg" data-full="true" data-zoom="2.5" data-image="{}/">', ["a.jpg"]),
        ('<img data-src="b.jpg 1x, c.jpg 2x">', ["c.jpg", "b.jpg"]),
        ('<div style="background-image:url(a.jpg)"><img src="b.jpg"></div>', ["a.jpg"]),
        ('<figure><p></p><img src="a.jpg"></figure>', ["a.jpg"]),
        ('<figure><div style="background:url(a.jpg)"></div></figure>', ["a.jpg"]),
        ('<a href="/big.jpg?x=1"><img src="a.jpg"></a>', ["/big.jpg?x=1"]),
        ('<a href="/view/7"><img src="a.jpg"></a>', ["/view/7", "a.jpg"]),
        ('<source srcset="a.webp 1x, b.webp 2x">', ["b.webp", "a.webp"]),
        ('<meta content="a.jpg">', ["a.jpg"]),
        ("<p>no image</p>", []),
    ],
)
def test_what_an_element_offers_best_first(body: str, urls: list[str]) -> None:
    assert offered(body) == tuple(urls)


PICTURE = """<picture>
    <source srcset="s.avif 400w, l.avif 2000w" type="image/avif">
    <source srcset="x.webp 3000w" type="image/webp">
    <img src="blank.gif" srcset="l.jpg 2000w" data-src="m.jpg">
</picture>"""


@pytest.mark.parametrize("path", ["./picture", ".//img"])
def test_a_picture_offers_what_its_sources_do(path: str) -> None:
    # Of equal widths the img's own comes first.
    assert offered(PICTURE, path) == ("x.webp", "l.jpg", "l.avif", "s.avif", "m.jpg")


def test_a_source_that_is_selected_offers_its_own() -> None:
    assert offered(PICTURE, ".//source[@type='image/avif']") == ("l.avif", "s.avif")


@pytest.mark.parametrize(
    ("style", "urls"),
    [
        ("background-image: url(a.jpg)", ["a.jpg"]),
        ("background:#fff url( 'a b.jpg' ) no-repeat", ["a b.jpg"]),
        ('color: red; BACKGROUND: URL("a;b.jpg"); cursor: url(c.png)', ["a;b.jpg"]),
        ("background: url(a\\(1\\).jpg), url(b.jpg)", ["a(1).jpg", "b.jpg"]),
        ('background: url("\\61 .jpg")', ["a.jpg"]),
        ("background: linear-gradient(to top, #000, rgba(0,0,0,.5)), url(a.jpg)", ["a.jpg"]),
        (
            'background-image: image-set("a.jpg" 1x, url(c.jpg) 3x, "b.jpg" 192dpi)',
            ["c.jpg", "b.jpg", "a.jpg"],
        ),
        (
            "background: -webkit-image-set(url(a) 1x type('image/webp'), url(b) 2x), url(c)",
            ["b", "a", "c"],
        ),
        ("--picture: url(a.jpg); filter: url(#blur)", ["a.jpg"]),
        ("background: url(a b.jpg), url(c.jpg)", ["c.jpg"]),
        ("/* url(c.jpg) */ background: url(b.jpg)", ["b.jpg"]),
        ("background: url(a.jpg", ["a.jpg"]),
        ("background: none", []),
        ("url(a.jpg)", ["a.jpg"]),
    ],
)
def test_images_of_a_style(style: str, urls: list[str]) -> None:
    assert css_images(style) == urls


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("http://x/a,b c.jpg", ["http://x/a,b c.jpg"]),
        ("a.jpg 1x, b.jpg 2x", ["b.jpg", "a.jpg"]),
        ("background-image:url('a.jpg')", ["a.jpg"]),
        ("url(data:image/png;base64,AA==), url(a.jpg)", ["a.jpg"]),
        ("", []),
    ],
)
def test_a_value_may_be_an_address_a_srcset_or_css(text: str, urls: list[str]) -> None:
    assert text_candidates(text) == tuple(urls)


hostile = st.text(st.sampled_from("url(image-set)\"'\\,; :1x2wa/*")) | st.text()


@given(hostile)
def test_any_text_gives_addresses_without_white_space_around(text: str) -> None:
    for url in text_candidates(text):
        assert url
        assert url == url.strip()
        assert not url.lower().startswith("data:")


@given(hostile, hostile, hostile)
def test_any_attributes_give_each_address_once(src: str, srcset: str, style: str) -> None:
    element = lxml.html.Element("img")
    for name, value in {"src": src, "srcset": srcset, "style": style, "data-src": src}.items():
        element.set(name, "".join(one for one in value if one.isprintable()))
    found = element_candidates(element)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("piece", ['url("', "url(", "image-set(", "/*", "\\", "a, ", "(", "--a:"])
def test_long_nonsense_is_read_in_one_go(piece: str) -> None:
    # Read anew from each of its pieces, a text of this length would take hours.
    text_candidates(piece * 100_000)
    css_images(piece * 100_000)
    parse_srcset(piece * 100_000)
