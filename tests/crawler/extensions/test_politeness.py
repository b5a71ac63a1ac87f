"""Crawl-delay: kept from request to request, whatever AutoThrottle thinks, and remembered."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy import Request
from scrapy.extensions.throttle import AutoThrottle
from support.crawls import Workspace
from support.web import serve_pages

from crawler.context import CrawlContext
from crawler.extensions.politeness import LONGEST_CRAWL_DELAY_S, CrawlDelay, Throttle
from crawler.opt_outs import FILE

DELAY = 0.25


def test_requests_to_a_host_keep_its_crawl_delay(workspace: Workspace, tmp_path: Path) -> None:
    works = "".join(f'<a class="work" href="/work/{number}">x</a>' for number in range(8))
    pages: dict[str, Any] = {
        "/robots.txt": (
            200,
            {"Content-Type": "text/plain"},
            f"User-agent: *\nCrawl-delay: {DELAY}\nDisallow: /work/7\n",
        ),
        "/": works,
    }
    pages |= {
        f"/work/{number}": f'<h1 data-id="{number}">Work {number}</h1>' for number in range(8)
    }
    with serve_pages(lambda base: pages) as server:
        profile = tmp_path / "tiny.toml"
        # AutoThrottle alone would go down to the answers' latency, a few milliseconds.
        profile.write_text(
            f"""
base_url = "{server.base()}"
[politeness]
delay = 0
autothrottle = true
concurrency = 4
[[start]]
category = "all"
url = "/"
[listing]
artworks = "css:a.work"
[artwork]
source_id = "css:h1::attr(data-id)"
title = "css:h1"
required = ["title"]
"""
        )
        done = workspace.crawl(f"site={profile}", expect=0)
    assert done.returncode == 0
    paths = [path for _, path in server.times]
    assert sorted(paths) == sorted(["/robots.txt", FILE, "/", *(f"/work/{n}" for n in range(7))])
    times = [when for when, path in server.times if path != "/robots.txt"]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert min(gaps) > 0.9 * DELAY, gaps
    assert sorted(gaps)[len(gaps) // 2] < 4 * DELAY, "polite, and not slower than asked"
    assert workspace.sql("SELECT host, crawl_delay FROM hosts") == [("127.0.0.1", DELAY)]
    assert workspace.sql("SELECT reason FROM failures") == [("robots_disallowed",)]


class FakeCrawl:
    """As much of a crawler as the extension sees; `asks` is what robots.txt says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, asks: float | None) -> None:
        self.remembered: list[tuple[str, float | None]] = []
        self.slots = {"museum.example": SimpleNamespace(delay=0.1)}
        self.downloader = SimpleNamespace(
            get_slot_key=lambda request: "museum.example", per_slot_settings={}, slots=self.slots
        )
        context = SimpleNamespace(
            settings=SimpleNamespace(user_agent="artworks"),
            profile=SimpleNamespace(politeness=SimpleNamespace(delay=0.5)),
            crawl_delays={},
            writer=SimpleNamespace(call=self.call),
            ledger=SimpleNamespace(remember_delay=lambda *given: self.remembered.append(given)),
        )
        self.context = context
        monkeypatch.setattr(CrawlContext, "of", lambda crawler: context)
        crawler: Any = SimpleNamespace(
            signals=SimpleNamespace(connect=lambda *given, **keywords: None),
            engine=SimpleNamespace(downloader=self.downloader),
        )
        parser: Any = SimpleNamespace(crawl_delay=lambda agent: asks)

        async def parsed() -> None:
            CrawlDelay(crawler)._robots_parsed(parser, Request("http://museum.example/"))
            await asyncio.sleep(0)

        asyncio.run(parsed())

    async def call(self, function: Callable[..., None], *given: Any) -> None:
        function(*given)


@pytest.mark.parametrize(
    ("asks", "kept"), [(2.0, 2.0), (0.2, 0.5), (10_000.0, LONGEST_CRAWL_DELAY_S)]
)
def test_the_larger_wish_counts_up_to_a_bound_in_a_fake_crawl(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, asks: float, kept: float
) -> None:
    with caplog.at_level(logging.WARNING):
        crawl = FakeCrawl(monkeypatch, asks)
    assert crawl.context.crawl_delays == {"museum.example": kept}
    assert crawl.slots["museum.example"].delay == kept
    assert crawl.downloader.per_slot_settings["museum.example"]["delay"] == kept
    assert crawl.remembered == [("museum.example", asks)]
    assert ("asks for a Crawl-delay" in caplog.text) == (asks > LONGEST_CRAWL_DELAY_S)


@pytest.mark.parametrize("asks", [None, 0])
def test_no_wish_is_remembered_as_none_in_a_fake_crawl(
    monkeypatch: pytest.MonkeyPatch, asks: float | None
) -> None:
    crawl = FakeCrawl(monkeypatch, asks)
    assert crawl.context.crawl_delays == {}
    assert crawl.slots["museum.example"].delay == 0.1
    assert crawl.remembered == [("museum.example", None)]


def test_autothrottle_goes_below_everything_but_the_crawl_delay_in_a_fake_crawl(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slots = {name: SimpleNamespace(delay=5.0) for name in ("asked", "free")}
    context = SimpleNamespace(crawl_delays={"asked": 2.0})
    monkeypatch.setattr(CrawlContext, "of", lambda crawler: context)

    def speed_up(self: AutoThrottle, response: Any, request: Request, spider: Any) -> None:
        slots[request.meta["download_slot"]].delay = 0.01

    monkeypatch.setattr(AutoThrottle, "_response_downloaded", speed_up)
    throttle = Throttle.__new__(Throttle)
    throttle.crawler = SimpleNamespace()  # type: ignore[assignment]
    monkeypatch.setattr(
        throttle,
        "_get_slot",
        lambda request, spider: (
            request.meta["download_slot"],
            slots[request.meta["download_slot"]],
        ),
    )
    for name in slots:
        request = Request("http://x/", meta={"download_slot": name})
        throttle._response_downloaded(None, request, None)  # type: ignore[arg-type]
    assert {name: slot.delay for name, slot in slots.items()} == {"asked": 2.0, "free": 0.01}
