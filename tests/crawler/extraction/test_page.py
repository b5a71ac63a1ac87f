from __future__ import annotations

import pytest

from crawler.extraction.page import MAX_VALUES, Page

URL = "http://museum.example/api"


@pytest.mark.parametrize(
    ("body", "content_type", "data"),
    [
        ('{"a": 1}', "application/json; charset=utf-8", {"a": 1}),
        ('{"a": 1}', "application/ld+json", {"a": 1}),
        ("7", "text/json", 7),
        (' \n[{"a": 1}]', "text/html", [{"a": 1}]),
        ('\ufeff{"a": 1}', "text/plain", {"a": 1}),
    ],
)
def test_json_is_known_by_its_type_or_its_body(body: str, content_type: str, data: object) -> None:
    page = Page(URL, body, content_type)
    assert page.is_json
    assert page.data == data
    assert page.base_url == URL
    assert not page.has_scripts
    assert page.problems == ()


@pytest.mark.parametrize("body", ["<p>x</p>", "", "[see below]", "{{ template }}", "7"])
def test_other_pages_are_no_json(body: str) -> None:
    page = Page(URL, body)
    assert not page.is_json
    assert page.data is None
    assert page.problems == ()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"a": 1', "the body is no valid JSON: Expecting ',' delimiter: line 1 column 8"),
        ("<html>", "the body is no valid JSON"),
        ("[" * 200_000, "nested too deeply"),
        ("[" + "0," * (MAX_VALUES + 1) + "0]", f"more than {MAX_VALUES} values"),
        ("1" * 10_000, "the body is no valid JSON"),
    ],
)
def test_json_that_cannot_be_read_is_told(body: str, told: str) -> None:
    page = Page(URL, body, "application/json")
    assert page.data is None
    assert page.is_json
    assert not page.has_scripts
    [problem] = page.problems
    assert told in problem


def test_markup_in_json_is_no_page() -> None:
    page = Page(URL, '{"text": "<base href=\'http://other.example/\'><script>x()</script>"}')
    assert page.absolute("a") == "http://museum.example/a"
    assert not page.has_scripts


@pytest.mark.parametrize(
    ("script", "runs"),
    [
        ("<script>x()</script>", True),
        ('<script src="/a.js"></script>', True),
        ('<script type="module">x()</script>', True),
        ('<script type="Text/JavaScript; charset=utf-8">x()</script>', True),
        ('<script type="application/ld+json">{}</script>', False),
        ('<script type="application/json" src="/a.json"></script>', False),
        ('<script type="text/template"><b>x</b></script>', False),
        ("<script> </script>", False),
        ("<p>x</p>", False),
    ],
)
def test_a_browser_helps_only_where_there_is_code(script: str, runs: bool) -> None:
    assert Page(URL, f"<html><body>{script}</body></html>").has_scripts is runs
