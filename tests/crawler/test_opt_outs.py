from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.config import CrawlerSettings
from crawler.extraction import Page
from crawler.opt_outs import (
    FILE,
    OptOuts,
    Rule,
    of_answer,
    of_page,
    product_names,
    read_file,
    read_rules,
    rule_for,
)

URL = "https://museum.example/work/1"
OURS = {"artworks"}


def answered(*robots: str, rules: tuple[Rule, ...] = (), **headers: str) -> OptOuts:
    given = {name.replace("_", "-"): [value] for name, value in headers.items()}
    return of_answer(URL, {"X-Robots-Tag": robots, **given}, rules, OURS)


def on_page(head: str, answer: OptOuts | None = None) -> OptOuts:
    return of_page(answer or OptOuts(), Page(URL, f"<head>{head}</head><h1>Work</h1>"), OURS)


@pytest.mark.parametrize(
    ("values", "directives"),
    [
        (["noai"], ("noai",)),
        (["NoAI, NOIMAGEAI"], ("noai", "noimageai")),
        (["noindex", "noimageai"], ("noimageai",)),
        (["*: noai"], ("noai",)),
        (["artworks: noai"], ("noai",)),
        (["Artworks: nofollow, noimageai"], ("noimageai",)),
        (["otherbot: noai, noimageai"], ()),
        (["otherbot: noai", "noimageai"], ("noimageai",)),
        (["otherbot: noai, artworks: noimageai"], ("noimageai",)),
        (["unavailable_after: Wed, 25 Jun 2030 15:00:00 GMT, noai"], ("noai",)),
        (["max-image-preview: large, noai"], ("noai",)),
        (["noindex, nofollow, noimageindex, none, noarchive"], ()),
        (["noaim, no-ai, xnoai", "", ",,:", ":"], ()),
    ],
)
def test_robots_headers_are_for_everybody_or_for_us(
    values: list[str], directives: tuple[str, ...]
) -> None:
    assert answered(*values).directives == directives


@pytest.mark.parametrize(
    ("head", "directives"),
    [
        ('<meta name="robots" content="noai, noimageai">', ("noai", "noimageai")),
        ('<META NAME="Robots" CONTENT="index NOIMAGEAI">', ("noimageai",)),
        ('<meta name="artworks" content="noai">', ("noai",)),
        ('<meta name="otherbot" content="noai">', ()),
        ('<meta name="description" content="noai">', ()),
        ('<meta name="robots"><meta content="noai">', ()),
        ('<meta name="tdm-reservation" content="1">', ("tdm-reservation",)),
    ],
)
def test_pages_say_it_in_metas(head: str, directives: tuple[str, ...]) -> None:
    assert on_page(head).directives == directives


def test_header_and_page_add_up_and_tell_where_they_stand() -> None:
    found = on_page('<meta name="robots" content="noai, noimageai">', answered("noai"))
    assert found.places == ("noai in X-Robots-Tag", 'noimageai in <meta name="robots">')
    assert found.is_whole
    assert not answered("noimageai").is_whole
    assert not OptOuts()


def test_of_the_places_for_mining_the_later_one_counts() -> None:
    rules = (Rule("/work/", True, "https://museum.example/policy"),)
    of_file = answered(rules=rules)
    assert of_file.detail == (
        f"tdm-reservation in {FILE} (tdm-policy https://museum.example/policy)"
    )
    assert not answered(rules=rules, tdm_reservation="0")
    assert answered(rules=(Rule("/", False),), tdm_reservation="1", tdm_policy="p").places == (
        "tdm-reservation in header tdm-reservation (tdm-policy p)",
    )
    assert not on_page('<meta name="tdm-reservation" content="0">', of_file)
    assert on_page('<meta name="tdm-reservation" content="yes">', of_file) == of_file


@pytest.mark.parametrize("value", ["", "2", "true", "yes", "-1", "01"])
def test_other_values_say_nothing(value: str) -> None:
    assert answered(tdm_reservation=value).mining is None


@pytest.mark.parametrize(
    ("location", "path", "matches"),
    [
        ("/", "/any", True),
        ("/a", "/a/b", True),
        ("/a/", "/a", False),
        ("/a$", "/a", True),
        ("/a$", "/a/b", False),
        ("/A", "/a", False),
        ("/*.jpg", "/x/y.jpg?size=1", True),
        ("/*.jpg$", "/x/y.jpg?size=1", False),
        ("*.jpg$", "/x.jpg", True),
        ("/this/*/then", "/this/is/then/more", True),
        ("/this/*/then", "/this/then", False),
        ("/a*bc*c$", "/abcbc", True),
        ("/a*bc*bc$", "/abc", False),
        ("/path/foo-%24", "/path/foo-$", True),
        ("/%2A", "/*", True),
        ("/%7Eann", "/~ann", True),
        ("/a%2Fb", "/a/b", False),
        ("/Ä?x=1", "/%c3%84?x=1", True),
        ("work/", "/work/1", True),
        ("/" + "*a" * 900 + "b", "/" + "a" * 2000, False),
    ],
)
def test_locations_match_as_in_robots_txt(location: str, path: str, matches: bool) -> None:
    found = rule_for([Rule(location, True)], f"https://museum.example{path}")
    assert (found is not None) == matches


def test_the_first_rule_that_matches_counts() -> None:
    rules = [Rule("/open/", False), Rule("/", True)]
    assert rule_for(rules, "https://museum.example/open/1") == rules[0]
    assert rule_for(rules, "https://museum.example") == rules[1]
    assert rule_for(rules[::-1], "https://museum.example/open/1") == rules[1]


def test_a_file_is_read_and_kept_as_it_is() -> None:
    data = [
        {"location": "/a", "tdm-reservation": 1, "tdm-policy": "https://museum.example/p"},
        {"location": "/b", "tdm-reservation": 0},
    ]
    rules, problem = read_file(b"\xef\xbb\xbf" + json.dumps(data).encode())
    assert rules == (Rule("/a", True, "https://museum.example/p"), Rule("/b", False))
    assert problem is None
    assert [rule.to_dict() for rule in rules] == data
    assert read_rules(data) == (rules, None)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<!doctype html><p>not here", "it is no JSON"),
        (b"\xff\xfe\x00", "it is no JSON"),
        (b"[" * 200_000, "it is no JSON"),
        (b'{"location": "/", "tdm-reservation": 1}', "it is no array of rules"),
        (b'[{"location": "/", "tdm-reservation": 2}, 1, {"location": 1}]', "3 of its 3 rules"),
    ],
)
def test_a_broken_file_says_nothing_and_is_told(body: bytes, problem: str) -> None:
    rules, told = read_file(body)
    assert rules == ()
    assert told is not None
    assert told.startswith(problem)


def test_a_rule_that_cannot_be_used_leaves_the_others() -> None:
    rules, told = read_rules([{"location": ""}, {"location": "/x", "tdm-reservation": "1"}])
    assert rules == (Rule("/x", True),)
    assert told == "1 of its 2 rules cannot be used"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["location", "tdm-reservation", "tdm-policy"]), inner)
    ),
)


@given(JSON, st.text())
def test_no_file_is_too_strange(data: Any, path: str) -> None:
    rules, _ = read_rules(data)
    rule_for(rules, f"https://museum.example/{path}")
    assert read_rules([rule.to_dict() for rule in rules])[0] == rules


@given(st.lists(st.text()), st.text())
def test_no_header_is_too_strange(values: list[str], name: str) -> None:
    of_answer(URL, {"X-Robots-Tag": values, "tdm-reservation": values}, (), {name})


@pytest.mark.parametrize(
    ("user_agent", "names"),
    [
        (CrawlerSettings.model_fields["user_agent"].default, {"artworks"}),
        ("Mozilla/5.0 (compatible; Curio/2.1; +https://example.org/9)", {"mozilla", "curio"}),
        ("curio (mail@example.org)", {"curio"}),
        ("", set()),
    ],
)
def test_our_names_come_from_the_user_agent(user_agent: str, names: set[str]) -> None:
    assert product_names(user_agent) == names
