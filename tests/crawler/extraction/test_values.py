from __future__ import annotations

import pytest

from crawler.extraction.markup import plain_text
from crawler.extraction.values import (
    flat_values,
    is_true,
    literal_text,
    number_text,
    value_link,
    value_text,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<p>Oil &amp; <i>gold</i></p><p>on panel</p>", "Oil & gold on panel"),
        ("a < b & c > d", "a < b & c > d"),
        ("<untitled> no. 3", "<untitled> no. 3"),
        ("one<br/>two", "one two"),
        ("R&amp;D &#233;&nbsp;x", "R&D é x"),
        ("?a=1&copy=2", "?a=1&copy=2"),
        ("<style>p {}</style>x<script>y()</script>", "x"),
        ("<!-- c --><b>x", "x"),
        ("\x00\ud800 x", "x"),
        ("", ""),
    ],
)
def test_strings_that_hold_markup(value: str, expected: str) -> None:
    assert plain_text(value) == expected


def test_a_string_can_be_taken_as_it_is() -> None:
    assert value_text("<b>x</b>", literal_text) == "<b>x</b>"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "7"),
        (73.0, "73"),
        (73.50, "73.5"),
        (1e-7, "0.0000001"),
        (float("inf"), ""),
        (True, ""),
        (None, ""),
        ({}, ""),
        ({"@value": "a", "name": "b"}, "a"),
        ({"name": [{"@value": 3}]}, "3"),
        ({"title": "t"}, "t"),
        ({"@type": "ListItem", "item": {"name": "x"}}, "x"),
        ({"@type": "PropertyValue", "name": "Accession", "value": "1950.1"}, "1950.1"),
        ({"@type": "PropertyValue", "name": "Accession"}, "Accession"),
        ({"@type": ["QuantitativeValue"], "value": 20, "unitCode": "CMT"}, "20 cm"),
        ({"@type": "QuantitativeValue", "value": 20, "unitText": "ells"}, "20 ells"),
        ({"value": "v", "name": "n"}, "n"),
        (["", None, "x", "y"], "x"),
    ],
)
def test_what_a_value_says(value: object, expected: str) -> None:
    assert value_text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/a?x=1&amp;y=2", "/a?x=1&y=2"),
        ("/a?x=1&copy=2", "/a?x=1&copy=2"),
        ("  ", None),
        ("_:b0", None),
        (7, None),
        (True, None),
        ({"url": "/u", "contentUrl": "/c"}, "/u"),
        ({"@type": "ImageObject", "url": "/u", "contentUrl": "/c"}, "/c"),
        ({"@type": "ListItem", "item": {"@id": "/i"}}, "/i"),
        ({"url": {"@id": "/i"}}, "/i"),
        ({"url": [], "id": "/i"}, "/i"),
        ({"name": "x"}, None),
    ],
)
def test_where_a_value_leads(value: object, expected: str | None) -> None:
    assert value_link(value) == expected


def test_numbers_are_links_only_where_they_are_made_into_addresses() -> None:
    assert value_link({"id": 7}, numbers=True) == "7"
    assert value_link(7.0, numbers=True) == "7"


def test_circles_end() -> None:
    circle: dict[str, object] = {}
    circle["name"] = circle["url"] = [circle]
    assert value_text(circle) == ""
    assert value_link(circle) is None


def test_lists_are_flat() -> None:
    assert list(flat_values([[1, [None, 2]], "a", [], {"b": [3]}])) == [1, 2, "a", {"b": [3]}]
    assert list(flat_values(None)) == []


def test_numbers_that_python_cannot_write() -> None:
    assert number_text(10**5_000) == ""


def test_truth_is_that_of_jmespath() -> None:
    assert [is_true(value) for value in (0, "x", [None], {"a": 1}, True)] == [True] * 5
    assert [is_true(value) for value in (None, False, "", [], {})] == [False] * 5
