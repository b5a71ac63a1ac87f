"""The museum for programs: the JSON API, and IIIF against what its specifications require."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from PIL import Image

from demo import iiif
from demo.catalogue import Catalogue, Work
from demo.iiif import Refusal, Service, Size, fitted, service_of
from demo.images import ImageCache
from demo.server import MuseumServer
from demo.wings import DATABASE, IIIF

Get = Callable[..., Any]
TALL = Size(900, 1200)


def _by_variant(catalogue: Catalogue, variant: str) -> Work:
    return next(work for work in catalogue.wings[IIIF] if work.variant == variant)


def test_the_database_is_paged_by_number(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    found: list[str] = []
    last = get(museum.url + "/data/v1/works").json()["pagination"]["total_pages"]
    assert last > 1
    for number in range(1, last + 1):
        page = get(f"{museum.url}/data/v1/works?page={number}")
        assert page.headers["Content-Type"] == "application/json"
        assert page.json()["pagination"]["current_page"] == number
        assert "href" not in page.text
        found += [entry["id"] for entry in page.json()["data"]]
    assert found == [work.id for work in catalogue.wings[DATABASE]]
    for wrong in (0, last + 1, "x", "9" * 5000):
        answer = get(f"{museum.url}/data/v1/works?page={wrong}")
        assert answer.status == 404
        assert answer.json()["error"].startswith("there is no page")


def test_a_record_says_everything_and_its_description_is_html(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    for work in catalogue.wings[DATABASE]:
        record = get(f"{museum.url}/data/v1/works/{work.id}").json()["data"]
        assert record["object"]["title"] == work.title
        assert record["object"]["accession"]["number"] == work.accession_number
        assert record["makers"][0]["person"]["life"] == work.artist.life
        description = record["texts"]["description"]
        assert description.startswith("<p>")
        assert unescape(re.sub(r"<[^>]+>", "", description).replace("\n", " ")) == work.description
        assert [media["path"] for media in record["media"]] == [
            f"/image/{image.name}" for image in work.images
        ]
    usual = next(work for work in catalogue.works if work.layout == "label")
    assert get(f"{museum.url}/data/v1/works/{usual.id}").status == 404


def test_the_collection_leads_to_every_manifest(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    top = get(museum.url + iiif.COLLECTION).json()
    assert top["type"] == "Collection"
    manifests = [item["id"] for item in top["items"] if item["type"] == "Manifest"]
    assert manifests
    parts = [get(item["id"]).json() for item in top["items"] if item["type"] == "Collection"]
    assert [part.get("type") or part["@type"] for part in parts] == ["Collection", "sc:Collection"]
    for part in parts:
        manifests += [item["id"] for item in part.get("items", [])]
        manifests += [item["@id"] for item in part.get("manifests", [])]
    expected = [f"{museum.url}/iiif/{work.id}/manifest.json" for work in catalogue.wings[IIIF]]
    assert sorted(manifests) == expected


def test_manifests_have_what_presentation_requires(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    for work in catalogue.wings[IIIF]:
        address = f"{museum.url}/iiif/{work.id}/manifest.json"
        answer = get(address)
        manifest = answer.json()
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert next(iter(manifest)) == "@context"
        if work.variant.startswith("2"):
            assert (manifest["@id"], manifest["@type"]) == (address, "sc:Manifest")
            assert manifest["label"] == work.title
            canvases = manifest["sequences"][0]["canvases"]
            bodies = [canvas["images"][0]["resource"] for canvas in canvases]
            images = [body["@id"] for body in bodies]
            services = [body["service"]["@id"] for body in bodies]
        else:
            assert (manifest["id"], manifest["type"]) == (address, "Manifest")
            assert manifest["label"] == {"none": [work.title]}
            assert "presentation/3" in answer.headers["Content-Type"]
            canvases = manifest["items"]
            bodies = [canvas["items"][0]["items"][0]["body"] for canvas in canvases]
            images = [body["id"] for body in bodies]
            services = [body["service"][0]["id"] for body in bodies]
        assert all(canvas["height"] and canvas["width"] for canvas in canvases)
        assert len(canvases) == len(work.images)
        for image, service, body in zip(images, services, bodies, strict=True):
            picture = get(image)
            assert (picture.status, picture.headers["Content-Type"]) == (200, body["format"])
            with Image.open(io.BytesIO(picture.body)) as opened:
                assert opened.size == (body["width"], body["height"])
            assert get(f"{service}/info.json").status == 200


def test_the_page_for_people_leads_to_the_manifest(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    for wing in (IIIF, DATABASE):
        work = catalogue.wings[wing][0]
        html = get(f"{museum.url}/work/{work.id}").text
        [href] = re.findall(r'<p class="record"><a href="([^"]+)"', html)
        assert get(museum.url + href).status == 200


def test_info_has_what_the_image_api_requires(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    for work in catalogue.wings[IIIF]:
        for image in work.images:
            service = museum.url + service_of(work, image).path
            answer = get(f"{service}/info.json")
            info = answer.json()
            version = work.variant[0]
            assert info["@context"] == f"http://iiif.io/api/image/{version}/context.json"
            assert info["protocol"] == "http://iiif.io/api/image"
            assert (info["width"], info["height"]) == (image.width_px, image.height_px)
            if version == "3":
                assert (info["id"], info["type"], info["profile"]) == (
                    service,
                    "ImageService3",
                    "level0",
                )
                limits = info
                assert answer.headers["Content-Type"].startswith("application/ld+json")
            else:
                assert info["@id"] == service
                compliance, limits = info["profile"]
                assert compliance == "http://iiif.io/api/image/2/level0.json"
            assert limits.get("maxWidth") == (640 if " " in work.variant else None)
            # What a service of level 0 gives are the sizes that it names.
            for size in info["sizes"]:
                asked = f"{service}/full/{size['width']},{size['height']}/0/default.jpg"
                picture = get(asked)
                assert picture.status == 200
                with Image.open(io.BytesIO(picture.body)) as opened:
                    assert opened.size == (size["width"], size["height"])
            # urllib follows the redirection from the bare address.
            assert get(service).json() == info


def test_most_services_give_the_original(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    cache = ImageCache(museum.cache)
    for work in catalogue.wings[IIIF]:
        if " " in work.variant:
            continue
        for image in work.images:
            service = museum.url + service_of(work, image).path
            words = ("full", "max") if work.variant == "2" else ("max",)
            for size in (*words, f"{image.width_px},", "!9000,9000"):
                answer = get(f"{service}/full/{size}/0/default.jpg")
                assert hashlib.sha256(answer.body).hexdigest() == cache.digest(work, image.index)
                assert answer.headers["Content-Type"] == iiif.FORMATS[image.format]


@pytest.mark.parametrize("variant", ["3 refused", "2 refused", "3 bounded"])
def test_a_few_services_give_no_full_size(
    museum: MuseumServer, get: Get, catalogue: Catalogue, variant: str
) -> None:
    work = _by_variant(catalogue, variant)
    service = service_of(work, work.images[0])
    base = f"{museum.url}{service.path}/full"
    size = service.largest
    assert max(size) == 640
    expected = ImageCache(museum.cache).digest(work, 0, size)
    for asked in (f"{size.width},", f"{size.width},{size.height}", "!640,640"):
        answer = get(f"{base}/{asked}/0/default.jpg")
        assert hashlib.sha256(answer.body).hexdigest() == expected
        assert answer.headers["Content-Type"] == "image/jpeg"
    whole = get(f"{base}/max/0/default.jpg")
    if variant == "3 bounded":
        assert hashlib.sha256(whole.body).hexdigest() == expected
    else:
        assert whole.status == 403
    too_large = get(f"{base}/700,/0/default.jpg")
    assert too_large.status == (400 if variant == "3 bounded" else 403)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("square/max/0/default.jpg", 501),
        ("0,0,10,10/max/0/default.jpg", 501),
        ("pct:0,0,50,50/max/0/default.jpg", 501),
        ("everything/max/0/default.jpg", 400),
        ("full/full/0/default.jpg", 400),
        ("full/^max/0/default.jpg", 501),
        ("full/pct:50/0/default.jpg", 501),
        ("full/902,/0/default.jpg", 400),
        ("full/,/0/default.jpg", 400),
        ("full/0,/0/default.jpg", 400),
        ("full/!300,/0/default.jpg", 400),
        ("full/300,300/0/default.jpg", 501),
        ("full/large/0/default.jpg", 400),
        ("full/max/90/default.jpg", 501),
        ("full/max/!0/default.jpg", 501),
        ("full/max/361/default.jpg", 400),
        ("full/max/x/default.jpg", 400),
        ("full/max/0/gray.jpg", 501),
        ("full/max/0/default.png", 501),
        ("full/max/0/native.jpg", 400),
        ("full/max/0/default.exe", 400),
        ("full/max/0/default", 400),
    ],
)
def test_what_is_wrong_or_not_supported(asked: str, status: int) -> None:
    service = Service("w1.png", "3", TALL)
    with pytest.raises(Refusal) as refusal:
        service.requested(*asked.split("/"))
    assert refusal.value.status == status


def test_version_2_has_words_of_its_own() -> None:
    service = Service("w1.png", "2", TALL)
    for size in ("full", "max", "900,", ",1200", "900,1200", "!900,1200"):
        assert service.requested("full", size, "0", "default.jpg") == TALL
    with pytest.raises(Refusal) as larger:
        service.requested("full", "1000,", "0", "default.jpg")
    assert larger.value.status == 501
    with pytest.raises(Refusal) as newer:
        service.requested("full", "^max", "0", "default.jpg")
    assert newer.value.status == 400


@pytest.mark.parametrize(
    "full", [Size(900, 1200), Size(1733, 641), Size(641, 1733), Size(640, 640)]
)
def test_sizes_that_differ_by_rounding_are_the_same_pixels(full: Size) -> None:
    service = Service("w1.png", "3", full, "refused")
    largest = service.largest
    for wide in (-1, 0, 1):
        asked = f"{largest.width + wide},{largest.height - wide}"
        assert service.requested("full", asked, "0", "default.jpg") == largest
    for asked in (f"{largest.width},", f",{largest.height}", "!640,640"):
        assert service.requested("full", asked, "0", "default.jpg") == largest


def test_fitting_keeps_the_shape_and_never_enlarges() -> None:
    assert fitted(TALL, 640, 640) == (480, 640)
    assert fitted(TALL, 9000, 9000) == TALL
    assert fitted(Size(3, 1000), 10, 10) == (1, 10)


def test_unknown_things_are_404_in_json(
    museum: MuseumServer, get: Get, catalogue: Catalogue
) -> None:
    usual = next(work for work in catalogue.works if work.layout == "label")
    work = _by_variant(catalogue, "3")
    for path in (
        f"/iiif/{usual.id}/manifest.json",
        "/iiif/collection/9.json",
        f"/iiif/image/3/{usual.images[0].name}/info.json",
        f"/iiif/image/2/{work.images[0].name}/info.json",
        f"/iiif/image/2/{work.images[0].name}",
        f"/iiif/image/2/{work.images[0].name}/full/max/0/default.jpg",
        "/data/v1/works/w0000",
    ):
        answer = get(museum.url + path)
        assert answer.status == 404
        assert answer.json()["error"]
