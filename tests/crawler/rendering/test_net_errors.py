"""What Chromium and the proxy say about a page, as reasons that the crawl knows."""

from __future__ import annotations

import pytest

from crawler.reasons import judge
from crawler.rendering.net_errors import refused, unreachable
from crawler.rendering.refusals import Refusal

URL = "http://museum.example/"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("ERR_NAME_NOT_RESOLVED", "dns_error"),
        ("ERR_CONNECTION_REFUSED", "connection_refused"),
        ("ERR_CONNECTION_RESET", "connection_failed"),
        ("ERR_EMPTY_RESPONSE", "connection_failed"),
        ("ERR_TUNNEL_CONNECTION_FAILED", "connection_failed"),
        ("ERR_CONNECTION_TIMED_OUT", "timeout"),
        ("ERR_INCOMPLETE_CHUNKED_ENCODING", "incomplete_body"),
        ("ERR_PROXY_CONNECTION_FAILED", "renderer_unavailable"),
        ("ERR_TOO_MANY_REDIRECTS", "render_failed"),
        ("ERR_CERT_AUTHORITY_INVALID", "render_failed"),
        ("ERR_OF_TOMORROW", "render_failed"),
    ],
)
def test_codes_of_chromium_have_reasons(code: str, reason: str) -> None:
    verdict = judge(unreachable(URL, f"Page.goto: net::{code} at {URL}"))
    assert verdict.reason == reason
    assert URL in verdict.detail
    assert code in verdict.detail


def test_what_has_no_code_is_told_as_it_is() -> None:
    verdict = judge(unreachable(URL, "Page.goto: out of luck"))
    assert (verdict.reason, verdict.detail) == ("render_failed", f"{URL}: Page.goto: out of luck")


@pytest.mark.parametrize(
    "reason",
    [
        "address_refused",
        "body_too_large",
        "connection_failed",
        "connection_refused",
        "dns_error",
        "timeout",
        "unsupported_scheme",
    ],
)
def test_refusals_of_the_proxy_keep_their_reason(reason: str) -> None:
    verdict = judge(refused(URL, Refusal(reason, "because")))
    assert (verdict.reason, verdict.detail) == (reason, f"{URL}: because")
