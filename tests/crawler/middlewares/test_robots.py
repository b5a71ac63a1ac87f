"""robots.txt binds every request, also those that wait for it together."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from support.crawls import Workspace
from support.web import serve_pages

from crawler.opt_outs import FILE

PROFILE = """
base_url = "{base}"
[politeness]
delay = 0
autothrottle = false
retries = 0
[categories]
all = "/"
[listing]
artworks = "css:a.work"
[artwork]
title = "css:h1"
required = ["title"]
"""
WORKS = "".join(f'<a class="work" href="/work/{number}">x</a>' for number in range(8))
PAGES: dict[str, Any] = {"/": WORKS} | {
    f"/work/{number}": f"<h1>Work {number}</h1>" for number in range(8)
}


def crawl(workspace: Workspace, tmp_path: Path, robots: Any, expect: int) -> list[str]:
    pages = PAGES if robots is None else PAGES | {"/robots.txt": robots}
    with serve_pages(lambda base: pages) as server:
        profile = tmp_path / "site.toml"
        profile.write_text(PROFILE.format(base=server.base()))
        workspace.crawl(f"site={profile}", expect=expect)
        return [path for _, path in server.asked]


def test_requests_that_wait_for_robots_together_all_obey_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    rules = "User-agent: *\nDisallow: /work/\n"
    with serve_pages(lambda base: PAGES | {"/robots.txt": rules}) as server:
        profile = tmp_path / "site.toml"
        profile.write_text(PROFILE.format(base=server.base()))
        # A run that continues begins with works: all of them wait for the first robots.txt.
        workspace.crawl(f"site={profile}", expect=0)
        workspace.sql("UPDATE frontier SET state = 'pending' WHERE kind = 'artwork' RETURNING id")
        workspace.crawl(f"site={profile}", expect=0)
        assert {path for _, path in server.asked} == {"/robots.txt", FILE, "/"}
    assert workspace.sql("SELECT reason, count(*) FROM failures GROUP BY reason") == [
        ("robots_disallowed", 8)
    ]


def test_a_host_without_robots_has_no_rules(workspace: Workspace, tmp_path: Path) -> None:
    asked = crawl(workspace, tmp_path, None, expect=0)
    assert asked.count("/robots.txt") == 1
    assert workspace.one("SELECT count(*) FROM artworks") == 8


def test_the_text_of_an_error_page_is_no_rule(workspace: Workspace, tmp_path: Path) -> None:
    crawl(workspace, tmp_path, (404, {}, "User-agent: *\nDisallow: /\n"), expect=0)
    assert workspace.one("SELECT count(*) FROM artworks") == 8


def test_a_broken_robots_stops_the_host_until_it_answers(
    workspace: Workspace, tmp_path: Path
) -> None:
    began = time.monotonic()
    asked = crawl(workspace, tmp_path, (503, {}, "later"), expect=4)
    assert set(asked) == {"/robots.txt"}
    assert time.monotonic() - began < 60
    assert workspace.sql("SELECT reason, retryable FROM failures") == [("robots_unavailable", True)]
