r"""Sources: where on a page a value is found, written as one string or table in a site profile.

| written | value |
|---|---|
| `"css:h1.title"` | text of the elements |
| `"css:a::attr(href)"`, `"css:p::text"` | an attribute; the element's own text nodes |
| `"xpath://h1"`, `"xpath://a/@href"` | text of the elements; an attribute |
| `"regex:No\. (\d+)"` | group 1 (or all) of each match in the page's HTML, entities decoded |
| `"url:/work/([^/?]+)"` | group 1 (or all) of the match in the page's address |
| `"value:The museum"` | these words themselves |

A string without a prefix is CSS. A table takes one of `css`, `xpath`, `url`, `value`, and refines
what it gives: `regex` (group 1, or all, of the first match; values without a match are dropped),
`split` (at these characters, into several values), `join` (all values become one, these characters
between). A list of sources is tried in order, the first that gives anything wins.

Text is that of the element with everything in it, white space collapsed; `<br>` and blocks
separate words, scripts and styles are left out.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cssselect import SelectorError
from lxml import etree  # type: ignore[import-untyped]
from parsel.csstranslator import HTMLTranslator

from crawler.extraction.text import MAX_DESCRIPTION, clean_text

if TYPE_CHECKING:
    from crawler.extraction.page import Element, Page

KINDS: tuple[str, ...] = ("css", "xpath", "regex", "url", "value")
RESERVED_KINDS: tuple[str, ...] = ("jmespath", "jsonld", "opengraph", "microdata", "iiif")
TABLE_KEYS = (*KINDS, "split", "join")
MAX_MATCHES = 5_000
# Nested elements repeat each other's text: these bound the work on a page that is made to hurt.
MAX_ELEMENT_TEXT = 4 * MAX_DESCRIPTION
MAX_TEXT_READ = 2_000_000

_NAMESPACES = {"re": "http://exslt.org/regular-expressions", "set": "http://exslt.org/sets"}
_EMPTY_PAGE = etree.fromstring("<html/>")
_PREFIX = re.compile(r"\s*([a-z]{2,10}):(?!:)\s*(.*)", re.S)
_LINK_ATTRIBUTES = ("href", "src", "content", "data-src", "value")

_INLINE = frozenset(
    {
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "dfn", "em"),
        *("font", "i", "ins", "kbd", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span"),
        *("strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"),
    }
)
_INVISIBLE = frozenset({"script", "style", "noscript", "template"})


class SourceError(ValueError):
    """A source is written wrongly; the message quotes it and says what would be right."""


@dataclass(frozen=True, slots=True)
class Match:
    """One value that a source gave, and the element it came from."""

    text: str
    element: Element | None = None

    @property
    def link(self) -> str | None:
        """What the element links to: its `href`, `src` or `content`."""
        if self.element is None:
            return None
        for name in _LINK_ATTRIBUTES:
            if value := self.element.get(name):
                return str(value)
        return None

    @property
    def words(self) -> str:
        """The text of the element, also where only an attribute of it was selected."""
        return self.text if self.element is None else clean_text(element_text(self.element))


class Source:
    """One compiled source. Equal if written the same."""

    __slots__ = ("_evaluate", "_join", "_refine", "_split", "expression", "kind", "written")

    def __init__(self, written: str | Mapping[str, object]) -> None:
        kind, expression, table = _parsed(written)
        self.written: str = written.strip() if isinstance(written, str) else _table_text(table)
        self.kind = kind
        self.expression = expression
        self._refine = (
            _compiled_regex(table["regex"]) if kind != "regex" and "regex" in table else None
        )
        self._split = table.get("split")
        self._join = table.get("join")
        self._evaluate: Callable[[Page, Element | None], Iterator[Match]]
        if kind == "css":
            self._evaluate = _paths(_css_to_xpath(expression), expression, kind)
        elif kind == "xpath":
            self._evaluate = _paths(expression, expression, kind)
        elif kind == "regex":
            self._evaluate = _page_regex(_compiled_regex(expression))
        elif kind == "url":
            self._evaluate = _url_regex(_compiled_regex(expression))
        else:
            constant = Match(clean_text(expression))
            self._evaluate = lambda page, node: iter((constant,))

    def __repr__(self) -> str:
        return f"Source({self.written!r})"

    def __str__(self) -> str:
        return self.written

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Source) and other.written == self.written

    def __hash__(self) -> int:
        return hash(self.written)

    @property
    def reads_page_only(self) -> bool:
        """Whether it cannot be used inside `each`: it would give the same for every element."""
        return self.kind == "regex" or (self.kind == "xpath" and self.expression.startswith("/"))

    def matches(self, page: Page, node: Element | None = None) -> list[Match]:
        """Return the non-empty values in page order; within `node` if one is given."""
        found: list[Match] = []
        for match in self._evaluate(page, node):
            if self._refine is None and self._split is None:
                if match.text:
                    found.append(match)
            else:
                found.extend(self._refined(match))
            if len(found) >= MAX_MATCHES:
                break
        if self._join is not None and len(found) > 1:
            texts = self._join.join(match.text for match in found)
            return [Match(clean_text(texts, MAX_DESCRIPTION), found[0].element)]
        return found

    def found(self, page: Page) -> bool:
        """Whether it selects anything on the page, even an element without text."""
        return next(self._evaluate(page, None), None) is not None

    def elements(self, page: Page, node: Element | None = None) -> list[Element]:
        """Return the elements that were selected, those with no text included."""
        found = [match.element for match in self._evaluate(page, node)]
        return [element for element in found[:MAX_MATCHES] if element is not None]

    def links(self, page: Page, node: Element | None = None) -> list[tuple[str, Match]]:
        """Return absolute addresses with their match.

        A source that selects elements (`css:a.work`) means what they link to: `href` or `src`.
        """
        found: list[tuple[str, Match]] = []
        for match in self._evaluate(page, node):
            selects_element = self.kind in ("css", "xpath") and isinstance(match, _ElementMatch)
            written = match.link if selects_element else match.text
            if self._refine is not None and written is not None:
                refined = self._refine.search(written)
                written = _group(refined) if refined else None
            url = page.absolute(written) if written else None
            if url is not None:
                found.append((url, match))
                if len(found) >= MAX_MATCHES:
                    break
        return found

    def _refined(self, match: Match) -> Iterator[Match]:
        text = match.text
        if self._refine is not None:
            refined = self._refine.search(text)
            if refined is None:
                return
            text = clean_text(_group(refined), MAX_DESCRIPTION)
        for piece in text.split(self._split) if self._split else (text,):
            if piece := piece.strip():
                yield Match(piece, match.element)


@dataclass(frozen=True, slots=True)
class _ElementMatch(Match):
    """A match that is an element as a whole, not an attribute or text node of it."""


def parse_sources(written: object) -> tuple[Source, ...]:
    """Compile a string, a table, or a list of them.

    Raises:
        SourceError: one of them is wrong.
    """
    if isinstance(written, tuple) and all(isinstance(source, Source) for source in written):
        return written
    items = written if isinstance(written, list) else [written]
    sources = []
    for item in items:
        if isinstance(item, Source):
            sources.append(item)
        elif isinstance(item, str | dict):
            sources.append(Source(item))
        else:
            raise SourceError(
                f'a source is a string such as "css:h1", a table or a list of them, not {item!r}'
            )
    if not sources:
        raise SourceError("an empty list gives nothing; leave the key out instead")
    return tuple(sources)


def _parsed(written: str | Mapping[str, object]) -> tuple[str, str, dict[str, str]]:
    """Return kind, expression, and the whole table."""
    if isinstance(written, str):
        kind, expression = "css", written.strip()
        match = _PREFIX.fullmatch(written)
        if match and match[1] in RESERVED_KINDS:
            raise SourceError(
                f"{written!r}: {match[1]!r} sources are not available yet; use {_listed(KINDS)}"
            )
        if match and match[1] in KINDS:
            kind, expression = match[1], match[2].strip()
        elif match and not _is_css_pseudo(written):
            raise SourceError(f"{written!r}: unknown kind {match[1]!r}; use {_listed(KINDS)}")
        table = {kind: expression}
    else:
        table = {}
        for key, value in written.items():
            if key not in TABLE_KEYS:
                raise SourceError(
                    f"unknown key {key!r} in a source; it takes {_listed(TABLE_KEYS)}"
                )
            if not isinstance(value, str):
                raise SourceError(f"{key!r} in a source must be a string, not {value!r}")
            table[key] = value
        kinds: list[str] = [key for key in ("css", "xpath", "url", "value") if key in table]
        if not kinds and "regex" in table:
            kinds = ["regex"]
        if len(kinds) != 1:
            raise SourceError(
                f"a source in table form takes exactly one of {_listed(KINDS)},"
                f" not {_listed(kinds) if kinds else 'none'}"
            )
        kind, expression = kinds[0], table[kinds[0]].strip()
        if table.get("split") == "":
            raise SourceError("'split' must not be empty")
    if not expression:
        raise SourceError(f"the {kind} expression is empty")
    return kind, expression, table


def _is_css_pseudo(written: str) -> bool:
    """Tell "p:first-child" and "a:has(b)" from a mistyped prefix such as "ccs:h1"."""
    try:
        HTMLTranslator().css_to_xpath(written)
    except (SelectorError, ValueError):
        return False
    return True


def _table_text(table: Mapping[str, str]) -> str:
    """Return the table as TOML writes it, keys in one order."""
    pairs = ((key, table[key]) for key in TABLE_KEYS if key in table)
    return "{ " + ", ".join(f"{key} = {_quoted(value)}" for key, value in pairs) + " }"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if "'" in text or "\n" in text else f"'{text}'"


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _css_to_xpath(expression: str) -> str:
    try:
        return str(HTMLTranslator().css_to_xpath(expression))
    except (SelectorError, ValueError) as error:
        raise SourceError(f"invalid CSS {expression!r}: {error}") from error


def check_css(expression: str) -> str:
    """Return a plain CSS selector, for the browser, without its optional `css:` prefix."""
    plain = expression.removeprefix("css:").strip()
    if plain.startswith("xpath:") or "::" in plain:
        raise SourceError(f"{expression!r}: the browser needs a CSS selector of an element")
    _css_to_xpath(plain)
    return plain


def _compiled_regex(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression, re.S)
    except re.error as error:
        raise SourceError(f"invalid regular expression {expression!r}: {error}") from error


@lru_cache(maxsize=1_024)
def _compiled_xpath(expression: str) -> Any:  # lxml's XPath is untyped
    return etree.XPath(expression, namespaces=_NAMESPACES)


def _paths(
    xpath: str, expression: str, kind: str
) -> Callable[[Page, Element | None], Iterator[Match]]:
    try:
        compiled = _compiled_xpath(xpath)
        compiled(_EMPTY_PAGE)  # unknown functions and prefixes show only now
    except etree.XPathError as error:
        raise SourceError(f"invalid {kind} expression {expression!r}: {error}") from error

    def evaluate(page: Page, node: Element | None) -> Iterator[Match]:
        result: Any = compiled(page.root if node is None else node)
        if not isinstance(result, list):
            if isinstance(result, float) and result.is_integer():
                result = int(result)
            yield Match(clean_text(str(result), MAX_DESCRIPTION))
            return
        read = 0
        for item in result:
            if isinstance(item, etree._Element):
                text = element_text(item)
                yield _ElementMatch(clean_text(text, MAX_DESCRIPTION), item)
                read += len(text)
                if read > MAX_TEXT_READ:
                    return
            elif hasattr(item, "getparent"):  # an attribute or text node
                yield Match(clean_text(item, MAX_DESCRIPTION), item.getparent())

    return evaluate


def _page_regex(
    pattern: re.Pattern[str],
) -> Callable[[Page, Element | None], Iterator[Match]]:
    def evaluate(page: Page, node: Element | None) -> Iterator[Match]:
        for match in pattern.finditer(page.body):
            yield Match(clean_text(html.unescape(_group(match)), MAX_DESCRIPTION))

    return evaluate


def _url_regex(
    pattern: re.Pattern[str],
) -> Callable[[Page, Element | None], Iterator[Match]]:
    def evaluate(page: Page, node: Element | None) -> Iterator[Match]:
        match = pattern.search(page.url)
        if match:
            yield Match(clean_text(_group(match)))

    return evaluate


def _group(match: re.Match[str]) -> str:
    return (match[1] if match.re.groups else match[0]) or ""


def element_text(element: Element) -> str:
    """Return the text of an element as a reader sees it; words in different blocks stay apart."""
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
