from __future__ import annotations

import pytest

from crawler.extraction import Page, challenge

URL = "http://museum.example/work/1"
WORDS = "Oil on canvas, painted in the winter after his return from the coast. " * 20

CHECKS = {
    "Cloudflare": "<title>Just a moment...</title><script>window._cf_chl_opt={cvId:'3'}</script>",
    "Imperva Incapsula": '<iframe src="/_Incapsula_Resource?SWUDNSAI=31&edet=12&cinfo=0"></iframe>',
    "DataDome": '<script src="https://ct.captcha-delivery.com/c.js"></script>'
    '<iframe src="https://geo.captcha-delivery.com/captcha/"></iframe>',
    "AWS WAF": "<script>AwsWafIntegration.saveReferrer(); window.gokuProps = {}</script>",
    "PerimeterX": "<script>window._pxAppId = 'PX1'</script><div id='px-captcha'></div>",
    "Sucuri": "<script>sucuri_cloudproxy_js=''</script>",
    "hCaptcha": '<form><div class="h-captcha" data-sitekey="1"></div></form>',
    "reCAPTCHA": '<script src="https://www.google.com/recaptcha/api.js"></script>',
}


@pytest.mark.parametrize("name", CHECKS)
def test_checks_are_known_by_their_marks(name: str) -> None:
    assert challenge(Page(URL, f"<html><body>{CHECKS[name]}</body></html>")) == name


@pytest.mark.parametrize("name", ["hCaptcha", "reCAPTCHA"])
def test_a_form_on_a_page_about_something_is_no_check(name: str) -> None:
    assert challenge(Page(URL, f"<p>{WORDS}</p>{CHECKS[name]}")) is None
    # What nobody sees does not count as words.
    assert challenge(Page(URL, f"<script>{WORDS}</script><!--{WORDS}-->{CHECKS[name]}")) == name


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<title>Page not found</title>",
        '<script src="/cdn-cgi/challenge-platform/scripts/jsd/main.js"></script><p>A page</p>',
        '<script src="https://static.cloudflareinsights.com/beacon.min.js"></script>',
        '<script src="/_Incapsula_Resource?SWJIYLWA=719d34d31c8e3a6e"></script><p>A page</p>',
        "<p>Our forms are protected by reCAPTCHA and hCaptcha.</p>",
    ],
)
def test_other_pages_are_none(body: str) -> None:
    assert challenge(Page(URL, body)) is None


def test_data_is_none() -> None:
    body = '{"text": "<div class=h-captcha>"}'
    assert challenge(Page(URL, body, "application/json")) is None


def test_a_page_that_is_made_to_hurt_is_looked_at_in_part() -> None:
    assert challenge(Page(URL, "<script" * 200_000)) is None
    assert challenge(Page(URL, "<!--" * 200_000 + CHECKS["Sucuri"])) is None
