"""One Chromium with scrapy-playwright: started, shown pages, and ended whatever state it is in.

Imported when the first page needs it: scrapy-playwright is an extra.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from playwright.async_api import Error, Page
from playwright.async_api import Request as PageRequest
from playwright.async_api import TimeoutError as PlaywrightTimeout
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadCancelledError
from scrapy.http import Headers, HtmlResponse, Response
from scrapy.responsetypes import responsetypes
from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler
from scrapy_playwright.page import PageMethod

from crawler.rendering import PageUnreachable, RendererDied, RenderTimeout
from crawler.rendering.chromium import ChromiumTask
from crawler.rendering.net_errors import refused, unreachable
from crawler.rendering.proxy import GuardProxy
from crawler.rendering.visit import PREPARE, Visit
from storage.embedded.processes import birth

logger = logging.getLogger(__name__)

VIEWPORT = {"width": 1280, "height": 1600}
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--dns-prefetch-disable",
    "--no-pings",
    # Without these, WebRTC would tell and reach addresses past the proxy.
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy",
)
# Headers that are about the bytes as sent, not about what the browser made of them.
_ABOUT_BYTES = ("Content-Encoding", "Content-Length", "Transfer-Encoding")
_REASON_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a browser may take to do what it always can, in seconds."""

    start: float = 30.0
    close: float = 10.0


class Browser:
    """A running Chromium; each page is shown in a context of its own, which ends with it.

    So no page sees what another left behind (cookies, storage, cache), and what pages leak goes
    with their contexts.
    """

    def __init__(
        self,
        handler: _Handler,
        *,
        proxy: GuardProxy,
        pid: int,
        patience: Patience,
        count: Callable[[str], None],
    ) -> None:
        """Use `start`."""
        self.proxy = proxy
        self.pid = pid
        self.shown = 0
        self.open = 0
        self._handler = handler
        self._patience = patience
        self._count = count
        self._born = birth(pid)
        self._driver = _parent(pid)
        self._is_lost = False

    @classmethod
    async def start(
        cls,
        crawler: Crawler,
        program: Path,
        proxy: GuardProxy,
        patience: Patience,
        count: Callable[[str], None],
    ) -> Self:
        """Start `program`; raise RendererDied where it does not."""
        # Its warnings, with tracebacks, would repeat what failures say.
        logging.getLogger("scrapy-playwright").setLevel(logging.ERROR)
        options = _launch_options(program, proxy, patience)
        try:
            return await cls._start(crawler, options, proxy, patience, count)
        except RendererDied as error:
            if not options["chromium_sandbox"] or "sandbox" not in str(error):
                raise
            logger.warning(
                "Chromium runs without its sandbox, which this system does not allow: "
                "see https://chromium.googlesource.com/chromium/src/+/main/docs/linux/sandboxing.md"
            )
        options["chromium_sandbox"] = False
        return await cls._start(crawler, options, proxy, patience, count)

    @classmethod
    async def _start(
        cls,
        crawler: Crawler,
        options: dict[str, Any],
        proxy: GuardProxy,
        patience: Patience,
        count: Callable[[str], None],
    ) -> Self:
        handler = _Handler(crawler, options)
        try:
            async with asyncio.timeout(2 * patience.start):
                pid = await handler.launch()
        except BaseException as error:
            await _end(handler, patience.close)
            if isinstance(error, (Error, OSError, TimeoutError)):
                reason = " ".join(str(error).split())[-_REASON_LENGTH:] or "it does not answer"
                raise RendererDied(
                    f"{options['executable_path']} could not be started: {reason}; "
                    "check ARTWORKS_CHROMIUM, or run `make services` to install Chromium"
                ) from error
            raise
        return cls(handler, proxy=proxy, pid=pid, patience=patience, count=count)

    @property
    def is_usable(self) -> bool:
        """Whether it may be asked for another page."""
        return not self._is_lost and self._handler.browser.is_connected()

    async def show(self, request: Request, task: ChromiumTask) -> Response:
        """Load the page, do what the task says, and return what it looks like then.

        Raises RenderTimeout, RendererDied, PageUnreachable, and Scrapy's own exceptions for what
        went wrong between the proxy and the site.
        """
        limit = int(request.meta.get("download_maxsize", 0))
        visit = Visit(task, limit, self._count)
        self.shown += 1
        self.open += 1
        name = f"page {self.shown}"
        seconds = task.options.timeout
        try:
            async with asyncio.timeout(seconds):
                answer = await self._handler.show(request, visit, name, seconds)
        except (TimeoutError, PlaywrightTimeout) as error:
            raise RenderTimeout(f"{request.url} was not rendered within {seconds:g} s") from error
        except Error as error:
            raise self._explain(request.url, error, visit) from error
        except RuntimeError as error:
            # scrapy-playwright's word for a download, which contexts refuse.
            raise PageUnreachable(f"{request.url} is a file to download: {error}") from error
        finally:
            self.open -= 1
            await self._close_context(name)
        refusal = task.proxy.refusal(answer.url) if visit.status >= 400 else None
        if refusal is not None:
            raise refused(answer.url, refusal)
        return _response(answer, visit, limit)

    def _explain(self, url: str, error: Error, visit: Visit) -> Exception:
        said = " ".join(error.message.split())[:_REASON_LENGTH]
        if not self.is_usable:
            self._is_lost = True
            return RendererDied(f"Chromium ended while it rendered {url}: {said}")
        if "crashed" in said:
            return RendererDied(f"Chromium's process for {url} ended: {said}")
        refusal = self.proxy.refusal(url)
        return refused(url, refusal) if refusal is not None else unreachable(url, said)

    async def _close_context(self, name: str) -> None:
        """End what a page had; a browser that cannot even do that hangs, and is killed."""
        if self._is_lost:
            return
        try:
            async with asyncio.timeout(self._patience.close):
                await self._handler.close_context(name)
        except TimeoutError:
            logger.warning("Chromium (process %d) hangs: it is ended, and started anew", self.pid)
            self.kill()
        except Error as error:
            logger.warning("Chromium (process %d) is gone: %s", self.pid, error.message)
            self.kill()

    def kill(self) -> None:
        """End its processes at once; pages that it shows get RendererDied."""
        self._is_lost = True
        if self._born is not None and birth(self.pid) == self._born:
            _kill(self.pid, group=True)

    async def close(self) -> None:
        """End it, politely if it answers."""
        if not self.is_usable:
            self.kill()
        self._is_lost = True
        ended = await _end(self._handler, self._patience.close)
        if not ended:
            self.kill_driver()

    def kill_driver(self) -> None:
        """End Playwright's own process, and with it whatever it still holds."""


class _Handler(ScrapyPlaywrightDownloadHandler):
    """scrapy-playwright's handler for rendered requests only, set up by us and not by settings."""
