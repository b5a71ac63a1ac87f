"""The text of HTML as a reader sees it."""

from __future__ import annotations

import html
import re
from typing import Any

import lxml.html  # type: ignore[import-untyped]
from lxml import etree

from crawler.extraction.text import MAX_DESCRIPTION, clean_text

# Nested elements repeat each other's text: this bounds the work on a page that is made to hurt.
MAX_ELEMENT_TEXT = 4 * MAX_DESCRIPTION

_INLINE = frozenset(
    {
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "dfn", "em"),
        *("font", "i", "ins", "kbd", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span"),
        *("strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"),
    }
)
_BLOCK = (
    *("article", "blockquote", "br", "caption", "dd", "div", "dl", "dt", "figcaption", "figure"),
    *("h[1-6]", "hr", "img", "li", "ol", "p", "pre", "script", "section", "style", "table"),
    *("tbody", "td", "th", "thead", "tr", "ul"),
)
_INVISIBLE = frozenset({"script", "style", "noscript", "template"})

# "a < b" and "<untitled>" are no markup: only what HTML knows is taken for it.
_TAG = re.compile(rf"</?(?:{'|'.join((*sorted(_INLINE), *_BLOCK))})(?:\s[^<>]*)?/?>", re.I)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-zA-Z]\w{1,30});")


def element_text(element: Any) -> str:
    """Return the text of an element; words in different blocks stay apart."""
    if len(element) == 0:
        return element.text or ""
    pieces: list[str] = []
    length = 0
    # Walked, not recursed into: pages may be nested deeper than Python's stack.
    walk = etree.iterwalk(element, events=("start", "end", "comment", "pi"))
    for event, node in walk:
        if event == "start":
            if node.tag in _INVISIBLE:
                walk.skip_subtree()
                continue
            text = node.text
        else:
            text = node.tail if node is not element else None
        if event != "comment" and node.tag not in _INLINE:
            pieces.append(" ")
        if text:
            pieces.append(text)
            length += len(text)
            if length > MAX_ELEMENT_TEXT:
                break
    return "".join(pieces)


def plain_text(written: str) -> str:
    """Return a string that may hold HTML, as those of APIs often do, as one line of text.

    Example:
        >>> plain_text("<p>Oil &amp; tempera</p><p>on <i>panel</i></p>"), plain_text("a < b")
        ('Oil & tempera on panel', 'a < b')
    """
    if "<" not in written and "&" not in written:
        return clean_text(written, MAX_DESCRIPTION)
    text = clean_text(written, MAX_ELEMENT_TEXT)
    if _TAG.search(text):
        text = element_text(lxml.html.document_fromstring(f"<div>{text}</div>"))
    else:
        text = unescaped(text)
    return clean_text(text, MAX_DESCRIPTION)


def unescaped(written: str) -> str:
    """Decode entities, only those that end as they should: "?a=1&copy=2" stays what it is."""
    return _ENTITY.sub(lambda match: html.unescape(match[0]), written)
