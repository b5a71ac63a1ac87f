"""The museum as a web application: pages, images, and the counters that tests read."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from email.utils import formatdate, parsedate_to_datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.catalogue import PER_CHUNK, PER_PAGE
from demo.exhibition import Exhibition, Listing
from demo.images import CONTENT_TYPES

HERE = Path(__file__).parent

# Generated pages have no date of their own; a fixed one keeps restarts cacheable.
OPENED = 1_767_600_000.0


@dataclass(frozen=True)
class Representation:
    """Bytes to serve, with what a cache needs to ask for them again."""

    body: bytes
    content_type: str
    modified: float = OPENED

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


class Visits:
    """Counts requests by path and answers by status, as ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.paths: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()

    def reset(self) -> None:
        """Start counting again."""
        self.paths.clear()
        self.statuses.clear()

    def report(self) -> dict[str, Any]:
        """What was counted since the start or the last reset."""
        kinds: Counter[str] = Counter()
        for path, count in self.paths.items():
            kinds[path.split("/")[1] or "home"] += count
        return {
            "total": sum(self.paths.values()),
            "kinds": dict(kinds),
            "statuses": dict(self.statuses),
            "paths": dict(self.paths),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count, unless it is one of the museum's own endpoints for tests."""
        if scope["type"] != "http" or scope["path"].startswith("/_"):
            await self.app(scope, receive, send)
            return
        self.paths[scope["path"]] += 1

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.statuses[str(message["status"])] += 1
                MutableHeaders(scope=message)["Server"] = "unpainted"
            await send(message)

        await self.app(scope, receive, counted)


@dataclass(frozen=True)
class _Page:
    number: int
    last: int


def _answer(request: Request, found: Representation) -> Response:
    headers = {
        "ETag": found.etag,
        "Last-Modified": formatdate(found.modified, usegmt=True),
        "Cache-Control": "no-cache",
    }
    if not_modified(request.headers, found.etag, found.modified):
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type=found.content_type, headers=headers)


class _Rooms:
    """The handlers, one per kind of page, around one exhibition."""

    def __init__(self, exhibition: Exhibition, crawl_delay: float) -> None:
        self.shown = exhibition
        self.crawl_delay = crawl_delay
        self.makers = exhibition.makers
        self.terms = {unquote(href): listing for href, listing in exhibition.terms.items()}
        self.templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.pages: dict[str, Representation] = {}
        self.read = lru_cache(maxsize=512)(self._read)
        self.visits: Visits | None = None

    def routes(self) -> list[Route]:
        """Path to handler; the order matters to nobody."""
        routes: list[tuple[str, Callable[..., Any], Sequence[str]]] = [
            ("/", self.home, ("GET",)),
            ("/category/{slug}", self.category, ("GET",)),
            ("/color/{slug}", self.color, ("GET",)),
            ("/style/{slug}", self.term, ("GET",)),
            ("/genre/{slug}", self.term, ("GET",)),
            ("/period/{slug}", self.term, ("GET",)),
            ("/tag/{slug}", self.term, ("GET",)),
            ("/new", self.new, ("GET",)),
            ("/api/recent", self.api_recent, ("GET",)),
            ("/work/{id:path}", self.work, ("GET",)),
            ("/artist/{slug}", self.artist, ("GET",)),
            ("/image/{name:path}", self.image, ("GET",)),
            ("/thumb/{name:path}", self.thumb, ("GET",)),
            ("/static/{name}", self.static, ("GET",)),
            ("/robots.txt", self.robots, ("GET",)),
            ("/private/vault", self.vault, ("GET",)),
            ("/_truth.json", self.truth, ("GET",)),
            ("/_requests.json", self.requests, ("GET",)),
            ("/_reset", self.reset, ("POST",)),
            ("/{rest:path}", self.missing, ("GET",)),
        ]
        return [Route(path, handler, methods=list(methods)) for path, handler, methods in routes]

    def page(self, request: Request, key: str, template: str, **values: Any) -> Response:
        """A rendered page; rendering happens once, since nothing here ever changes."""
        if key not in self.pages:
            html = self.templates.get_template(template).render(museum=self.shown, **values)
            self.pages[key] = Representation(html.encode(), "text/html; charset=utf-8")
        return _answer(request, self.pages[key])

    async def missing(self, request: Request) -> Response:
        """The page for everything that is not there."""
        html = self.templates.get_template("missing.html").render(museum=self.shown)
        return Response(html, status_code=404, media_type="text/html")

    async def home(self, request: Request) -> Response:
        """Links to every category, colour and the rendered listing."""
        return self.page(request, "/", "home.html")

    async def listing(self, request: Request, kind: str, listing: Listing | None) -> Response:
        """One page of a listing."""
        number = request.query_params.get("page", "1")
        if listing is None or not number.isdecimal() or len(number) > 6:
            return await self.missing(request)
        last = max(1, -(-len(listing.items) // PER_PAGE))
        page = _Page(int(number), last)
        if not 1 <= page.number <= last:
            return await self.missing(request)
        items = listing.items[(page.number - 1) * PER_PAGE : page.number * PER_PAGE]
        return self.page(
            request,
            f"{listing.href}?{page.number}",
            "listing.html",
            listing=listing,
            kind=kind,
            items=items,
            page=page,
        )

    async def category(self, request: Request) -> Response:
        """A listing by category."""
        found = self.shown.categories.get(request.path_params["slug"])
        return await self.listing(request, "category", found)

    async def color(self, request: Request) -> Response:
        """A listing by colour."""
        found = self.shown.colors.get(request.path_params["slug"])
        return await self.listing(request, "color", found)

    async def term(self, request: Request) -> Response:
        """A listing by style, genre, period or tag; no category page links here."""
        return await self.listing(request, "term", self.terms.get(request.scope["path"]))

    async def new(self, request: Request) -> Response:
        """The listing that a script fills while one scrolls."""
        if self.shown.recent is None:
            return await self.missing(request)
        return self.page(request, "/new", "new.html", listing=self.shown.recent)

    async def api_recent(self, request: Request) -> Response:
        """What that script asks for."""
        offset = request.query_params.get("offset", "0")
        if self.shown.recent is None or not offset.isdecimal() or len(offset) > 6:
            return JSONResponse({"error": "offset must be a whole number"}, status_code=404)
        items = self.shown.recent.items
        start = int(offset)
        return JSONResponse(
            {
                "offset": start,
                "total": len(items),
                "works": [asdict(item) for item in items[start : start + PER_CHUNK]],
            }
        )

    async def work(self, request: Request) -> Response:
        """One work."""
        entry = self.shown.entries.get(request.path_params["id"])
        if entry is None:
            return await self.missing(request)
        return self.page(request, f"/work/{entry.id}", "work.html", work=entry)

    async def artist(self, request: Request) -> Response:
        """One artist with their works."""
        found = self.makers.get(request.path_params["slug"])
        if found is None:
            return await self.missing(request)
        maker, entries = found
        return self.page(
            request, f"/artist/{maker.id}", "artist.html", maker=maker, entries=entries
        )

    async def vault(self, request: Request) -> Response:
        """The page that polite crawlers never see."""
        if self.shown.vault is None:
            return await self.missing(request)
        return self.page(request, "/private/vault", "vault.html")

    @staticmethod
    def _read(path: Path, _changed: tuple[int, int]) -> Representation:
        kind = CONTENT_TYPES.get(path.suffix.lower().lstrip("."), "application/octet-stream")
        return Representation(path.read_bytes(), kind, path.stat().st_mtime)

    async def file(self, request: Request, find: Callable[[str], Path | None]) -> Response:
        """An image file; it may have to be painted first, which must not hold up the others."""
        path = await run_in_threadpool(find, request.path_params["name"])
        if path is None:
            return await self.missing(request)
        try:
            status = path.stat()
            found = self.read(path, (status.st_mtime_ns, status.st_size))
        except OSError:
            return await self.missing(request)
        return _answer(request, found)

    async def image(self, request: Request) -> Response:
        """The bytes of an image, exactly as they lie on disk."""
        return await self.file(request, self.shown.image_file)

    async def thumb(self, request: Request) -> Response:
        """A small JPEG."""
        return await self.file(request, self.shown.thumb_file)

    async def static(self, request: Request) -> Response:
        """The style sheet and the script."""
        kinds = {"museum.css": "text/css", "new.js": "text/javascript"}
        name = request.path_params["name"]
        if name not in kinds:
            return await self.missing(request)
        body = (HERE / "static" / name).read_bytes()
        return _answer(request, Representation(body, f"{kinds[name]}; charset=utf-8"))

    async def robots(self, request: Request) -> Response:
        """What crawlers may do here."""
        lines = ["User-agent: *", "Disallow: /private/", "Disallow: /api/", "Disallow: /_"]
        if self.crawl_delay > 0:
            lines.append(f"Crawl-delay: {self.crawl_delay:g}")
        return Response("\n".join(lines) + "\n", media_type="text/plain")

    async def truth(self, request: Request) -> Response:
        """The ground truth."""
        base = str(request.base_url).rstrip("/")
        truth = await run_in_threadpool(self.shown.truth, base)
        return Response(json.dumps(truth, ensure_ascii=False), media_type="application/json")

    async def requests(self, request: Request) -> Response:
        """What was asked for since the start."""
        return JSONResponse(self.visits.report() if self.visits else {})

    async def reset(self, request: Request) -> Response:
        """Zero the counters."""
        if self.visits:
            self.visits.reset()
        return Response(status_code=204)


def build_museum(exhibition: Exhibition, crawl_delay: float = 0.05) -> ASGIApp:
    """The application, ready for any ASGI server."""
    rooms = _Rooms(exhibition, crawl_delay)
    visits = Visits(Starlette(routes=rooms.routes()))
    rooms.visits = visits
    return visits
