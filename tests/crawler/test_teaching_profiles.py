"""The profiles that the documentation teaches with: short, and complete for their part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.collections import check_fields, check_images, check_makers
from support.crawls import Workspace

from crawler.profiles import BUNDLED_FOLDER, load_profile
from demo.server import MuseumServer

PROFILES = Path(__file__).parent / "profiles"


def in_haste(path: Path, folder: Path) -> Path:
    """The same profile without the pause between requests, which the museum does not need."""
    hasty = folder / path.name
    text = path.read_text(encoding="utf-8")
    hasty.write_text(f"{text}\n[politeness]\ndelay = 0\n", encoding="utf-8")
    return hasty


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
    tmp_path: Path,
    name: str,
    wing: str,
    title: str,
    lines: int,
) -> None:
    path = PROFILES / f"{name}.toml"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= lines
    assert load_profile(path).category_names == (wing,)
    workspace.crawl(f"site={in_haste(path, tmp_path)}", f"base_url={museum.url}", expect=0)
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


@pytest.mark.parametrize(
    ("profile", "wing", "title"),
    [("iiif", "IIIF", "iiif:label"), ("jsonld", "linked data", "jsonld:name")],
)
def test_general_profiles_need_an_address_alone(
    workspace: Workspace,
    museum: MuseumServer,
    truth: dict[str, Any],
    tmp_path: Path,
    profile: str,
    wing: str,
    title: str,
) -> None:
    site = in_haste(BUNDLED_FOLDER / f"{profile}.toml", tmp_path)
    start = truth["wings"][wing]["url"]
    workspace.crawl(f"site={site}", f"start={start}", expect=0)
    listed = set(truth["wings"][wing]["works"])
    works = [work for work in truth["works"] if work["id"] in listed]
    rows = workspace.sql(
        "SELECT title, date_text, year_from, medium, accession_number, raw->'title'->>'source' "
        "FROM artworks"
    )
    names = ("title", "date_text", "year_from", "medium", "accession_number")
    said = [(*(work["says"][name] for name in names), title) for work in works]
    assert sorted(map(tuple, rows)) == sorted(said)
    makers = workspace.sql("SELECT name, birth_year, death_year FROM artists")
    known = ("name", "birth_year", "death_year")
    assert {tuple(row) for row in makers} == {
        tuple(work["says"]["artist"][key] for key in known) for work in works
    }
    images = {row.sha256 for row in workspace.sql("SELECT sha256 FROM images")}
    assert images == {image["sha256"] for work in works for image in work["says"]["images"]}
    assert workspace.one("SELECT count(*) FROM failures") == 0
    assert workspace.one("SELECT count(DISTINCT site) FROM artworks") == 1
    assert workspace.one("SELECT min(site) FROM artworks").startswith(f"{profile}-127-0-0-1-")
    assert workspace.one("SELECT stats->'artworks/rendered/chromium' FROM crawl_runs") is None
    # A single work is a start as well.
    workspace.crawl(f"site={site}", f"start={works[0]['url']}", expect=0)
    assert workspace.one("SELECT count(*) FROM artworks") == len(works) + 1
