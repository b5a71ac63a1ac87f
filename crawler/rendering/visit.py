"""What Chromium does with a page before it is read: the same as Splash does in `page.lua`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

from playwright._impl._errors import TargetClosedError
from playwright.async_api import Error, Page, Request
from playwright.async_api import Response as Document
from scrapy.exceptions import DownloadCancelledError
from scrapy.http import Headers, HtmlResponse, Response
from scrapy.responsetypes import responsetypes

from crawler.rendering import PageUnreachable
from crawler.rendering.chromium import ChromiumTask

# Until a script that is still loading, or a frame, counts as one that the page can do without.
LOAD_TIMEOUT_S = 10.0
WAIT_FOR_S = 10.0
# Until what scripts ask for counts as background: polling, streams.
QUIET_TIMEOUT_S = 5.0
POLL_S = 0.1
# In the response's flags.
FLAG = "chromium"

_NOT_LOADED = frozenset({"image", "media", "font"})
_AWAITED = frozenset({"fetch", "xhr", "script"})
_HTML = frozenset({"", "text/html", "application/xhtml+xml"})

# What Chromium shows in a viewer of its own, but with the bytes at hand.
_TEXT = re.compile(r"text/|application/(json|xml|[\w.-]+\+(json|xml))$")

_COUNT = "() => document.getElementsByTagName('*').length"
_LENGTH = "() => document.documentElement ? document.documentElement.outerHTML.length : 0"
_IS_THERE = "selector => document.querySelector(selector) !== null"
_CLICK = """selector => {
  const button = document.querySelector(selector);
  if (!button || button.disabled || !button.getClientRects().length) return false;
  button.click();
  return true;
}"""
# Some pages load when the end comes into view, some only on a scroll event: give them both. The
# end is out of view for a frame, or it could not come into view again.
_SCROLL = """async () => {
  const frame = () => new Promise(done => {
    requestAnimationFrame(done);
    setTimeout(done, 100);
  });
  window.scrollTo(0, 0);
  await frame();
  await frame();
  window.scrollTo(0, document.documentElement.scrollHeight);
  window.dispatchEvent(new Event('scroll'));
}"""


class Visit:
    """One page in one browser: follows what it loads, and acts on it until it is all there."""

    def __init__(self, task: ChromiumTask, max_bytes: int, count: Callable[[str], None]) -> None:
        """`count` is told by name what was done, left out or refused."""
        self.has_begun = False
        self._broken_off: asyncio.Future[Error] = asyncio.get_running_loop().create_future()
        self._scrolls = 0
        self._clicks = 0
        self._document: Document | None = None
        self._task = task
        self._max_bytes = max_bytes
        self._count = count
        self._pending = set[Request]()
        self._background = set[str]()
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()

    def handlers(self) -> dict[str, Callable[[Any], Any]]:
        """Return what is to be called on which event of the page."""
        return {
            "request": self._asked,
            "requestfinished": self._answered,
            "requestfailed": self._failed,
            "response": self._note_document,
            "popup": self._close_popup,
            "crash": lambda _: self.break_off(Error("Page crashed")),
        }

    def break_off(self, error: Error) -> None:
        """End the visit at once; what is being waited for may never come."""
        if not self._broken_off.done():
            self._broken_off.set_result(error)

    async def unless_broken_off(self, showing: Coroutine[Any, Any, Response]) -> Response:
        """Carry `showing` out; raise what `break_off` was told as soon as that happens."""
        task = asyncio.ensure_future(showing)
        try:
            either: set[asyncio.Future[Any]] = {task, self._broken_off}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise self._broken_off.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._broken_off.cancel()

    def leaves_out(self, request: Request) -> bool:
        """Whether something that the page asks for is not to be loaded."""
        kind = request.resource_type
        if self._task.options.images or kind not in _NOT_LOADED:
            return False
        self._count(f"not_loaded/{kind}")
        return True

    async def run(self, page: Page) -> Response:
        """Wait, scroll and click until the page grows no more, within its bounds; read it."""
        if self._content_type not in _HTML:
            return await self._as_it_is(page)
        if self._status < 400:
            await self._wait_for_load(page)
            await self._grow(page)
        if not page.url.startswith(("http://", "https://")):
            raise PageUnreachable(f"the page led to {page.url}, which is no page of the web")
        self._check_size(page.url, await look(page, _LENGTH) or 0)
        return await self._rendered(page)

    def refused_download(self, url: str) -> Response:
        """Return the head of what would have been downloaded from `url`, if it came so far."""
        if self._document is None:
            raise PageUnreachable(f"{url} is a file to download, and no page")
        return Response(
            self._document.url, status=self._status, headers=self._headers, flags=[FLAG]
        )

    async def _grow(self, page: Page) -> None:
        options = self._task.options
        await asyncio.sleep(options.wait)
        await self._wait_until_quiet()
        if options.wait_for is not None:
            await self._wait_for_element(page, options.wait_for)
        still = 0
        while still < 3:
            if options.until is not None and await look(page, f"!!({options.until})"):
                break
            before = await look(page, _COUNT) or 0
            if not await self._act(page):
                break
            await asyncio.sleep(options.wait)
            await self._wait_until_quiet()
            still = 0 if (await look(page, _COUNT) or 0) > before else still + 1

    async def _act(self, page: Page) -> bool:
        """Click and scroll once; False where neither could be done."""
        options, acted = self._task.options, False
        if (
            options.click is not None
            and self._clicks < options.max_clicks
            and await look(page, _CLICK, options.click)
        ):
            self._clicks += 1
            self._count("clicks")
            acted = True
        if self._task.scroll and self._scrolls < options.max_scrolls:
            await look(page, _SCROLL)
            self._scrolls += 1
            self._count("scrolls")
            acted = True
        return acted

    async def _wait_for_load(self, page: Page) -> None:
        try:
            async with asyncio.timeout(LOAD_TIMEOUT_S):
                await page.wait_for_load_state("load", timeout=0)
        except TimeoutError:
            self._count("not_waited_for")

    async def _wait_for_element(self, page: Page, selector: str) -> None:
        try:
            async with asyncio.timeout(WAIT_FOR_S):
                while not await look(page, _IS_THERE, selector):
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            self._count("not_there")

    async def _wait_until_quiet(self) -> None:
        """Wait for what scripts asked for, or take it for background that never ends."""
        try:
            async with asyncio.timeout(QUIET_TIMEOUT_S):
                await self._is_quiet.wait()
        except TimeoutError:
            self._background.update(map(_address, self._pending))
            self._pending.clear()
            self._is_quiet.set()

    def _asked(self, request: Request) -> None:
        if request.resource_type in _AWAITED and _address(request) not in self._background:
            self._pending.add(request)
            self._is_quiet.clear()

    def _answered(self, request: Request) -> None:
        self._pending.discard(request)
        if not self._pending:
            self._is_quiet.set()

    def _failed(self, request: Request) -> None:
        self._answered(request)
        # A document that ends early is never whole; one that its page left early is replaced.
        is_shown = self._document is not None and self._document.request == request
        if is_shown and request.failure and "ERR_ABORTED" not in request.failure:
            self.break_off(Error(request.failure))

    def _note_document(self, response: Document) -> None:
        request = response.request
        if request.is_navigation_request() and request.frame.parent_frame is None:
            self._document = response

    async def _close_popup(self, popup: Page) -> None:
        self._count("popups_closed")
        await popup.close()

    async def _rendered(self, page: Page) -> Response:
        """Return what the page looks like now."""
        while True:
            try:
                text = await page.content()
                break
            except Error as error:
                if "is navigating" not in error.message:
                    raise
            # Bounded, like everything here, by the page's timeout.
            await asyncio.sleep(POLL_S)
        body = text.encode("utf-8", "replace")
        self._check_size(page.url, len(body))
        return HtmlResponse(
            page.url,
            status=self._status,
            headers=self._headers,
            body=body,
            encoding="utf-8",
            flags=[FLAG],
        )

    async def _as_it_is(self, page: Page) -> Response:
        """Return a document that is no HTML; of what the browser does not show as text, no bytes.

        The crawl then says what came, as it does when a plain request gets such a thing.
        """
        body, made = b"", Response
        if self._document is not None and _TEXT.match(self._content_type):
            body = await self._document.body()
            made = responsetypes.from_args(headers=self._headers, url=page.url, body=body)
        self._check_size(page.url, len(body))
        return made(page.url, status=self._status, headers=self._headers, body=body, flags=[FLAG])

    @property
    def _status(self) -> int:
        """Status of the document that is shown: the last one that was navigated to."""
        return self._document.status if self._document is not None else 200

    @property
    def _headers(self) -> Headers:
        """What came with it, but for what is about the bytes as sent."""
        headers = Headers(self._document.headers if self._document is not None else {})
        for name in ("Content-Encoding", "Content-Length", "Transfer-Encoding"):
            headers.pop(name, None)
        return headers

    @property
    def _content_type(self) -> str:
        sent = self._headers.get("Content-Type") or b""
        return sent.decode("latin-1").partition(";")[0].strip().lower()

    def _check_size(self, url: str, size: int) -> None:
        if self._max_bytes and size > self._max_bytes:
            raise DownloadCancelledError(
                f"{url}: rendered, the page has {size} bytes, {self._max_bytes} are allowed"
            )


async def look(page: Page, expression: str, argument: str | None = None) -> Any:
    """Evaluate JavaScript in the page; None where the page makes that fail, or leads elsewhere."""
    try:
        return await page.evaluate(expression, argument)
    except Error as error:
        if isinstance(error, TargetClosedError) or "crashed" in error.message:
            raise
        return None


def _address(request: Request) -> str:
    return request.url.partition("?")[0]
