"""Rendering that is left to the crawler: what works needed is remembered, and no more is asked."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.crawls import Workspace
from support.web import Pages, serve_pages

from storage.errors import ExitCode

WORKS = 12

PROFILE = """
base_url = "{base}"
[politeness]
delay = 0
concurrency = 1
autothrottle = false
[categories]
all = "/list"
[listing]
artworks = "css:a.work"
[artwork]
title = "css:h1"
images = "css:img"
"""
LISTING = "".join(f"<a class=work href=/work/{number}>{number}</a>" for number in range(WORKS))
FILLED = "<h1>Work {number}</h1><img src=/image/{number}.jpg>"
SCRIPTED = "<body><script>document.body.innerHTML = '{filled}';</script></body>"


def jpeg(number: int) -> bytes:
    out = BytesIO()
    Image.new("RGB", (64, 48), (20 * number, 99, 99)).save(out, "JPEG")
    return out.getvalue()


def pages(work: str, broken: str) -> Pages:
    """A listing, works made after `work` but for the last, which is `broken`, and images."""
    made = {
        f"/work/{number}": work.format(filled=FILLED.format(number=number))
        for number in range(WORKS - 1)
    }
    images = {
        f"/image/{number}.jpg": (200, {"Content-Type": "image/jpeg"}, jpeg(number))
        for number in range(WORKS)
    }
    return {"/list": LISTING, f"/work/{WORKS - 1}": broken, **made, **images}


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return tmp_path / "scripted.toml"


def last_stats(workspace: Workspace) -> dict[str, Any]:
    found: dict[str, Any] = workspace.one("SELECT stats FROM crawl_runs ORDER BY id DESC LIMIT 1")
    return found


def test_works_that_need_a_browser_get_it_at_once_when_that_is_known(
    workspace: Workspace, profile: Path, splash_url: str
) -> None:
    with serve_pages(lambda _: pages(SCRIPTED, SCRIPTED.format(filled="nothing"))) as server:
        profile.write_text(PROFILE.format(base=server.base()), encoding="utf-8")
        settings = {"ARTWORKS_SPLASH_URL": splash_url, "PATH": "/nowhere"}
        workspace.crawl(f"site={profile}", expect=ExitCode.RETRYABLE_FAILURES, **settings)
        stats = last_stats(workspace)
        assert workspace.one("SELECT count(*) FROM artworks") == WORKS - 1
        assert stats["artworks/rendering/remembered"] >= 1
        assert stats["artworks/rendering/splash/artwork/work/*"] == WORKS - 1
        known = workspace.one("SELECT rendering->'artwork /work/*' FROM sites")
        assert (known["engine"], known["splash"], known["never"]) == ("splash", WORKS - 1, 0)
        # Nobody can tell whether Chromium, which is not there, would show the broken one.
        [failure] = workspace.sql("SELECT reason, detail FROM failures")
        assert failure.reason == "renderer_unavailable"
        assert "chromium" in failure.detail

        server.asked.clear()
        workspace.crawl(
            f"site={profile}", "refresh=0", expect=ExitCode.RETRYABLE_FAILURES, **settings
        )
        stats = last_stats(workspace)
        assert stats["artworks/rendering/remembered"] == WORKS - 1
        assert "artworks/rendering/escalated/splash" not in stats
        asked = [path for _, path in server.asked if path.startswith("/work/")]
        assert len(asked) == len(set(asked)) == WORKS


def test_a_site_without_scripts_never_waits_for_a_browser(
    workspace: Workspace, profile: Path, splash_url: str
) -> None:
    with serve_pages(lambda _: pages("{filled}", "<h1>Without an image</h1>")) as server:
        profile.write_text(PROFILE.format(base=server.base()), encoding="utf-8")
        workspace.crawl(f"site={profile}", expect=0, ARTWORKS_SPLASH_URL=splash_url)
        stats = last_stats(workspace)
        assert stats["artworks/rendering/plain"] == 1 + WORKS - 1  # the listing, and whole works
        assert not [name for name in stats if name.startswith("artworks/rendering/escalated")]
        assert [row.reason for row in workspace.sql("SELECT reason FROM failures")] == [
            "missing_field"
        ]
