"""Crawls after something was taken down: it is not asked for, and its bytes are not stored."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from support.crawls import Workspace
from support.web import Page, Pages, serve_pages

from storage.forgettable import find_artist, find_artwork, find_site
from storage.forgetting import forget, remove_objects

PROFILE = """
base_url = "{base}"
[politeness]
delay = 0
retries = 0
autothrottle = false
[rendering]
listing = "never"
artwork = "never"
[categories]
all = "/"
[listing]
artworks = "css:a"
[artwork]
source_id = "css:h1::attr(id)"
title = "css:h1"
artist = "css:p"
images = "css:img"
"""


def picture(shade: int) -> Page:
    data = io.BytesIO()
    Image.linear_gradient("L").rotate(shade).save(data, "PNG")
    return 200, {"Content-Type": "image/png"}, data.getvalue()


def work(name: str, artist: str, image: str) -> str:
    return f'<h1 id="{name}">Work {name}</h1><p>{artist}</p><img src="/{image}.png">'


def site(listed: list[str]) -> Callable[[Callable[[str], str]], Pages]:
    return lambda _: {
        "/": lambda _: "".join(f'<a href="/{name}">{name}</a>' for name in listed),
        "/one": work("1", "Ann Example", "one"),
        "/two": work("2", "Bo Sample", "two"),
        "/three": work("3", "Cy Other", "three"),
        "/one-again": work("1", "Ann Example", "one"),
        "/by-bo": work("4", "Sample, Bo", "two"),
        "/copy": work("5", "Cy Other", "copy-of-one"),
        "/one.png": picture(1),
        "/two.png": picture(2),
        "/three.png": picture(3),
        "/copy-of-one.png": picture(1),
    }


def test_what_was_taken_down_stays_away(workspace: Workspace, tmp_path: Path) -> None:
    listed = ["one", "two", "three"]
    profile = tmp_path / "tiny.toml"
    workspace.arguments = [f"site={profile}"]
    database, store = workspace.database, workspace.store
    with serve_pages(site(listed)) as server:
        profile.write_text(PROFILE.format(base=server.base()))
        workspace.crawl(expect=0)
        assert workspace.one("SELECT count(*) FROM images") == 3
        with database.begin() as connection:
            targets = [
                find_artwork(connection, "tiny/1"),
                find_artist(connection, "Bo Sample", "bo sample"),
            ]
        for target in targets:
            taken = forget(database, target, reason=None, label="")
            # The original, and a preview in JPEG.
            assert remove_objects(store, taken.hashes) == 2
        server.asked.clear()
        listed += ["one-again", "by-bo", "copy"]
        workspace.crawl("refresh=0", "full=1", expect=0)
        asked = {path for _, path in server.asked} - {"/robots.txt"}
        assert not asked & {"/one", "/one.png", "/two", "/two.png"}
        assert asked >= {"/three", "/one-again", "/by-bo", "/copy", "/copy-of-one.png"}
        found = workspace.sql("SELECT source_id FROM artworks ORDER BY 1")
        assert [row.source_id for row in found] == ["3", "5"]
        failed = workspace.sql("SELECT url, reason, retryable FROM failures ORDER BY url")
        assert [(row.url.rpartition("/")[2], row.reason, row.retryable) for row in failed] == [
            ("by-bo", "forgotten", False),
            ("copy-of-one.png", "forgotten", False),
            ("one-again", "forgotten", False),
        ]
        # The worker put the copy before anybody knew what it was.
        keys = {
            key
            for row in workspace.sql("SELECT object_key, preview_key FROM images")
            for key in row
        }
        assert {info.key for info in store.list()} == keys
        assert len(keys) == 2

        with database.begin() as connection:
            whole = find_site(connection, "tiny")
        number = forget(database, whole, reason=None, label="").id
        server.asked.clear()
        refused = workspace.crawl(expect=2)
        assert "site tiny was taken down" in refused.stderr
        assert f"artworks forget --undo {number}" in refused.stderr
        assert server.asked == []
