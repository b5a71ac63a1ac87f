"""IIIF Presentation manifests and collections, versions 2 and 3, read into one shape.

What they say is asked for by paths, which profiles write as `iiif:PATH`:

| path | of a manifest or collection |
|---|---|
| `id`, `label`, `summary` | its address, its name, its description |
| `metadata.Artist`, `metadata.Artist|Creator` | values beside a label, or the first of several |
| `attribution`, `provider` | who is to be named; who provides it |
| `rights`, `homepage` | addresses of its licence and of a page for people |
| `images` | the painted images of a manifest, as nodes |
| `manifests`, `collections` | addresses of what a collection holds |
| `next` | address of the next part of a collection that comes in parts (version 2) |

| path | of an image |
|---|---|
| `service` | base address of its Image API service |
| `url` | address of the image that the manifest itself names |
| `label` | its name, or that of its canvas |
| `rights` | address of its licence, if it or its canvas has one |

Of several languages English is read, else what has no language, else what comes first
(Presentation API 3.0, section 4.1: Language of Property Values); markup is taken out of texts
(section 4.5). Labels of metadata are found in any language and case. What is broken gives nothing,
and nothing is raised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from crawler.extraction.image_service import known_version, service_address
from crawler.extraction.markup import plain_text

Node: TypeAlias = Mapping[object, object]
Texts: TypeAlias = tuple[str, ...]

DOCUMENT_PATHS = (
    *("id", "label", "summary", "attribution", "provider", "rights", "homepage"),
    *("images", "manifests", "collections", "next"),
)
IMAGE_PATHS = ("service", "url", "label", "rights")
METADATA = "metadata."

MAX_IMAGES = 500
MAX_MEMBERS = 20_000
MAX_VALUES = 500
MAX_NESTED = 20  # lists in lists, choices in choices, collections in collections

_ENGLISH = re.compile(r"en(?:[-_].*)?", re.I)
_NO_LANGUAGE = ("none", "@none", "und", "")


@dataclass(frozen=True, slots=True)
class PaintedImage:
    """An image of a canvas; `version` is that of its service's Image API, as far as it is said."""

    url: str | None
    service: str | None
    version: str | None = None
    label: Texts = ()
    rights: Texts = ()


@dataclass(frozen=True, slots=True)
class Presentation:
    """A manifest or collection. Texts are free of markup; addresses are as written.

    `metadata` are values with their labels, as `_folded` makes them comparable.
    """

    kind: Literal["manifest", "collection"]
    id: str | None = None
    label: Texts = ()
    summary: Texts = ()
    metadata: tuple[tuple[Texts, Texts], ...] = ()
    attribution: Texts = ()
    provider: Texts = ()
    rights: Texts = ()
    homepage: Texts = ()
    images: tuple[PaintedImage, ...] = ()
    manifests: Texts = ()
    collections: Texts = ()
    next: Texts = ()

    def value(self, path: str, node: object | None = None) -> list[object]:
        """Return what is at a path: texts, addresses, or images as nodes; often nothing.

        Args:
            path: as in the tables above.
            node: an image that the path `images` gave; the path is then read within it.
        """
        if node is not None:
            if not isinstance(node, PaintedImage) or path not in IMAGE_PATHS:
                return []
            found = getattr(node, path)
        elif path.startswith(METADATA):
            return list(self._beside(path.removeprefix(METADATA).split("|")))
        elif path in DOCUMENT_PATHS:
            found = getattr(self, path)
        else:
            return []
        if found is None:
            return []
        return [found] if isinstance(found, str) else list(found)

    def _beside(self, labels: list[str]) -> Texts:
        """Return the metadata beside the first of some labels that has any."""
        for wanted in map(_folded, labels):
            if found := tuple(
                value for known, values in self.metadata if wanted in known for value in values
            ):
                return found
        return ()


def is_path(path: str) -> bool:
    """Tell whether a path is one that `Presentation.value` knows."""
    if path.startswith(METADATA):
        return all(label.strip() for label in path.removeprefix(METADATA).split("|"))
    return path in DOCUMENT_PATHS or path in IMAGE_PATHS


def read_presentation(data: object) -> Presentation | None:
    """Read a decoded manifest or collection; None if it is neither."""
    if not isinstance(data, Mapping):
        return None
    kind = _kind(data)
    if kind not in ("manifest", "collection"):
        return None
    manifests: list[str] = []
    collections: list[str] = []
    following: list[str] = []
    if kind == "collection":
        _gather_members(data, manifests, collections)
        is_empty = not manifests and not collections
        following = _addresses(data.get("next")) or (
            _addresses(data.get("first")) if is_empty else []
        )
    statement = data.get("requiredStatement")
    said_by = statement.get("value") if isinstance(statement, Mapping) else data.get("attribution")
    return Presentation(
        kind="manifest" if kind == "manifest" else "collection",
        id=next(iter(_addresses(data)), None),
        label=_texts(data.get("label")),
        summary=_texts(data.get("summary", data.get("description"))),
        metadata=_metadata(data.get("metadata")),
        attribution=_texts(said_by),
        provider=tuple(
            name
            for agent in _listed(data.get("provider"))[:MAX_VALUES]
            if isinstance(agent, Mapping)
            for name in _texts(agent.get("label"))[:1]
        ),
        rights=_rights(data),
        homepage=tuple(_homepages(data)),
        images=tuple(_images(data)) if kind == "manifest" else (),
        manifests=_once(manifests),
        # The parts of a collection are collections (Presentation API 2.1, 5.7: Collections).
        collections=_once([*collections, *following]),
        next=_once(following),
    )


def _kind(node: Node) -> str:
    """Return the type without its prefix, in lower case: `sc:Manifest` and `Manifest` are one."""
    for name in ("type", "@type"):
        for kind in _listed(node.get(name)):
            if isinstance(kind, str):
                return kind.rpartition(":")[2].lower()
    return ""


# Texts


def _texts(value: object) -> Texts:
    """Return the texts of a value in any form of either version, in one language."""
    said = list(_said(value))
    for matches in (
        lambda language: _ENGLISH.fullmatch(language) is not None,
        lambda language: language in _NO_LANGUAGE,
        lambda language: language == said[0][0],
    ):
        found = [text for language, written in said if matches(language)
                 if (text := plain_text(written))]  # fmt: skip
        if found:
            return tuple(found)
    return tuple(text for _, written in said if (text := plain_text(written)))


def _said(value: object) -> Iterator[tuple[str, str]]:
    """Yield (language, text) of a language map (3.0) or of `@value`s and strings (2.1)."""
    count = 0
    waiting: list[tuple[str, object, int]] = [("", value, 0)]
    while waiting and count < MAX_VALUES:
        language, written, depth = waiting.pop()
        if isinstance(written, bool) or depth > MAX_NESTED:
            continue
        if isinstance(written, str | int | float):
            count += 1
            yield language, str(written)
        elif isinstance(written, list):
            inner = [(language, entry, depth + 1) for entry in written[:MAX_VALUES]]
            waiting += reversed(inner)
        elif isinstance(written, Mapping):
            if "@value" in written:
                own = written.get("@language")
                own = own if isinstance(own, str) else language
                waiting.append((own, written["@value"], depth + 1))
            elif not {"@id", "@type", "type"}.isdisjoint(written):
                waiting.append((language, written.get("label"), depth + 1))
            else:
                pairs = list(written.items())[:MAX_VALUES]
                inner = [(str(key), entry, depth + 1) for key, entry in pairs]
                waiting += reversed(inner)


def _metadata(value: object) -> tuple[tuple[Texts, Texts], ...]:
    found: list[tuple[Texts, Texts]] = []
    for pair in _listed(value)[:MAX_VALUES]:
        if isinstance(pair, Mapping):
            labels = tuple(_folded(plain_text(text)) for _, text in _said(pair.get("label")))
            values = _texts(pair.get("value"))
            if labels and values:
                found.append((labels, values))
    return tuple(found)


def _folded(label: str) -> str:
    return label.strip().rstrip(":").rstrip().casefold()


# Addresses


def _addresses(value: object) -> list[str]:
    """Return the addresses of things that are named by a string or by their `id`."""
    found: list[str] = []
    for thing in _listed(value)[:MAX_VALUES]:
        address = thing.get("id", thing.get("@id")) if isinstance(thing, Mapping) else thing
        if isinstance(address, str) and address.strip():
            found.append(address.strip())
    return found


def _rights(*nodes: Node) -> Texts:
    """Return the licence of the first of some things that has one."""
    for node in nodes:
        if found := _addresses(node.get("rights", node.get("license"))):
            return _once(found)
    return ()


def _homepages(data: Node) -> Iterator[str]:
    yield from _addresses(data.get("homepage"))
    for thing in _listed(data.get("related"))[:MAX_VALUES]:
        kind = thing.get("format") if isinstance(thing, Mapping) else None
        if kind in (None, "text/html"):
            yield from _addresses(thing)


# Collections


def _gather_members(
    collection: Node, manifests: list[str], collections: list[str], depth: int = 0
) -> None:
    """Add what a collection holds; those within it are entered if they are given in full."""
    for name, default in (
        ("items", ""),
        ("manifests", "manifest"),
        ("collections", "collection"),
        ("members", ""),
    ):
        for member in _listed(collection.get(name)):
            if len(manifests) + len(collections) >= MAX_MEMBERS:
                return
            kind = (_kind(member) if isinstance(member, Mapping) else "") or default
            if kind == "manifest":
                manifests += _addresses(member)[:1]
            elif kind == "collection":
                known = len(manifests) + len(collections)
                if isinstance(member, Mapping) and depth < MAX_NESTED:
                    _gather_members(member, manifests, collections, depth + 1)
                if len(manifests) + len(collections) == known:
                    collections += _addresses(member)[:1]


# Images


def _images(manifest: Node) -> Iterator[PaintedImage]:
    seen: set[str] = set()
    for canvas in _canvases(manifest):
        for body in _painted(canvas):
            service, version = _image_service(body)
            url = next(iter(_addresses(body)), None) if _is_image(body) else None
            key = service or url
            if key is None or key in seen:
                continue
            seen.add(key)
            label = _texts(body.get("label")) or _texts(canvas.get("label"))
            yield PaintedImage(url, service, version, label, _rights(body, canvas))
            if len(seen) >= MAX_IMAGES:
                return


def _canvases(manifest: Node) -> list[Node]:
    """Return the canvases; of several sequences (2.1) they show the same in another order."""
    found = _nodes(manifest.get("items"))
    for sequence in _nodes(manifest.get("sequences")):
        found = found or _nodes(sequence.get("canvases"))
    return found


def _painted(canvas: Node) -> Iterator[Node]:
    """Yield the bodies that are painted on a canvas, of a choice the first."""
    annotations = [
        *(note for page in _nodes(canvas.get("items")) for note in _nodes(page.get("items"))),
        *_nodes(canvas.get("images")),
    ]
    for annotation in annotations:
        motivation = annotation.get("motivation")
        if motivation and "painting" not in str(motivation):
            continue
        for body in _nodes(annotation.get("body", annotation.get("resource"))):
            if (chosen := _chosen(body)) is not None:
                yield chosen


def _chosen(body: Node) -> Node | None:
    """Return what is shown first of a choice, and what a part is a part of."""
    for _ in range(MAX_NESTED):
        kind = _kind(body)
        if kind == "choice":
            inner = _nodes(body.get("items")) or [
                *_nodes(body.get("default")),
                *_nodes(body.get("item")),
            ]
        elif kind == "specificresource":
            inner = _nodes(body.get("source", body.get("full")))
        else:
            return body
        if not inner:
            return None
        body = inner[0]
    return None


def _is_image(body: Node) -> bool:
    kind, media = _kind(body), body.get("format")
    if isinstance(media, str) and media:
        return media.startswith("image/")
    return kind in ("image", "")


def _image_service(body: Node) -> tuple[str | None, str | None]:
    """Return address and version of the Image API service of an image."""
    for service in _nodes(body.get("service")):
        version = known_version(service)
        profile = str(service.get("profile") or "level")
        known = version is not None or (not _kind(service) and "level" in profile)
        for address in _addresses(service)[:1] if known else ():
            if (base := service_address(address)) is not None:
                return base, version
    return None, None


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _nodes(value: object) -> list[Node]:
    return [node for node in _listed(value) if isinstance(node, Mapping)]


def _once(values: list[str]) -> Texts:
    return tuple(dict.fromkeys(values))
