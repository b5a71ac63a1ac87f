"""Addresses of images that a IIIF Image API service gives, versions 1 to 3.

An image's service is a base address: `{service}/info.json` says what it can give, and
`{service}/{region}/{size}/{rotation}/{quality}.{format}` gives it (Image API 3.0 and 2.1,
section 2: URI Syntax). Addresses are made only by what a service says: the forms that it must
support at its level (Image API 3.0 Compliance, section 3.2), within the limits that it states.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urldefrag

Size = tuple[int, int]

MAX_SIZES = 100  # of those that a service lists, read at most
SMALLEST_SIDE = 200  # pixels; below this an image is a thumbnail, and halving ends
LARGEST_SIDE = 2**31  # pixels; what claims more is no image

_INFO = "/info.json"
_REGION = re.compile(r"full|square|\d+,\d+,\d+,\d+|pct:[\d.]+(?:,[\d.]+){3}")
_SIZE = re.compile(r"\^?(?:full|max|!?\d*,\d*|pct:[\d.]+)")
_ROTATION = re.compile(r"!?\d+(?:\.\d+)?")
_QUALITY = re.compile(r"(?:default|native|colou?r|gr[ae]y|bitonal)(?:\.\w+)?(?:\?.*)?")
_CONTEXT = re.compile(r"(?:/|-)(?:image|api)(?:-api)?/(\d)(?:\.(\d))?")
_LEVEL = re.compile(r"level([012])")
_BY_WIDTH = frozenset({"sizeByW", "sizeByWh", "sizeByConfinedWh", "sizeByDistortedWh"})


def service_address(url: str) -> str | None:
    """Return the base of a service, from that, its `info.json` or the address of an image of it.

    None if the address cannot be one of a service. What stands before the last parts is left as
    it is: identifiers may hold encoded slashes, and old servers take all of it as a query.
    """
    url = urldefrag(url.strip()).url
    if not url.startswith(("http://", "https://")):
        return None
    url = url.rstrip("/").removesuffix(_INFO).rstrip("/")
    base, *parts = url.rsplit("/", 4)
    patterns = (_REGION, _SIZE, _ROTATION, _QUALITY)
    if len(parts) == 4 and all(
        pattern.fullmatch(unquote(part)) for pattern, part in zip(patterns, parts, strict=True)
    ):
        url = base
    return url if url.count("/") > 2 else None


def info_url(service: str) -> str:
    """Return where a service says what it gives (Image API 3.0, 5.1: Image Information Request)."""
    return service + _INFO


def largest_url(service: str, version: str | None = None, max_side: int | None = None) -> str:
    """Return the address of the largest image that a service gives, as far as one can know.

    Args:
        service: base address, as `service_address` gives it.
        version: of the Image API: "3", "2.1", "2" (its minor version is not known), "1.1" …
        max_side: longest side wanted, in pixels.
    """
    return largest_urls(service, version, max_side)[0]


def largest_urls(
    service: str, version: str | None = None, max_side: int | None = None
) -> tuple[str, ...]:
    """Return the addresses under which versions of the Image API know the largest image.

    Versions 3.0 and 2.1 call it `max` (section 4.2: Size), 2.0 and 1 know only `full`; 1 has the
    quality `native` in place of `default` (1.1, section 4.4: Quality). Where the minor version is
    not known, both names are given, the newer first. With `max_side` the size is `!n,n`: what
    fits into a square, its proportions kept.
    """
    if max_side is not None:
        return (_image_url(service, version, f"!{max_side},{max_side}"),)
    if version in ("2.0", "1", "1.0", "1.1"):
        return (_image_url(service, version, "full"),)
    newer = _image_url(service, version, "max")
    if version is None or version == "2":
        return (newer, _image_url(service, version, "full"))
    return (newer,)


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a service says of its image, as far as whole images are concerned: no tiles.

    `width` and `height` are those of the full image, in pixels; `sizes` are those that it holds
    ready, largest first; `max_width`, `max_height` (pixels) and `max_area` are its limits.
    """

    version: str
    width: int | None = None
    height: int | None = None
    sizes: tuple[Size, ...] = ()
    max_width: int | None = None
    max_height: int | None = None
    max_area: int | None = None
    level: int | None = None
    features: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()

    @property
    def scales(self) -> bool:
        """Whether it gives any width that is asked for; level 0 gives only what is ready."""
        return self.level != 0 or not _BY_WIDTH.isdisjoint(self.features)


def read_info(data: object) -> ImageInfo | None:
    """Read a decoded `info.json` of any version; None if it is none.

    Version 3 states limits and features at the top (Image API 3.0, 5.3 to 5.5), version 2 in the
    further entries of `profile` (2.1, 5.3: Profile Description), version 1 has neither.
    """
    if not isinstance(data, Mapping):
        return None
    profile = data.get("profile")
    profiles = profile if isinstance(profile, list) else [profile]
    places: list[Mapping[object, object]] = [data]
    places += [entry for entry in profiles[:10] if isinstance(entry, Mapping)]
    width, height = _side(data.get("width")), _side(data.get("height"))
    sizes = tuple(sorted(set(_sizes(data.get("sizes"))), key=_area, reverse=True))
    if (width is None or height is None) and not sizes:
        return None
    limits = {
        name: next((found for place in places if (found := _number(place.get(name)))), None)
        for name in ("maxWidth", "maxHeight", "maxArea")
    }
    levels = _LEVEL.findall(" ".join(entry for entry in profiles[:10] if isinstance(entry, str)))
    return ImageInfo(
        version=_version(data, has_limits=any(limits.values())),
        width=width,
        height=height,
        sizes=sizes,
        max_width=limits["maxWidth"],
        # "If maxWidth is specified and maxHeight is not, then … maxHeight = maxWidth."
        max_height=limits["maxHeight"] or limits["maxWidth"],
        max_area=limits["maxArea"],
        level=int(levels[0]) if levels else None,
        features=_words(places, "supports", "extraFeatures"),
        qualities=_words(places, "qualities", "extraQualities"),
        formats=_words(places, "formats", "extraFormats", "preferredFormats"),
    )


def bounded_urls(
    info: ImageInfo, service: str, *, max_side: int | None = None, max_pixels: int | None = None
) -> list[str]:
    """Return addresses of whole images that a service says that it gives, the largest first.

    They respect its limits and ours: `max_side` and `max_pixels` (width × height). A service that
    scales gives the largest that both allow, and halves of it, beside the sizes that it has
    ready; one of level 0 only the latter. Sizes are written in the canonical form: `w,h` since
    version 3.0 (section 4.7), `w,` before (2.1, sections 4.7 and 5.2).
    """
    sides = [side for side in (info.max_width, max_side) if side is not None]
    max_width = min(sides, default=None)
    sides = [side for side in (info.max_height, max_side) if side is not None]
    max_height = min(sides, default=None)
    areas = [area for area in (info.max_area, max_pixels) if area is not None]
    max_area = min(areas, default=None)

    def allowed(size: Size) -> bool:
        return (
            (max_width is None or size[0] <= max_width)
            and (max_height is None or size[1] <= max_height)
            and (max_area is None or _area(size) <= max_area)
        )

    found = [size for size in info.sizes if allowed(size)]
    if info.width is not None and info.height is not None:
        full = info.width, info.height
        if info.scales:
            scale = _largest_scale(full, max_width, max_height, max_area)
            found += (
                size
                for rounded in _halves(full, scale)
                if (size := next(filter(allowed, rounded), None)) is not None
            )
        elif not info.sizes and allowed(full):
            found.append(full)
    urls = []
    kept: list[Size] = []
    for size in sorted(found, key=_area, reverse=True):
        # Rounding differs between services: what differs by a pixel is the same size.
        if not kept or max(abs(kept[-1][0] - size[0]), abs(kept[-1][1] - size[1])) > 1:
            kept.append(size)
            urls.append(_image_url(service, info.version, _written(size, info)))
    return urls


def _written(size: Size, info: ImageInfo) -> str:
    if not info.scales and size not in info.sizes:
        return "max" if info.version.startswith("3") else "full"
    return f"{size[0]},{size[1]}" if info.version.startswith("3") else f"{size[0]},"


def _image_url(service: str, version: str | None, size: str) -> str:
    quality = "native" if version is not None and version.startswith("1") else "default"
    return f"{service}/full/{size}/0/{quality}.jpg"


def _largest_scale(
    full: Size, max_width: int | None, max_height: int | None, max_area: int | None
) -> float:
    """Return the largest factor, at most 1, that fits all limits."""
    factors = [1.0]
    if max_width is not None:
        factors.append(max_width / full[0])
    if max_height is not None:
        factors.append(max_height / full[1])
    if max_area is not None:
        factors.append(math.sqrt(max_area / _area(full)))
    return min(factors)


def _halves(full: Size, scale: float) -> Iterator[tuple[Size, Size]]:
    """Yield the full size at a scale, then halves of that until it is a thumbnail.

    Each comes twice: as services round it, and with the height rounded down, for where the former
    exceeds a limit by a pixel.
    """
    while True:
        width = max(1, int(full[0] * scale + 1e-6))
        height = width * full[1] / full[0]
        yield (width, max(1, round(height))), (width, max(1, int(height)))
        if width == 1 or max(width, height) < 2 * SMALLEST_SIDE:
            return
        scale /= 2


def _area(size: Size) -> int:
    return size[0] * size[1]


def _number(value: object) -> int | None:
    """Return a positive whole number, written as a number or as words; None for all else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _side(value: object) -> int | None:
    side = _number(value)
    return side if side is not None and side <= LARGEST_SIDE else None


def _sizes(value: object) -> Iterator[Size]:
    for entry in value[:MAX_SIZES] if isinstance(value, list) else ():
        if isinstance(entry, Mapping):
            width, height = _side(entry.get("width")), _side(entry.get("height"))
            if width is not None and height is not None:
                yield width, height


def _words(places: list[Mapping[object, object]], *names: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for place in places:
        for name in names:
            values = place.get(name)
            for word in values[:MAX_SIZES] if isinstance(values, list) else ():
                if isinstance(word, str):
                    found[word] = None
    return tuple(found)


def _version(data: Mapping[object, object], *, has_limits: bool) -> str:
    """Return the version of the Image API that a service's description names; else "2"."""
    if (known := known_version(data)) is None:
        return "2"
    # The context of 2.0 and 2.1 is one, but limits were new in 2.1.
    return "2.1" if known == "2" and has_limits else known


def known_version(service: Mapping[object, object]) -> str | None:
    """Return the version that a service's type, context or profile names; None if none does."""
    kind = service.get("type", service.get("@type"))
    if isinstance(kind, str) and kind.startswith("ImageService") and kind[12:13] in ("1", "2", "3"):
        return kind[12]
    for name in ("@context", "profile", "dcterms:conformsTo"):
        values = service.get(name)
        for value in values[:10] if isinstance(values, list) else (values,):
            if not isinstance(value, str):
                continue
            if match := _CONTEXT.search(value):
                return f"{match[1]}.{match[2]}" if match[2] else match[1]
            if "image-api" in value:  # library.stanford.edu, where version 1.0 lived
                return "1.0"
    return None
