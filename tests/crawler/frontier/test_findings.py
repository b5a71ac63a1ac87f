"""What a dry run sums up."""

from __future__ import annotations

from typing import Any

import pytest
from support.outcomes import artwork, failure, image, link, listing
from support.workers import KINDS, begin

from crawler.frontier.findings import COLUMNS, FROM_ARTIST, FieldFill
from crawler.frontier.memory import MemoryLedger
from crawler.items import Answer, ArtworkItem, Lease


@pytest.fixture
def ledger() -> MemoryLedger:
    opened = MemoryLedger(site="museum")
    opened.open(profile_hash="p", settings={})
    return opened


def work(lease: Lease, source_id: str, title: str = "css:h1", **fields: Any) -> ArtworkItem:
    raw = {"title": {"source": title, "values": ["x"]}}
    if "year_from" in fields:
        raw["date"] = {"source": "css:.date", "values": ["1900"]}
    for kind, _, _ in fields.get("terms", ()):
        raw[f"terms.{kind}"] = {"source": f"css:.{kind}", "values": ["x"]}
    return artwork(lease, source_id, raw=raw, **fields)


def test_an_empty_run_found_nothing(ledger: MemoryLedger) -> None:
    summary = ledger.summary()
    assert (summary.artworks, summary.images, summary.artists, summary.records) == (0, 0, 0, ())
    assert summary.fields == {
        name: FieldFill(0, None, None) for name in (*COLUMNS, "artists", "images")
    }
    assert (summary.failures, summary.categories, summary.renderings) == ({}, {}, {})


def test_fields_are_counted_with_an_example_and_their_commonest_source(
    ledger: MemoryLedger,
) -> None:
    rows = begin(ledger, *(link(f"/{name}", "artwork", "red") for name in ("aa", *"bcd")))
    ann = {"name": "Ann", "name_key": "ann"}
    ledger.record(
        [
            work(rows["/aa"], "1", "css:h2", artists=[ann], images=["/1.jpg"], year_from=1900),
            work(rows["/b"], "2", terms=[("style", "op art", "page")], height_cm=0.5),
            work(rows["/c"], "3", medium="", year_from=None),
            # A page of the first work with a shorter address replaces what the other one said.
            work(rows["/d"], "1", artists=[ann, {"name": "Bob", "name_key": "bob"}]),
            work(rows["/aa"], "1", artists=[]),
        ]
    )
    summary = ledger.summary()
    assert (summary.artworks, summary.artists) == (3, 2)
    assert summary.fields["title"] == FieldFill(3, "Work 1", "css:h1")
    assert summary.fields["year_from"] == FieldFill(0)
    assert summary.fields["height_cm"] == FieldFill(1, 0.5, None)
    assert summary.fields["medium"] == FieldFill(0, None, None)
    assert summary.fields["artists"] == FieldFill(1, "Ann", None)
    assert summary.fields["images"] == FieldFill(0)
    assert summary.fields["terms.style"] == FieldFill(1, "op art", "css:.style")
    assert summary.categories == {"red": 3}


def test_what_is_inherited_is_counted_as_the_artists(ledger: MemoryLedger) -> None:
    rows = begin(
        ledger, link("/ann", "artist"), link("/a", "artwork"), link("/b", "artwork", "blue")
    )
    page = listing(rows["/ann"], link("/a", "artwork", "red"), link("/b", "artwork"))
    page.artist = {
        "name": "Ann",
        "name_key": "ann",
        "birth_year": 1850,
        "terms": [["style", "op art"], ["tag", "x"]],
    }
    ledger.record(
        [
            work(rows["/a"], "1", terms=[("style", "fauvism", "page")]),
            page,
            work(rows["/b"], "2", artists=[{"name": "Ann", "name_key": "ann"}]),
        ]
    )
    summary = ledger.summary()
    assert summary.artists == 1
    assert summary.fields["artists"] == FieldFill(2, "Ann", FROM_ARTIST)
    assert summary.fields["terms.style"] == FieldFill(2, "fauvism", "css:.style")
    assert summary.fields["terms.tag"] == FieldFill(2, "x", FROM_ARTIST)
    assert summary.categories == {"blue": 1, "red": 1}
    first, second = summary.records
    assert first["terms"] == [
        ("style", "fauvism", "page"),
        ("category", "red", "page"),
        ("style", "op art", "artist"),
        ("tag", "x", "artist"),
    ]
    assert [maker["birth_year"] for maker in (*first["artists"], *second["artists"])] == [1850] * 2


def test_images_count_once_for_their_bytes(ledger: MemoryLedger) -> None:
    rows = begin(ledger, *(link(f"/{number}.jpg", "image") for number in range(4)))
    unseen = image(rows["/3.jpg"])
    unseen.stored, unseen.body = None, b"12345"
    ledger.record([image(rows["/0.jpg"], "same"), image(rows["/1.jpg"], "same")])
    ledger.record([image(rows["/2.jpg"]), unseen, unseen])
    summary = ledger.summary()
    assert (summary.images, summary.image_bytes) == (3, 12 + 12 + 5)
    assert summary.pages == {"image": {"done": 4}}


def test_failures_are_told_by_reason_with_a_few_examples(ledger: MemoryLedger) -> None:
    rows = begin(ledger, *(link(f"/{number}") for number in range(9)))
    ledger.record([failure(rows[f"/{number}"], "not_found", "gone") for number in range(7)])
    ledger.record([failure(rows["/7"]), failure(rows["/8"], "robots_disallowed")])
    failures = ledger.summary().failures
    assert list(failures) == ["not_found", "robots_disallowed", "timeout"]
    assert (failures["not_found"].count, failures["not_found"].retryable) == (7, 0)
    assert failures["not_found"].examples[0] == ("http://museum.example/0", "gone")
    assert len(failures["not_found"].examples) == 5
    assert failures["timeout"].retryable == 1
    assert ledger.summary().pages == {"listing": {"failed": 8, "skipped": 1}}


def test_what_read_the_pages_is_counted(ledger: MemoryLedger) -> None:
    rows = begin(ledger, link("/a"), link("/b"), link("/c", "artwork"), link("/1.jpg", "image"))
    rendered = listing(rows["/b"])
    rendered.answer = Answer(status=200, rendered_by="chromium")
    ledger.record([listing(rows["/a"]), rendered, work(rows["/c"], "1"), image(rows["/1.jpg"])])
    assert ledger.summary().renderings == {
        "listing": {"never": 1, "chromium": 1},
        "artwork": {"never": 1},
    }
    assert ledger.summary().listings == 2


def test_after_a_while_records_are_only_counted() -> None:
    ledger = MemoryLedger(site="museum", records_kept=2)
    ledger.open(profile_hash="p", settings={})
    ledger.seed([link(f"/{number}", "artwork", "red") for number in range(5)])
    for number, lease in enumerate(ledger.lease(9, KINDS)):
        maker = {"name": f"N{number}", "name_key": f"n{number}"}
        ledger.record([work(lease, str(number), artists=[maker])])
    ledger.close(finish_reason="finished", stats={})
    ledger.abandon()
    summary = ledger.summary()
    assert [record["source_id"] for record in summary.records] == ["0", "1"]
    assert (summary.artworks, summary.artists) == (5, 5)
    assert summary.fields["title"].filled == 5
    assert summary.categories == {"red": 5}
