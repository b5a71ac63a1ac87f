"""The profiles that the documentation teaches with: short, and complete for their part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.collections import check_fields, check_images, check_makers
from support.crawls import Workspace

from crawler.profiles import load_profile
from demo.server import MuseumServer

PROFILES = Path(__file__).parent / "profiles"


@pytest.mark.parametrize(
    ("name", "wing", "title", "lines"),
    [
        ("newcomer", "inventory", "css:h1", 30),
        ("api", "collection database", "jmespath:data.object.title", 40),
    ],
)
def test_a_short_profile_is_enough(
    workspace: Workspace,
    museum: MuseumServer,
    truth: dict[str, Any],
    name: str,
    wing: str,
    title: str,
    lines: int,
) -> None:
    path = PROFILES / f"{name}.toml"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= lines
    assert load_profile(path).category_names == (wing,)
    workspace.crawl(f"site={path}", f"base_url={museum.url}", expect=0)
    listed = truth["wings"][wing]["works"]
    works = [work for work in truth["works"] if work["id"] in listed]
    check_fields(workspace, works, dict.fromkeys(("label", "record"), title))
    check_makers(workspace, works)
    check_images(workspace, works)
    styles = workspace.sql(
        "SELECT a.source_id, t.name FROM artworks a JOIN artwork_terms w ON w.artwork_id = a.id "
        "JOIN terms t ON t.id = w.term_id WHERE t.kind = 'style'"
    )
    assert {tuple(row) for row in styles} == {(work["id"], work["style"]) for work in works}
    assert workspace.one("SELECT count(*) FROM failures") == 0
