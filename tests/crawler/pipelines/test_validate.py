"""Records that cannot be right become failures; all others pass unchanged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.outcomes import artwork, failure, image, listing

from crawler.items import ArtworkItem, FailureItem, Lease
from crawler.pipelines.validate import LONGEST_NAME, ValidatePipeline, problem_with
from crawler.reasons import REASONS

LEASE = Lease(1, "http://x/1", "f", "x", "artwork", 0, 0, 1, None, None, {})


def item(**fields: Any) -> ArtworkItem:
    return artwork(LEASE, "1", **fields)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"title": ""}, "title is empty"),
        ({"title": None}, "title is empty"),
        ({"page_url": ""}, "page_url is empty"),
        ({"content_hash": ""}, "content_hash is empty"),
        ({"source_id": ""}, "source_id is empty"),
        ({"source_id": "x" * (LONGEST_NAME + 1)}, "source_id has more than 500 characters"),
        ({"year_from": 3_001}, "year_from is 3001"),
        ({"year_to": -100_001}, "year_to is -100001"),
        ({"year_to": "1900"}, "year_to is '1900'"),
        ({"height_cm": 0}, "height_cm is 0"),
        ({"width_cm": -1.0}, "width_cm is -1.0"),
        ({"depth_cm": 1e6}, "depth_cm is 1000000.0"),
        ({"height_cm": float("nan")}, "height_cm is nan"),
        ({"height_cm": float("inf")}, "height_cm is inf"),
        ({"terms": [("mood", "sad", "page")]}, "term mood='sad'"),
        ({"terms": [("style", "", "page")]}, "term style=''"),
        ({"terms": [("style", "x" * 501, "page")]}, "term style='xxx"),
        ({"artists": [{"name": ""}]}, "artist ''"),
        ({"artists": [{"name": "x" * 501}]}, "artist 'xxx"),
    ],
)
def test_what_cannot_be_right_is_refused(fields: dict[str, Any], says: str) -> None:
    record = item().record | fields
    outcome = ValidatePipeline().process_item(ArtworkItem(LEASE, item().answer, record))
    assert isinstance(outcome, FailureItem)
    assert (outcome.stage, outcome.reason) == ("validate", "invalid_record")
    assert outcome.retryable == REASONS["invalid_record"].retryable
    assert outcome.detail.startswith(says)
    assert len(outcome.detail) < 200
    assert outcome.lease is LEASE


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "//x/a.jpg", ""])
def test_images_are_on_the_web(url: str) -> None:
    record = item().record | {"images": [{"url": url}]}
    assert str(problem_with(record)).startswith("image address")


def test_a_good_record_passes_as_it_is() -> None:
    good = item(
        year_from=-500,
        year_to=3_000,
        height_cm=0.1,
        width_cm=100_000.0,
        images=["/a.jpg"],
        terms=[("style", "op art", "page")],
        artists=[{"name": "Ann", "name_key": "ann"}],
    )
    assert ValidatePipeline().process_item(good) is good


def test_other_outcomes_are_not_looked_at() -> None:
    for outcome in (listing(LEASE), image(LEASE), failure(LEASE)):
        assert ValidatePipeline().process_item(outcome) is outcome


@given(
    year=st.none() | st.integers(),
    size=st.none() | st.floats() | st.integers(),
    word=st.text(),
)
def test_whatever_a_page_says_there_is_a_verdict(
    year: int | None, size: float | None, word: str
) -> None:
    record = item(year_from=year, height_cm=size, terms=[("tag", word, "page")]).record
    problem = problem_with(record)
    fits = (
        (year is None or -100_000 <= year <= 3_000)
        and (size is None or 0 < size <= 100_000)
        and 0 < len(word) <= LONGEST_NAME
    )
    assert (problem is None) == fits
