from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction.iiif import (
    DOCUMENT_PATHS,
    IMAGE_PATHS,
    MAX_IMAGES,
    Presentation,
    is_path,
    read_presentation,
)

FIXTURES = Path(__file__).parents[1] / "fixtures"


def recorded(name: str) -> Presentation:
    return read(json.loads((FIXTURES / name / "page.json").read_text("utf-8")))


def read(data: object) -> Presentation:
    found = read_presentation(data)
    assert found is not None
    return found


def manifest(**fields: Any) -> Presentation:
    return read({"type": "Manifest", **fields})


GALLERY = "https://iiif.gallery.example"
LIBRARY = "http://library.example"


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("id", [f"{GALLERY}/object/1903.12/manifest"]),
        ("label", ["Low Tide at Pourville"]),
        ("summary", ["The beach at Pourville, seen from the cliffs & the church."]),
        ("attribution", ["Gift of Mrs Henry White, 1903"]),
        ("provider", ["Gallery of the Example"]),
        ("rights", ["http://creativecommons.org/publicdomain/zero/1.0/"]),
        ("homepage", ["https://gallery.example/object/1903.12"]),
        ("metadata.Artist", ["Claude Monet (French, 1840–1926)"]),
        ("metadata.künstler", ["Claude Monet (French, 1840–1926)"]),
        ("metadata.Maker|Artist|Date", ["Claude Monet (French, 1840–1926)"]),
        ("metadata.Date", ["c. 1882"]),
        ("metadata.Subjects", ["sea", "cliffs"]),
        ("metadata.Weight", []),
        ("manifests", []),
        ("service", []),
        ("nothing", []),
    ],
)
def test_a_manifest_of_version_3(path: str, values: list[str]) -> None:
    assert recorded("iiif_manifest_3").value(path) == values


def test_images_of_version_3() -> None:
    found = recorded("iiif_manifest_3")
    assert [
        {path: found.value(path, node) for path in IMAGE_PATHS} for node in found.value("images")
    ] == [
        {
            "service": [f"{GALLERY}/image/1903.12-a"],
            "url": [f"{GALLERY}/image/1903.12-a/full/843,622/0/default.jpg"],
            "label": ["Front"],
            "rights": [],
        },
        {
            "service": [],
            "url": ["https://static.gallery.example/1903.12-xray.png"],
            "label": ["X-radiograph"],
            "rights": ["http://creativecommons.org/licenses/by/4.0/"],
        },
    ]
    assert [image.version for image in found.images] == ["3", None]


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("id", [f"{LIBRARY}/iiif/ms-7/manifest.json"]),
        ("label", ["View of the Harbour"]),
        ("summary", ["An etching, first state."]),
        ("attribution", ["Provided by the Example Library"]),
        ("provider", []),
        ("rights", ["https://creativecommons.org/licenses/by-nc/4.0/"]),
        ("homepage", [f"{LIBRARY}/ms-7"]),
        ("metadata.Artist|maker", ["Meryon, Charles (1821-1868)"]),
        ("metadata.Auteur", ["Meryon, Charles (1821-1868)"]),
        ("metadata.Date", ["1854"]),
        ("metadata.Technique", ["etching"]),
        ("metadata.Subject", ["harbours", "ships"]),
        ("metadata.Broken", []),
    ],
)
def test_a_manifest_of_version_2(path: str, values: list[str]) -> None:
    assert recorded("iiif_manifest_2").value(path) == values


def test_images_of_version_2() -> None:
    found = recorded("iiif_manifest_2")
    images = "http://images.library.example"
    assert [
        {path: found.value(path, node) for path in IMAGE_PATHS} for node in found.value("images")
    ] == [
        {
            "service": [f"{images}/iiif/ms-7%2F1"],
            "url": [f"{images}/iiif/ms-7%2F1/full/full/0/default.jpg"],
            "label": ["Recto"],
            "rights": [],
        },
        {
            "service": [f"{images}/old/ms-7-2"],
            "url": [f"{images}/old/ms-7-2/full/full/0/native.jpg"],
            "label": ["Verso"],
            "rights": ["https://creativecommons.org/publicdomain/mark/1.0/"],
        },
    ]
    assert [image.version for image in found.images] == ["2", "1.1"]


def test_a_collection_of_version_3_holds_what_is_given_in_full() -> None:
    found = recorded("iiif_collection_3")
    assert found.value("label") == ["The collection"]
    assert found.value("manifests") == [
        f"{GALLERY}/object/{number}/manifest" for number in ("1903.12", "1904.1", "1905.4")
    ]
    assert found.value("collections") == [f"{GALLERY}/collection/prints"]
    assert found.value("images") == found.value("next") == []


def test_a_collection_of_version_2_goes_on_with_its_next_part() -> None:
    found = recorded("iiif_collection_2")
    assert found.value("manifests") == [
        f"{LIBRARY}/iiif/map-{number}/manifest.json" for number in (3, 4, 5)
    ]
    following = f"{LIBRARY}/iiif/collection/maps?page=3"
    assert found.value("next") == [following]
    assert found.value("collections") == [
        f"{LIBRARY}/iiif/collection/atlases",
        f"{LIBRARY}/iiif/collection/globes",
        following,
    ]


def test_a_collection_in_parts_begins_with_the_first() -> None:
    head = {"@type": "sc:Collection", "total": 9, "first": "http://x/1", "last": "http://x/3"}
    assert read(head).value("collections") == read(head).value("next") == ["http://x/1"]
    assert read(head | {"manifests": ["http://x/m"]}).value("next") == []


@pytest.mark.parametrize(
    ("written", "texts"),
    [
        ("plain", ["plain"]),
        ({"en": ["one", "two"], "fr": ["un"]}, ["one", "two"]),
        ({"fr": ["un"], "en-GB": ["one"]}, ["one"]),
        ({"fr": ["un"], "none": ["I"]}, ["I"]),
        ({"fr": ["un"], "de": ["eins"]}, ["un"]),
        ({"fr": [""], "de": ["eins"]}, ["eins"]),
        ({"en": "not in a list"}, ["not in a list"]),
        (["one", "two"], ["one", "two"]),
        ([{"@value": "un", "@language": "fr"}, {"@value": "one", "@language": "en"}], ["one"]),
        ([{"@value": "un", "@language": "fr"}, "I"], ["I"]),
        ({"@value": ["un", "deux"], "@language": "fr"}, ["un", "deux"]),
        ({"@id": "http://x", "label": "named"}, ["named"]),
        (1890, ["1890"]),
        (True, []),
        (None, []),
        ({"en": None, "fr": {}}, []),
    ],
)
def test_texts_come_in_one_language(written: object, texts: list[str]) -> None:
    assert manifest(label=written).value("label") == texts


def test_markup_is_taken_out_of_texts() -> None:
    found = manifest(
        label="Jan<sup>s</sup>sen &amp; Co",
        metadata=[{"label": "<b>Note:</b>", "value": "<p>one</p><p>two</p>"}],
    )
    assert found.value("label") == ["Janssen & Co"]
    assert found.value("metadata.note") == ["one two"]


def painted(*bodies: object, **canvas: Any) -> Presentation:
    notes = [{"type": "Annotation", "body": body} for body in bodies]
    return manifest(items=[{"type": "Canvas", "items": [{"items": notes}], **canvas}])


@pytest.mark.parametrize(
    ("service", "base"),
    [
        ({"id": "http://x/i", "type": "ImageService3"}, "http://x/i"),
        ({"@id": "http://x/i/info.json", "profile": "level1"}, "http://x/i"),
        ({"id": "http://x/i"}, "http://x/i"),
        ([{"id": "http://x/a", "type": "AuthCookieService1"}, {"id": "http://x/i"}], "http://x/i"),
        ({"@id": "http://x/s", "profile": "http://iiif.io/api/search/1/search"}, None),
        ({"id": "i", "type": "ImageService3"}, None),
        ("http://x/i", None),
        ([], None),
    ],
)
def test_which_service_is_one_of_images(service: object, base: str | None) -> None:
    [image] = painted({"id": "http://x/i.jpg", "type": "Image", "service": service}).images
    assert image.service == base
    assert image.url == "http://x/i.jpg"


def test_an_image_may_be_part_of_another_or_one_of_several() -> None:
    inner = {"id": "http://x/i.jpg", "type": "Image"}
    part = {"type": "SpecificResource", "source": inner}
    choice = {"type": "Choice", "items": [part, {"id": "http://x/other.jpg", "type": "Image"}]}
    assert [image.url for image in painted([choice], inner).images] == ["http://x/i.jpg"]


def test_choices_without_end_are_given_up() -> None:
    endless: dict[str, Any] = {"type": "Choice"}
    endless["items"] = [endless]
    assert painted(endless, {"type": "Choice"}).images == ()


def test_collections_without_end_are_given_up() -> None:
    endless: dict[str, Any] = {"type": "Collection", "id": "http://x/c"}
    endless["items"] = [endless]
    assert read(endless).value("collections") == ["http://x/c"]


def test_images_are_bounded() -> None:
    bodies = [{"id": f"http://x/{number}.jpg", "type": "Image"} for number in range(MAX_IMAGES + 9)]
    assert len(painted(*bodies).images) == MAX_IMAGES


@pytest.mark.parametrize(
    "data", [None, [], "x", {}, {"type": "Range"}, {"@type": "sc:Canvas"}, {"type": {"a": 1}}]
)
def test_what_is_neither_is_none(data: object) -> None:
    assert read_presentation(data) is None


def test_known_paths() -> None:
    assert all(map(is_path, (*DOCUMENT_PATHS, *IMAGE_PATHS, "metadata.Artist|Maker")))
    assert not any(map(is_path, ("", "metadata", "metadata.", "metadata.a||b", "titel")))


KEYS = st.sampled_from(
    [
        "id",
        "@id",
        "type",
        "@type",
        "label",
        "value",
        "metadata",
        "items",
        "sequences",
        "canvases",
        "images",
        "resource",
        "body",
        "service",
        "summary",
        "rights",
        "license",
        "related",
        "homepage",
        "provider",
        "requiredStatement",
        "manifests",
        "members",
        "collections",
        "next",
        "first",
        "@value",
        "@language",
        "en",
        "none",
        "motivation",
        "format",
        "default",
        "item",
        "source",
    ]
)
KINDS = st.sampled_from(["Manifest", "sc:Collection", "Canvas", "Choice", "oa:Choice", "Image"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | KINDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)


@given(st.sampled_from(["Manifest", "Collection"]), st.dictionaries(KEYS, json_values))
def test_whatever_is_written_nothing_is_raised(kind: str, data: dict[str, Any]) -> None:
    found = read(data | {"type": kind})
    for path in (*DOCUMENT_PATHS, "metadata.a"):
        for value in found.value(path):
            assert isinstance(value, str) or path == "images"
    for node in found.value("images"):
        assert found.value("service", node) or found.value("url", node)
