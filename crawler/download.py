"""The HTTP client: Scrapy's aiohttp handler, with addresses checked when connecting.

Requests with `meta["chromium"]` are handed to the crawl's Chromium instead.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from scrapy import Request
from scrapy.core.downloader.handlers._aiohttp import AiohttpDownloadHandler
from scrapy.crawler import Crawler
from scrapy.http import Headers, Response

from crawler.bodies import Bodies, Body
from crawler.context import CrawlContext
from crawler.extensions.chromium import Chromium
from crawler.rendering import RendererMissing


class GuardedDownloadHandler(AiohttpDownloadHandler):
    """Refuses to connect to an address that the policy does not allow (raises AddressRefused).

    The time limit of a request is one for all of it: neither a slow drip nor a pause prolongs it.

    The check sees the address that the socket is about to connect to, so neither a redirect, nor
    a name that resolves to a private address, nor one that changes its mind gets around it.
    """

    # Experimental is its place in Scrapy's API, which may move; Scrapy's version is pinned.
    experimental: ClassVar[bool] = False

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        policy = CrawlContext.of(crawler).addresses

        def guarded_socket(address: Any) -> socket.socket:
            family, kind, protocol, _, where = address
            policy.check(str(where[0]), int(where[1]))
            return socket.socket(family=family, type=kind, proto=protocol)

        connector = self._session.connector
        assert connector is not None
        connector._socket_factory = guarded_socket  # type: ignore[attr-defined]
        limit = crawler.settings.getint("DOWNLOAD_BYTES_HELD")
        self._bodies = Bodies(limit, self._bytes_in_pipelines)
        self._growing: dict[Any, Body] = {}

    @staticmethod
    def _extract_headers(response: Any) -> Headers:
        """Return the head's lines as they were sent: not all servers write UTF-8."""
        return Headers(list(response.raw_headers))

    async def _read_response(self, response: Any, request: Request) -> Response:
        with self._bodies.body() as self._growing[response]:
            try:
                return await super()._read_response(response, request)
            finally:
                del self._growing[response]

    async def _iter_body_chunks(self, response: Any) -> AsyncIterator[bytes]:  # type: ignore[override]
        async for chunk in super()._iter_body_chunks(response):
            yield chunk
            await self._growing[response].grow(len(chunk))

    def _bytes_in_pipelines(self) -> int:
        """Return the size of the answers that were received and are not dealt with yet."""
        engine = self.crawler.engine
        slot = engine.scraper.slot if engine is not None else None
        return 0 if slot is None else slot.active_size

    async def download_request(self, request: Request) -> Response:
        """Fetch plainly, or have it rendered."""
        if "chromium" not in request.meta:
            return await super().download_request(request)
        chromium = self.crawler.get_extension(Chromium)
        if chromium is None:
            raise RendererMissing(
                "the page needs Chromium, and the setting EXTENSIONS leaves "
                "crawler.extensions.chromium.Chromium out"
            )
        return await chromium.download(request)
