"""What Chromium does with a page before it is read: the same as Splash does in `page.lua`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from playwright.async_api import Error, Page, Request, Response
from scrapy.exceptions import DownloadCancelledError

from crawler.rendering.chromium import ChromiumTask

# Until a script that is still loading, or a frame, counts as one that the page can do without.
LOAD_TIMEOUT_S = 10.0
WAIT_FOR_S = 10.0
# Until what scripts ask for counts as background: polling, streams.
QUIET_TIMEOUT_S = 5.0
POLL_S = 0.1

NOT_LOADED = frozenset({"image", "media", "font"})
_AWAITED = frozenset({"fetch", "xhr", "script"})
_HTML = frozenset({"", "text/html", "application/xhtml+xml"})

# A page that closes itself could not be read.
PREPARE = "window.close = () => {};"

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
        """`count` is told what was refused or left out, by name."""
        self.scrolls = 0
        self.clicks = 0
        self.body: bytes | None = None
        self.document: Response | None = None
        self._task = task
        self._options = task.options
        self._max_bytes = max_bytes
        self._count = count
        self._pending = set[Request]()
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()

    @property
    def status(self) -> int:
        """Status of the document that is shown: the last one that was navigated to."""
        return self.document.status if self.document is not None else 200

    @property
    def content_type(self) -> str:
        """Its content type, as sent."""
        return self.document.headers.get("content-type", "") if self.document is not None else ""

    @property
    def is_html(self) -> bool:
        """Whether a browser shows the document as it is, and not in a viewer of its own."""
        return self.content_type.partition(";")[0].strip().lower() in _HTML

    def handlers(self) -> dict[str, Callable[[Any], Any]]:
        """Return what is to be called on which event of the page."""
        return {
            "request": self._asked,
            "requestfinished": self._answered,
            "requestfailed": self._answered,
            "response": self._note_document,
            "popup": self._close_popup,
        }

    def leaves_out(self, request: Request) -> bool:
        """Whether something that the page asks for is not to be loaded."""
        kind = request.resource_type
        if self._options.images or kind not in NOT_LOADED:
            return False
        self._count(f"not_loaded/{kind}")
        return True

    async def run(self, page: Page) -> None:
        """Wait, scroll and click until the page grows no more, within its bounds."""
        if not self.is_html:
            assert self.document is not None
            self.body = await self.document.body()
            return
        options = self._options
        await self._wait_for_load(page)
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
        length = await look(page, _LENGTH) or 0
        if self._max_bytes and length > self._max_bytes:
            raise DownloadCancelledError(
                f"{page.url}: the rendered page has {length} characters, "
                f"more than the {self._max_bytes} bytes allowed"
            )

    async def _act(self, page: Page) -> bool:
        """Click and scroll once; False where neither could be done."""
        options, acted = self._options, False
        if (
            options.click is not None
            and self.clicks < options.max_clicks
            and await look(page, _CLICK, options.click)
        ):
            self.clicks += 1
            acted = True
        if self._task.scroll and self.scrolls < options.max_scrolls:
            await look(page, _SCROLL)
            self.scrolls += 1
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
            self._pending.clear()
            self._is_quiet.set()

    def _asked(self, request: Request) -> None:
        if request.resource_type in _AWAITED:
            self._pending.add(request)
            self._is_quiet.clear()

    def _answered(self, request: Request) -> None:
        self._pending.discard(request)
        if not self._pending:
            self._is_quiet.set()

    def _note_document(self, response: Response) -> None:
        request = response.request
        if request.is_navigation_request() and request.frame.parent_frame is None:
            self.document = response

    async def _close_popup(self, popup: Page) -> None:
        self._count("popups_closed")
        await popup.close()


async def look(page: Page, expression: str, argument: str | None = None) -> Any:
    """Evaluate JavaScript in the page; None where the page makes that fail, or leads elsewhere."""
    try:
        return await page.evaluate(expression, argument)
    except Error as error:
        browser = page.context.browser
        is_there = browser is not None and browser.is_connected() and not page.is_closed()
        if not is_there or "crashed" in error.message:
            raise
        return None

