"""Which addresses an element offers for one image, the largest first.

| found in | order |
|---|---|
| `data-zoom-image`, `data-large`, `data-full` … | what scripts show enlarged comes first |
| `srcset`, `data-srcset`, and those of the `<source>`s of its `<picture>` | by width, or density |
| `data-src`, `data-original`, `data-lazy` … | what a script puts into `src` |
| `src`, `href`, `content` … | the attribute itself |
| `style="background-image: url(…)"` | layer by layer, of `image-set()` the densest first |

An element that offers nothing itself stands for the first image within it. `data:` addresses hold
placeholders, not works, and are left out; so are addresses named like one (`blank.gif`), where
there is any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawler.extraction.page import Element

MAX_CANDIDATES = 50
MAX_WRITTEN = 100_000  # characters of an attribute that are read
MAX_SOURCES = 50  # `<source>` elements of a `<picture>` that are read

# Scripts know no standard; these are the names that the common viewers and lazy loaders use.
ENLARGED = (
    *("data-zoom-image", "data-zoom-src", "data-zoom", "data-high-res-src", "data-highres"),
    *("data-hires", "data-full-src", "data-fullsrc", "data-full", "data-large-src"),
    *("data-large_image", "data-large", "data-magnify-src", "data-orig-file"),
)
SETS = ("srcset", "data-srcset", "data-lazy-srcset", "data-original-set", "imagesrcset")
LAZY = (
    *("data-src", "data-original", "data-lazy-src", "data-lazy", "data-original-src"),
    *("data-echo", "data-url", "data-img", "data-image", "data-bg", "data-background-image"),
)
PLAIN = ("src", "href", "content", "data", "poster", "value")

_SPACE = " \t\n\r\f"
_IMAGE_NAME = re.compile(r"[^?#]*\.(?:jpe?g|png|webp|avif|gif|tiff?)(?:[?#]|$)", re.I)
_PLACEHOLDER = re.compile(
    r"(?:^|/)(?:blank|pixel|spacer|transparent|placeholder|loading|loader|lazy|empty|clear|1x1|1px)"
    r"(?:[-_.]\w+)*\.(?:gif|png|svg|jpe?g|webp)(?:[?#]|$)",
    re.I,
)
_DESCRIPTOR = re.compile(r"(\d+)w|(\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+)x", re.I)
_DESCRIBED = re.compile(r"\s(?:\d+w|\d*\.?\d+x)\s*(?:,|$)", re.I)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One entry of a `srcset`: an address and how wide (pixels) or how dense (×) it is."""

    url: str
    width: int | None = None
    density: float | None = None

    @property
    def size(self) -> tuple[int, float]:
        """What entries are compared by; an entry that says nothing has density 1."""
        return self.width or 0, 1.0 if self.density is None else self.density


def element_candidates(element: Element) -> tuple[str, ...]:
    """Return the addresses that an element offers for its image, as written, the best first."""
    found = _own_candidates(element)
    if element.tag == "a" and found and not _IMAGE_NAME.match(found[0]):
        # The link may lead to a viewer: then the image within it is what can be had.
        found += _inner_candidates(element)
    if not found:
        found = _inner_candidates(element)
    return _chosen(found)


def text_candidates(text: str) -> tuple[str, ...]:
    """Return the addresses in a value: of a `srcset` or of CSS if it is that, else the value.

    It is a `srcset` if it has a descriptor such as `640w`, and CSS if it has `url(…)` or
    `image-set(…)`.
    """
    text = text.strip()[:MAX_WRITTEN]
    if "url(" in text.lower() or "image-set(" in text.lower():
        return _chosen(css_images(text))
    if _DESCRIBED.search(text):
        return _chosen(one.url for one in _largest_first(parse_srcset(text)))
    return _chosen([text])


def parse_srcset(text: str) -> list[Candidate]:
    """Return the entries of a `srcset` in the order written; those with wrong descriptors are left.

    This is the HTML standard's "parse a srcset attribute": an address ends at white space, so
    commas within it belong to it, and commas at its end end the entry.
    """
    found: list[Candidate] = []
    place, end = 0, min(len(text), MAX_WRITTEN)
    while len(found) < MAX_CANDIDATES:
        while place < end and text[place] in _SPACE + ",":
            place += 1
        start = place
        while place < end and text[place] not in _SPACE:
            place += 1
        if start == place:
            break
        url = text[start:place]
        if url.endswith(","):
            found.append(Candidate(url.rstrip(",")))
            continue
        start, depth = place, 0
        while place < end and (depth or text[place] != ","):
            depth += {"(": 1, ")": -1}.get(text[place], 0)
            depth = max(depth, 0)
            place += 1
        if (candidate := _described(url, text[start:place].split())) is not None:
            found.append(candidate)
    return found


def _described(url: str, descriptors: list[str]) -> Candidate | None:
    width: int | None = None
    density: float | None = None
    for descriptor in descriptors:
        match = _DESCRIPTOR.fullmatch(descriptor)
        if match is None:
            # A height is allowed beside a width, for what the future may bring.
            if re.fullmatch(r"\d+h", descriptor):
                continue
            return None
        if width is not None or density is not None:
            return None
        if match[1]:
            width = int(match[1][:9])
        else:
            density = float(match[2])
    return Candidate(url, width, density)


def _largest_first(candidates: Iterable[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda one: one.size, reverse=True)


_CSS = re.compile(
    r"""
      /\*.*?(?:\*/|$)
    | url\(\s*(?:"(?P<double>(?:[^"\\]|\\.)*+)(?:"|$)
                |'(?P<single>(?:[^'\\]|\\.)*+)(?:'|$)
                |(?P<bare>(?:[^"'()\\\s]|\\.)*+))\s*+(?:\)|$)
    | "(?P<text>(?:[^"\\]|\\.)*+)(?:"|$)
    | '(?P<text2>(?:[^'\\]|\\.)*+)(?:'|$)
    | (?P<function>[-\w]*)\(
    | (?P<close>\))
    | (?P<end>;)
    | (?P<comma>,)
    | (?P<resolution>\d+(?:\.\d+)?|\.\d+)(?P<unit>dppx|dpi|dpcm|x)\b
    | (?P<property>[-\w]+)\s*+:
    | [-\w.]+
    """,
    re.X | re.S | re.I,
)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})[ \t\n\r\f]?|(\n)|(.))", re.S)
_DENSITY = {"x": 1.0, "dppx": 1.0, "dpi": 1 / 96, "dpcm": 2.54 / 96}
_BACKGROUND = re.compile(r"background(?:-image)?|content|(?:-webkit-)?mask-image|--.*", re.I)


def css_images(style: str) -> list[str]:
    """Return the images of a `style` attribute, or of one value in it, as written.

    Layers keep their order; the entries of an `image-set()` come densest first. Of declarations
    only those count that show an image as the background or content of the element.
    """
    found: list[str] = []
    entries: list[Candidate] = []  # of the image-set() that is being read
    functions: list[str] = []
    counts = True
    fresh = True  # at the begin of a declaration
    for token in _CSS.finditer(style[:MAX_WRITTEN]):
        kind = token.lastgroup
        if token[0].startswith("/*"):
            continue
        if kind == "end" and not functions:
            counts, fresh = True, True
            continue
        if kind == "property" and fresh and not functions:
            counts = _BACKGROUND.fullmatch(token["property"]) is not None
        fresh = False
        within_set = bool(functions) and functions[-1].endswith("image-set")
        if kind == "function":
            functions.append(token["function"].lower())
        elif kind == "close" and functions:
            if functions.pop().endswith("image-set") and not _in_set(functions):
                found += (one.url for one in _largest_first(entries))
                entries = []
        elif kind in ("double", "single", "bare"):
            url = _unescaped(token[kind])
            if counts and url and _in_set(functions):
                entries.append(Candidate(url))
            elif counts and url:
                found.append(url)
        elif kind in ("text", "text2") and within_set and counts:
            entries.append(Candidate(_unescaped(token[kind])))
        elif kind == "unit" and within_set and entries and entries[-1].density is None:
            density = float(token["resolution"]) * _DENSITY[token["unit"].lower()]
            entries[-1] = Candidate(entries[-1].url, density=density)
        if len(found) + len(entries) >= MAX_CANDIDATES:
            break
    # An image-set() that is not closed ends with the text, as in CSS.
    return [*found, *(one.url for one in _largest_first(entries))]


def _in_set(functions: list[str]) -> bool:
    return any(name.endswith("image-set") for name in functions)


def _unescaped(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        if match[1]:
            number = int(match[1], 16)
            return chr(number) if 0 < number < 0x110000 else "\ufffd"
        return match[3] or ""

    return _ESCAPE.sub(character, text)


def _own_candidates(element: Element) -> list[str]:
    """Return what the attributes of an element offer, and the `<picture>` that it belongs to."""
    picture = _picture(element)
    holders, sources = [element], []
    if picture is not None:
        holders = list(picture.iterdescendants("img")) if element is picture else [element]
        sources = [
            _written(source) for source in islice(picture.iterdescendants("source"), MAX_SOURCES)
        ]
    images = [_written(holder) for holder in holders]
    found = [url for image in images for url in _scripted(image, ENLARGED)]
    # Of equal sizes the img's own comes first: it is in the format that everything reads.
    entries = [
        entry
        for attributes in (*images, *sources)
        for name in SETS
        if name in attributes
        for entry in parse_srcset(attributes[name])
    ]
    found += (entry.url for entry in _largest_first(entries))
    for image in images:
        found += _scripted(image, LAZY)
        found += [image[name] for name in PLAIN if name in image]
        if "style" in image:
            found += css_images(image["style"])
    return found


def _picture(element: Element) -> Element | None:
    """Return the `<picture>` that an element is, or that an `img` is in."""
    if element.tag == "img":
        element = element.getparent()
        # lxml does not know that `<source>` has no content, and puts what follows into it.
        while element is not None and element.tag == "source":
            element = element.getparent()
    return element if element is not None and element.tag == "picture" else None


def _scripted(attributes: Mapping[str, str], names: Iterable[str]) -> Iterator[str]:
    """Yield the addresses in attributes that only scripts read, which may hold anything else."""
    for name in names:
        if name in attributes:
            for url in text_candidates(attributes[name]):
                if url[0] not in "{[<" and ("/" in url or _IMAGE_NAME.match(url)):
                    yield url


def _inner_candidates(element: Element) -> list[str]:
    """Return what the first image within an element offers."""
    for number, inner in enumerate(element.iterdescendants("img", "source", "div", "span", "a")):
        shows = inner.tag in ("img", "source") or inner.get("style")
        if shows and (found := _own_candidates(inner)):
            return found
        if number >= MAX_SOURCES:
            break
    return []


def _written(element: Element) -> dict[str, str]:
    """Return the attributes that say something."""
    written = ((name, value.strip()[:MAX_WRITTEN]) for name, value in element.items())
    return {name: value for name, value in written if value}


def _chosen(found: Iterable[str]) -> tuple[str, ...]:
    """Return each address once, without placeholders unless there is nothing else."""
    urls: Iterator[str] = (url.strip() for url in found)
    kept = [url for url in dict.fromkeys(urls) if url and url[:5].lower() != "data:"]
    real = [url for url in kept if not _PLACEHOLDER.search(url)]
    return tuple((real or kept)[:MAX_CANDIDATES])
