"""Crawling a site again that tells what changed: what is asked, what is kept, and what is told."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from support.crawls import Workspace
from support.web import Page, PageServer, serve_pages

ROOT = Path(__file__).parents[2]
NOT_OURS = ("/robots.txt", "/.well-known/tdmrep.json")

PROFILE = """
base_url = "{base}"
[politeness]
delay = 0
retries = 0
autothrottle = false
[categories]
all = "/"
[listing]
artworks = "css:a.work"
artists = "css:a.artist"
next = "css:a.next"
newest_first = true
[artist]
artworks = "css:a.work"
name = "css:h1"
[artwork]
title = "css:h1"
artist = "css:.by"
medium = "css:.medium"
images = "css:img"
"""
MODIFIED = {"old": "Wed, 01 Jul 2026 07:00:00 GMT", "new": "Thu, 02 Jul 2026 07:00:00 GMT"}


def tagged(body: str) -> Page:
    """A page whose ETag follows from what it shows."""
    return 200, {"ETag": f'"{hashlib.sha256(body.encode()).hexdigest()[:12]}"'}, body


def listed(*works: str, more: str = "") -> Page:
    return tagged(
        "".join(f'<a class="work" href="/work/{name}">{name}</a>' for name in works) + more
    )


def work(title: str, *images: str, medium: str = "oil") -> Page:
    shown = "".join(f'<img src="{image}">' for image in images)
    return tagged(f'<h1>{title}</h1><p class="by">Ann</p><p class="medium">{medium}</p>{shown}')


def picture(shade: int, modified: str = "old") -> Page:
    data = io.BytesIO()
    Image.new("L", (40, 30), shade).save(data, "JPEG")
    headers = {"Content-Type": "image/jpeg", "Last-Modified": MODIFIED[modified]}
    return 200, headers, data.getvalue()


NEXT = '<a class="next" href="/more">more</a>'
ANN = '<a class="artist" href="/ann">Ann</a>'


def first_shown() -> dict[str, Any]:
    return {
        "/": listed("a", "b", more=NEXT + ANN),
        "/more": listed("c", "d", "e"),
        "/ann": tagged('<h1>Ann</h1><a class="work" href="/work/a">a</a>'),
        "/work/a": work("A", "/a.jpg", "/shared.jpg"),
        "/work/b": work("B", "/b.jpg", "/shared.jpg"),
        "/work/c": work("C", "/liar.jpg", "/broken.jpg"),
        "/work/d": work("D", "/d.jpg"),
        "/work/e": work("E", "/e.jpg"),
        "/a.jpg": picture(10),
        "/b.jpg": picture(20),
        "/d.jpg": picture(40),
        "/e.jpg": picture(50),
        "/shared.jpg": picture(60),
        # It claims that nobody needs what nobody ever had.
        "/liar.jpg": (304, {"ETag": '"same"'}, ""),
        "/broken.jpg": (
            200,
            {"Content-Type": "image/jpeg", "ETag": '"b"'},
            b"\xff\xd8\xff\xe0 bad",
        ),
    }


def change(shown: dict[str, Any]) -> None:
    """A new work, changed works, changed bytes, and works and images that are no more."""
    shown["/"] = listed("new", "a", more=NEXT + ANN)
    shown["/more"] = listed("b", "c", "e")
    shown["/work/new"] = work("New", "/new.jpg")
    shown["/new.jpg"] = picture(70)
    shown["/work/a"] = work("A", "/a.jpg", medium="oil on panel")
    shown["/b.jpg"] = picture(21, "new")
    del shown["/work/e"]
    shown["/liar.jpg"] = picture(30)


def asked(server: PageServer) -> dict[str, int]:
    """Statuses by path since the last time; nothing was asked for twice."""
    answered = [(path, status) for path, status in server.answered if path not in NOT_OURS]
    server.answered.clear()
    found = dict(answered)
    assert len(found) == len(answered), sorted(answered)
    return found


def test_a_site_is_crawled_again_at_little_cost_and_what_changed_is_told(
    workspace_factory: Callable[[], Workspace], tmp_path: Path
) -> None:
    workspace, afresh = workspace_factory(), workspace_factory()
    shown = first_shown()
    with serve_pages(lambda base: shown) as server:
        profile = tmp_path / "again.toml"
        profile.write_text(PROFILE.format(base=server.base()))
        site = f"site={profile}"

        workspace.crawl(site, expect=0)
        paths = set(shown)
        assert asked(server) == {path: 304 if path == "/liar.jpg" else 200 for path in paths}
        assert server.conditional == []
        failed = workspace.sql("SELECT url, reason FROM failures WHERE resolved_at IS NULL")
        assert {row.url.removeprefix(server.base()): row.reason for row in failed} == {
            "/liar.jpg": "http_error",
            "/broken.jpg": "truncated",
        }
        digest = workspace.digest()

        # Nothing changed: the second page of the listing is not even asked for.
        workspace.crawl(site, "refresh=0", expect=0)
        told = {"/", "/ann", "/work/a", "/work/b", "/a.jpg", "/b.jpg", "/shared.jpg"}
        assert asked(server) == dict.fromkeys(told, 304)
        assert workspace.digest() == digest
        stats = workspace.one("SELECT stats FROM crawl_runs ORDER BY id DESC LIMIT 1")
        assert stats["artworks/listings/stopped_early"] == 1
        assert stats["artworks/unchanged"] == len(told)
        assert "artworks/artworks" not in stats
        assert workspace.one("SELECT count(*) FROM artwork_versions") == 0

        change(shown)
        server.conditional.clear()
        workspace.crawl(site, "refresh=0", expect=0)
        found = asked(server)
        assert found == {
            **dict.fromkeys(["/", "/more", "/work/a", "/work/new"], 200),
            **dict.fromkeys(["/new.jpg", "/b.jpg", "/liar.jpg", "/broken.jpg"], 200),
            **dict.fromkeys(["/ann", "/work/b", "/work/c", "/a.jpg", "/shared.jpg"], 304),
            "/work/e": 404,
        }
        # What gave nothing before has nothing to compare with.
        assert not {"/liar.jpg", "/broken.jpg", "/new.jpg"} & set(server.conditional)

        gone = workspace.sql("SELECT title FROM artworks WHERE gone_at IS NOT NULL ORDER BY 1")
        assert [row.title for row in gone] == ["D", "E"]
        [image] = workspace.sql("SELECT url FROM image_sources WHERE gone_at IS NOT NULL")
        assert image.url.endswith("/shared.jpg")
        versions = {
            row.title: row.changed
            for row in workspace.sql(
                "SELECT a.title, v.changed FROM artwork_versions v "
                "JOIN artworks a ON a.id = v.artwork_id"
            )
        }
        assert versions["A"]["medium"] == ["oil", "oil on panel"]
        assert [len(urls) for urls in versions["A"]["images"]] == [2, 1]
        assert list(versions["B"]) == ["image"]
        assert versions.keys() == {"A", "B"}
        check_documented_queries(workspace)

        # The former bytes are kept, and count for nothing.
        afresh.crawl(site, expect=0)
        assert afresh.digest() == workspace.digest()


def check_documented_queries(workspace: Workspace) -> None:
    """The queries of docs/recrawl.md work, and find what changed."""
    page = (ROOT / "docs" / "recrawl.md").read_text()
    blocks = [block.split("\n```")[0] for block in page.split("```sql\n")[1:]]
    found = [workspace.sql(block) for block in blocks]
    assert len(blocks) == 3
    changed, bytes_changed, gone = found
    assert [(row.title, row.field) for row in changed] == [("A", "images"), ("A", "medium")]
    assert [row.title for row in bytes_changed] == ["B"]
    assert sorted(row.title for row in gone) == ["D", "E"]
