"""The museum for programs: a JSON API, and IIIF with images, manifests and collections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from demo import database, iiif
from demo.catalogue import Catalogue
from demo.pages import Pages, base_of


class OpenData:
    """The handlers of the collection database and of IIIF."""

    def __init__(self, pages: Pages, catalogue: Catalogue) -> None:
        self.pages = pages
        self.catalogue = catalogue
        self.works = {work.id: work for work in catalogue.works}
        self.services = iiif.services(catalogue.works)

    def routes(self) -> list[tuple[str, Callable[..., Any]]]:
        """Path to handler."""
        image = "/iiif/image/{version}/{name}"
        return [
            ("/data/v1/works", self.records),
            ("/data/v1/works/{id}", self.record),
            ("/iiif/collection.json", self.collection),
            ("/iiif/collection/{version}.json", self.subcollection),
            ("/iiif/{id}/manifest.json", self.manifest),
            (image, self.image_home),
            (f"{image}/info.json", self.info),
            (f"{image}/{{region}}/{{size}}/{{rotation}}/{{file}}", self.image),
        ]

    async def records(self, request: Request) -> Response:
        """One page of the collection database."""
        number = request.query_params.get("page", "1")
        known = number.isdecimal() and len(number) <= 6
        found = database.page(self.catalogue, int(number)) if known else None
        if found is None:
            return self.pages.no_data(404, f"there is no page {number[:20]}")
        return self.pages.data(request, found)

    async def record(self, request: Request) -> Response:
        """One record of the collection database."""
        work = self.works.get(_bare(request.path_params["id"]))
        if work is None or work.layout != "record":
            return self.pages.no_data(404, "there is no such record")
        return self.pages.data(request, database.record(work, base_of(request)))

    async def collection(self, request: Request) -> Response:
        """The collection of all manifests."""
        found = iiif.collection(self.catalogue, base_of(request))
        return self.pages.data(request, found, iiif.content_type("3", "presentation"))

    async def subcollection(self, request: Request) -> Response:
        """One part of it."""
        version = request.path_params["version"]
        found = iiif.subcollection(self.catalogue, version, base_of(request))
        if found is None:
            return self.pages.no_data(404, "there is no such collection")
        return self.pages.data(request, found, iiif.content_type(version, "presentation"))

    async def manifest(self, request: Request) -> Response:
        """The manifest of a work."""
        work = self.works.get(request.path_params["id"])
        if work is None or work.layout != "iiif":
            return self.pages.no_data(404, "there is no such manifest")
        kind = iiif.content_type(iiif.version_of(work), "presentation")
        return self.pages.data(request, iiif.manifest(work, base_of(request)), kind)

    def _service(self, request: Request) -> iiif.Service | None:
        key = (request.path_params["version"], request.path_params["name"])
        found = self.services.get(key)
        return found[1] if found else None

    async def image_home(self, request: Request) -> Response:
        """The bare address of a service leads to what it says about itself."""
        service = self._service(request)
        if service is None:
            return self.pages.no_data(404, "there is no such image")
        return RedirectResponse(f"{base_of(request)}{service.path}/info.json", 303)

    async def info(self, request: Request) -> Response:
        """What a service can do."""
        service = self._service(request)
        if service is None:
            return self.pages.no_data(404, "there is no such image")
        kind = iiif.content_type(service.version, "image")
        return self.pages.data(request, service.info(base_of(request)), kind)

    async def image(self, request: Request) -> Response:
        """The image, in full or scaled."""
        service = self._service(request)
        if service is None:
            return self.pages.no_data(404, "there is no such image")
        asked = (request.path_params[name] for name in ("region", "size", "rotation", "file"))
        try:
            size = service.requested(*asked)
        except iiif.Refusal as refusal:
            return self.pages.no_data(refusal.status, str(refusal))
        find = self.pages.shown.sized_file
        return await self.pages.file(request, lambda: find(service.name, size))


def _bare(segment: str) -> str:
    """Without a session that was put behind a semicolon."""
    return segment.partition(";")[0]
