"""A crawl of the hostile museum: every hostility has its reason, and the rest is complete."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.crawls import TIMEOUT_S, Workspace
from support.hostile.hostility import Hostility, Stored
from support.hostile.museum import HONEST, museum, open_museum, profile
from support.hostile.server import HostileServer
from support.memory import Peaks, watched

from crawler.reasons import REASONS

LARGEST_RSS = 600_000_000  # bytes, of each process
LARGEST_IMAGE = 30_000_000  # bytes; what is endless is sent that far
IMAGE = "image_sources s JOIN images i ON i.id = s.image_id"


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with HostileServer() as running:
        yield running


def crawl(workspace: Workspace, path: Path) -> tuple[str, Peaks]:
    """Crawl in a process that is watched; return what it said, and its memory."""
    process = workspace.start(f"site={path}", ARTWORKS_MAX_IMAGE_BYTES=str(LARGEST_IMAGE))
    with watched(process.pid) as peaks:
        try:
            said, _ = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
    assert process.returncode == 4, said[-4000:]
    assert "Traceback" not in said, said[-4000:]
    return said, peaks


def failures(workspace: Workspace) -> dict[tuple[str, str], Any]:
    """Unresolved failures by host and path."""
    rows = workspace.sql("SELECT url, reason, detail FROM failures WHERE resolved_at IS NULL")
    return {(urlsplit(row.url).hostname or "", urlsplit(row.url).path): row for row in rows}


def made_of(one: Hostility, workspace: Workspace, failed: Mapping[tuple[str, str], Any]) -> str:
    """Return what the crawl made of a hostility, where that is not what was expected."""
    row = failed.get((one.host, one.fails_at or one.path))
    if row is not None:
        return "" if row.reason == one.expected else f"{row.reason}: {row.detail}"
    if isinstance(one.expected, str):
        return f"no failure, {one.expected} was expected"
    return "; ".join(differences(one, one.expected, workspace))


def is_final(one: Hostility) -> bool:
    """Whether a crawl leaves it at that; listings are read anew by every pass."""
    if one.kind == "listing":
        return False
    return not isinstance(one.expected, str) or not REASONS[one.expected].retryable


def differences(one: Hostility, expected: Stored, workspace: Workspace) -> Iterator[str]:
    """Yield what is stored otherwise than expected."""
    at = {"end": f"http://{one.host}:%{one.path}"}
    if one.kind == "listing":
        found = {urlsplit(row.page_url).path for row in workspace.sql("SELECT * FROM artworks")}
        if lacking := set(expected.works) - found:
            yield f"lacks {sorted(lacking)}"
        return
    table, column = (IMAGE, "s.url") if one.kind == "image" else ("artworks a", "a.page_url")
    names = ", ".join(expected.columns)
    rows = workspace.sql(f"SELECT {names} FROM {table} WHERE {column} LIKE :end", **at)
    if [list(row) for row in rows] != [list(expected.columns.values())]:
        yield f"stored {[row._asdict() for row in rows]}"
    if expected.images is not None:
        count = workspace.one(
            "SELECT count(s.image_id) FROM artworks a LEFT JOIN image_sources s "
            "ON s.artwork_id = a.id WHERE a.page_url LIKE :end",
            **at,
        )
        if count != expected.images:
            yield f"{count} images"
    for name, said in expected.raw.items():
        raw = workspace.one("SELECT raw FROM artworks WHERE page_url LIKE :end", **at)
        if not said.items() <= raw[name].items():
            yield f"raw says {str(raw[name])[:300]}"


def test_every_hostility_has_its_reason_and_the_rest_is_complete(
    workspace: Workspace,
    server: HostileServer,
    tmp_path: Path,
    record_property: Any,
) -> None:
    hostilities = museum(server.base)
    server.answer(open_museum(server.base, hostilities))
    path = tmp_path / "hostile.toml"
    path.write_text(profile(server.base))

    _, peaks = crawl(workspace, path)

    failed = failures(workspace)
    made = {one.name: made_of(one, workspace, failed) for one in hostilities}
    assert not {name: text for name, text in made.items() if text}
    known = {(one.host, one.fails_at or one.path) for one in hostilities}
    assert not {key: row.reason for key, row in failed.items() if key not in known}
    honest = workspace.sql(
        "SELECT a.title, s.image_id FROM artworks a JOIN image_sources s ON s.artwork_id = a.id "
        "WHERE a.title LIKE 'Honest %' AND s.image_id IS NOT NULL"
    )
    assert len({row.title for row in honest}) == len({row.image_id for row in honest}) == HONEST

    # No process of the crawl ever held much, though a single image could fill the memory.
    record_property("rss_of_all_processes", peaks.together)
    record_property("rss_by_process", sorted(peaks.by_process.values()))
    over = {peaks.commands[pid]: size for pid, size in peaks.by_process.items()}
    assert len(over) >= 2, "the crawl and its image worker were watched"
    assert not {command: size for command, size in over.items() if size > LARGEST_RSS}

    # What will not pass is not asked for again, and what may pass ends the same way.
    digest = workspace.digest()
    for_good = {(one.host, one.path) for one in hostilities if is_final(one)}
    server.asked.clear()
    crawl(workspace, path)
    assert workspace.digest() == digest
    again = {key: row.reason for key, row in failures(workspace).items()}
    assert again == {key: row.reason for key, row in failed.items()}
    assert not for_good & set(server.asked)
