r"""Sources: where on a page a value is found, written as one string or table in a site profile.

| written | value |
|---|---|
| `"css:h1.title"` | text of the elements |
| `"css:a::attr(href)"`, `"css:p::text"` | an attribute; the element's own text nodes |
| `"xpath://h1"`, `"xpath://a/@href"` | text of the elements; an attribute |
| `"regex:No\. (\d+)"` | group 1 (or all) of each match in the page's HTML, entities decoded |
| `"url:/work/([^/?]+)"` | group 1 (or all) of the match in the page's address |
| `"value:The museum"` | these words themselves |
| `"jmespath:data[].title"` | JMESPath on a page that is JSON |
| `"jsonld:VisualArtwork.name"` | JMESPath on the first thing of that type in the page's JSON-LD |
| `"jsonld:VisualArtwork[].url"` | JMESPath on the list of all things of that type |
| `"jsonld:name"` | JMESPath on the work that the page is about, of whatever type |
| `"microdata:Painting.name"` | the same three forms, on the page's microdata |
| `"opengraph:title"` | content of `<meta property="og:title">`, or of `title` without `og:` |
| `"iiif:metadata.Artist\|Maker"` | part of a IIIF manifest or collection: `extraction/iiif.py` |

A string without a prefix is CSS. A table takes one of `css`, `xpath`, `url`, `value`, `jmespath`,
`jsonld`, `microdata`, `opengraph`, `iiif` (or `regex` alone), and refines what it gives, in this
order:

| key | what it does |
|---|---|
| `regex` | keeps group 1 (or all) of the first match; values without a match are dropped |
| `split` | cuts at these characters, into several values |
| `join` | makes one value of all, with these characters between |
| `format` | puts the value in place of `{}`: `{ jmespath = "data[].id", format = "/work/{}" }` |

In a `format` that is an address (it begins with `http://`, `https://`, `/` or `?`), the value is
percent-encoded; its slashes are kept only where `{}` ends the path. A list of sources is tried in
order, the first that gives anything wins.

**Text** of an element is that of everything in it, white space collapsed; `<br>` and blocks
separate words, scripts and styles are left out. JSON strings that hold HTML give its text. Numbers
are text, truth values and null are nothing, a list is several values. An object is its `@value`,
`name` or `title`; a property or quantity is its `value`, with its unit.

**Links**: an element means its `href` or `src`; an object its `url`, `contentUrl`, `item`, `@id` or
`id`. A number is a link only with `format`.

**Within `each`**, css and xpath are looked for in the element, and give nothing in a JSON value;
jmespath, jsonld, microdata and iiif are evaluated on the JSON value, and give nothing in an
element. There a type only checks: `jsonld:Person.name` gives nothing unless the value is a Person.
A truth value is enough for `match`: `"jmespath:kind == 'painting'"`.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cssselect import SelectorError
from lxml import etree  # type: ignore[import-untyped]
from parsel.csstranslator import HTMLTranslator

from crawler.extraction.jmes import compile_jmespath
from crawler.extraction.markup import element_text, plain_text
from crawler.extraction.opengraph import property_names
from crawler.extraction.paths import Evaluate, compile_path
from crawler.extraction.queries import Query, parse_query
from crawler.extraction.text import MAX_DESCRIPTION, clean_text, without_surrogates
from crawler.extraction.values import flat_values, is_true, literal_text, value_link, value_text

if TYPE_CHECKING:
    from crawler.extraction.page import Element, Page

JSON_KINDS: tuple[str, ...] = ("jmespath", "jsonld", "microdata", "iiif")
KINDS: tuple[str, ...] = ("css", "xpath", "url", "value", *JSON_KINDS, "opengraph", "regex")
TABLE_KEYS = (*KINDS, "split", "join", "format")
MAX_MATCHES = 5_000
# Nested elements repeat each other's text: this bounds the work on a page that is made to hurt.
MAX_TEXT_READ = 2_000_000

Node = object
"""What `each` gives: an element, or a JSON value other than null."""

_NAMESPACES = {"re": "http://exslt.org/regular-expressions", "set": "http://exslt.org/sets"}
_EMPTY_PAGE = etree.fromstring("<html/>")
_PREFIX = re.compile(r"\s*([a-z]{2,10}):(?!:)\s*(.*)", re.S)
_LINK_ATTRIBUTES = ("href", "src", "content", "data-src", "value")

_ADDRESS = re.compile(r"https?://|[/?]")
_ENCODED = re.compile(r"%(?![\da-fA-F]{2})")


class SourceError(ValueError):
    """A source is written wrongly; the message quotes it and says what would be right."""


class Match:
    """One value that a source gave, and the element or the JSON value that it came from."""

    __slots__ = ("_text", "element", "value")

    def __init__(self, text: str, element: Element | None = None, value: object = None) -> None:
        self._text: str | None = text
        self.element = element
        self.value = value

    @property
    def text(self) -> str:
        """The value, as one line."""
        return self._text or ""

    @property
    def is_element(self) -> bool:
        """Whether it is an element as a whole, not an attribute or text node of one."""
        return False

    @property
    def node(self) -> Node | None:
        """What other sources can be evaluated within."""
        return self.value if self.element is None else self.element

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

    __slots__ = (
        *("_evaluate", "_format", "_is_refined", "_join", "_refine", "_split"),
        *("expression", "kind", "written"),
    )

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
        self._format = table.get("format")
        self._is_refined = any(
            how is not None for how in (self._refine, self._split, self._join, self._format)
        )
        self._evaluate = _evaluator(kind, expression)

    def __repr__(self) -> str:
        return f"Source({self.written!r})"

    def __str__(self) -> str:
        return self.written

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Source) and other.written == self.written

    def __hash__(self) -> int:
        return hash(self.written)

    @property
    def reads_json(self) -> bool:
        """Whether its values are JSON, and not elements or parts of a text."""
        return self.kind in JSON_KINDS

    @property
    def reads_page_only(self) -> bool:
        """Whether it cannot be used inside `each`: it would give the same for every element."""
        return self.kind in ("regex", "opengraph") or (
            self.kind == "xpath" and self.expression.startswith("/")
        )

    def matches(self, page: Page, node: Node | None = None) -> list[Match]:
        """Return the non-empty values in page order; within `node` if one is given."""
        found: list[Match] = []
        if not self._is_refined:
            for match in self._evaluate(page, node):
                if match.text:
                    found.append(match)
                    if len(found) >= MAX_MATCHES:
                        break
            return found
        written = ((match.text, match) for match in self._evaluate(page, node))
        for text, match in self._refined(written):
            if text := clean_text(text, MAX_DESCRIPTION):
                found.append(Match(text, match.element, match.value))
        return found

    def selected(self, page: Page, node: Node | None = None) -> list[Match]:
        """Return all that is selected, without text too, as it is before it is refined."""
        return list(islice(self._evaluate(page, node), MAX_MATCHES))

    def found(self, page: Page) -> bool:
        """Whether it selects anything on the page, even an element without text."""
        if self.reads_json:
            return any(is_true(match.value) for match in self._evaluate(page, None))
        return next(self._evaluate(page, None), None) is not None

    def nodes(self, page: Page, node: Node | None = None) -> list[Node]:
        """Return the elements or JSON values that were selected, those with no text included."""
        found: list[Node] = []
        for match in self._evaluate(page, node):
            _ = match.text  # counts what is read: other sources will read it again, node by node
            within = match.node
            if within is not None and not isinstance(within, bool):
                found.append(within)
                if len(found) >= MAX_MATCHES:
                    break
        return found

    def links(self, page: Page, node: Node | None = None) -> list[tuple[str, Match]]:
        """Return absolute addresses with their match.

        A source that selects elements (`css:a.work`) means what they link to: `href` or `src`.
        """
        written = (
            (link, match)
            for match in self._evaluate(page, node)
            if (link := self._written_link(match)) is not None
        )
        found: list[tuple[str, Match]] = []
        for link, match in self._refined(written) if self._is_refined else written:
            url = page.absolute(link) if link else None
            if url is not None:
                found.append((url, match))
                if len(found) >= MAX_MATCHES:
                    break
        return found

    def _written_link(self, match: Match) -> str | None:
        if match.value is not None:
            return value_link(match.value, numbers=self._format is not None)
        return match.link if match.is_element else match.text

    def _refined(self, written: Iterable[tuple[str, Match]]) -> Iterator[tuple[str, Match]]:
        """Apply `regex`, `split`, `join` and `format` to values."""
        pieces: list[tuple[str, Match]] = []
        for text, match in written:
            if self._refine is not None:
                refined = self._refine.search(text)
                if refined is None:
                    continue
                text = _group(refined)
            for piece in text.split(self._split) if self._split else (text,):
                if piece := piece.strip():
                    pieces.append((piece, match))
            if len(pieces) >= MAX_MATCHES:
                del pieces[MAX_MATCHES:]
                break
        if self._join is not None and len(pieces) > 1:
            pieces = [(self._join.join(text for text, _ in pieces), pieces[0][1])]
        for text, match in pieces:
            yield (text if self._format is None else _formatted(self._format, text)), match


class _Texts:
    """Reads the texts of elements, until it has read `MAX_TEXT_READ` characters."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_TEXT_READ

    def read(self, element: Element) -> str:
        if self.left < 0:
            return ""
        text = element_text(element)
        self.left -= len(text)
        return clean_text(text, MAX_DESCRIPTION)


class _ElementMatch(Match):
    """An element as a whole. Its text is read when it is asked for: links and `match` need none."""

    __slots__ = ("_texts",)

    def __init__(self, element: Element, texts: _Texts) -> None:
        self._text = None
        self.element = element
        self.value = None
        self._texts = texts

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = self._texts.read(self.element)
        return self._text

    @property
    def is_element(self) -> bool:
        return True

    @property
    def words(self) -> str:
        return clean_text(self.text)


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


def first_matches(
    sources: Iterable[Source] | None, page: Page, node: Node | None = None
) -> list[Match]:
    """Return what the first source gives that gives anything."""
    return next((found for one in sources or () if (found := one.matches(page, node))), [])


def first_links(sources: Iterable[Source] | None, page: Page) -> list[tuple[str, Match]]:
    """Return the addresses that the first source gives that gives any."""
    return next((found for one in sources or () if (found := one.links(page))), [])


def _parsed(written: str | Mapping[str, object]) -> tuple[str, str, dict[str, str]]:
    """Return kind, expression, and the whole table."""
    if isinstance(written, str):
        kind, expression = "css", written.strip()
        match = _PREFIX.fullmatch(written)
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
        kinds: list[str] = [key for key in KINDS if key in table and key != "regex"]
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
        if "{}" not in table.get("format", "{}"):
            raise SourceError(
                f"'format' {table['format']!r} lacks the '{{}}' in whose place the value is put"
            )
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
def _compiled_xpath(expression: str) -> Evaluate:
    # What an expression may use is set up at every call: none is given what it does not name.
    namespaces = {name: url for name, url in _NAMESPACES.items() if f"{name}:" in expression}
    return compile_path(expression, namespaces, regexp="re" in namespaces)


def _formatted(form: str, value: str) -> str:
    """Put a value in place of each `{}`, percent-encoded where the result is an address."""
    if not _ADDRESS.match(form):
        return form.replace("{}", value)
    # What is encoded already stays as it is.
    value = _ENCODED.sub("%25", without_surrogates(value))
    segment, path = quote(value, safe="%"), quote(value, safe="/%")
    address, mark, query = form.partition("?")
    if address.endswith("{}"):
        address = f"{address[:-2].replace('{}', segment)}{path}"
    return f"{address.replace('{}', segment)}{mark}{query.replace('{}', segment)}"


Evaluator = Callable[["Page", Node | None], Iterator[Match]]


def _evaluator(kind: str, expression: str) -> Evaluator:
    """Compile an expression.

    Raises:
        SourceError: it is wrong.
    """
    if kind == "css":
        return _paths(_css_to_xpath(expression), expression, kind)
    if kind == "xpath":
        return _paths(expression, expression, kind)
    if kind == "regex":
        return _page_regex(_compiled_regex(expression))
    if kind == "url":
        return _url_regex(_compiled_regex(expression))
    if kind == "value":
        constant = Match(clean_text(expression))
        return lambda page, node: iter((constant,))
    try:
        if kind == "jmespath":
            query = Query(compile_jmespath(expression))
            return _json(query, lambda page: query.of_node(page.data), plain_text)
        if kind == "jsonld":
            query = parse_query(expression)
            return _json(query, lambda page: query.of_page(page.jsonld), plain_text)
        if kind == "microdata":
            query = parse_query(expression)
            return _json(query, lambda page: query.of_page(page.microdata), literal_text)
        if kind == "opengraph":
            return _opengraph(property_names(expression))
    except ValueError as error:
        raise SourceError(f"invalid {kind} expression {expression!r}: {error}") from error
    return _iiif(expression)


def _paths(xpath: str, expression: str, kind: str) -> Evaluator:
    try:
        compiled = _compiled_xpath(xpath)
        compiled(_EMPTY_PAGE)  # unknown functions and prefixes show only now
    except etree.XPathError as error:
        raise SourceError(f"invalid {kind} expression {expression!r}: {error}") from error

    def evaluate(page: Page, node: Node | None) -> Iterator[Match]:
        within = page.root if node is None else node
        if not isinstance(within, etree._Element):
            return
        result: Any = compiled(within)
        if not isinstance(result, list):
            if isinstance(result, float) and result.is_integer():
                result = int(result)
            yield Match(clean_text(str(result), MAX_DESCRIPTION))
            return
        texts = _Texts()
        for item in result:
            if isinstance(item, etree._Element):
                yield _ElementMatch(item, texts)
                if texts.left < 0:
                    return
            elif hasattr(item, "getparent"):  # an attribute or text node
                yield Match(clean_text(item, MAX_DESCRIPTION), item.getparent())

    return evaluate


def _page_regex(pattern: re.Pattern[str]) -> Evaluator:
    def evaluate(page: Page, node: Node | None) -> Iterator[Match]:
        for match in pattern.finditer(page.body):
            yield Match(clean_text(html.unescape(_group(match)), MAX_DESCRIPTION))

    return evaluate


def _url_regex(pattern: re.Pattern[str]) -> Evaluator:
    def evaluate(page: Page, node: Node | None) -> Iterator[Match]:
        match = pattern.search(page.url)
        if match:
            yield Match(clean_text(_group(match)))

    return evaluate


def _json(
    query: Query, of_page: Callable[[Page], object], clean: Callable[[str], str]
) -> Evaluator:
    def evaluate(page: Page, node: Node | None) -> Iterator[Match]:
        if node is None:
            found = of_page(page)
        elif isinstance(node, etree._Element):
            return
        else:
            found = query.of_node(node)
        read = 0
        for value in flat_values(found):
            yield Match(value_text(value, clean), None, value)
            read += len(value) if isinstance(value, str) else 0
            if read > MAX_TEXT_READ:
                return

    return evaluate


def _opengraph(names: tuple[str, ...]) -> Evaluator:
    def evaluate(page: Page, node: Node | None) -> Iterator[Match]:
        for name in names:
            found = [one for one in page.opengraph if one.name == name]
            for one in found:
                yield Match(clean_text(one.content, MAX_DESCRIPTION), one.element)
            if found:
                return

    return evaluate


def _iiif(path: str) -> Evaluator:
    from crawler.extraction.iiif import DOCUMENT_PATHS, IMAGE_PATHS, METADATA, is_path

    if not is_path(path):
        paths = (*DOCUMENT_PATHS, f"{METADATA}LABEL")
        raise SourceError(
            f"invalid iiif expression {path!r}: a manifest has {_listed(paths)},"
            f" an image {_listed(IMAGE_PATHS)}"
        )

    def evaluate(page: Page, node: Node | None) -> Iterator[Match]:
        presentation = page.presentation
        if presentation is not None:
            for value in presentation.value(path, node):
                yield Match(value_text(value, literal_text), None, value)

    return evaluate


def _group(match: re.Match[str]) -> str:
    return (match[1] if match.re.groups else match[0]) or ""
