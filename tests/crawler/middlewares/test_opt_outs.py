"""Crawls of a site whose owner reserves one thing here and another there."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.crawls import Workspace
from support.gallery import picture
from support.web import Page, PageServer, serve_pages

from cli.main import run
from crawler.opt_outs import FILE
from storage.failures import Choice, retry_failures

PROFILE = """
base_url = "{base}"
[politeness]
delay = 0
retries = 0
autothrottle = false
[rendering]
listing = "never"
artist = "never"
artwork = "never"
[categories]
all = "/"
[listing]
artworks = "css:a.work"
artists = "css:a.artist"
[artist]
artworks = "css:a.work"
name = "css:h1"
nationality = "css:.from"
[artwork]
title = "css:h1"
rights_text = "css:.rights"
images = "css:img"
"""
ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "rights.md").read_text(encoding="utf-8")
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]
RULES = [
    {"location": "/open/", "tdm-reservation": 0},
    {"location": "/kept/", "tdm-reservation": 1, "tdm-policy": "https://museum.example/policy"},
]
BESIDE = '<img src="/kept/elsewhere.png"><img src="/said.png">'
# What is said of each work in its head, in its headers, and what it shows beside its own image.
WORKS: Mapping[str, tuple[str, dict[str, str], str]] = {
    "/work/free": ("", {"X-Robots-Tag": "noindex, otherbot: noai"}, ""),
    "/work/header": ("", {"X-Robots-Tag": "artworks: noai, noimageai"}, ""),
    "/work/meta": ('<meta name="robots" content="noai">', {}, ""),
    "/work/mining": ("", {"TDM-Reservation": "1", "TDM-Policy": "/policy"}, ""),
    "/work/images": ('<meta name="robots" content="noimageai">', {}, ""),
    "/kept/work": ("", {}, ""),
    "/kept/given": ('<meta name="tdm-reservation" content="0">', {}, ""),
    "/work/others": ("", {}, BESIDE),
}
RESERVED = {
    "/work/header": ["noai", "noimageai"],
    "/work/meta": ["noai"],
    "/work/mining": ["tdm-reservation"],
    "/kept/work": ["tdm-reservation"],
}
IMAGES = {
    "/work/images.png": None,  # its page reserves it, not its answer
    "/kept/elsewhere.png": ["tdm-reservation"],
    "/kept/given.png": ["tdm-reservation"],
    "/kept/work.png": ["tdm-reservation"],
    "/said.png": ["noimageai"],
}


def png(number: int, **headers: str) -> Page:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return 200, {"Content-Type": "image/png", "ETag": f'"{number}"', **named}, picture(number)


def page(path: str, head: str, headers: Mapping[str, str], images: str) -> Page:
    body = f'<head>{head}</head><h1>{path}</h1><img src="{path}.png">{images}'
    return 200, {"ETag": f'"{path}"', **headers}, f"{body}<p class=rights>CC BY 4.0</p>"


def site() -> dict[str, Any]:
    links = "".join(f'<a class="work" href="{path}">x</a>' for path in WORKS)
    return {
        FILE: (200, {"Content-Type": "application/json"}, json.dumps(RULES)),
        "/": (200, {"X-Robots-Tag": "noai"}, f'{links}<a class="artist" href="/artist">x</a>'),
        "/artist": (
            200,
            {"X-Robots-Tag": "noai"},
            '<h1>Ann</h1><p class="from">Dutch</p><a class="work" href="/work/free">x</a>',
        ),
        **{path: page(path, *said) for path, said in WORKS.items()},
        **{f"{path}.png": png(number) for number, path in enumerate(WORKS)},
        "/kept/elsewhere.png": png(101),
        "/said.png": png(102, X_Robots_Tag="noimageai"),
    }


def crawl(workspace: Workspace, server: PageServer, *arguments: str, **environment: str) -> str:
    """Crawl the site; return the log."""
    profile = workspace.objects.parent / "site.toml"
    profile.write_text(PROFILE.format(base=server.base()))
    server.asked.clear()
    return workspace.crawl(f"site={profile}", *arguments, expect=0, **environment).stderr


def asked(server: PageServer) -> list[str]:
    return [path for _, path in server.asked]


def works(workspace: Workspace) -> dict[str, Any]:
    rows = workspace.sql("SELECT source_id, opt_out FROM artworks")
    return {row.source_id: row.opt_out for row in rows}


def stored_images(workspace: Workspace) -> dict[str, Any]:
    rows = workspace.sql(
        "SELECT regexp_replace(url, '^http://[^/]+', '') AS path, opt_out FROM image_sources"
        " WHERE image_id IS NOT NULL"
    )
    return {row.path: row.opt_out for row in rows}


def refusals(workspace: Workspace, base: str) -> dict[str, str]:
    rows = workspace.sql(
        "SELECT x.url, x.detail FROM failures x JOIN frontier f USING (site, url)"
        " WHERE x.reason = 'opted_out' AND x.stage = 'fetch' AND NOT x.retryable"
        " AND x.resolved_at IS NULL AND f.state = 'skipped'"
    )
    return {row.url.removeprefix(base): row.detail for row in rows}


@pytest.fixture
def museum() -> Any:
    pages = site()
    with serve_pages(lambda base: pages) as server:
        yield server, pages


def test_what_is_reserved_is_left_out_until_it_is_given(
    workspace: Workspace, museum: tuple[PageServer, dict[str, Any]]
) -> None:
    server, pages = museum
    crawl(workspace, server)
    assert works(workspace) == {
        "/work/free": None,
        "/work/images": ["noimageai"],
        "/kept/given": None,
        "/work/others": None,
    }
    assert stored_images(workspace) == {"/work/free.png": None, "/work/others.png": None}
    told = refusals(workspace, server.base())
    assert told == {
        "/work/header": "noai in X-Robots-Tag; noimageai in X-Robots-Tag",
        "/work/meta": 'noai in <meta name="robots">',
        "/work/mining": "tdm-reservation in header tdm-reservation (tdm-policy /policy)",
        "/work/images.png": f'noimageai in <meta name="robots">, of the page {server.base()}'
        "/work/images",
        "/said.png": "noimageai in X-Robots-Tag",
        **dict.fromkeys(
            ("/kept/work", "/kept/given.png", "/kept/elsewhere.png"),
            f"tdm-reservation in {FILE} (tdm-policy https://museum.example/policy)",
        ),
    }
    assert asked(server).count(FILE) == 1
    assert not {"/work/images.png", "/kept/elsewhere.png", "/kept/given.png"} & {*asked(server)}
    # The rows of the images are there, and the links of pages that reserve themselves count.
    assert workspace.one("SELECT count(*) FROM image_sources") == 6
    assert workspace.one("SELECT count(*) FROM artists") == 0
    assert workspace.one("SELECT tdm FROM hosts WHERE host = '127.0.0.1'") == RULES
    assert {row.license for row in workspace.sql("SELECT license FROM artworks")} == {"CC-BY-4.0"}

    # Nobody asks for it again, until the owner gives it.
    pages["/work/images"] = page("/work/images", "", {"ETag": '"given"'}, "")
    pages["/work/free"] = page("/work/free", "", {"X-Robots-Tag": "noai"}, "")
    pages["/work/free.png"] = png(0, X_Robots_Tag="noai")
    pages["/work/others"] = page("/work/others", "", {"X-Robots-Tag": "noimageai"}, BESIDE)
    crawl(workspace, server, "refresh=0")
    assert not {*RESERVED, "/said.png", "/kept/elsewhere.png"} & {*asked(server)}
    # What was stored before stays, and says so: the page itself is as it was, its headers are not.
    assert works(workspace) == {
        "/work/free": ["noai"],
        "/work/images": None,
        "/kept/given": None,
        "/work/others": ["noimageai"],
    }
    assert stored_images(workspace) == {
        "/work/free.png": None,
        "/work/others.png": None,
        "/work/images.png": None,
    }
    told = refusals(workspace, server.base())
    assert {"/work/free", "/work/others.png"} <= told.keys()
    assert "/work/images.png" not in told

    # Who may, takes it up again.
    with workspace.database.begin() as connection:
        assert sum(retry_failures(connection, Choice(reason="opted_out")).values()) == len(told)
    crawl(workspace, server, ARTWORKS_OPT_OUTS="record")
    assert works(workspace).keys() == WORKS.keys()
    assert {"/said.png", "/work/meta.png"} <= stored_images(workspace).keys()
    assert refusals(workspace, server.base()) == {}


def test_what_is_reserved_can_be_stored_and_told(
    workspace: Workspace,
    museum: tuple[PageServer, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The commands of docs/rights.md work on it."""
    server, pages = museum
    crawl(workspace, server, ARTWORKS_OPT_OUTS="record")
    assert works(workspace) == dict.fromkeys(WORKS) | RESERVED | {"/work/images": ["noimageai"]}
    assert stored_images(workspace) == {f"{path}.png": None for path in WORKS} | IMAGES
    assert refusals(workspace, server.base()) == {}
    assert workspace.one("SELECT nationality FROM artists WHERE name = 'Ann'") == "Dutch"
    assert workspace.one(
        "SELECT raw->'opt_out' FROM artworks WHERE source_id = '/work/mining'"
    ) == {
        "source": None,
        "values": ["tdm-reservation in header tdm-reservation (tdm-policy /policy)"],
    }
    assert workspace.one("SELECT settings->>'opt_outs' FROM crawl_runs") == "record"

    for name in ("ARTWORKS_HOME", "ARTWORKS_DATABASE_URL", "ARTWORKS_OBJECTS_URL"):
        monkeypatch.setenv(name, workspace.environment[name])
    capfd.readouterr()
    for command in COMMANDS:
        arguments = shlex.split(command)
        assert arguments[0] == "artworks"
        assert run(arguments[1:]) == 0, command
    said = capfd.readouterr().out
    assert "CC-BY-4.0\t8" in said
    assert "noimageai in X-Robots-Tag" in said

    # A page for whatever is not there is no file, and what there was reserves nothing any more.
    pages[FILE] = "<h1>nothing here</h1>"
    told = crawl(workspace, server, "refresh=0", ARTWORKS_OPT_OUTS="record")
    assert told.count(f"{FILE}: it is no JSON") == 1
    assert works(workspace)["/kept/work"] is None
    assert stored_images(workspace)["/kept/elsewhere.png"] is None
    assert workspace.one("SELECT tdm FROM hosts WHERE host = '127.0.0.1'") is None


def test_what_a_file_said_holds_while_it_cannot_be_had(
    workspace: Workspace, museum: tuple[PageServer, dict[str, Any]]
) -> None:
    server, pages = museum
    pages[FILE] = (500, {}, "down")
    workspace.sql(
        "INSERT INTO hosts (host, tdm) VALUES ('127.0.0.1', CAST(:rules AS jsonb)) RETURNING host",
        rules=json.dumps(RULES),
    )
    crawl(workspace, server)
    assert "/work/free" in works(workspace)
    assert "/kept/work" in refusals(workspace, server.base())
    assert workspace.one("SELECT tdm FROM hosts WHERE host = '127.0.0.1'") == RULES


def test_the_links_of_the_page_about_rights_lead_somewhere() -> None:
    assert len(COMMANDS) >= 5
    for target in re.findall(r"\]\(([\w./-]+\.md)", PAGE):
        assert (ROOT / "docs" / target).exists(), target


@pytest.mark.parametrize("engine", ["splash", "chromium"])
def test_rendered_pages_reserve_as_others_do(
    workspace: Workspace, splash_url: str, chromium_path: Path, engine: str
) -> None:
    script = (
        "<script>var meta = document.createElement('meta'); meta.name = 'robots';"
        "meta.content = 'noai'; document.head.appendChild(meta);</script>"
    )
    shown = {
        "/work/free": page("/work/free", "", {}, ""),
        "/work/header": page("/work/header", "", {"X-Robots-Tag": "noindex, noai"}, ""),
        "/work/mining": page("/work/mining", "", {"TDM-Reservation": "1"}, ""),
        "/work/script": page("/work/script", "", {}, script),
        "/moved": (302, {"Location": "/kept/work"}, ""),
        "/kept/work": page("/kept/work", "", {}, ""),
    }
    links = "".join(f'<a class="work" href="{path}">x</a>' for path in [*shown][:5])
    pages = site() | {"/": links} | shown
    with serve_pages(lambda base: pages) as server:
        profile = workspace.objects.parent / "site.toml"
        text = PROFILE.format(base=server.base())
        profile.write_text(text.replace('artwork = "never"', f'artwork = "{engine}"'))
        browsers = {
            "ARTWORKS_SPLASH_URL": splash_url,
            "ARTWORKS_CHROMIUM": str(chromium_path),
        }
        workspace.crawl(f"site={profile}", expect=0, **browsers)
        assert works(workspace) == {"/work/free": None}
        assert refusals(workspace, server.base()) == {
            "/work/header": "noai in X-Robots-Tag",
            "/work/mining": "tdm-reservation in header tdm-reservation",
            "/work/script": 'noai in <meta name="robots">',
            "/moved": f"tdm-reservation in {FILE} (tdm-policy https://museum.example/policy)",
        }
