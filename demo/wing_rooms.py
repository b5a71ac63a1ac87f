"""The wings for people: listings that scripts fill, an inventory, residents and their works."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from demo import linkeddata
from demo.catalogue import Catalogue
from demo.exhibition import RENDITIONS, Item, item, maker_of
from demo.iiif import Size, fitted
from demo.pages import PageNumber, Pages, base_of
from demo.wings import (
    DIGITAL,
    INVENTORY,
    LINKED,
    MICRODATA,
    PER_INVENTORY_PAGE,
    PER_RESIDENT_PAGE,
    PER_WING_CHUNK,
    PER_WING_PAGE,
    RESIDENCIES,
    RESPONSIVE,
    SOCIAL,
    STUDIO,
)

_RENDITION = re.compile(r"w_(\d{1,5}),c_limit")


class WingRooms:
    """The handlers of the wings that have pages."""

    def __init__(self, pages: Pages, catalogue: Catalogue) -> None:
        self.pages = pages
        self.shown = pages.shown
        self.residents = {artist.id: artist for artist in catalogue.residents}
        self.works = {
            artist.id: tuple(work.id for work in works)
            for artist, works in catalogue.residents.items()
        }
        self.pictures = {image.name: image for work in catalogue.works for image in work.images}

    def routes(self) -> list[tuple[str, Callable[..., Any]]]:
        """Path to handler."""
        return [
            ("/digital", self.digital),
            ("/api/digital", self.api_digital),
            ("/studio", self.studio),
            ("/api/studio", self.api_studio),
            ("/residents", self.all_residents),
            ("/resident/{slug}", self.resident),
            ("/inventory", self.inventory),
            *(
                (self.shown.wings[name].href, self._listing_of(name))
                for name in (LINKED, SOCIAL, MICRODATA, RESPONSIVE)
                if name in self.shown.wings
            ),
            ("/picture/{spec}/{name:path}", self.picture),
        ]

    def _items(self, wing: str) -> Sequence[Item]:
        found = self.shown.wings.get(wing)
        return found.items if found else ()

    def _listing_of(self, name: str) -> Callable[[Request], Any]:
        async def listing(request: Request) -> Response:
            items = self._items(name)
            page = PageNumber.asked(request, len(items), PER_WING_PAGE)
            if page is None:
                return await self.pages.missing(request)
            shown = page.cut(items, PER_WING_PAGE)
            script = None
            if name == LINKED:
                script = linkeddata.listing((one.href for one in shown), base_of(request))
            wing = self.shown.wings[name]
            return self.pages.page(
                request,
                None if script else f"{wing.href}?{page.number}",
                "wing.html",
                listing=wing,
                items=shown,
                page=page,
                script=script,
            )

        return listing

    async def digital(self, request: Request) -> Response:
        """The listing for browsers with modules."""
        return await self._scripted(request, DIGITAL, "digital.html")

    async def studio(self, request: Request) -> Response:
        """The listing with a button."""
        return await self._scripted(request, STUDIO, "studio.html")

    async def _scripted(self, request: Request, name: str, template: str) -> Response:
        if name not in self.shown.wings:
            return await self.pages.missing(request)
        wing = self.shown.wings[name]
        return self.pages.page(request, wing.href, template, listing=wing)

    async def api_digital(self, request: Request) -> Response:
        """The works behind a cursor, and the next cursor."""
        items = self._items(DIGITAL)
        after = request.query_params.get("after", "")
        hrefs = [one.href for one in items]
        if after and f"/work/{after}" not in hrefs:
            return self.pages.no_data(404, "there is no such work in this wing")
        start = hrefs.index(f"/work/{after}") + 1 if after else 0
        shown = items[start : start + PER_WING_CHUNK]
        more = start + len(shown) < len(items)
        return JSONResponse(
            {
                "works": [asdict(one) for one in shown],
                "next": shown[-1].href.removeprefix("/work/") if shown and more else None,
            }
        )

    async def api_studio(self, request: Request) -> Response:
        """The works of a page, and whether there are more."""
        items = self._items(STUDIO)
        page = PageNumber.asked(request, len(items), PER_WING_CHUNK)
        if page is None or not items:
            return self.pages.no_data(404, "there is no such page")
        shown = page.cut(items, PER_WING_CHUNK)
        more = page.number < page.last
        return JSONResponse({"works": [asdict(one) for one in shown], "more": more})

    async def all_residents(self, request: Request) -> Response:
        """The artists who stayed here."""
        if RESIDENCIES not in self.shown.wings:
            return await self.pages.missing(request)
        people = [
            (maker_of(artist), self.shown.entries[self.works[artist.id][0]])
            for artist in self.residents.values()
        ]
        return self.pages.page(
            request,
            "/residents",
            "residents.html",
            listing=self.shown.wings[RESIDENCIES],
            people=people,
        )

    async def resident(self, request: Request) -> Response:
        """An artist: who they are, and their works page by page."""
        artist = self.residents.get(request.path_params["slug"])
        if artist is None:
            return await self.pages.missing(request)
        works = self.works[artist.id]
        page = PageNumber.asked(request, len(works), PER_RESIDENT_PAGE)
        if page is None:
            return await self.pages.missing(request)
        return self.pages.page(
            request,
            f"/resident/{artist.id}?{page.number}",
            "resident.html",
            person=maker_of(artist),
            items=[item(self.shown.entries[id]) for id in page.cut(works, PER_RESIDENT_PAGE)],
            page=page,
        )

    async def inventory(self, request: Request) -> Response:
        """A table of works under their accession numbers."""
        items = self._items(INVENTORY)
        page = PageNumber.asked(request, len(items), PER_INVENTORY_PAGE)
        if page is None or not items:
            return await self.pages.missing(request)
        entries = self.shown.entries
        rows = [
            entries[one.href.removeprefix("/work/")] for one in page.cut(items, PER_INVENTORY_PAGE)
        ]
        return self.pages.page(
            request,
            f"/inventory?{page.number}",
            "inventory.html",
            listing=self.shown.wings[INVENTORY],
            rows=rows,
            page=page,
        )

    async def picture(self, request: Request) -> Response:
        """An image scaled to a width that pages offer; the full width is the original."""
        image = self.pictures.get(request.path_params["name"])
        match = _RENDITION.fullmatch(request.path_params["spec"])
        widths = (*RENDITIONS, image.width_px) if image else ()
        if image is None or match is None or int(match[1]) not in widths:
            return await self.pages.missing(request)
        full = Size(image.width_px, image.height_px)
        size = fitted(full, int(match[1]), full.height)
        return await self.pages.file(request, lambda: self._find(image.name, size))

    def _find(self, name: str, size: Size) -> Path | None:
        return self.shown.sized_file(name, size)
