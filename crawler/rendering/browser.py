"""One Chromium with scrapy-playwright: started, shown pages, and ended whatever state it is in.

Imported when the first page needs it: scrapy-playwright is an extra.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

# As scrapy-playwright imports it: the public API does not tell this error from the others.
from playwright._impl._errors import TargetClosedError
from playwright.async_api import Error, Page, Route
from playwright.async_api import Request as PageRequest
from playwright.async_api import TimeoutError as PlaywrightTimeout
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.exceptions import UnsupportedURLSchemeError
from scrapy.http import Response
from scrapy_playwright.handler import (  # type: ignore[import-untyped]
    Config,
    ScrapyPlaywrightDownloadHandler,
)

from crawler.rendering import RendererDied, RenderTimeout
from crawler.rendering.chromium import ChromiumTask
from crawler.rendering.net_errors import refused, unreachable
from crawler.rendering.proxy import GuardProxy
from crawler.rendering.visit import Visit
from storage.embedded.processes import birth

logger = logging.getLogger(__name__)

Count = Callable[[str], None]

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--dns-prefetch-disable",
    "--no-pings",
    # WebRTC would reach and tell addresses past the proxy. Chromium knows the first name, its
    # headless shell the second.
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
)
# For each page: nothing is kept, granted or downloaded.
CONTEXT = {
    "viewport": {"width": 1280, "height": 1600},
    "accept_downloads": False,
    "ignore_https_errors": False,
    "permissions": [],
    "service_workers": "block",
}
# A page that closes itself could not be read.
PREPARATION = "window.close = () => {};"
_DETAIL_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds until a browser counts as one that hangs."""

    start: float = 30.0
    close: float = 10.0


class Browser:
    """A running Chromium, which shows each page in a context of its own that ends with the page.

    So no page sees what another left behind (cookies, storage, cache), and what pages leak goes
    with them.
    """

    def __init__(
        self, handler: Handler, proxy: GuardProxy, pid: int, patience: Patience, count: Count
    ) -> None:
        """Use `start`."""
        self.proxy = proxy
        self.pid = pid
        self.shown = 0
        self._visits: set[Visit] = set()
        self._handler = handler
        self._patience = patience
        self._count = count
        self._born = birth(pid)
        # Playwright starts the program, which may be a script, as the leader of a group.
        self._group = os.getpgid(pid)
        self._driver = _parent(self._group)
        self._is_lost = False
        handler.browser.on("disconnected", self._lose)

    @classmethod
    async def start(
        cls, crawler: Crawler, program: Path, proxy: GuardProxy, patience: Patience, count: Count
    ) -> Self:
        """Start `program`; raise RendererDied where that fails.

        Args:
            crawler: gives settings and statistics to scrapy-playwright.
            program: Chromium, or a browser that is made of it.
            proxy: everything that pages ask for goes through it.
            patience: how long it may take.
            count: is told by name what was done, left out or refused.
        """
        # Its warnings, with tracebacks, would repeat what failures say.
        logging.getLogger("scrapy-playwright").setLevel(logging.ERROR)
        options = launch_options(program, proxy, patience)
        while True:
            handler = Handler(crawler, options)
            try:
                async with asyncio.timeout(2 * patience.start):
                    pid = await handler.launch()
                return cls(handler, proxy, pid, patience, count)
            except (Error, OSError, TimeoutError) as error:
                await handler.end(patience.close)
                if options["chromium_sandbox"] and "sandboxing failed" in str(error):
                    logger.warning("Chromium runs without its sandbox: the system allows none")
                    options = {**options, "chromium_sandbox": False}
                    continue
                raise RendererDied(
                    f"{program} could not be started ({_why(error)}): name a Chromium with "
                    "ARTWORKS_CHROMIUM, or install it with `make services`"
                ) from error
            except BaseException:
                await handler.end(patience.close)
                raise

    @property
    def is_idle(self) -> bool:
        """Whether it shows no page."""
        return not self._visits

    @property
    def is_usable(self) -> bool:
        """Whether it may be asked for another page."""
        return not self._is_lost and self._handler.browser.is_connected()

    async def show(self, request: Request, task: ChromiumTask) -> Response:
        """Load the page, do what the task says, and return what it looks like then.

        Raises RenderTimeout, RendererDied, PageUnreachable, and Scrapy's exceptions for what went
        wrong between the proxy and the site.
        """
        if not request.url.startswith(("http://", "https://")):
            raise UnsupportedURLSchemeError(f"{request.url} is neither http nor https")
        visit = Visit(task, int(request.meta.get("download_maxsize") or 0), self._count)
        self.shown += 1
        self._visits.add(visit)
        name = f"page {self.shown}"
        seconds = task.options.timeout
        try:
            async with asyncio.timeout(seconds):
                response = await visit.unless_broken_off(self._handler.show(request, visit, name))
        except (TimeoutError, PlaywrightTimeout) as error:
            if not visit.has_begun:
                logger.warning("Chromium (process %d) opens no page: it is replaced", self.pid)
                self.kill()
            raise RenderTimeout(f"{request.url} was not rendered within {seconds:g} s") from error
        except Error as error:
            raise self._explain(request.url, error) from error
        finally:
            self._visits.discard(visit)
            await self._close_context(name)
        refusal = task.proxy.refusal(response.url) if response.status >= 400 else None
        if refusal is not None:
            raise refused(response.url, refusal)
        return response

    def kill(self) -> None:
        """End its processes at once; pages that it shows get RendererDied."""
        self._lose()
        if self._born is not None and birth(self.pid) == self._born:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._group, signal.SIGKILL)

    async def close(self) -> None:
        """End it, politely if it answers."""
        if not self.is_usable:
            self.kill()
        self._is_lost = True
        if await self._handler.end(self._patience.close):
            return
        self.kill()
        if await self._handler.end(self._patience.close):
            return
        if self._driver is not None and birth(self._driver[0]) == self._driver[1]:
            logger.warning("Playwright's driver (process %d) hangs: it is killed", self._driver[0])
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._driver[0], signal.SIGKILL)
        await self._handler.end(self._patience.close)

    def _lose(self, *_: object) -> None:
        """Take it for gone."""
        self._is_lost = True
        for visit in self._visits:
            visit.break_off(TargetClosedError("the browser is gone"))

    def _explain(self, url: str, error: Error) -> Exception:
        said = " ".join(error.message.partition("Call log:")[0].split())[:_DETAIL_LENGTH]
        if "crashed" in said:
            return RendererDied(f"Chromium's process for {url} ended: {said}")
        if isinstance(error, TargetClosedError) or not self.is_usable:
            self._lose()
            return RendererDied(f"Chromium ended while it rendered {url}: {said}")
        refusal = self.proxy.refusal(url)
        return refused(url, refusal) if refusal is not None else unreachable(url, said)

    async def _close_context(self, name: str) -> None:
        """End what a page had; a browser that cannot even do that hangs, and is killed."""
        if not self.is_usable:
            return
        try:
            async with asyncio.timeout(self._patience.close):
                await self._handler.close_context(name)
        except TimeoutError:
            logger.warning("Chromium (process %d) hangs: it is replaced", self.pid)
            self.kill()
        except Error as error:
            logger.warning("Chromium (process %d) is gone: %s", self.pid, error.message)
            self.kill()


class Handler(ScrapyPlaywrightDownloadHandler):  # type: ignore[misc]
    """scrapy-playwright's handler for rendered requests, set up by us and not by settings."""

    def __init__(self, crawler: Crawler, options: dict[str, Any]) -> None:
        """`options` are those of Playwright's `launch`."""
        super().__init__(crawler)
        self.config: Config = replace(
            Config.from_settings(crawler.settings),
            browser_type_name="chromium",
            cdp_url=None,
            connect_url=None,
            launch_options=options,
            startup_context_kwargs={},
            max_pages_per_context=1,
            navigation_timeout_ms=None,
            # Scrapy's retries are counted; these would not be.
            target_closed_max_retries=0,
            restart_disconnected_browser=False,
        )
        # By the name of their context.
        self._visits: dict[str, Visit] = {}

    async def launch(self) -> int:
        """Start Playwright and the browser; return the browser's process id."""
        await self._launch()
        await self._maybe_launch_browser()
        session = await self.browser.new_browser_cdp_session()
        found = await session.send("SystemInfo.getProcessInfo")
        await session.detach()
        return int(next(it["id"] for it in found["processInfo"] if it["type"] == "browser"))

    async def show(self, request: Request, visit: Visit, context: str) -> Response:
        """Visit a page in a new context."""

        async def begin(page: Page, _: Request) -> None:
            visit.has_begun = True
            await page.add_init_script(PREPARATION)

        agent = request.headers.get("User-Agent") or self._crawler.settings["USER_AGENT"]
        meta = {
            "playwright": True,
            "playwright_context": context,
            "playwright_context_kwargs": {
                **CONTEXT,
                "user_agent": agent.decode("latin-1") if isinstance(agent, bytes) else agent,
            },
            "playwright_page_init_callback": begin,
            "playwright_page_event_handlers": visit.handlers(),
            "playwright_page_goto_kwargs": {"wait_until": "domcontentloaded", "timeout": 0},
        }
        # A copy: scrapy-playwright writes into the headers and the meta of what it is given.
        self._visits[context] = visit
        try:
            response: Response = await self.download_request(request.replace(meta=meta))
            return response
        finally:
            del self._visits[context]

    async def close_context(self, name: str) -> None:
        """Close a page's context, and all that belongs to it."""
        wrapper = self.context_wrappers.get(name)
        if wrapper is not None:
            await wrapper.context.close()

    async def end(self, seconds: float) -> bool:
        """Close the browser and Playwright; False where they do not end in time."""
        try:
            async with asyncio.timeout(seconds):
                problems = await asyncio.gather(self.close(), return_exceptions=True)
        except TimeoutError:
            return False
        for problem in filter(None, problems):
            logger.debug("Chromium did not end well: %s", problem)
        return True

    async def _download_request_with_page(
        self, request: Request, page: Page, spider: Spider
    ) -> Response:
        """Load the page and read it.

        scrapy-playwright's own would wait until everything is loaded, which with some pages is
        never, read bytes of any number, and fail on text that is no Unicode.
        """
        visit = self._visits[request.meta["playwright_context"]]
        _, download = await self._get_response_and_download(request, page, spider)
        return await visit.run(page) if download is None else visit.refused_download(request.url)

    def _make_request_handler(
        self, context_name: str, **_: object
    ) -> Callable[[Route, PageRequest], Any]:
        """Return what decides about each request of a page.

        Chromium's own headers are kept: the request's are for plain requests, but for the user
        agent, which the context has. To replace them, as scrapy-playwright does, takes another
        exchange with the browser for each request.
        """
        visit = self._visits[context_name]

        async def decide(route: Route, request: PageRequest) -> None:
            try:
                await (route.abort() if visit.leaves_out(request) else route.continue_())
            except Error as error:
                # The page was closed in the meantime.
                logger.debug("%s was not decided about: %s", request.url, error.message)

        return decide


def launch_options(program: Path, proxy: GuardProxy, patience: Patience) -> dict[str, Any]:
    """Return what Playwright's `launch` is given."""
    host = urlsplit(proxy.url).hostname
    return {
        "executable_path": str(program),
        "args": [
            *FLAGS,
            # Names are resolved by the proxy, and by nobody else.
            f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {host}",
        ],
        # Chromium refuses to be its own jailer as root.
        "chromium_sandbox": os.geteuid() != 0,
        "proxy": {
            "server": proxy.url,
            "username": proxy.username,
            "password": proxy.password,
            # Chromium would go to this machine's own addresses directly.
            "bypass": "<-loopback>",
        },
        "env": {
            name: value for name, value in os.environ.items() if not name.startswith("ARTWORKS_")
        },
        "timeout": patience.start * 1000,
        # Scrapy decides what a signal means.
        "handle_sigint": False,
        "handle_sigterm": False,
        "handle_sighup": False,
    }


def _why(error: BaseException) -> str:
    """Return what a browser that did not start said last, in one line."""
    lines = [line.strip(" -╔║╚═") for line in str(error).splitlines()]
    said = [line.partition("[err]")[2] for line in lines if "[err]" in line]
    ended = [line for line in lines if "process did exit" in line]
    told = [*said[-2:], *ended[:1]] or [line for line in lines if line][:1]
    return " ".join(" ".join(told).split())[:_DETAIL_LENGTH] or "it does not answer"


def _parent(pid: int) -> tuple[int, str] | None:
    """Return the process that started `pid`, with its birth."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    parent = int(fields[1])
    born = birth(parent)
    return None if born is None or parent in (1, os.getpid()) else (parent, born)
