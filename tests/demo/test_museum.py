from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from urllib.robotparser import RobotFileParser

import pytest

from demo.catalogue import Catalogue
from demo.errors import MuseumError, PortBusy
from demo.images import ImageCache
from demo.server import MuseumServer, main
from demo.wings import RECENT

Get = Callable[..., Any]


def _links(html: str, kind: str) -> list[str]:
    return [unescape(href) for href in re.findall(rf'class="{kind}" href="([^"]+)"', html)]


def _walk(get: Get, base: str, path: str) -> list[str]:
    """The links to works on all pages of a listing, without sessions."""
    found: list[str] = []
    page: str | None = base + path
    while page:
        answer = get(page)
        assert answer.status == 200
        found += (link.partition("?sid=")[0] for link in _links(answer.text, "work-link"))
        following = re.search(r'rel="next" href="([^"]+)"', answer.text)
        page = urljoin(page, following[1]) if following else None
    return found


def test_walking_all_listings_reaches_every_listed_work(
    museum: MuseumServer, get: Get, catalogue: Catalogue, truth: dict[str, Any]
) -> None:
    home = get(museum.url + "/").text
    categories, colors = _links(home, "category"), _links(home, "color")
    assert len(categories) == len(catalogue.categories)
    pages = {work["id"]: work["url"].removeprefix(museum.url) for work in truth["works"]}
    reached: set[str] = set()
    for listed in truth["categories"].values():
        path = listed["url"].removeprefix(museum.url)
        assert path in categories
        links = _walk(get, museum.url, path)
        assert [link for link in links if link in pages.values()] == [
            pages[name] for name in listed["works"]
        ]
        reached.update(links)
    for path in colors:
        reached.update(_walk(get, museum.url, path))
    expected = {pages[work.id] for work in catalogue.works if work.categories != (RECENT,)}
    assert reached == expected | {"/private/vault", "/work/w0000"}


def test_recent_acquisitions_exist_only_in_the_api(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    page = get(museum.url + "/new")
    assert _links(page.text, "work-link") == []
    assert re.search(r'<ul class="works" id="works">\s*</ul>', page.text)
    found: list[str] = []
    while True:
        chunk = get(f"{museum.url}/api/recent?offset={len(found)}").json()
        if not chunk["works"]:
            break
        assert len(chunk["works"]) <= 12
        found += [work["href"] for work in chunk["works"]]
    assert found == [f"/work/{work.id}" for work in catalogue.recent]
    assert get(museum.url + "/api/recent?offset=x").status == 404


def test_script_is_es2015() -> None:
    script = (Path(__file__).parents[2] / "demo" / "static" / "new.js").read_text()
    code = re.sub(r"//.*", "", script)
    for later in ("fetch(", "async ", "await ", "IntersectionObserver", "?.", "??", "import "):
        assert later not in code


def test_a_work_page_says_what_the_catalogue_says(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    for work in catalogue.works[:12]:
        assert work.layout == "label"
        html = get(f"{museum.url}/work/{work.id}").text
        text = unescape(html)
        assert f'<article class="artwork" data-id="{work.id}">' in html
        title = re.search(r'<h1 class="title">(.*?)</h1>', html, re.S)
        assert title is not None
        assert unescape(title[1]).strip() == work.title
        artist = re.search(r'<a class="artist" href="/artist/[^"]+">(.*?)</a>', html)
        assert artist is not None
        assert unescape(artist[1]) == work.artist.name
        for kind, value in (
            ("date", work.date_text),
            ("medium", work.medium),
            ("dimensions", work.dimensions_text),
            ("accession", work.accession_number),
            ("classification", work.classification),
            ("culture", work.culture),
            ("place", work.place),
            ("credit", work.credit_line),
            ("institution", work.institution),
        ):
            found = re.search(rf'<dd class="{kind}">(.*?)</dd>', html, re.S)
            assert found is not None
            assert unescape(found[1]).strip() == value
        assert f'<p class="description">{work.description}</p>' in text
        assert f'<a rel="license" href="{work.license_url}">{work.rights_text}</a>' in html
        assert list(re.findall(r'class="category"[^>]*>(.*?)</a>', html)) == list(work.categories)
        images = re.findall(r'<figure class="image">\s*<img src="([^"]+)"', html)
        assert images == [f"/image/{image.name}" for image in work.images]


def test_images_are_the_painted_bytes(
    museum: MuseumServer, get: Get, catalogue: Catalogue, tmp_path: Path
) -> None:
    kinds = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "avif": "image/avif"}
    cache = ImageCache(museum.cache)
    for image_format, content_type in kinds.items():
        work = next(
            work
            for work in catalogue.works
            if work.image_format == image_format and not work.image_missing
        )
        answer = get(f"{museum.url}/image/{work.images[0].name}")
        assert answer.headers["Content-Type"] == content_type
        assert hashlib.sha256(answer.body).hexdigest() == cache.digest(work)
        thumb = get(f"{museum.url}/thumb/{work.images[0].name}.jpg")
        assert thumb.headers["Content-Type"] == "image/jpeg"
        assert thumb.body.startswith(b"\xff\xd8")
        assert len(thumb.body) < 60_000


@pytest.mark.parametrize("path", ["/", "/category/abstraction", "/work/w0001", "/image/{image}"])
def test_unchanged_answers_are_304(
    museum: MuseumServer, get: Get, catalogue: Catalogue, path: str
) -> None:
    url = museum.url + path.format(image=catalogue.works[0].images[0].name)
    first = get(url)
    assert first.status == 200
    for headers in (
        {"If_None_Match": first.headers["ETag"]},
        {"If_None_Match": f'"other", W/{first.headers["ETag"]}'},
        {"If_Modified_Since": first.headers["Last-Modified"]},
    ):
        again = get(url, **headers)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
    assert get(url, If_None_Match='"other"').status == 200
    assert get(url, If_Modified_Since="Sat, 01 Jan 2000 00:00:00 GMT").status == 200
    assert get(url, If_Modified_Since="not a date").status == 200


def test_robots(museum: MuseumServer, get: Get) -> None:
    text = get(museum.url + "/robots.txt").text
    assert "Crawl-delay: 0.05" in text.splitlines()
    rules = RobotFileParser()
    rules.parse(text.splitlines())
    for path in ("/private/vault", "/api/recent?offset=0", "/_truth.json", "/_requests.json"):
        assert not rules.can_fetch("artworks", museum.url + path)
    for path in ("/", "/new", "/work/w0001", "/image/w0001.jpg", "/data/v1/works?page=1"):
        assert rules.can_fetch("artworks", museum.url + path)
    assert get(museum.url + "/private/vault").status == 200


def test_failures_are_those_of_the_truth(
    museum: MuseumServer, get: Get, truth: dict[str, Any]
) -> None:
    failures = truth["failures"]
    assert len(failures) == 2
    for failure in failures:
        assert get(failure["url"]).status == failure["status"] == 404
    for path in ("/nothing", "/category/none", "/category/abstraction?page=99", "/artist/x"):
        assert get(museum.url + path).status == 404
    assert get(museum.url + "/category/abstraction?page=x").status == 404


def test_every_link_of_a_work_page_leads_somewhere(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    work = next(work for work in catalogue.works if work.color_category)
    html = get(f"{museum.url}/work/{work.id}").text
    links = [unescape(href) for href in re.findall(r'href="(/[^"]*)"', html)]
    assert len(links) > 8
    for link in links:
        assert get(museum.url + link).status == 200, link


def test_a_museum_reopens_on_its_port(tmp_path: Path, get: Get) -> None:
    museum = MuseumServer(works=3, cache=tmp_path, lazy=True)
    with museum:
        first = museum.url
    with museum:
        assert museum.url == first
        assert get(museum.url + "/").status == 200


def test_artist_pages_list_their_works(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    artist = catalogue.artists[0]
    html = get(f"{museum.url}/artist/{artist.id}").text
    assert artist.name in html
    assert artist.life in html
    assert html.count('href="/work/') == sum(work.artist == artist for work in catalogue.works)


def test_requests_are_counted_until_reset(museum: MuseumServer, get: Get) -> None:
    assert get(museum.url + "/_reset", method="POST").status == 204
    get(museum.url + "/work/w0001")
    get(museum.url + "/work/w0001")
    get(museum.url + "/category/none")
    counted = get(museum.url + "/_requests.json").json()
    assert counted["paths"] == {"/work/w0001": 2, "/category/none": 1}
    assert counted["statuses"] == {"200": 2, "404": 1}
    assert counted["kinds"] == {"work": 2, "category": 1}
    get(museum.url + "/_reset", method="POST")
    assert get(museum.url + "/_requests.json").json()["total"] == 0


def test_truth_over_http_has_digests(tmp_path: Path, get: Get) -> None:
    told: list[tuple[int, int]] = []
    with MuseumServer(
        works=4,
        cache=tmp_path,
        crawl_delay=0,
        progress=lambda done, total: told.append((done, total)),
    ) as museum:
        truth = get(museum.url + "/_truth.json").json()
        for work in truth["works"]:
            for image in work["images"]:
                body = get(image["url"]).body
                assert hashlib.sha256(body).hexdigest() == image["sha256"]
        assert "Crawl-delay" not in get(museum.url + "/robots.txt").text
    assert told[-1][0] == told[-1][1] >= 4
    assert not list(tmp_path.rglob(".part-*"))


def test_a_taken_port_is_said_in_one_sentence(museum: MuseumServer, tmp_path: Path) -> None:
    second = MuseumServer(port=museum.port, works=4, cache=tmp_path, lazy=True)
    with pytest.raises(PortBusy, match=rf"Port {museum.port} is taken"):
        second.start()
    with socket.create_connection(("127.0.0.1", museum.port)):
        pass


def test_only_loopback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host", "0.0.0.0", "--cache", str(tmp_path)]) == 2  # noqa: S104
    assert "loopback" in capsys.readouterr().err
    with pytest.raises(MuseumError, match="at least 1"):
        MuseumServer(works=0, cache=tmp_path).start()
