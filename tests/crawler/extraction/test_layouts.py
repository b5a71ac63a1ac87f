"""A recorded page per layout must give its recorded output.

After a deliberate change, `RECORD_LAYOUTS=1 pytest tests/crawler/extraction/test_layouts.py`
writes the outputs anew; read the difference before it is committed.
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from crawler.extraction import (
    Page,
    content_hash,
    extract_artist,
    extract_artwork,
    extract_listing,
)
from crawler.profiles import BUNDLED_FOLDER, load_profile

FIXTURES = Path(__file__).parents[1] / "fixtures"
CASES: dict[str, dict[str, str]] = tomllib.loads((FIXTURES / "cases.toml").read_text("utf-8"))


MEDIA_TYPES = {".html": "text/html", ".json": "application/json"}


def read(case: str) -> dict[str, Any]:
    folder, about = FIXTURES / case, CASES[case]
    profile = load_profile(about.get("profile", folder / "profile.toml"), folders=[BUNDLED_FOLDER])
    if profile.general:
        profile = profile.with_starts([about["url"]])
    [body] = folder.glob("page.*")
    page = Page(about["url"], body.read_text("utf-8"), MEDIA_TYPES[body.suffix])
    if about["read"] == "artwork":
        record = extract_artwork(profile, page)
        found = record.to_dict() | {"content_hash": content_hash(record)}
    elif about["read"] == "artist":
        found = asdict(extract_artist(profile, page))
    else:
        discover = 0 if about["read"] == "discover" else None
        found = asdict(extract_listing(profile, page, discover=discover))
    result: dict[str, Any] = json.loads(json.dumps(found))
    return result


@pytest.mark.parametrize("case", CASES)
def test_recorded_page_gives_recorded_output(case: str) -> None:
    output = FIXTURES / case / "output.json"
    found = read(case)
    if os.environ.get("RECORD_LAYOUTS"):
        output.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", "utf-8")
    assert found == json.loads(output.read_text("utf-8"))


def test_every_recorded_layout_is_a_case() -> None:
    assert {page.parent.name for page in FIXTURES.glob("*/page.*")} == set(CASES)
