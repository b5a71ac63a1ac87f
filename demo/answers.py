"""Answers with validators, and 304 for those who have them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from functools import cached_property

from starlette.requests import Request
from starlette.responses import Response

# Generated pages have no date of their own; a fixed one keeps restarts cacheable.
OPENED = 1_767_600_000.0


@dataclass(frozen=True)
class Representation:
    """Bytes to serve, with what a cache needs to ask for them again."""

    body: bytes
    content_type: str
    modified: float = OPENED
    headers: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def etag(self) -> str:
        """A strong validator of the bytes."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:24]}"'


def not_modified(headers: Mapping[str, str], etag: str, modified: float) -> bool:
    """Whether a conditional request may be answered with 304 (RFC 9110, section 13)."""
    asked = headers.get("if-none-match")
    if asked is not None:
        tags = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
        return "*" in tags or etag in tags
    since = headers.get("if-modified-since")
    if since is None:
        return False
    try:
        return int(modified) <= parsedate_to_datetime(since).timestamp()
    except (TypeError, ValueError):
        return False


def answer(request: Request, found: Representation) -> Response:
    """The bytes, or word that they are known already."""
    headers = {
        "ETag": found.etag,
        "Last-Modified": formatdate(found.modified, usegmt=True),
        "Cache-Control": "no-cache",
        **found.headers,
    }
    if not_modified(request.headers, found.etag, found.modified):
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type=found.content_type, headers=headers)
