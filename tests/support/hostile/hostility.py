"""One thing that goes wrong, and what a crawl has to make of it.

A hostility of kind `image` hangs on an honest page that carries its name; the page of one of kind
`artwork` and the listing of one of kind `listing` are hostile themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from support.hostile.answers import whole
from support.hostile.server import HOSTS, Answer

JPEG = "image/jpeg"


@dataclass(frozen=True)
class Stored:
    """What is stored in spite of it.

    `columns` of the artwork, or of the image (format, width, height); `images`: how many a work
    has; `works`: paths of the works that a listing leads to.
    """

    columns: Mapping[str, Any] = field(default_factory=dict)
    images: int | None = None
    works: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Hostility:
    """`expected` is a reason code, or what is stored.

    `host` is an address of the server, `more` are further paths there, and `fails_at` is the path
    of the failure where that is not its own.
    """

    name: str
    kind: Literal["listing", "artwork", "image"]
    answer: Answer
    expected: str | Stored
    host: str = HOSTS[0]
    more: Mapping[str, Answer] = field(default_factory=dict)
    fails_at: str = ""

    @property
    def path(self) -> str:
        return f"/{self.kind}/{self.name}"


def work_page(title: str, *parts: str) -> str:
    """An honest page of a work."""
    return f"<!doctype html><html><head></head><body><h1>{title}</h1>{''.join(parts)}</body></html>"


def links(*paths: str, kind: str = "work") -> str:
    return "".join(f'<a class="{kind}" href="{path}">{path}</a>' for path in paths)


def image(name: str, answer: Answer, expected: str | Stored, **options: Any) -> Hostility:
    return Hostility(name, "image", answer, expected, **options)


def artwork(name: str, answer: Answer, expected: str | Stored, **options: Any) -> Hostility:
    return Hostility(name, "artwork", answer, expected, **options)


def listing(name: str, answer: Answer, expected: str | Stored, **options: Any) -> Hostility:
    return Hostility(name, "listing", answer, expected, **options)


def stored(image_format: str, width: int = 64, height: int = 48) -> Stored:
    return Stored({"format": image_format, "width": width, "height": height})


def picture(data: bytes, content_type: str = JPEG) -> bytes:
    return whole(data, content_type)
