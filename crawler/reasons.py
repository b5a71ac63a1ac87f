"""Reason codes: why a page or an image failed, and whether the next run tries again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
)
from scrapy.spidermiddlewares.httperror import HttpError

from crawler.addresses import AddressRefused
from crawler.items import Answer, FailureItem, Lease, Stage
from crawler.middlewares.compression import BadCompression
from crawler.middlewares.redirect import TooManyRedirects
from crawler.middlewares.robots import RobotsUnavailable
from crawler.opt_outs import OptedOut
from crawler.pauses import HostPaused
from crawler.rendering import (
    PageUnreachable,
    RendererBroken,
    RendererDied,
    RendererMissing,
    RenderTimeout,
)


@dataclass(frozen=True, slots=True)
class Reason:
    """What a code means."""

    stage: Stage
    retryable: bool
    meaning: str


REASONS: Mapping[str, Reason] = {
    "dns_error": Reason("fetch", True, "The host name does not resolve."),
    "connection_refused": Reason("fetch", True, "The host does not accept connections."),
    "connection_failed": Reason("fetch", True, "The connection broke before the answer was whole."),
    "timeout": Reason("fetch", True, "The answer took longer than the profile's timeout."),
    "incomplete_body": Reason("fetch", True, "Fewer bytes arrived than the server announced."),
    "body_too_large": Reason("fetch", False, "The answer exceeds the byte limit of its kind."),
    "bad_compression": Reason("fetch", True, "The answer is compressed, and does not unpack."),
    "unsupported_scheme": Reason(
        "fetch", False, "The address is malformed, or neither http nor https."
    ),
    "too_many_redirects": Reason("fetch", False, "One redirect leads to the next, without end."),
    "address_refused": Reason(
        "fetch", False, "The address is not public and ARTWORKS_ALLOWED_NETWORKS lacks it."
    ),
    "robots_disallowed": Reason("fetch", False, "robots.txt forbids the page; it was not fetched."),
    "opted_out": Reason("fetch", False, "Its owner reserves it against use by AI, or mining."),
    "robots_unavailable": Reason(
        "fetch", True, "robots.txt answers 429 or 5xx, so nobody knows what may be fetched."
    ),
    "not_found": Reason("fetch", False, "The server answered 404."),
    "gone": Reason("fetch", False, "The server answered 410."),
    "forbidden": Reason("fetch", False, "The server answered 401 or 403."),
    "rate_limited": Reason("fetch", True, "The server answered 429: too many requests."),
    "server_error": Reason("fetch", True, "The server answered 5xx."),
    "http_error": Reason("fetch", False, "The server answered another status than 200."),
    "blocked": Reason("fetch", True, "A check for robots was served in place of the page."),
    "fetch_error": Reason("fetch", True, "Fetching failed in an unforeseen way; see the detail."),
    "renderer_unavailable": Reason(
        "render", True, "The page needs JavaScript, and no browser that could show it answers."
    ),
    "render_timeout": Reason("render", True, "The renderer did not finish the page in time."),
    "render_failed": Reason("render", False, "The renderer could not load the page."),
    "missing_field": Reason("extract", False, "A field that the profile requires is not there."),
    "not_an_artwork": Reason("extract", False, "The page does not look like an artwork page."),
    "not_an_artist": Reason("extract", False, "The page does not look like the page of an artist."),
    "empty_listing": Reason("extract", False, "The listing shows neither works nor listings."),
    "endless_listing": Reason(
        "extract", False, "Page after page, the listing led to nothing new; it was left."
    ),
    "not_text": Reason("extract", False, "A page was expected and something else came."),
    "extract_error": Reason("extract", False, "Extraction failed in an unforeseen way."),
    "invalid_record": Reason("validate", False, "A field's value cannot be stored as it is."),
    "empty_body": Reason("image", True, "The image has no bytes."),
    "placeholder_image": Reason("image", False, "The image is too small to show anything."),
    "not_an_image": Reason("image", False, "The bytes are no image of a known format."),
    "html_as_image": Reason("image", False, "An HTML page was served in place of the image."),
    "json_as_image": Reason("image", False, "JSON was served in place of the image."),
    "svg_as_image": Reason("image", False, "SVG is code, and is not stored as an image."),
    "xml_as_image": Reason("image", False, "XML was served in place of the image."),
    "text_as_image": Reason("image", False, "Text was served in place of the image."),
    "too_many_pixels": Reason(
        "image", False, "The image has more pixels than the limits allow to decode."
    ),
    "truncated": Reason("image", False, "The image ends early."),
    "corrupt": Reason("image", False, "The image's data is damaged."),
    "decoder_crashed": Reason("image", False, "Decoding the image ended the decoder's process."),
    "unsupported_image": Reason("image", False, "The image uses a variant that is not supported."),
    "object_store_unavailable": Reason("store", True, "The object store could not be written to."),
    "record_refused": Reason("store", False, "PostgreSQL refused the record's content."),
    "forgotten": Reason("store", False, "The work, its artist or the image was taken down."),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a request failed."""

    reason: str
    detail: str
    status: int = 0

    @property
    def stage(self) -> Stage:
        return REASONS[self.reason].stage

    @property
    def retryable(self) -> bool:
        return REASONS[self.reason].retryable


# The first class that matches counts, so subclasses come before their bases.
_BY_EXCEPTION: tuple[tuple[type[BaseException], str], ...] = (
    (RendererMissing, "renderer_unavailable"),
    (RendererDied, "renderer_unavailable"),
    (RenderTimeout, "render_timeout"),
    (PageUnreachable, "render_failed"),
    (RendererBroken, "renderer_unavailable"),
    (AddressRefused, "address_refused"),
    (OptedOut, "opted_out"),
    (RobotsUnavailable, "robots_unavailable"),
    (TooManyRedirects, "too_many_redirects"),
    (BadCompression, "bad_compression"),
    (CannotResolveHostError, "dns_error"),
    (DownloadConnectionRefusedError, "connection_refused"),
    (DownloadTimeoutError, "timeout"),
    (TimeoutError, "timeout"),
    (ResponseDataLossError, "incomplete_body"),
    (DownloadCancelledError, "body_too_large"),
    (UnsupportedURLSchemeError, "unsupported_scheme"),
    (DownloadFailedError, "connection_failed"),
    (ConnectionError, "connection_failed"),
)
# The client tells of an answer that it cannot read as if it were a status, and shows its bytes.
_NO_HTTP = re.compile(r"""^400, message=['"](.*?)(?::?\\n.*|['"], url=.*)$""", re.S)
_NOT_THE_RENDERERS = ("body_too_large", "address_refused", "robots_unavailable", "opted_out")
_BY_STATUS: Mapping[int, str] = {
    401: "forbidden",
    403: "forbidden",
    404: "not_found",
    408: "timeout",
    410: "gone",
    429: "rate_limited",
}
_RENDER_STATUS: Mapping[int, str] = {400: "render_failed", 504: "render_timeout"}


def failure(
    lease: Lease,
    answer: Answer,
    reason: str,
    detail: str,
    *,
    retryable: bool | None = None,
    opt_out: tuple[str, ...] = (),
) -> FailureItem:
    """Return the outcome of a row that failed for `reason`.

    `retryable` if this case differs; `opt_out`: what its owner reserves, if that is why.
    """
    known = REASONS[reason]
    return FailureItem(
        lease=lease,
        answer=answer,
        stage=known.stage,
        reason=reason,
        detail=detail,
        retryable=known.retryable if retryable is None else retryable,
        skipped=reason in ("robots_disallowed", "opted_out"),
        opt_out=opt_out,
    )


def judge(error: BaseException, *, rendering: bool = False) -> Verdict:
    """Return why fetching failed; `rendering`: the answer, or its absence, is the renderer's."""
    # The client names its TLS context by its place in memory.
    words = re.sub(r" ssl:(<[^>]*>|\w+)", "", str(error))
    words = _NO_HTTP.sub(r"the answer is no HTTP: \1", words)
    detail = " ".join(words.split()) or type(error).__name__
    if isinstance(error, HttpError):
        return judge_status(error.response.status, rendering=rendering)
    if isinstance(error, HostPaused):
        return Verdict(error.pause.reason, detail, error.status)
    if isinstance(error, IgnoreRequest):
        reason = "robots_disallowed" if "robots.txt" in detail else "fetch_error"
        return Verdict(reason, detail)
    for kind, reason in _BY_EXCEPTION:
        if isinstance(error, kind):
            if rendering and reason not in _NOT_THE_RENDERERS:
                # Of a slow page Splash says so itself; it says nothing at all when it hangs.
                is_slow = reason == "timeout" and not isinstance(error, DownloadTimeoutError)
                reason = "render_timeout" if is_slow else "renderer_unavailable"
            return Verdict(reason, detail)
    return Verdict("fetch_error", f"{type(error).__name__}: {detail}")


def judge_status(status: int, *, rendering: bool = False) -> Verdict:
    """Return what a status other than success means."""
    detail = f"HTTP {status}"
    if rendering:
        return Verdict(_RENDER_STATUS.get(status, "renderer_unavailable"), detail, status)
    if status in _BY_STATUS:
        return Verdict(_BY_STATUS[status], detail, status)
    return Verdict("server_error" if status >= 500 else "http_error", detail, status)
