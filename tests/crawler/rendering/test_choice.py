from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.rendering.choice import (
    ENGINES,
    MAX_SHAPES,
    PLAIN_AFTER,
    RECHECK_AFTER,
    RECHECK_PAGES,
    SURE_AFTER,
    Engine,
    RenderingChoice,
    shape_of,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SITE = "https://museum.example"
BOTH: tuple[Engine, ...] = ("splash", "chromium")


@pytest.mark.parametrize(
    ("kind", "path", "shape"),
    [
        ("listing", "/new", "/new"),
        ("listing", "/category/landscapes", "/category/*"),
        ("listing", "/category/landscapes?page=2", "/category/*"),
        ("listing", "/", "/"),
        ("listing", "/2024", "/*"),
        ("artwork", "/work/w0012", "/work/*"),
        ("artwork", "/en/collection/works/sunflowers", "/en/collection/works/*"),
        ("artwork", "/sunflowers", "/*"),
        ("artwork", "/?id=12", "/"),
    ],
)
def test_addresses_of_one_template_have_one_shape(kind: str, path: str, shape: str) -> None:
    assert shape_of(kind, SITE + path) == shape


def test_a_page_is_fetched_plainly_at_first_and_then_with_what_costs_more() -> None:
    choice = RenderingChoice(BOTH)
    page = ("listing", f"{SITE}/new")
    assert choice.first(*page, own=None, now=NOW) == "never"
    assert choice.further(*page, "never", has_scripts=True) == "splash"
    assert choice.further(*page, "splash", has_scripts=True) == "chromium"
    assert choice.further(*page, "chromium", has_scripts=True) is None


def test_a_page_without_scripts_needs_no_browser_to_be_empty() -> None:
    choice = RenderingChoice(())
    assert choice.further("listing", f"{SITE}/new", "never", has_scripts=False) is None


def test_a_browser_that_is_missing_is_passed_over_and_told_when_only_it_could_tell() -> None:
    choice = RenderingChoice(["chromium"])
    page = ("listing", f"{SITE}/new")
    assert choice.further(*page, "never", has_scripts=True) == "chromium"
    with pytest.raises(LookupError, match="chromium"):
        RenderingChoice(["splash"]).further(*page, "splash", has_scripts=True)
    with pytest.raises(LookupError, match="splash, chromium"):
        RenderingChoice(()).further(*page, "never", has_scripts=True)


def needing(engine: Engine, pages: int, kind: str = "artwork") -> RenderingChoice:
    choice = RenderingChoice(BOTH)
    for number in range(pages):
        choice.note(kind, f"{SITE}/work/{number}", engine, first="never", now=NOW)
    return choice


def test_works_that_needed_a_browser_get_it_at_once() -> None:
    page = ("artwork", f"{SITE}/work/99")
    for pages in range(SURE_AFTER):
        assert needing("splash", pages).first(*page, own=None, now=NOW) == "never"
    choice = needing("splash", SURE_AFTER)
    assert choice.first(*page, own=None, now=NOW) == "splash"
    choice.note("artwork", f"{SITE}/work/7", "never", first="never", now=NOW)
    assert choice.first(*page, own=None, now=NOW) == "never"


def test_listings_of_one_shape_do_not_speak_for_each_other() -> None:
    choice = needing("chromium", 10, kind="listing")
    page = ("listing", f"{SITE}/work/other")
    assert choice.first(*page, own=None, now=NOW) == "never"
    assert choice.first(*page, own="chromium", now=NOW) == "chromium"


def test_the_guess_is_checked_now_and_then() -> None:
    page = ("artwork", f"{SITE}/work/99")
    choice = needing("splash", SURE_AFTER)
    assert choice.first(*page, own=None, now=NOW + RECHECK_AFTER) == "splash"
    later = NOW + RECHECK_AFTER + timedelta(seconds=1)
    assert choice.first(*page, own=None, now=later) == "never"
    choice.note(*page, "splash", first="never", now=later)
    assert choice.first(*page, own=None, now=later) == "splash"
    for _ in range(RECHECK_PAGES):
        choice.note(*page, "splash", first="splash", now=later)
    assert choice.first(*page, own=None, now=later) == "never"


def test_a_site_that_dropped_its_scripts_is_fetched_plainly_after_the_check() -> None:
    page = ("artwork", f"{SITE}/work/99")
    choice = needing("chromium", 10)
    later = NOW + 2 * RECHECK_AFTER
    assert choice.first(*page, own=None, now=later) == "never"
    choice.note(*page, "never", first="never", now=later)
    assert choice.first(*page, own=None, now=later) == "never"


def test_works_that_are_incomplete_where_others_are_not_are_rarely_rendered() -> None:
    page = ("artwork", f"{SITE}/work/no-image")
    choice = needing("never", PLAIN_AFTER - 1)
    assert choice.further(*page, "never", has_scripts=True) == "splash"
    choice = needing("never", PLAIN_AFTER)
    asked = [choice.further(*page, "never", has_scripts=True) for _ in range(RECHECK_PAGES)]
    assert asked == [None] * (RECHECK_PAGES - 1) + ["splash"]
    choice.note(*page, "splash", first="never", now=NOW)
    assert choice.further(*page, "never", has_scripts=True) == "splash"


def test_a_guess_whose_browser_is_gone_is_not_followed() -> None:
    kept = needing("chromium", 10).learned()
    choice = RenderingChoice(["splash"])
    choice.recall(kept)
    assert choice.first("artwork", f"{SITE}/work/1", own=None, now=NOW) == "never"
    assert choice.first("listing", f"{SITE}/new", own="chromium", now=NOW) == "never"


def test_what_is_learned_survives_and_is_told_once() -> None:
    choice = needing("splash", SURE_AFTER)
    kept = choice.learned()
    assert list(kept) == ["artwork /work/*"]
    assert kept["artwork /work/*"]["splash"] == SURE_AFTER
    assert choice.learned() == {}
    again = RenderingChoice(BOTH)
    again.recall(kept)
    assert again.first("artwork", f"{SITE}/work/99", own=None, now=NOW) == "splash"
    assert again.learned() == {}


def test_shapes_are_bounded() -> None:
    choice = RenderingChoice(BOTH)
    for number in range(MAX_SHAPES + 10):
        letters = "".join(chr(97 + int(digit)) for digit in str(number))
        choice.note("listing", f"{SITE}/{letters}", "never", first="never", now=NOW)
    assert len(choice.learned()) == MAX_SHAPES


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(ENGINES),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.just("artwork /work/*"),
        anything | st.fixed_dictionaries({"engine": anything, "checked_at": anything}),
    )
)
def test_nonsense_in_the_database_is_no_experience(kept: dict[str, object]) -> None:
    choice = RenderingChoice(BOTH)
    choice.recall(kept)
    assert choice.first("artwork", f"{SITE}/work/1", own=None, now=NOW) in ENGINES
