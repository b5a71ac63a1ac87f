"""What all rooms share: rendering templates, serving files, and saying that nothing is there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from demo.answers import Representation, answer
from demo.exhibition import Exhibition
from demo.images import CONTENT_TYPES

HERE = Path(__file__).parent
T = TypeVar("T")


@dataclass(frozen=True)
class PageNumber:
    """Which page of a listing this is, and how many there are."""

    number: int
    last: int

    @classmethod
    def asked(cls, request: Request, items: int, per_page: int) -> PageNumber | None:
        """Read `?page=`; None if there is no such page."""
        number = request.query_params.get("page", "1")
        last = max(1, -(-items // per_page))
        if not number.isdecimal() or len(number) > 6 or not 1 <= int(number) <= last:
            return None
        return cls(int(number), last)

    def cut(self, items: Sequence[T], per_page: int) -> Sequence[T]:
        """The items on this page."""
        return items[(self.number - 1) * per_page : self.number * per_page]


def base_of(request: Request) -> str:
    """The museum's own address, as the visitor wrote it."""
    return str(request.base_url).rstrip("/")


class Pages:
    """Pages and files of one exhibition."""

    def __init__(self, exhibition: Exhibition) -> None:
        self.shown = exhibition
        self.templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.kept: dict[str, Representation] = {}
        self.read = lru_cache(maxsize=512)(self._read)

    def page(self, request: Request, key: str | None, template: str, **values: Any) -> Response:
        """A rendered page; under a key it is rendered once, since nothing here ever changes."""
        found = None if key is None else self.kept.get(key)
        if found is None:
            html = self.templates.get_template(template).render(museum=self.shown, **values)
            found = Representation(html.encode(), "text/html; charset=utf-8")
            if key is not None:
                self.kept[key] = found
        return answer(request, found)

    async def missing(self, request: Request) -> Response:
        """The page for everything that is not there."""
        html = self.templates.get_template("missing.html").render(museum=self.shown)
        return Response(html, status_code=404, media_type="text/html")

    def data(
        self,
        request: Request,
        document: Mapping[str, Any],
        content_type: str = "application/json",
    ) -> Response:
        """A JSON document for programs from anywhere."""
        body = json.dumps(document, ensure_ascii=False).encode()
        headers = {"Access-Control-Allow-Origin": "*"}
        return answer(request, Representation(body, content_type, headers=headers))

    def no_data(self, status: int, reason: str) -> Response:
        """A JSON document that says why there is none."""
        body = json.dumps({"error": reason}, ensure_ascii=False)
        headers = {"Access-Control-Allow-Origin": "*"}
        return Response(body, status, headers, "application/json")

    async def file(self, request: Request, find: Callable[[], Path | None]) -> Response:
        """A file; it may have to be painted first, which must not hold up the others."""
        path = await run_in_threadpool(find)
        if path is None:
            return await self.missing(request)
        try:
            status = path.stat()
            found = self.read(path, (status.st_mtime_ns, status.st_size))
        except OSError:
            return await self.missing(request)
        return answer(request, found)

    @staticmethod
    def _read(path: Path, _changed: tuple[int, int]) -> Representation:
        kind = CONTENT_TYPES.get(path.suffix.lower().lstrip("."), "application/octet-stream")
        headers = {"Access-Control-Allow-Origin": "*"}
        return Representation(path.read_bytes(), kind, path.stat().st_mtime, headers)
