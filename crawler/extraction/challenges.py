"""Checks for robots that are served with status 200 in place of a page.

A page that gives what was looked for is never asked about: sites embed the same scripts in their
forms. So the marks are those of the check itself, and only the last two, which forms share, need
a page that is about nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from crawler.extraction.page import Page

MAX_READ = 200_000  # characters of the page that are looked at
# A page with more words than this between its tags is about something.
MAX_WORDS = 150


@dataclass(frozen=True, slots=True)
class _Check:
    name: str
    mark: re.Pattern[str]
    is_shared: bool = False


_CHECKS = (
    _Check("Cloudflare", re.compile(r"_cf_chl_opt|/cdn-cgi/challenge-platform/\S*/orchestrate/")),
    _Check("Imperva Incapsula", re.compile(r"_Incapsula_Resource\?[^\"']*\b(?:CWUDNSAI|edet)=")),
    _Check("DataDome", re.compile(r"(?:geo|interstitial)\.captcha-delivery\.com")),
    _Check("AWS WAF", re.compile(r"AwsWafIntegration|gokuProps\s*=|awsWafCaptcha", re.I)),
    _Check("PerimeterX", re.compile(r"_pxAppId|px-captcha")),
    _Check("Sucuri", re.compile(r"sucuri_cloudproxy_js")),
    _Check("hCaptcha", re.compile(r"\bhcaptcha\.com/1/api\.js|class=[\"']?h-captcha"), True),
    _Check(
        "reCAPTCHA", re.compile(r"google\.com/recaptcha/|recaptcha\.net/|class=[\"']?g-recaptcha"),
        True,
    ),
)  # fmt: skip
_INVISIBLE = re.compile(
    r"<(script|style|noscript|template)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.S | re.I
)
_TAG = re.compile(r"<[^>]*>")


def challenge(page: Page) -> str | None:
    """Return whose check a page is that showed nothing else; None if it is none."""
    if page.is_json:
        return None
    body = page.body[:MAX_READ]
    for check in _CHECKS:
        if check.mark.search(body) and not (check.is_shared and _is_about_something(body)):
            return check.name
    return None


def _is_about_something(body: str) -> bool:
    words = _TAG.sub(" ", _INVISIBLE.sub(" ", body)).split()
    return len(words) > MAX_WORDS
