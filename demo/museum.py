"""The museum as a web application: pages, images, and the counters that tests read."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo import linkeddata
from demo.answers import Representation, answer
from demo.catalogue import PER_CHUNK, PER_PAGE
from demo.exhibition import Entry, Exhibition, Listing
from demo.open_data import OpenData
from demo.pages import HERE, PageNumber, Pages, base_of
from demo.wing_rooms import WingRooms
from demo.wings import Layout

TEMPLATES: dict[Layout, str] = {
    "linked": "linked_work.html",
    "social": "social_work.html",
    "microdata": "microdata_work.html",
}
"""Layouts with a template of their own; the others share the usual one."""

PROPERTIES = {
    "date": "dateCreated",
    "medium": "artMedium",
    "dimensions": "size",
    "accession": "identifier",
    "classification": "artform",
    "place": "locationCreated",
    "credit": "creditText",
    "institution": "sourceOrganization",
}
"""Schema.org's names of what a label says, as far as it has any."""


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


class _Rooms:
    """The handlers, one per kind of page, around one exhibition."""

    def __init__(self, exhibition: Exhibition, crawl_delay: float) -> None:
        self.shown = exhibition
        self.pages = Pages(exhibition)
        self.crawl_delay = crawl_delay
        self.makers = exhibition.makers
        self.terms = {unquote(href): listing for href, listing in exhibition.terms.items()}
        self.objects = {
            entry.accession: entry for entry in exhibition.entries.values() if entry.accession
        }
        known = exhibition.catalogue.works if exhibition.catalogue else ()
        self.works = {work.id: work for work in known}
        self.visits: Visits | None = None

    def routes(self) -> list[Route]:
        """Path to handler; the first that fits is taken."""
        routes: list[tuple[str, Callable[..., Any]]] = [
            ("/", self.home),
            ("/category/{slug}", self.category),
            ("/color/{slug}", self.color),
            ("/style/{slug}", self.term),
            ("/genre/{slug}", self.term),
            ("/period/{slug}", self.term),
            ("/tag/{slug}", self.term),
            ("/new", self.new),
            ("/api/recent", self.api_recent),
            ("/work/{id:path}", self.work),
            ("/object/{number}", self.object),
            ("/artist/{slug}", self.artist),
            ("/image/{name:path}", self.image),
            ("/thumb/{name:path}", self.thumb),
            ("/static/{name}", self.static),
            ("/robots.txt", self.robots),
            ("/private/vault", self.vault),
            ("/_truth.json", self.truth),
            ("/_requests.json", self.requests),
        ]
        if self.shown.catalogue is not None:
            routes += WingRooms(self.pages, self.shown.catalogue).routes()
            routes += OpenData(self.pages, self.shown.catalogue).routes()
        return [
            *(Route(path, handler, methods=["GET"]) for path, handler in routes),
            Route("/_reset", self.reset, methods=["POST"]),
            Route("/{rest:path}", self.pages.missing, methods=["GET"]),
        ]

    async def home(self, request: Request) -> Response:
        """Links to every category, colour and wing, and to the rendered listing."""
        return self.pages.page(request, "/", "home.html")

    async def listing(self, request: Request, kind: str, listing: Listing | None) -> Response:
        """One page of a listing."""
        items = listing.items if listing else ()
        page = PageNumber.asked(request, len(items), PER_PAGE)
        if listing is None or page is None:
            return await self.pages.missing(request)
        named = listing.href.removeprefix("/category/")
        with_session = kind == "category" and unquote(named) in self.shown.with_sessions
        # A visitor who has no session yet gets one with every link, a new one each time.
        session = secrets.token_hex(16) if with_session else ""
        return self.pages.page(
            request,
            None if session else f"{listing.href}?{page.number}",
            "listing.html",
            listing=listing,
            kind=kind,
            items=page.cut(items, PER_PAGE),
            page=page,
            query=f"?sid={session}" if session else "",
            path=f"{listing.href};jsessionid={session.upper()}" if session else "",
        )

    async def category(self, request: Request) -> Response:
        """A listing by category."""
        slug = request.path_params["slug"]
        # A session may hang on the path. Names of folders may hold a semicolon themselves.
        found = self.shown.categories.get(slug.partition(";jsessionid=")[0])
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
            return await self.pages.missing(request)
        return self.pages.page(request, "/new", "new.html", listing=self.shown.recent)

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
        return await self.entry(request, self.shown.entries.get(request.path_params["id"]))

    async def object(self, request: Request) -> Response:
        """The same page under the number that the work has in the inventory."""
        return await self.entry(request, self.objects.get(request.path_params["number"]))

    async def entry(self, request: Request, entry: Entry | None) -> Response:
        """The page of a work in its layout."""
        if entry is None:
            return await self.pages.missing(request)
        template = TEMPLATES.get(entry.layout, "work.html")
        if entry.layout in ("linked", "social"):
            # These name their own address, which is as the visitor wrote it.
            base, scripts = base_of(request), []
            if entry.layout == "linked":
                scripts = linkeddata.scripts(self.works[entry.id], base)
            return self.pages.page(request, None, template, work=entry, base=base, scripts=scripts)
        return self.pages.page(
            request, f"/work/{entry.id}", template, work=entry, properties=PROPERTIES
        )

    async def artist(self, request: Request) -> Response:
        """One artist with their works."""
        found = self.makers.get(request.path_params["slug"])
        if found is None:
            return await self.pages.missing(request)
        maker, entries = found
        return self.pages.page(
            request, f"/artist/{maker.id}", "artist.html", maker=maker, entries=entries
        )

    async def vault(self, request: Request) -> Response:
        """The page that polite crawlers never see."""
        if self.shown.vault is None:
            return await self.pages.missing(request)
        return self.pages.page(request, "/private/vault", "vault.html")

    async def image(self, request: Request) -> Response:
        """The bytes of an image, exactly as they lie on disk."""
        name = request.path_params["name"]
        return await self.pages.file(request, lambda: self.shown.image_file(name))

    async def thumb(self, request: Request) -> Response:
        """A small JPEG."""
        name = request.path_params["name"]
        return await self.pages.file(request, lambda: self.shown.thumb_file(name))

    async def static(self, request: Request) -> Response:
        """The style sheet and the scripts."""
        path = HERE / "static" / request.path_params["name"]
        kind = {".css": "text/css", ".js": "text/javascript"}.get(path.suffix)
        if kind is None or not path.is_file():
            return await self.pages.missing(request)
        return answer(request, Representation(path.read_bytes(), f"{kind}; charset=utf-8"))

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
