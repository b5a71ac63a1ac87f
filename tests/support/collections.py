"""Comparing what a crawl stored with the museum's truth, value by value."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from crawler.extraction.urls import canonical_url
from demo.said import FIELDS
from support.crawls import Workspace

# Which of the profile's sources gives the title of each layout.
TITLE_SOURCES = {
    "label": "css:h1.title",
    "resident": "css:h1.title",
    "responsive": "css:h1.title",
    "linked": "jsonld:name",
    "microdata": "microdata:name",
    "record": "jmespath:data.object.title",
    "iiif": "iiif:label",
    "social": "opengraph:title",
}
SHOWN_BY = {"never": {"never"}, "splash": {"splash", "chromium"}, "chromium": {"chromium"}}


def listings(truth: dict[str, Any], engines: Collection[str]) -> Iterator[dict[str, Any]]:
    """The museum's listings that can be read with these browsers."""
    every = [
        *truth["categories"].values(),
        *truth["colors"].values(),
        truth["recent"],
        *truth["wings"].values(),
    ]
    for listing in every:
        if SHOWN_BY[listing["needs"]] & {"never", *engines}:
            yield listing


def unread(truth: dict[str, Any], engines: Collection[str]) -> set[str]:
    """Addresses of the listings that need a browser that is not there."""
    read = {listing["url"] for listing in listings(truth, engines)}
    return {one["url"] for one in (truth["recent"], *truth["wings"].values())} - read


def reachable(truth: dict[str, Any], engines: Collection[str]) -> list[dict[str, Any]]:
    """The works that some readable listing leads to."""
    listed = {name for listing in listings(truth, engines) for name in listing["works"]}
    return [work for work in truth["works"] if work["id"] in listed]


def check_collection(
    workspace: Workspace, truth: dict[str, Any], engines: Collection[str] = ()
) -> None:
    """Every reachable work once, every field, maker and term as its page says, every image byte."""
    works = reachable(truth, engines)
    check_fields(workspace, works)
    check_makers(workspace, works)
    _check_terms(workspace, works, truth, engines)
    check_images(workspace, works)


def check_fields(
    workspace: Workspace,
    works: list[dict[str, Any]],
    title_sources: Mapping[str, str] = TITLE_SOURCES,
) -> None:
    """Every work once, and every column as its page says."""
    rows = workspace.sql("SELECT * FROM artworks ORDER BY source_id")
    assert [row.source_id for row in rows] == sorted(work["id"] for work in works)
    by_id = {row.source_id: row for row in rows}
    for work in works:
        row, says = by_id[work["id"]], work["says"]
        found = {name: getattr(row, name) for name in FIELDS}
        assert found == {name: says[name] for name in FIELDS}, (work["id"], work["layout"])
        # Under which address a page was met first is chance, and a session may hang on it.
        assert canonical_url(row.page_url) in set(map(canonical_url, work["urls"]))
        assert row.run_id is not None
        assert row.iiif_manifest == (work["url"] if work["layout"] == "iiif" else None)
        assert row.raw["title"]["source"] == title_sources[work["layout"]]
        assert row.raw["title"]["values"] == [says["title"]]
        assert all(found["source"] and found["values"] for found in row.raw.values())


def check_makers(workspace: Workspace, works: list[dict[str, Any]]) -> None:
    """One maker per work, with all that its page, or the artist's, says; no others."""
    known = ("name", "nationality", "birth_year", "death_year")
    makers = workspace.sql(
        "SELECT a.source_id, r.name, r.nationality, r.birth_year, r.death_year FROM artworks a "
        "JOIN artwork_artists m ON m.artwork_id = a.id JOIN artists r ON r.id = m.artist_id"
    )
    expected = {work["id"]: tuple(work["says"]["artist"][key] for key in known) for work in works}
    found = {row[0]: tuple(row[1:]) for row in makers}
    assert len(makers) == len(found)
    for work in works:
        assert found[work["id"]] == expected[work["id"]], (work["id"], work["layout"])
    assert workspace.one("SELECT count(*) FROM artists") == len(set(expected.values()))


def _check_terms(
    workspace: Workspace,
    works: list[dict[str, Any]],
    truth: dict[str, Any],
    engines: Collection[str],
) -> None:
    terms: dict[str, set[tuple[str, str, str]]] = {}
    for row in workspace.sql(
        "SELECT a.source_id, t.kind, t.name, w.source FROM artworks a "
        "JOIN artwork_terms w ON w.artwork_id = a.id JOIN terms t ON t.id = w.term_id"
    ):
        terms.setdefault(row.source_id, set()).add((row.kind, row.name, row.source))
    listed: dict[str, set[str]] = {}
    for listing in listings(truth, engines):
        for name in listing["works"]:
            listed.setdefault(name, set()).add(listing["name"])
    for work in works:
        # A page may name categories too, whether or not their listings could be read.
        expected = {
            *(tuple(term) for term in work["says"]["terms"]),
            *(("category", name, "page") for name in listed[work["id"]]),
        }
        assert terms[work["id"]] == expected, (work["id"], work["layout"])


def check_images(workspace: Workspace, works: list[dict[str, Any]]) -> None:
    """Every image that can be had, at its place, byte by byte."""
    stored = {
        (row.source_id, row.position): row
        for row in workspace.sql(
            "SELECT a.source_id, s.position, s.url, s.caption, s.iiif_service, i.* "
            "FROM image_sources s "
            "JOIN artworks a ON a.id = s.artwork_id JOIN images i ON i.id = s.image_id"
        )
    }
    expected = {
        (work["id"], position): image
        for work in works
        for position, image in enumerate(work["says"]["images"])
        if image["available"]
    }
    assert stored.keys() == expected.keys()
    for key, image in expected.items():
        row = stored[key]
        assert (row.sha256, row.caption, row.width, row.height, row.iiif_service) == tuple(
            image[name] for name in ("sha256", "caption", "width", "height", "service")
        ), key
        # A service has many addresses for one image.
        assert row.url in image["urls"] or row.url.startswith(f"{image['service']}/full/"), key
        content = workspace.store.get(row.object_key)
        assert hashlib.sha256(content).hexdigest() == image["sha256"]
        assert workspace.store.exists(row.preview_key)
    distinct = {image["sha256"] for image in expected.values()}
    assert workspace.one("SELECT count(*) FROM images") == len(distinct)
