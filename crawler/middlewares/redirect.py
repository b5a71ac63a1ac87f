"""Redirects within a lease."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

from scrapy import Request, Spider
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware as ScrapyRedirect
from scrapy.exceptions import UnsupportedURLSchemeError
from scrapy.http import Response

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_SHOWN = 200  # characters of an address in a message


class TooManyRedirects(Exception):
    """One redirect led to the next until the bound was reached."""


class RedirectMiddleware(ScrapyRedirect):
    """Scrapy's, which says what is wrong with the redirects that it does not follow.

    No request of ours carries a Referer that would need care.
    """

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        """Follow a redirect to another page of the web.

        Raises UnsupportedURLSchemeError where it leads off the web (`file:`, `data:` …) or to what
        is no address, and TooManyRedirects.
        """
        try:
            followed = super().process_response(request, response)
            if followed is response and (location := _location(response)) is not None:
                scheme = urlsplit(urljoin(request.url, location)).scheme
                if scheme not in ("http", "https"):
                    raise UnsupportedURLSchemeError(
                        f"HTTP {response.status} leads to {location[:MAX_SHOWN]!r}"
                    )
            return followed
        except ValueError as error:
            location = _location(response) or ""
            raise UnsupportedURLSchemeError(
                f"HTTP {response.status} leads to {location[:MAX_SHOWN]!r}: {error}"
            ) from error

    def _redirect(self, redirected: Request, request: Request, reason: Any) -> Request:
        if request.meta.get("redirect_times", 0) >= self.max_redirect_times:
            raise TooManyRedirects(
                f"after {self.max_redirect_times} redirects, {request.url[:MAX_SHOWN]} leads to "
                f"{redirected.url[:MAX_SHOWN]}"
            )
        return super()._redirect(redirected, request, reason)

    def handle_referer(self, request: Request, response: Response) -> None:
        request.headers.pop("Referer", None)

    def _engine_started(self) -> None:
        """Skip the warning about the missing RefererMiddleware."""


def _location(response: Response) -> str | None:
    """Return where a redirect leads, as the server wrote it."""
    location = response.headers.get("Location")
    if response.status not in REDIRECTS or location is None:
        return None
    return location.decode("latin-1")
