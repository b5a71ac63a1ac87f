"""What Chromium says where a page cannot be loaded, in the exceptions that the crawl knows."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
)

from crawler.addresses import AddressRefused
from crawler.rendering import PageUnreachable, RendererDied
from crawler.rendering.refusals import Refusal

_CODE = re.compile(r"net::(ERR_\w+)")

_BY_REASON: Mapping[str, type[Exception]] = {
    "address_refused": AddressRefused,
    "body_too_large": DownloadCancelledError,
    "connection_failed": DownloadFailedError,
    "connection_refused": DownloadConnectionRefusedError,
    "dns_error": CannotResolveHostError,
    "timeout": DownloadTimeoutError,
    "unsupported_scheme": UnsupportedURLSchemeError,
}
_BY_CODE: Mapping[str, type[Exception]] = {
    "ERR_NAME_NOT_RESOLVED": CannotResolveHostError,
    "ERR_NAME_RESOLUTION_FAILED": CannotResolveHostError,
    "ERR_ADDRESS_UNREACHABLE": DownloadConnectionRefusedError,
    "ERR_CONNECTION_REFUSED": DownloadConnectionRefusedError,
    "ERR_CONNECTION_ABORTED": DownloadFailedError,
    "ERR_CONNECTION_CLOSED": DownloadFailedError,
    "ERR_CONNECTION_FAILED": DownloadFailedError,
    "ERR_CONNECTION_RESET": DownloadFailedError,
    "ERR_EMPTY_RESPONSE": DownloadFailedError,
    "ERR_HTTP2_PROTOCOL_ERROR": DownloadFailedError,
    "ERR_NETWORK_CHANGED": DownloadFailedError,
    "ERR_SOCKET_NOT_CONNECTED": DownloadFailedError,
    "ERR_TUNNEL_CONNECTION_FAILED": DownloadFailedError,
    "ERR_CONNECTION_TIMED_OUT": DownloadTimeoutError,
    "ERR_TIMED_OUT": DownloadTimeoutError,
    "ERR_CONTENT_LENGTH_MISMATCH": ResponseDataLossError,
    "ERR_INCOMPLETE_CHUNKED_ENCODING": ResponseDataLossError,
    # The proxy is ours, and lives in this process: a new browser may find it again.
    "ERR_PROXY_AUTH_REQUESTED": RendererDied,
    "ERR_PROXY_AUTH_UNSUPPORTED": RendererDied,
    "ERR_PROXY_CONNECTION_FAILED": RendererDied,
}


def refused(url: str, refusal: Refusal) -> Exception:
    """Return the exception for a page that the guarding proxy did not get."""
    kind = _BY_REASON.get(refusal.reason, PageUnreachable)
    return kind(f"{url}: {refusal.detail}")


def unreachable(url: str, said: str) -> Exception:
    """Return the exception for a page that Chromium says it could not load."""
    found = _CODE.search(said)
    if found is None:
        return PageUnreachable(f"{url}: {said}")
    return _BY_CODE.get(found[1], PageUnreachable)(f"{url}: {found[0]}")
