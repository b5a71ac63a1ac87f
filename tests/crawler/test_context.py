"""What a crawl works with: its arguments, its requests, and how it begins and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from scrapy.exceptions import CloseSpider

from crawler.config import CrawlerSettings
from crawler.context import CrawlArguments, CrawlContext, link_to, start_link
from crawler.items import Kind, Lease
from crawler.profiles import StartPage, parse_profile
from storage.database import Database
from storage.errors import DatabaseUnavailable, UsageError
from storage.settings import StorageSettings

PROFILE = """
base_url = "http://museum.example"
[categories]
red = "/red"
[listing]
artworks = "css:a.work"
[artwork]
title = "css:h1"
images = "css:img"
[rendering.browser]
max_scrolls = 7
click = "button.more"
"""


@pytest.fixture
def context() -> Iterator[CrawlContext]:
    """A context whose database nobody has asked yet, and would not answer."""
    database = Database.open(
        StorageSettings(database_url=SecretStr("postgresql://me:s3cret@127.0.0.1:1/art"))
    )
    yield CrawlContext.build(
        CrawlArguments("museum"),
        CrawlerSettings(max_page_bytes=1_000, max_image_bytes=2_000),
        parse_profile(PROFILE, Path("museum.toml")),
        database,
    )
    database.close()


def lease(kind: Kind = "listing", etag: str | None = None, **meta: Any) -> Lease:
    return Lease(
        1, "http://museum.example/x", "f", "museum.example", kind, 0, 0, 1, etag, None, meta
    )


def test_arguments_are_read() -> None:
    assert CrawlArguments.parse({"site": "x"}) == CrawlArguments("x")
    given = {"site": "x", "category": " Red, ,blue ", "limit": "10", "refresh": "0.5"}
    assert CrawlArguments.parse(given) == CrawlArguments("x", ("Red", "blue"), 10, 0.5)
    assert CrawlArguments.parse({"site": "x", "refresh": "0"}).refresh_days == 0
    assert CrawlArguments.parse({"site": "x", "full": "1"}).full


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "-a site=NAME"),
        ({"site": ""}, "-a site=NAME"),
        ({"site": "x", "sort": "up"}, "unknown argument -a sort="),
        ({"site": "x", "limit": "0"}, "limit=0"),
        ({"site": "x", "limit": "1.5"}, "limit=1.5"),
        ({"site": "x", "limit": ""}, "limit="),
        ({"site": "x", "refresh": "-1"}, "refresh=-1"),
        ({"site": "x", "refresh": "nan"}, "refresh=nan"),
        ({"site": "x", "refresh": "inf"}, "refresh=inf"),
        ({"site": "x", "refresh": "weekly"}, "refresh=weekly"),
    ],
)
def test_wrong_arguments_are_told(given: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        CrawlArguments.parse(given)


@given(st.dictionaries(st.sampled_from(["site", "category", "limit", "refresh"]), st.text()))
def test_arguments_are_read_or_refused_whatever_they_are(given: dict[str, str]) -> None:
    try:
        parsed = CrawlArguments.parse(given)
    except UsageError:
        return
    assert parsed.limit is None or parsed.limit >= 1
    assert parsed.refresh_days is None or 0 <= parsed.refresh_days < float("inf")


def test_requests_carry_their_lease_and_the_limit_of_their_kind(context: CrawlContext) -> None:
    page, picture = context.request_for(lease("artwork")), context.request_for(lease("image"))
    assert (page.meta["download_maxsize"], picture.meta["download_maxsize"]) == (1_000, 2_000)
    assert page.meta["lease"].kind == "artwork"
    assert page.dont_filter
    assert "splash" not in page.meta


LISTED = {"children": [1, 2], "named": {}}


@pytest.mark.parametrize(
    ("row", "stored"),
    [
        (lease(etag='"1"', **LISTED), False),
        (lease("artist", etag='"1"', **LISTED), False),
        # The later pages of an artist may lead back to the first.
        (lease("artist", etag='"1"', artist_key="f", **LISTED), False),
        (lease("artwork", etag='"1"'), True),
        (lease("image", etag='"1"'), True),
    ],
    ids=["listing", "artist", "artist-led-back", "artwork", "image"],
)
def test_what_is_stored_is_asked_whether_it_changed(
    context: CrawlContext, row: Lease, stored: bool
) -> None:
    row = replace(row, is_stored=stored, meta={**row.meta, "profile": context.profile.hash})
    asked = context.request_for(row)
    assert asked.headers["If-None-Match"] == b'"1"'
    assert "If-Modified-Since" not in asked.headers
    assert asked.meta["handle_httpstatus_list"] == [304]
    dated = context.request_for(replace(row, etag=None, last_modified="yesterday"))
    assert dated.headers["If-Modified-Since"] == b"yesterday"
    # "Not modified" is no answer to somebody who did not ask.
    silent = context.request_for(replace(row, etag=None))
    assert "handle_httpstatus_list" not in silent.meta


@pytest.mark.parametrize(
    ("row", "stored"),
    [
        (lease(etag='"1"'), False),
        (lease(etag='"1"', children=[1]), False),
        (lease(etag='"1"', profile="an older one", **LISTED), False),
        (lease(etag='"1"', rendering="splash", **LISTED), False),
        (lease("artist", etag='"1"', artist_key="of another page", **LISTED), False),
        (lease("artwork", etag='"1"'), False),
        (lease("artwork", etag='"1"', profile="an older one"), True),
        (lease("artwork", etag='"1"', rendering="chromium"), True),
        (lease("image", etag='"1"'), False),
    ],
)
def test_what_is_not_stored_as_it_would_be_now_is_asked_for_in_full(
    context: CrawlContext, row: Lease, stored: bool
) -> None:
    row = replace(row, is_stored=stored, meta={"profile": context.profile.hash, **row.meta})
    asked = context.request_for(row)
    assert "If-None-Match" not in asked.headers
    assert "handle_httpstatus_list" not in asked.meta


def test_a_full_crawl_asks_for_everything_in_full(context: CrawlContext) -> None:
    full = replace(context, arguments=replace(context.arguments, full=True))
    row = replace(lease("image", etag='"1"'), is_stored=True)
    assert "If-None-Match" in context.request_for(row).headers
    assert "If-None-Match" not in full.request_for(row).headers


def test_rendered_pages_are_asked_of_the_renderer_with_the_profiles_options(
    context: CrawlContext,
) -> None:
    listing = context.request_for(lease(rendering="splash")).meta["splash"]
    assert listing["endpoint"] == "execute"
    assert listing["args"]["max_scrolls"] == 7
    assert listing["args"]["click"] == "button.more"
    assert listing["args"]["scroll"] is True
    work = context.request_for(lease("artwork", rendering="splash")).meta["splash"]
    assert work["args"]["scroll"] is False


def test_an_image_and_a_page_of_one_address_are_two_rows() -> None:
    page, picture = link_to("http://x/a.jpg", "artwork"), link_to("http://x/a.jpg", "image")
    assert page.fingerprint != picture.fingerprint
    assert page.host == picture.host == "x"
    assert link_to("http://x/?utm_source=a", "listing").fingerprint == (
        link_to("http://x/", "listing").fingerprint
    )


def test_start_pages_keep_their_category_and_rendering() -> None:
    start = start_link(StartPage("http://x/red", "red", "splash"))
    assert (start.kind, start.categories, start.meta) == (
        "listing",
        ("red",),
        {"rendering": "splash"},
    )
    assert start_link(StartPage("http://x/", None, "never")).categories == ()


def test_a_crawl_that_cannot_begin_says_why_and_closes(context: CrawlContext) -> None:
    async def begin() -> None:
        with pytest.raises(CloseSpider) as closing:
            await context.begin(SimpleNamespace())  # type: ignore[arg-type]
        assert closing.value.reason == "database_unavailable"
        await context.end("database_unavailable", {})

    asyncio.run(begin())
    assert context.problem is not None
    assert "check ARTWORKS_DATABASE_URL" in context.problem
    assert "s3cret" not in context.problem
    assert context.finish_reason == "database_unavailable"


def test_the_first_problem_stops_the_crawl_and_is_the_one_told(context: CrawlContext) -> None:
    closed: list[str] = []

    async def close_spider_async(reason: str) -> None:
        closed.append(reason)

    crawler: Any = SimpleNamespace(engine=SimpleNamespace(close_spider_async=close_spider_async))

    async def stop() -> None:
        context.stop(crawler, "object_store_unavailable", "no room")
        context.stop(crawler, "database_unavailable", "and then this")
        await asyncio.sleep(0)

    asyncio.run(stop())
    assert closed == ["object_store_unavailable"]
    assert context.problem == "no room"


def test_a_database_lost_while_closing_is_told(
    context: CrawlContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(**_: object) -> int:
        raise DatabaseUnavailable("went away")

    monkeypatch.setattr(context.ledger, "close", lost)
    asyncio.run(context.end("finished", {}))
    assert (context.finish_reason, context.problem) == ("database_unavailable", "went away")
