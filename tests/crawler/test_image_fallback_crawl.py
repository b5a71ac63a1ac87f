"""A crawl of a site whose best images cannot be had: the next best are stored in their place."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from support.crawls import Workspace
from support.web import Page, Pages, PageServer, serve_pages

LARGEST_PIXELS = 20_000

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
title = "css:h1"
[artwork.images]
url = "css:img"
iiif = "css:[data-iiif]::attr(data-iiif)"
"""


def picture(width: int, height: int) -> Page:
    data = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(data, "JPEG")
    return 200, {"Content-Type": "image/jpeg"}, data.getvalue()


def info(**fields: object) -> Page:
    return 200, {"Content-Type": "application/json"}, json.dumps(fields)


IMAGE_3 = "http://iiif.io/api/image/3/context.json"
IMAGE_2 = "http://iiif.io/api/image/2/context.json"
WORKS = {
    "sets": '<img srcset="/gone.jpg 900w, /broken.jpg 600w, /fine.jpg 300w" src="/thumb.jpg">',
    "pixels": '<img srcset="/huge.jpg 300w, /fits.jpg 150w" src="/thumb.jpg">',
    "capped": '<p data-iiif="/iiif/capped"></p><img src="/thumb.jpg">',
    "older": '<p data-iiif="/iiif/older/info.json"></p>',
    "heavy": '<p data-iiif="/iiif/heavy"></p>',
    "lost": '<img srcset="/lost.jpg 900w, /page.jpg 600w" src="/teapot.jpg">',
}


def site(base: Callable[[str], str]) -> Pages:
    return {
        "/": "".join(f'<a href="/work/{name}">{name}</a>' for name in WORKS),
        **{f"/work/{name}": f"<h1>{name}</h1>{body}" for name, body in WORKS.items()},
        "/thumb.jpg": picture(10, 10),
        "/gone.jpg": (410, {}, "gone"),
        "/broken.jpg": (
            200,
            {"Content-Type": "image/jpeg"},
            b"\xff\xd8\xff\xe0 not much of a JPEG",
        ),
        "/fine.jpg": picture(30, 20),
        "/huge.jpg": picture(300, 200),
        "/fits.jpg": picture(150, 100),
        "/iiif/capped/full/max/0/default.jpg": (403, {}, "no"),
        "/iiif/capped/full/full/0/default.jpg": (400, {}, "no"),
        "/iiif/capped/info.json": info(
            **{"@context": IMAGE_3, "type": "ImageService3", "profile": "level1"},
            width=300,
            height=200,
            maxWidth=120,
        ),
        "/iiif/capped/full/120,80/0/default.jpg": picture(120, 80),
        "/iiif/older/full/max/0/default.jpg": (501, {}, "no"),
        "/iiif/older/full/full/0/default.jpg": (501, {}, "no"),
        "/iiif/older/info.json": info(
            **{"@context": IMAGE_2},
            profile=["http://iiif.io/api/image/2/level2.json", {"maxWidth": 90}],
            width=300,
            height=200,
            sizes=[{"width": 23, "height": 15}, {"width": 45, "height": 30}],
        ),
        "/iiif/older/full/90,/0/default.jpg": (500, {}, "no"),
        "/iiif/older/full/45,/0/default.jpg": picture(45, 30),
        "/iiif/heavy/full/max/0/default.jpg": picture(300, 200),
        "/iiif/heavy/full/full/0/default.jpg": (400, {}, "no"),
        "/iiif/heavy/info.json": info(
            **{"@context": IMAGE_3, "type": "ImageService3", "profile": "level1"},
            width=300,
            height=200,
        ),
        "/iiif/heavy/full/173,115/0/default.jpg": picture(173, 115),
        "/page.jpg": "<!doctype html><title>Sorry</title>",
        "/teapot.jpg": (418, {}, "short and stout"),
    }


@pytest.fixture
def gallery() -> Iterator[PageServer]:
    with serve_pages(site) as server:
        yield server


def test_the_next_best_image_is_stored_where_the_best_cannot_be_had(
    workspace: Workspace, gallery: PageServer, tmp_path: Path
) -> None:
    profile = tmp_path / "gallery.toml"
    profile.write_text(PROFILE.format(base=gallery.base()))

    done = workspace.crawl(
        f"site={profile}", expect=0, ARTWORKS_MAX_IMAGE_PIXELS=str(LARGEST_PIXELS)
    )

    base = gallery.base()
    rows = workspace.sql(
        "SELECT a.title, s.url, s.fetched_url, s.iiif_service, i.width, i.height "
        "FROM image_sources s JOIN artworks a ON a.id = s.artwork_id "
        "LEFT JOIN images i ON i.id = s.image_id ORDER BY a.title"
    )
    found = {
        row.title: (
            row.url.removeprefix(base),
            (row.fetched_url or "").removeprefix(base),
            (row.iiif_service or "").removeprefix(base),
            (row.width, row.height),
        )
        for row in rows
    }
    assert found == {
        "sets": ("/gone.jpg", "/fine.jpg", "", (30, 20)),
        "pixels": ("/huge.jpg", "/fits.jpg", "", (150, 100)),
        "capped": (
            "/iiif/capped/full/max/0/default.jpg",
            "/iiif/capped/full/120,80/0/default.jpg",
            "/iiif/capped",
            (120, 80),
        ),
        "older": (
            "/iiif/older/full/max/0/default.jpg",
            "/iiif/older/full/45,/0/default.jpg",
            "/iiif/older",
            (45, 30),
        ),
        "heavy": (
            "/iiif/heavy/full/max/0/default.jpg",
            "/iiif/heavy/full/173,115/0/default.jpg",
            "/iiif/heavy",
            (173, 115),
        ),
        "lost": ("/lost.jpg", "", "", (None, None)),
    }

    [failure] = workspace.sql("SELECT * FROM failures")
    assert (failure.url, failure.stage, failure.reason) == (
        f"{base}/lost.jpg",
        "fetch",
        "not_found",
    )
    assert failure.detail.startswith(f"tried 3 addresses: {base}/lost.jpg: HTTP 404; ")
    assert f"{base}/page.jpg: an HTML page" in failure.detail
    assert failure.detail.endswith(f"{base}/teapot.jpg: HTTP 418")
    states = workspace.sql("SELECT state, count(*) AS count FROM frontier GROUP BY state")
    assert {row.state: row.count for row in states} == {"done": 12, "failed": 1}

    # Each address is asked once, and no further one where an image was had.
    asked = [path for _, path in gallery.asked if path != "/robots.txt"]
    assert len(asked) == len(set(asked))
    assert not {"/thumb.jpg", "/iiif/older/full/23,/0/default.jpg"} & set(asked)
    stats = workspace.one("SELECT stats FROM crawl_runs")
    assert stats["artworks/images"] == 5
    assert stats["artworks/images/asked_elsewhere"] == 15
    assert "Traceback" not in done.stderr
