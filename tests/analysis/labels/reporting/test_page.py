"""The report of a classifier is one page that needs nothing else, whatever pages are called."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from support.databases import sql

from analysis.labels.heads import MODES, Mode
from analysis.labels.reporting import page_pictures
from analysis.labels.reporting.page import label_report
from analysis.labels.reporting.page_pictures import page_address
from storage.database import Database
from storage.objects import ObjectStore
from tests.analysis.labels.judged import judged
from tests.analysis.labels.toys import hashes

AddWork = Callable[..., int]

HOSTILE = '<script>alert("1")</script>'
VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """What is in a page; every element must be closed."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page.decode())
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str]:
        return [value for _, found, value in self.attributes if found == name]


@pytest.fixture
def images(database: Database, add_work: AddWork) -> tuple[str, ...]:
    """The sha256 of 200 images, of which twelve that measured are stored."""
    found = list(hashes(200))
    for number in range(12):
        title = f"{HOSTILE} {number}" if number % 2 else " "
        image_id = add_work(number, title=title, size=(64, 48 + number), artist="A & B")
        [[found[140 + number * 5]]] = sql(
            database, "SELECT sha256 FROM images WHERE id = :one", one=image_id
        )
    sql(
        database,
        "UPDATE artworks SET page_url = 'javascript:alert(1)' WHERE source_id = '3'",
    )
    return tuple(found)


@pytest.mark.parametrize("mode", MODES)
def test_one_page_that_needs_nothing(
    database: Database, store: ObjectStore, images: tuple[str, ...], mode: Mode
) -> None:
    names = ("baroque", "cubism", HOSTILE, "ελαιογραφία")
    params, metrics, predictions = judged(mode, names=names, sha256=images)
    with database.begin() as connection:
        page = label_report(connection, store, "probe-style", "1", params, metrics, predictions)
    assert len(page) < 1_000_000
    found = Page(page)
    assert not {"script", "link", "iframe", "object", "base"} & set(found.tags)
    assert not [name for _, name, _ in found.attributes if name.startswith("on")]
    assert all(source.startswith("data:image/") for source in found.values("src"))
    assert "url(" not in page.decode()
    assert "@import" not in page.decode()
    links = [value for tag, name, value in found.attributes if (tag, name) == ("a", "href")]
    assert links
    assert all(re.fullmatch(r"https://museum\.example/\d+", link) for link in links)
    # Nothing leads elsewhere but these links.
    assert page.count(b"http") == len(links)
    assert HOSTILE in found.text
    assert "ελαιογραφία" in found.text
    assert "Untitled" in found.text
    assert "A & B" in found.text
    assert f"{metrics['f1_macro']:.3f}" in found.text
    assert "Beside what needs no learning" in found.text
    assert ("What is taken for what" in found.text) == (mode == "single")
    shown = set(found.values("data-image"))
    assert shown
    assert shown < set(images)
    assert "pictures are not shown: they are gone" in found.text


def test_the_same_page_for_the_same_classifier(
    database: Database, store: ObjectStore, images: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    params, metrics, predictions = judged("single", sha256=images)
    with database.begin() as connection:
        given = (connection, store, "probe-style", "1", params, metrics, predictions)
        page = label_report(*given)
        assert label_report(*given) == page
        pictures = Page(page).values("data-image")
        # A picture that cannot be read, and one that no page shows any more, are left out.
        unread, unshown = dict.fromkeys(pictures[:2])
        preview = connection.exec_driver_sql(
            f"SELECT preview_key FROM images WHERE sha256 = '{unread}'"
        ).scalar_one()
        store.delete(preview)
        connection.exec_driver_sql(
            "UPDATE image_sources SET gone_at = now() WHERE image_id = "
            f"(SELECT id FROM images WHERE sha256 = '{unshown}')"
        )
        fewer = Page(label_report(*given)).values("data-image")
        assert set(fewer) == set(pictures) - {unread, unshown}
        # A page has room for so much.
        monkeypatch.setattr(page_pictures, "ROOM", 0)
        small = Page(label_report(*given))
        assert len(small.values("data-image")) == 1
        assert "the page would be too large" in small.text


def test_without_errors_and_curves(database: Database, store: ObjectStore) -> None:
    params, metrics, predictions = judged("single")
    predictions.probabilities[:] = predictions.targets
    metrics["curves"] = {"roc": {}, "precision_recall": {}}
    metrics["history"] = {}
    with database.begin() as connection:
        page = label_report(connection, store, "probe-style", "1", params, metrics, predictions)
    text = Page(page).text
    assert "None of the 60 images that measured" in text
    assert "At every threshold" not in text
    assert "How it learned" not in text


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://museum.example/1?a=1&b=2", "https://museum.example/1?a=1&amp;b=2"),
        ('http://museum.example/"onclick="x', "http://museum.example/&quot;onclick=&quot;x"),
        ("javascript:alert(1)", None),
        ("JavaScript:alert(1)", None),
        ("data:text/html,x", None),
        ("//museum.example/1", None),
        ("http://[", None),
    ],
)
def test_only_pages_of_the_web_are_linked(url: str, linked: str | None) -> None:
    assert page_address(url) == linked
