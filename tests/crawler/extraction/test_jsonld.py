from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction.jsonld import MAX_SAID, MAX_VALUES, parse_tolerantly
from crawler.extraction.page import Page


def page(*scripts: str) -> Page:
    body = "\n".join(f'<script type="application/ld+json">{script}</script>' for script in scripts)
    return Page("http://museum.example/w/1", f"<html><head>\n{body}</head></html>")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', [{"a": 1}]),
        ("", []),
        (" \n", []),
        ('\ufeff{"a": 1}', [{"a": 1}]),
        ('{"a": 1};', [{"a": 1}]),
        ('{"a": 1}}', [{"a": 1}]),
        ('{"a": 1}\n// done', [{"a": 1}]),
        ('<!-- {"a": 1} -->', [{"a": 1}]),
        ('//<![CDATA[\n{"a": 1}\n//]]>', [{"a": 1}]),
        ('/*<![CDATA[*/{"a": 1}/*]]>*/', [{"a": 1}]),
        ('{"a": [1, 2, ], }', [{"a": [1, 2]}]),
        ('{"a": 1, // one\n"b": 2 /* two */ }', [{"a": 1, "b": 2}]),
        ('{"a": "http://x, ]", "b": "/* no */",}', [{"a": "http://x, ]", "b": "/* no */"}]),
        ('{"a": "one\n\ttwo\x01"}', [{"a": "one\n\ttwo\x01"}]),
        ('{"a": "L\\\'Estaque \\u00e9 \\\\",}', [{"a": "L'Estaque é \\"}]),
        ("{&quot;a&quot;: &quot;b &amp; c&quot;}", [{"a": "b & c"}]),
        ('{"a": 1}\n{"b": 2}', [{"a": 1}, {"b": 2}]),
        ('{"a": 1},\n{"b": 2},', [{"a": 1}, {"b": 2}]),
    ],
)
def test_what_is_mended(text: str, expected: list[object]) -> None:
    assert parse_tolerantly(text) == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": 1', "line 1 column 8"),
        ('{"a": 1\n"b": 2}', "line 2 column 1"),
        ('{\n"a": "x" "y"\n}', "line 2 column 10"),
        ('// a\n{"a": b,}', "line 2 column 7"),
        ("{'a': 1}", "line 1 column 2"),
        ('{"a": 1}, "b": 2}', "line 1 column 11"),
        ("undefined", "line 1 column 1"),
    ],
)
def test_what_would_need_guessing_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(ValueError, match=place):
        parse_tolerantly(text)


def test_a_broken_script_is_skipped_and_told() -> None:
    found = page('{"@type": "Painting", "name": "A"}', '{"name": }', '{"@type": "Map"}')
    assert found.problems == ()
    assert [thing["@type"] for thing in found.jsonld.things] == ["Painting", "Map"]
    [problem] = found.problems
    assert problem.startswith("JSON-LD script 2, line 3 of the page: skipped, it is no JSON:")
    assert "line 1 column 10" in problem


def test_many_problems_are_counted() -> None:
    found = page(*["{"] * (MAX_SAID + 5))
    assert not found.jsonld
    assert found.problems[-1] == "JSON-LD: 5 more problems of this kind"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("[" * 200_000, "nested too deeply"),
        ('{"name":' * 200_000 + "1", "nested too deeply"),
        ("[" + "1," * (MAX_VALUES + 1) + "1]", f"more than {MAX_VALUES} values"),
        ('{"n": ' + "1" * 10_000 + "}", "no JSON"),
        ('{"' + '\\"' * 300_000, "no JSON"),
        ("{" + "/*" * 300_000, "no JSON"),
    ],
)
def test_pages_that_are_made_to_hurt(script: str, told: str) -> None:
    found = page(script, '{"@type": "Painting"}')
    assert len(found.jsonld) == 1
    assert told in found.problems[0]


def test_json_bodies_are_read_as_well() -> None:
    body = json.dumps({"@context": "https://schema.org", "@graph": [{"@type": "schema:Drawing"}]})
    found = Page("http://museum.example/1.json", body, "application/ld+json")
    assert [thing["@type"] for thing in found.jsonld.things] == ["Drawing"]


@given(st.text(st.sampled_from('{}[]",:/*\\\n ;a1<!-&quot')))
def test_any_text_gives_values_or_an_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse_tolerantly(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_valid_json_is_never_changed(value: object) -> None:
    # What mending does to a text that is right but for a last comma leaves its strings alone.
    assert parse_tolerantly(json.dumps(value)) == [value]
    assert parse_tolerantly(f"[{json.dumps(value)},]") == [[value]]
    assert parse_tolerantly(f"[{json.dumps(value, ensure_ascii=False, indent=1)}, /**/ ];") == [
        [value]
    ]
