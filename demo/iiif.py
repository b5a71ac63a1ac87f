"""IIIF as the museum speaks it: Image API 2 and 3, Presentation 2 and 3. Pure: nothing is served.

Images come in full or scaled, as whole pictures only. A few services give no full size: a
`refused` one answers 403 and says in `info.json` how large it may be, a `bounded` one gives the
largest that it may.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote

from demo.catalogue import Catalogue, ImageFile, Work

BOUND = 640
"""Longest side, in pixels, of what a bounded service gives."""

FORMATS = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "avif": "image/avif"}
COLLECTION = "/iiif/collection.json"
SUBCOLLECTIONS = {"3": "The picture file", "2": "The archive, digitised first"}

_IMAGE_CONTEXT = {
    "3": "http://iiif.io/api/image/3/context.json",
    "2": "http://iiif.io/api/image/2/context.json",
}
_PRESENTATION_CONTEXT = {
    "3": "http://iiif.io/api/presentation/3/context.json",
    "2": "http://iiif.io/api/presentation/2/context.json",
}
_FEATURES = ("sizeByW", "sizeByH", "sizeByWh", "sizeByConfinedWh")
_NUMBER = r"\d+(?:\.\d+)?"
_REGIONS = re.compile(rf"square|\d+,\d+,\d+,\d+|pct:{_NUMBER}(?:,{_NUMBER}){{3}}")
_SIZE = re.compile(
    rf"(?P<up>\^?)(?:(?P<word>max|full)|pct:(?P<pct>{_NUMBER})"
    r"|(?P<fit>!?)(?P<width>\d*),(?P<height>\d*))"
)
_OTHER_FORMATS = ("tif", "png", "gif", "jp2", "pdf", "webp")
_OTHER_QUALITIES = ("color", "gray", "bitonic")


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


class Refusal(Exception):
    """A request that the Image API does not answer with an image."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Service:
    """The image service of one picture."""

    name: str
    version: str
    full: Size
    limit: str = ""

    @property
    def path(self) -> str:
        """Where it lives."""
        return f"/iiif/image/{self.version}/{quote(self.name, safe='')}"

    @property
    def largest(self) -> Size:
        """The largest size that it gives."""
        return fitted(self.full, BOUND, BOUND) if self.limit else self.full

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Sizes that it proposes, smallest first."""
        shown = {fitted(self.full, side, side) for side in (160, 400)} | {self.largest}
        return tuple(sorted(shown))

    @property
    def image_path(self) -> str:
        """The image that a manifest shows."""
        if self.limit == "refused":
            size = f"{self.largest.width},"
        else:
            size = "full" if self.version == "2" else "max"
        return f"{self.path}/full/{size}/0/default.jpg"

    def info(self, base: str) -> dict[str, Any]:
        """`info.json`."""
        bound = {"maxWidth": BOUND} if self.limit else {}
        sizes = [size._asdict() for size in self.sizes]
        if self.version == "2":
            supports = [*_FEATURES, "baseUriRedirect", "cors"]
            return {
                "@context": _IMAGE_CONTEXT["2"],
                "@id": base + self.path,
                "protocol": "http://iiif.io/api/image",
                "width": self.full.width,
                "height": self.full.height,
                "sizes": sizes,
                "profile": [
                    "http://iiif.io/api/image/2/level0.json",
                    {
                        "formats": ["jpg"],
                        "qualities": ["default"],
                        **bound,
                        "supports": supports,
                    },
                ],
            }
        return {
            "@context": _IMAGE_CONTEXT["3"],
            "id": base + self.path,
            "type": "ImageService3",
            "protocol": "http://iiif.io/api/image",
            "profile": "level0",
            "width": self.full.width,
            "height": self.full.height,
            **bound,
            "sizes": sizes,
            "extraFeatures": [*_FEATURES, "baseUriRedirect", "cors", "jsonldMediaType"],
        }

    def requested(self, region: str, size: str, rotation: str, file: str) -> Size:
        """Return the size that a request asks for.

        Raises:
            Refusal: the request is malformed (400), or not supported (501), or the full size is
                not to be had (403).
        """
        if region != "full":
            raise Refusal(
                501 if _REGIONS.fullmatch(region) else 400, "only the full region is given"
            )
        quality, _, image_format = file.rpartition(".")
        if quality != "default" or image_format != "jpg":
            known = quality in ("default", *_OTHER_QUALITIES) and image_format in (
                "jpg",
                *_OTHER_FORMATS,
            )
            raise Refusal(501 if known else 400, "only default.jpg is given")
        if rotation != "0":
            turned = re.fullmatch(rf"!?({_NUMBER})", rotation)
            possible = turned is not None and float(turned[1]) <= 360
            raise Refusal(501 if possible else 400, "images are not rotated")
        return self._sized(size)

    def _sized(self, written: str) -> Size:
        match = _SIZE.fullmatch(written)
        if match is None or (self.version == "2" and match["up"]):
            raise Refusal(400, f"{written!r} is no size")
        if match["up"] or match["pct"]:
            raise Refusal(501, "images are neither enlarged nor scaled by percent")
        if match["word"]:
            return self._whole(match["word"])
        width, height = int(match["width"] or 0), int(match["height"] or 0)
        if not (width or height) or (match["fit"] and not (width and height)):
            raise Refusal(400, f"{written!r} is no size")
        if match["fit"]:
            return fitted(self.largest, width, height)
        size = Size(
            width or round(self.full.width * height / self.full.height),
            height or round(self.full.height * width / self.full.width),
        )
        return self._allowed(size)

    def _whole(self, word: str) -> Size:
        if word == "full" and self.version == "3":
            raise Refusal(400, "version 3 says max, not full")
        if self.limit == "refused" or (self.limit and word == "full"):
            raise Refusal(403, f"the full size is not given, {BOUND} px is the most")
        return self.largest

    def _allowed(self, size: Size) -> Size:
        """Give sizes that differ by rounding the same pixels."""
        for offered in (self.full, *self.sizes):
            if all(abs(a - b) <= 1 for a, b in zip(size, offered, strict=True)):
                size = offered
        if min(size) < 1:
            raise Refusal(400, "an image has at least one pixel")
        if size.width > self.full.width or size.height > self.full.height:
            raise Refusal(400 if self.version == "3" else 501, "images are not enlarged")
        if size.width > self.largest.width or size.height > self.largest.height:
            status = 403 if self.limit == "refused" else 400
            raise Refusal(status, f"no side may be longer than {BOUND} px")
        upright = round(self.full.height * size.width / self.full.width)
        lying = round(self.full.width * size.height / self.full.height)
        if abs(upright - size.height) > 1 and abs(lying - size.width) > 1:
            raise Refusal(501, "images are not distorted")
        return size


def fitted(size: Size, width: int, height: int) -> Size:
    """The largest size of the same shape within `width` and `height`; never larger than it is."""
    scale = min(1.0, width / size.width, height / size.height)
    return Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))


def version_of(work: Work) -> str:
    """The version of IIIF that a work is published in."""
    return work.variant.partition(" ")[0]


def service_of(work: Work, image: ImageFile) -> Service:
    """The service of an image of a work in the IIIF wing."""
    version, _, limit = work.variant.partition(" ")
    return Service(image.name, version, Size(image.width_px, image.height_px), limit)


def manifest_path(work: Work) -> str:
    """Where the manifest of a work lies."""
    return f"/iiif/{work.id}/manifest.json"


def rights_uri(work: Work) -> str:
    """The licence; Presentation 3 wants the canonical http form of Creative Commons."""
    if version_of(work) == "3":
        return work.license_url.replace("https://creativecommons", "http://creativecommons")
    return work.license_url


def content_type(version: str, kind: str) -> str:
    """Media type of a document; version 3 asks for JSON-LD with a profile."""
    if version == "2":
        return "application/json"
    context = _IMAGE_CONTEXT if kind == "image" else _PRESENTATION_CONTEXT
    return f'application/ld+json;profile="{context["3"]}"'


def _metadata(work: Work) -> list[tuple[str, tuple[str, ...]]]:
    artist = work.artist
    maker = f"{artist.name} ({artist.nationality}, {artist.life})"
    pairs = [
        ("Artist" if version_of(work) == "3" else "Maker", (maker,)),
        ("Nationality", (artist.nationality,)),
        ("Date", (work.date_text,)),
        ("Medium", (work.medium,)),
        ("Dimensions", (work.dimensions_text,)),
        ("Accession number", (work.accession_number,)),
        ("Classification", (work.classification,)),
        ("Culture", (work.culture,)),
        ("Place", (work.place,)),
        ("Style", (work.style,)),
        ("Genre", (work.genre,)),
        ("Period", (work.period,)),
        ("Collection", work.categories),
        ("Subjects", work.tags),
        ("Rights", (work.rights_text,)),
    ]
    if version_of(work) == "2":
        pairs.append(("Institution", (work.institution,)))
    return [(label, values) for label, values in pairs if values]


def manifest(work: Work, base: str) -> dict[str, Any]:
    """The Presentation manifest of a work, in its version."""
    return _manifest_2(work, base) if version_of(work) == "2" else _manifest_3(work, base)


def _english(*texts: str) -> dict[str, list[str]]:
    return {"en": list(texts)}


_FRENCH = {"Artist": "Artiste", "Date": "Date", "Medium": "Technique", "Style": "Style"}


def _label_3(label: str) -> dict[str, list[str]]:
    return {"en": [label]} | ({"fr": [_FRENCH[label]]} if label in _FRENCH else {})


def _manifest_3(work: Work, base: str) -> dict[str, Any]:
    address = base + manifest_path(work)
    return {
        "@context": _PRESENTATION_CONTEXT["3"],
        "id": address,
        "type": "Manifest",
        "label": {"none": [work.title]},
        "metadata": [
            {"label": _label_3(label), "value": {"none": list(values)}}
            for label, values in _metadata(work)
        ],
        "summary": _english(work.description),
        "requiredStatement": {
            "label": _english("Attribution"),
            "value": _english(work.credit_line),
        },
        "rights": rights_uri(work),
        "provider": [
            {
                "id": f"{base}/#museum",
                "type": "Agent",
                "label": _english(work.institution),
                "homepage": [
                    {
                        "id": f"{base}/",
                        "type": "Text",
                        "label": _english(work.institution),
                        "format": "text/html",
                    }
                ],
            }
        ],
        "homepage": [
            {
                "id": f"{base}/work/{work.id}",
                "type": "Text",
                "label": _english("On the museum’s site"),
                "format": "text/html",
            }
        ],
        "thumbnail": [
            {
                "id": f"{base}/thumb/{quote(work.images[0].name)}.jpg",
                "type": "Image",
                "format": "image/jpeg",
            }
        ],
        "items": [_canvas_3(work, image, base, address) for image in work.images],
    }


def _canvas_3(work: Work, image: ImageFile, base: str, address: str) -> dict[str, Any]:
    service = service_of(work, image)
    canvas = f"{address.removesuffix('/manifest.json')}/canvas/{image.index + 1}"
    shown = service.largest
    return {
        "id": canvas,
        "type": "Canvas",
        "label": _english(image.caption),
        "height": image.height_px,
        "width": image.width_px,
        "items": [
            {
                "id": f"{canvas}/page",
                "type": "AnnotationPage",
                "items": [
                    {
                        "id": f"{canvas}/page/image",
                        "type": "Annotation",
                        "motivation": "painting",
                        "target": canvas,
                        "body": {
                            "id": base + service.image_path,
                            "type": "Image",
                            "format": "image/jpeg" if service.limit else FORMATS[image.format],
                            "height": shown.height,
                            "width": shown.width,
                            "service": [
                                {
                                    "id": base + service.path,
                                    "type": "ImageService3",
                                    "profile": "level0",
                                }
                            ],
                        },
                    }
                ],
            }
        ],
    }


def _manifest_2(work: Work, base: str) -> dict[str, Any]:
    address = base + manifest_path(work)
    folder = address.removesuffix("/manifest.json")
    return {
        "@context": _PRESENTATION_CONTEXT["2"],
        "@id": address,
        "@type": "sc:Manifest",
        "label": work.title,
        "metadata": [
            {
                "label": [{"@value": label, "@language": "en"}],
                "value": values[0] if len(values) == 1 else list(values),
            }
            for label, values in _metadata(work)
        ],
        "description": work.description,
        "attribution": work.credit_line,
        "license": rights_uri(work),
        "related": {"@id": f"{base}/work/{work.id}", "format": "text/html"},
        "thumbnail": {"@id": f"{base}/thumb/{quote(work.images[0].name)}.jpg"},
        "sequences": [
            {
                "@id": f"{folder}/sequence/normal",
                "@type": "sc:Sequence",
                "label": "Current order",
                "canvases": [_canvas_2(work, image, base, folder) for image in work.images],
            }
        ],
    }


def _canvas_2(work: Work, image: ImageFile, base: str, folder: str) -> dict[str, Any]:
    service = service_of(work, image)
    canvas = f"{folder}/canvas/{image.index + 1}"
    shown = service.largest
    return {
        "@id": canvas,
        "@type": "sc:Canvas",
        "label": image.caption,
        "height": image.height_px,
        "width": image.width_px,
        "images": [
            {
                "@id": f"{canvas}/image",
                "@type": "oa:Annotation",
                "motivation": "sc:painting",
                "on": canvas,
                "resource": {
                    "@id": base + service.image_path,
                    "@type": "dctypes:Image",
                    "format": "image/jpeg" if service.limit else FORMATS[image.format],
                    "height": shown.height,
                    "width": shown.width,
                    "service": {
                        "@context": _IMAGE_CONTEXT["2"],
                        "@id": base + service.path,
                        "profile": "http://iiif.io/api/image/2/level0.json",
                    },
                },
            }
        ],
    }


def collection(catalogue: Catalogue, base: str) -> dict[str, Any]:
    """The collection of all manifests: the first ones directly, the others one level down."""
    works = catalogue.wings.get("IIIF", ())
    direct, rest = _apart(works)
    parts = [
        {
            "id": f"{base}/iiif/collection/{version}.json",
            "type": "Collection",
            "label": _english(name),
        }
        for version, name in SUBCOLLECTIONS.items()
        if any(version_of(work) == version for work in rest)
    ]
    return {
        "@context": _PRESENTATION_CONTEXT["3"],
        "id": base + COLLECTION,
        "type": "Collection",
        "label": _english("Pictures for every viewer"),
        "items": [*parts, *(_item_3(work, base) for work in direct)],
    }


def subcollection(catalogue: Catalogue, version: str, base: str) -> dict[str, Any] | None:
    """One part of the collection, in the version that its manifests are written in."""
    _, rest = _apart(catalogue.wings.get("IIIF", ()))
    works = [work for work in rest if version_of(work) == version]
    if not works:
        return None
    address = f"{base}/iiif/collection/{version}.json"
    if version == "3":
        return {
            "@context": _PRESENTATION_CONTEXT["3"],
            "id": address,
            "type": "Collection",
            "label": _english(SUBCOLLECTIONS["3"]),
            "items": [_item_3(work, base) for work in works],
        }
    return {
        "@context": _PRESENTATION_CONTEXT["2"],
        "@id": address,
        "@type": "sc:Collection",
        "label": SUBCOLLECTIONS["2"],
        "manifests": [
            {"@id": base + manifest_path(work), "@type": "sc:Manifest", "label": work.title}
            for work in works
        ],
    }


def _apart(works: Sequence[Work]) -> tuple[list[Work], list[Work]]:
    newest = [work for work in works if version_of(work) == "3"][:2]
    return newest, [work for work in works if work not in newest]


def _item_3(work: Work, base: str) -> dict[str, Any]:
    return {
        "id": base + manifest_path(work),
        "type": "Manifest",
        "label": {"none": [work.title]},
    }


def services(works: Iterable[Work]) -> dict[tuple[str, str], tuple[Work, Service]]:
    """The services of all works in the wing, by version and name."""
    found = {}
    for work in works:
        if work.layout == "iiif":
            for image in work.images:
                service = service_of(work, image)
                found[service.version, service.name] = (work, service)
    return found
