"""Expressions evaluated part by part give what libxml2 gives for the whole."""

from __future__ import annotations

from typing import Any

import pytest
from cssselect import HTMLTranslator
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree  # type: ignore[import-untyped]

from crawler.extraction import Page, paths
from crawler.extraction.paths import _parts, compile_path

NAMESPACES = {"re": "http://exslt.org/regular-expressions"}


def whole(expression: str, element: Any) -> Any:
    return etree.XPath(expression, namespaces=NAMESPACES, regexp=True)(element)


def by_parts(expression: str, element: Any) -> Any:
    return compile_path(expression, NAMESPACES, regexp=True)(element)


def located(found: Any) -> Any:
    """Where each element or string of a result is; other values as they are."""
    if not isinstance(found, list):
        return repr(found)
    return [
        item if not isinstance(item, str) else (str(item), item.getparent())  # type: ignore[attr-defined]
        for item in found
    ]


NAMES = st.sampled_from(["table", "div", "a", "*", "b"])
PREDICATES = st.sampled_from(
    [
        *("", "", "[@href]", "[@class='x']", "[contains(@href, '1')]", "[not(@id)]", "[.//b='1']"),
        *("[1]", "[last()]", "[position() < 3]", "[count(b)]", "[b]", "[@href and b]", "[a//b]"),
        *("[re:test(@href, '[12]')]", "[@class='a//b']", "[@href][2]", "[string-length(@class)]"),
    ]
)  # fmt: skip
STEPS = st.builds(str.__add__, NAMES, PREDICATES)
ENDS = st.sampled_from(["", "/@href", "/text()", "//text()", "//@class", "/..", "//."])
AXES = st.sampled_from(["//", "//", "/", "/descendant::", "/following-sibling::"])
HEADS = st.sampled_from(["//", ".//", "descendant-or-self::", ""])
EXPRESSIONS = st.builds(
    lambda head, first, others, end: f"{head}{first}{''.join(a + s for a, s in others)}{end}",
    HEADS,
    STEPS,
    st.lists(st.tuples(AXES, STEPS), max_size=3),
    ENDS,
) | st.lists(st.sampled_from("a b//[]()@'\"|.*=1"), max_size=9).map("".join)

TREES = st.recursive(
    st.sampled_from(["<b>1</b>", "text", "<a href='1'>2</a>", "<b class='x'/>", "<a href='2'/>"]),
    lambda inner: st.builds(
        lambda tag, attributes, parts: f"<{tag}{attributes}>{''.join(parts)}</{tag}>",
        st.sampled_from(["table", "div", "a", "b"]),
        st.sampled_from(["", " class='x'", " class='a//b'", " id='1'", " href='12'"]),
        st.lists(inner, max_size=4),
    ),
    max_leaves=25,
)


@given(TREES, EXPRESSIONS, st.sampled_from([1_000, 0]))
def test_parts_give_what_the_whole_gives(tree: str, expression: str, few: int) -> None:
    root = etree.fromstring(f"<html>{tree}</html>")
    for element in (root, *root.xpath("//div")[:1]):
        try:
            expected = whole(expression, element)
        except etree.XPathError:
            with pytest.raises(etree.XPathError):
                by_parts(expression, element)
            return
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(paths, "FEW", few)
            assert located(by_parts(expression, element)) == located(expected)


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("//table[@id='hits']//a[contains(@href, 'x')]/@href", 2),
        ("//ul//li[@class = 'a//b']//text()", 3),
        (".//li//a", 2),
        (HTMLTranslator().css_to_xpath("div.x a[href]"), 2),
        (HTMLTranslator().css_to_xpath("ul li:nth-child(2) a.b"), 3),
        ("//div[2]//a", 2),
        ("//div//a[1]", 1),
        ("//div//a[last()]", 1),
        ("//div//a[count(b)]", 1),
        ("//a | //b//c", 1),
        ("(//a//b)[1]", 1),
        ("count(//a//b)", 1),
        ("//a//b/..", 1),
        ("//a/following-sibling::p//b", 1),
        ("//a", 1),
        ("//a[", 1),
    ],
)
def test_what_is_taken_apart(expression: str, parts: int) -> None:
    assert len(_parts(expression)) == parts


def test_elements_within_elements_are_looked_at_once() -> None:
    """libxml2 alone takes minutes for it."""
    body = "<table class=x><tr><td><p>" + "<a href=1>x</a>" * 20
    root = Page("http://museum.example/", "<html><body>" + body * 600).root
    for expression in ("//table//a[contains(@href, '1')]", "//*//*//a[@href]/@href"):
        assert len(by_parts(expression, root)) == 12_000
