"""The wings for people: what a browser gets, and what a program without one gets."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import extruct
import pytest

from demo import linkeddata
from demo.catalogue import Catalogue, Work
from demo.images import ImageCache
from demo.server import MuseumServer
from demo.wings import (
    DIGITAL,
    INVENTORY,
    LINKED,
    MICRODATA,
    RESIDENCIES,
    RESPONSIVE,
    SOCIAL,
    STUDIO,
    WINGS,
)

Get = Callable[..., Any]
STATIC = Path(__file__).parents[2] / "demo" / "static"


def _links(html: str, kind: str = "work-link") -> list[str]:
    return [unescape(href) for href in re.findall(rf'class="{kind}" href="([^"]+)"', html)]


def _walk(get: Get, url: str, kind: str = "work-link") -> list[str]:
    found: list[str] = []
    page: str | None = url
    while page:
        answer = get(page)
        assert answer.status == 200
        found += _links(answer.text, kind)
        following = re.search(r'rel="next" href="([^"]+)"', answer.text)
        page = urljoin(page, unescape(following[1])) if following else None
    return found


def _paths(catalogue: Catalogue, wing: str) -> list[str]:
    return [f"/work/{work.id}" for work in catalogue.wings[wing]]


def test_the_home_page_leads_to_every_wing(museum: MuseumServer, get: Get) -> None:
    home = get(museum.url + "/").text
    assert _links(home, "wing") + _links(home, "data") == [
        *(wing.href for wing in WINGS if not wing.href.startswith(("/data", "/iiif"))),
        *(wing.href for wing in WINGS if wing.href.startswith(("/data", "/iiif"))),
    ]
    for wing in WINGS:
        assert get(museum.url + wing.href).status == 200


@pytest.mark.parametrize("wing", [RESPONSIVE, MICRODATA, SOCIAL])
def test_plain_wings_list_their_works_page_by_page(
    museum: MuseumServer, get: Get, catalogue: Catalogue, wing: str
) -> None:
    [href] = [known.href for known in WINGS if known.name == wing]
    assert _walk(get, museum.url + href) == _paths(catalogue, wing)
    assert get(f"{museum.url}{href}?page=99").status == 404


def test_digital_commissions_are_for_modern_browsers_only(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    page = get(museum.url + "/digital").text
    assert _links(page) == []
    assert "/work/" not in page
    # Without modules a browser runs nothing but the note that it is too old.
    assert re.findall(r"<script ([^>]*)>", page) == [
        'type="module" src="/static/digital.js"',
        'nomodule src="/static/outdated.js"',
    ]
    script = (STATIC / "digital.js").read_text()
    for modern in ("import {", "fetch(", "async ", "await ", "IntersectionObserver", "?."):
        assert modern in script
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        chunk = get(f"{museum.url}/api/digital?after={after}").json()
        assert 0 < len(chunk["works"]) <= 4
        found += [work["href"] for work in chunk["works"]]
        after = chunk["next"]
    assert found == _paths(catalogue, DIGITAL)
    assert get(museum.url + "/api/digital?after=w9999").status == 404


def test_open_studio_loads_more_on_a_click(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    page = get(museum.url + "/studio").text
    assert _links(page) == []
    assert '<button class="more"' in page
    found: list[str] = []
    number, more = 1, True
    while more:
        chunk = get(f"{museum.url}/api/studio?page={number}").json()
        found += [work["href"] for work in chunk["works"]]
        number, more = number + 1, chunk["more"]
    assert number > 3
    assert found == _paths(catalogue, STUDIO)
    for page in (number, 0, "x"):
        assert get(f"{museum.url}/api/studio?page={page}").status == 404


@pytest.mark.parametrize("name", ["studio.js", "outdated.js", "lazy.js"])
def test_scripts_for_old_browsers_are_es5(name: str) -> None:
    code = re.sub(r"//.*", "", (STATIC / name).read_text())
    for later in ("=>", "let ", "const ", "`", "fetch(", "class ", "?.", "??"):
        assert later not in code


@pytest.mark.parametrize(("path", "wing"), [("/digital", DIGITAL), ("/studio", STUDIO)])
def test_a_real_browser_shows_the_works(
    museum: MuseumServer,
    catalogue: Catalogue,
    chromium_path: Path,
    tmp_path: Path,
    path: str,
    wing: str,
) -> None:
    done = subprocess.run(
        [
            *(str(chromium_path), "--headless", "--no-sandbox", "--disable-gpu"),
            *("--window-size=1280,3000", "--virtual-time-budget=20000", "--dump-dom"),
            *(f"--user-data-dir={tmp_path}", museum.url + path),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    shown = _links(done.stdout)
    listed = _paths(catalogue, wing)
    # The button waits for somebody to click it.
    assert shown == (listed if wing == DIGITAL else listed[: len(shown)])
    assert shown


def test_residents_stand_between_the_listing_and_their_works(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    people = _links(get(museum.url + "/residents").text, "resident")
    assert people == [f"/resident/{artist.id}" for artist in catalogue.residents]
    reached: list[str] = []
    for artist, path in zip(catalogue.residents, people, strict=True):
        page = get(museum.url + path).text
        assert f'<h1 class="person-name">{artist.name}</h1>' in unescape(page)
        assert f'<span class="nationality">{artist.nationality}</span>' in page
        assert f'<span class="life">{artist.life}</span>' in page
        assert re.findall(r'class="person-style">([^<]+)<', page) == list(artist.styles)
        reached += _walk(get, museum.url + path)
    assert sorted(reached) == _paths(catalogue, RESIDENCIES)
    assert get(museum.url + "/resident/nobody").status == 404


def test_a_resident_s_work_says_nothing_about_the_resident(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    for work in catalogue.wings[RESIDENCIES]:
        html = get(f"{museum.url}/work/{work.id}").text
        assert f'<a class="artist" href="/resident/{work.artist.id}">' in html
        for kind in ("nationality", "life", "style", "culture"):
            assert f'class="{kind}"' not in html
        assert work.artist.life not in html


def test_an_inventory_number_leads_to_the_same_page(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    works = catalogue.wings[INVENTORY]
    links = _walk(get, museum.url + "/inventory")
    assert links == [f"/object/{work.accession_number}" for work in works]
    for work, link in zip(works, links, strict=True):
        page = get(museum.url + link)
        assert page.body == get(f"{museum.url}/work/{work.id}").body
    assert get(museum.url + "/object/1.2.3").status == 404


def test_one_category_hands_out_sessions(
    museum: MuseumServer, get: Get, catalogue: Catalogue, truth: dict[str, Any]
) -> None:
    def with_sessions(html: str) -> list[str]:
        return re.findall(r"sid=(\w+)", html)

    carrying = [
        listed["url"]
        for listed in truth["categories"].values()
        if with_sessions(get(listed["url"]).text)
    ]
    [url] = carrying
    first, second = get(url).text, get(url).text
    assert not set(with_sessions(first)) & set(with_sessions(second))
    assert re.fullmatch(r"[0-9a-f]{32}", with_sessions(first)[0])
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    assert re.fullmatch(r"/category/[\w-]+;jsessionid=[0-9A-F]{32}\?page=2", following[1])
    page = get(museum.url + following[1])
    assert page.status == 200
    assert get(museum.url + _links(page.text)[0]).status == 200


def test_broken_scripts_are_broken_and_the_others_are_not(catalogue: Catalogue) -> None:
    base = "http://museum.test"
    for work in catalogue.wings[LINKED]:
        broken, whole = [], []
        for text in linkeddata.scripts(work, base):
            try:
                whole.append(json.loads(text))
            except ValueError:
                broken.append(text)
        if work.variant in ("clean", "graph"):
            assert (len(broken), len(whole)) == (0, 1)
        elif work.variant == "neighbour":
            assert len(broken) == 1
            assert whole == [linkeddata.describe(work, base)]
        else:
            assert (len(broken), len(whole)) == (1, 0)
            assert json.dumps(work.title, ensure_ascii=False)[1:-1] in broken[0]


def test_a_graph_refers_to_what_it_holds(catalogue: Catalogue) -> None:
    [work, *_] = [work for work in catalogue.wings[LINKED] if work.variant == "graph"]
    graph = json.loads(linkeddata.scripts(work, "http://museum.test")[0])["@graph"]
    nodes = {node["@id"]: node for node in graph}
    [artwork] = [node for node in graph if node["@type"] == "VisualArtwork"]
    assert nodes[artwork["creator"]["@id"]]["name"] == work.artist.name
    assert [nodes[image["@id"]]["caption"] for image in artwork["image"]] == [
        image.caption for image in work.images
    ]


def test_linked_data_is_all_that_the_wing_says(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    page = get(museum.url + "/linked").text
    assert _links(page) == []
    [listing] = extruct.extract(page, syntaxes=["json-ld"])["json-ld"]
    urls = [entry["url"] for entry in listing["itemListElement"]]
    assert urls == [museum.url + path for path in _paths(catalogue, LINKED)[:5]]
    for work in catalogue.wings[LINKED]:
        html = get(f"{museum.url}/work/{work.id}").text
        visible = re.sub(r"<script.*?</script>", "", html, flags=re.S)
        for fact in (work.medium, work.accession_number, work.credit_line, work.dimensions_text):
            assert fact not in unescape(visible)
        assert 'class="title"' not in visible


def test_social_pages_speak_open_graph(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    for work in catalogue.wings[SOCIAL]:
        html = get(f"{museum.url}/work/{work.id}").text
        [found] = extruct.extract(html, syntaxes=["opengraph"])["opengraph"]
        said: dict[str, list[str]] = {}
        for name, value in found["properties"]:
            said.setdefault(name, []).append(value)
        assert said["og:title"] == [work.title]
        assert said["og:description"] == [work.description]
        assert said["article:author"] == [work.artist.name]
        assert said["og:image"] == [f"{museum.url}/image/{image.name}" for image in work.images]
        assert work.date_text not in re.sub(r"<head>.*</head>", "", html, flags=re.S)


def test_microdata_says_what_linked_data_would(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    for work in catalogue.wings[MICRODATA]:
        html = get(f"{museum.url}/work/{work.id}").text
        [item] = extruct.extract(html, base_url=museum.url, syntaxes=["microdata"])["microdata"]
        assert item["type"] == "https://schema.org/VisualArtwork"
        said = item["properties"]
        expected = linkeddata.describe(work, museum.url)
        for name in ("name", "dateCreated", "artMedium", "size", "creditText", "description"):
            assert said[name] == expected[name]
        assert said["identifier"] == work.accession_number
        person = said["creator"]["properties"]
        for name in ("name", "birthDate", "deathDate"):
            assert person.get(name) == expected["creator"].get(name)
        assert 'class="title"' not in html


def _figures(html: str) -> list[str]:
    return re.findall(r'<figure class="image">(.*?)</figure>', html, re.S)


def test_responsive_pages_offer_the_original_last(
    museum: MuseumServer, get: Get, catalogue: Catalogue, truth: dict[str, Any]
) -> None:
    works = catalogue.wings[RESPONSIVE]
    assert {work.variant for work in works} == {"srcset", "picture", "lazy", "background", "lost"}
    shown = {work["id"]: work["says"]["images"] for work in truth["works"]}
    for work in works:
        figures = _figures(get(f"{museum.url}/work/{work.id}").text)
        assert len(figures) == len(work.images)
        for figure, image, said in zip(figures, work.images, shown[work.id], strict=True):
            path = said["url"].removeprefix(museum.url)
            if work.variant in ("lazy", "background"):
                assert path == f"/image/{image.name}"
                assert f'data-src="{path}"' in figure or f"url('{path}')" in figure
                continue
            entries = re.findall(r"(/picture/\S+) (\d+)w", figure)
            assert (path, str(image.width_px)) in entries
            largest = max(entries, key=lambda entry: int(entry[1]))[0]
            assert (largest != path) == (work.variant == "lost")


def test_renditions_are_the_same_picture(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    work: Work = catalogue.wings[RESPONSIVE][0]
    image = work.images[0]
    small = get(f"{museum.url}/picture/w_320,c_limit/{image.name}")
    assert (small.status, small.headers["Content-Type"]) == (200, "image/jpeg")
    assert small.body == get(f"{museum.url}/picture/w_320,c_limit/{image.name}").body
    full = get(f"{museum.url}/picture/w_{image.width_px},c_limit/{image.name}").body
    assert hashlib.sha256(full).hexdigest() == ImageCache(museum.cache).digest(work)
    for spec in ("w_9600,c_scale", "w_321,c_limit", "w_320", "w_0,c_limit"):
        assert get(f"{museum.url}/picture/{spec}/{image.name}").status == 404
