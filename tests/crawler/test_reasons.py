"""Reason codes: each documented, each exception and status judged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from scrapy import Request
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
from scrapy.http import HtmlResponse
from scrapy.spidermiddlewares.httperror import HttpError

from crawler.addresses import AddressRefused
from crawler.items import Stage
from crawler.middlewares.compression import BadCompression
from crawler.middlewares.redirect import TooManyRedirects
from crawler.middlewares.robots import RobotsUnavailable
from crawler.reasons import REASONS, judge, judge_status
from crawler.rendering import RendererBroken, RendererMissing
from storage.models import FAILURE_STAGES

REPOSITORY = Path(__file__).parents[2]
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (yes|no) \| (.+?) \|$")
# What a person would be told of anyway, and not in these packages.
SOURCES = ("crawler", "storage", "analysis")


def documented() -> dict[str, tuple[str, str, bool, str]]:
    """Stage, meaning, retried and cure of each code in the documentation."""
    found: dict[str, tuple[str, str, bool, str]] = {}
    stage = ""
    for line in (REPOSITORY / "docs" / "failures.md").read_text().splitlines():
        if line.startswith("## "):
            stage = line.rpartition("(`")[2].removesuffix("`)")
        elif match := ROW.match(line):
            code, meaning, retried, cure = match.groups()
            assert code not in found, f"{code} is documented twice"
            found[code] = (stage, meaning, retried == "yes", cure)
    return found


def codes_of_analysis() -> set[str]:
    """Reasons that jobs give in their own name; the others come from the check of the image."""
    source = "".join(path.read_text() for path in (REPOSITORY / "analysis").rglob("*.py"))
    return set(re.findall(r'Fault\(\s*"(\w+)"', source))


def test_every_reason_is_documented_as_it_is() -> None:
    pages = documented()
    for code, reason in REASONS.items():
        assert code in pages, f"docs/failures.md lacks {code}"
        assert pages[code][:3] == (reason.stage, reason.meaning, reason.retryable), code
        assert pages[code][3], code


def test_every_reason_of_analysis_is_documented() -> None:
    codes = codes_of_analysis()
    assert {"object_missing", "compute_failed"} <= codes
    assert {code for code, row in documented().items() if row[0] == "analysis"} == codes


def test_nothing_is_documented_that_does_not_exist() -> None:
    assert documented().keys() == REASONS.keys() | codes_of_analysis()


def test_every_code_in_the_source_is_known() -> None:
    """Codes are written as words in calls: a misspelt one would fail only when it is needed."""
    calls = re.compile(
        r'(?:ImageRejected|ExtractionError|Verdict|_failure)\(\s*(?:item, )?"(\w+)"'
        r'|\breason\s*=\s*"(\w+)"|REASONS\["(\w+)"\]'
    )
    found = {
        next(filter(None, match.groups()))
        for package in SOURCES
        for path in (REPOSITORY / package).rglob("*.py")
        for match in calls.finditer(path.read_text())
    }
    assert found >= {"truncated", "robots_disallowed", "not_text", "record_refused"}
    ends_of_runs = {"limit", "shutdown", "database_unavailable"}
    assert found - ends_of_runs <= REASONS.keys() | codes_of_analysis()


def test_stages_are_those_that_the_database_knows() -> None:
    assert set(Stage.__args__) | {"analysis"} == set(FAILURE_STAGES)  # type: ignore[attr-defined]
    assert {reason.stage for reason in REASONS.values()} == set(FAILURE_STAGES) - {"analysis"}


def test_meanings_are_sentences() -> None:
    for code, reason in REASONS.items():
        assert reason.meaning.endswith("."), code
        assert "|" not in reason.meaning, code


@pytest.mark.parametrize(
    ("error", "reason", "rendered"),
    [
        (RendererMissing("no Splash"), "renderer_unavailable", "renderer_unavailable"),
        (RendererBroken("no JSON"), "renderer_unavailable", "renderer_unavailable"),
        (RobotsUnavailable("503"), "robots_unavailable", "robots_unavailable"),
        (TooManyRedirects("x"), "too_many_redirects", "renderer_unavailable"),
        (BadCompression("x"), "bad_compression", "renderer_unavailable"),
        (AddressRefused("10.0.0.1"), "address_refused", "address_refused"),
        (CannotResolveHostError("x"), "dns_error", "renderer_unavailable"),
        (DownloadConnectionRefusedError("x"), "connection_refused", "renderer_unavailable"),
        (DownloadTimeoutError("x"), "timeout", "renderer_unavailable"),
        (TimeoutError(), "timeout", "render_timeout"),
        (ResponseDataLossError("x"), "incomplete_body", "renderer_unavailable"),
        (DownloadCancelledError("x"), "body_too_large", "body_too_large"),
        (UnsupportedURLSchemeError("x"), "unsupported_scheme", "renderer_unavailable"),
        (DownloadFailedError("x"), "connection_failed", "renderer_unavailable"),
        (ConnectionResetError("x"), "connection_failed", "renderer_unavailable"),
        (IgnoreRequest("Forbidden by robots.txt"), "robots_disallowed", "robots_disallowed"),
        (IgnoreRequest("no reason"), "fetch_error", "fetch_error"),
        (ValueError("odd"), "fetch_error", "fetch_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_exceptions_are_judged(error: Exception, reason: str, rendered: str) -> None:
    verdict = judge(error)
    assert verdict.reason == reason
    assert verdict.detail
    assert (verdict.stage, verdict.retryable) == (
        REASONS[reason].stage,
        REASONS[reason].retryable,
    )
    assert judge(error, rendering=True).reason == rendered


@pytest.mark.parametrize(
    ("status", "reason", "rendered"),
    [
        (204, "http_error", "renderer_unavailable"),
        (400, "http_error", "render_failed"),
        (401, "forbidden", "renderer_unavailable"),
        (403, "forbidden", "renderer_unavailable"),
        (404, "not_found", "renderer_unavailable"),
        (408, "timeout", "renderer_unavailable"),
        (410, "gone", "renderer_unavailable"),
        (418, "http_error", "renderer_unavailable"),
        (429, "rate_limited", "renderer_unavailable"),
        (500, "server_error", "renderer_unavailable"),
        (503, "server_error", "renderer_unavailable"),
        (504, "server_error", "render_timeout"),
    ],
)
def test_statuses_are_judged(status: int, reason: str, rendered: str) -> None:
    verdict = judge_status(status)
    assert (verdict.reason, verdict.status) == (reason, status)
    assert judge_status(status, rendering=True).reason == rendered
    response = HtmlResponse("http://x/", status=status, request=Request("http://x/"))
    assert judge(HttpError(response, "ignored")) == verdict


def test_details_are_one_line() -> None:
    assert judge(ValueError("a\n   b\tc")).detail == "ValueError: a b c"
    assert judge(TimeoutError()).detail == "TimeoutError"


@pytest.mark.parametrize(
    ("told", "detail"),
    [
        (
            r"""400, message='Data after `Connection: close`:\n\n b\'\\xff\'', url='http://x/'""",
            "the answer is no HTTP: Data after `Connection: close`",
        ),
        (
            r"""400, message="Invalid character in chunk size:\n\n b'zz'\n ^", url='http://x/'""",
            "the answer is no HTTP: Invalid character in chunk size",
        ),
        (
            "400, message='Got more than 8190 bytes', url='http://x/'",
            "the answer is no HTTP: Got more than 8190 bytes",
        ),
        ("Server disconnected", "Server disconnected"),
    ],
)
def test_answers_that_are_no_http_are_told_without_their_bytes(told: str, detail: str) -> None:
    assert judge(DownloadFailedError(told)).detail == detail
