from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction.image_service import (
    ImageInfo,
    bounded_urls,
    info_url,
    known_version,
    largest_url,
    largest_urls,
    read_info,
    service_address,
)

SERVICE = "https://images.example/iiif/painting%2F7"


@pytest.mark.parametrize(
    "written",
    [
        SERVICE,
        f"{SERVICE}/",
        f" {SERVICE}/info.json ",
        f"{SERVICE}/info.json#x",
        f"{SERVICE}/full/843,/0/default.jpg",
        f"{SERVICE}/full/!400,400/0/default.jpg?download=1",
        f"{SERVICE}/full/%21400%2C400/0/default.jpg",
        f"{SERVICE}/pct:0,0,50,50/^max/!90.5/gray.png",
        f"{SERVICE}/full/full/0/native",
    ],
)
def test_a_service_is_known_by_its_base_its_info_and_its_images(written: str) -> None:
    assert service_address(written) == SERVICE


def test_a_service_may_be_a_query() -> None:
    base = "http://old.example/fcgi-bin/iipsrv.fcgi?IIIF=/scans/7.tif"
    assert service_address(f"{base}/full/full/0/native.jpg") == base
    assert service_address(f"{base}/info.json") == base


@pytest.mark.parametrize(
    "written",
    [
        "",
        "7",
        "/iiif/7",
        "ftp://x/7",
        "http://x",
        "http://x/info.json",
        "http://x/full/max/0/default.jpg",
    ],
)
def test_what_cannot_be_a_service_is_none(written: str) -> None:
    assert service_address(written) is None


@pytest.mark.parametrize(
    ("version", "size"),
    [
        ("3", "full/max/0/default.jpg"),
        ("2.1", "full/max/0/default.jpg"),
        ("2", "full/max/0/default.jpg"),
        (None, "full/max/0/default.jpg"),
        ("2.0", "full/full/0/default.jpg"),
        ("1.1", "full/full/0/native.jpg"),
        ("1", "full/full/0/native.jpg"),
    ],
)
def test_versions_name_the_largest_image_differently(version: str | None, size: str) -> None:
    assert largest_url(SERVICE, version) == f"{SERVICE}/{size}"


def test_where_the_version_is_not_known_both_names_are_given() -> None:
    both = (f"{SERVICE}/full/max/0/default.jpg", f"{SERVICE}/full/full/0/default.jpg")
    assert largest_urls(SERVICE) == largest_urls(SERVICE, "2") == both
    assert largest_urls(SERVICE, "3") == both[:1]


def test_a_bounded_image_fits_into_a_square() -> None:
    assert largest_url(SERVICE, "3", 2000) == f"{SERVICE}/full/!2000,2000/0/default.jpg"
    assert largest_url(SERVICE, "1.1", 99) == f"{SERVICE}/full/!99,99/0/native.jpg"


INFO_3 = {
    "@context": ["http://example.org/extension.json", "http://iiif.io/api/image/3/context.json"],
    "id": SERVICE,
    "type": "ImageService3",
    "protocol": "http://iiif.io/api/image",
    "profile": "level1",
    "width": 6000,
    "height": 4000,
    "maxHeight": 1000,
    "maxWidth": 2000,
    "maxArea": 4_000_000,
    "sizes": [{"width": 150, "height": 100}, {"width": 1500, "height": 1000}],
    "tiles": [{"width": 512, "scaleFactors": [1, 2, 4]}],
    "extraFormats": ["png"],
    "preferredFormats": ["webp"],
    "extraQualities": ["gray"],
    "extraFeatures": ["sizeByConfinedWh"],
}
INFO_2 = {
    "@context": "http://iiif.io/api/image/2/context.json",
    "@id": SERVICE,
    "width": 6000,
    "height": 4000,
    "profile": [
        "http://iiif.io/api/image/2/level2.json",
        {
            "formats": ["png"],
            "qualities": ["gray"],
            "maxWidth": 3000,
            "supports": ["canonicalLink"],
        },
    ],
}
INFO_1 = {
    "@context": "http://library.stanford.edu/iiif/image-api/1.1/context.json",
    "@id": SERVICE,
    "width": 600,
    "height": 400,
    "profile": "http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level1",
}


def info(data: dict[str, Any]) -> ImageInfo:
    found = read_info(data)
    assert found is not None
    return found


def sizes(urls: list[str]) -> list[str]:
    assert all(url.startswith(f"{SERVICE}/full/") for url in urls)
    return [url.removeprefix(f"{SERVICE}/full/").split("/")[0] for url in urls]


def test_version_3_says_it_at_the_top() -> None:
    assert info(INFO_3) == ImageInfo(
        version="3",
        width=6000,
        height=4000,
        sizes=((1500, 1000), (150, 100)),
        max_width=2000,
        max_height=1000,
        max_area=4_000_000,
        level=1,
        features=("sizeByConfinedWh",),
        qualities=("gray",),
        formats=("png", "webp"),
    )


def test_version_2_says_it_in_its_profile() -> None:
    found = info(INFO_2)
    assert (found.version, found.level) == ("2.1", 2)
    assert (found.max_width, found.max_height, found.max_area) == (3000, 3000, None)
    assert (found.formats, found.qualities) == (("png",), ("gray",))
    assert info(INFO_2 | {"profile": INFO_2["profile"][:1]}).version == "2"  # type: ignore[index]


def test_version_1_has_no_limits() -> None:
    found = info(INFO_1)
    assert (found.version, found.level, found.max_width) == ("1.1", 1, None)


@pytest.mark.parametrize(
    ("service", "version"),
    [
        ({"type": "ImageService3"}, "3"),
        ({"@type": "ImageService2"}, "2"),
        ({"profile": "http://iiif.io/api/image/2/level1.json"}, "2"),
        ({"profile": ["http://iiif.io/api/image/2/level1.json", {}]}, "2"),
        ({"profile": "http://library.stanford.edu/iiif/image-api/compliance.html#level0"}, "1.0"),
        ({"profile": "http://iiif.io/api/auth/1/login"}, None),
        ({"@context": "http://iiif.io/api/presentation/2/context.json"}, None),
        ({"type": 3, "profile": {}}, None),
    ],
)
def test_what_names_the_version(service: dict[str, Any], version: str | None) -> None:
    assert known_version(service) == version


def test_sizes_come_largest_first_and_in_the_canonical_form_of_the_version() -> None:
    assert sizes(bounded_urls(info(INFO_3), SERVICE)) == [
        "1500,1000",
        "750,500",
        "375,250",
        "150,100",
    ]
    assert sizes(bounded_urls(info(INFO_2), SERVICE))[:2] == ["3000,", "1500,"]
    assert bounded_urls(info(INFO_1), SERVICE)[0] == f"{SERVICE}/full/600,/0/native.jpg"


def test_our_own_limits_hold_too() -> None:
    found = info(INFO_2)
    assert sizes(bounded_urls(found, SERVICE, max_side=900))[0] == "900,"
    assert sizes(bounded_urls(found, SERVICE, max_pixels=600_000))[0] == "948,"
    upright = info(INFO_3 | {"width": 4000, "height": 6000})
    assert sizes(bounded_urls(upright, SERVICE, max_side=900))[0] == "600,900"


def test_a_service_of_level_0_gives_what_it_has_ready() -> None:
    ready = info(INFO_3 | {"profile": "level0", "extraFeatures": []})
    assert sizes(bounded_urls(ready, SERVICE)) == ["1500,1000", "150,100"]
    assert sizes(bounded_urls(ready, SERVICE, max_side=200)) == ["150,100"]
    assert bounded_urls(ready, SERVICE, max_side=100) == []
    scaling = info(INFO_3 | {"profile": "level0", "extraFeatures": ["sizeByWh"], "maxHeight": 900})
    assert sizes(bounded_urls(scaling, SERVICE))[0] == "1350,900"


def test_a_service_of_level_0_without_sizes_gives_the_whole() -> None:
    bare = {"@context": INFO_3["@context"], "profile": "level0", "width": 600, "height": 400}
    assert sizes(bounded_urls(info(bare), SERVICE)) == ["max"]
    assert bounded_urls(info(bare), SERVICE, max_side=100) == []
    assert sizes(bounded_urls(info(INFO_1 | {"profile": "x#level0"}), SERVICE)) == ["full"]


def test_where_information_is() -> None:
    assert info_url(SERVICE) == f"{SERVICE}/info.json"


@pytest.mark.parametrize("data", [None, [], "x", 3, {}, {"width": "wide", "height": -1}])
def test_what_is_no_information_is_none(data: object) -> None:
    assert read_info(data) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
keys = ("@context", "type", "profile", "width", "height", "sizes", "maxWidth", "extraFeatures")


@given(st.dictionaries(st.sampled_from(keys), json_values))
def test_whatever_a_service_says_nothing_is_raised(data: dict[str, Any]) -> None:
    if (found := read_info(data)) is not None:
        bounded_urls(found, SERVICE, max_side=1000)


sides = st.integers(1, 100_000)


@given(
    width=sides,
    height=sides,
    max_width=st.none() | sides,
    max_area=st.none() | st.integers(1, 10**10),
    max_side=st.none() | sides,
    max_pixels=st.none() | st.integers(1, 10**9),
    listed=st.lists(st.tuples(sides, sides), max_size=5),
    level=st.sampled_from([0, 1, 2, None]),
)
def test_no_limit_is_exceeded_and_sizes_only_fall(
    width: int,
    height: int,
    max_width: int | None,
    max_area: int | None,
    max_side: int | None,
    max_pixels: int | None,
    listed: list[tuple[int, int]],
    level: int | None,
) -> None:
    known = ImageInfo(
        "3", width, height, tuple(listed), max_width, max_width, max_area, level=level
    )
    urls = bounded_urls(known, SERVICE, max_side=max_side, max_pixels=max_pixels)
    given_sizes = [tuple(map(int, size.split(","))) for size in sizes(urls) if size != "max"]
    areas = [one * other for one, other in given_sizes]
    assert areas == sorted(areas, reverse=True)
    sides_allowed = [limit for limit in (max_width, max_side) if limit is not None]
    areas_allowed = [limit for limit in (max_area, max_pixels) if limit is not None]
    for size, area in zip(given_sizes, areas, strict=True):
        assert max(size) <= min(sides_allowed, default=max(size))
        assert area <= min(areas_allowed, default=area)


@given(st.text())
def test_any_text_is_an_address_or_none(text: str) -> None:
    base = service_address(f"http://x/{text}")
    assert base is None or (base.startswith("http://x/") and not base.endswith("/info.json"))
    assert unquote(largest_url(SERVICE)).startswith("https://")
